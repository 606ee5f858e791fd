"""The guide's "Logging": a handler of the user's own receives the log lines."""

from __future__ import annotations

import asyncio
import io
import logging
import re

import pytest

from retry_guide.support import run
from undaunted import StorageConnectionError, with_retry
from undaunted.testing import FaultyStorage

BLOCK = """\
import logging

logger = logging.getLogger("undaunted.retry")
logger.setLevel(logging.INFO)

# Add your handler
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter("%(asctime)s - %(message)s"))
logger.addHandler(handler)
"""


def test_the_handler_gets_the_lines(waits: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    names = run(BLOCK)
    logger, handler = names["logger"], names["handler"]
    written = io.StringIO()
    handler.setStream(written)
    storage = FaultyStorage([StorageConnectionError("reset by peer")])
    try:
        asyncio.run(with_retry(lambda: storage.put("a", b"data"), name="upload"))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert re.fullmatch(
        rf".* - Retry attempt 1/3 for upload after {waits[0]:.2f}s: reset by peer\n",
        written.getvalue(),
    )

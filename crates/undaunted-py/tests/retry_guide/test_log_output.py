"""The guide's "Logging": the log lines that the guide shows."""

from __future__ import annotations

import asyncio
import re

import pytest

from retry_guide.support import run
from undaunted import retry
from undaunted.testing import FaultyStorage

BLOCK = """\
import logging

# Enable logging to see retry activity
logging.basicConfig(level=logging.WARNING)

# Example log output:
# WARNING:undaunted.retry:Retry attempt 1/3 for upload_file after 1.23s: Connection timed out
# WARNING:undaunted.retry:Retry attempt 2/3 for upload_file after 2.67s: Connection timed out
# ERROR:undaunted.retry:All 3 retries exhausted for upload_file
"""


def test_the_log_has_the_lines_of_the_guide(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    run(BLOCK)

    @retry()
    async def upload_file(storage: FaultyStorage) -> None:
        await storage.put("a", b"data")

    storage = FaultyStorage([TimeoutError("Connection timed out")] * 4)
    with pytest.raises(TimeoutError):
        asyncio.run(upload_file(storage))
    logged = [
        f"{record.levelname}:{record.name}:{record.getMessage()}" for record in caplog.records
    ]
    promised = re.findall(r"^# ((?:WARNING|ERROR):.*)$", BLOCK, re.MULTILINE)
    assert len(promised) == 3
    # The delays in the guide are examples; here they are the delays that were waited.
    expected = [
        re.sub(r"after \d\.\d\ds", f"after {wait:.2f}s", line)
        for line, wait in zip(promised[:2], waits[:2], strict=True)
    ]
    assert logged == [
        *expected,
        f"WARNING:undaunted.retry:Retry attempt 3/3 for upload_file after {waits[2]:.2f}s: "
        "Connection timed out",
        promised[2],
    ]
    assert caplog.records[-1].exc_info is not None

"""Runs every example of the pages in docs. On the pages for users of another library, both sides of
a pair have to return the same after the same number of calls.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_s3 import FakeS3, Response
from undaunted import compat

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
RUN_ELSEWHERE = {"frameworks.md"}
"""Pages whose examples test_frameworks.py runs."""
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAIR = re.compile(r"<table>(.*?)</table>", re.DOTALL)


def cases(is_pair: bool) -> Iterator[Any]:
    for page in sorted({*PAGES} - RUN_ELSEWHERE):
        text = (DOCS / page).read_text("utf-8")
        found = PAIR.findall(text) if is_pair else BLOCK.findall(PAIR.sub("", text))
        for number, each in enumerate(found):
            yield pytest.param(each, id=f"{page.removesuffix('.md')}-{number + 1}")


EXAMPLES = list(cases(is_pair=False))
PAIRS = list(cases(is_pair=True))


class Client:
    """It fails twice."""

    def __init__(self) -> None:
        self.calls = 0

    def get(self, key: str) -> bytes:
        self.calls += 1
        if self.calls <= 2:
            raise ConnectionResetError("reset")
        return b"data"


class AsyncClient(Client):
    async def get(self, key: str) -> bytes:  # type: ignore[override]
        return super().get(key)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    from undaunted._log import listeners

    yield
    listeners.clear()
    compat.raise_as(None)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits, whoever makes the retries."""
    sleep = asyncio.sleep

    async def no_sleep(delay: float, result: object = None) -> object:
        return await sleep(0, result)

    monkeypatch.setattr(asyncio, "sleep", no_sleep)
    monkeypatch.setattr(time, "sleep", lambda _: None)


def test_there_are_pages_for_every_question() -> None:
    assert len(EXAMPLES) >= 20
    assert len(PAIRS) >= 18
    linked = re.findall(r"\]\((\S+\.md)\)", (DOCS / "README.md").read_text("utf-8"))
    assert sorted([*linked, "README.md"]) == sorted(PAGES)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, s3: FakeS3) -> None:
    s3.objects["a.txt"] = (b"data", {})
    if "url" in example or "endpoint" in example:
        s3.responses.extend([Response(503, "ServiceUnavailable")] * 2)
    names = {"__name__": "example", "url": f"{s3.url}/bucket/a.txt", "endpoint": s3.url}
    logger = logging.getLogger("undaunted.retry")
    handlers, level = [*logger.handlers], logger.level
    try:
        exec(compile(example, "an example of docs", "exec"), names)
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
    assert not s3.responses


@pytest.mark.parametrize("pair", PAIRS)
def test_both_sides_do_the_same(pair: str, short: None) -> None:
    blocks = BLOCK.findall(pair)
    assert len(blocks) == 2
    results = [run(block) for block in blocks]
    assert results[0] == results[1]
    assert results[0][0] == b"data"


def run(block: str) -> tuple[object, int]:
    client, aclient = Client(), AsyncClient()
    names: dict[str, Any] = {"client": client, "aclient": aclient, "__name__": "example"}
    exec(compile(block, "one side of a pair", "exec"), names)
    fetch: Callable[[str], Any] = names["fetch"]
    result = fetch("a.txt")
    if inspect.isawaitable(result):
        result = asyncio.run(_awaited(result))
    return result, client.calls + aclient.calls


async def _awaited(made: Any) -> object:
    return await made


def test_the_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)]+)\)", (DOCS / page).read_text("utf-8")):
            path, _, anchor = link.partition("#")
            text = (DOCS / path).read_text("utf-8")
            headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            names = [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings]
            assert not anchor or anchor in names, link

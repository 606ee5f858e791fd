"""Shared fixtures: waits that are recorded instead of waited, and an S3."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Iterator

import pytest

import undaunted._call
from fake_s3 import FakeS3, serve


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of retried calls, recorded instead of waited."""
    recorded: list[float] = []

    async def sleep(delay: float) -> None:
        recorded.append(delay)
        await asyncio.sleep(0)

    clock = types.SimpleNamespace(sleep=recorded.append)
    monkeypatch.setattr(undaunted._call, "asyncio", types.SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(undaunted._call, "time", clock)
    return recorded


@pytest.fixture
def s3() -> Iterator[FakeS3]:
    """A fake S3 on loopback."""
    with serve() as fake:
        yield fake

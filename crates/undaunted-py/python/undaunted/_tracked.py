"""Data that can be read once, and whether that has begun."""

from __future__ import annotations

from typing import Any


class TrackedStream:
    """A stream that records whether reading has begun."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self._chunks: Any = None
        self._is_async = hasattr(data, "__aiter__")
        self.is_begun = False

    def __aiter__(self) -> TrackedStream:
        return self

    async def __anext__(self) -> bytes:
        self.is_begun = True
        if self._chunks is None:
            self._chunks = aiter(self._data) if self._is_async else iter(self._data)
        if self._is_async:
            chunk: bytes = await anext(self._chunks)
            return chunk
        try:
            chunk = next(self._chunks)
        except StopIteration:
            raise StopAsyncIteration from None
        return chunk


class TrackedFile:
    """A file that records whether reading has begun."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self.is_begun = False

    def __getattr__(self, name: str) -> Any:
        # Whatever is done with a file may read it.
        self.is_begun = True
        return getattr(self._data, name)


def tracked(data: Any) -> TrackedStream | TrackedFile | None:
    """Data that is read once. None for an object that is no data: the storage refuses it."""
    if hasattr(data, "__aiter__") or (hasattr(data, "__iter__") and not hasattr(data, "read")):
        return TrackedStream(data)
    return TrackedFile(data) if hasattr(data, "read") else None

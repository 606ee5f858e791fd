"""The data of a write: bytes in memory or a stream of them, split into parts."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Protocol, TypeAlias, cast


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def read(self, size: int, /) -> bytes: ...


Bytes: TypeAlias = bytes | bytearray | memoryview
"""Bytes that are in memory."""

Source: TypeAlias = Bytes | Iterable[bytes] | Readable
"""Where a blocking storage takes bytes from."""

AsyncSource: TypeAlias = Source | AsyncIterable[bytes]
"""Where an async storage takes bytes from."""


def whole(data: object) -> bytes | bytearray | None:
    """The bytes, if they are in memory. A view is copied: it may not be contiguous."""
    if isinstance(data, (bytes, bytearray)):
        return data
    if isinstance(data, memoryview):
        return data.tobytes()
    if isinstance(data, str):
        raise TypeError("data must be bytes, not str: encode it, as with data.encode()")
    return None


def size_of(data: object) -> int | None:
    """The number of bytes, if the data tells it."""
    if isinstance(data, (bytes, bytearray)):
        return len(data)
    if isinstance(data, memoryview):
        return data.nbytes
    if isinstance(data, io.IOBase) and data.seekable():
        here = data.tell()
        end = data.seek(0, io.SEEK_END)
        data.seek(here)
        return end - here
    return None


def parts(data: object, size: int) -> Iterator[bytes]:
    """The data in parts of ``size`` bytes, the last of which may be shorter."""
    there = whole(data)
    if there is not None:
        view = memoryview(there)
        for start in range(0, len(view), size):
            yield bytes(view[start : start + size])
        return
    buffer = bytearray()
    for chunk in _chunks(data, size):
        buffer += _checked(chunk)
        yield from _full(buffer, size)
    if buffer:
        yield bytes(buffer)


async def async_parts(data: object, size: int) -> AsyncIterator[bytes]:
    """Does what :func:`parts` does, for an async stream too."""
    read: object = getattr(data, "read", None)
    if callable(read):
        # Reading a file may block, and the event loop must not.
        pieces = parts(data, size)
        while (part := await asyncio.to_thread(next, pieces, None)) is not None:
            yield part
        return
    if not isinstance(data, AsyncIterable):
        for part in parts(data, size):
            yield part
        return
    buffer = bytearray()
    async for chunk in cast("AsyncIterable[object]", data):
        buffer += _checked(chunk)
        for part in _full(buffer, size):
            yield part
    if buffer:
        yield bytes(buffer)


def _full(buffer: bytearray, size: int) -> Iterator[bytes]:
    """Takes the full parts out of the buffer."""
    while len(buffer) >= size:
        yield bytes(buffer[:size])
        del buffer[:size]


def _chunks(data: object, size: int) -> Iterator[object]:
    read: object = getattr(data, "read", None)
    if callable(read):
        while chunk := read(size):
            yield chunk
    elif isinstance(data, Iterable):
        yield from cast("Iterable[object]", data)
    else:
        raise TypeError(
            "data must be bytes, a file that is open for reading, or an iterable of bytes, not "
            f"{type(data).__name__}"
        )


def _checked(chunk: object) -> Bytes:
    if isinstance(chunk, (bytes, bytearray)):
        return chunk
    if isinstance(chunk, memoryview):
        return chunk.tobytes()
    raise TypeError(f"data must yield bytes, but yielded {type(chunk).__name__}")

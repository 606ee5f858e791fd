"""The data of a write: bytes in memory or a stream of them, split into parts."""

from __future__ import annotations

import inspect
import io
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import aclosing, nullcontext
from typing import Any, Protocol, TypeAlias, cast

from ._runtime import in_thread
from ._sources import begin


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def read(self, size: int, /) -> bytes: ...


class AsyncReadable(Protocol):
    """A file or a stream whose ``read`` is a coroutine function, as that of
    ``asyncio.StreamReader``.
    """

    async def read(self, size: int, /) -> bytes: ...


Bytes: TypeAlias = bytes | bytearray | memoryview
"""Bytes that are in memory."""

Source: TypeAlias = Bytes | Iterable[bytes] | Readable
"""Where a blocking storage takes bytes from."""

AsyncSource: TypeAlias = Source | AsyncIterable[bytes] | AsyncReadable
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
    source: object
    chunks: Iterator[object]
    there = whole(data)
    if there is not None:
        view = memoryview(there)
        for start in range(0, len(view), size):
            yield bytes(view[start : start + size])
        return
    if read := _read_of(data):
        if inspect.iscoroutinefunction(read):
            raise TypeError(
                f"data is a {type(data).__name__}, whose read() is a coroutine function: a "
                "blocking storage needs a file whose read() is a plain one"
            )
        source, chunks = data, _read_chunks(read, size)
    elif isinstance(data, Iterable):
        source = chunks = iter(cast("Iterable[object]", data))
    else:
        raise TypeError(
            "data must be bytes, a file that is open for reading, or an iterable of bytes, not "
            f"{type(data).__name__}"
        )
    buffer = bytearray()
    # What reads a list begins at its beginning.
    with nullcontext() if isinstance(data, (list, tuple)) else begin(source):
        for chunk in chunks:
            buffer += _checked(chunk)
            yield from _full(buffer, size)
        if buffer:
            yield bytes(buffer)


async def async_parts(data: object, size: int) -> AsyncGenerator[bytes, None]:
    """Does what :func:`parts` does, for an async stream too. A generator is closed with this
    one.
    """
    source: object
    chunks: AsyncIterator[object]
    read = _read_of(data)
    if read and (inspect.iscoroutinefunction(read) or not isinstance(data, AsyncIterable)):
        source, chunks = data, _read_async_chunks(read, size)
    elif isinstance(data, AsyncIterable):
        source = chunks = aiter(cast("AsyncIterable[object]", data))
    else:
        for part in parts(data, size):
            yield part
        return
    buffer = bytearray()
    with begin(source):
        try:
            async for chunk in chunks:
                buffer += _checked(chunk)
                for part in _full(buffer, size):
                    yield part
        finally:
            await close_generator(chunks)
        if buffer:
            yield bytes(buffer)


async def close_generator(stream: object) -> None:
    """Closes a generator that another one reads. Streams of other kinds are their owner's."""
    if isinstance(stream, AsyncGenerator):
        await cast("AsyncGenerator[object, None]", stream).aclose()


class Closing(aclosing[AsyncGenerator[bytes, None]]):
    """Closes parts at the end of a block: not whenever they are collected, of which trio warns."""

    async def __aexit__(self, *exc_info: object) -> None:
        # A coroutine that is closed cannot wait, and a source may want that at its end.
        if exc_info[0] is not GeneratorExit:
            await super().__aexit__(*exc_info)


def _full(buffer: bytearray, size: int) -> Iterator[bytes]:
    """Takes the full parts out of the buffer."""
    while len(buffer) >= size:
        yield bytes(buffer[:size])
        del buffer[:size]


def _read_of(data: object) -> Callable[[int], Any] | None:
    read: object = getattr(data, "read", None)
    return read if callable(read) else None


def _read_chunks(read: Callable[[int], object], size: int) -> Iterator[object]:
    while chunk := _there(read(size)):
        yield chunk


async def _read_async_chunks(read: Callable[[int], object], size: int) -> AsyncIterator[object]:
    if inspect.iscoroutinefunction(read):
        while chunk := _there(await read(size)):
            yield chunk
        return
    while True:
        # Reading a file may block, and the event loop must not.
        chunk = await in_thread(read, size)
        if inspect.isawaitable(chunk):
            chunk = await cast("Awaitable[object]", chunk)
        if not _there(chunk):
            return
        yield chunk


def _there(chunk: object) -> object:
    """What was read. None is not the end of a file."""
    if chunk is None:
        raise ValueError(
            "data.read() returned None: the file does not block and has no bytes yet. Open it in "
            "blocking mode, or give an async iterator that waits for them"
        )
    return chunk


def _checked(chunk: object) -> Bytes:
    if isinstance(chunk, (bytes, bytearray)):
        return chunk
    if isinstance(chunk, memoryview):
        return chunk.tobytes()
    raise TypeError(f"data must yield bytes, but yielded {type(chunk).__name__}")

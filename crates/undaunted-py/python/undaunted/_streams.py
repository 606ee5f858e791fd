"""What a storage gives piece by piece: the chunks of a file, the files of a list.

A generator in which a wait is cancelled or interrupted has ended: who asks it for the next piece is
told that there is none, and takes a part for the whole. These streams continue where they were, and
no piece is lost. Where a read has failed, they fail again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Generic, Protocol, TypeVar, cast

from ._bridge import result_of
from ._undaunted import Pending

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Pieces(Protocol[T_co]):
    """What Rust reads: pieces, each of which can be had again until the next one is asked for."""

    def next(self, number: int) -> T_co | Pending[T_co | None] | None:
        """The piece with this number, counted from 0; None at the end."""
        ...


class _Stream(Generic[T]):
    """The place in a stream."""

    def __init__(self, begin: Callable[[], Pieces[T] | Pending[Pieces[T]]]) -> None:
        self._begin = begin
        self._pieces: Pieces[T] | None = None
        self._number = 0
        self._is_over = False
        self._busy = Lock()

    def _enter(self) -> bool:
        """Whether there may be another piece, for which only one may wait at a time."""
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("somebody else waits for the next piece of this stream")
        if self._is_over:
            self._busy.release()
        return not self._is_over

    def _passed(self, piece: T | None) -> bool:
        """Whether there was a piece, behind which the stream is now."""
        self._number += 1
        if piece is None:
            self._end()
        return piece is not None

    def _end(self) -> None:
        self._is_over = True
        self._pieces = None


class AsyncStream(_Stream[T]):
    """The pieces for async code. Nothing is requested before the first is asked for."""

    def __aiter__(self) -> AsyncStream[T]:
        return self

    async def __anext__(self) -> T:
        if not self._enter():
            raise StopAsyncIteration
        try:
            if self._pieces is None:
                self._pieces = await result_of(self._begin())
            piece = await result_of(self._pieces.next(self._number))
            if self._passed(piece):
                return cast(T, piece)
        finally:
            self._busy.release()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Ends the stream, and closes its connection."""
        self._end()


class AsyncFlatStream(Generic[T]):
    """The items of a stream of lists."""

    def __init__(self, batches: AsyncStream[list[T]]) -> None:
        self._batches = batches
        self._batch: Iterator[T] = iter(())

    def __aiter__(self) -> AsyncFlatStream[T]:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._batch:
                return item
            self._batch = iter(await anext(self._batches))

    async def aclose(self) -> None:
        """Ends the stream, and closes its connection."""
        self._batch = iter(())
        await self._batches.aclose()


class Stream(_Stream[T]):
    """The pieces for blocking code. Nothing is requested before the first is asked for."""

    def __iter__(self) -> Stream[T]:
        return self

    def __next__(self) -> T:
        if not self._enter():
            raise StopIteration
        try:
            if self._pieces is None:
                self._pieces = waited_for(self._begin())
            piece = waited_for(self._pieces.next(self._number))
            if self._passed(piece):
                return cast(T, piece)
        finally:
            self._busy.release()
        raise StopIteration

    def close(self) -> None:
        """Ends the stream, and closes its connection."""
        self._end()


class FlatStream(Generic[T]):
    """The items of a stream of lists."""

    def __init__(self, batches: Stream[list[T]]) -> None:
        self._batches = batches
        self._batch: Iterator[T] = iter(())

    def __iter__(self) -> FlatStream[T]:
        return self

    def __next__(self) -> T:
        while True:
            for item in self._batch:
                return item
            self._batch = iter(next(self._batches))

    def close(self) -> None:
        """Ends the stream, and closes its connection."""
        self._batch = iter(())
        self._batches.close()


def waited_for(made: T | Pending[T]) -> T:
    """The result of an operation, waited for on this thread if it is pending."""
    return cast(T, made.wait()) if isinstance(made, Pending) else made

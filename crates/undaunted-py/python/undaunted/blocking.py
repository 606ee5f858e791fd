"""For blocking code: ``with_retry``, and a storage with the same operations.

>>> from undaunted import blocking
>>> storage = blocking.Storage.open("memory://")
>>> storage.put("a.txt", b"hello").size
5
>>> blocking.with_retry(lambda: storage.get_bytes("a.txt"))
b'hello'
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import CoroutineType, TracebackType
from typing import TypeVar, cast

from ._call import drive_blocking
from ._config import RetryConfig
from ._data import Source, parts, size_of, whole
from ._errors import StorageError
from ._misuse import check_callable, check_plain, check_uncut, config_of
from ._names import name_of
from ._open import (
    DEFAULT_CONCURRENCY,
    DEFAULT_EXPIRY,
    DEFAULT_PART_SIZE,
    OptionValue,
    checked_part_size,
    open_store,
    seconds,
)
from ._storage import checked_limit, with_type
from ._types import ProgressInfo, StoredFile
from ._undaunted import Pending, State, Store, Upload

__all__ = ["Storage", "with_retry"]

T = TypeVar("T")


def with_retry(
    func: Callable[[], T], config: RetryConfig | None = None, *, name: str | None = None
) -> T:
    """Makes a call with retries, and waits on this thread.

    Args:
        func: Makes the call; called once for each attempt.
        config: How to retry; default: 3 retries after 1, 2 and 4 seconds, each ±25 %.
        name: The name of the call in logs; default: that of the function.

    Raises:
        TypeError: Immediately, if ``func`` cannot be called, or is a coroutine function.
        ValueError: Immediately, if the configuration has an ``attempt_timeout``: a plain function
            cannot be cancelled.
    """
    config = _DEFAULT if config is None else config_of(config)
    check_callable(func, "with_retry")

    def attempt() -> T:
        result = func()
        if result.__class__ is CoroutineType:
            check_plain(result, func)
        return result

    name = name or name_of(func)
    if not config._is_plain:
        check_uncut(config, name)
        return drive_blocking(config, name, attempt)
    try:
        return attempt()
    except BaseException as error:
        verdict = config._verdict(error)
        if verdict == State.PERMANENT:
            raise
        failure = error
    try:
        return drive_blocking(config, name, attempt, failure=failure, verdict=verdict)
    finally:
        del failure


class Storage:
    """A storage whose operations are all retried, for blocking code. They are documented in
    :class:`undaunted.ObjectStorage`.

    An operation waits without the GIL, so other threads keep running, and Ctrl-C interrupts it.
    """

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        options: Mapping[str, OptionValue] | None = None,
        *,
        retry: RetryConfig | None = None,
        **more_options: OptionValue,
    ) -> Storage:
        """Opens the storage that a URL points into; see :meth:`undaunted.Storage.open`."""
        return cls(open_store(url, options, more_options, retry))

    @property
    def budget_tokens(self) -> int | None:
        """The tokens left in the retry budget that all operations share."""
        return self._store.budget_tokens

    def put(
        self,
        key: str,
        data: Source,
        *,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
        overwrite: bool = True,
    ) -> StoredFile:
        """Writes a file."""
        there = whole(data)
        if there is None:
            if not overwrite:
                raise ValueError("overwrite=False needs bytes: a stream is written in parts")
            return self.put_large(key, data, content_type=content_type, metadata=metadata)
        made = self._store.put(key, there, content_type, metadata, overwrite)
        return _value(made)

    def put_large(
        self,
        key: str,
        data: Source,
        *,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
        part_size: int = DEFAULT_PART_SIZE,
        concurrency: int = DEFAULT_CONCURRENCY,
        progress_callback: Callable[[ProgressInfo], None] | None = None,
    ) -> StoredFile:
        """Writes a file in parts, each of which is retried by itself."""
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}, but must be at least 1")
        total = size_of(data)
        progress = _Progress(key, total, progress_callback)
        pieces = parts(data, checked_part_size(part_size, total))
        first = next(pieces, b"")
        second = next(pieces, None)
        if second is None:
            stored = self.put(key, first, content_type=content_type, metadata=metadata)
            progress.add(len(first))
            return stored
        upload = _value(self._store.start_upload(key, content_type, metadata))
        running: deque[tuple[int, Pending[None]]] = deque()
        try:
            for part in _before((first, second), pieces):
                if len(running) >= concurrency:
                    _finish_first(running, progress)
                made = upload.put_part(part)
                if made is None:
                    progress.add(len(part))
                else:
                    made.launch()
                    running.append((len(part), made))
            while running:
                _finish_first(running, progress)
            return _value(upload.complete(progress.transferred))
        except BaseException:
            running.clear()
            _abort(upload)
            raise

    def get(self, key: str) -> Iterator[bytes]:
        """Reads a file in chunks."""
        reader = _value(self._store.get(key))
        while (chunk := _value(reader.next())) is not None:
            yield chunk

    def get_bytes(self, key: str) -> bytes:
        """Reads a file."""
        return _value(self._store.get_bytes(key))

    def delete(self, key: str) -> None:
        """Deletes a file."""
        _value(self._store.delete(key))

    def exists(self, key: str) -> bool:
        """Whether the file exists."""
        return _value(self._store.exists(key))

    def list(self, prefix: str = "", *, limit: int | None = None) -> Iterator[StoredFile]:
        """The files whose keys begin with a prefix."""
        listing = self._store.list(prefix, checked_limit(limit))
        while (batch := _value(listing.next())) is not None:
            yield from batch

    def info(self, key: str) -> StoredFile:
        """The description of a file."""
        return with_type(self._store, _value(self._store.info(key)))

    def copy(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Copies a file within the storage."""
        stored = _value(self._store.copy(source, destination, overwrite))
        return with_type(self._store, stored)

    def move(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Moves a file within the storage."""
        stored = _value(self._store.move(source, destination, overwrite))
        return with_type(self._store, stored)

    def url(
        self, key: str, *, expires_in: timedelta | float | None = None, method: str = "GET"
    ) -> str:
        """A URL with which anyone can read the file for a limited time."""
        lasts = seconds(DEFAULT_EXPIRY if expires_in is None else expires_in)
        return _value(self._store.url(key, lasts, method))

    def close(self) -> None:
        """Closes connections. Further operations raise a ``ValueError``."""
        self._store.close()

    def __enter__(self) -> Storage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = " (closed)" if self._store.closed else ""
        return f"<blocking.{type(self).__name__} {self._store.shown_url}{closed}>"


class _Progress:
    def __init__(
        self, key: str, total: int | None, callback: Callable[[ProgressInfo], None] | None
    ) -> None:
        self._key = key
        self._total = total
        self._callback = callback
        self.transferred = 0

    def add(self, size: int) -> None:
        self.transferred += size
        if self._callback is not None:
            self._callback(ProgressInfo(self.transferred, self._total, "upload", self._key))


def _value(made: T | Pending[T]) -> T:
    """The result of an operation, waited for if it is pending."""
    if isinstance(made, Pending):
        return cast(T, made.wait())
    return made


def _before(some: tuple[bytes, ...], more: Iterator[bytes]) -> Iterator[bytes]:
    yield from some
    yield from more


def _finish_first(running: deque[tuple[int, Pending[None]]], progress: _Progress) -> None:
    size, part = running.popleft()
    part.wait()
    progress.add(size)


def _abort(upload: Upload) -> None:
    """Aborts an upload. If that fails too, the caller's error says more."""
    try:
        _value(upload.abort())
    except StorageError:
        return


_DEFAULT = RetryConfig()

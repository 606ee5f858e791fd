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

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NoReturn, TypeVar, cast

from ._call import blocking_call
from ._config import RetryConfig
from ._data import Source, parts, size_of, whole
from ._errors import StorageError
from ._misuse import check_callable, check_uncut, config_of, returned_coroutine
from ._open import (
    DEFAULT_CONCURRENCY,
    DEFAULT_PART_SIZE,
    OpenedStorage,
    Progress,
    checked_limit,
    checked_part_size,
    seconds,
)
from ._types import ProgressInfo, StoredFile
from ._undaunted import Pending, Upload

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
    check_uncut(config, name or func)

    def refused(coroutine: T) -> NoReturn:
        raise returned_coroutine(coroutine, func)

    return blocking_call(func, config, name or func, refused)()


class Storage(OpenedStorage):
    """A storage whose operations are all retried, for blocking code. They are documented in
    :class:`undaunted.ObjectStorage`.

    An operation waits without the GIL, so other threads keep running, and Ctrl-C interrupts it.
    """

    __slots__ = ()

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
        content = whole(data)
        if content is None:
            if not overwrite:
                raise ValueError("overwrite=False needs bytes: a stream is written in parts")
            return self.put_large(key, data, content_type=content_type, metadata=metadata)
        return result_of(self._store.put(key, content, content_type, metadata, overwrite))

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
        total = size_of(data)
        part_size = checked_part_size(part_size, concurrency, total)
        progress = Progress(key, total)
        pieces = parts(data, part_size)
        first = next(pieces, b"")
        part = next(pieces, None)
        if part is None:
            stored = self.put(key, first, content_type=content_type, metadata=metadata)
            _report(progress.add(len(first)), progress_callback)
            return stored
        upload = result_of(self._store.start_upload(key, content_type, metadata))
        try:
            upload.put_part(first)
            while part is not None or upload.in_flight:
                if part is None or upload.in_flight >= concurrency:
                    size = result_of(upload.finish_part())
                    _report(progress.add(size), progress_callback)
                else:
                    upload.put_part(part)
                    part = next(pieces, None)
            return result_of(upload.complete(progress.transferred))
        except BaseException:
            _abort(upload)
            raise

    def get(self, key: str) -> Iterator[bytes]:
        """Reads a file in chunks."""
        reader = result_of(self._store.get(key))
        while (chunk := result_of(reader.next())) is not None:
            yield chunk

    def get_bytes(self, key: str) -> bytes:
        """Reads a file."""
        return result_of(self._store.get_bytes(key))

    def delete(self, key: str) -> None:
        """Deletes a file."""
        result_of(self._store.delete(key))

    def exists(self, key: str) -> bool:
        """Whether the file exists."""
        return result_of(self._store.exists(key))

    def list(self, prefix: str = "", *, limit: int | None = None) -> Iterator[StoredFile]:
        """The files whose keys begin with a prefix."""
        listing = self._store.list(prefix, checked_limit(limit))
        while (batch := result_of(listing.next())) is not None:
            yield from batch

    def info(self, key: str) -> StoredFile:
        """The description of a file."""
        return self._with_type(result_of(self._store.info(key)))

    def copy(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Copies a file within the storage."""
        return self._with_type(result_of(self._store.copy(source, destination, overwrite)))

    def move(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Moves a file within the storage."""
        return self._with_type(result_of(self._store.move(source, destination, overwrite)))

    def url(
        self, key: str, *, expires_in: timedelta | float | None = None, method: str = "GET"
    ) -> str:
        """A URL with which anyone can read the file for a limited time."""
        return result_of(self._store.url(key, seconds(expires_in), method))

    def close(self) -> None:
        """Closes connections. Further operations raise a ``ValueError``."""
        self._store.close()

    def __enter__(self) -> Storage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def result_of(made: T | Pending[T]) -> T:
    """The result of an operation, waited for if it is pending."""
    return cast(T, made.wait()) if isinstance(made, Pending) else made


def _report(info: ProgressInfo, callback: Callable[[ProgressInfo], None] | None) -> None:
    if callback is not None:
        callback(info)


def _abort(upload: Upload) -> None:
    """Aborts an upload. If that fails too, the caller's error says more."""
    try:
        result_of(upload.abort())
    except StorageError:
        return


_DEFAULT = RetryConfig()

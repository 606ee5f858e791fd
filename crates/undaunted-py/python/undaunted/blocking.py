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
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn, TypeVar

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
from ._streams import FlatStream, Stream, waited_for
from ._types import ProgressInfo, StoredFile
from ._undaunted import Pending
from ._uploads import running

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

    Example:
        >>> from undaunted import blocking
        >>> outcomes = iter([TimeoutError("too slow"), "done"])
        >>> def fetch():
        ...     outcome = next(outcomes)
        ...     if isinstance(outcome, Exception):
        ...         raise outcome
        ...     return outcome
        >>> blocking.with_retry(fetch, RetryConfig(base_delay=0))
        'done'
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
        """Writes a file.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: Bytes, or a stream of them: an iterator or an open file. Only a few parts of a
                stream are held in memory. A file that can seek may be given again; any other stream
                that was read is refused.
            content_type: The type of the content, such as ``"image/jpeg"``. The type of a local
                file follows from its name.
            metadata: Your own names and values, in ASCII. Local files cannot hold any.
            overwrite: Whether an existing file is replaced.

        Raises:
            StorageFileExistsError: If the file exists and ``overwrite`` is false.
            StorageUnsupportedError: If the storage cannot hold metadata.
            ValueError: If the data was read by an earlier write, and cannot be taken back.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
        """
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
        """Writes a file in parts, each of which is retried by itself.

        The file becomes visible only when it is complete. Data that fits into one part is
        written by :meth:`put`.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: As for :meth:`put`.
            content_type: As for :meth:`put`.
            metadata: As for :meth:`put`.
            part_size: Bytes in a part; S3 requires at least 5 MiB. It is increased if the data
                would need more than 10,000 parts.
            concurrency: Parts in flight.
            progress_callback: Called after each part. If it raises, the upload is aborted.

        Raises:
            ValueError: If ``part_size`` or ``concurrency`` is less than 1.
            ValueError: If the data was read by an earlier write, and cannot be taken back.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> storage.put_large("big", bytes(12_000_000), part_size=5 << 20).size
            12000000
        """
        total = size_of(data)
        part_size = checked_part_size(part_size, concurrency, total)
        progress = Progress(key, total, progress_callback)
        pieces = parts(data, part_size)
        first = next(pieces, b"")
        part = next(pieces, None)
        if part is None and (progress_callback is None or not first):
            # A callback that raises must leave nothing: it is called before, or between parts.
            _report(progress.add(0), progress_callback)
            return self.put(key, first, content_type=content_type, metadata=metadata)
        upload = result_of(self._store.start_upload(key, content_type, metadata))
        try:
            with running(upload):
                upload.put_part(first)
                while part is not None or upload.in_flight:
                    if part is None or upload.in_flight >= concurrency:
                        size = result_of(upload.finish_part())
                        _report(progress.add(size), progress_callback)
                    else:
                        upload.put_part(part)
                        part = next(pieces, None)
                return result_of(upload.complete(progress.transferred))
        except Exception:
            _ended(upload.abort())
            raise
        except BaseException:
            # It goes on in the background: a task that is cancelled cannot wait.
            upload.abort()
            raise

    def get(self, key: str) -> Iterator[bytes]:
        """Reads a file in chunks.

        An interrupted download is resumed if the file has not changed. After a wait for a chunk
        that a signal ended, ``next`` continues with that chunk.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> list(storage.get("a.txt"))
            [b'hello']
        """
        return Stream(lambda: self._store.get(key))

    def get_bytes(self, key: str) -> bytes:
        """Reads a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> storage.get_bytes("a.txt")
            b'hello'
        """
        return result_of(self._store.get_bytes(key))

    def delete(self, key: str) -> None:
        """Deletes a file. A file that does not exist is no error: services do not tell.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StoragePermissionError: If the credentials do not allow it.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> storage.delete("a.txt")
        """
        result_of(self._store.delete(key))

    def exists(self, key: str) -> bool:
        """Whether the file exists.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageError: If the storage fails, so that nobody knows.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> storage.exists("a.txt")
            True
        """
        return result_of(self._store.exists(key))

    def list(self, prefix: str = "", *, limit: int | None = None) -> Iterator[StoredFile]:
        """The files whose keys begin with ``prefix``.

        Services list by key, local files come in no order. An interrupted list is resumed, and
        continues after a wait for a file that a signal ended.
        Keys that object_store cannot hold, such as ``a//b``, are left out: a warning names them.

        Args:
            prefix: The beginning of the keys; it need not end at a slash.
            limit: The maximum number of files; default: all.

        Raises:
            ValueError: If the limit is negative.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> [file.key for file in storage.list("a")]
            ['a.txt']
        """
        return FlatStream(Stream(lambda: self._store.list(prefix, checked_limit(limit))))

    def info(self, key: str) -> StoredFile:
        """The description of a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> storage.info("a.txt").size
            5
        """
        return self._with_type(result_of(self._store.info(key)))

    def copy(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Copies a file within the storage. A copy onto itself changes nothing.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.
            overwrite: Whether an existing file at the destination is replaced.

        Raises:
            StorageFileNotFoundError: If the source does not exist.
            StorageFileExistsError: If the destination exists and ``overwrite`` is false.
            StorageUnsupportedError: If ``overwrite`` is false and the service is not known to check
                that; the message says which option to set.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> storage.copy("a.txt", "b.txt").key
            'b.txt'
        """
        return self._with_type(result_of(self._store.copy(source, destination, overwrite)))

    def move(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Moves a file within the storage. Without a native move it is a copy and a delete, each
        retried by itself. A move onto itself changes nothing.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.
            overwrite: Whether an existing file at the destination is replaced.

        Raises:
            StorageFileNotFoundError: If the source does not exist.
            StorageFileExistsError: If the destination exists and ``overwrite`` is false.
            StorageUnsupportedError: If ``overwrite`` is false and the service is not known to check
                that; the message says which option to set.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> storage.move("a.txt", "b.txt").key
            'b.txt'
        """
        return self._with_type(result_of(self._store.move(source, destination, overwrite)))

    def url(
        self, key: str, *, expires_in: timedelta | float | None = None, method: str = "GET"
    ) -> str:
        """A URL with which anyone can read the file for a limited time; for a local file, its
        ``file://`` URL.

        The URL is signed locally: no request is made, so the file may be missing.

        Args:
            key: The key of the file, relative to the storage's URL.
            expires_in: The lifetime of the URL, a number in seconds; at most 7 days. Default: an
                hour.
            method: ``"PUT"`` makes a URL for writing; ``"HEAD"`` and ``"DELETE"`` are accepted too.

        Raises:
            StorageUnsupportedError: If the storage cannot sign URLs.

        Example:
            >>> from undaunted import blocking
            >>> blocking.Storage.open("/reports").url("a.txt")
            'file:///reports/a.txt'
        """
        return result_of(self._store.url(key, seconds(expires_in), method))

    def close(self) -> None:
        """Closes connections. Further operations raise a :class:`StorageClosedError`.

        It waits for uploads that failed or were interrupted and are being aborted, for at most 5
        seconds.

        Example:
            >>> from undaunted import blocking
            >>> storage = blocking.Storage.open("memory://")
            >>> storage.put("a.txt", b"hello").size
            5
            >>> storage.close()
        """
        result_of(self._store.close())

    def __enter__(self) -> Storage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


result_of = waited_for
"""The result of an operation, waited for if it is pending."""


def _report(info: ProgressInfo, callback: Callable[[ProgressInfo], None] | None) -> None:
    if callback is not None:
        callback(info)


def _ended(aborted: Pending[None] | None) -> None:
    """Waits for the end of an abort. If that fails too, the caller's error says more."""
    with suppress(StorageError):
        result_of(aborted)


_DEFAULT = RetryConfig()

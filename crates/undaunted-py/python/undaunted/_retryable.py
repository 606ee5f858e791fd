"""``RetryableStorage``: retries around any storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar, cast

from ._config import RetryConfig
from ._data import whole
from ._errors import StorageFileExistsError
from ._judging import Escape
from ._log import Subjected, add_note
from ._misuse import config_of
from ._protocol import FileInfo
from ._retried_streams import RetriedChunks, RetriedFiles
from ._retry import with_retry
from ._sources import position
from ._tracked import tracked

T = TypeVar("T")


class RetryableStorage:
    """Retries around the operations of any storage: your own, or one of litestar-storages.

    >>> from undaunted import RetryableStorage, RetryConfig, testing
    >>> storage = RetryableStorage(testing.FaultyStorage(), RetryConfig(max_retries=5))

    Do not wrap a storage from :meth:`Storage.open`: it has retries already.

    An operation is retried as a whole, so this can do less than a storage from
    :meth:`Storage.open`: a body that breaks after its first chunk is not resumed, and data from an
    iterator is not sent twice. A retried ``delete`` or ``move`` that finds nothing counts as done
    by an earlier attempt whose response was lost.

    Other methods are those of the storage, without retries.
    """

    def __init__(self, storage: Any, config: RetryConfig | None = None) -> None:
        self._storage = storage
        self._config = RetryConfig() if config is None else config_of(config)

    async def put(self, key: str, data: Any, **kwargs: Any) -> FileInfo:
        """Writes a file.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: Bytes and lists of bytes are sent as often as it takes, and a file that can seek
                is taken back, unless the storage has closed it. Any other stream is sent again only
                if nothing of it was read.
            kwargs: What the method of the storage takes besides.

        Raises:
            Exception: The last failure of the storage, when there are no more attempts.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.put("b.txt", b"data")).size
            >>> asyncio.run(main())
            4
        """
        return await self._write(self._storage.put, "put", key, data, kwargs)

    async def put_large(self, key: str, data: Any, **kwargs: Any) -> FileInfo:
        """Writes a file in parts.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: As for :meth:`put`.
            kwargs: What the method of the storage takes besides.

        Raises:
            Exception: The last failure of the storage, when there are no more attempts.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.put_large("b.txt", b"data")).size
            >>> asyncio.run(main())
            4
        """
        return await self._write(self._storage.put_large, "put_large", key, data, kwargs)

    def get(self, key: str, **kwargs: Any) -> AsyncIterator[bytes]:
        """Reads a file in chunks. Retried up to the first chunk. A read that failed or was
        cancelled after that does not continue: the next ``anext`` raises.

        Args:
            key: The key of the file, relative to the storage's URL.
            kwargs: What the method of the storage takes besides.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return [chunk async for chunk in storage.get("a.txt")]
            >>> asyncio.run(main())
            [b'hello']
        """

        async def begin() -> AsyncIterator[bytes]:
            chunks = self._storage.get(key, **kwargs)
            if not hasattr(chunks, "__aiter__"):
                chunks = await chunks
            return aiter(cast("AsyncIterator[bytes]", chunks))

        return RetriedChunks(key, begin, lambda attempt: self._call("get", key, attempt))

    async def get_bytes(self, key: str, **kwargs: Any) -> bytes:
        """Reads a file.

        Args:
            key: The key of the file, relative to the storage's URL.
            kwargs: What the method of the storage takes besides.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return await storage.get_bytes("a.txt")
            >>> asyncio.run(main())
            b'hello'
        """
        return await self._call("get", key, lambda: self._storage.get_bytes(key, **kwargs))

    async def delete(self, key: str, **kwargs: Any) -> None:
        """Deletes a file.

        Args:
            key: The key of the file, relative to the storage's URL.
            kwargs: What the method of the storage takes besides.

        Raises:
            Exception: The last failure of the storage, when there are no more attempts.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     await storage.delete("a.txt")
            ...     return await storage.exists("a.txt")
            >>> asyncio.run(main())
            False
        """
        attempts = 0

        async def delete() -> None:
            nonlocal attempts
            attempts += 1
            try:
                await self._storage.delete(key, **kwargs)
            except Exception as error:
                if attempts == 1 or not _is_not_found(error):
                    raise

        await self._call("delete", key, delete)

    async def exists(self, key: str, **kwargs: Any) -> bool:
        """Whether the file exists.

        Args:
            key: The key of the file, relative to the storage's URL.
            kwargs: What the method of the storage takes besides.

        Raises:
            Exception: The last failure of the storage, when there are no more attempts.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return await storage.exists("a.txt")
            >>> asyncio.run(main())
            True
        """
        return await self._call("get", key, lambda: self._storage.exists(key, **kwargs))

    def list(
        self, prefix: str = "", *, limit: int | None = None, **kwargs: Any
    ) -> AsyncIterator[FileInfo]:
        """The files whose keys begin with a prefix. A list that breaks is read again without the
        files before: their keys are kept in memory. Each new file renews the attempts.

        Args:
            prefix: The beginning of the keys; it need not end at a slash.
            limit: The maximum number of files; default: all.
            kwargs: What the method of the storage takes besides.

        Raises:
            Exception: The last failure of the storage, when there are no more attempts.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return [file.key async for file in storage.list("a")]
            >>> asyncio.run(main())
            ['a.txt']
        """
        return RetriedFiles(
            lambda: aiter(self._storage.list(prefix, **kwargs)),
            limit,
            lambda attempt: self._call("list", prefix, attempt),
        )

    async def info(self, key: str, **kwargs: Any) -> FileInfo:
        """The description of a file.

        Args:
            key: The key of the file, relative to the storage's URL.
            kwargs: What the method of the storage takes besides.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.info("a.txt")).size
            >>> asyncio.run(main())
            5
        """
        return await self._call("get", key, lambda: self._storage.info(key, **kwargs))

    async def copy(self, source: str, destination: str, **kwargs: Any) -> FileInfo:
        """Copies a file within the storage. A copy onto itself changes nothing.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.
            kwargs: What the method of the storage takes besides.

        Raises:
            StorageFileNotFoundError: If the source does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.copy("a.txt", "b.txt")).key
            >>> asyncio.run(main())
            'b.txt'
        """
        if source == destination:
            return await self._stay(source, kwargs)
        return await self._call(
            "copy", destination, lambda: self._storage.copy(source, destination, **kwargs)
        )

    async def move(self, source: str, destination: str, **kwargs: Any) -> FileInfo:
        """Moves a file within the storage. A move onto itself changes nothing.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.
            kwargs: What the method of the storage takes besides.

        Raises:
            StorageFileNotFoundError: If the source does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.move("a.txt", "b.txt")).key
            >>> asyncio.run(main())
            'b.txt'
        """
        if source == destination:
            return await self._stay(source, kwargs)
        attempts = 0

        async def move() -> FileInfo:
            nonlocal attempts
            attempts += 1
            try:
                moved: FileInfo = await self._storage.move(source, destination, **kwargs)
            except Exception as error:
                if attempts == 1 or not _is_not_found(error):
                    raise
                if not await self._storage.exists(destination):
                    raise
                moved = await self._storage.info(destination)
            return moved

        return await self._call("move", source, move)

    async def url(self, key: str, **kwargs: Any) -> str:
        """A URL for reading the file.

        Args:
            key: The key of the file, relative to the storage's URL.
            kwargs: What the method of the storage takes besides.

        Raises:
            StorageUnsupportedError: If the storage cannot sign URLs.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, Storage
            >>> storage = RetryableStorage(Storage.open("/reports"))
            >>> asyncio.run(storage.url("a.txt"))
            'file:///reports/a.txt'
        """
        return await self._call("url", key, lambda: self._storage.url(key, **kwargs))

    async def close(self) -> None:
        """Closes the wrapped storage.

        Example:
            >>> import asyncio
            >>> from undaunted import RetryableStorage, testing
            >>> async def main():
            ...     storage = RetryableStorage(testing.FaultyStorage())
            ...     await storage.put("a.txt", b"hello")
            ...     await storage.close()
            >>> asyncio.run(main())
        """
        await self._storage.close()

    async def __aenter__(self) -> RetryableStorage:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __getattr__(self, name: str) -> Any:
        # A copy or an unpickled object has no storage yet: without this it would recurse endlessly.
        if name == "_storage":
            raise AttributeError(name)
        return getattr(self._storage, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._storage!r}, {self._config!r})"

    async def _call(self, name: str, key: str, attempt: Callable[[], Awaitable[T]]) -> T:
        called = Subjected(name, key, " ") if key else name
        return await with_retry(attempt, self._config, name=called)

    async def _stay(self, key: str, kwargs: dict[str, Any]) -> FileInfo:
        """A copy or a move of a file onto itself, which many storages would then delete."""
        found = await self.info(key)
        if not kwargs.get("overwrite", True):
            raise StorageFileExistsError(key)
        return found

    async def _write(
        self, write: Callable[..., Awaitable[T]], name: str, key: str, data: Any, kwargs: Any
    ) -> T:
        if whole(data) is not None or isinstance(data, (list, tuple)):
            return await self._call(name, key, lambda: write(key, data, **kwargs))
        start = position(data)
        # A file that can seek is taken back. Whatever else was read, in part or to its end, is not
        # sent again: what is missing would be stored as success.
        once = tracked(data) if start is None else None
        source = data if once is None else once
        attempts = 0

        async def attempt() -> T:
            nonlocal attempts
            attempts += 1
            if start is not None and attempts > 1:
                data.seek(start)
            try:
                return await write(key, source, **kwargs)
            except Exception as error:
                spent = ""
                if once is not None and once.is_begun:
                    spent = "its data can be read only once, and was read"
                elif start is not None and position(data) is None:
                    # As after an upload of boto3, which closes the file.
                    spent = "its data was closed, so it cannot be read again"
                if spent and self._config.is_retryable(error):
                    made = "1 attempt" if attempts == 1 else f"{attempts} attempts"
                    raise _SpentError(error, f"{made}; {spent}") from None
                raise

        try:
            return await self._call(name, key, attempt)
        except _SpentError as spent:
            add_note(spent.error, spent.note)
            raise spent.error from spent.error.__cause__


class _SpentError(Escape):
    """A failure that would be retried if the data could be sent again."""

    def __init__(self, error: Exception, note: str) -> None:
        super().__init__()
        self.error = error
        self.note = note


def _is_not_found(error: Exception) -> bool:
    """Whether it is ours, the operating system's, or one of this name from another library."""
    return isinstance(error, FileNotFoundError) or any(
        each.__name__ == "StorageFileNotFoundError" for each in type(error).__mro__
    )

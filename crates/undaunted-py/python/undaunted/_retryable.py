"""``RetryableStorage``: retries around any storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from ._config import Escape, RetryConfig
from ._data import whole
from ._misuse import config_of
from ._protocol import FileInfo
from ._retry import with_retry

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
        """Writes a file. A stream is not sent again once reading it has begun."""
        return await self._write(self._storage.put, "put", key, data, kwargs)

    async def put_large(self, key: str, data: Any, **kwargs: Any) -> FileInfo:
        """Writes a file in parts. A stream is sent once, as with :meth:`put`."""
        return await self._write(self._storage.put_large, "put_large", key, data, kwargs)

    async def get(self, key: str, **kwargs: Any) -> AsyncIterator[bytes]:
        """Reads a file in chunks. Retried up to the first chunk."""
        chunks, first = await self._call(f"get {key}", lambda: self._begin(key, kwargs))
        try:
            if first is not None:
                yield first
                async for chunk in chunks:
                    yield chunk
        finally:
            await _close(chunks)

    async def get_bytes(self, key: str, **kwargs: Any) -> bytes:
        """Reads a file."""
        return await self._call(f"get {key}", lambda: self._storage.get_bytes(key, **kwargs))

    async def delete(self, key: str, **kwargs: Any) -> None:
        """Deletes a file."""
        attempts = 0

        async def delete() -> None:
            nonlocal attempts
            attempts += 1
            try:
                await self._storage.delete(key, **kwargs)
            except Exception as error:
                if attempts == 1 or not _is_not_found(error):
                    raise

        await self._call(f"delete {key}", delete)

    async def exists(self, key: str, **kwargs: Any) -> bool:
        """Whether the file exists."""
        return await self._call(f"get {key}", lambda: self._storage.exists(key, **kwargs))

    async def list(
        self, prefix: str = "", *, limit: int | None = None, **kwargs: Any
    ) -> AsyncIterator[FileInfo]:
        """The files whose keys begin with a prefix. A list that breaks is read again without the
        files before: their keys are kept in memory. Each new file renews the attempts.
        """
        given: set[str] = set()
        files: Any = None

        async def following() -> FileInfo | None:
            nonlocal files
            try:
                if files is None:
                    files = aiter(self._storage.list(prefix, **kwargs))
                while True:
                    file: FileInfo | None = await anext(files, None)
                    if file is None or file.key not in given:
                        return file
            except BaseException:
                # The next attempt begins a new list.
                broken, files = files, None
                await _close(broken)
                raise

        name = f"list {prefix}" if prefix else "list"
        try:
            while limit is None or len(given) < limit:
                file = await self._call(name, following)
                if file is None:
                    return
                given.add(file.key)
                yield file
        finally:
            await _close(files)

    async def info(self, key: str, **kwargs: Any) -> FileInfo:
        """The description of a file."""
        return await self._call(f"get {key}", lambda: self._storage.info(key, **kwargs))

    async def copy(self, source: str, destination: str, **kwargs: Any) -> FileInfo:
        """Copies a file within the storage."""
        return await self._call(
            f"copy {destination}", lambda: self._storage.copy(source, destination, **kwargs)
        )

    async def move(self, source: str, destination: str, **kwargs: Any) -> FileInfo:
        """Moves a file within the storage."""
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

        return await self._call(f"move {source}", move)

    async def url(self, key: str, **kwargs: Any) -> str:
        """A URL for reading the file."""
        return await self._call(f"url {key}", lambda: self._storage.url(key, **kwargs))

    async def close(self) -> None:
        """Closes the wrapped storage."""
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

    async def _call(self, name: str, attempt: Callable[[], Awaitable[T]]) -> T:
        return await with_retry(attempt, self._config, name=name)

    async def _write(
        self, write: Callable[..., Awaitable[T]], name: str, key: str, data: Any, kwargs: Any
    ) -> T:
        is_spent = whole(data) is None and _is_spent_by_reading(data)
        stream = _TrackedStream(data) if is_spent else None

        async def attempt() -> T:
            try:
                return await write(key, stream or data, **kwargs)
            except Exception as error:
                if stream and stream.is_begun and self._config.is_retryable(error):
                    raise _SpentError(error) from None
                raise

        try:
            return await self._call(f"{name} {key}", attempt)
        except _SpentError as spent:
            raise spent.error from spent.error.__cause__

    async def _begin(
        self, key: str, kwargs: dict[str, Any]
    ) -> tuple[AsyncIterator[bytes], bytes | None]:
        chunks = self._storage.get(key, **kwargs)
        if not hasattr(chunks, "__aiter__"):
            chunks = await chunks
        chunks = aiter(chunks)
        return chunks, await anext(chunks, None)


async def _close(stream: Any) -> None:
    """Closes a stream that can be closed, such as a generator, and does not leave it for later."""
    close: Any = getattr(stream, "aclose", None)
    if close is not None:
        await close()


class _TrackedStream:
    """A stream that records whether reading has begun."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self.is_begun = False

    def __aiter__(self) -> _TrackedStream:
        return self

    async def __anext__(self) -> bytes:
        self.is_begun = True
        if hasattr(self._data, "__anext__"):
            chunk: bytes = await anext(self._data)
            return chunk
        try:
            chunk = next(self._data)
        except StopIteration:
            raise StopAsyncIteration from None
        return chunk


class _SpentError(Escape):
    """A failure that would be retried if the data could be sent again."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _is_spent_by_reading(data: object) -> bool:
    return hasattr(data, "__anext__") or hasattr(data, "__next__")


def _is_not_found(error: Exception) -> bool:
    """Whether it is ours, the operating system's, or one of this name from another library."""
    return isinstance(error, FileNotFoundError) or any(
        each.__name__ == "StorageFileNotFoundError" for each in type(error).__mro__
    )

"""For tests of code that retries: switches for the whole process, and storages that fail.

>>> from undaunted import testing
>>> with testing.set_active(False):
...     testing.is_active()
False
>>> testing.is_active()
True
"""

from __future__ import annotations

from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from contextlib import aclosing
from typing import Any, TypeAlias, TypeVar

from ._config import RetryConfig
from ._data import close_generator
from ._open import OptionValue, open_store
from ._protocol import FileInfo
from ._s3_server import S3Server, s3_server
from ._storage import ObjectStorage
from ._undaunted import set_switch, switch

T = TypeVar("T")

__all__ = [
    "Fault",
    "FaultyStorage",
    "LostResponse",
    "S3Server",
    "Switched",
    "chaos_storage",
    "is_active",
    "s3_server",
    "set_active",
    "set_attempts",
    "without_waits",
]


class Switched:
    """A switch that was set. A ``with`` block sets it back at its end."""

    def __init__(self, attempts: int | None) -> None:
        self._before = switch()
        set_switch(attempts)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        set_switch(self._before)


def set_active(active: bool) -> Switched:
    """Switches retries in this process, for functions and storages alike. Switched off, every
    call makes one attempt.

    Args:
        active: ``False`` switches retries off, ``True`` on again.

    Example:
        >>> from undaunted import testing
        >>> with testing.set_active(False):
        ...     testing.is_active()
        False
    """
    return Switched(None if active else 1)


def set_attempts(attempts: int | None) -> Switched:
    """Limits every call to this many attempts, without waits between them. A configuration that
    allows fewer attempts still does.

    Args:
        attempts: The most attempts; ``None`` removes the limit.

    Raises:
        ValueError: If it is less than 1.

    Example:
        >>> from undaunted import testing
        >>> with testing.set_attempts(2):
        ...     testing.is_active()
        True
    """
    if attempts is not None and (isinstance(attempts, bool) or not isinstance(attempts, int)):
        raise TypeError(f"attempts must be an int or None, not {type(attempts).__name__}")
    if attempts is not None and attempts < 1:
        raise ValueError(f"attempts is {attempts}, but must be at least 1")
    return Switched(None if attempts is None else min(attempts, _ENDLESS))


def without_waits() -> Switched:
    """Lets calls retry as configured, but without waiting.

    Example:
        >>> from undaunted import testing
        >>> with testing.without_waits():
        ...     testing.is_active()
        True
    """
    return Switched(_ENDLESS)


def is_active() -> bool:
    """Whether calls may retry.

    Example:
        >>> from undaunted import testing
        >>> testing.is_active()
        True
    """
    return switch() != 1


class LostResponse:
    """A fault in which the operation is applied, but its response is lost."""

    def __init__(self, error: Exception | type[Exception]) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"LostResponse({self.error!r})"


Fault: TypeAlias = Exception | type[Exception] | LostResponse | None
"""The outcome of a call: an exception is raised instead of making it, and None makes it."""


class FaultyStorage:
    """A storage whose first calls fail as its script says, without retries of its own.

    >>> from undaunted import RetryConfig, StorageConnectionError, retry, testing
    >>> storage = testing.FaultyStorage([StorageConnectionError("reset"), TimeoutError])
    >>>
    >>> @retry(RetryConfig(base_delay=0))
    ... async def upload(key: str, data: bytes) -> int:
    ...     return (await storage.put(key, data)).size
    >>>
    >>> import asyncio
    >>> asyncio.run(upload("a.txt", b"hello"))
    5
    >>> storage.calls
    [('put', 'a.txt'), ('put', 'a.txt'), ('put', 'a.txt')]

    Args:
        faults: The outcomes of the first calls, in order. Later calls succeed.
        storage: The storage that is called; default: a new storage in memory.
        operations: The names of the methods that fail, such as ``["put", "get_bytes"]``; default:
            all.

    Raises:
        TypeError: If a fault is none, or ``operations`` is no list of names.
        ValueError: If there is no such operation.
    """

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        storage: Any = None,
        *,
        operations: Iterable[str] | None = None,
    ) -> None:
        self._faults = deque(faults)
        for fault in self._faults:
            _check(fault)
        if storage is None:
            storage = ObjectStorage.open("memory://", retry=RetryConfig(max_retries=0))
        self.inner = storage
        """The storage without faults, to inspect its content."""
        self._operations = None if operations is None else self._names(operations)
        self.calls: list[tuple[str, str]] = []
        """The method and the key of each call."""

    @property
    def unused(self) -> list[Fault]:
        """The faults that no call has used yet."""
        return list(self._faults)

    def __repr__(self) -> str:
        return f"<FaultyStorage around {self.inner!r}, {len(self._faults)} faults left>"

    async def put(self, key: str, data: Any, **kwargs: Any) -> FileInfo:
        """Writes a file.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: What the storage takes.
            kwargs: What the method of the storage takes besides.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([TimeoutError])
            ...     try:
            ...         await storage.put("a.txt", b"hello")
            ...     except TimeoutError:
            ...         return storage.calls
            >>> asyncio.run(main())
            [('put', 'a.txt')]
        """
        return await self._call("put", key, lambda: self.inner.put(key, data, **kwargs))

    async def put_large(self, key: str, data: Any, **kwargs: Any) -> FileInfo:
        """Writes a file in parts.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: What the storage takes.
            kwargs: What the method of the storage takes besides.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([TimeoutError])
            ...     try:
            ...         await storage.put_large("a.txt", b"hello")
            ...     except TimeoutError:
            ...         return storage.calls
            >>> asyncio.run(main())
            [('put_large', 'a.txt')]
        """
        return await self._call("put_large", key, lambda: self.inner.put_large(key, data, **kwargs))

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        """Reads a file in chunks. A lost response breaks the body after its first chunk.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            Exception: The next fault of the script, at the first chunk or after it.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([testing.LostResponse(TimeoutError)])
            ...     await storage.inner.put("a.txt", b"hello")
            ...     chunks = []
            ...     try:
            ...         async for chunk in storage.get("a.txt"):
            ...             chunks.append(chunk)
            ...     except TimeoutError:
            ...         return chunks
            >>> asyncio.run(main())
            [b'hello']
        """
        fault = self._next("get", key)
        async with aclosing(_broken(self.inner.get(key), fault)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def get_bytes(self, key: str) -> bytes:
        """Reads a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([TimeoutError])
            ...     try:
            ...         await storage.get_bytes("a.txt")
            ...     except TimeoutError:
            ...         return storage.calls
            >>> asyncio.run(main())
            [('get_bytes', 'a.txt')]
        """
        return await self._call("get_bytes", key, lambda: self.inner.get_bytes(key))

    async def delete(self, key: str) -> None:
        """Deletes a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([testing.LostResponse(TimeoutError)])
            ...     await storage.inner.put("a.txt", b"hello")
            ...     try:
            ...         await storage.delete("a.txt")
            ...     except TimeoutError:  # its response was lost
            ...         return await storage.inner.exists("a.txt")
            >>> asyncio.run(main())
            False
        """
        await self._call("delete", key, lambda: self.inner.delete(key))

    async def exists(self, key: str) -> bool:
        """Whether the file exists.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([TimeoutError])
            ...     try:
            ...         await storage.exists("a.txt")
            ...     except TimeoutError:
            ...         return storage.calls
            >>> asyncio.run(main())
            [('exists', 'a.txt')]
        """
        return await self._call("exists", key, lambda: self.inner.exists(key))

    async def list(self, prefix: str = "", *, limit: int | None = None) -> AsyncIterator[FileInfo]:
        """The files whose keys begin with a prefix. A lost response breaks it after one.

        Args:
            prefix: The beginning of the keys; it need not end at a slash.
            limit: The maximum number of files; default: all.

        Raises:
            Exception: The next fault of the script, at the first file or after it.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([testing.LostResponse(TimeoutError)])
            ...     await storage.inner.put("a.txt", b"1")
            ...     await storage.inner.put("b.txt", b"2")
            ...     keys = []
            ...     try:
            ...         async for file in storage.list():
            ...             keys.append(file.key)
            ...     except TimeoutError:
            ...         return keys
            >>> asyncio.run(main())
            ['a.txt']
        """
        fault = self._next("list", prefix)
        async with aclosing(_broken(self.inner.list(prefix, limit=limit), fault)) as files:
            async for file in files:
                yield file

    async def info(self, key: str) -> FileInfo:
        """The description of a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([TimeoutError])
            ...     try:
            ...         await storage.info("a.txt")
            ...     except TimeoutError:
            ...         return storage.calls
            >>> asyncio.run(main())
            [('info', 'a.txt')]
        """
        return await self._call("info", key, lambda: self.inner.info(key))

    async def copy(self, source: str, destination: str) -> FileInfo:
        """Copies a file within the storage.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([TimeoutError])
            ...     try:
            ...         await storage.copy("a.txt", "b.txt")
            ...     except TimeoutError:
            ...         return storage.calls
            >>> asyncio.run(main())
            [('copy', 'a.txt')]
        """
        return await self._call("copy", source, lambda: self.inner.copy(source, destination))

    async def move(self, source: str, destination: str) -> FileInfo:
        """Moves a file within the storage.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([testing.LostResponse(TimeoutError)])
            ...     await storage.inner.put("a.txt", b"hello")
            ...     try:
            ...         await storage.move("a.txt", "b.txt")
            ...     except TimeoutError:  # its response was lost
            ...         return await storage.inner.exists("b.txt")
            >>> asyncio.run(main())
            True
        """
        return await self._call("move", source, lambda: self.inner.move(source, destination))

    async def url(self, key: str, **kwargs: Any) -> str:
        """A URL for reading the file.

        Args:
            key: The key of the file, relative to the storage's URL.
            kwargs: What the method of the storage takes besides.

        Raises:
            Exception: The next fault of the script.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage([TimeoutError])
            ...     try:
            ...         await storage.url("a.txt")
            ...     except TimeoutError:
            ...         return storage.calls
            >>> asyncio.run(main())
            [('url', 'a.txt')]
        """
        return await self._call("url", key, lambda: self.inner.url(key, **kwargs))

    async def close(self) -> None:
        """Closes the storage that is called.

        Example:
            >>> import asyncio
            >>> from undaunted import testing
            >>> async def main():
            ...     storage = testing.FaultyStorage()
            ...     await storage.close()
            >>> asyncio.run(main())
        """
        await self.inner.close()

    def _names(self, operations: Iterable[str]) -> frozenset[str]:
        """The operations, all of which must be there: a fault for no call would test nothing."""
        if isinstance(operations, str):
            raise TypeError(f"operations is {operations!r}, but must be a list: [{operations!r}]")
        names = tuple(operations)
        for name in names:
            is_of_subclass = isinstance(name, str) and callable(getattr(self, name, None))
            if name not in _OPERATIONS and (name in _OTHERS or not is_of_subclass):
                raise ValueError(
                    f"operations has {name!r}, but must be of {', '.join(_OPERATIONS)}"
                )
        return frozenset(names)

    async def _call(self, method: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        fault = self._next(method, key)
        result = await call()
        if fault is not None:
            raise fault.error
        return result

    def _next(self, method: str, key: str) -> LostResponse | None:
        self.calls.append((method, key))
        if not self._faults or not (self._operations is None or method in self._operations):
            return None
        fault = self._faults.popleft()
        if fault is None or isinstance(fault, LostResponse):
            return fault
        raise fault


async def _broken(items: AsyncIterator[T], fault: LostResponse | None) -> AsyncGenerator[T, None]:
    """The items; with a fault only the first, and then its error."""
    try:
        async for item in items:
            yield item
            if fault is not None:
                break
    finally:
        await close_generator(items)
    if fault is not None:
        raise fault.error


def chaos_storage(
    chaos: str,
    url: str = "memory://",
    options: Mapping[str, OptionValue] | None = None,
    *,
    retry: RetryConfig | None = None,
) -> ObjectStorage:
    """A storage like that of :meth:`Storage.open`, with seeded faults below its retries.

    They are the faults of ``undaunted cp --chaos``, the same on every machine.

    Args:
        chaos: A profile (``blackout``, ``flaky``, ``lossy``, ``throttled``), then ``key=value``
            pairs such as ``seed=5`` or ``rate=0.5``.
        url: As for :meth:`Storage.open`.
        options: As for :meth:`Storage.open`.
        retry: As for :meth:`Storage.open`.

    Raises:
        ValueError: If the profile or a value is unknown.

    Example:
        >>> from undaunted import testing
        >>> storage = testing.chaos_storage("flaky,seed=5")
        >>> storage.blocking.put("a.txt", b"hello").size
        5
    """
    return ObjectStorage(open_store(url, options or {}, retry, chaos))


def _check(fault: object) -> None:
    raised: object = fault.error if isinstance(fault, LostResponse) else fault
    is_type = isinstance(raised, type) and issubclass(raised, Exception)
    if not (raised is None or is_type or isinstance(raised, Exception)):
        raise TypeError(f"a fault is an exception, a LostResponse or None, not {fault!r}")


_OPERATIONS = (
    "put",
    "put_large",
    "get",
    "get_bytes",
    "delete",
    "exists",
    "list",
    "info",
    "copy",
    "move",
    "url",
)

_OTHERS = frozenset(vars(FaultyStorage)) - {*_OPERATIONS}
"""What takes no fault. A class derived from it may add operations."""

# The largest number that the core counts.
_ENDLESS = 2**32 - 1

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
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeAlias

from ._config import RetryConfig
from ._open import OptionValue, open_store
from ._protocol import FileInfo
from ._storage import ObjectStorage
from ._undaunted import set_switch, switch

__all__ = [
    "Fault",
    "FaultyStorage",
    "LostAnswer",
    "Switched",
    "chaos_storage",
    "is_active",
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        set_switch(self._before)


def set_active(active: bool) -> Switched:
    """``False`` switches retries off in this process, for functions and storages alike: every
    call makes one attempt. ``True`` switches them on again.
    """
    return Switched(None if active else 1)


def set_attempts(attempts: int | None) -> Switched:
    """Limits every call to this many attempts, without waits between them. ``None`` removes the
    limit. A configuration that allows fewer attempts still does.
    """
    if attempts is not None and attempts < 1:
        raise ValueError(f"attempts is {attempts}, but must be at least 1")
    return Switched(attempts)


def without_waits() -> Switched:
    """Lets calls retry as configured, but without waiting."""
    return Switched(_ENDLESS)


def is_active() -> bool:
    """Whether calls may retry."""
    return switch() != 1


class LostAnswer:
    """A fault in which the operation is applied, but its response is lost."""

    def __init__(self, error: Exception | type[Exception]) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"LostAnswer({self.error!r})"


Fault: TypeAlias = Exception | type[Exception] | LostAnswer | None
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
        operations: The names of the methods that fail; default: all.
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
        self._operations = None if operations is None else frozenset(operations)
        self.calls: list[tuple[str, str]] = []
        """The method and the key of each call."""

    @property
    def unused(self) -> list[Fault]:
        """The faults that no call has used yet."""
        return list(self._faults)

    async def put(self, key: str, data: Any, **kwargs: Any) -> FileInfo:
        """Writes a file."""
        file: FileInfo = await self._call("put", key, data, **kwargs)
        return file

    async def put_large(self, key: str, data: Any, **kwargs: Any) -> FileInfo:
        """Writes a file in parts."""
        file: FileInfo = await self._call("put_large", key, data, **kwargs)
        return file

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        """Reads a file in chunks. A lost response breaks the body after its first chunk."""
        fault = self._next("get", key)
        async for chunk in self.inner.get(key):
            yield chunk
            if fault is not None:
                raise fault.error
        if fault is not None:
            raise fault.error

    async def get_bytes(self, key: str) -> bytes:
        """Reads a file."""
        data: bytes = await self._call("get_bytes", key)
        return data

    async def delete(self, key: str) -> None:
        """Deletes a file."""
        await self._call("delete", key)

    async def exists(self, key: str) -> bool:
        """Whether the file exists."""
        there: bool = await self._call("exists", key)
        return there

    async def list(self, prefix: str = "", *, limit: int | None = None) -> AsyncIterator[FileInfo]:
        """The files whose keys begin with a prefix. A lost response breaks it after one."""
        fault = self._next("list", prefix)
        async for file in self.inner.list(prefix, limit=limit):
            yield file
            if fault is not None:
                raise fault.error
        if fault is not None:
            raise fault.error

    async def info(self, key: str) -> FileInfo:
        """The description of a file."""
        file: FileInfo = await self._call("info", key)
        return file

    async def copy(self, source: str, destination: str) -> FileInfo:
        """Copies a file within the storage."""
        file: FileInfo = await self._call("copy", source, destination)
        return file

    async def move(self, source: str, destination: str) -> FileInfo:
        """Moves a file within the storage."""
        file: FileInfo = await self._call("move", source, destination)
        return file

    async def url(self, key: str, **kwargs: Any) -> str:
        """A URL for reading the file."""
        url: str = await self._call("url", key, **kwargs)
        return url

    async def close(self) -> None:
        """Closes the storage that is called."""
        await self.inner.close()

    async def _call(self, method: str, key: str, *args: Any, **kwargs: Any) -> Any:
        fault = self._next(method, key)
        result = await getattr(self.inner, method)(key, *args, **kwargs)
        if fault is not None:
            raise fault.error
        return result

    def _next(self, method: str, key: str) -> LostAnswer | None:
        self.calls.append((method, key))
        if not self._faults or (self._operations and method not in self._operations):
            return None
        fault = self._faults.popleft()
        if fault is None or isinstance(fault, LostAnswer):
            return fault
        raise fault


def chaos_storage(
    chaos: str,
    url: str = "memory://",
    options: Mapping[str, OptionValue] | None = None,
    *,
    retry: RetryConfig | None = None,
) -> ObjectStorage:
    """A storage like that of :meth:`Storage.open`, with seeded faults below its retries.

    They are the faults of ``undaunted cp --chaos``, the same on every machine:

    >>> storage = chaos_storage("flaky,seed=5")

    Args:
        chaos: A profile (``blackout``, ``flaky``, ``lossy``, ``throttled``), then ``key=value``
            pairs such as ``seed=5`` or ``rate=0.5``.
        url: As for :meth:`Storage.open`.
        options: As for :meth:`Storage.open`.
        retry: As for :meth:`Storage.open`.
    """
    return ObjectStorage(open_store(url, options, {}, retry, chaos))


def _check(fault: object) -> None:
    raised: object = fault.error if isinstance(fault, LostAnswer) else fault
    is_type = isinstance(raised, type) and issubclass(raised, Exception)
    if not (raised is None or is_type or isinstance(raised, Exception)):
        raise TypeError(f"a fault is an exception, a LostAnswer or None, not {fault!r}")


# The largest number that the core counts.
_ENDLESS = 2**32 - 1

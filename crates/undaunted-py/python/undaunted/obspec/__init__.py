"""A storage for libraries that ask for the protocols of obspec, as obstore's stores have them.

>>> from undaunted.obspec import Store
>>> store = Store.open("memory://")
>>> result = store.put("a.txt", b"hello")
>>> bytes(store.get("a.txt").buffer())
b'hello'

All protocols are there, async and blocking. Exceptions are those of :class:`undaunted.Storage`
under the names that obspec prescribes, so that ``obspec.exceptions.map_exception`` knows them.
obspec itself need not be installed.

What a storage does not have raises a :class:`NotSupportedError`: tags, a write on condition that
the object is of some version, and attributes other than ``Content-Type`` and names of your own.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import _bridge, blocking
from .._config import RetryConfig
from .._data import async_parts, parts
from .._hedge import Hedge
from .._open import DEFAULT_CONCURRENCY, DEFAULT_PART_SIZE
from .._storage import ObjectStorage
from ._errors import (
    AlreadyExistsError,
    InvalidPathError,
    NotFoundError,
    NotModifiedError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    prescribed,
)
from ._values import (
    GetResult,
    GetResultAsync,
    WriteOptions,
    end_of,
    ends_of,
    folder,
    meta_of,
    opened,
    read_options,
    result_of_put,
)

if TYPE_CHECKING:
    from obspec import Attributes, GetOptions, ListResult, ObjectMeta, PutMode, PutResult

    from .._open import OptionValue

__all__ = [
    "AlreadyExistsError",
    "GetResult",
    "GetResultAsync",
    "InvalidPathError",
    "NotFoundError",
    "NotModifiedError",
    "NotSupportedError",
    "PermissionDeniedError",
    "PreconditionError",
    "Store",
    "UnauthenticatedError",
]


class Store:
    """A storage with the methods of obspec's protocols.

    Args:
        storage: The storage, from :meth:`undaunted.Storage.open`.

    Example:
        >>> from undaunted import Storage
        >>> from undaunted.obspec import Store
        >>> Store(Storage.open("memory:///reports"))
        Store(<ObjectStorage memory:///reports>)
    """

    def __init__(self, storage: ObjectStorage) -> None:
        if not isinstance(storage, ObjectStorage):
            raise TypeError(
                "storage must be from undaunted.Storage.open, not a " + type(storage).__name__
            )
        self._storage = storage
        self._store = storage._store

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        options: Mapping[str, OptionValue] | None = None,
        *,
        retry: RetryConfig | None = None,
        hedge: bool | Hedge = False,
        **more_options: OptionValue,
    ) -> Store:
        """Opens the storage that a URL points into, as :meth:`undaunted.Storage.open` does.

        Args:
            url: The URL or the path of the storage.
            options: Options of the store by object_store's names.
            retry: How all operations are retried; default: :meth:`RetryConfig.storage`.
            hedge: Whether reads that take long are sent a second time; see
                :class:`undaunted.Hedge`.
            more_options: Options as keyword arguments.

        Raises:
            StorageConfigurationError: If the scheme or an option is unknown, or an option is
                missing.

        Example:
            >>> from undaunted.obspec import Store
            >>> Store.open("memory://")
            Store(<ObjectStorage memory://>)
        """
        return cls(ObjectStorage.open(url, options, retry=retry, hedge=hedge, **more_options))

    def __repr__(self) -> str:
        return f"Store({self._storage!r})"

    def __eq__(self, other: object) -> bool:
        """Stores are equal if their storages were opened with the same."""
        if not isinstance(other, Store) or type(self) is not type(other):
            return NotImplemented
        return self._storage == other._storage

    def __hash__(self) -> int:
        return hash((type(self).__qualname__, self._storage))

    def __reduce__(self) -> tuple[Any, ...]:
        """It can be pickled as its storage can, which the other process opens again."""
        return type(self), (self._storage,)

    def get(self, path: str, *, options: GetOptions | None = None) -> GetResult:
        """Begins to read an object, or a part of it.

        Args:
            path: The path of the object, relative to the storage's URL.
            options: A range, and conditions, as obspec's ``GetOptions`` names them.

        Raises:
            NotFoundError: If the object does not exist.
            NotModifiedError: If a condition says that it is not to be read.
            PreconditionError: If it is another version than the one that a condition names.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> store.get("a.txt").buffer()
            b'hello'
        """
        with prescribed():
            return GetResult(blocking.result_of(self._store.get(path, read_options(options))))

    async def get_async(self, path: str, *, options: GetOptions | None = None) -> GetResultAsync:
        """Begins to read an object, or a part of it.

        Args:
            path: The path of the object, relative to the storage's URL.
            options: A range, and conditions, as obspec's ``GetOptions`` names them.

        Raises:
            NotFoundError: If the object does not exist.
            NotModifiedError: If a condition says that it is not to be read.
            PreconditionError: If it is another version than the one that a condition names.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     return await (await store.get_async("a.txt")).buffer_async()
            >>> asyncio.run(main(Store.open("memory://")))
            b'hello'
        """
        with prescribed():
            made = self._store.get(path, read_options(options))
            return GetResultAsync(await _bridge.result_of(made))

    def get_range(
        self, path: str, *, start: int, end: int | None = None, length: int | None = None
    ) -> bytes:
        """Reads a part of an object.

        Args:
            path: The path of the object, relative to the storage's URL.
            start: Where the part begins.
            end: Where it ends; give this or ``length``.
            length: The bytes in it.

        Raises:
            NotFoundError: If the object does not exist.
            ValueError: If both ``end`` and ``length`` are given, or neither.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> store.get_range("a.txt", start=1, length=3)
            b'ell'
        """
        with prescribed():
            stop = end_of(start, end, length)
            return blocking.result_of(self._store.get_range(path, start, stop, None))

    async def get_range_async(
        self, path: str, *, start: int, end: int | None = None, length: int | None = None
    ) -> bytes:
        """Reads a part of an object.

        Args:
            path: The path of the object, relative to the storage's URL.
            start: Where the part begins.
            end: Where it ends; give this or ``length``.
            length: The bytes in it.

        Raises:
            NotFoundError: If the object does not exist.
            ValueError: If both ``end`` and ``length`` are given, or neither.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     return await store.get_range_async("a.txt", start=1, length=3)
            >>> asyncio.run(main(Store.open("memory://")))
            b'ell'
        """
        with prescribed():
            stop = end_of(start, end, length)
            return await _bridge.result_of(self._store.get_range(path, start, stop, None))

    def get_ranges(
        self,
        path: str,
        *,
        starts: Sequence[int],
        ends: Sequence[int] | None = None,
        lengths: Sequence[int] | None = None,
    ) -> list[bytes]:
        """Reads parts of an object, some at the same time. All are of the same version: if another
        takes its place meanwhile, a :class:`PreconditionError` says so.

        Args:
            path: The path of the object, relative to the storage's URL.
            starts: Where the parts begin.
            ends: Where they end; give this or ``lengths``.
            lengths: The bytes in each.

        Raises:
            NotFoundError: If the object does not exist.
            PreconditionError: If another object takes its place meanwhile.
            ValueError: If both ``ends`` and ``lengths`` are given, or neither.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> store.get_ranges("a.txt", starts=[0, 4], lengths=[1, 1])
            [b'h', b'o']
        """
        with prescribed():
            wanted = ends_of(starts, ends, lengths)
            return blocking.result_of(self._store.get_ranges(path, wanted))

    async def get_ranges_async(
        self,
        path: str,
        *,
        starts: Sequence[int],
        ends: Sequence[int] | None = None,
        lengths: Sequence[int] | None = None,
    ) -> list[bytes]:
        """Reads parts of an object, some at the same time. All are of the same version: if another
        takes its place meanwhile, a :class:`PreconditionError` says so.

        Args:
            path: The path of the object, relative to the storage's URL.
            starts: Where the parts begin.
            ends: Where they end; give this or ``lengths``.
            lengths: The bytes in each.

        Raises:
            NotFoundError: If the object does not exist.
            PreconditionError: If another object takes its place meanwhile.
            ValueError: If both ``ends`` and ``lengths`` are given, or neither.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     return await store.get_ranges_async("a.txt", starts=[0, 4], lengths=[1, 1])
            >>> asyncio.run(main(Store.open("memory://")))
            [b'h', b'o']
        """
        with prescribed():
            wanted = ends_of(starts, ends, lengths)
            return await _bridge.result_of(self._store.get_ranges(path, wanted))

    def head(self, path: str) -> ObjectMeta:
        """The description of an object.

        Args:
            path: The path of the object, relative to the storage's URL.

        Raises:
            NotFoundError: If the object does not exist.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> store.head("a.txt")["size"]
            5
        """
        with prescribed():
            return meta_of(blocking.result_of(self._store.info(path)))

    async def head_async(self, path: str) -> ObjectMeta:
        """The description of an object.

        Args:
            path: The path of the object, relative to the storage's URL.

        Raises:
            NotFoundError: If the object does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     return (await store.head_async("a.txt"))["size"]
            >>> asyncio.run(main(Store.open("memory://")))
            5
        """
        with prescribed():
            return meta_of(await _bridge.result_of(self._store.info(path)))

    def put(
        self,
        path: str,
        file: Any,
        *,
        attributes: Attributes | None = None,
        tags: dict[str, str] | None = None,
        mode: PutMode | None = None,
        use_multipart: bool | None = None,
        chunk_size: int = DEFAULT_PART_SIZE,
        max_concurrency: int = DEFAULT_CONCURRENCY,
    ) -> PutResult:
        """Writes an object: in parts if it is larger than ``chunk_size``, and in one if it must
        not replace another, or ``use_multipart`` is false.

        Args:
            path: The path of the object, relative to the storage's URL.
            file: Bytes, a file, the path of one, or a stream of bytes.
            attributes: ``Content-Type``, and names and values of your own.
            tags: Not supported.
            mode: ``"create"`` if no object may be replaced; default: ``"overwrite"``.
            use_multipart: Whether it is written in parts; default: if it is larger than one.
            chunk_size: Bytes in a part.
            max_concurrency: Parts in flight.

        Raises:
            AlreadyExistsError: If the object exists and the mode is ``"create"``.
            NotSupportedError: If tags are given, or what a storage cannot keep.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> sorted(store.put("b.txt", b"hello", attributes={"Content-Type": "text/plain"}))
            ['e_tag', 'version']
        """
        write = WriteOptions(attributes, tags, mode)
        storage = self._storage.blocking
        with prescribed(), opened(file) as data:
            if write.overwrite and use_multipart is not False:
                stored = storage.put_large(
                    path,
                    data,
                    part_size=chunk_size,
                    concurrency=max_concurrency,
                    **write.described,
                )
            else:
                whole = b"".join(parts(data, chunk_size))
                stored = storage.put(path, whole, overwrite=write.overwrite, **write.described)
        return result_of_put(stored)

    async def put_async(
        self,
        path: str,
        file: Any,
        *,
        attributes: Attributes | None = None,
        tags: dict[str, str] | None = None,
        mode: PutMode | None = None,
        use_multipart: bool | None = None,
        chunk_size: int = DEFAULT_PART_SIZE,
        max_concurrency: int = DEFAULT_CONCURRENCY,
    ) -> PutResult:
        """Writes an object: in parts if it is larger than ``chunk_size``, and in one if it must
        not replace another, or ``use_multipart`` is false.

        Args:
            path: The path of the object, relative to the storage's URL.
            file: Bytes, a file, the path of one, or a stream of bytes.
            attributes: ``Content-Type``, and names and values of your own.
            tags: Not supported.
            mode: ``"create"`` if no object may be replaced; default: ``"overwrite"``.
            use_multipart: Whether it is written in parts; default: if it is larger than one.
            chunk_size: Bytes in a part.
            max_concurrency: Parts in flight.

        Raises:
            AlreadyExistsError: If the object exists and the mode is ``"create"``.
            NotSupportedError: If tags are given, or what a storage cannot keep.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     return sorted(await store.put_async("b.txt", b"hello"))
            >>> asyncio.run(main(Store.open("memory://")))
            ['e_tag', 'version']
        """
        write = WriteOptions(attributes, tags, mode)
        with prescribed(), opened(file) as data:
            if write.overwrite and use_multipart is not False:
                stored = await self._storage.put_large(
                    path,
                    data,
                    part_size=chunk_size,
                    concurrency=max_concurrency,
                    **write.described,
                )
            else:
                whole = b"".join([part async for part in async_parts(data, chunk_size)])
                stored = await self._storage.put(
                    path, whole, overwrite=write.overwrite, **write.described
                )
        return result_of_put(stored)

    def delete(self, paths: str | Sequence[str]) -> None:
        """Deletes objects, many in a request where the service can. A missing one is no error.

        Args:
            paths: The path of an object, or paths of many.

        Raises:
            PermissionDeniedError: If the credentials do not allow it.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> store.delete(["a.txt", "missing.txt"])
        """
        keys = [paths] if isinstance(paths, str) else list(paths)
        with prescribed():
            blocking.result_of(self._store.delete_many(keys))

    async def delete_async(self, paths: str | Sequence[str]) -> None:
        """Deletes objects, many in a request where the service can. A missing one is no error.

        Args:
            paths: The path of an object, or paths of many.

        Raises:
            PermissionDeniedError: If the credentials do not allow it.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     await store.delete_async(["a.txt", "missing.txt"])
            >>> asyncio.run(main(Store.open("memory://")))
        """
        keys = [paths] if isinstance(paths, str) else list(paths)
        with prescribed():
            await _bridge.result_of(self._store.delete_many(keys))

    def list(
        self, prefix: str | None = None, *, offset: str | None = None
    ) -> Iterator[Sequence[ObjectMeta]]:
        """The objects in a folder, at any depth, whose paths come after ``offset``.

        Args:
            prefix: The folder; default: all of the storage.
            offset: Only objects whose paths come after this one.

        Raises:
            PermissionDeniedError: If the credentials do not allow it.
            StorageError: If the storage fails, also after some of the objects.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> [each["path"] for batch in store.list() for each in batch]
            ['a.txt']
        """
        with prescribed():
            listing = self._store.list(folder(prefix), None)
            while (batch := blocking.result_of(listing.next())) is not None:
                if found := [meta_of(each) for each in batch if each.key > (offset or "")]:
                    yield found

    async def list_async(
        self, prefix: str | None = None, *, offset: str | None = None
    ) -> AsyncIterator[Sequence[ObjectMeta]]:
        """The objects in a folder, at any depth, whose paths come after ``offset``.

        Args:
            prefix: The folder; default: all of the storage.
            offset: Only objects whose paths come after this one.

        Raises:
            PermissionDeniedError: If the credentials do not allow it.
            StorageError: If the storage fails, also after some of the objects.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     return [each["path"] async for batch in store.list_async() for each in batch]
            >>> asyncio.run(main(Store.open("memory://")))
            ['a.txt']
        """
        with prescribed():
            listing = self._store.list(folder(prefix), None)
            while (batch := await _bridge.result_of(listing.next())) is not None:
                if found := [meta_of(each) for each in batch if each.key > (offset or "")]:
                    yield found

    def list_with_delimiter(self, prefix: str | None = None) -> ListResult[Sequence[ObjectMeta]]:
        """The objects directly in a folder, and the folders in it.

        Args:
            prefix: The folder; default: the top of the storage.

        Raises:
            PermissionDeniedError: If the credentials do not allow it.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> store.list_with_delimiter()["objects"][0]["path"]
            'a.txt'
        """
        with prescribed():
            files, folders = blocking.result_of(self._store.list_folder(prefix or ""))
        return {"common_prefixes": folders, "objects": [meta_of(each) for each in files]}

    async def list_with_delimiter_async(
        self, prefix: str | None = None
    ) -> ListResult[Sequence[ObjectMeta]]:
        """The objects directly in a folder, and the folders in it.

        Args:
            prefix: The folder; default: the top of the storage.

        Raises:
            PermissionDeniedError: If the credentials do not allow it.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     return (await store.list_with_delimiter_async())["objects"][0]["path"]
            >>> asyncio.run(main(Store.open("memory://")))
            'a.txt'
        """
        with prescribed():
            files, folders = await _bridge.result_of(self._store.list_folder(prefix or ""))
        return {"common_prefixes": folders, "objects": [meta_of(each) for each in files]}

    def copy(self, from_: str, to: str, *, overwrite: bool = True) -> None:
        """Copies an object within the store.

        Args:
            from_: The path of the object that is there.
            to: The path that it gets.
            overwrite: Whether an object that is there is replaced.

        Raises:
            NotFoundError: If the object does not exist.
            AlreadyExistsError: If there is an object at ``to`` and ``overwrite`` is false.
            NotSupportedError: If the service cannot check that; the message says what to do.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> store.copy("a.txt", "b.txt")
            >>> store.get("b.txt").buffer()
            b'hello'
        """
        with prescribed():
            blocking.result_of(self._store.copy(from_, to, overwrite))

    async def copy_async(self, from_: str, to: str, *, overwrite: bool = True) -> None:
        """Copies an object within the store.

        Args:
            from_: The path of the object that is there.
            to: The path that it gets.
            overwrite: Whether an object that is there is replaced.

        Raises:
            NotFoundError: If the object does not exist.
            AlreadyExistsError: If there is an object at ``to`` and ``overwrite`` is false.
            NotSupportedError: If the service cannot check that; the message says what to do.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     await store.copy_async("a.txt", "b.txt")
            ...     return (await store.head_async("b.txt"))["size"]
            >>> asyncio.run(main(Store.open("memory://")))
            5
        """
        with prescribed():
            await _bridge.result_of(self._store.copy(from_, to, overwrite))

    def rename(self, from_: str, to: str, *, overwrite: bool = True) -> None:
        """Moves an object within the store.

        Args:
            from_: The path of the object that is there.
            to: The path that it gets.
            overwrite: Whether an object that is there is replaced.

        Raises:
            NotFoundError: If the object does not exist.
            AlreadyExistsError: If there is an object at ``to`` and ``overwrite`` is false.
            NotSupportedError: If the service cannot check that; the message says what to do.

        Example:
            >>> from undaunted.obspec import Store
            >>> store = Store.open("memory://")
            >>> stored = store.put("a.txt", b"hello")
            >>> store.rename("a.txt", "b.txt")
            >>> store.get("b.txt").buffer()
            b'hello'
        """
        with prescribed():
            blocking.result_of(self._store.move(from_, to, overwrite))

    async def rename_async(self, from_: str, to: str, *, overwrite: bool = True) -> None:
        """Moves an object within the store.

        Args:
            from_: The path of the object that is there.
            to: The path that it gets.
            overwrite: Whether an object that is there is replaced.

        Raises:
            NotFoundError: If the object does not exist.
            AlreadyExistsError: If there is an object at ``to`` and ``overwrite`` is false.
            NotSupportedError: If the service cannot check that; the message says what to do.

        Example:
            >>> import asyncio
            >>> from undaunted.obspec import Store
            >>> async def main(store: Store):
            ...     await store.put_async("a.txt", b"hello")
            ...     await store.rename_async("a.txt", "b.txt")
            ...     return (await store.head_async("b.txt"))["size"]
            >>> asyncio.run(main(Store.open("memory://")))
            5
        """
        with prescribed():
            await _bridge.result_of(self._store.move(from_, to, overwrite))

"""``Listing``: what there is. Directories are made of the slashes in keys."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import re
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from .._bridge import result_of
from .._errors import StorageFileNotFoundError
from .._types import StoredFile
from ._base import Base, Entry, named
from ._blocking import blocking
from ._fsspec import tokenize
from ._together import side_by_side


class Listing(Base):
    """Descriptions and lists."""

    async def _info(self, path: str, refresh: bool = False, **_: Any) -> Entry:
        wants_directory = path.endswith("/")
        path = self._strip_protocol(path)
        if not refresh and self.dircache.use_listings_cache:
            for entry in self._siblings(path) or ():
                if entry["name"] == path:
                    return entry
        with named(path):
            if not path:
                return directory(path)
            store, key = self._store(path)
            if not key:
                # The list of a bucket that does not exist is an error.
                await result_of(store.is_folder(""))
                return directory(path)
            if not wants_directory:
                try:
                    return described(path, await result_of(store.info(key)))
                except FileNotFoundError:
                    if not await result_of(store.is_folder(key)):
                        raise
                    return directory(path)
            if await result_of(store.is_folder(key)):
                return directory(path)
            raise StorageFileNotFoundError(path)

    async def _ls(
        self, path: str, detail: bool = True, refresh: bool = False, **_: Any
    ) -> list[Any]:
        path = self._strip_protocol(path)
        entries: list[Entry] | None = None if refresh else self.dircache.get(path)
        if entries is None:
            entries = await self._list(path)
            # A file is in the list of its parent.
            if not (len(entries) == 1 and entries[0]["name"] == path):
                self.dircache[path] = entries
        return list(entries) if detail else [entry["name"] for entry in entries]

    async def _list(self, path: str) -> list[Entry]:
        with named(path):
            store, key = self._store(path)
            base = _base(path, key)
            files, folders = await result_of(store.list_folder(key))
            entries = [directory(f"{base}{folder}") for folder in folders]
            entries += [described(f"{base}{file.key}", file) for file in files]
            if entries or not key:
                return sorted(entries, key=lambda entry: str(entry["name"]))
        entry = await self._info(path, refresh=True)
        return [] if entry["type"] == "directory" else [entry]

    async def _find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        prefix: str = "",
        **kwargs: Any,
    ) -> Any:
        """Without a limit of the depth this is one list, of as many pages as it takes."""
        if maxdepth is not None and maxdepth < 1:
            raise ValueError(f"maxdepth is {maxdepth}, but must be at least 1")
        path = self._strip_protocol(path)
        found: dict[str, Entry]
        if maxdepth is None:
            found = await self._find_all(path, withdirs, prefix)
        else:
            refresh = bool(kwargs.get("refresh", False))
            found = await self._find_levels(path, maxdepth, withdirs, refresh)
            if prefix:
                start = f"{path}/{prefix}"
                found = {name: found[name] for name in found if name.startswith(start)}
        if not found and not prefix:
            entry = await self._info_or_none(path)
            if entry is not None and (entry["type"] == "file" or withdirs):
                found = {path: entry}
        directories = DIRECTORIES.get()
        if directories is not None:
            directories.note(found)
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    async def _find_levels(
        self, path: str, maxdepth: int, withdirs: bool, refresh: bool
    ) -> dict[str, Entry]:
        """The directories of a level are listed side by side: in turn, each would wait for the
        retries of those before it.
        """
        found: dict[str, Entry] = {}
        if withdirs and path and await self._isdir(path):
            found[path] = await self._info(path)
        level: list[str] = [path]
        for _ in range(maxdepth):
            lists = [self._ls_or_none(each, refresh) for each in level]
            level.clear()
            for listed in await side_by_side(lists, self.batch_size):
                for entry in listed:
                    if entry["type"] == "directory":
                        level.append(entry["name"])
                    if entry["type"] != "directory" or withdirs:
                        found[entry["name"]] = entry
            if not level:
                break
        return found

    async def _ls_or_none(self, path: str, refresh: bool) -> list[Entry]:
        try:
            entries: list[Entry] = await self._ls(path, refresh=refresh)
            return entries
        except FileNotFoundError:
            return []

    async def _find_all(self, path: str, withdirs: bool, prefix: str) -> dict[str, Entry]:
        files: dict[str, Entry] = {}
        directories: dict[str, Entry] = {}
        with named(path):
            storage, key = self._locate(path)
            base = _base(path, key)
            start = f"{key}/{prefix}" if key else prefix
            async for stored in storage.list(start):
                name = f"{base}{stored.key}"
                files[name] = described(name, stored)
                parent = self._parent(name)
                while withdirs and len(parent) >= len(path) and parent not in directories:
                    directories[parent] = directory(parent)
                    parent = self._parent(parent)
        directories.pop("", None)
        if prefix:
            directories.pop(path, None)
        return {**directories, **files}

    async def _walk(
        self,
        path: str,
        maxdepth: int | None = None,
        topdown: bool = True,
        on_error: Any = "omit",
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """``on_error="omit"`` leaves out what does not exist. What could not be listed for another
        reason is an error: a result without it would be wrong.
        """
        handler: Any = _omit_missing if on_error == "omit" else on_error
        async for step in super()._walk(
            path, maxdepth=maxdepth, topdown=topdown, on_error=handler, **kwargs
        ):
            yield step

    async def _exists(self, path: str, **kwargs: Any) -> bool:
        return await self._info_or_none(path, **kwargs) is not None

    async def _isfile(self, path: str) -> bool:
        entry = await self._info_or_none(path)
        return entry is not None and entry["type"] == "file"

    async def _isdir(self, path: str) -> bool:
        entry = await self._info_or_none(path)
        return entry is not None and entry["type"] == "directory"

    async def _du(
        self,
        path: str,
        total: bool = True,
        maxdepth: int | None = None,
        withdirs: bool = False,
        **kwargs: Any,
    ) -> Any:
        found = await self._find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True, **kwargs)
        sizes = {name: int(entry["size"] or 0) for name, entry in found.items()}
        return sum(sizes.values()) if total else sizes

    async def _modified(self, path: str) -> datetime:
        """When a file was written.

        Args:
            path: The path of the file, with the bucket.

        Raises:
            FileNotFoundError: If the file does not exist.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> fs.write_bytes("data/a.csv", b"1,2")
            >>> fs.modified("data/a.csv").tzname()
            'UTC'
        """
        entry = await self._file_info(path)
        modified: datetime = entry["LastModified"]
        return modified

    async def _created(self, path: str) -> datetime:
        """When a file was written: an object is never changed, only written anew.

        Args:
            path: The path of the file, with the bucket.

        Raises:
            FileNotFoundError: If the file does not exist.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> fs.write_bytes("data/a.csv", b"1,2")
            >>> fs.created("data/a.csv") == fs.modified("data/a.csv")
            True
        """
        return await self._modified(path)

    async def _checksum(self, path: str) -> int:
        """A number that changes with the content: the MD5 where the ETag is one.

        Args:
            path: The path of the file, with the bucket.

        Raises:
            FileNotFoundError: If the file does not exist.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> fs.write_bytes("data/a.csv", b"1,2")
            >>> before = fs.checksum("data/a.csv")
            >>> fs.write_bytes("data/a.csv", b"1,2,3")
            >>> fs.checksum("data/a.csv") == before
            False
        """
        entry = await self._info(path, refresh=True)
        etag = str(entry.get("ETag") or "").strip('"')
        if re.fullmatch("[0-9a-f]{32}", etag):
            return int(etag, 16)
        token = tokenize(entry["type"], etag, entry["size"], entry.get("LastModified"))
        return int(token, 16)

    async def _sign(self, path: str, expiration: float = 100, **kwargs: Any) -> str:
        """A URL with which anyone can read the file; ``method="PUT"`` makes one for writing.

        Args:
            path: The path of the file, with the bucket.
            expiration: The lifetime of the URL in seconds.
            kwargs: ``method``, such as ``"PUT"``.

        Raises:
            StorageUnsupportedError: If the storage cannot sign URLs.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("s3", key="key", secret="secret", aws_region="eu-west-1")
            >>> fs.sign("bucket/a.csv").partition("?")[0]
            'https://s3.eu-west-1.amazonaws.com/bucket/a.csv'
        """
        with named(path):
            storage, key = self._locate(path)
            method = str(kwargs.get("client_method", kwargs.get("method", "GET")))
            method = {"get_object": "GET", "put_object": "PUT"}.get(method, method)
            return await storage.url(key, expires_in=expiration, method=method)

    modified: Any = blocking(_modified)
    created: Any = blocking(_created)
    checksum: Any = blocking(_checksum)
    sign: Any = blocking(_sign)

    async def _info_or_none(self, path: str, **kwargs: Any) -> Entry | None:
        try:
            return await self._info(path, **kwargs)
        except FileNotFoundError:
            return None

    async def _file_info(self, path: str) -> Entry:
        entry = await self._info(path, refresh=True)
        if entry["type"] != "file":
            raise IsADirectoryError(f"{path} is a directory, which has no time")
        return entry

    def _siblings(self, path: str) -> list[Entry] | None:
        entries: list[Entry] | None = self.dircache.get(self._parent(path))
        return entries


class Directories(set[str]):
    """The directories that were found. What is an object, too, is none of them: as a file it would
    be left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._files: set[str] = set()

    def note(self, found: dict[str, Entry]) -> None:
        """Notes what a list has."""
        self._files.update(name for name, entry in found.items() if entry["type"] == "file")
        self.update(found)
        self.difference_update(self._files)


@contextmanager
def remembered_directories() -> Generator[Directories]:
    """The directories that are found meanwhile: fsspec hands them over as if they were files."""
    directories = Directories()
    token = DIRECTORIES.set(directories)
    try:
        yield directories
    finally:
        DIRECTORIES.reset(token)


DIRECTORIES: ContextVar[Directories | None] = ContextVar("DIRECTORIES", default=None)


def directory(path: str) -> Entry:
    """The description of a directory."""
    return {"name": path, "size": 0, "type": "directory"}


def described(path: str, stored: StoredFile) -> Entry:
    """The description of a file."""
    entry: Entry = {
        "name": path,
        "size": stored.size,
        "type": "file",
        "ETag": stored.etag,
        "LastModified": stored.last_modified,
    }
    if stored.content_type is not None:
        entry["ContentType"] = stored.content_type
    if stored.metadata:
        entry["metadata"] = stored.metadata
    return entry


def _base(path: str, key: str) -> str:
    """What is before the keys in all paths: ``bucket/``."""
    if key:
        return path.removesuffix(key)
    return f"{path}/" if path else ""


def _omit_missing(error: BaseException) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error

"""``FileSystem``: reads, writes, copies and deletes on top of the lists."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import errno
from glob import has_magic
from typing import Any

from .._bridge import result_of
from .._errors import StorageError, StorageFileNotFoundError, StorageUnsupportedError
from ._async_file import AsyncFile
from ._base import named
from ._file import WRITE_BLOCK, File
from ._fsspec import DEFAULT_CALLBACK, isfilelike, side_by_side, sync_wrapper
from ._layers import opened
from ._listing import DIRECTORIES, Listing, remembered_directories
from ._local import LocalTarget, is_folder, make_folder, size_of, to_read, type_of
from ._ranges import merged
from ._transaction import Deferred


class FileSystem(Listing):
    """An object store as a file system, whose operations are all retried.

    Lost responses are resolved, interrupted reads are resumed, and all operations on a bucket share
    a retry budget and a pace. It is one of the classes for a service:

    >>> from undaunted.fsspec import FileSystem
    >>> fs = FileSystem("memory")
    >>> fs.pipe("reports/2026.csv", b"a,b")
    >>> fs.find("reports")
    ['reports/2026.csv']

    Args:
        protocol: ``"s3"``, ``"gs"``, ``"az"`` or ``"memory"``, or another name of these.
        retry: How all operations are retried, a :class:`~undaunted.RetryConfig` or a mapping of
            its fields; default: :meth:`RetryConfig.storage <undaunted.RetryConfig.storage>`.
        default_block_size: Bytes that are read ahead and bytes in a part of a file that is
            written; default: 5 MiB and 16 MiB.
        default_cache_type: How files are read ahead, by fsspec's names.
        max_concurrency: Parts of a file in flight.
        use_listings_cache: Whether lists are kept and used again. They are not by default, since
            another process may write.
        listings_expiry_time: How long they are kept, in seconds.
        max_paths: The maximum number of lists that are kept.
        asynchronous: Whether its coroutines are called from an event loop.
        loop: The event loop for blocking calls; default: that of fsspec.
        batch_size: Files that are transferred side by side; default: that of fsspec.
        options: Options of the store, by object_store's names or those of s3fs, gcsfs and adlfs.
    """

    def __new__(cls, protocol: str | None = None, *_: Any, **__: Any) -> Any:
        if cls is not FileSystem:
            return super().__new__(cls)
        if protocol is None:
            raise TypeError('FileSystem needs a protocol, as in FileSystem("s3")')
        from ._services import class_of

        return object.__new__(class_of(protocol))

    async def _cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        path = self._strip_protocol(path)
        store, key = self._key(path)
        with named(path):
            if start is None and end is None:
                return await result_of(store.get_bytes(key))
            if (start or 0) < 0 or (end or 0) < 0:
                size = (await self._info(path, refresh=True))["size"]
                start, end = slice(start, end).indices(size)[:2]
            start = start or 0
            if end is not None and end <= start:
                return b""
            try:
                return await result_of(store.get_range(key, start, end, None))
            except FileNotFoundError:
                raise
            except StorageError:
                # Services call it an error if nothing of the range exists.
                if start >= (await self._info(path, refresh=True)).get("size", 0):
                    return b""
                raise

    async def _cat(
        self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any
    ) -> Any:
        if recursive:
            with remembered_directories() as directories:
                found = await self._expand_path(path, recursive=True)
            path = [each for each in found if each not in directories]
        return await super()._cat(path, on_error=on_error, **kwargs)

    async def _cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        batch_size: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[Any]:
        """Ranges of a file that are at most ``max_gap`` bytes apart (default: 64 KiB) are read by
        one request.
        """
        if not isinstance(paths, list):
            raise TypeError(f"paths must be a list, not {type(paths).__name__}")
        starts = _as_list(starts, len(paths))
        ends = _as_list(ends, len(paths))
        if not len(paths) == len(starts) == len(ends):
            raise ValueError("paths, starts and ends must be of one length")
        reads = merged(paths, starts, ends, max_gap)
        parts = await side_by_side(
            [self._cat_file(read.path, read.start, read.end) for read in reads],
            batch_size=batch_size or self.batch_size,
            nofiles=True,
            return_exceptions=True,
        )
        results: list[Any] = [None] * len(paths)
        for read, part in zip(reads, parts, strict=True):
            if isinstance(part, BaseException) and on_error != "return":
                raise part
            for place in read.places:
                results[place] = read.cut(part, starts[place], ends[place])
        return results

    async def _pipe_file(
        self,
        path: str,
        value: Any,
        mode: str = "overwrite",
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
        **_: Any,
    ) -> None:
        path = self._strip_protocol(path)
        storage, key = self._locate(path)
        self._key(path)
        overwrite = mode != "create"
        if self._intrans:
            content = bytes(value)
            self.transaction.files.append(
                Deferred(
                    self,
                    path,
                    lambda: storage.blocking.put(
                        key,
                        content,
                        content_type=content_type,
                        metadata=metadata,
                        overwrite=overwrite,
                    ),
                )
            )
            return
        with named(path):
            if overwrite and len(value) > WRITE_BLOCK:
                await storage.put_large(
                    key,
                    value,
                    content_type=content_type,
                    metadata=metadata,
                    part_size=self.default_block_size or WRITE_BLOCK,
                    concurrency=self.max_concurrency,
                )
            else:
                await storage.put(
                    key,
                    value,
                    content_type=content_type,
                    metadata=metadata,
                    overwrite=overwrite,
                )
        self.invalidate_cache(path)

    async def _put_file(
        self,
        lpath: str,
        rpath: str,
        mode: str = "overwrite",
        callback: Any = DEFAULT_CALLBACK,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
        **_: Any,
    ) -> None:
        if is_folder(lpath):
            return
        path = self._strip_protocol(rpath)
        storage, key = self._locate(path)
        self._key(path)
        content_type = content_type or type_of(lpath)
        callback.set_size(size_of(lpath))
        if mode == "create" or self._intrans:
            # A condition, or a delay, needs the whole content.
            with to_read(lpath) as file:
                content = file.read()
            await self._pipe_file(
                path, content, mode=mode, content_type=content_type, metadata=metadata
            )
            callback.absolute_update(len(content))
            return
        with named(path), to_read(lpath) as file:
            await storage.put_large(
                key,
                file,
                content_type=content_type,
                metadata=metadata,
                part_size=self.default_block_size or WRITE_BLOCK,
                concurrency=self.max_concurrency,
                progress_callback=lambda info: callback.absolute_update(info.bytes_transferred),
            )
        self.invalidate_cache(path)

    async def _get_file(
        self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, **_: Any
    ) -> None:
        """A local file appears, or is replaced, only once it is complete."""
        path = self._strip_protocol(rpath)
        store, key = self._store(path)
        is_open: bool = isfilelike(lpath)
        if not is_open:
            if not key or path in (DIRECTORIES.get() or ()):
                make_folder(lpath)
            if is_folder(lpath):
                return
        with named(path):
            try:
                reader = await result_of(store.get(key))
            except FileNotFoundError:
                if is_open or not await self._isdir(path):
                    raise
                make_folder(lpath)
                return
            callback.set_size(reader.size)
            with LocalTarget(lpath) as file:
                while (chunk := await result_of(reader.next())) is not None:
                    file.write(chunk)
                    callback.relative_update(len(chunk))

    async def _get(self, rpath: Any, lpath: Any, *args: Any, **kwargs: Any) -> Any:
        with remembered_directories():
            return await super()._get(rpath, lpath, *args, **kwargs)

    async def _copy(self, path1: Any, path2: Any, *args: Any, **kwargs: Any) -> None:
        with remembered_directories():
            await super()._copy(path1, path2, *args, **kwargs)

    async def _cp_file(
        self, path1: str, path2: str, copied: list[str] | None = None, **_: Any
    ) -> None:
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        if path1 in (DIRECTORIES.get() or ()):
            return
        source, key = self._locate(path1)
        target, new_key = self._locate(path2)
        with named(path1):
            try:
                if path1 == path2:
                    await source.info(key)
                    return
                if source is target:
                    await result_of(source._store.copy(key, new_key, True))
                else:
                    stored = await source.info(key)
                    await target.put_large(
                        new_key,
                        source.get(key),
                        content_type=stored.content_type,
                        metadata=stored.metadata,
                        concurrency=self.max_concurrency,
                    )
            except FileNotFoundError:
                if not await self._isdir(path1):
                    raise
                return
        if copied is not None:
            copied.append(path1)
        self.invalidate_cache(path2)

    async def _mv(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Deletes what was copied and nothing else, such as a file that came meanwhile."""
        copied: list[str] = []
        await self._copy(
            path1, path2, recursive=recursive, maxdepth=maxdepth, on_error="raise", copied=copied
        )
        await self._delete(copied)

    async def _rm(
        self,
        path: Any,
        recursive: bool = False,
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        paths = _as_list(path, 1)
        found: list[list[str]] = await side_by_side(
            [self._files_at(self._strip_protocol(each), recursive, maxdepth) for each in paths],
            batch_size=batch_size or self.batch_size,
            nofiles=True,
        )
        await self._delete(list(dict.fromkeys(file for files in found for file in files)))

    async def _files_at(self, path: str, recursive: bool, maxdepth: int | None) -> list[str]:
        """The files that a path means, which may be a pattern."""
        is_pattern = has_magic(path)
        if is_pattern:
            entries: Any = await self._glob(path, maxdepth=maxdepth, detail=True)
            if not entries:
                raise StorageFileNotFoundError(path)
        else:
            entries = {path: await self._info(path, refresh=True)}
        files = [name for name, entry in entries.items() if entry["type"] == "file"]
        if recursive:
            for name in entries:
                below = await self._find(name, maxdepth=maxdepth, detail=True)
                files += [each for each, entry in below.items() if entry["type"] == "file"]
        elif not (files or is_pattern):
            raise IsADirectoryError(errno.EISDIR, "it is a directory: use recursive=True", path)
        return files

    async def _rm_file(self, path: str, **_: Any) -> None:
        path = self._strip_protocol(path)
        store, key = self._key(path)
        with named(path):
            await result_of(store.delete(key))
        self.invalidate_cache(path)

    async def _delete(self, paths: list[str]) -> None:
        """Deletes files, those of a bucket in as few requests as the service allows."""
        buckets: dict[str, list[str]] = {}
        for path in paths:
            bucket = path.partition("/")[0] if self.has_buckets else ""
            buckets.setdefault(bucket, []).append(path)
        for bucket, within in buckets.items():
            keys = [key for key in (self._locate(path)[1] for path in within) if key]
            with named(bucket):
                if keys:
                    await result_of(self._storage(bucket)._store.delete_many(keys))
            for path in within:
                self.invalidate_cache(path)

    async def _touch(self, path: str, truncate: bool = True, **kwargs: Any) -> None:
        """Writes an empty file."""
        if not truncate and await self._exists(path):
            raise StorageUnsupportedError(
                "the time of an object cannot be set: it is that of its last write"
            )
        await self._pipe_file(path, b"", **kwargs)

    async def _mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Does nothing: a directory exists while there is a file in it."""
        path = self._strip_protocol(path)
        if self.has_buckets and "/" not in path:
            if await self._exists(path):
                raise FileExistsError(errno.EEXIST, "the bucket exists", path)
            raise StorageUnsupportedError(
                f"the bucket {path} does not exist, and buckets cannot be created here"
            )

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Does nothing: a directory exists while there is a file in it."""
        if not exist_ok and await self._exists(path):
            raise FileExistsError(errno.EEXIST, "it exists", self._strip_protocol(path))

    async def _rmdir(self, path: str) -> None:
        """A directory without files does not exist."""
        path = self._strip_protocol(path)
        if self.has_buckets and "/" not in path:
            raise StorageUnsupportedError("buckets cannot be deleted here")
        entry = await self._info_or_none(f"{path}/")
        if entry is not None:
            raise OSError(errno.ENOTEMPTY, "the directory is not empty", path)

    touch: Any = sync_wrapper(_touch)
    mv: Any = sync_wrapper(_mv)
    rmdir: Any = sync_wrapper(_rmdir)

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Opens a file. A ``with`` block that raises leaves no file behind: parts that were written
        are deleted.

        Args:
            path: The path of the file.
            mode: ``r``, ``w``, ``x`` or ``a``, with ``b`` or ``t``. Objects cannot be changed, so
                ``a`` writes the old content again, and there is no ``+``.
            block_size: Bytes that are read ahead, or bytes in a part of the file that is written.
            cache_options: Settings of the cache of ``cache_type``.
            compression: A name that fsspec knows, or ``"infer"``.
            kwargs: ``encoding``, ``errors`` and ``newline`` of a text; ``cache_type``; ``size``, if
                it is known; ``content_type`` and ``metadata`` of a new file.
        """
        path = self._strip_protocol(path)
        return opened(self, path, mode, block_size, cache_options, compression, kwargs)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> File:
        self._key(path)
        return File(
            self,
            path,
            mode,
            block_size or self.default_block_size,
            autocommit=autocommit,
            cache_options=cache_options,
            cache_type=kwargs.pop("cache_type", self.default_cache_type),
            **kwargs,
        )

    async def open_async(self, path: str, mode: str = "rb", **kwargs: Any) -> AsyncFile:
        """Opens a file for coroutines, in the mode ``rb`` or ``wb``."""
        path = self._strip_protocol(path)
        if mode not in ("rb", "wb") or kwargs.get("compression"):
            raise ValueError(f"open_async is for the modes rb and wb, not {mode}")
        self._key(path)
        details = await self._info(path, refresh=True) if mode == "rb" else None
        return AsyncFile(self, path, mode, details=details, **kwargs)

    def _key(self, path: str) -> Any:
        """The store and the key of a file."""
        store, key = self._store(path)
        if not key:
            raise IsADirectoryError(errno.EISDIR, "it is a bucket, not a file", path)
        return store, key


def _as_list(given: Any, length: int) -> list[Any]:
    if given is None or isinstance(given, (str, int)):
        return [given] * length
    return list(given)

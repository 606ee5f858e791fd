"""``Transfers``: reads, writes and copies of one file, and of parts of files."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import errno
from typing import Any

from .._bridge import result_of
from .._errors import StorageError
from .._types import ProgressCallback
from ._base import named
from ._file import WRITE_BLOCK
from ._fsspec import DEFAULT_CALLBACK, isfilelike
from ._listing import DIRECTORIES, Listing
from ._local import LocalTarget, is_folder, make_folder, size_of, to_read, type_of
from ._ranges import merged
from ._together import side_by_side
from ._transaction import Deferred


class Transfers(Listing):
    """What moves bytes."""

    async def _cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        path = self._strip_protocol(path)
        store, key = self._key(path)
        with named(path):
            if start is None and end is None:
                return await result_of(store.get_bytes(key))
            etag: str | None = None
            if (start or 0) < 0 or (end or 0) < 0:
                entry = await self._info(path, refresh=True)
                etag = entry.get("ETag")
                start, end = slice(start, end).indices(entry["size"])[:2]
            start = start or 0
            if end is not None and end <= start:
                return b""
            try:
                return await result_of(store.get_range(key, start, end, etag))
            except OSError:
                raise
            except StorageError:
                # Services call it an error if nothing of the range exists, which is none of the
                # operating system's.
                if start >= (await self._info(path, refresh=True)).get("size", 0):
                    return b""
                raise

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
        starts = as_list(starts, len(paths))
        ends = as_list(ends, len(paths))
        if not len(paths) == len(starts) == len(ends):
            raise ValueError("paths, starts and ends must be of one length")
        reads = merged(paths, starts, ends, max_gap)
        parts = await side_by_side(
            [self._cat_file(read.path, read.start, read.end) for read in reads],
            batch_size or self.batch_size,
            return_exceptions=on_error == "return",
        )
        results: list[Any] = [None] * len(paths)
        for read, part in zip(reads, parts, strict=True):
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
            # Before the write: a callback that raises leaves no file.
            callback.absolute_update(len(content))
            await self._pipe_file(
                path, content, mode=mode, content_type=content_type, metadata=metadata
            )
            return
        with named(path), to_read(lpath) as file:
            await storage.put_large(
                key,
                file,
                content_type=content_type,
                metadata=metadata,
                part_size=self.default_block_size or WRITE_BLOCK,
                concurrency=self.max_concurrency,
                progress_callback=_progress(callback),
            )
        self.invalidate_cache(path)

    async def _get_file(
        self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, **_: Any
    ) -> None:
        """A local file appears, or is replaced, only once it is complete."""
        path = self._strip_protocol(rpath)
        store, key = self._store(path)
        is_open: bool = isfilelike(lpath)
        if not is_open and (not key or path in (DIRECTORIES.get() or ())):
            make_folder(lpath)
            return
        with named(path):
            try:
                reader = await result_of(store.get(key))
            except FileNotFoundError:
                if is_open or not await self._isdir(path):
                    raise
                make_folder(lpath)
                return
            if not is_open and is_folder(lpath):
                # As with the objects `a` and `a/b`: no local folder can have both.
                raise IsADirectoryError(
                    errno.EISDIR, f"there is a folder where {path} is to be written", lpath
                )
            callback.set_size(reader.stored.size)
            with LocalTarget(lpath) as file:
                while (chunk := await result_of(reader.next())) is not None:
                    file.write(chunk)
                    callback.relative_update(len(chunk))

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

    def _key(self, path: str) -> Any:
        """The store and the key of a file."""
        store, key = self._store(path)
        if not key:
            raise IsADirectoryError(errno.EISDIR, "it is a bucket, not a file", path)
        return store, key


def as_list(given: Any, length: int) -> list[Any]:
    """Many things, or one for each of so many."""
    if given is None or isinstance(given, (str, int)):
        return [given] * length
    return list(given)


def _progress(callback: Any) -> ProgressCallback | None:
    """What reports to a callback of fsspec. None if nobody hears of it: a file of one part is then
    written by one request.
    """
    if callback is DEFAULT_CALLBACK:
        return None
    return lambda info: callback.absolute_update(info.bytes_transferred)

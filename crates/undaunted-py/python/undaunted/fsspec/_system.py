"""``FileSystem``: moves, deletes, directories and open files on top of the transfers."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import errno
from glob import has_magic
from typing import Any

from .._bridge import result_of
from .._errors import StorageFileNotFoundError, StorageUnsupportedError
from ._async_file import AsyncFile
from ._base import block_of, named
from ._blocking import blocking, with_blocking_methods
from ._file import File
from ._layers import opened
from ._many import ManyFiles
from ._together import side_by_side
from ._transfers import as_list


@with_blocking_methods
class FileSystem(ManyFiles):
    """An object store as a file system, whose operations are all retried.

    Lost responses are resolved, interrupted reads are resumed, and all operations on a bucket share
    a retry budget and a pace. It is one of the classes for a service:

    >>> from undaunted.fsspec import FileSystem
    >>> fs = FileSystem("memory")
    >>> fs.write_bytes("reports/2026.csv", b"a,b")
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

    @staticmethod
    def class_of(protocol: str | None) -> type[FileSystem]:
        """The class of the service with this protocol.

        Args:
            protocol: ``"s3"``, ``"gs"``, ``"az"``, ``"memory"``, or another name of these.

        Raises:
            TypeError: If there is no protocol.
            ValueError: If no service has this protocol.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> FileSystem.class_of("s3").__name__
            'S3FileSystem'
        """
        if protocol is None:
            raise TypeError('FileSystem needs a protocol, as in FileSystem("s3")')
        from ._services import class_of

        return class_of(protocol)

    async def _mv(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Moves files. What was copied is deleted and nothing else, such as a file that came
        meanwhile.

        Args:
            path1: The path of the file or directory, a pattern, or a list of them.
            path2: Where it is moved to.
            recursive: Whether a directory is moved with all that is in it.
            maxdepth: The depth to which directories are moved; default: all.
            kwargs: Not used.

        Raises:
            FileNotFoundError: If there is no such file.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> fs.write_bytes("new/a.csv", b"1,2")
            >>> fs.mv("new/a.csv", "done/a.csv")
            >>> fs.exists("new/a.csv"), fs.cat_file("done/a.csv")
            (False, b'1,2')
        """
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
        paths = as_list(path, 1)
        found: list[list[str]] = await side_by_side(
            [self._files_at(self._strip_protocol(each), recursive, maxdepth) for each in paths],
            batch_size or self.batch_size,
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
        """Writes an empty file.

        Args:
            path: The path of the file, with the bucket.
            truncate: Whether a file that exists becomes empty.
            kwargs: ``content_type`` and ``metadata`` of the file.

        Raises:
            StorageUnsupportedError: If the file exists and ``truncate`` is false: its time cannot
                be set.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> fs.touch("data/_SUCCESS")
            >>> fs.size("data/_SUCCESS")
            0
        """
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
        """Deletes an empty directory. A directory without files does not exist, so nothing is done.

        Args:
            path: The path of the directory, with the bucket.

        Raises:
            OSError: If there are files in it.
            StorageUnsupportedError: If it is a bucket.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> fs.rmdir("data/empty")
        """
        path = self._strip_protocol(path)
        if self.has_buckets and "/" not in path:
            raise StorageUnsupportedError("buckets cannot be deleted here")
        entry = await self._info_or_none(f"{path}/")
        if entry is not None:
            raise OSError(errno.ENOTEMPTY, "the directory is not empty", path)

    touch: Any = blocking(_touch)
    mv: Any = blocking(_mv)
    rmdir: Any = blocking(_rmdir)

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

        Raises:
            FileNotFoundError: If a file to be read does not exist.
            FileExistsError: If the mode is ``x`` and the file exists.
            ValueError: If the mode or the type of the cache is unknown.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> with fs.open("data/a.csv", "w") as file:
            ...     file.write("1,2")
            3
            >>> with fs.open("data/a.csv") as file:
            ...     file.read()
            b'1,2'
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
            block_of(block_size) or self.default_block_size,
            autocommit=autocommit,
            cache_options=cache_options,
            cache_type=kwargs.pop("cache_type", self.default_cache_type),
            **kwargs,
        )

    async def open_async(self, path: str, mode: str = "rb", **kwargs: Any) -> AsyncFile:
        """Opens a file for coroutines, in the mode ``rb`` or ``wb``.

        Args:
            path: The path of the file, with the bucket.
            mode: ``rb`` or ``wb``.
            kwargs: ``block_size``, the bytes in a part; ``content_type`` and ``metadata`` of a new
                file.

        Raises:
            FileNotFoundError: If a file to be read does not exist.
            ValueError: If the mode is another one.

        Example:
            >>> import asyncio
            >>> from undaunted.fsspec import FileSystem
            >>> async def main():
            ...     fs = FileSystem("memory", asynchronous=True)
            ...     async with await fs.open_async("data/b.csv", "wb") as file:
            ...         await file.write(b"1,2")
            ...     return await fs._cat_file("data/b.csv")
            >>> asyncio.run(main())
            b'1,2'
        """
        path = self._strip_protocol(path)
        if mode not in ("rb", "wb") or kwargs.get("compression"):
            raise ValueError(f"open_async is for the modes rb and wb, not {mode}")
        self._key(path)
        details = await self._info(path, refresh=True) if mode == "rb" else None
        return AsyncFile(self, path, mode, details=details, **kwargs)

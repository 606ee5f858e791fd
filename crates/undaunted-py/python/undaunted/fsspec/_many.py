"""``ManyFiles``: transfers of many files. fsspec decides which these are; here they run side by
side, and end together.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._fsspec import DEFAULT_CALLBACK, AsyncFileSystem, most_files, stringify_path
from ._listing import Directories, remembered_directories
from ._together import side_by_side
from ._transfers import Transfers, as_list


class ManyFiles(Transfers):
    """What moves the bytes of many files. The first failure ends the others, and so does a
    cancellation; those of fsspec would go on.
    """

    async def _get(
        self,
        rpath: Any,
        lpath: Any,
        recursive: bool = False,
        callback: Any = DEFAULT_CALLBACK,
        maxdepth: int | None = None,
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        with remembered_directories() as directories:
            found = _Pairs(self)
            await found.ask("_get", rpath, lpath, recursive=recursive, maxdepth=maxdepth)
            await self._note_objects(rpath, directories)
            await self._transfer(self._get_file, found.pairs, callback, batch_size, kwargs)

    async def _put(
        self,
        lpath: Any,
        rpath: Any,
        recursive: bool = False,
        callback: Any = DEFAULT_CALLBACK,
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        found = _Pairs(self)
        await found.ask("_put", lpath, rpath, recursive=recursive, maxdepth=maxdepth)
        await self._transfer(self._put_file, found.pairs, callback, batch_size, kwargs)

    async def _note_objects(self, given: Any, directories: Directories) -> None:
        """A path that was given may be that of an object, too: `a` beside `a/b`. `a/` is not."""
        given = as_list(stringify_path(given), 1)
        paths = [each for each in given if not str(each).endswith("/")]
        for path in directories.intersection(self._strip_protocol(paths)):
            entry = await self._info(path, refresh=True)
            directories.note({path: entry})

    async def _transfer(
        self,
        transfer: Callable[..., Any],
        pairs: list[tuple[Any, Any]],
        callback: Any,
        batch_size: int | None,
        kwargs: dict[str, Any],
    ) -> None:
        """Transfers files from or to local ones."""
        callback.set_size(len(pairs))
        reported = callback.branch_coro(transfer)

        async def one(source: Any, target: Any) -> None:
            await reported(source, target, **kwargs)
            callback.relative_update(1)

        files = [one(source, target) for source, target in pairs]
        await side_by_side(files, batch_size or self.batch_size or most_files())

    async def _copy(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        on_error: str | None = None,
        maxdepth: int | None = None,
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        ignores_missing = on_error == "ignore" or (on_error is None and recursive)

        async def one(source: str, target: str) -> None:
            try:
                await self._cp_file(source, target, **kwargs)
            except FileNotFoundError:
                if not ignores_missing:
                    raise

        with remembered_directories() as directories:
            found = _Pairs(self)
            await found.ask("_copy", path1, path2, recursive=recursive, maxdepth=maxdepth)
            await self._note_objects(path1, directories)
            files = [one(source, target) for source, target in found.pairs]
            await side_by_side(files, batch_size or self.batch_size)

    async def _cat(
        self,
        path: Any,
        recursive: bool = False,
        on_error: str = "raise",
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        with remembered_directories() as directories:
            found = await self._expand_path(path, recursive=recursive)
        files = [each for each in found if not (recursive and each in directories)]
        contents = await side_by_side(
            [self._cat_file(each, **kwargs) for each in files],
            batch_size or self.batch_size,
            return_exceptions=on_error != "raise",
        )
        if not recursive and isinstance(path, str) and files == [self._strip_protocol(path)]:
            return contents[0]
        return {
            each: content
            for each, content in zip(files, contents, strict=True)
            if not (on_error == "omit" and isinstance(content, Exception))
        }

    async def _pipe(
        self, path: Any, value: Any = None, batch_size: int | None = None, **kwargs: Any
    ) -> None:
        contents: dict[str, Any] = {path: value} if isinstance(path, str) else path
        await side_by_side(
            [self._pipe_file(each, content, **kwargs) for each, content in contents.items()],
            batch_size or self.batch_size,
        )

    async def _sizes(self, paths: list[str], batch_size: int | None = None) -> list[Any]:
        sizes = [self._size(each) for each in paths]
        return await side_by_side(sizes, batch_size or self.batch_size)


class _Pairs:
    """Stands for the file system while fsspec decides which files a transfer has: it only notes
    where each of them is to go.
    """

    def __init__(self, fs: ManyFiles) -> None:
        self._fs = fs
        self.pairs: list[tuple[Any, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)

    async def ask(self, method: str, *paths: Any, **options: Any) -> None:
        """Lets a method of fsspec decide."""
        await getattr(AsyncFileSystem, method)(self, *paths, batch_size=-1, **options)

    async def _note(self, source: Any, target: Any, **_: Any) -> None:
        self.pairs.append((source, target))

    _get_file = _put_file = _cp_file = _note

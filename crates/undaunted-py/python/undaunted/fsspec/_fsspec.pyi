"""The types of what is used of fsspec."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, ClassVar

class CachedType(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any: ...

class AsyncFileSystem:
    protocol: ClassVar[tuple[str, ...]]
    asynchronous: bool
    batch_size: int | None
    dircache: Any
    transaction: Any
    _intrans: bool
    _fs_token: str
    _loop: Any
    _pid: int

    def __init__(self, **kwargs: Any) -> None: ...
    def __reduce__(self) -> Any: ...
    def __getattr__(self, name: str) -> Any:
        """The methods that are not typed here."""

    def invalidate_cache(self, path: str | None = None) -> None: ...
    async def _cat(self, path: Any, **kwargs: Any) -> Any: ...
    async def _get(self, rpath: Any, lpath: Any, *args: Any, **kwargs: Any) -> Any: ...
    async def _copy(self, path1: Any, path2: Any, *args: Any, **kwargs: Any) -> None: ...
    async def _find(self, path: str, **kwargs: Any) -> Any: ...
    async def _glob(self, path: str, **kwargs: Any) -> Any: ...
    async def _expand_path(self, path: Any, **kwargs: Any) -> list[str]: ...
    def _walk(self, path: str, **kwargs: Any) -> AsyncIterator[Any]: ...

class AbstractBufferedFile:
    buffer: Any
    cache: Any
    closed: bool
    autocommit: bool
    loc: int
    mode: str
    path: str
    fs: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def __getattr__(self, name: str) -> Any:
        """The methods that are not typed here."""

    def write(self, data: Any) -> int: ...
    def close(self) -> None: ...

class AbstractAsyncStreamedFile:
    closed: bool
    loc: int
    mode: str
    path: str
    size: int
    fs: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def __getattr__(self, name: str) -> Any:
        """The methods that are not typed here."""

DEFAULT_CALLBACK: Any
caches: Mapping[str | None, Any]
compr: Mapping[str | None, Any]

def get_compression(urlpath: str, compression: str | None) -> str | None: ...
def get_loop() -> Any: ...
def isfilelike(file: object) -> bool: ...
def register_implementation(name: str, cls: type, clobber: bool = False) -> None: ...
async def side_by_side(
    coros: list[Any],
    batch_size: int | None = None,
    return_exceptions: bool = False,
    nofiles: bool = False,
) -> list[Any]: ...
def stringify_path(path: Any) -> str: ...
def sync_wrapper(function: Callable[..., Any]) -> Any: ...
def tokenize(*things: object) -> str: ...

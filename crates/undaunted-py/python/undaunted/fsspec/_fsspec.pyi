"""The types of what is used of fsspec."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

class CachedType(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any: ...

class AbstractFileSystem: ...

class AsyncFileSystem(AbstractFileSystem):
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

class FSTimeoutError(TimeoutError): ...

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
async_methods: list[str]
caches: Mapping[str | None, Any]
compr: Mapping[str | None, Any]

def get_compression(urlpath: str, compression: str | None) -> str | None: ...
def get_loop() -> Any: ...
def isfilelike(file: object) -> bool: ...
def most_files() -> int: ...
def most_requests() -> int: ...

registry: Mapping[str, type]

def register_implementation(name: str, cls: type, clobber: bool = False) -> None: ...
def stringify_path(path: Any) -> str: ...
def tokenize(*things: object) -> str: ...

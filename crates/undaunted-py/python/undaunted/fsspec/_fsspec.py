"""What is used of fsspec, which has no types. The stub beside this file has them."""

# pyright: basic, reportMissingTypeStubs=false

try:
    from fsspec import asyn
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"undaunted.fsspec needs fsspec: pip install fsspec ({error})", name=error.name
    ) from error
from fsspec.asyn import AbstractAsyncStreamedFile, AsyncFileSystem, async_methods, get_loop
from fsspec.caching import caches
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.compression import compr
from fsspec.core import get_compression
from fsspec.exceptions import FSTimeoutError
from fsspec.registry import register_implementation, registry
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
from fsspec.utils import isfilelike, stringify_path, tokenize

CachedType = type(AsyncFileSystem)


def most_requests():
    """How many requests run side by side, as fsspec is configured."""
    return asyn._get_batch_size(nofiles=True)


def most_files():
    """How many local files are open side by side, as fsspec is configured. -1: any number."""
    return asyn._get_batch_size()


__all__ = [
    "AbstractAsyncStreamedFile",
    "AbstractBufferedFile",
    "AbstractFileSystem",
    "AsyncFileSystem",
    "CachedType",
    "DEFAULT_CALLBACK",
    "FSTimeoutError",
    "async_methods",
    "caches",
    "compr",
    "get_compression",
    "get_loop",
    "isfilelike",
    "most_files",
    "most_requests",
    "register_implementation",
    "registry",
    "stringify_path",
    "tokenize",
]

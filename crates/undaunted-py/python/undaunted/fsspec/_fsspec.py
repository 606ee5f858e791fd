"""What is used of fsspec, which has no types. The stub beside this file has them."""

# pyright: basic, reportMissingTypeStubs=false

try:
    from fsspec import asyn
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"undaunted.fsspec needs fsspec: pip install fsspec ({error})", name=error.name
    ) from error
from fsspec.asyn import AbstractAsyncStreamedFile, AsyncFileSystem, get_loop, sync_wrapper
from fsspec.caching import caches
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.compression import compr
from fsspec.core import get_compression
from fsspec.registry import register_implementation
from fsspec.spec import AbstractBufferedFile
from fsspec.utils import isfilelike, stringify_path, tokenize

CachedType = type(AsyncFileSystem)


def most_requests():
    """How many requests run side by side, as fsspec is configured."""
    return asyn._get_batch_size(nofiles=True)


__all__ = [
    "AbstractAsyncStreamedFile",
    "AbstractBufferedFile",
    "AsyncFileSystem",
    "CachedType",
    "DEFAULT_CALLBACK",
    "caches",
    "compr",
    "get_compression",
    "get_loop",
    "isfilelike",
    "most_requests",
    "register_implementation",
    "stringify_path",
    "sync_wrapper",
    "tokenize",
]

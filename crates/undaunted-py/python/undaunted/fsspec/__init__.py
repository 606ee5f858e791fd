"""Object stores as file systems for fsspec: for pandas, Dask, pyarrow, xarray and others.

>>> from undaunted.fsspec import register
>>> register("s3", "gs", "az")  # such URLs go through undaunted from now on, in this process

>>> import fsspec
>>> fs = fsspec.filesystem("s3", key="key", secret="secret", endpoint_url="http://localhost:9000")
>>> fs
<undaunted.fsspec.S3FileSystem>

Needs ``pip install undaunted[fsspec]``.
"""

from __future__ import annotations

from ._async_file import AsyncFile
from ._file import File
from ._services import (
    AzureFileSystem,
    GcsFileSystem,
    MemoryFileSystem,
    S3FileSystem,
    register,
)
from ._system import FileSystem

__all__ = [
    "AsyncFile",
    "AzureFileSystem",
    "File",
    "FileSystem",
    "GcsFileSystem",
    "MemoryFileSystem",
    "S3FileSystem",
    "register",
]


def _name_after_this() -> None:
    """Makes tracebacks, pickles and documentation name the public package."""
    for name in __all__:
        globals()[name].__module__ = __name__


_name_after_this()

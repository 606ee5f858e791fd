"""The file systems of services, and their registration for fsspec's URLs."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from .._errors import StorageConfigurationError
from ._fsspec import register_implementation
from ._system import FileSystem


class S3FileSystem(FileSystem):
    """S3, and services that speak like it: ``s3://bucket/key``."""

    service = "s3"
    protocol: ClassVar[tuple[str, ...]] = ("s3", "s3a", "undaunted+s3")


class GcsFileSystem(FileSystem):
    """Google Cloud Storage: ``gs://bucket/key``."""

    service = "gs"
    protocol: ClassVar[tuple[str, ...]] = ("gs", "gcs", "undaunted+gs")


class AzureFileSystem(FileSystem):
    """Azure Blob Storage: ``az://container/key``, and
    ``abfss://container@account.dfs.core.windows.net/key``.
    """

    service = "az"
    protocol: ClassVar[tuple[str, ...]] = ("az", "abfs", "abfss", "azure", "undaunted+az")

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        stripped: Any = super()._strip_protocol(path)
        if not isinstance(stripped, str) or not _has_account(str(path)):
            return stripped
        container, separator, key = stripped.partition("/")
        return f"{container.partition('@')[0]}{separator}{key}"

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        """The account, where the URL has it."""
        if not _has_account(path):
            return {}
        host = urlsplit(path).hostname or ""
        account, _, domain = host.partition(".")
        made: dict[str, Any] = {"account_name": account}
        if domain and domain not in ("dfs.core.windows.net", "blob.core.windows.net"):
            made["azure_endpoint"] = f"https://{account}.{domain.replace('dfs.', 'blob.', 1)}"
        return made


class MemoryFileSystem(FileSystem):
    """Files in the memory of this process, for tests: ``undaunted+memory://key``.

    Those with the same arguments are one file system. It cannot be pickled.
    """

    service = "memory"
    protocol: ClassVar[tuple[str, ...]] = ("undaunted+memory", "memory")
    has_buckets = False


def register(*protocols: str) -> None:
    """Makes fsspec use undaunted for URLs with these protocols, in this process.

    Without an argument: ``s3``, ``s3a``, ``gs``, ``gcs``, ``az``, ``abfs`` and ``abfss``. File
    systems that were made before stay as they are. Protocols of our own need no registration:
    ``undaunted+s3``, ``undaunted+gs``, ``undaunted+az`` and ``undaunted+memory``.

    >>> from undaunted.fsspec import register
    >>> register("s3", "gs", "az")

    Raises:
        StorageConfigurationError: If there is no file system for a protocol.
    """
    classes = {protocol: class_of(protocol) for protocol in protocols or DEFAULT}
    for protocol, cls in classes.items():
        register_implementation(protocol, cls, clobber=True)


def class_of(protocol: str) -> type[FileSystem]:
    """The class for a protocol."""
    for cls in SERVICES:
        if protocol in cls.protocol:
            return cls
    known = ", ".join(name for cls in SERVICES for name in cls.protocol)
    raise StorageConfigurationError(
        f"undaunted has no file system for the protocol {protocol!r}: it has {known}"
    )


def _has_account(path: str) -> bool:
    _, separator, rest = path.partition("://")
    return bool(separator) and "@" in rest.partition("/")[0]


SERVICES: tuple[type[FileSystem], ...] = (
    S3FileSystem,
    GcsFileSystem,
    AzureFileSystem,
    MemoryFileSystem,
)
DEFAULT = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")

"""``Base``: how a file system opens its storages, and what its paths mean."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import errno
import operator
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from .._config import RetryConfig
from .._errors import StorageConfigurationError, StorageError, StorageUnsupportedError
from .._hedge import Hedge, hedge_of
from .._misuse import config_of
from .._storage import ObjectStorage
from .._undaunted import Store
from ._fsspec import AsyncFileSystem, CachedType, get_loop, registry, stringify_path, tokenize
from ._options import translated

Entry = dict[str, Any]
"""The description of a file or a directory: ``name``, ``size``, ``type``, and of a file ``ETag``,
``LastModified``, ``ContentType`` and ``metadata`` as far as they are known."""


class Cached(CachedType):
    """fsspec gives one file system to all who ask with the same arguments. It compares their texts,
    which do not tell two budgets or two pacers apart: those who bring one get one of their own.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if getattr(cls, "service", None) is None:
            # The class of a service makes it, so that all ways lead to one file system.
            protocol = args[0] if args else kwargs.pop("protocol", None)
            return cast(Any, cls).class_of(protocol)(*args[1:], **kwargs)
        retry = kwargs.get("retry")
        if isinstance(retry, RetryConfig) and (retry.budget is not None or retry.pacer is not None):
            kwargs["skip_instance_cache"] = True
        return super().__call__(*args, **kwargs)


class Base(AsyncFileSystem, metaclass=Cached):
    """Options, storages and paths. The storage of a bucket is opened at its first use."""

    service: ClassVar[str]
    """The scheme of the storages."""
    protocol: ClassVar[tuple[str, ...]] = ()
    has_buckets: ClassVar[bool] = True
    mirror_sync_methods: ClassVar[bool] = False
    """The blocking methods are those of ``with_blocking_methods``, not of fsspec."""
    _pid: int

    def __init__(
        self,
        protocol: str | None = None,
        *,
        retry: RetryConfig | Mapping[str, Any] | None = None,
        hedge: bool | Hedge | Mapping[str, Any] = False,
        default_block_size: int | None = None,
        default_cache_type: str = "readahead",
        max_concurrency: int | None = None,
        use_listings_cache: bool = False,
        listings_expiry_time: float | None = None,
        max_paths: int | None = None,
        asynchronous: bool = False,
        loop: Any = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            asynchronous=asynchronous,
            loop=loop,
            batch_size=batch_size,
            use_listings_cache=use_listings_cache,
            listings_expiry_time=listings_expiry_time,
            max_paths=max_paths,
        )
        if protocol is not None and protocol not in self.protocol:
            raise StorageConfigurationError(
                f"{type(self).__name__} is for {', '.join(self.protocol)}, not for {protocol}"
            )
        # Sizes of blocks by the names of gcsfs and adlfs.
        default_block_size = block_of(default_block_size, "default_block_size")
        for name in ("block_size", "blocksize"):
            default_block_size = block_of(options.pop(name, None), name) or default_block_size
        concurrency = DEFAULT_CONCURRENCY if max_concurrency is None else max_concurrency
        if concurrency < 1:
            raise ValueError(f"max_concurrency is {concurrency}, but must be at least 1")
        self.default_block_size = default_block_size
        self.default_cache_type = default_cache_type
        self.max_concurrency = concurrency
        self._retry = _retry_config(retry)
        # Options may come from a file, where it is a mapping.
        made = Hedge(**hedge) if isinstance(hedge, Mapping) else hedge_of(hedge)
        self._hedge: bool | Hedge = made or False
        self._options = translated(self.service, options)
        self._storages: dict[str, ObjectStorage] = {}
        self._check_options()

    @property
    def loop(self) -> Any:
        """The event loop that blocking calls use; a forked process has its own."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            if not self.asynchronous:
                self._loop = get_loop()
        return self._loop

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Base) or type(self) is not type(other):
            return NotImplemented
        if self.service == "memory":
            return self is other
        mine = (self._options, self._retry, self._hedge)
        return mine == (other._options, other._retry, other._hedge)

    def __hash__(self) -> int:
        return hash((type(self).__name__, frozenset(self._options.items())))

    def __dask_tokenize__(self) -> str:
        if self.service == "memory":
            return str(self._fs_token)
        options = sorted(self._options.items())
        return tokenize(type(self), options, str(self._retry._core), repr(self._hedge))

    def __reduce__(self) -> Any:
        if self.service == "memory":
            raise TypeError(
                "a file system in memory cannot be pickled: its content is in the memory of this "
                "process; use one that both processes reach"
            )
        return super().__reduce__()

    def __repr__(self) -> str:
        return f"<undaunted.fsspec.{type(self).__name__}>"

    def __str__(self) -> str:
        return repr(self)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """``bucket/key``, without a protocol and a slash at the end."""
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in cast("list[object]", path)]
        text: str = stringify_path(path)
        scheme, separator, rest = text.partition("://")
        if separator and scheme in cls.protocol:
            text = rest
        return text.lstrip("/").rstrip("/")

    @classmethod
    def _parent(cls, path: Any) -> str:
        parent: str = cls._strip_protocol(path).rpartition("/")[0]
        return parent

    def unstrip_protocol(self, name: str) -> str:
        """The URL of a path, which fsspec opens by this file system again: it has a protocol of our
        own, unless the usual one is registered.
        """
        usual = self.protocol[0]
        is_registered = registry.get(usual) is type(self)
        protocol = usual if is_registered else f"undaunted+{self.service}"
        return f"{protocol}://{self._strip_protocol(name)}"

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forgets the cached listings in which a path may be; without a path, all of them."""
        if path is None:
            self.dircache.clear()
        else:
            path = self._strip_protocol(path)
            below = f"{path}/"
            for known in [known for known in self.dircache if known.startswith(below)]:
                self.dircache.pop(known, None)
            while path:
                self.dircache.pop(path, None)
                path = self._parent(path)
        super().invalidate_cache(path)

    def _locate(self, path: str) -> tuple[ObjectStorage, str]:
        """The storage of a path, and the key in it, which is empty for a bucket."""
        path = self._strip_protocol(path)
        if not self.has_buckets:
            return self._storage(""), path
        bucket, _, key = path.partition("/")
        if not bucket:
            raise StorageUnsupportedError(
                "the buckets of an account cannot be listed: name one, as in "
                f"{self.protocol[0]}://bucket/key"
            )
        return self._storage(bucket), key

    def _store(self, path: str) -> tuple[Store, str]:
        storage, key = self._locate(path)
        return storage._store, key

    def _storage(self, bucket: str) -> ObjectStorage:
        storage = self._storages.get(bucket)
        if storage is None:
            opened = self._open_bucket(bucket)
            # Without a lock, which a fork could leave held: the first of two threads wins.
            storage = self._storages.setdefault(bucket, opened)
            for oldest in list(self._storages)[:-MOST_STORAGES]:
                self._storages.pop(oldest, None)
        return storage

    def _check_options(self) -> None:
        """Raises now what the first operation would raise: an option that does not exist."""
        if self._options:
            self._open_bucket("bucket")

    def _open_bucket(self, bucket: str) -> ObjectStorage:
        url = f"{self.service}://{bucket}"
        return ObjectStorage.open(url, self._options, retry=self._retry, hedge=self._hedge)


@contextmanager
def named(path: str) -> Generator[None]:
    """Gives an exception the whole path, and the number of the error, as ``open`` does."""
    try:
        yield
    except StorageError as error:
        if isinstance(error, OSError):
            number = next((n for kind, n in _NUMBERS if isinstance(error, kind)), None)
            known = number in (errno.ENOENT, errno.EEXIST) and os.strerror(number)
            error.errno, error.strerror, error.filename = number, known or str(error), path
            if known:
                # As those of other file systems. Ours have the text alone as an argument.
                error.args = (f"[Errno {number}] {known}: {path!r}",)
        raise


def block_of(size: Any, name: str = "block_size") -> int | None:
    """The size of a block; None for the default, which has many names: that of fsspec, and those of
    the argument ``buffering`` of ``open``.
    """
    if size is None or size == "default":
        return None
    try:
        number = operator.index(size)
    except TypeError:
        raise TypeError(
            f"{name} must be a number of bytes, not {type(size).__name__}: {size!r}"
        ) from None
    if number < -1:
        raise ValueError(f"{name} is {number}, but must be at least 1 byte")
    return number if number > 0 else None


def _retry_config(retry: object) -> RetryConfig:
    if retry is None:
        return RetryConfig.storage()
    if isinstance(retry, Mapping):
        given = cast("Mapping[str, Any]", retry)
        return RetryConfig(**{**RetryConfig.storage()._core.fields(), **given})
    return config_of(retry)


_NUMBERS = (
    (FileNotFoundError, errno.ENOENT),
    (FileExistsError, errno.EEXIST),
    (PermissionError, errno.EACCES),
    (TimeoutError, errno.ETIMEDOUT),
    (ConnectionError, errno.ECONNABORTED),
)

DEFAULT_CONCURRENCY = 4
"""Parts of a file in flight: enough to fill the connection, few enough to hold in memory."""

MOST_STORAGES = 64
"""Buckets whose connections are kept. A program that visits more opens the oldest again."""

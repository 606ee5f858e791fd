"""``OpenedStorage``: the part that the async and the blocking storage have in common."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from operator import index
from typing import Any, SupportsIndex, TypeAlias, TypeVar, cast

from ._config import RetryConfig
from ._hedge import Hedge, hedge_of
from ._misuse import config_of
from ._types import ProgressInfo, StoredFile
from ._undaunted import Store

S = TypeVar("S", bound="OpenedStorage")

OptionValue: TypeAlias = str | bool | int | float
"""The value of an option of a store; ``True`` is passed on as ``"true"``."""


@dataclass(frozen=True, repr=False)
class Recipe:
    """What a storage was opened with, to open it again in another process. The options may be
    secrets.
    """

    url: str
    options: dict[str, str]
    retry: RetryConfig
    chaos: str | None
    hedge: Hedge | None = None

    def open(self) -> Store:
        """Opens the store."""
        return open_store(self.url, self.options, self.retry, self.chaos, self.hedge)


class OpenedStorage:
    """A storage on a Rust store.

    It can be pickled, except for one in memory: the other process opens it again with the same URL,
    options, secrets among them, and configuration. Copies within a process share the connections.
    Storages are equal if they were opened with the same.
    """

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def open(
        cls: type[S],
        url: str | os.PathLike[str],
        options: Mapping[str, OptionValue] | None = None,
        *,
        retry: RetryConfig | None = None,
        hedge: bool | Hedge = False,
        **more_options: OptionValue,
    ) -> S:
        """Opens the storage that a URL points into; see :meth:`undaunted.Storage.open`.

        Args:
            url: A URL such as ``s3://bucket/folder``, or a path.
            options: Options of the store by object_store's names, in a mapping. Environment
                variables of these names count too; options take precedence.
            retry: How all operations are retried; default: :meth:`RetryConfig.storage`.
            hedge: Whether reads that take long are sent a second time; see :class:`Hedge`.
            more_options: Options as keyword arguments.

        Raises:
            StorageConfigurationError: If the scheme or an option is unknown, or an option is
                missing.

        Example:
            >>> from undaunted import blocking
            >>> blocking.Storage.open("memory:///reports")
            <blocking.Storage memory:///reports>
        """
        return cls(open_store(url, {**(options or {}), **more_options}, retry, hedge=hedge))

    @property
    def budget_tokens(self) -> int | None:
        """The tokens left in the retry budget that all operations share; see
        :class:`undaunted.RetryBudget`.
        """
        return self._store.budget_tokens

    @property
    def pace(self) -> float | None:
        """The rate in requests a second at which all operations are sent while the service
        throttles, or None while it does not; see :class:`undaunted.Pacer`.
        """
        return self._store.pace

    @property
    def hedges(self) -> int:
        """How many reads were sent a second time; see :class:`undaunted.Hedge`."""
        return self._store.hedges[0]

    @property
    def hedges_won(self) -> int:
        """How many reads were answered by their second request."""
        return self._store.hedges[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OpenedStorage) or type(self) is not type(other):
            return NotImplemented
        if self._store is other._store:
            return True
        return self._store.kind != "memory" and self._store.recipe == other._store.recipe

    def __hash__(self) -> int:
        return hash((type(self).__qualname__, self._store.shown_url))

    def __copy__(self: S) -> S:
        return self

    def __deepcopy__(self: S, _: object) -> S:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        shown = self._store.shown_url
        if self._store.kind == "memory":
            raise TypeError(
                f"the storage {shown} cannot be pickled: its content is in the memory of this "
                "process; use one that both processes reach"
            )
        if self._store.closed:
            raise ValueError(f"the storage {shown} is closed, so it cannot be pickled")
        return _open_again, (type(self), self._store.recipe)

    def __repr__(self) -> str:
        module = "blocking." if type(self).__module__.endswith("blocking") else ""
        closed = " (closed)" if self._store.closed else ""
        return f"<{module}{type(self).__name__} {self._store.shown_url}{closed}>"

    def _with_type(self, stored: StoredFile) -> StoredFile:
        """The description with the content type that a local file's name implies."""
        if stored.content_type is not None or self._store.kind != "files":
            return stored
        # Imported on use: at the top it would be half of this package's import time.
        import mimetypes

        guessed, _ = mimetypes.guess_type(stored.key)
        return dataclasses.replace(stored, content_type=guessed)


def open_store(
    url: str | os.PathLike[str],
    options: Mapping[str, OptionValue],
    retry: RetryConfig | None,
    chaos: str | None = None,
    hedge: object = None,
) -> Store:
    """Opens the store that a URL or a path points into."""
    place: object = os.fspath(url) if isinstance(url, os.PathLike) else url
    if not isinstance(place, str):
        raise TypeError(f"url must be a str, not {type(place).__name__}")
    config = RetryConfig.storage() if retry is None else config_of(retry, "retry")
    values = {key: _text(key, value) for key, value in options.items()}
    if config.retry_if is not None:
        raise ValueError(
            f"retry_if is {config.retry_if!r}, but a storage from Storage.open judges the "
            "responses of its service itself: use it with @retry, with_retry or RetryableStorage"
        )
    # The other process may have another working directory.
    lasting = place if "://" in place else os.path.abspath(place)
    hedged = hedge_of(hedge)
    recipe = Recipe(lasting, values, config, chaos, hedged)
    is_paced = config.pacer is not False
    core, budget, pacer = config._core, config.budget, config._pacer
    return Store(
        recipe,
        place,
        list(values.items()),
        core,
        budget,
        pacer,
        chaos,
        is_paced,
        config.on_retry,
        hedged._core() if hedged else None,
    )


def _open_again(cls: type[S], recipe: Recipe) -> S:
    return cls(recipe.open())


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError(
        f"the option {key} must be a str, a bool or a number, not {type(value).__name__}"
    )


class Progress:
    """Counts the bytes of an upload."""

    def __init__(self, key: str, total: int | None, callback: object = None) -> None:
        if callback is not None and not callable(callback):
            name = type(callback).__name__
            raise TypeError(f"progress_callback must be a function, not {name}")
        self._key = key
        self._total = total
        self.transferred = 0

    def add(self, size: int) -> ProgressInfo:
        """The progress after ``size`` more bytes."""
        self.transferred += size
        return ProgressInfo(self.transferred, self._total, "upload", self._key)


def checked_part_size(part_size: int, concurrency: int, total: int | None) -> int:
    """The part size, larger where the data would need too many parts."""
    part_size, concurrency = _whole("part_size", part_size), _whole("concurrency", concurrency)
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}, but must be at least 1")
    if part_size < 1:
        raise ValueError(f"part_size is {part_size}, but must be at least 1 byte")
    if total is None:
        return part_size
    return max(part_size, -(-total // MOST_PARTS))


def checked_limit(limit: int | None) -> int | None:
    """The limit of a list."""
    if limit is None:
        return None
    limit = _whole("limit", limit)
    if limit < 0:
        raise ValueError(f"limit is {limit}, but must be at least 0")
    # More than a list can have are no limit.
    return min(limit, sys.maxsize)


def seconds(expires_in: timedelta | float | None) -> float:
    """The lifetime of a URL in seconds."""
    if expires_in is None:
        return DEFAULT_EXPIRY
    if isinstance(expires_in, timedelta):
        return expires_in.total_seconds()
    given: object = expires_in
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(
            f"expires_in must be a number of seconds or a timedelta, not {type(given).__name__}"
        )
    return float(given)


def _whole(name: str, given: object) -> int:
    """A whole number, also one of another library."""
    try:
        if not isinstance(given, bool):
            return index(cast("SupportsIndex", given))
    except TypeError:
        pass
    raise TypeError(f"{name} must be an int, not {type(given).__name__}")


DEFAULT_EXPIRY = 3600.0
"""The default lifetime of a URL: long enough for a web page, short enough if it leaks."""

DEFAULT_PART_SIZE = 10 * 1024 * 1024
"""Twice the minimum of S3; 10,000 parts of this size are 100 GB."""

MOST_PARTS = 10_000
"""The maximum of S3 and of Google Cloud Storage."""

DEFAULT_CONCURRENCY = 4
"""Parts in flight: enough to fill the connection, few enough to hold in memory."""

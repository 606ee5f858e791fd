"""Opens a store, for the async and the blocking storage alike."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TypeAlias

from ._config import RetryConfig
from ._misuse import config_of
from ._undaunted import Store

OptionValue: TypeAlias = str | bool | int | float
"""The value of an option of a store; ``True`` is passed on as ``"true"``."""


def open_store(
    url: str | os.PathLike[str],
    options: Mapping[str, OptionValue] | None,
    more_options: Mapping[str, OptionValue],
    retry: RetryConfig | None,
    chaos: str | None = None,
) -> Store:
    """Opens the store that a URL or a path points into."""
    given = _place(url)
    config = RetryConfig.storage() if retry is None else config_of(retry)
    values = [
        (key, _text(key, value)) for key, value in {**(options or {}), **more_options}.items()
    ]
    return Store(given, values, config._core, config.budget, chaos)


def seconds(expires_in: timedelta | float) -> float:
    """The lifetime of a URL in seconds."""
    if isinstance(expires_in, timedelta):
        return expires_in.total_seconds()
    return float(expires_in)


def _place(url: object) -> str:
    if isinstance(url, os.PathLike):
        url = os.fspath(url)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not isinstance(url, str):
        raise TypeError(f"url must be a str, not {type(url).__name__}")  # pyright: ignore[reportUnknownArgumentType]
    return url


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError(
        f"the option {key} must be a str, a bool or a number, not {type(value).__name__}"
    )


DEFAULT_EXPIRY = timedelta(hours=1)
"""The default lifetime of a URL: long enough for a web page, short enough if it leaks."""

DEFAULT_PART_SIZE = 10 * 1024 * 1024
"""Twice the minimum of S3; 10,000 parts of this size are 100 GB."""

MOST_PARTS = 10_000
"""The maximum of S3 and of Google Cloud Storage."""

DEFAULT_CONCURRENCY = 4
"""Parts in flight: enough to fill the connection, few enough to hold in memory."""


def checked_part_size(part_size: int, total: int | None) -> int:
    """The part size, larger where the data would need too many parts."""
    if part_size < 1:
        raise ValueError(f"part_size is {part_size}, but must be at least 1 byte")
    if total is None:
        return part_size
    return max(part_size, -(-total // MOST_PARTS))

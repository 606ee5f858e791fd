"""Sources of bytes that can be read once: what was read of one must not be missing in silence when
it is handed over again, as ``@retry`` does.

A file that can seek is taken back to where it was. All else that was read before is refused.
"""

from __future__ import annotations

import inspect
import weakref
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class _Reading:
    """How a source was read."""

    start: int | None
    """Where its first reading began, if it can seek."""
    end: int | None = None
    """Where its last reading ended."""


@contextmanager
def begin(source: object) -> Generator[None, None, None]:
    """Around the reading of a source: a file or an iterator, which may have been read before.

    Raises:
        ValueError: If it was, and cannot be taken back.
    """
    before = _known(source)
    if before is None:
        before = _Reading(position(source))
        _remember(source, before)
    else:
        _take_back(source, before)
    try:
        yield
    finally:
        before.end = position(source)


def position(source: Any) -> int | None:
    """Where a file is read, if it can seek. A file whose methods are coroutine functions does not
    tell here.
    """
    methods = (getattr(source, name, None) for name in ("seekable", "tell", "seek"))
    if any(inspect.iscoroutinefunction(method) for method in methods):
        return None
    try:
        at: object = source.tell() if source.seekable() is True else None
    except (AttributeError, OSError, ValueError):
        return None
    return at if isinstance(at, int) else None


def _take_back(source: Any, before: _Reading) -> None:
    here = position(source)
    if here is None or before.start is None:
        raise ValueError(
            f"data is a {type(source).__name__} that was read by an earlier write, so part of it "
            "or all would be missing: give bytes, a list of bytes or a file that can seek, or make "
            "the stream anew for each attempt"
        )
    # Somebody else who has moved it wants it to be read from there.
    if here == before.end:
        source.seek(before.start)
    else:
        before.start = here


def _known(source: object) -> _Reading | None:
    ref, reading = _readings.get(id(source), (None, None))
    if ref is not None and ref() is source:
        return reading
    return next((reading for each, reading in _others if each is source), None)


def _remember(source: object, reading: _Reading) -> None:
    number = id(source)
    try:
        ref = weakref.ref(source, lambda _: _readings.pop(number, None))
    except TypeError:
        # A `map`, for example: it is kept alive, and so there are few.
        _others.append((source, reading))
        return
    _readings[number] = ref, reading


_readings: dict[int, tuple[weakref.ref[object], _Reading]] = {}
"""Of the sources that were read and are still there, by identity: they need not be hashable."""

_others: deque[tuple[object, _Reading]] = deque(maxlen=8)
"""Of sources that cannot be referred to weakly. An upload takes few of them."""

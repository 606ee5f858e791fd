"""Whether a file is closed because the block around it raised.

A file object that is closed by another one, such as ``fsspec.open`` or ``contextlib.closing``, does
not see the exception that ended the block.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import cast


def now_handled() -> BaseException | None:
    """The exception that is being handled."""
    return sys.exc_info()[1]


def left_by_exception(handled_before: BaseException | None) -> bool:
    """Whether an ``__exit__`` that was given an exception is what closes the file.

    ``handled_before`` is the exception that was handled when the file was opened: a file that is
    written while one is handled, such as a report of it, is not left by it.
    """
    error = sys.exc_info()[1]
    if error is None or error is handled_before:
        return False
    frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    for _ in range(DEPTH):
        if frame is None:
            return False
        if frame.f_code.co_name in ("__exit__", "__aexit__"):
            return any(_holds(value, error) for value in frame.f_locals.values())
        frame = frame.f_back
    return False


def _holds(value: object, error: BaseException) -> bool:
    if isinstance(value, tuple):
        return any(each is error for each in cast("tuple[object, ...]", value))
    return value is error


DEPTH = 8
"""Callers that are looked at: a few layers of files, and a generator that is a context."""

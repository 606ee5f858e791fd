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
    frame = sys._getframe(1).f_back  # pyright: ignore[reportPrivateUsage]
    return _is_given(error, frame, ())


def reported_exception() -> BaseException | None:
    """The exception that an ``__exit__`` was given that writes to the file now, such as the last
    line of a log.

    What a layer writes when it is flushed or closed, such as the rest of its buffer, is no report.
    """
    error = sys.exc_info()[1]
    if error is None:
        return None
    frame = sys._getframe(1).f_back  # pyright: ignore[reportPrivateUsage]
    return error if _is_given(error, frame, ("close", "flush", "__del__")) else None


def _is_given(error: BaseException, frame: FrameType | None, ending: tuple[str, ...]) -> bool:
    """Whether an ``__exit__`` among the callers was given this exception, below any of these."""
    for _ in range(DEPTH):
        if frame is None or frame.f_code.co_name in ending:
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

"""The texts about a retried call: its log records, at logger ``undaunted.retry``, and the note on
its exception. Their words are those of the Rust core.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping

from ._undaunted import State

logger = logging.getLogger("undaunted.retry")


def name_of(func: object) -> str:
    """The function's name; for a lambda, with the name of the function around it."""
    while isinstance(func, functools.partial):
        func = func.func  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    name: object = getattr(func, "__name__", None)  # pyright: ignore[reportUnknownArgumentType]
    if not isinstance(name, str):
        return type(func).__qualname__  # pyright: ignore[reportUnknownArgumentType]
    if name != "<lambda>":
        return name
    qualified: object = getattr(func, "__qualname__", name)  # pyright: ignore[reportUnknownArgumentType]
    place = str(qualified).removesuffix(".<lambda>").removesuffix(".<locals>")
    return name if place == name else f"{name} in {place.rpartition('.')[2]}"


def log_retry(state: State, name: object, delay: float, error: BaseException) -> None:
    """Logs a failed attempt that is retried after ``delay``. Callers check the level first."""
    operation = _operation(name)
    extra = _extra(
        operation=operation,
        attempt=state.retries,
        max_retries=state.max_retries,
        delay=delay,
        **_paced(state),
    )
    logger.warning("%s", state.log_line(operation, error), extra=extra)


def log_stop(state: State, name: object, reason: str, error: BaseException) -> None:
    """Logs that a call failed."""
    if logger.isEnabledFor(logging.ERROR):
        operation = _operation(name)
        extra = _extra(
            operation=operation, attempts=state.retries + 1, reason=reason, **_paced(state)
        )
        logger.error("%s", state.log_line(operation, error), exc_info=error, extra=extra)


def log_success(state: State, name: object) -> None:
    """Logs a success after retries."""
    if logger.isEnabledFor(logging.DEBUG):
        operation = _operation(name)
        extra = _extra(operation=operation, attempts=state.retries + 1, **_paced(state))
        logger.debug("%s", state.log_line(operation), extra=extra)


def log_paced(name: object) -> None:
    """Logs that calls are paced from now on."""
    if logger.isEnabledFor(logging.WARNING):
        operation = _operation(name)
        text = f"{operation} is throttled: requests to this service are paced from now on"
        logger.warning("%s", text, extra=_extra(operation=operation))


def log_unpaced(name: object) -> None:
    """Logs that calls are not paced any longer."""
    if logger.isEnabledFor(logging.INFO):
        operation = _operation(name)
        text = "Throttling has ended: requests to this service are no longer paced"
        logger.info(text, extra=_extra(operation=operation))


def log_store_event(
    level: int, text: str, operation: str, key: str, queued: float, pace: float | None
) -> None:
    """Logs an event of a Rust store."""
    if logger.isEnabledFor(level):
        extra = _extra(operation=operation, key=key, queued=queued, pace=pace)
        logger.log(level, "%s", text, extra=extra)


def add_note(error: BaseException, note: str) -> None:
    """Adds a note to the exception. An earlier note of ours is replaced: the same exception
    object may be raised again.
    """
    notes: list[str] = getattr(error, "__notes__", [])
    kept = [each for each in notes if not str(each).startswith(_MARK)]
    try:
        # Python 3.10 has no add_note and does not print notes, but code can read the attribute.
        setattr(error, "__notes__", [*kept, f"{_MARK}{note}"])
    except AttributeError:
        # An exception without settable attributes is raised without the note.
        return


def _operation(name: object) -> str:
    """The name of a call, or of the function that stands for it."""
    return name if isinstance(name, str) else name_of(name)


def _paced(state: State) -> dict[str, float | None]:
    """How long the attempt waited for its turn, and the rate, if there is a pacer."""
    queued = state.queued
    return {} if queued is None else {"queued": queued, "pace": state.pace}


def _extra(**fields: object) -> Mapping[str, object]:
    # One attribute of the record, so that no field clashes with one of another library.
    return {"undaunted": fields}


_MARK = "undaunted: "

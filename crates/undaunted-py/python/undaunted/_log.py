"""The texts about a retried call: its log records, at logger ``undaunted.retry``, and the note on
its exception. Their words are those of the Rust core.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ._types import RetryEvent
from ._undaunted import State

if TYPE_CHECKING:
    Hook: TypeAlias = Callable[[RetryEvent], object] | None

logger = logging.getLogger("undaunted.retry")

listeners: list[Callable[[RetryEvent], object]] = []
"""Functions that are told every event; see :func:`undaunted.instrument`."""


class Subjected(str):
    """The name of a call with what it is about, such as a path: it stands in logs and events, but
    metrics have only the name, since each value of a label is kept for good.
    """

    subject: str
    separator: str

    def __new__(cls, operation: str, subject: str, separator: str = "") -> Subjected:
        made = super().__new__(cls, operation)
        made.subject = subject
        made.separator = separator
        return made


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


def tell_retry(
    state: State, name: object, delay: float, error: BaseException, is_throttled: bool, hook: Hook
) -> None:
    """Logs a failed attempt that is retried after ``delay``, and tells the listeners."""
    if hook is not None or listeners:
        event = RetryEvent(
            operation_of(name),
            "retrying",
            state.retries,
            state.max_retries,
            delay=delay,
            error=error,
            text=_text(error),
            key=_subject_of(name),
            is_throttled=is_throttled,
            queued=state.queued,
            pace=state.pace,
            rule=state.rule,
        )
        tell(event, hook)
    if logger.isEnabledFor(logging.WARNING):
        operation = operation_of(name)
        extra = _extra(
            operation=operation,
            attempt=state.retries,
            max_retries=state.max_retries,
            delay=delay,
            **_about(name),
            **_ruled(state),
            **_paced(state),
        )
        logger.warning("%s", state.log_line(_shown(name), error), extra=extra)


def tell_stop(state: State, name: object, reason: str, error: BaseException) -> None:
    """Logs that a call failed, and tells the listeners."""
    if listeners:
        event = RetryEvent(
            operation_of(name),
            "stopped",
            state.retries + 1,
            state.max_retries,
            reason=reason,
            error=error,
            text=_text(error),
            key=_subject_of(name),
            queued=state.queued,
            pace=state.pace,
            rule=state.rule,
        )
        tell(event, None)
    # A permanent failure may be what the caller wanted to know: does this file exist? Retries
    # before it do not change that, and the caller gets the exception.
    level = logging.DEBUG if reason == "permanent" else logging.ERROR
    if logger.isEnabledFor(level):
        operation = operation_of(name)
        extra = _extra(
            operation=operation,
            attempts=state.retries + 1,
            reason=reason,
            **_about(name),
            **_ruled(state),
            **_paced(state),
        )
        logger.log(level, "%s", state.log_line(_shown(name), error), exc_info=error, extra=extra)


def tell_success(state: State, name: object) -> None:
    """Logs a success after retries, and tells the listeners."""
    if listeners:
        event = RetryEvent(
            operation_of(name),
            "succeeded",
            state.retries + 1,
            state.max_retries,
            key=_subject_of(name),
            queued=state.queued,
            pace=state.pace,
        )
        tell(event, None)
    if logger.isEnabledFor(logging.DEBUG):
        operation = operation_of(name)
        fields = {**_about(name), **_paced(state)}
        extra = _extra(operation=operation, attempts=state.retries + 1, **fields)
        logger.debug("%s", state.log_line(_shown(name)), extra=extra)


def log_paced(name: object) -> None:
    """Logs that calls are paced from now on."""
    if logger.isEnabledFor(logging.WARNING):
        operation = operation_of(name)
        text = f"{operation} is throttled: requests to this service are paced from now on"
        logger.warning("%s", text, extra=_extra(operation=operation))


def log_unpaced(name: object) -> None:
    """Logs that calls are not paced any longer."""
    if logger.isEnabledFor(logging.INFO):
        operation = operation_of(name)
        text = "Throttling has ended: requests to this service are no longer paced"
        logger.info(text, extra=_extra(operation=operation))


def tell_store_event(
    level: int,
    text: str,
    fields: dict[str, Any],
    delay: float | None,
    error: str | None,
    reason: str | None,
    is_throttled: bool,
    hook: Hook,
) -> None:
    """Logs an event of a Rust store, and tells the listeners. ``fields`` are those of every event;
    ``delay`` and ``error`` are None unless a retry follows.
    """
    if listeners or (hook is not None and delay is not None):
        outcome: Literal["retrying", "stopped", "succeeded"] = "succeeded"
        if delay is not None:
            outcome = "retrying"
        elif reason is not None:
            outcome = "stopped"
        event = RetryEvent(
            **fields,
            outcome=outcome,
            delay=delay,
            reason=reason,
            text=error or "",
            is_throttled=is_throttled,
        )
        tell(event, hook if delay is not None else None)
    if logger.isEnabledFor(level):
        if fields["rule"] is None:
            del fields["rule"]
        if delay is not None:
            fields["delay"] = delay
        else:
            fields["attempts"] = fields.pop("attempt")
            del fields["max_retries"]
        if reason is not None:
            fields["reason"] = reason
        logger.log(level, "%s", text, extra=_extra(**fields))


def tell_left_out(text: str, fields: dict[str, Any]) -> None:
    """Logs the keys that a list of a Rust store left out."""
    logger.warning("%s", text, extra=_extra(**fields))


def tell(event: RetryEvent, hook: Hook) -> None:
    """Tells an event to the hook and to the listeners. What they raise breaks nothing."""
    for each in [*listeners, *([] if hook is None else [hook])]:
        try:
            told: object = each(event)
            if inspect.iscoroutine(told):
                told.close()
                raise TypeError("it returned a coroutine, which nobody awaits: it must be plain")
        except Exception:
            operation = event.operation
            fields = _extra(operation=operation)
            logger.exception("%r raised for %s", each, operation, extra=fields)


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


def shortened(text: str) -> str:
    """A text that is short enough for a part of a note."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _text(error: BaseException) -> str:
    """The text of an exception; of one without text, the name of its class."""
    return str(error) or type(error).__name__


def operation_of(name: object) -> str:
    """The name of a call, or of the function that stands for it."""
    return str(name) if isinstance(name, str) else name_of(name)


def _shown(name: object) -> str:
    """The name of a call and what it is about, as a log line has them."""
    if isinstance(name, Subjected):
        return f"{name}{name.separator}{name.subject}"
    return operation_of(name)


def _subject_of(name: object) -> str | None:
    return name.subject if isinstance(name, Subjected) else None


def _about(name: object) -> dict[str, str]:
    """What the call is about, by the name that storages give it."""
    subject = _subject_of(name)
    return {} if subject is None else {"key": subject}


def _paced(state: State) -> dict[str, float | None]:
    """How long the attempt waited for its turn, and the rate, if there is a pacer."""
    queued = state.queued
    return {} if queued is None else {"queued": queued, "pace": state.pace}


def _ruled(state: State) -> dict[str, str]:
    """The rule that gave the verdict, if one did."""
    rule = state.rule
    return {} if rule is None else {"rule": rule}


def _extra(**fields: object) -> Mapping[str, object]:
    # One attribute of the record, so that no field clashes with one of another library.
    return {"undaunted": fields}


_MARK = "undaunted: "

_LONGEST = 300
"""Of a response with a whole page as its text, the beginning says enough."""

"""The note on an exception that ends a retried call: attempts, waits, and why it ended."""

from __future__ import annotations

from collections.abc import Sequence


def add_note(error: BaseException, waits: Sequence[float], stop: str) -> None:
    """Says on the exception what was tried. An earlier note of ours is replaced: the same
    exception object may be raised again.
    """
    notes: list[str] = getattr(error, "__notes__", [])
    kept = [each for each in notes if not _is_ours(each)]
    try:
        # Python 3.10 has no add_note, and shows what is in the attribute where it is asked.
        setattr(error, "__notes__", [*kept, note(waits, stop)])
    except AttributeError:
        # An exception that takes no attributes is raised all the same.
        return


def note(waits: Sequence[float], stop: str) -> str:
    """The text, in which an endless row of waits is cut short."""
    attempts = len(waits) + 1
    text = f"{_MARK}{attempts} attempt{'s' if attempts > 1 else ''}"
    if waits:
        shown = ", ".join(f"{wait:.2f}" for wait in waits[:_MOST_WAITS])
        more = ", …" if len(waits) > _MOST_WAITS else ""
        text += f", after waits of {shown}{more} s"
    return f"{text}; {_REASONS.get(stop, stop)}"


def _is_ours(note: object) -> bool:
    return isinstance(note, str) and note.startswith(_MARK)


_MARK = "undaunted: "

_MOST_WAITS = 20

_REASONS = {
    "budget_exhausted": "the retry budget is exhausted",
    "deadline_exceeded": "total_timeout leaves no time for another",
    "permanent": "the last failure is not retryable",
    "retries_exhausted": "all retries are used",
    "retry_after_too_long": "the service asked for a wait beyond max_retry_after",
}

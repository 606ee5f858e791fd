"""The note on an exception that ends a retried call: attempts, waits, and why it ended."""

from __future__ import annotations

from collections.abc import Sequence


def add_note(error: BaseException, waits: Sequence[float], stop: str) -> None:
    """Adds the note to the exception. An earlier note of ours is replaced: the same exception
    object may be raised again.
    """
    notes: list[str] = getattr(error, "__notes__", [])
    kept = [each for each in notes if not _is_ours(each)]
    try:
        # Python 3.10 has no add_note and does not print notes, but code can read the attribute.
        setattr(error, "__notes__", [*kept, note(waits, stop)])
    except AttributeError:
        # An exception without settable attributes is raised without the note.
        return


def note(waits: Sequence[float], stop: str) -> str:
    """The text of the note, with the first waits if there are many."""
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

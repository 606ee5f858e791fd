"""Rules of the user's own: the fields of ``RetryConfig`` such as ``retryable_status``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ._undaunted import judge_by_rules

if TYPE_CHECKING:
    from ._undaunted import Config, Verdict

Statuses: TypeAlias = int | str | Iterable[int | str]
"""Statuses: numbers, a ``range``, or text such as ``"423, 520-527"``."""

Words: TypeAlias = str | Iterable[str]
"""Codes or texts."""


def values_of(field: str, given: object) -> tuple[Any, ...]:
    """The values of a field, however they were given."""
    if isinstance(given, str):
        if field.endswith("text"):
            return (given,)
        items = tuple(item for part in given.split(",") if (item := part.strip()))
        if field.endswith("status"):
            # "423" and 423 are the same rule, so that configurations with them are equal.
            return tuple(int(i) if i.isdecimal() and len(i) == 3 else i for i in items) or (given,)
        return items or (given,)  # nothing is refused like any other value that is none
    if isinstance(given, int):
        return (given,)
    if isinstance(given, range):
        given = [given]
    if isinstance(given, (bytes, bytearray)) or not isinstance(given, Iterable):
        raise TypeError(f"{field} must be a list, not {type(given).__name__}")
    values: list[object] = []
    for each in cast("Iterable[object]", given):
        values.extend(_range(each) if isinstance(each, range) else [each])
    return tuple(values)


def _range(values: range) -> list[object]:
    """A range as one value: it may hold a status that may not be named by itself, such as 404."""
    if len(values) > 1 and values.step == 1:
        return [f"{values[0]}-{values[-1]}"]
    return list(values)


def by_rules(
    core: Config, others: Callable[[BaseException], Verdict]
) -> Callable[[BaseException], Verdict]:
    """The verdict of the rules, and of ``others`` where they say nothing."""

    def verdict(error: BaseException) -> Verdict:
        judged = judge_by_rules(core, error)
        return others(error) if judged is None else judged

    return verdict


FIELDS = (
    "retryable_status",
    "retryable_codes",
    "retryable_text",
    "throttled_status",
    "throttled_codes",
    "throttled_text",
    "permanent_status",
    "permanent_codes",
    "permanent_text",
)
"""The names that they have in Rust too."""

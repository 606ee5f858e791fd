"""Ranges of files that are near each other, read together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Read:
    """A part of a file that is read by one request, and the places of the ranges it is for."""

    path: str
    start: int | None
    end: int | None
    places: list[int] = field(default_factory=list[int])

    def cut(self, part: Any, start: int | None, end: int | None) -> Any:
        """A range of what was read; an exception stands for all of it."""
        if isinstance(part, BaseException) or (start, end) == (self.start, self.end):
            return part
        begin = self.start or 0
        return part[(start or 0) - begin : (end or 0) - begin]


def merged(
    paths: Sequence[str],
    starts: Sequence[int | None],
    ends: Sequence[int | None],
    max_gap: int | None = None,
) -> list[Read]:
    """The reads for these ranges. Those that count from the end of a file stay alone."""
    gap = GAP if max_gap is None else max_gap
    reads: list[Read] = []
    plain: list[tuple[str, int, int, int]] = []
    for place, (path, start, end) in enumerate(zip(paths, starts, ends, strict=True)):
        if start is not None and end is not None and 0 <= start < end:
            plain.append((path, start, end, place))
        else:
            reads.append(Read(path, start, end, [place]))
    last: Read | None = None
    for path, start, end, place in sorted(plain):
        if last is not None and last.path == path and last.start is not None:
            furthest = max(last.end or 0, end)
            is_near = start <= (last.end or 0) + gap and furthest - last.start <= MOST
            if is_near or furthest == last.end:
                last.end = furthest
                last.places.append(place)
                continue
        last = Read(path, start, end, [place])
        reads.append(last)
    return reads


GAP = 64 * 1024
"""Reading so many bytes for nothing costs less than another request."""

MOST = 8 * 1024 * 1024
"""Longer reads are faster side by side."""

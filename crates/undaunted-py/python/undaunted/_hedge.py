"""``Hedge``: which reads of a storage are sent a second time."""

# Annotations are evaluated here: elsewhere `typing.get_type_hints` would not find their names.

from dataclasses import dataclass
from datetime import timedelta

from ._undaunted import check_hedge


@dataclass(frozen=True)
class Hedge:
    """When a read that waits for its response is sent a second time, and how often.

    The first response counts, and the other request is dropped. Nothing is sent a second time while
    the service throttles, while the retry budget is below half, or where far more requests are slow
    than should be. Only reads of content are: no writes, deletes, lists or descriptions.

    Args:
        after: The time without a response, as a number of seconds, a timedelta or a text such as
            ``"200ms"``; or a share of the recent responses such as ``"95 %"``: when the response
            takes longer than these did.
        most: The share of reads that may be sent a second time in the long run, from 0 to 1.
        first_delay: The time that counts until there are enough responses to know a share; default:
            nothing is sent a second time until then.

    Raises:
        ValueError: If one of them is out of range.

    Example:
        >>> from undaunted import Hedge, blocking
        >>> storage = blocking.Storage.open("memory:///reports", hedge=Hedge(after="99 %"))
        >>> storage.hedges, storage.hedges_won
        (0, 0)
    """

    after: str | float | timedelta = "95 %"
    most: float = 0.05
    first_delay: str | float | timedelta | None = None

    def __post_init__(self) -> None:
        check_hedge(*self._core())

    def _core(self) -> tuple[str, float, str | None]:
        """For the core: the times as text."""
        first_delay = None if self.first_delay is None else _text(self.first_delay)
        return _text(self.after), float(self.most), first_delay


def hedge_of(hedge: object) -> Hedge | None:
    """What was given as ``hedge``: True is the default one."""
    if hedge is None or hedge is False:
        return None
    if hedge is True:
        return Hedge()
    if isinstance(hedge, Hedge):
        return hedge
    raise TypeError(f"hedge must be a bool or a Hedge, not {type(hedge).__name__}")


def _text(time: str | float | timedelta) -> str:
    return str(time.total_seconds() if isinstance(time, timedelta) else time)

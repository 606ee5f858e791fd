"""The log of retries: logger ``undaunted.retry``."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ._undaunted import switch

logger = logging.getLogger("undaunted.retry")


def log_retry(
    operation: str, retry: int, max_retries: int, delay: float, error: BaseException
) -> None:
    """Logs a failed attempt that is retried after ``delay``. Callers check first whether the level
    is enabled, since that saves most of the cost.
    """
    attempts = switch()
    if attempts is not None:
        max_retries = min(max_retries, attempts - 1)
    logger.warning(
        "Retry attempt %d/%d for %s after %.2fs: %s",
        retry,
        max_retries,
        operation,
        delay,
        error,
        extra=_extra(operation=operation, attempt=retry, max_retries=max_retries, delay=delay),
    )


def log_stop(operation: str, attempts: int, stop: str, error: BaseException) -> None:
    """Logs that a call failed after ``attempts``."""
    if not logger.isEnabledFor(logging.ERROR):
        return
    extra = _extra(operation=operation, attempts=attempts, reason=stop)
    if stop == "retries_exhausted":
        logger.error(
            "All %d retries exhausted for %s", attempts - 1, operation, exc_info=error, extra=extra
        )
    else:
        logger.error(
            "Gave up on %s after attempt %d, %s: %s",
            operation,
            attempts,
            _WORDS.get(stop, stop),
            error,
            exc_info=error,
            extra=extra,
        )


def log_success(operation: str, attempts: int) -> None:
    """Logs a success after retries. Callers check the level, as for :func:`log_retry`."""
    logger.debug(
        "%s succeeded at attempt %d",
        operation,
        attempts,
        extra=_extra(operation=operation, attempts=attempts),
    )


def log_store_event(level: int, text: str, operation: str, key: str) -> None:
    """Logs an event of a Rust store."""
    if logger.isEnabledFor(level):
        logger.log(level, "%s", text, extra=_extra(operation=operation, key=key))


def _extra(**fields: object) -> Mapping[str, object]:
    # One attribute of the record, so that no field clashes with one of another library.
    return {"undaunted": fields}


_WORDS = {
    "budget_exhausted": "the retry budget is exhausted",
    "deadline_exceeded": "total_timeout leaves no time for another",
    "permanent": "the failure is permanent",
    "retry_after_too_long": "the service asked for a wait beyond max_retry_after",
}

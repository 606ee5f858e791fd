"""Running the document's blocks as they are written."""

from __future__ import annotations

from typing import Any

import undaunted


def run(block: str, **names: object) -> dict[str, Any]:
    """The names that a block defines. What it uses and does not import is handed to it: the
    document says it once and goes on.
    """
    namespace: dict[str, Any] = {
        "Storage": undaunted.Storage,
        "StorageConnectionError": undaunted.StorageConnectionError,
        "RetryConfig": undaunted.RetryConfig,
        "retry": undaunted.retry,
        "with_retry": undaunted.with_retry,
        **names,
    }
    exec(compile(block, "retry-utilities.md", "exec"), namespace)
    return namespace

"""Runs the examples of the retry guide as they are written there.

The guide is the page "Retry Utilities" in the documentation of litestar-storages, a Python
package for storages. undaunted started from it: every example works with the name of the
package replaced. Each file of this folder has one example, word for word, as `BLOCK`, and the
tests of what the guide says about it; `test_guide_copies.py` compares the copies with the guide.
"""

from __future__ import annotations

from typing import Any

import undaunted


def run(block: str, **names: object) -> dict[str, Any]:
    """The names that an example defines.

    The guide imports a name in one example and uses it in later ones, so the names that an
    example may use without importing them are passed in.
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

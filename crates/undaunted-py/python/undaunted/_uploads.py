"""The uploads of ``put_large`` that have not ended, so that the end of the program aborts them.

A thread that is a daemon, or a coroutine whose event loop has stopped, does not abort its upload:
it does not run any more. The parts would stay in the bucket.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from ._undaunted import Upload


@contextmanager
def running(upload: Upload) -> Generator[None, None, None]:
    """Around the parts of an upload."""
    _running.add(upload)
    try:
        yield
    finally:
        _running.discard(upload)


def abort_all() -> None:
    """Begins to abort the uploads that are left. To be called at the end of the program."""
    for upload in list(_running):
        upload.abort()


_running: set[Upload] = set()

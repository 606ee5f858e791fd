"""Writes that wait for the end of a transaction."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._errors import StorageError
from ._base import named

if TYPE_CHECKING:
    from ._base import Base


class Deferred:
    """A write that a transaction makes at its end, or never."""

    def __init__(self, fs: Base, path: str, write: Callable[[], object]) -> None:
        self._fs = fs
        self._path = path
        self._write = write
        self._process = os.getpid()

    def commit(self) -> None:
        """Writes the file, unless this is a forked child of the process whose transaction it is."""
        if self._process != os.getpid():
            raise StorageError(
                f"{self._path} is for process {self._process} to write, whose transaction it is in",
                key=self._path,
            )
        with named(self._path):
            self._write()
        self._fs.invalidate_cache(self._path)

    def discard(self) -> None:
        """Forgets it."""

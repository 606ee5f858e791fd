"""Local files that are the targets and the sources of transfers."""

from __future__ import annotations

import contextlib
import mimetypes
import os
import secrets
import shutil
from typing import Any, BinaryIO

from ._fsspec import isfilelike


class LocalTarget:
    """Writes a local file beside its place, and moves it there when it is complete.

    A file that is open already, a device or a pipe is written to directly.
    """

    def __init__(self, target: Any) -> None:
        self._target = target
        self._place: str | None = None
        self._partial: str | None = None
        self._file: Any = target

    def __enter__(self) -> Any:
        if isfilelike(self._target):
            return self._file
        self._place = os.path.realpath(self._target)
        if os.path.exists(self._place) and not os.path.isfile(self._place):
            self._file = open(self._place, "wb")
            return self._file
        folder, name = os.path.split(self._place)
        os.makedirs(folder, exist_ok=True)
        self._partial = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.partial")
        self._file = open(self._partial, "xb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._place is None:
            return
        try:
            self._file.close()
            if kind is None and self._partial is not None:
                if os.path.exists(self._place):
                    shutil.copymode(self._place, self._partial)
                os.replace(self._partial, self._place)
                self._partial = None
        finally:
            if self._partial is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(self._partial)


def is_folder(place: Any) -> bool:
    """Whether this is a local folder."""
    return os.path.isdir(place)


def make_folder(place: Any) -> None:
    """Makes a local folder, unless it is there."""
    os.makedirs(place, exist_ok=True)


def size_of(place: Any) -> int:
    """The size of a local file."""
    return os.path.getsize(place)


def to_read(place: Any) -> BinaryIO:
    """Opens a local file."""
    return open(place, "rb")


def type_of(name: str | os.PathLike[str]) -> str | None:
    """The content type that the name of a file implies."""
    return mimetypes.guess_type(os.fspath(name))[0]

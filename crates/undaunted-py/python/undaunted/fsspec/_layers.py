"""What is put around a file that is open for bytes: compression and text."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._fsspec import compr, get_compression

if TYPE_CHECKING:
    from ._file import File


def opened(
    fs: Any,
    path: str,
    mode: str,
    block_size: int | None,
    cache_options: dict[str, Any] | None,
    compression: str | None,
    kwargs: dict[str, Any],
) -> Any:
    """Opens a file in any mode."""
    is_text = "b" not in mode
    text = {name: kwargs.pop(name) for name in TEXT if name in kwargs}
    if text and not is_text:
        raise ValueError(f"{', '.join(text)} cannot be given for a file that is open for bytes")
    binary = "".join(letter for letter in mode if letter not in "bt") + "b"
    if binary not in MODES or mode.count("t") > is_text:
        raise ValueError(
            f"mode is {mode!r}, but must be r, w, x or a, with b or t: an object cannot be "
            "changed in place"
        )
    autocommit = kwargs.pop("autocommit", not fs._intrans)
    file: File = fs._open(
        path, binary, block_size, autocommit=autocommit, cache_options=cache_options, **kwargs
    )
    try:
        layered: Any = file
        file.is_wrapped = is_text or compression is not None
        if compression is not None:
            layered = Compressed(file, path, compression)
        if is_text:
            layered = Text(layered, file, **text)
    except BaseException:
        file.abandon()
        file.close()
        raise
    if not autocommit and binary != "rb":
        fs.transaction.files.append(file)
    return layered


class Text(io.TextIOWrapper):
    """A text that is not written if its ``with`` block raises."""

    def __init__(self, buffer: Any, file: File, **text: Any) -> None:
        super().__init__(buffer, **text)
        self._file = file

    def write(self, text: str, /) -> int:
        """Takes a text."""
        self._file._note_report()
        return super().write(text)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._file.abandon()
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file._leave_to_its_process()
        super().__del__()


class Compressed:
    """A compressed file, which closes the file that it is in, too."""

    def __init__(self, file: File, path: str, compression: str) -> None:
        self._file = file
        name = get_compression(path, compression)
        self._stream: Any = file if name is None else compr[name](file, mode=file.mode[0])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Compressed:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._file.abandon()
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def __del__(self) -> None:
        self._file._leave_to_its_process()

    def write(self, data: Any) -> int:
        """Compresses bytes."""
        self._file._note_report()
        return int(self._stream.write(data))

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return bool(self._file.closed)

    def close(self) -> None:
        """Writes the end of the compressed data, and closes the file."""
        if self.closed:
            return
        try:
            self._stream.close()
        except BaseException:
            self._file.abandon()
            raise
        finally:
            self._file.close()


TEXT = ("encoding", "errors", "newline")
MODES = ("rb", "wb", "xb", "ab")

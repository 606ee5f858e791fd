"""What is read and written, between obspec's dictionaries and ours."""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .. import _bridge, blocking
from .._data import close_generator
from ._errors import NotSupportedError, prescribed

if TYPE_CHECKING:
    from obspec import Attributes, GetOptions, ObjectMeta, PutMode, PutResult

    from .._types import StoredFile
    from .._undaunted import Reader


class _Begun:
    """What an object that is being read says of itself."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def attributes(self) -> Attributes:
        """The content type, and the names and values that were given to the write."""
        return attributes_of(self._reader.stored)

    @property
    def meta(self) -> ObjectMeta:
        """The description of the object."""
        return meta_of(self._reader.stored)

    @property
    def range(self) -> tuple[int, int]:
        """The part that is read: its start and end."""
        return self._reader.range


class GetResult(_Begun):
    """An object that is being read."""

    def __iter__(self) -> Iterator[bytes]:
        with prescribed():
            while (chunk := blocking.result_of(self._reader.next())) is not None:
                yield chunk

    def buffer(self) -> bytes:
        """All that is left to read."""
        return b"".join(self)


class GetResultAsync(_Begun):
    """An object that is being read by a coroutine."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with prescribed():
            while (chunk := await _bridge.result_of(self._reader.next())) is not None:
                yield chunk

    async def buffer_async(self) -> bytes:
        """All that is left to read."""
        return b"".join([chunk async for chunk in self])


class WriteOptions:
    """The options of a write.

    Raises:
        NotSupportedError: If a storage has nothing of the kind.
    """

    def __init__(
        self, attributes: Attributes | None, tags: Mapping[str, str] | None, mode: PutMode | None
    ) -> None:
        if tags:
            raise NotSupportedError("tags are not supported: give attributes")
        if mode not in (None, "create", "overwrite"):
            raise NotSupportedError(f"mode is {mode!r}, but must be 'create' or 'overwrite'")
        given = dict(attributes or {})
        refused = _NOT_KEPT.intersection(given)
        if refused:
            raise NotSupportedError(f"the attribute {min(refused)} is not supported")
        self.overwrite = mode != "create"
        self.described: dict[str, Any] = {
            "content_type": given.pop("Content-Type", None),
            "metadata": given or None,
        }


def read_options(given: GetOptions | None) -> dict[str, Any] | None:
    """The options of a read, as Rust takes them."""
    if not given:
        return None
    options: dict[str, Any] = dict(given)
    if isinstance(options.get("range"), list):
        options["range"] = tuple(options["range"])
    return options


def end_of(start: int, end: int | None, length: int | None) -> int:
    """The end of a part."""
    if (end is None) == (length is None):
        raise ValueError("give either the end of the part or its length")
    return start + cast(int, length) if end is None else end


def ends_of(
    starts: Sequence[int], ends: Sequence[int] | None, lengths: Sequence[int] | None
) -> list[tuple[int, int]]:
    """The starts and ends of parts."""
    if (ends is None) == (lengths is None):
        raise ValueError("give either the ends of the parts or their lengths")
    given = cast("Sequence[int]", lengths if ends is None else ends)
    if len(given) != len(starts):
        raise ValueError(f"there are {len(starts)} starts, but {len(given)} ends or lengths")
    pairs = zip(starts, given, strict=True)
    return [(start, start + each if ends is None else each) for start, each in pairs]


def folder(prefix: str | None) -> str:
    """The beginning of keys for a prefix of whole segments."""
    return f"{prefix.rstrip('/')}/" if prefix and prefix.rstrip("/") else ""


def meta_of(stored: StoredFile) -> ObjectMeta:
    """The description of an object."""
    meta: Any = {
        "path": stored.key,
        "last_modified": stored.last_modified,
        "size": stored.size,
        "e_tag": stored.etag,
        "version": None,
    }
    return cast("ObjectMeta", meta)


def attributes_of(stored: StoredFile) -> Attributes:
    """The content type, and the names and values that were given to the write."""
    kind = {} if stored.content_type is None else {"Content-Type": stored.content_type}
    return {**kind, **stored.metadata}


def result_of_put(stored: StoredFile) -> PutResult:
    """What a write returns."""
    return {"e_tag": stored.etag, "version": None}


@contextmanager
def opened(file: Any) -> Generator[Any]:
    """Data as our storages take it: a path is opened, and any buffer is bytes."""
    # Any: what type checkers make of it by these checks would have parts that they do not know.
    data: Any = file
    if isinstance(file, Path):
        with file.open("rb") as content:
            yield content
    elif isinstance(file, (bytes, bytearray, memoryview)) or hasattr(file, "read"):
        yield data
    elif isinstance(file, AsyncIterable):
        yield _async_bytes(data)
    else:
        try:
            view = memoryview(data)
        except TypeError:
            yield _bytes(data) if isinstance(file, Iterable) else data
        else:
            yield view


def _bytes(chunks: Iterable[Any]) -> Iterator[bytes]:
    for chunk in chunks:
        yield bytes(chunk)


async def _async_bytes(chunks: AsyncIterable[Any]) -> AsyncIterator[bytes]:
    stream = aiter(chunks)
    try:
        async for chunk in stream:
            yield bytes(chunk)
    finally:
        await close_generator(stream)


_NOT_KEPT = frozenset(
    {"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language"}
)
"""Attributes that a storage does not keep."""

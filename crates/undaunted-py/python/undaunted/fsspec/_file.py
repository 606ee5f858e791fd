"""``File``: a file that is read by ranges, or written in parts, for blocking code."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import errno
import io
import logging
import os
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .._errors import StorageError
from ..blocking import result_of
from ._base import Entry, block_of, named
from ._fsspec import AbstractBufferedFile, caches
from ._leaving import left_by_exception, now_handled, reported_exception
from ._listing import described

if TYPE_CHECKING:
    from .._types import StoredFile
    from .._undaunted import Upload
    from ._base import Base

logger = logging.getLogger("undaunted.fsspec")


class File(AbstractBufferedFile):
    """An open file. All reads are of the object that was there when it was opened: if another has
    taken its place, the next read is an error, never a mixture.
    """

    DEFAULT_BLOCK_SIZE = 5 * 2**20
    buffer: Any
    loc: int
    key: str
    is_wrapped: bool
    """Whether a layer of ours writes to it."""
    blocksize: int
    """Bytes that are read ahead, or in a part."""

    def __init__(
        self,
        fs: Base,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_type: str = "readahead",
        cache_options: dict[str, Any] | None = None,
        size: int | None = None,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
        details: Entry | None = None,
        fill_cache: bool = True,
    ) -> None:
        self._is_ready = False
        self._storage, self.key = fs._locate(path)
        self._store = self._storage._store
        self._content_type = content_type
        self._metadata = metadata
        self._upload: Upload | None = None
        self._sent = 0
        self._failure: BaseException | None = None
        self._is_abandoned = False
        self._is_finished = False
        self._old: Entry | None = None
        self._handled = now_handled()
        self._process = os.getpid()
        self.is_wrapped = False
        self._details = details
        if cache_type not in caches:
            known = ", ".join(str(name) for name in caches if name)
            raise ValueError(f"cache_type is {cache_type!r}, but must be one of {known}")
        is_read = mode == "rb"
        block: Any = block_of(block_size) or (self.DEFAULT_BLOCK_SIZE if is_read else WRITE_BLOCK)
        super().__init__(
            fs,
            path,
            mode,
            block,
            autocommit,
            cache_type,
            cache_options,
            size,
        )
        if not is_read:
            self._check_target()
        self._is_ready = True

    @property
    def details(self) -> Entry:
        """The description of the file."""
        if self._details is None:
            with named(self.path):
                stored = self._storage._with_type(result_of(self._store.info(self.key)))
            self._details = described(self.path, stored)
        return self._details

    def _fetch_range(self, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        with named(self.path):
            try:
                if self._details is None:
                    return self._fetch_first(start, end)
                etag = self._details.get("ETag")
                return result_of(self._store.get_range(self.key, start, end, etag))
            except OSError:
                raise
            except StorageError as error:
                # It may have been changed, which is none of the operating system's errors.
                now = result_of(self._store.info(self.key))
                if self._details is None:
                    self._check_size(now)
                elif self._details.get("ETag") not in (None, "", now.etag):
                    raise changed(self.path, self.key) from error
                raise

    def _fetch_first(self, start: int, end: int) -> bytes:
        """The first read of a file whose size was given: only its response says which object it is
        that all others are to be of.
        """
        reader = result_of(self._store.get(self.key, {"range": (start, end)}))
        self._check_size(reader.stored)
        chunks: list[bytes] = []
        while (chunk := result_of(reader.next())) is not None:
            chunks.append(chunk)
        self._details = described(self.path, self._storage._with_type(reader.stored))
        return b"".join(chunks)

    def _check_size(self, stored: StoredFile) -> None:
        if stored.size != self.size:
            raise StorageError(
                f"{self.path} was opened with size={self.size}, but has {stored.size} bytes: open "
                "it without a size",
                key=self.key,
            )

    def flush(self, force: bool = False) -> None:
        """Begins to write what is a full part; the rest is written when the file is closed.

        Args:
            force: Has no effect: a part that is not full cannot be sent before the last.

        Raises:
            ValueError: If the file is closed.
            StorageError: If the part could not be written.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> with fs.open("data/a.csv", "wb", block_size=5 << 20) as file:
            ...     written = file.write(bytes(12 << 20))
            ...     file.flush()  # two parts of 5 MiB are on their way
        """
        if self.closed:
            raise ValueError("Flush on closed file")
        if self.mode == "rb" or self.buffer.tell() < self.blocksize or self._is_abandoned:
            return
        self._check_process()
        self._take_old()
        self._send_full()

    def write(self, data: Any) -> int:
        """Takes bytes; a full part is sent.

        Args:
            data: Bytes, or an object that has them, such as a ``memoryview``.

        Raises:
            ValueError: If the file is closed, or open for reading.
            StorageError: If an earlier part could not be written.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> with fs.open("data/a.csv", "wb") as file:
            ...     file.write(b"1,2")
            3
        """
        if self._is_abandoned and not self.closed:
            return memoryview(data).nbytes
        if self._failure is not None:
            raise self._not_written()
        self._check_process()
        # A thread of C has no caller. Nor has a layer in C that is closed a frame, and the code
        # that closes it has no word of a write.
        caller = sys._getframe().f_back
        if not self.is_wrapped and caller is not None and "write" in caller.f_code.co_names:
            self._note_report()
        written: int = super().write(data)
        return written

    def close(self) -> None:
        """Closes the file. One that was written becomes visible now, or is an error; at the end of
        a ``with`` block that raised, it does not. Only the process that opened it can write it.

        Raises:
            StorageError: If the file could not be written.
            FileExistsError: If the mode is ``x`` and the file exists by now.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> file = fs.open("data/a.csv", "wb")
            >>> written = file.write(b"1,2")
            >>> file.close()
            >>> fs.cat_file("data/a.csv")
            b'1,2'
        """
        if self.closed:
            return
        if self.mode == "rb" or not self._is_ready:
            super().close() if self.mode == "rb" else self._end()
            return
        if left_by_exception(self._handled) and not self._is_abandoned:
            self.abandon()
            error = type(now_handled()).__name__
            logger.warning("%s is not written: %s ended the block that wrote it", self.path, error)
        try:
            if self._is_abandoned:
                return
            self._check_process()
            if self._failure is not None:
                raise self._not_written()
            self._finish()
            if self.autocommit:
                self.commit()
        finally:
            self._end()

    def commit(self) -> None:
        """Makes the file visible: at the end of a transaction, or when it is closed.

        Raises:
            ValueError: If the file is still open.
            StorageError: If the file could not be written.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> file = fs.open("later/a.csv", "wb", autocommit=False)
            >>> written = file.write(b"1,2")
            >>> file.close()
            >>> before = fs.exists("later/a.csv")
            >>> file.commit()
            >>> before, fs.exists("later/a.csv")
            (False, True)
        """
        if self._is_abandoned or self._failure is not None or self._is_finished:
            return
        if not self.closed and not self.autocommit:
            raise ValueError(f"{self.path} is still open: close it before the transaction ends")
        self._check_process()
        try:
            with named(self.path):
                if self._upload is None:
                    self._put()
                else:
                    self._check_absent()
                    result_of(self._upload.complete(self._sent))
        except BaseException as error:
            self._fail(error)
            raise
        self._is_finished = True
        self.fs.invalidate_cache(self.path)

    def discard(self) -> None:
        """Deletes what was written: the file does not become visible.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> file = fs.open("never/a.csv", "wb", autocommit=False)
            >>> written = file.write(b"1,2")
            >>> file.close()
            >>> file.discard()
            >>> fs.exists("never/a.csv")
            False
        """
        if not self._is_finished:
            self.abandon()

    def abandon(self) -> None:
        """Deletes what was written, and ignores what is written from now on.

        Example:
            >>> from undaunted.fsspec import FileSystem
            >>> fs = FileSystem("memory")
            >>> with fs.open("never/a.csv", "wb") as file:
            ...     written = file.write(b"1,2")
            ...     file.abandon()  # as the end of the block does if it raises
            >>> fs.exists("never/a.csv")
            False
        """
        if not self._is_abandoned and self.mode != "rb":
            self._is_abandoned = True
            self.buffer = io.BytesIO()
            self._abort()

    def _note_report(self) -> None:
        """Notes that an ``__exit__`` writes what has happened: its exception is no reason to throw
        the file away.
        """
        self._handled = reported_exception() or self._handled

    def _leave_to_its_process(self) -> None:
        """In a forked child: what is done with the file from now on, such as by a layer that is
        closed, does nothing. The parent has it open.
        """
        if self.mode != "rb" and self._process != os.getpid():
            self._is_abandoned = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.abandon()
        self.close()

    def __del__(self) -> None:
        if not self.closed and getattr(self, "_is_ready", False):
            self._leave_to_its_process()
            if self.mode != "rb" and self._process == os.getpid():
                warnings.warn(f"unclosed file {self!r}", ResourceWarning, 2, source=self)
            self.close()

    def __reduce__(self) -> Any:
        if self.mode != "rb":
            raise TypeError(f"a file that is written cannot be pickled: {self!r}")
        name = self.cache.name if self.cache else "none"
        return _reopen, (self.fs, self.path, self.blocksize, self.loc, name, self.details)

    def _check_process(self) -> None:
        if self._process != os.getpid():
            raise StorageError(
                f"{self.path} was opened by process {self._process}, which alone can write it: "
                "open a file in this process",
                key=self.key,
            )

    def _check_target(self) -> None:
        if self.mode == "ab":
            with named(self.path):
                try:
                    self._old = self.details
                except FileNotFoundError:
                    return
            self.loc = self._old["size"]
        elif self.mode == "xb":
            self._check_absent()

    def _check_absent(self) -> None:
        """A file of one part is written under the condition that there is none. One of many parts
        is looked for when it is opened and once more when it is complete.
        """
        if self.mode != "xb":
            return
        with named(self.path):
            exists = result_of(self._store.exists(self.key))
        if exists:
            raise FileExistsError(errno.EEXIST, "the file exists", self.path)

    def _send(self, data: bytes) -> None:
        try:
            with named(self.path):
                if self._upload is None:
                    self._upload = result_of(
                        self._store.start_upload(self.key, self._content_type, self._metadata)
                    )
                upload = self._upload
                while upload.in_flight >= self.fs.max_concurrency:
                    result_of(upload.finish_part())
                upload.put_part(data)
                self._sent += len(data)
        except BaseException as error:
            self._fail(error)
            raise

    def _take_old(self) -> None:
        """What the file had before comes first: full parts of it are sent."""
        old, self._old = self._old, None
        if old is None:
            return
        size = old["size"]
        full = size - size % self.blocksize
        new = self.buffer.getvalue()
        for start in range(0, full, self.blocksize):
            self._send(self._fetch_range(start, start + self.blocksize))
        self._buffer(self._fetch_range(full, size) + new)

    def _send_full(self) -> None:
        content = self.buffer.getvalue()
        full = len(content) - len(content) % self.blocksize
        # Before the parts: a failure must not send them again.
        self._buffer(content[full:])
        for start in range(0, full, self.blocksize):
            self._send(content[start : start + self.blocksize])

    def _buffer(self, content: bytes) -> None:
        self.buffer = io.BytesIO()
        self.buffer.write(content)

    def _finish(self) -> None:
        """Sends the last part, and waits until all are written."""
        try:
            if self._old is not None and self.loc == self._old["size"]:
                # Nothing was appended.
                self._is_finished = True
                return
            self._take_old()
            # A file of one part is written by one request, later.
            if self._upload is None and self.buffer.tell() <= self.blocksize:
                return
            self._send_full()
            rest = self.buffer.getvalue()
            self._buffer(b"")
            if rest:
                self._send(rest)
            upload = self._upload
            with named(self.path):
                while upload is not None and upload.in_flight:
                    result_of(upload.finish_part())
        except BaseException as error:
            self._fail(error)
            raise

    def _put(self) -> None:
        """Writes a file of one part, in one request."""
        content = self.buffer.getvalue()
        overwrite = self.mode != "xb"
        result_of(self._store.put(self.key, content, self._content_type, self._metadata, overwrite))

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._abort()

    def _abort(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            # Rust goes on with it, should this wait be interrupted. If it fails, the error of the
            # caller says more.
            with suppress(StorageError):
                result_of(upload.abort())

    def _not_written(self) -> StorageError:
        error = StorageError(f"{self.path} was not written: {self._failure}", key=self.key)
        error.__cause__ = self._failure
        return error

    def _end(self) -> None:
        self.closed = True
        # A reference to an exception keeps the frames it was raised in.
        self._handled = None
        if self.autocommit or self._is_abandoned:
            self.buffer = io.BytesIO()


def changed(path: str, key: str) -> StorageError:
    """The error for a file that is not the one that was opened."""
    return StorageError(f"{path} was changed while it was open: open it again", key=key)


def _reopen(fs: Any, path: str, block_size: int, loc: int, cache_type: str, details: Entry) -> Any:
    file = fs.open(
        path,
        block_size=block_size,
        cache_type=cache_type,
        size=details["size"],
        details=details,
    )
    if loc > 0:
        file.seek(loc)
    return file


WRITE_BLOCK = 16 * 2**20
"""The bytes of a part: 10,000 of them, the maximum of S3, are 156 GiB."""

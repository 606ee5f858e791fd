"""``AsyncFile``: a file that is read or written by coroutines."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from .._bridge import result_of
from .._errors import StorageError
from ._base import block_of, named
from ._file import WRITE_BLOCK, changed
from ._fsspec import AbstractAsyncStreamedFile

if TYPE_CHECKING:
    from .._types import StoredFile
    from .._undaunted import Reader
    from ._base import Base, Entry


class AsyncFile(AbstractAsyncStreamedFile):
    """An open file: ``async with await fs.open_async(path) as file``.

    It is read as a stream; after a ``seek`` by ranges. All reads are of the object that was there
    when it was opened. What is written is sent in parts, and becomes visible when the file is
    closed; if the block raises, it does not.
    """

    key: str
    closed: bool
    loc: int

    def __init__(
        self,
        fs: Base,
        path: str,
        mode: str,
        *,
        details: Entry | None = None,
        block_size: int | None = None,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> None:
        self._storage, self.key = fs._locate(path)
        self._etag = None if details is None else details.get("ETag")
        self._reader: Reader | None = None
        self._chunk = b""
        self._streamed = 0
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._has_room = asyncio.Event()
        self._writing: asyncio.Task[StoredFile] | None = None
        self._arguments: dict[str, Any] = {
            "content_type": content_type,
            "metadata": metadata,
            "part_size": block_of(block_size) or fs.default_block_size or WRITE_BLOCK,
            "concurrency": fs.max_concurrency,
        }
        super().__init__(fs, path, mode, cache_type="none", size=details and details["size"])

    async def read(self, length: int | None = -1) -> bytes:
        """Reads so many bytes, or all that are left.

        Args:
            length: The maximum number of bytes; default: all.

        Raises:
            ValueError: If the file is closed, or open for writing.
            StorageError: If it could not be read.

        Example:
            >>> import asyncio
            >>> from undaunted.fsspec import FileSystem
            >>> async def main():
            ...     fs = FileSystem("memory", asynchronous=True)
            ...     await fs._pipe_file("data/a.csv", b"1,2")
            ...     async with await fs.open_async("data/a.csv") as file:
            ...         return await file.read(1), await file.read()
            >>> asyncio.run(main())
            (b'1', b',2')
        """
        if self.mode != "rb":
            raise ValueError("File not in read mode")
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        left = max(self.size - self.loc, 0)
        length = left if length is None or length < 0 else min(length, left)
        if length == 0:
            return b""
        with named(self.path):
            data = await self._read(length)
        self.loc += len(data)
        return data

    async def write(self, data: Any) -> int:
        """Takes bytes, and waits while too many are on their way. If the wait is cancelled, it has
        taken none.

        Args:
            data: Bytes, or an object that has them, such as a ``memoryview``.

        Raises:
            ValueError: If the file is closed, or open for reading.
            StorageError: If an earlier part could not be written.

        Example:
            >>> import asyncio
            >>> from undaunted.fsspec import FileSystem
            >>> async def main():
            ...     fs = FileSystem("memory", asynchronous=True)
            ...     async with await fs.open_async("data/a.csv", "wb") as file:
            ...         return await file.write(b"1,2")
            >>> asyncio.run(main())
            3
        """
        if self.mode != "wb":
            raise ValueError("File not in write mode")
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        content = bytes(data)
        if content:
            await self._hand_over(content)
        self.loc += len(content)
        return len(content)

    async def flush(self, force: bool = False) -> None:
        """Does nothing: full parts are sent without it, and others cannot be.

        Args:
            force: Has no effect.

        Example:
            >>> import asyncio
            >>> from undaunted.fsspec import FileSystem
            >>> async def main():
            ...     fs = FileSystem("memory", asynchronous=True)
            ...     async with await fs.open_async("data/a.csv", "wb") as file:
            ...         await file.write(b"1,2")
            ...         await file.flush()
            >>> asyncio.run(main())
        """

    async def close(self) -> None:
        """Closes the file. One that was written becomes visible now, or is an error.

        Raises:
            StorageError: If the file could not be written.

        Example:
            >>> import asyncio
            >>> from undaunted.fsspec import FileSystem
            >>> async def main():
            ...     fs = FileSystem("memory", asynchronous=True)
            ...     file = await fs.open_async("data/a.csv", "wb")
            ...     await file.write(b"1,2")
            ...     await file.close()
            ...     return await fs._cat_file("data/a.csv")
            >>> asyncio.run(main())
            b'1,2'
        """
        if self.closed:
            return
        self.closed = True
        if self.mode == "wb":
            try:
                await self._hand_over(None)
                if self._writing is not None:
                    with named(self.path):
                        await self._writing
            except GeneratorExit:
                self._leave()
                raise
            except BaseException:
                # The end may not have been handed over: the upload would wait for it.
                await self.abandon()
                raise
            self.fs.invalidate_cache(self.path)

    async def abandon(self) -> None:
        """Deletes what was written: the file does not become visible.

        Example:
            >>> import asyncio
            >>> from undaunted.fsspec import FileSystem
            >>> async def main():
            ...     fs = FileSystem("memory", asynchronous=True)
            ...     file = await fs.open_async("never/a.csv", "wb")
            ...     await file.write(b"1,2")
            ...     await file.abandon()
            ...     return await fs._exists("never/a.csv")
            >>> asyncio.run(main())
            False
        """
        writing = self._leave()
        if writing is not None:
            # It waits for the end even if it is cancelled, too, and raises that.
            await asyncio.gather(writing, return_exceptions=True)

    def _leave(self) -> asyncio.Task[StoredFile] | None:
        """Ends the upload, if there is one. A coroutine that is closed cannot wait for it."""
        self.closed = True
        writing, self._writing = self._writing, None
        if writing is not None and not writing.cancel() and not writing.cancelled():
            # Retrieved, so that asyncio does not report an exception that was never retrieved.
            writing.exception()
        return writing

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is GeneratorExit:
            self._leave()
        elif kind is not None:
            await self.abandon()
        await self.close()

    def __del__(self) -> None:
        """An event loop is needed to close it."""

    async def _read(self, length: int) -> bytes:
        store = self._storage._store
        try:
            if self.loc == self._streamed:
                data = await self._stream(length)
                self._streamed += len(data)
                return data
            end = self.loc + length
            return await result_of(store.get_range(self.key, self.loc, end, self._etag))
        except OSError:
            raise
        except StorageError as error:
            # It may have been changed, which is none of the operating system's errors.
            now = await result_of(store.info(self.key))
            if self._etag and now.etag != self._etag:
                raise changed(self.path, self.key) from error
            raise

    async def _begin(self) -> Reader:
        """Begins to read at this place."""
        options: dict[str, Any] = {}
        if self.loc:
            options["range"] = {"offset": self.loc}
        # A weak ETag never matches.
        if self._etag and not self._etag.startswith("W/"):
            options["if_match"] = self._etag
        reader = await result_of(self._storage._store.get(self.key, options))
        # Some servers do not heed the condition, and some have no ETags.
        stored = reader.stored
        if stored.size != self.size or self._etag not in (None, "", stored.etag):
            raise changed(self.path, self.key)
        return reader

    async def _stream(self, length: int) -> bytes:
        if self._reader is None:
            self._reader = await self._begin()
        chunks = [self._chunk]
        have = len(self._chunk)
        try:
            while have < length and (chunk := await result_of(self._reader.next())) is not None:
                chunks.append(chunk)
                have += len(chunk)
        except BaseException:
            # What came is lost. Another read begins where this one did.
            self._reader, self._chunk = None, b""
            raise
        data = b"".join(chunks)
        self._chunk = data[length:]
        return data[:length]

    async def _hand_over(self, data: bytes | None) -> None:
        """Gives data to the upload, which may have failed."""
        if self._writing is None:
            upload = self._storage.put_large(self.key, self._parts(), **self._arguments)
            self._writing = asyncio.ensure_future(upload)
        while self._queue.full() and not self._writing.done():
            self._has_room.clear()
            room = asyncio.ensure_future(self._has_room.wait())
            try:
                await asyncio.wait({room, self._writing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                room.cancel()
        if not self._writing.done():
            self._queue.put_nowait(data)
        elif data is not None:
            with named(self.path):
                await self._writing

    async def _parts(self) -> AsyncIterator[bytes]:
        while (data := await self._queue.get()) is not None:
            self._has_room.set()
            yield data

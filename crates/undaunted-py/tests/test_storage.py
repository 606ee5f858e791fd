"""The storage: every operation, in memory, on files and on S3, async and blocking."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from fake_s3 import FakeS3
from undaunted import (
    ObjectStorage,
    ProgressInfo,
    RetryBudget,
    RetryConfig,
    Storage,
    StorageClosedError,
    StorageConfigurationError,
    StorageFileExistsError,
    StorageFileNotFoundError,
    StorageInvalidKeyError,
    StorageUnsupportedError,
    StoredFile,
    blocking,
)

PART = 5 * 1024 * 1024


@pytest.fixture(params=["memory", "files", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStorage:
    if request.param == "memory":
        return Storage.open("memory:///root")
    if request.param == "files":
        return Storage.open(tmp_path.as_uri())
    s3: FakeS3 = request.getfixturevalue("s3")
    return s3.storage()


async def keys(storage: ObjectStorage, prefix: str = "", limit: int | None = None) -> list[str]:
    return [file.key async for file in storage.list(prefix, limit=limit)]


def test_a_file_that_was_written_can_be_read(storage: ObjectStorage) -> None:
    async def use() -> None:
        before = datetime.now(timezone.utc) - timedelta(seconds=5)
        put = await storage.put("a/b.txt", b"hello", content_type="text/plain")
        assert (put.key, put.size, put.content_type) == ("a/b.txt", 5, "text/plain")
        assert put.etag
        assert put.last_modified is not None
        assert put.last_modified > before
        assert await storage.get_bytes("a/b.txt") == b"hello"
        assert b"".join([chunk async for chunk in storage.get("a/b.txt")]) == b"hello"
        info = await storage.info("a/b.txt")
        assert (info.key, info.size, info.etag) == ("a/b.txt", 5, put.etag)
        assert info.content_type == "text/plain"
        assert isinstance(info, StoredFile)
        assert await storage.exists("a/b.txt") is True
        assert await storage.exists("a") is False

    asyncio.run(use())


def test_copies_moves_and_deletes(storage: ObjectStorage) -> None:
    async def use() -> None:
        await storage.put("a", b"1")
        copied = await storage.copy("a", "b/c")
        assert (copied.key, copied.size) == ("b/c", 1)
        moved = await storage.move("b/c", "d")
        assert (moved.key, moved.size) == ("d", 1)
        assert not await storage.exists("b/c")
        await storage.delete("a")
        assert not await storage.exists("a")
        assert await keys(storage) == ["d"]

    asyncio.run(use())


def test_a_copy_or_a_move_onto_itself_changes_nothing(storage: ObjectStorage) -> None:
    async def use() -> None:
        await storage.put("a", b"data")
        for onto_itself in (storage.move, storage.copy):
            same = await onto_itself("a", "a")
            assert (same.key, same.size) == ("a", 4)
            with pytest.raises(StorageFileExistsError) as caught:
                await onto_itself("a", "a", overwrite=False)
            assert caught.value.key == "a"
            for overwrite in (True, False):
                with pytest.raises(StorageFileNotFoundError):
                    await onto_itself("b", "b", overwrite=overwrite)
        assert await storage.get_bytes("a") == b"data"
        assert await keys(storage) == ["a"]

    asyncio.run(use())


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_two_names_of_one_file_are_one_file(tmp_path: Path, link: str) -> None:
    storage = Storage.open(tmp_path).blocking
    storage.put("a", b"data")
    getattr(tmp_path / "b", link)(tmp_path / "a")
    for source, destination in (("a", "b"), ("b", "a")):
        storage.move(source, destination)
        storage.copy(source, destination)
        with pytest.raises(StorageFileExistsError):
            storage.move(source, destination, overwrite=False)
        assert storage.get_bytes("a") == storage.get_bytes("b") == b"data"


def test_a_delete_of_a_missing_file_is_done(storage: ObjectStorage) -> None:
    asyncio.run(storage.delete("no/such"))
    storage.blocking.delete("no/such")


def test_a_list_has_the_keys_that_begin_with_the_prefix(storage: ObjectStorage) -> None:
    async def use() -> None:
        for key in ("img/1.png", "img/2.png", "img/12.png", "img.txt", "other"):
            await storage.put(key, b"x")
        everything = ["img.txt", "img/1.png", "img/12.png", "img/2.png", "other"]
        assert sorted(await keys(storage)) == everything
        assert sorted(await keys(storage, "img")) == everything[:4]
        assert sorted(await keys(storage, "img/")) == everything[1:4]
        assert sorted(await keys(storage, "img/1")) == ["img/1.png", "img/12.png"]
        assert await keys(storage, "nothing/") == []
        assert len(await keys(storage, "img/", limit=2)) == 2
        assert await keys(storage, limit=0) == []
        files = [file async for file in storage.list("other")]
        assert (files[0].size, files[0].metadata) == (1, {})
        assert files[0].last_modified is not None
        with pytest.raises(ValueError, match="limit is -1"):
            await keys(storage, limit=-1)

    asyncio.run(use())


def test_a_long_list_comes_in_full(s3: FakeS3) -> None:
    names = [f"root/{number:05}" for number in range(2500)]
    s3.objects.update({name: (b"", {}) for name in names})
    listed = asyncio.run(keys(s3.storage()))
    assert listed == [name.removeprefix("root/") for name in names]
    assert len(s3.requests) == 3


def test_a_missing_file_is_named(storage: ObjectStorage) -> None:
    async def use() -> None:
        for operation in (
            storage.get_bytes("no/such"),
            storage.info("no/such"),
            storage.copy("no/such", "b"),
            storage.move("no/such", "b"),
            anext(aiter(storage.get("no/such"))),
        ):
            with pytest.raises(StorageFileNotFoundError) as caught:
                await operation
            assert caught.value.key == "no/such"
            assert str(caught.value) == "File not found: no/such"
            assert isinstance(caught.value, FileNotFoundError)
            assert caught.value.__cause__ is not None
            assert not hasattr(caught.value, "__notes__")

    asyncio.run(use())


def test_an_existing_file_is_kept(storage: ObjectStorage) -> None:
    async def use() -> None:
        await storage.put("a", b"1")
        with pytest.raises(StorageFileExistsError) as caught:
            await storage.put("a", b"2", overwrite=False)
        assert caught.value.key == "a"
        assert await storage.get_bytes("a") == b"1"
        await storage.put("b", b"new", overwrite=False)
        assert await storage.get_bytes("b") == b"new"
        with pytest.raises(ValueError, match="overwrite=False needs bytes"):
            await storage.put("c", iter([b"1"]), overwrite=False)

    asyncio.run(use())


def test_metadata_is_kept_by_storages_that_can_hold_it(storage: ObjectStorage) -> None:
    metadata = {"owner": "7", "source": "camera"}

    async def use() -> None:
        if "file://" in repr(storage):
            with pytest.raises(StorageUnsupportedError, match="files cannot hold metadata"):
                await storage.put("a", b"1", metadata=metadata)
            return
        assert (await storage.put("a", b"1", metadata=metadata)).metadata == metadata
        assert (await storage.info("a")).metadata == metadata
        # The token of a conditional write is not part of the user's metadata.
        await storage.put("b", b"1", metadata=metadata, overwrite=False)
        assert (await storage.info("b")).metadata == metadata

    asyncio.run(use())


@pytest.mark.parametrize(
    ("name", "value"), [("bad name", "x"), ("né", "x"), ("a", "é"), ("a", "line\nbreak")]
)
def test_metadata_that_no_header_can_hold_is_refused(name: str, value: str) -> None:
    storage = Storage.open("memory://")
    with pytest.raises(ValueError, match="metadata"):
        asyncio.run(storage.put("a", b"1", metadata={name: value}))
    with pytest.raises(ValueError, match="content_type"):
        asyncio.run(storage.put("a", b"1", content_type="text/plain\n"))


async def stream(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


CHUNKS = [bytes([number]) * 700_000 for number in range(20)]
WHOLE = b"".join(CHUNKS)


@pytest.fixture(params=["memory", "files"])
def parted(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStorage:
    """A storage that supports uploads in parts."""
    return Storage.open("memory://" if request.param == "memory" else tmp_path.as_uri())


@pytest.mark.parametrize(
    "make",
    [
        lambda: WHOLE,
        lambda: bytearray(WHOLE),
        lambda: memoryview(WHOLE),
        lambda: stream(CHUNKS),
        lambda: iter(CHUNKS),
        lambda: io.BytesIO(WHOLE),
    ],
    ids=["bytes", "bytearray", "memoryview", "stream", "iterator", "file"],
)
def test_large_data_may_have_every_type(parted: ObjectStorage, make: Callable[[], Any]) -> None:
    progress: list[ProgressInfo] = []

    async def use() -> None:
        stored = await parted.put_large(
            "big", make(), part_size=PART, progress_callback=progress.append
        )
        assert (stored.key, stored.size) == ("big", len(WHOLE))
        assert await parted.get_bytes("big") == WHOLE
        assert b"".join([chunk async for chunk in parted.get("big")]) == WHOLE
        assert (await parted.put("other", make())).size == len(WHOLE)
        assert await parted.get_bytes("other") == WHOLE

    asyncio.run(use())
    assert [info.bytes_transferred for info in progress] == [PART, 2 * PART, len(WHOLE)]
    assert {(info.operation, info.key) for info in progress} == {("upload", "big")}
    knows = progress[0].total_bytes is not None
    assert progress[-1].percentage == (100.0 if knows else None)


def test_the_callback_may_be_a_coroutine_function(parted: ObjectStorage) -> None:
    progressed: list[int] = []

    async def progress(info: ProgressInfo) -> None:
        await asyncio.sleep(0)
        progressed.append(info.bytes_transferred)

    asyncio.run(parted.put_large("a", b"small", progress_callback=progress))
    assert progressed == [5]


def test_an_upload_that_fails_leaves_nothing(parted: ObjectStorage, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for chunk in CHUNKS:
            yield chunk
        raise RuntimeError("the source broke")

    async def use() -> None:
        with pytest.raises(RuntimeError, match="the source broke"):
            await parted.put("big", broken())
        assert await keys(parted) == []

    asyncio.run(use())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_no_data_is_an_empty_file(parted: ObjectStorage) -> None:
    async def use() -> None:
        for key, data in (("a", b""), ("b", stream([])), ("c", iter([b"", b""]))):
            assert (await parted.put(key, data)).size == 0
            assert await parted.get_bytes(key) == b""
            assert [chunk async for chunk in parted.get(key)] in ([], [b""])

    asyncio.run(use())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("text", r"data must be bytes, not str: encode it"),
        (5, r"data must be bytes, a file .*, not int"),
        (None, r"not NoneType"),
        ([b"1", "2"], r"data must yield bytes, but yielded str"),
    ],
)
def test_data_of_another_type_is_refused(data: Any, said: str) -> None:
    storage = Storage.open("memory://")
    with pytest.raises(TypeError, match=said):
        asyncio.run(storage.put("a", data))
    with pytest.raises(TypeError, match=said):
        storage.blocking.put("a", data)
    assert asyncio.run(keys(storage)) == []


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "a/../b", ".", "a/\x00"])
def test_an_invalid_key_is_refused(storage: ObjectStorage, key: str) -> None:
    with pytest.raises(StorageInvalidKeyError, match="^key is ") as caught:
        asyncio.run(storage.put(key, b"1"))
    assert isinstance(caught.value, ValueError)
    assert caught.value.key == key
    with pytest.raises(StorageInvalidKeyError, match="^source is "):
        asyncio.run(storage.move(key, "b"))
    with pytest.raises(StorageInvalidKeyError, match="^destination is "):
        asyncio.run(storage.copy("b", key))
    with pytest.raises(TypeError, match="^key must be a str, not int$"):
        asyncio.run(storage.put(5, b"1"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("a\nERROR:root:forged", "it has the control character '\\\\n'$"),
        ("a\x1b[2J", "it has the control character"),
        ("a/../b", r'it has the segment "\.\."$'),
        ("a//b", "it has an empty segment, between two slashes$"),
    ],
)
def test_the_message_of_an_invalid_key_has_no_control_characters(key: str, said: str) -> None:
    storage = Storage.open("memory://").blocking
    for call in (lambda: storage.put(key, b""), lambda: list(storage.list(f"{key}/"))):
        with pytest.raises(StorageInvalidKeyError, match=said) as caught:
            call()
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (Path("s3://bucket/reports"), "the URL s3://bucket/reports;"),
        ("s3:bucket", "the URL s3://bucket;"),
        ("memory:", "the URL memory:///;"),
        ("http:/user:s3cr3t@host/x", "the URL http://host/x;"),
        ("~/data", "~ is not expanded"),
    ],
)
def test_a_mistyped_url_is_no_folder(
    written: Any, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageConfigurationError, match=meant) as caught:
        blocking.Storage.open(written).put("a.txt", b"important")
    assert "s3cr3t" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageConfigurationError) as caught:
        blocking.Storage.open("a\nb")
    assert str(caught.value).isprintable()
    # What a file may well be named.
    blocking.Storage.open("backup:2026").put("a.txt", b"1")
    blocking.Storage.open(tmp_path / "s3:" / "bucket").put("a.txt", b"1")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: s.put_large("k", b"x", part_size=1.5), "part_size must be an int, not float"),
        (lambda s: s.put_large("k", b"x", part_size="5"), "part_size must be an int, not str"),
        (lambda s: s.put_large("k", b"x", part_size=True), "part_size must be an int, not bool"),
        (
            lambda s: s.put_large("k", b"x", concurrency=None),
            "concurrency must be an int, not NoneType",
        ),
        (
            lambda s: s.put_large("k", b"x", progress_callback=5),
            "progress_callback must be a function, not int",
        ),
        (lambda s: list(s.list(limit="3")), "limit must be an int, not str"),
        (lambda s: s.url("k", expires_in="1h"), "expires_in must be a number of seconds or a time"),
        (lambda s: blocking.Storage.open("memory://", retry=5), "retry must be a RetryConfig, not"),
    ],
)
def test_an_argument_of_another_type_is_named(call: Any, said: str) -> None:
    storage = blocking.Storage.open("memory://")
    with pytest.raises(TypeError, match=f"^{said}"):
        call(storage)
    assert list(storage.list(limit=2**70)) == []


def test_half_of_a_surrogate_pair_is_in_no_key() -> None:
    storage = Storage.open("memory://").blocking
    with pytest.raises(StorageInvalidKeyError, match=r"^key is 'a\\udcff', but must be text"):
        storage.put("a\udcff", b"1")
    with pytest.raises(StorageInvalidKeyError, match="^prefix is "):
        list(storage.list("/a"))
    with pytest.raises(StorageInvalidKeyError, match="^prefix is "):
        list(storage.list("\ud800"))


@pytest.mark.parametrize("key", ["ä/ö.txt", "a b", "a%20b", "a+b", "a?b&c", "日本/語"])
def test_unusual_keys_are_unchanged(storage: ObjectStorage, key: str) -> None:
    async def use() -> None:
        await storage.put(key, b"1")
        assert await storage.get_bytes(key) == b"1"
        assert await keys(storage) == [key]
        assert (await storage.info(key)).key == key

    asyncio.run(use())


def test_urls(s3: FakeS3, tmp_path: Path) -> None:
    async def use() -> None:
        url = await s3.storage().url("a b", expires_in=timedelta(minutes=5))
        assert url.startswith(f"{s3.url}/bucket/root/a%20b?")
        assert "X-Amz-Expires=300&" in url
        assert "X-Amz-Expires=60&" in await s3.storage().url("a", expires_in=60)
        assert "X-Amz-Expires=3600&" in await s3.storage().url("a", method="PUT")
        assert s3.requests == []
        files = Storage.open(tmp_path)
        assert await files.url("a b") == f"{tmp_path.as_uri()}/a%20b"
        with pytest.raises(StorageUnsupportedError, match=r"memory:// cannot sign URLs"):
            await Storage.open("memory://").url("a")
        for expires_in in (0, -1, float("nan"), 8 * 24 * 3600):
            with pytest.raises(ValueError, match="expires_in is"):
                await s3.storage().url("a", expires_in=expires_in)
        with pytest.raises(ValueError, match='method is "PATCH"'):
            await s3.storage().url("a", method="PATCH")

    asyncio.run(use())


def test_a_closed_storage_refuses_operations(storage: ObjectStorage) -> None:
    async def use() -> None:
        async with storage as same:
            assert same is storage
            await storage.put("a", b"1")
        assert repr(storage).endswith(" (closed)>")
        with pytest.raises(StorageClosedError, match=r"the storage .* is closed"):
            await storage.get_bytes("a")
        with pytest.raises(StorageClosedError):
            await keys(storage)
        await storage.close()

    asyncio.run(use())


def test_relative_and_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("folder", tmp_path / "folder", f"file://{tmp_path}/folder"):
        asyncio.run(Storage.open(url).put("a/b", b"1"))
        assert (tmp_path / "folder" / "a" / "b").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/x", r"unsupported URL scheme ftp://: use s3://"),
        ("s3://", r"write s3://bucket/key"),
        ("memory://host", r"memory:///"),
        ("az://container", r"Account must be specified"),
        ("file://host/x", r"three slashes"),
        ("s3://[", r"not a valid URL"),
    ],
)
def test_a_url_that_cannot_be_opened_is_refused_immediately(url: str, said: str) -> None:
    with pytest.raises(StorageConfigurationError, match=said) as caught:
        Storage.open(url)
    assert isinstance(caught.value, ValueError)


def test_options_are_checked() -> None:
    with pytest.raises(StorageConfigurationError, match='the S3 store has no option "aws_regoin"'):
        Storage.open("s3://bucket", aws_regoin="eu-central-1")
    with pytest.raises(StorageConfigurationError, match="has no option"):
        Storage.open("memory://", {"size": 5})
    with pytest.raises(TypeError, match="the option aws_region must be a str"):
        Storage.open("s3://bucket", aws_region=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="url must be a str"):
        Storage.open(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="retry must be a RetryConfig"):
        Storage.open("memory://", retry=3)  # type: ignore[arg-type]


def test_storages_can_share_a_budget() -> None:
    budget = RetryBudget(100, 0)
    one = Storage.open("memory://", retry=RetryConfig(budget=budget))
    asyncio.run(one.put("a", b"1"))
    assert one.budget_tokens == 100
    assert Storage.open("memory://").budget_tokens == 500


def test_many_concurrent_operations(storage: ObjectStorage) -> None:
    async def use() -> None:
        await asyncio.gather(*(storage.put(f"k{n}", bytes([n])) for n in range(100)))
        read = await asyncio.gather(*(storage.get_bytes(f"k{n}") for n in range(100)))
        assert read == [bytes([n]) for n in range(100)]

    asyncio.run(use())
    # And in another event loop.
    assert len(asyncio.run(keys(storage))) == 100


# The blocking storage.


@pytest.fixture
def blocking_storage(storage: ObjectStorage) -> Iterator[blocking.Storage]:
    with storage.blocking as opened:
        yield opened


def test_the_blocking_storage_does_the_same(blocking_storage: blocking.Storage) -> None:
    put = blocking_storage.put("a/b.txt", b"hello", content_type="text/plain")
    assert (put.key, put.size) == ("a/b.txt", 5)
    assert blocking_storage.get_bytes("a/b.txt") == b"hello"
    assert b"".join(blocking_storage.get("a/b.txt")) == b"hello"
    assert blocking_storage.info("a/b.txt").content_type == "text/plain"
    assert blocking_storage.exists("a/b.txt")
    assert blocking_storage.copy("a/b.txt", "c").size == 5
    assert blocking_storage.move("c", "d").key == "d"
    blocking_storage.delete("a/b.txt")
    assert [file.key for file in blocking_storage.list()] == ["d"]
    with pytest.raises(StorageFileNotFoundError):
        blocking_storage.get_bytes("a/b.txt")
    with pytest.raises(StorageFileExistsError):
        blocking_storage.put("d", b"1", overwrite=False)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_blocking_storage_takes_large_data(parted: ObjectStorage, concurrency: int) -> None:
    storage = parted.blocking
    progress: list[int] = []
    stored = storage.put_large(
        "big",
        iter(CHUNKS),
        part_size=PART,
        concurrency=concurrency,
        progress_callback=lambda info: progress.append(info.bytes_transferred),
    )
    assert stored.size == len(WHOLE)
    assert b"".join(storage.get("big")) == WHOLE
    assert progress == [PART, 2 * PART, len(WHOLE)]


def test_a_blocking_upload_that_fails_leaves_nothing(parted: ObjectStorage, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield from CHUNKS
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        parted.blocking.put("big", broken())
    assert list(parted.blocking.list()) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_blocking_storage_can_be_opened_directly() -> None:
    with blocking.Storage.open("memory://") as storage:
        storage.put("a", b"1")
        assert repr(storage) == "<blocking.Storage memory://>"
        assert storage.budget_tokens == 500
    with pytest.raises(ValueError, match="is closed"):
        storage.get_bytes("a")


def test_part_sizes_are_checked() -> None:
    storage = Storage.open("memory://")
    with pytest.raises(ValueError, match="part_size is 0"):
        asyncio.run(storage.put_large("a", b"1", part_size=0))
    with pytest.raises(ValueError, match="concurrency is 0"):
        asyncio.run(storage.put_large("a", b"1", concurrency=0))

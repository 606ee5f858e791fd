"""The storage on a real S3 over HTTP, with and without faults."""

from __future__ import annotations

import asyncio
import hashlib
import urllib.request
from pathlib import Path

import pytest

from real_s3 import RealS3, serve
from undaunted import (
    ObjectStorage,
    ProgressInfo,
    RetryConfig,
    StorageConnectionError,
    StorageCredentialsError,
    StorageError,
    StorageFileExistsError,
    StorageFileNotFoundError,
    blocking,
)
from undaunted._undaunted import in_flight


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that look random and are always the same."""
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(size)


async def keys(storage: ObjectStorage, prefix: str = "") -> list[str]:
    return [file.key async for file in storage.list(prefix)]


def test_every_operation(tmp_path: Path) -> None:
    async def use(s3: RealS3) -> None:
        async with s3.storage() as storage:
            put = await storage.put(
                "a/b.csv", b"a,b\n", content_type="text/csv", metadata={"owner": "us"}
            )
            assert (s3.folder / "a" / "b.csv").read_bytes() == b"a,b\n"
            info = await storage.info("a/b.csv")
            assert (info.size, info.etag, info.content_type) == (4, put.etag, "text/csv")
            assert info.metadata["owner"] == "us"
            assert await storage.get_bytes("a/b.csv") == b"a,b\n"
            with pytest.raises(StorageFileExistsError):
                await storage.put("a/b.csv", b"other", overwrite=False)
            await storage.copy("a/b.csv", "c")
            await storage.move("c", "d/e")
            assert await keys(storage) == ["a/b.csv", "d/e"]
            await storage.delete("d/e")
            assert not await storage.exists("d/e")
            with pytest.raises(StorageFileNotFoundError):
                await storage.get_bytes("d/e")

    with serve(tmp_path) as s3:
        asyncio.run(use(s3))


def test_large_data_goes_up_in_parts(tmp_path: Path) -> None:
    data = noise(12_000_000)
    progressed: list[int] = []

    def progress(info: ProgressInfo) -> None:
        progressed.append(info.bytes_transferred)

    async def use(s3: RealS3) -> None:
        storage = s3.storage()
        stored = await storage.put_large(
            "large", data, part_size=5 * 1024 * 1024, progress_callback=progress
        )
        assert stored.size == len(data)
        assert b"".join([chunk async for chunk in storage.get("large")]) == data

    with serve(tmp_path) as s3:
        asyncio.run(use(s3))
    assert progressed[-1] == len(data)
    assert len(progressed) == 3


def test_a_part_that_fails_ends_the_upload_with_its_report(tmp_path: Path) -> None:
    rules = tmp_path / "faults.toml"
    rules.write_text(
        "[[rule]]\nfault = 'fail_before'\noperation = 'put_part'\nfailure = 'closed'\n"
        "from_call = 3\ncount = 'always'\n"
    )

    def fail(storage: blocking.Storage) -> None:
        with pytest.raises(StorageConnectionError) as caught:
            storage.put_large("large", noise(30_000_000), part_size=5 * 1024 * 1024, concurrency=2)
        assert caught.value.key == "large"
        report = caught.value.report
        assert report is not None
        assert (report.operation, report.attempts) == ("put_part", 2)
        assert report.stop_reason == "retries_exhausted"
        assert list(storage.list()) == []
        assert in_flight() == 0

    with serve(tmp_path, str(rules)) as s3:
        fail(s3.storage(RetryConfig(max_retries=1, base_delay=0)).blocking)
    operations = [request["operation"] for request in s3.requests()]
    assert operations.count("abort_multipart") == 1
    assert operations.count("complete_multipart") == 0


def test_a_signed_url_is_accepted(tmp_path: Path) -> None:
    async def use(s3: RealS3) -> tuple[str, str]:
        storage = s3.storage()
        await storage.put("a b", b"hello")
        return await storage.url("a b"), await storage.url("c", method="PUT")

    with serve(tmp_path) as s3:
        read, write = asyncio.run(use(s3))
        with urllib.request.urlopen(read) as response:
            assert response.read() == b"hello"
        urllib.request.urlopen(urllib.request.Request(write, b"new", method="PUT")).close()
        assert (s3.folder / "c").read_bytes() == b"new"


def test_a_wrong_secret_fails_immediately_and_is_not_shown(tmp_path: Path) -> None:
    async def use(s3: RealS3) -> StorageError:
        storage = s3.storage(aws_secret_access_key="not-the-secret")
        with pytest.raises(StorageCredentialsError) as caught:
            await storage.put("a", b"x")
        return caught.value

    with serve(tmp_path) as s3:
        error = asyncio.run(use(s3))
    assert len(s3.requests()) == 1
    assert "not-the-secret" not in f"{error} {error.__cause__!r}"


@pytest.mark.parametrize("chaos", ["flaky,seed=3", "lossy,seed=3"])
def test_every_byte_survives(tmp_path: Path, chaos: str) -> None:
    files = {f"{number:02}": noise(number * 997, number) for number in range(40)}

    async def use(s3: RealS3) -> None:
        storage = s3.storage()
        await asyncio.gather(*(storage.put(key, data) for key, data in files.items()))
        assert await keys(storage) == list(files)
        read = await asyncio.gather(*(storage.get_bytes(key) for key in files))
        assert read == list(files.values())
        for key in files:
            assert b"".join([chunk async for chunk in storage.get(key)]) == files[key]

    with serve(tmp_path, chaos) as s3:
        asyncio.run(use(s3))
    assert len(s3.faults()) > 10


def test_a_create_whose_response_is_lost_is_a_success(tmp_path: Path) -> None:
    rules = tmp_path / "faults.toml"
    rules.write_text("[[rule]]\nfault = 'fail_after'\noperation = 'put'\nfailure = 'closed'\n")

    async def use(s3: RealS3) -> None:
        await s3.storage().put("lock", b"mine", overwrite=False)

    with serve(tmp_path, str(rules)) as s3:
        asyncio.run(use(s3))
        assert (s3.folder / "lock").read_bytes() == b"mine"
    assert s3.faults() == ["fail_after (connection closed)"]


def test_the_blocking_storage_survives_too(tmp_path: Path) -> None:
    with serve(tmp_path, "flaky,seed=4") as s3:
        storage = s3.storage().blocking
        for number in range(20):
            storage.put(str(number), noise(5_000, number))
        for number in range(20):
            assert storage.get_bytes(str(number)) == noise(5_000, number)
    assert len(s3.faults()) > 3

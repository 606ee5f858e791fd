"""Storages and file systems in other processes, threads and event loops."""

from __future__ import annotations

import asyncio
import copy
import multiprocessing
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from real_s3 import RealS3, serve
from undaunted import Pacer, RetryBudget, RetryConfig, Storage, StorageFileNotFoundError, blocking
from undaunted.fsspec import MemoryFileSystem, S3FileSystem
from undaunted.testing import chaos_storage


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealS3]:
    with serve(tmp_path_factory.mktemp("server"), "flaky,seed=5") as server:
        yield server


QUICK = RetryConfig(20, 0.01, 0.05, budget=RetryBudget(60_000), pacer=Pacer())


def read_async(storage: Any) -> bytes:
    async def read() -> bytes:
        return bytes(await storage.get_bytes("a"))

    return asyncio.run(read())


def read(storage: Any) -> bytes:
    return bytes(storage.get_bytes("a"))


def cat(fs: Any) -> bytes:
    with fs.open("bucket/root/a") as file:
        return bytes(file.read()) if fs.cat("bucket/root/a") else b""


def missing(fs: Any) -> None:
    fs.info("bucket/root/missing")


def read_rest(file: Any) -> bytes:
    return bytes(file.read())


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_other_processes_take_storages_and_file_systems(server: RealS3, method: str) -> None:
    storage = server.storage(QUICK)
    storage.blocking.put("a", b"hello")
    fs: Any = S3FileSystem(**server.options, retry=QUICK)
    file = fs.open("bucket/root/a")
    assert file.read(2) == b"he"
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(read_async, (storage,)) == b"hello"
        assert pool.apply(read, (storage.blocking,)) == b"hello"
        assert pool.apply(cat, (fs,)) == b"hello"
        assert pool.apply(read_rest, (file,)) == b"llo"
        with pytest.raises(FileNotFoundError):
            pool.apply(missing, (fs,))


def test_the_policy_travels(server: RealS3) -> None:
    storage = server.storage(QUICK)
    again = pickle.loads(pickle.dumps(storage))
    _, (_, recipe) = again.__reduce__()
    assert recipe.retry.max_retries == 20
    # A full budget of the same size, and a pacer of its own.
    assert (recipe.retry.budget.capacity, again.budget_tokens) == (60_000, 60_000)
    assert isinstance(recipe.retry.pacer, Pacer) and recipe.retry.pacer is not QUICK.pacer


def test_storages_are_compared_by_what_they_open() -> None:
    def opened(**options: Any) -> Storage:
        return Storage.open("s3://bucket/root", {"aws_region": "eu", **options})

    storage = opened(aws_secret_access_key="a", aws_access_key_id="b", allow_http=True)
    same = opened(allow_http="true", aws_access_key_id="b", aws_secret_access_key="a")
    assert storage == same and hash(storage) == hash(same)
    assert pickle.loads(pickle.dumps(storage)) == storage
    assert storage != opened(aws_secret_access_key="c", aws_access_key_id="b")
    assert opened() != Storage.open("s3://bucket/root", aws_region="eu", retry=RetryConfig())
    assert opened() == Storage.open(
        "s3://bucket/root", aws_region="eu", retry=RetryConfig.storage()
    )
    assert storage != storage.blocking
    assert storage.blocking == pickle.loads(pickle.dumps(storage.blocking))
    assert copy.copy(storage) is copy.deepcopy(storage) is storage
    assert copy.deepcopy({"storage": storage})["storage"] is storage
    assert "ecret" not in repr(storage)


def test_a_local_storage_means_the_same_folder_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = blocking.Storage.open("folder")
    here.put("a", b"hello")
    pickled = pickle.dumps(here)
    monkeypatch.chdir("/")
    assert pickle.loads(pickled).get_bytes("a") == b"hello"


def test_what_is_in_memory_cannot_travel() -> None:
    storage = Storage.open("memory://")
    with pytest.raises(TypeError, match="memory:// cannot be pickled: its content is in the"):
        pickle.dumps(storage)
    with pytest.raises(TypeError, match="memory:// cannot be pickled"):
        pickle.dumps(storage.blocking)
    with pytest.raises(TypeError, match="a file system in memory cannot be pickled"):
        pickle.dumps(MemoryFileSystem())
    assert storage == storage and storage != Storage.open("memory://")
    assert copy.deepcopy(storage) is storage


def test_a_closed_storage_cannot_travel(tmp_path: Path) -> None:
    storage = blocking.Storage.open(tmp_path)
    storage.close()
    with pytest.raises(ValueError, match="is closed, so it cannot be pickled"):
        pickle.dumps(storage)


def test_chaos_travels(tmp_path: Path) -> None:
    storage = chaos_storage("blackout", str(tmp_path), retry=RetryConfig(max_retries=0))
    again = pickle.loads(pickle.dumps(storage))
    assert again == storage
    with pytest.raises(Exception, match=r"."):
        again.blocking.get_bytes("a")


def test_file_systems_are_compared_by_what_they_open() -> None:
    fs: Any = S3FileSystem(key="a", secret="b")
    by_other_names: Any = S3FileSystem(aws_access_key_id="a", aws_secret_access_key="b")
    assert fs == by_other_names and hash(fs) == hash(by_other_names)
    assert fs != S3FileSystem(key="a", secret="c")
    assert fs.__dask_tokenize__() == by_other_names.__dask_tokenize__()
    assert pickle.loads(pickle.dumps(fs)) is fs
    assert copy.deepcopy(fs) is fs
    assert fs.from_json(fs.to_json()) == fs


def test_threads_and_event_loops_share_a_file_system(server: RealS3) -> None:
    fs: Any = S3FileSystem(**server.options, retry=QUICK)
    names = [f"bucket/threads/{number}" for number in range(24)]

    def work(name: str) -> bytes:
        fs.pipe(name, name.encode())
        with fs.open(name) as file:
            return bytes(file.read())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, names)) == [name.encode() for name in names]

    def in_a_loop(name: str) -> bytes:
        async def read() -> bytes:
            return bytes(await fs._cat_file(name))

        return asyncio.run(read())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(in_a_loop, names)) == [name.encode() for name in names]
    assert fs.find("bucket/threads") == sorted(names)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_file_system_works_after_a_fork(server: RealS3) -> None:
    fs: Any = S3FileSystem(**server.options, retry=QUICK)
    fs.pipe("bucket/fork/a", b"hello")
    process = multiprocessing.get_context("fork").Process(target=_child, args=(fs,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert fs.cat("bucket/fork/b") == b"from the child"


def _child(fs: Any) -> None:
    assert fs.cat("bucket/fork/a") == b"hello"
    with fs.open("bucket/fork/b", "wb") as file:
        file.write(b"from the child")


def test_errors_of_other_processes_keep_their_kind() -> None:
    error = pickle.loads(pickle.dumps(StorageFileNotFoundError("a")))
    assert isinstance(error, FileNotFoundError)

"""Folders and lists of the file system, with the keys that only object stores have."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import fsspec
import fsspec.generic
import pytest
from fsspec.registry import _registry

from undaunted import Storage, blocking
from undaunted.fsspec import FileSystem, S3FileSystem
from undaunted.testing import S3Server, s3_server

UNLISTED = ["/lead", "a//b", "line\n", "u/../v"]


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def fs(server: S3Server) -> Any:
    return S3FileSystem(**server.options, skip_instance_cache=True)


def write(server: S3Server, *keys: str, body: bytes = b"data") -> None:
    client: Any = boto3.client("s3", **server.client_options)
    for key in keys:
        client.put_object(Bucket="bucket", Key=key, Body=body)


def files_in(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


# An object beside a folder of the same name.


@pytest.mark.parametrize("given", ["bucket/data", "bucket/data/x", "bucket/data/*"])
def test_an_object_beside_a_folder_is_not_left_out(fs: Any, tmp_path: Path, given: str) -> None:
    fs.pipe({"bucket/data/x": b"object", "bucket/data/x/in": b"child"})
    with pytest.raises(IsADirectoryError, match="folder where bucket/data/x is to be written"):
        fs.get(given, str(tmp_path / "out"), recursive=True)
    fs.cp(given, "bucket/copy", recursive=True)
    copied = [fs.cat(path) for path in fs.find("bucket") if path.startswith("bucket/copy")]
    assert sorted(copied) == [b"child", b"object"]


def test_a_folder_beside_an_object_can_be_read_by_its_slash(fs: Any, tmp_path: Path) -> None:
    fs.pipe({"bucket/data/x": b"object", "bucket/data/x/in": b"child"})
    fs.get("bucket/data/x/", str(tmp_path / "out"), recursive=True)
    assert files_in(tmp_path) == ["out/in"]


def test_a_file_is_not_read_into_a_local_folder(fs: Any, tmp_path: Path) -> None:
    fs.pipe("bucket/a", b"object")
    with pytest.raises(IsADirectoryError) as raised:
        fs.get_file("bucket/a", str(tmp_path))
    assert raised.value.filename == str(tmp_path)


# Keys that lists leave out.


def test_lists_name_what_they_leave_out(
    server: S3Server, fs: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(server, "ok", *UNLISTED)
    opened: Any = Storage.open("s3://bucket", server.options)

    async def listed() -> list[str]:
        return [each.key async for each in opened.list()]

    def total() -> None:
        assert fs.du("bucket") == 4

    def read() -> None:
        fs.get("bucket", str(tmp_path), recursive=True)
        assert files_in(tmp_path) == ["ok"]

    calls: dict[str, Any] = {
        "list": lambda: asyncio.run(listed()),
        "blocking list": lambda: list(opened.blocking.list()),
        "find": lambda: fs.find("bucket"),
        "du": total,
        "get": read,
        "cp": lambda: fs.cp("bucket", "bucket/copy", recursive=True),
        "rm": lambda: fs.rm("bucket", recursive=True),
    }
    for name, call in calls.items():
        caplog.clear()
        call()
        told: Any = [each for each in caplog.records if each.name == "undaunted.retry"]
        assert [(each.levelname, each.undaunted["left_out"]) for each in told] == [
            ("WARNING", 4)
        ], name
        assert told[0].undaunted["keys"] == UNLISTED
        text = told[0].getMessage()
        assert text.startswith("4 keys left out of the list of s3://bucket, which can be neither")
        assert r'"line\n" (it has a control character)' in text
        assert "\n" not in text


def test_levels_and_long_lists_name_what_they_leave_out(
    server: S3Server, fs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    write(server, *(f"data/a//{name}" for name in range(8)), "data/b//c", "data/ok")
    assert fs.find("bucket/data") == ["bucket/data/ok"]
    (told,) = caplog.records
    assert '9 keys left out of the list of "data/" in s3://bucket' in told.getMessage()
    assert told.getMessage().endswith(
        '"data/a//4" (it begins or ends with a slash, or has two in a row), and 4 more'
    )
    caplog.clear()
    assert fs.ls("bucket/data/b") == []
    (told,) = caplog.records
    assert '1 key left out of the list of "data/b" in s3://bucket' in told.getMessage()
    caplog.clear()
    assert fs.isdir("bucket/data/b")
    assert caplog.records == []


def test_a_list_that_is_left_names_what_it_has_left_out(
    server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    write(server, "a//b", "ok")
    storage = blocking.Storage.open("s3://bucket", server.options)
    for _ in storage.list():
        break
    storage.exists("ok")
    assert [each.levelno for each in caplog.records] == [logging.WARNING]


# Marks of folders.


def test_a_mark_makes_a_folder(server: S3Server, fs: Any, tmp_path: Path) -> None:
    write(server, "empty/", "data/empty/", body=b"")
    for path in ("bucket/empty", "bucket/data/empty"):
        assert fs.exists(path)
        assert fs.isdir(path)
        assert fs.ls(path) == []
        assert fs.info(path)["type"] == "directory"
        assert fs.find(path) == []
        assert list(fs.walk(path)) == [(path, [], [])]
    assert fs.ls("bucket") == [
        {"name": "bucket/data", "size": 0, "type": "directory"},
        {"name": "bucket/empty", "size": 0, "type": "directory"},
    ]


# The URLs of paths.


def test_a_url_leads_back_to_the_file_system(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The examples of the README register it, perhaps in this process.
    monkeypatch.delitem(_registry, "s3", raising=False)
    options: dict[str, Any] = server.options
    file: Any = fsspec.open("undaunted+s3://bucket/a.txt", **options)
    assert file.full_name == "undaunted+s3://bucket/a.txt"
    (tmp_path / "a.txt").write_text("hello")
    generic: Any = fsspec.generic
    generic.rsync(
        f"file://{tmp_path}",
        "undaunted+s3://bucket/copy",
        inst_kwargs={
            "default_method": "options",
            "storage_options": {"undaunted+s3": options},
        },
    )
    assert file.fs.cat("bucket/copy/a.txt") == b"hello"


def test_a_registered_protocol_is_that_of_the_urls() -> None:
    code = """if True:
        import fsspec, undaunted.fsspec
        fs = fsspec.filesystem("undaunted+gs", token="anon")
        assert fs.unstrip_protocol("bucket/a") == "undaunted+gs://bucket/a"
        undaunted.fsspec.register("gs")
        assert fs.unstrip_protocol("gs://bucket/a") == "gs://bucket/a"
    """
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
    assert FileSystem("memory").unstrip_protocol("a") == "undaunted+memory://a"

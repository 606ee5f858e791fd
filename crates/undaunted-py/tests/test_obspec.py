"""``undaunted.obspec``: a storage where the protocols of obspec are asked for."""

from __future__ import annotations

import asyncio
import copy
import io
import pickle
import threading
from array import array
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from pathlib import Path
from typing import Any

import obspec
import pytest
from obspec import exceptions

import undaunted
from fake_s3 import FakeS3, Response
from undaunted import Hedge, RetryConfig, Storage
from undaunted.obspec import (
    InvalidPathError,
    NotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    Store,
)
from undaunted.testing import S3Server, s3_server
from waiting import until_dropped, wait_for

FAULTS = """
[[rule]]
fault = "fail_before"
status = 503
count = 2

[[rule]]
fault = "break_body"
operation = "get"
at = 3
failure = "reset"
"""

FAILING = """
[[rule]]
fault = "fail_before"
operation = "get"
status = 503
from_call = 2
count = "always"
"""

SLOW = """
[[rule]]
fault = "delay"
operation = "get"
lasts = "60m"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(params=["memory", "files", "s3"])
def store(request: pytest.FixtureRequest, server: S3Server, tmp_path: Path) -> Iterator[Store]:
    quick = RetryConfig(max_retries=10, base_delay=0.001)
    if request.param == "s3":
        store = Store.open(f"s3://bucket/{tmp_path.name}", server.options, retry=quick)
        server.chaos = FAULTS
        yield store
        server.chaos = ""
    else:
        yield Store.open("memory://" if request.param == "memory" else tmp_path, retry=quick)


def test_it_has_every_method_of_obspec(store: Store) -> None:
    protocols = [
        each
        for name in obspec.__all__
        if getattr(each := getattr(obspec, name), "_is_protocol", False)
    ]
    assert len(protocols) >= 20
    for protocol in protocols:
        if not protocol.__name__.startswith("GetResult"):
            for name in (each for each in vars(protocol) if not each.startswith("_")):
                assert callable(getattr(store, name)), name


def test_blocking(store: Store) -> None:
    put = store.put("a/1.bin", b"12345")
    result = store.get("a/1.bin")
    assert result.meta["size"] == 5
    assert result.meta["path"] == "a/1.bin"
    assert result.meta["e_tag"] == put["e_tag"] or put["e_tag"] is None
    assert result.range == (0, 5)
    assert b"".join(result) == b"12345"
    assert store.get("a/1.bin").buffer() == b"12345"
    assert store.get_range("a/1.bin", start=1, length=2) == b"23"
    assert store.get_range("a/1.bin", start=3, end=100) == b"45"
    assert store.get_ranges("a/1.bin", starts=[0, 2, 4], lengths=[1, 2, 1]) == [b"1", b"34", b"5"]
    assert store.head("a/1.bin")["last_modified"] > datetime(2020, 1, 1, tzinfo=timezone.utc)
    store.copy("a/1.bin", "a/b/2.bin")
    store.rename("a/1.bin", "ab.bin")
    assert paths(store.list("a")) == ["a/b/2.bin"]
    assert paths(store.list("a/")) == ["a/b/2.bin"]
    assert paths(store.list()) == ["a/b/2.bin", "ab.bin"]
    assert paths(store.list(offset="a/b/2.bin")) == ["ab.bin"]
    listed = store.list_with_delimiter()
    assert [each["path"] for each in listed["objects"]] == ["ab.bin"]
    assert listed["common_prefixes"] == ["a"]
    assert store.list_with_delimiter("a")["common_prefixes"] == ["a/b"]
    store.delete(["a/b/2.bin", "ab.bin", "none"])
    store.delete("none")
    assert paths(store.list()) == []


def part(etag: str, content: bytes) -> Response:
    headers = {"etag": etag, "content-range": "bytes 0-1/5"}
    headers["last-modified"] = formatdate(usegmt=True)
    return Response(206, headers=headers, body=content)


def read_ranges(s3: FakeS3, is_async: bool, count: int) -> list[bytes]:
    store = Store(s3.storage(RetryConfig(max_retries=0)))
    ranges: dict[str, Any] = {"starts": [0] * count, "lengths": [2] * count}
    if is_async:
        return asyncio.run(store.get_ranges_async("a", **ranges))
    return store.get_ranges("a", **ranges)


def test_a_description_has_no_body(server: S3Server, store: Store) -> None:
    server.chaos = ""
    store.put("a.txt", b"12345")
    server.clear_requests()
    assert store.get("a.txt", options={"head": True}).buffer() == b""

    async def main() -> bytes:
        return await (await store.get_async("a.txt", options={"head": True})).buffer_async()

    assert asyncio.run(main()) == b""
    assert server.requests("get") == []


@pytest.mark.parametrize("is_async", [True, False])
def test_ranges_are_of_one_version(s3: FakeS3, is_async: bool) -> None:
    s3.responses.extend([part('"1"', b"12"), part('"1"', b"12"), part('"2"', b"ab")])
    with pytest.raises(PreconditionError):
        read_ranges(s3, is_async, 3)
    assert len(s3.requests) == 3


@pytest.mark.parametrize("is_async", [True, False])
def test_a_range_that_fails_ends_the_others(s3: FakeS3, is_async: bool) -> None:
    held = threading.Event()
    s3.responses.append(part('"1"', b"12"))
    s3.responses.extend([Response(200, hang=held)] * 4)
    s3.responses.append(Response(403, "AccessDenied"))
    try:
        with pytest.raises(PermissionDeniedError):
            read_ranges(s3, is_async, 6)
        asyncio.run(until_dropped())
        wait_for(lambda: s3.held == 4)
    finally:
        held.set()


def test_ranges_heed_what_the_code_around_says(server: S3Server) -> None:
    quick = RetryConfig(max_retries=10, base_delay=0.001)
    store = Store.open("s3://bucket/scoped", server.options, retry=quick)
    store.put("a", b"12345")
    # The first read succeeds, on the thread of the caller.
    server.chaos = FAILING
    try:
        with undaunted.one_attempt(), pytest.raises(undaunted.StorageError) as caught:
            store.get_ranges("a", starts=[0, 2, 4], lengths=[1, 1, 1])
    finally:
        server.chaos = ""
    assert caught.value.report is not None
    assert caught.value.report.attempts == 1


def test_slow_reads_are_sent_twice_if_that_is_wanted(server: S3Server) -> None:
    hedge = Hedge("100ms", most=1)
    store = Store.open("s3://bucket/hedged", server.options, hedge=hedge)
    store.put("a", b"12345")
    server.chaos = SLOW
    try:
        assert store.get("a").buffer() == b"12345"
    finally:
        server.chaos = ""
    assert store._storage.hedges_won == 1


def paths(batches: Iterator[Any]) -> list[str]:
    return sorted(each["path"] for batch in batches for each in batch)


def test_async(store: Store) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"123"
        yield b"45"

    async def main() -> None:
        await store.put_async("a/1.bin", chunks())
        result = await store.get_async("a/1.bin", options={"range": [1, 4]})
        assert (result.range, await result.buffer_async()) == ((1, 4), b"234")
        await store.put_async("a/2.bin", await store.get_async("a/1.bin"))
        assert await store.get_range_async("a/2.bin", start=1, length=2) == b"23"
        ranges = await store.get_ranges_async("a/2.bin", starts=[0, 4], ends=[2, 5])
        assert ranges == [b"12", b"5"]
        assert (await store.head_async("a/2.bin"))["size"] == 5
        await store.copy_async("a/1.bin", "c")
        await store.rename_async("a/1.bin", "d")
        listed = [each["path"] async for batch in store.list_async() for each in batch]
        assert sorted(listed) == ["a/2.bin", "c", "d"]
        assert (await store.list_with_delimiter_async())["common_prefixes"] == ["a"]
        await store.delete_async(["a/2.bin", "c", "d"])

    asyncio.run(main())


def test_options_of_reads(store: Store) -> None:
    store.put("a.txt", b"12345")
    meta = store.head("a.txt")
    suffix = store.get("a.txt", options={"range": {"suffix": 2}})
    assert (suffix.range, suffix.buffer()) == ((3, 5), b"45")
    assert store.get("a.txt", options={"range": {"offset": 4}}).buffer() == b"5"
    assert store.get("a.txt", options={"head": True}).meta == meta
    etag = meta["e_tag"]
    assert store.get("a.txt", options={"if_match": etag}).buffer() == b"12345"
    conditions: list[tuple[type[Exception], obspec.GetOptions]] = [
        (exceptions.PreconditionError, {"if_match": '"other"'}),
        (exceptions.NotModifiedError, {"if_none_match": etag}),
    ]
    for expected, options in conditions:
        with pytest.raises(undaunted.StorageError) as caught:
            store.get("a.txt", options=options)
        assert isinstance(exceptions.map_exception(caught.value), expected)
    later = meta["last_modified"] + timedelta(days=1)
    assert store.get("a.txt", options={"if_unmodified_since": later}).buffer() == b"12345"
    with pytest.raises(ValueError, match="end of the part or its length"):
        store.get_range("a.txt", start=0)
    with pytest.raises(ValueError, match="1 starts, but 2"):
        store.get_ranges("a.txt", starts=[0], ends=[1, 2])


@pytest.mark.parametrize(
    "data",
    [
        b"12345",
        bytearray(b"12345"),
        memoryview(b"12345"),
        io.BytesIO(b"12345"),
        [b"123", memoryview(b"45")],
        (each for each in (b"123", b"45")),
        array("B", b"12345"),
    ],
    ids=lambda data: type(data).__name__,
)
def test_sources(data: Any) -> None:
    store = Store.open("memory://")
    store.put("a", data)
    assert store.get("a").buffer() == b"12345"


def test_a_path_is_a_source(tmp_path: Path) -> None:
    store = Store.open("memory://")
    (tmp_path / "a").write_bytes(b"12345")
    store.put("a", tmp_path / "a", attributes={"Content-Type": "text/plain", "owner": "me"})
    assert store.get("a").attributes == {"Content-Type": "text/plain", "owner": "me"}


def test_exceptions_have_the_prescribed_names(store: Store) -> None:
    store.put("a", b"1")
    with pytest.raises(NotFoundError) as missing:
        store.get("none").buffer()
    assert isinstance(missing.value, undaunted.StorageFileNotFoundError)
    assert missing.value.key == "none"
    assert missing.value.report is not None
    assert type(pickle.loads(pickle.dumps(missing.value))) is NotFoundError
    cases = {
        exceptions.NotFoundError: lambda: store.head("none"),
        exceptions.AlreadyExistsError: lambda: store.put("a", b"2", mode="create"),
        exceptions.InvalidPathError: lambda: store.head("a/../b"),
        exceptions.NotSupportedError: lambda: store.put("a", b"2", tags={"a": "b"}),
    }
    for expected, call in cases.items():
        with pytest.raises(undaunted.StorageError) as caught:
            call()
        assert isinstance(exceptions.map_exception(caught.value), expected)
    assert store.get("a").buffer() == b"1"
    with pytest.raises(InvalidPathError):
        next(store.list("a/../b"))

    async def listed() -> None:
        async for _ in store.list_async("a/../b"):
            pass

    with pytest.raises(InvalidPathError):
        asyncio.run(listed())


@pytest.mark.parametrize(
    "options",
    [
        {"tags": {"a": "b"}},
        {"mode": {"e_tag": "1"}},
        {"attributes": {"Cache-Control": "no-store"}},
    ],
    ids=["tags", "update", "attribute"],
)
def test_what_a_storage_does_not_have_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(NotSupportedError):
        Store.open("memory://").put("a", b"1", **options)


def test_it_is_copied_compared_and_pickled_as_its_storage(tmp_path: Path) -> None:
    store, again = Store.open(tmp_path), Store.open(tmp_path)
    assert store == again
    assert len({store, again}) == 1
    assert store not in (Store.open(tmp_path / "other"), store._storage, None)
    store.put("a", b"1")
    copies: list[Store] = [pickle.loads(pickle.dumps(store)), copy.copy(store), deepcopy(store)]
    for each in copies:
        assert each == store
        assert each.get("a").buffer() == b"1"
    memory = Store.open("memory://")
    assert memory == deepcopy(memory)
    assert memory != Store.open("memory://")
    with pytest.raises(TypeError, match="in the memory of this process"):
        pickle.dumps(memory)


def test_only_an_opened_storage_can_be_wrapped() -> None:
    assert repr(Store(Storage.open("memory://"))) == "Store(<ObjectStorage memory://>)"
    with pytest.raises(TypeError, match=r"undaunted\.Storage\.open"):
        Store(object())  # type: ignore[arg-type]

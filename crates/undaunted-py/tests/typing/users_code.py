"""Code as users write it, for type checkers. Nothing here is run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from typing_extensions import assert_type

import undaunted
from undaunted import (
    Attempt,
    FileInfo,
    ObjectStorage,
    Pacer,
    ProgressInfo,
    RetryableStorage,
    RetryBudget,
    RetryConfig,
    RetryEvent,
    Storage,
    StoredFile,
    attempts,
    blocking,
    instrument,
    retry,
    testing,
    with_retry,
)


@retry
async def bare(key: str, *, size: int = 0) -> bytes:
    return key.encode()


@retry()
async def empty(key: str) -> bytes:
    return key.encode()


@retry(RetryConfig(max_retries=5, base_delay=0.5, jitter="full"), name="upload")
async def with_config(key: str) -> bytes:
    return key.encode()


@retry(config=RetryConfig(budget=RetryBudget(), pacer=Pacer()))
def plain(key: str) -> int:
    return len(key)


class Client:
    @retry()
    async def method(self, key: str) -> bytes:
        return key.encode()

    @retry
    def plain_method(self, key: str) -> int:
        return len(key)

    @classmethod
    @retry()
    async def of_class(cls, key: str) -> bytes:
        return key.encode()

    @staticmethod
    @retry()
    def static(key: str) -> int:
        return len(key)

    @retry()
    @classmethod
    async def above_class(cls, key: str) -> bytes:
        return key.encode()

    @retry
    @staticmethod
    def above_static(key: str) -> int:
        return len(key)


async def signatures_are_kept(client: Client) -> None:
    assert_type(await bare("a", size=1), bytes)
    assert_type(await empty("a"), bytes)
    assert_type(await with_config("a"), bytes)
    assert_type(plain("a"), int)
    assert_type(await client.method("a"), bytes)
    assert_type(client.plain_method("a"), int)
    assert_type(await Client.of_class("a"), bytes)
    assert_type(Client.static("a"), int)
    assert_type(await Client.above_class("a"), bytes)
    assert_type(Client.above_static("a"), int)
    called: Callable[[str], Coroutine[Any, Any, bytes]] = empty
    assert called is empty

    await bare(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await empty()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    plain("a", "b")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    retry(5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def results_are_kept(storage: Storage) -> None:
    assert_type(await with_retry(lambda: storage.get_bytes("a")), bytes)
    stored = await with_retry(lambda: storage.put("a", b""), RetryConfig())
    assert_type(stored, FileInfo)
    assert_type(stored.key, str)
    assert_type(blocking.with_retry(lambda: 5, RetryConfig.interactive()), int)
    await with_retry(lambda: 5)  # type: ignore[arg-type, return-value]  # pyright: ignore


async def an_opened_storage() -> None:
    storage = Storage.open("memory://", {"aws_region": "x"}, retry=RetryConfig(), allow_http=True)
    assert_type(storage, ObjectStorage)
    as_protocol: Storage = storage
    assert as_protocol is storage
    assert_type(await storage.put("a", b"", content_type="x", metadata={"a": "b"}), StoredFile)
    assert_type(await storage.get_bytes("a"), bytes)
    async for chunk in storage.get("a"):
        assert_type(chunk, bytes)
    async for file in storage.list("a", limit=3):
        assert_type(file, StoredFile)
    assert_type(await storage.url("a", expires_in=timedelta(hours=1)), str)
    assert_type(await storage.exists("a"), bool)

    async def progress(info: ProgressInfo) -> None:
        assert_type(info.percentage, float | None)

    await storage.put_large("a", chunks(), progress_callback=progress)
    await storage.put_large("a", [b""], progress_callback=lambda info: None)
    async with storage as same:
        assert_type(same, ObjectStorage)
    assert_type(storage.blocking, blocking.Storage)


async def blocks() -> None:
    for attempt in attempts(RetryConfig(), name="upload"):
        with attempt:
            assert_type(attempt.number, int)
    async for attempt in attempts():
        with attempt:
            assert_type(attempt, Attempt)


def a_policy() -> RetryConfig:
    def decide(error: BaseException) -> bool | float | None:
        return isinstance(error, KeyError) or 5.0

    def tell(event: RetryEvent) -> None:
        assert_type(event.error, BaseException | None)

    config = RetryConfig(
        base_delay=timedelta(seconds=1),
        total_timeout=timedelta(minutes=1),
        retryable_exceptions=[OSError, KeyError],
        pacer=False,
        retry_if=decide,
        on_retry=tell,
    )
    assert_type(config.base_delay, float)
    assert_type(config.total_timeout, float | None)
    assert_type(RetryConfig(retryable_exceptions=KeyError).max_retries, int)
    RetryConfig(base_delay="1s")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with instrument("structlog", tell):
        pass
    instrument("statsd")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return config


async def sources(storage: ObjectStorage, reader: asyncio.StreamReader, folder: Path) -> None:
    await storage.put("a", reader)
    with (folder / "a").open("rb") as file:
        await storage.put("a", file)
        storage.blocking.put("a", file)
    assert_type(Storage.open(folder), ObjectStorage)
    assert_type(undaunted.blocking.Storage.open(folder), blocking.Storage)
    undaunted.testing.set_active(False)


def a_plan_and_a_simulation(folder: Path) -> None:
    plan = undaunted.plan(RetryConfig(), caller_timeout=timedelta(seconds=5), budget="grpc")
    assert_type(plan.outage.seconds.p50, float)
    assert_type(plan.schedule[0].retry, int)
    assert_type(plan.compare(RetryConfig()).plans, tuple[undaunted.Plan, undaunted.Plan])
    undaunted.plan("storage")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    undaunted.plan(budget="huge")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    policies = {"ours": RetryConfig(), "none": {"max_retries": 0}, "theirs": "storage"}
    simulation = undaunted.simulate(folder / "mine.toml", policies, seed=1, duration=60)
    undaunted.simulate({"clients": {"per_second": 5}}, ["default", RetryConfig()])
    undaunted.simulate(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(simulation["ours"], undaunted.Outcome)
    assert_type(simulation["ours"].ticks["requests"], undaunted.simulation.Column)
    assert_type(simulation["ours"].recovery, float | None)
    assert_type(simulation.check("lost > 1%"), list[str])
    assert_type(undaunted.scenarios()[0].name, str)


def a_blocking_storage(storage: blocking.Storage) -> None:
    assert_type(storage.put("a", b""), StoredFile)
    assert_type(storage.get("a"), Iterator[bytes])
    assert_type(list(storage.list()), list[StoredFile])
    with storage as same:
        assert_type(same, blocking.Storage)


async def chunks() -> AsyncIterator[bytes]:
    yield b""


class Mine:
    """A storage of the user's own, which does not know this package."""

    async def put(
        self,
        key: str,
        data: object,
        *,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> StoredFile:
        return StoredFile(key, 0)

    async def get(self, key: str) -> AsyncIterator[bytes]:
        yield b""

    async def get_bytes(self, key: str) -> bytes:
        return b""

    async def delete(self, key: str) -> None: ...

    async def exists(self, key: str) -> bool:
        return True

    async def list(
        self, prefix: str = "", *, limit: int | None = None
    ) -> AsyncIterator[StoredFile]:
        yield StoredFile("a", 0)

    async def url(self, key: str, *, expires_in: timedelta | None = None) -> str:
        return ""

    async def copy(self, source: str, destination: str) -> StoredFile:
        return StoredFile(destination, 0)

    async def move(self, source: str, destination: str) -> StoredFile:
        return StoredFile(destination, 0)

    async def info(self, key: str) -> StoredFile:
        return StoredFile(key, 0)

    async def close(self) -> None: ...


def storages() -> list[Storage]:
    return [
        Mine(),
        RetryableStorage(Mine(), RetryConfig()),
        testing.FaultyStorage([TimeoutError, None]),
        Storage.open("memory://"),
    ]


def litestars() -> list[Storage]:
    from litestar_storages import MemoryStorage  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    return [MemoryStorage()]


def not_a_storage() -> Storage:
    return object()  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


awaited: Callable[[], Awaitable[bytes]] = lambda: with_retry(lambda: empty("a"))  # noqa: E731

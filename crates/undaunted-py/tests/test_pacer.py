"""Calls that share a pacer: a crowd of them at a service that throttles."""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import pickle
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from undaunted import (
    Pacer,
    RetryableStorage,
    RetryBudget,
    RetryConfig,
    Storage,
    StorageRateLimitError,
    blocking,
    retry,
    testing,
    with_retry,
)
from undaunted._undaunted import State
from undaunted.testing import s3_server

CALLS = 300


class Service:
    """A service that takes 100 requests a second, and 100 at once."""

    at_once = CALLS
    """So many come at the same moment, however long this machine takes to send them."""

    def __init__(self, clock: Callable[[Service], float] = lambda _: time.monotonic()) -> None:
        self.tokens = 100.0
        self.requests = 0
        self.lock = threading.Lock()
        self.clock = clock
        self.seen = clock(self)

    def admit(self) -> None:
        with self.lock:
            now = self.clock(self)
            if self.requests < self.at_once:
                # A slow machine sends them one by one, as if it were paced.
                self.seen = now
            self.tokens = min(self.tokens + (now - self.seen) * 100, 100.0)
            self.seen = now
            self.requests += 1
            if self.tokens < 1:
                raise StorageRateLimitError("slow down")
            self.tokens -= 1

    async def request(self) -> None:
        await asyncio.sleep(0.005)
        self.admit()

    def blocking_request(self) -> None:
        time.sleep(0.005)
        self.admit()


def crowd(call: Callable[[], Any]) -> list[BaseException]:
    """The errors of calls at the same moment."""

    async def main() -> list[BaseException | None]:
        return await asyncio.gather(*(call() for _ in range(CALLS)), return_exceptions=True)

    return [error for error in asyncio.run(main()) if error is not None]


def config(**fields: Any) -> RetryConfig:
    return RetryConfig(max_retries=10, base_delay=0.1, max_delay=1.0, jitter="full", **fields)


def test_a_crowd_of_decorated_functions_is_served_and_spends_no_budget() -> None:
    service, budget, pacer = Service(), RetryBudget(refill=0), Pacer()
    shared = config(budget=budget, pacer=pacer)

    @retry(shared)
    async def one() -> None:
        await service.request()

    @retry(shared)
    async def other() -> None:
        await service.request()

    calls = iter([one, other] * CALLS)
    assert crowd(lambda: next(calls)()) == []
    assert service.requests <= 2.1 * CALLS
    assert budget.tokens == 500
    assert service.requests > CALLS
    assert pacer.waiting == 0


def test_without_a_pacer_most_of_the_crowd_fails() -> None:
    # A thousand requests a second, however fast this machine is.
    service = Service(lambda service: service.requests / 1000)
    unpaced = config(budget=RetryBudget(refill=0))
    assert len(crowd(lambda: with_retry(service.request, unpaced))) > 100


def test_a_crowd_of_threads_is_served() -> None:
    service, paced = Service(), config(pacer=Pacer())

    def call(_: int) -> None:
        blocking.with_retry(service.blocking_request, paced)

    with ThreadPoolExecutor(150) as pool:
        list(pool.map(call, range(CALLS)))
    assert service.requests <= 2.1 * CALLS


def test_threads_and_two_event_loops_share_one() -> None:
    service, paced = Service(), config(pacer=Pacer())

    @retry(paced)
    def plain() -> None:
        service.blocking_request()

    def loop() -> list[Any]:
        async def main() -> list[Any]:
            return await asyncio.gather(*(with_retry(service.request, paced) for _ in range(100)))

        return asyncio.run(main())

    with ThreadPoolExecutor(102) as pool:
        made = [pool.submit(loop), pool.submit(loop), *(pool.submit(plain) for _ in range(100))]
        for each in made:
            each.result()
    assert service.requests <= 2.1 * CALLS


def test_a_wrapped_storage_is_paced() -> None:
    service = Service()

    class Throttled(testing.FaultyStorage):
        async def get_bytes(self, key: str) -> bytes:
            await service.request()
            return b""

    storage = RetryableStorage(Throttled(), config(pacer=Pacer()))
    assert crowd(lambda: storage.get_bytes("a")) == [b""] * CALLS
    assert service.requests <= 2.1 * CALLS


def jam(pacer: Pacer, calls: int = 20) -> list[State]:
    """Lets calls wait that never ask again: those that come later wait for a second after 20."""
    core = RetryConfig(max_retries=1000)._core
    states = [State(core, None, None, pacer) for _ in range(calls)]
    State(core, None, None, pacer).on_failure(State.THROTTLED)
    # All of them as they began, before the pacer was active.
    assert all(state.poll_turn(0.0) is not None for state in states)
    return states


def test_a_call_that_is_cancelled_in_the_queue_frees_its_place() -> None:
    pacer = Pacer()
    ahead = jam(pacer, 1000)

    @retry(RetryConfig(pacer=pacer))
    async def call() -> None:
        raise AssertionError("its turn has not come")

    async def main() -> None:
        tasks = [asyncio.create_task(call()) for _ in range(10)]
        while pacer.waiting < 1010:
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        # The exceptions keep the calls' frames, and still nothing waits.
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(error) for error in ended} == {asyncio.CancelledError}
        assert pacer.waiting == len(ahead)

    asyncio.run(main())


def test_a_call_that_is_cancelled_in_the_queue_gets_the_cost_of_its_retry_back() -> None:
    pacer, budget = Pacer(), RetryBudget(100, 0)
    ahead: list[State] = []

    @retry(RetryConfig(pacer=pacer, budget=budget, base_delay=0))
    async def call() -> None:
        ahead.extend(jam(pacer, 1000))
        raise TimeoutError

    async def main() -> None:
        task = asyncio.create_task(call())
        while pacer.waiting <= 1000:
            await asyncio.sleep(0)
        assert budget.tokens == 86
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert budget.tokens == 100
    assert pacer.waiting == len(ahead)


def test_total_timeout_ends_the_wait_in_the_queue() -> None:
    pacer = Pacer()
    ahead = jam(pacer, 1000)
    limited = RetryConfig(pacer=pacer, total_timeout=0.05)

    async def call() -> None:
        raise AssertionError("its turn has not come")

    async def main() -> list[None | BaseException]:
        made = (with_retry(call, limited) for _ in range(20))
        return await asyncio.gather(*made, return_exceptions=True)

    assert [type(error) for error in asyncio.run(main())] == [TimeoutError] * 20
    with pytest.raises(TimeoutError) as caught:
        blocking.with_retry(lambda: None, limited)
    (note,) = caught.value.__notes__
    assert re.fullmatch(
        r"undaunted: 1 attempt, after a wait of \d+\.\d\d s in the pacer's queue; "
        "total_timeout leaves no time for another",
        note,
    )
    assert pacer.waiting == len(ahead)


def test_the_error_before_the_queue_says_more_than_the_timeout() -> None:
    pacer = Pacer()
    ahead: list[State] = []

    def throttled() -> None:
        ahead.extend(jam(pacer, 1000))
        raise StorageRateLimitError("slow down")

    with pytest.raises(StorageRateLimitError, match="slow down") as caught:
        blocking.with_retry(throttled, RetryConfig(pacer=pacer, total_timeout=0.05))
    assert len(ahead) == 1000
    assert "total_timeout leaves no time" in caught.value.__notes__[0]
    assert pacer.waiting == 1000


def test_max_retries_ends_a_throttled_call_and_no_backoff_precedes_its_turn(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    pacer = Pacer()

    async def throttled() -> None:
        raise StorageRateLimitError("slow down")

    with pytest.raises(StorageRateLimitError) as caught:
        asyncio.run(with_retry(throttled, RetryConfig(max_retries=2, pacer=pacer)))
    (note,) = caught.value.__notes__
    assert re.fullmatch(
        r"undaunted: 3 attempts, after waits of 0\.00, 0\.00 s and \d+\.\d\d s in the pacer's "
        "queue; all retries are used",
        note,
    )
    assert [record.getMessage() for record in caplog.records] == [
        "throttled is throttled: requests to this service are paced from now on",
        "Retry attempt 1/2 for throttled when its turn comes: slow down",
        "Retry attempt 2/2 for throttled when its turn comes: slow down",
        "All 2 retries exhausted for throttled",
    ]
    first = caplog.records[1].undaunted  # type: ignore[attr-defined]
    assert first == {
        "operation": "throttled",
        "attempt": 1,
        "max_retries": 2,
        "delay": 0.0,
        "queued": 0.0,
        "pace": 20.0,
    }
    last = caplog.records[3].undaunted  # type: ignore[attr-defined]
    assert last["queued"] > 0
    assert last["pace"] == pacer.rate


def test_a_retry_after_is_kept_to(waits: list[float]) -> None:
    error = StorageRateLimitError("slow down")
    error.retry_after = 2.0
    outcomes = [error, None]

    def call() -> None:
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    blocking.with_retry(call, RetryConfig(pacer=Pacer()))
    assert 2.0 <= waits[0] <= 2.5


def test_pacing_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state = State(RetryConfig(max_retries=9)._core, None, None, Pacer())
    assert state.on_failure(State.THROTTLED, None, 1.0) == 0.0
    assert state.began_pacing
    wait = state.poll_turn(1.0)
    assert wait is not None
    assert state.poll_turn(1.0 + wait) is None
    assert not state.on_success(1.1 + wait)
    assert state.poll_turn(3.0) is None
    assert state.on_success(6.5), "nothing was throttled for 5 s"
    assert state.pace is None


def test_other_failures_are_not_paced(waits: list[float]) -> None:
    pacer = Pacer()

    async def fail() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        asyncio.run(with_retry(fail, RetryConfig(pacer=pacer, jitter=False)))
    assert waits == [1.0, 2.0, 4.0]
    assert not pacer.is_active


def test_a_function_that_turns_out_to_be_async_waits_in_the_loop() -> None:
    pacer = Pacer()
    ahead = jam(pacer)

    async def served() -> int:
        return 1

    @retry(RetryConfig(pacer=pacer))
    def call() -> Any:
        return served()

    async def main() -> None:
        made = [call() for _ in range(3)]
        assert pacer.waiting == len(ahead)
        tasks = [asyncio.ensure_future(each) for each in made]
        await asyncio.sleep(0)
        assert pacer.waiting == len(ahead) + 3
        ahead.clear()
        assert await asyncio.gather(*tasks) == [1, 1, 1]

    asyncio.run(main())


def test_without_waits_there_is_no_queue() -> None:
    pacer = Pacer()
    ahead = jam(pacer)
    with testing.without_waits():
        for _ in range(50):
            blocking.with_retry(lambda: None, RetryConfig(pacer=pacer))
    assert pacer.waiting == len(ahead)


def test_its_repr_and_properties() -> None:
    pacer = Pacer()
    assert (pacer.rate, pacer.waiting, pacer.is_active) == (None, 0, False)
    assert repr(pacer) == "<Pacer, passive>"
    State(RetryConfig()._core, None, None, pacer).on_failure(State.THROTTLED)
    assert (pacer.rate, pacer.waiting, pacer.is_active) == (20.0, 0, True)
    assert repr(pacer) == "<Pacer at 20.0/s, 0 waiting>"
    assert repr(RetryConfig(pacer=pacer)).endswith(", pacer=<Pacer at 20.0/s, 0 waiting>)")


def test_a_copy_shares_the_pacer_and_another_process_gets_its_own() -> None:
    paced = RetryConfig(pacer=Pacer())
    State(paced._core, None, None, paced.pacer).on_failure(State.THROTTLED)
    assert copy.copy(paced).pacer is copy.deepcopy(paced).pacer is paced.pacer
    sent = pickle.loads(pickle.dumps(paced)).pacer
    assert isinstance(sent, Pacer)
    assert not sent.is_active


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_does_not_wait_behind_its_parents_calls() -> None:
    pacer = Pacer()
    ahead = jam(pacer)
    child = os.fork()
    if child == 0:
        os._exit(0 if pacer.waiting == 0 and not pacer.is_active else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pacer.waiting == len(ahead)


def test_a_pacer_of_another_type_is_refused() -> None:
    make: Any = RetryConfig
    with pytest.raises(TypeError, match="^pacer must be a Pacer, not str$"):
        make(pacer="fast")


def test_a_storage_has_a_pacer_of_its_own() -> None:
    slow_down = """
        [[rule]]
        fault = "fail_before"
        operation = "put"
        status = 503
        code = "SlowDown"
        count = 30
    """
    with s3_server(slow_down) as s3:
        storage = Storage.open("s3://bucket", s3.options)
        assert storage.pace is None

        async def main() -> set[float | None]:
            made = [
                asyncio.ensure_future(storage.put(f"{number}", b"data")) for number in range(CALLS)
            ]
            paces = {storage.pace}
            while not all(each.done() for each in made):
                await asyncio.sleep(0.01)
                paces.add(storage.pace)
            await asyncio.gather(*made)
            return paces

        assert len(asyncio.run(main())) > 1
        assert storage.budget_tokens == 500
        assert len(s3.requests()) == CALLS + 30


def test_storages_can_share_a_pacer() -> None:
    shared = RetryConfig(pacer=Pacer())
    State(shared._core, None, None, shared.pacer).on_failure(State.THROTTLED)
    assert Storage.open("memory://", retry=shared).pace == 20.0
    assert blocking.Storage.open("memory://", retry=shared).pace == 20.0
    assert Storage.open("memory://").pace is None

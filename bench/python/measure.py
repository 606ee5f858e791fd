"""The cost of a retried call in Python, of undaunted and other libraries, and of a storage.

    python3 bench/python/measure.py

It makes an environment of its own in bench/target, with a release build of this package and the
other libraries at the versions below. Variants take turns in short rounds, which start with a
different variant each; the figures are medians, in nanoseconds per call.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Awaitable, Callable
from pathlib import Path

PEERS = [
    "backoff==2.2.1",
    "litestar-storages==0.2.3",
    "obstore==0.12.1",
    "stamina==26.1.0",
    "tenacity==9.2.1",
]

ROUNDS = 21
# Calls in a round: many if a call takes a tenth of a microsecond, few if it takes tens.
SUCCESSES = 20_000
SLOW_SUCCESSES = 1_000
FAILURES = 2_000
OPERATIONS = 1_000

Run = Callable[[int], Awaitable[None]]


def main() -> None:
    here = Path(__file__).resolve()
    root = here.parents[2]
    environment = root / "bench" / "target" / "python"
    python = environment / "bin" / "python"
    if Path(sys.prefix) != environment:
        if not python.exists():
            venv.create(environment, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.check_call([*install, *PEERS])
        subprocess.check_call(
            [*install, "--force-reinstall", "--no-deps", root / "crates/undaunted-py"]
        )
        os.execv(python, [str(python), str(here), *sys.argv[1:]])
    # Logging is not part of the measurement.
    logging.disable(logging.CRITICAL)
    gc.disable()
    asyncio.run(measure())


async def measure() -> None:
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])
    print(f"Python {sys.version.split()[0]}, medians of {ROUNDS} rounds in turn\n")
    await table("success at the first attempt, ns a call", successes(), over="bare await")
    await table("two failures, zero delay, ns a call", failures(), over="3 bare attempts")
    for title, runs in (("put of 1 KiB", puts()), ("get_bytes of 1 KiB", gets())):
        await table(f"{title}, memory://, ns a call", runs, over=None)
    imports()


def imports() -> None:
    """The time of an import beyond that of asyncio, each in a process of its own, in turn."""
    took: dict[str, list[float]] = {"undaunted": [], "stamina": [], "tenacity": []}
    for _ in range(ROUNDS):
        for name, seconds in took.items():
            program = (
                "import asyncio, time; start = time.perf_counter(); "
                f"import {name}; print(time.perf_counter() - start)"
            )
            ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
            seconds.append(float(ended.stdout))
    print("import, ms more than asyncio\n")
    for name, seconds in took.items():
        print(f"| {name} | {statistics.median(seconds) * 1000:.1f} |")


async def table(title: str, runs: dict[str, tuple[int, Run]], over: str | None) -> None:
    figures: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for name in names:
        count, run = runs[name]
        await run(count // 10 + 1)
    for turn in range(ROUNDS):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            count, run = runs[name]
            gc.collect()
            start = time.perf_counter_ns()
            await run(count)
            figures[name].append((time.perf_counter_ns() - start) / count)
    medians = {name: statistics.median(taken) for name, taken in figures.items()}
    base = medians[over] if over else 0.0
    print(f"{title}")
    for name, median in medians.items():
        above = f"{median - base:>12,.0f} over {over}" if over and name != over else ""
        print(f"  {name:<34}{median:>12,.0f}{above}")
    if not over:
        for ours in medians:
            if ours.startswith("undaunted"):
                print(f"  {ours} / obstore: {medians[ours] / medians['obstore']:.3f}")
    print()


def calls(function: Callable[[], Awaitable[object]]) -> Run:
    async def run(count: int) -> None:
        for _ in range(count):
            await function()

    return run


async def operation() -> int:
    return 1


def successes() -> dict[str, tuple[int, Run]]:
    import backoff
    import litestar_storages
    import stamina
    import tenacity
    import undaunted

    @undaunted.retry(undaunted.RetryConfig(max_retries=3))
    async def ours() -> int:
        return 1

    budgeted = undaunted.RetryConfig(max_retries=3, budget=undaunted.RetryBudget())

    @undaunted.retry(budgeted)
    async def ours_budgeted() -> int:
        return 1

    @litestar_storages.retry(litestar_storages.RetryConfig(max_retries=3))
    async def litestar() -> int:
        return 1

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(4),
        wait=tenacity.wait_exponential_jitter(),
        retry=tenacity.retry_if_exception_type((TimeoutError, ConnectionError)),
    )
    async def by_tenacity() -> int:
        return 1

    @stamina.retry(on=(TimeoutError, ConnectionError), attempts=4)
    async def by_stamina() -> int:
        return 1

    @backoff.on_exception(backoff.expo, (TimeoutError, ConnectionError), max_tries=4)
    async def by_backoff() -> int:
        return 1

    async def by_hand() -> int:
        for attempt in range(4):
            try:
                return await operation()
            except (TimeoutError, ConnectionError):
                if attempt == 3:
                    raise
                await asyncio.sleep(0)
        raise AssertionError

    config = undaunted.RetryConfig(max_retries=3)
    theirs = litestar_storages.RetryConfig(max_retries=3)

    async def ours_inline(count: int) -> None:
        for _ in range(count):
            await undaunted.with_retry(operation, config)

    async def theirs_inline(count: int) -> None:
        for _ in range(count):
            await litestar_storages.with_retry(operation, theirs)

    return {
        "bare await": (SUCCESSES, calls(operation)),
        "hand loop": (SUCCESSES, calls(by_hand)),
        "undaunted @retry": (SUCCESSES, calls(ours)),
        "undaunted with_retry": (SUCCESSES, ours_inline),
        "undaunted @retry with a budget": (SUCCESSES, calls(ours_budgeted)),
        "litestar-storages @retry": (SUCCESSES, calls(litestar)),
        "litestar-storages with_retry": (SUCCESSES, theirs_inline),
        "backoff": (SLOW_SUCCESSES, calls(by_backoff)),
        "stamina": (SLOW_SUCCESSES, calls(by_stamina)),
        "tenacity": (SLOW_SUCCESSES, calls(by_tenacity)),
    }


def failures() -> dict[str, tuple[int, Run]]:
    import backoff
    import litestar_storages
    import stamina
    import tenacity
    import undaunted

    made = 0

    async def flaky() -> int:
        nonlocal made
        made += 1
        if made % 3:
            raise TimeoutError
        return made

    async def bare(count: int) -> None:
        for _ in range(count):
            for _ in range(3):
                try:
                    await flaky()
                except TimeoutError:
                    pass

    async def by_hand() -> int:
        for attempt in range(4):
            try:
                return await flaky()
            except (TimeoutError, ConnectionError):
                if attempt == 3:
                    raise
                await asyncio.sleep(0)
        raise AssertionError

    config = undaunted.RetryConfig(base_delay=0.0)
    theirs = litestar_storages.RetryConfig(base_delay=0.0)
    ours_flaky = undaunted.retry(config)(flaky)
    litestar_flaky = litestar_storages.retry(theirs)(flaky)
    tenacity_flaky = tenacity.retry(
        stop=tenacity.stop_after_attempt(4),
        wait=tenacity.wait_none(),
        retry=tenacity.retry_if_exception_type((TimeoutError, ConnectionError)),
    )(flaky)
    stamina_flaky = stamina.retry(
        on=(TimeoutError, ConnectionError), attempts=4, wait_initial=0, wait_max=0, wait_jitter=0
    )(flaky)
    backoff_flaky = backoff.on_exception(
        backoff.constant, (TimeoutError, ConnectionError), max_tries=4, interval=0, jitter=None
    )(flaky)

    async def ours_inline(count: int) -> None:
        for _ in range(count):
            await undaunted.with_retry(flaky, config)

    async def theirs_inline(count: int) -> None:
        for _ in range(count):
            await litestar_storages.with_retry(flaky, theirs)

    return {
        "3 bare attempts": (FAILURES, bare),
        "hand loop": (FAILURES, calls(by_hand)),
        "undaunted @retry": (FAILURES, calls(ours_flaky)),
        "undaunted with_retry": (FAILURES, ours_inline),
        "litestar-storages @retry": (FAILURES, calls(litestar_flaky)),
        "litestar-storages with_retry": (FAILURES, theirs_inline),
        "backoff": (FAILURES, calls(backoff_flaky)),
        "stamina": (FAILURES // 10, calls(stamina_flaky)),
        "tenacity": (FAILURES // 10, calls(tenacity_flaky)),
    }


def puts() -> dict[str, tuple[int, Run]]:
    import obstore
    import obstore.store
    import undaunted

    data = os.urandom(1024)
    store = obstore.store.MemoryStore()
    storage = undaunted.Storage.open("memory://")

    async def theirs(count: int) -> None:
        for _ in range(count):
            await obstore.put_async(store, "a/b.bin", data)

    async def ours(count: int) -> None:
        for _ in range(count):
            await storage.put("a/b.bin", data)

    return {"obstore": (OPERATIONS, theirs), "undaunted": (OPERATIONS, ours)}


def gets() -> dict[str, tuple[int, Run]]:
    import obstore
    import obstore.store
    import undaunted

    data = os.urandom(1024)
    store = obstore.store.MemoryStore()
    obstore.put(store, "a/b.bin", data)
    storage = undaunted.Storage.open("memory://")
    storage.blocking.put("a/b.bin", data)

    async def theirs(count: int) -> None:
        for _ in range(count):
            result = await obstore.get_async(store, "a/b.bin")
            bytes(await result.bytes_async())

    async def ours(count: int) -> None:
        for _ in range(count):
            await storage.get_bytes("a/b.bin")

    return {"obstore": (OPERATIONS, theirs), "undaunted": (OPERATIONS, ours)}


if __name__ == "__main__":
    main()

"""undaunted.fsspec, s3fs and obstore.fsspec side by side: requests, seconds, and right results.

    python3 bench/python/fsspec_compare.py [rounds]

It makes an environment of its own in bench/target, with a release build of this package, and builds
the command in release mode for its S3 server. Each of the three does the same work on a server of
its own, with the same faults of the same seed; they take turns in every round. A result is right if
the bytes are those that were written. Every client has its default settings for retries.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGES = ["fsspec==2026.9.0", "s3fs==2026.9.0", "obstore==0.12.1"]
CLIENTS = ("undaunted", "s3fs", "obstore")
PROFILES = ("", "flaky", "lossy", "throttled")
FILES = 30
LARGE = 12 * 2**20
# A client that takes longer than this for all of the work has failed.
LIMIT = 180.0


def main() -> None:
    here = Path(__file__).resolve()
    root = here.parents[2]
    environment = root / "bench" / "target" / "fsspec"
    python = environment / "bin" / "python"
    if sys.argv[1:2] == ["--client"]:
        work(sys.argv[2], json.loads(sys.argv[3]))
        return
    # Set to use a server, and an environment, that are there.
    if "UNDAUNTED" not in os.environ:
        if not python.exists():
            venv.create(environment, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.check_call([*install, *PACKAGES])
        package = root / "crates" / "undaunted-py"
        subprocess.check_call([*install, "--force-reinstall", "--no-deps", package])
        build = ["cargo", "build", "-q", "--release", "--locked", "-p", "undaunted-cli"]
        subprocess.check_call(build, cwd=root)
        os.environ["UNDAUNTED"] = str(root / "target" / "release" / "undaunted")
        os.execv(python, [str(python), str(here), *sys.argv[1:]])
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"load {os.getloadavg()[0]:.1f}, {rounds} rounds")
    print("| faults | client | steps right | requests | faults met | seconds |")
    print("|---|---|---|---|---|---|")
    for profile in PROFILES:
        results: dict[str, list[Any]] = {client: [] for client in CLIENTS}
        for number in range(rounds):
            for client in (*CLIENTS[number % 3 :], *CLIENTS[: number % 3]):
                results[client].append(measure(client, profile, seed=number + 1))
        for client in CLIENTS:
            right, steps, requests, faults, seconds = zip(*results[client], strict=True)
            print(
                f"| {profile or 'clean'} | {client} | {sum(right)} of {sum(steps)} "
                f"| {statistics.median(requests):.0f} | {statistics.median(faults):.0f} "
                f"| {min(seconds):.1f} to {max(seconds):.1f} |",
                flush=True,
            )


def measure(client: str, profile: str, seed: int) -> tuple[int, int, int, int, float]:
    """The work of one client: right steps, all steps, requests, faults and seconds."""
    with server(profile and f"{profile},seed={seed}") as (started, record):
        command = [sys.executable, __file__, "--client", client, json.dumps(started)]
        before = time.perf_counter()
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
            steps = json.loads(ended.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            steps = dict.fromkeys(STEPS, "not within the limit")
        seconds = time.perf_counter() - before
    for name, failure in steps.items():
        if failure:
            print(f"{profile or 'clean'} {client} {name}: {failure[:150]}", file=sys.stderr)
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    faults = sum(line["fault"] is not None for line in lines)
    record.unlink()
    return sum(not each for each in steps.values()), len(steps), len(lines), faults, seconds


@contextmanager
def server(chaos: str) -> Iterator[tuple[dict[str, str], Path]]:
    with tempfile.TemporaryDirectory() as folder:
        record = Path(tempfile.mktemp(suffix=".jsonl"))
        command = [os.environ["UNDAUNTED"], "serve", "--json", "--port", "0"]
        command += ["--dir", folder, "--record", str(record), "--hang", "1s"]
        command += ["--chaos", chaos] if chaos else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            try:
                yield json.loads(process.stdout.readline()), record
            finally:
                process.send_signal(signal.SIGINT)


def work(client: str, started: dict[str, str]) -> None:
    """All steps with one client, in a process of its own: what failed in each."""
    logging.disable(logging.CRITICAL)
    fs = opened(client, started)
    outcomes: dict[str, str] = {}
    for name, step in STEPS.items():
        try:
            outcomes[name] = "" if step(fs) else "a wrong result"
        except Exception as error:
            outcomes[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    print(json.dumps(outcomes))


def opened(client: str, started: dict[str, str]) -> Any:
    if client == "obstore":
        from obstore.fsspec import FsspecStore

        return FsspecStore(
            "s3",
            endpoint=started["endpoint"],
            region=started["region"],
            access_key_id=started["access_key_id"],
            secret_access_key=started["secret_access_key"],
            client_options={"allow_http": True},
        )
    if client == "undaunted":
        from undaunted.fsspec import S3FileSystem
    else:
        from s3fs import S3FileSystem
    return S3FileSystem(
        key=started["access_key_id"],
        secret=started["secret_access_key"],
        endpoint_url=started["endpoint"],
        client_kwargs={"region_name": started["region"]},
    )


def content(number: int) -> bytes:
    return f"{number},".encode() * 5000


def pipe(fs: Any) -> bool:
    fs.pipe({f"bucket/w/{n:03}/a.bin": content(n) for n in range(FILES)})
    return True


def cat(fs: Any) -> bool:
    got = fs.cat([f"bucket/w/{n:03}/a.bin" for n in range(FILES)])
    return all(got[f"bucket/w/{n:03}/a.bin"] == content(n) for n in range(FILES))


def find(fs: Any) -> bool:
    return sorted(fs.find("bucket/w")) == [f"bucket/w/{n:03}/a.bin" for n in range(FILES)]


def glob(fs: Any) -> bool:
    return sorted(fs.glob("bucket/w/00*/*.bin")) == [f"bucket/w/{n:03}/a.bin" for n in range(10)]


def ranges(fs: Any) -> bool:
    starts = [n * 150 for n in range(100)]
    ends = [start + 50 for start in starts]
    got = fs.cat_ranges(["bucket/w/025/a.bin"] * 100, starts, ends, on_error="raise")
    return list(got) == [content(25)[start : start + 50] for start in starts]


def write_large(fs: Any) -> bool:
    with fs.open("bucket/large", "wb", block_size=6 * 2**20) as file:
        for _ in range(LARGE // 2**20):
            file.write(bytes(range(256)) * 4096)
    return True


def read_large(fs: Any) -> bool:
    with fs.open("bucket/large", "rb") as file:
        return file.read() == bytes(range(256)) * (LARGE // 256)


def seek(fs: Any) -> bool:
    with fs.open("bucket/large", "rb", block_size=2**16) as file:
        for place in (5, LARGE - 100, 8_000_001, 77):
            file.seek(place)
            if file.read(10) != bytes((place + n) % 256 for n in range(10)):
                return False
    return True


def names(folder: str) -> list[str]:
    return [f"bucket/{folder}/{n:03}/a.bin" for n in range(FILES)]


# Copies and deletes of lists of files: for folders, s3fs and obstore also ask for keys that do not exist
# and that this server, whose objects are files, answers with 500.
def copy(fs: Any) -> bool:
    fs.copy(names("w"), names("c"))
    got = fs.cat(names("c"))
    return all(got[name] == content(n) for n, name in enumerate(names("c")))


def remove(fs: Any) -> bool:
    fs.rm(names("w"))
    fs.invalidate_cache()
    return fs.find("bucket/w") == []


STEPS: dict[str, Callable[[Any], bool]] = {
    step.__name__: step
    for step in (pipe, cat, find, glob, ranges, write_large, read_large, seek, copy, remove)
}

if __name__ == "__main__":
    main()

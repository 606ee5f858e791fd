#!/usr/bin/env python3
"""Builds the wheel, installs it into an environment of its own, and tests the installed package.

    python3 crates/undaunted-py/test.py [--only CHECK] [arguments for pytest]

CHECK is one of format, lint, mypy, pyright, types and pytest; without it all of them run. With
environment nothing is checked: the environment is made, which takes a minute.

`cargo test` runs this script too. It needs Python 3.10 or newer and nothing else: it makes the
environment in the target folder, and makes it again when the requirements change.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REQUIREMENTS = HERE / "tests" / "requirements.txt"
CHECKS = ("format", "lint", "mypy", "pyright", "types", "pytest")
OLDEST = (3, 10)
WORKERS = ("-n", "3", "--dist", "loadfile")
"""Most tests wait for a server. What is said last counts: ``-n 0`` for a debugger."""
WITHOUT_DEPENDENCIES = ("aioboto3==15.5.0",)
"""For S3Storage of litestar-storages. It demands an older aiobotocore, and works with ours."""


def main(arguments: list[str]) -> None:
    if sys.version_info < OLDEST:
        sys.exit(f"Python {sys.version.split()[0]} is too old: 3.10 or newer is needed")
    checks = list(CHECKS)
    if arguments[:1] == ["--only"]:
        checks, arguments = arguments[1:2], arguments[2:]
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    work = target / f"python-{sys.version_info.major}.{sys.version_info.minor}"
    python = environment(work)
    if checks == ["environment"]:
        return
    install_wheel(python, work)
    if "UNDAUNTED" not in os.environ:
        os.environ["UNDAUNTED"] = str(command_line(target))
    for check in checks:
        print(f"\n== {check}", flush=True)
        run([str(python), "-m", *commands(python, arguments)[check]], python.parent)


def commands(python: Path, arguments: list[str]) -> dict[str, list[str]]:
    cache = ["--cache-dir", str(python.parents[2] / "mypy")]
    typed = [str(HERE / "python" / "undaunted"), str(HERE / "tests" / "typing")]
    return {
        "pytest": ["pytest", "-q", "-p", "no:cacheprovider", *WORKERS, *arguments],
        "format": ["ruff", "format", "--no-cache", "--check", "--quiet", "."],
        "lint": ["ruff", "check", "--no-cache", "--quiet", "."],
        "mypy": ["mypy", *cache, "--config-file", str(HERE / "pyproject.toml"), *typed],
        "pyright": ["pyright", "-p", str(HERE / "pyproject.toml"), "--pythonpath", str(python)],
        # Whether every public name of the installed package has a type.
        "types": ["pyright", "--verifytypes", "undaunted", "--ignoreexternal"],
    }


def environment(work: Path) -> Path:
    """Makes the environment if necessary, and returns its Python."""
    versions = f"{WITHOUT_DEPENDENCIES}{sys.version}".encode()
    made_of = hashlib.sha256(REQUIREMENTS.read_bytes() + versions).hexdigest()
    stamp = work / "made-of"
    folder = work / "venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (stamp.exists() and stamp.read_text() == made_of):
        print("== environment", flush=True)
        stamp.unlink(missing_ok=True)
        venv.create(folder, with_pip=True, clear=True)
        pip(python, "-r", str(REQUIREMENTS))
        pip(python, "--no-deps", *WITHOUT_DEPENDENCIES)
        stamp.write_text(made_of)
    return python


def install_wheel(python: Path, work: Path) -> None:
    print("== wheel", flush=True)
    wheels = work / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    manifest = str(HERE / "Cargo.toml")
    build = ["maturin", "build", "-q", "--locked", "-i", str(python), "-m", manifest]
    run([str(python), "-m", *build, "-o", str(wheels)])
    (wheel,) = wheels.glob("*.whl")
    pip(python, "--force-reinstall", "--no-deps", str(wheel))


def command_line(target: Path) -> Path:
    """Builds the undaunted command: the tests use the S3 server of `undaunted serve`."""
    print("== the undaunted command", flush=True)
    manifest = str(ROOT / "Cargo.toml")
    run(["cargo", "build", "-q", "--locked", "--manifest-path", manifest, "-p", "undaunted-cli"])
    return target / "debug" / ("undaunted.exe" if os.name == "nt" else "undaunted")


def pip(python: Path, *arguments: str, log: IO[str] | None = None) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    run([str(python), "-m", "pip", "install", *quiet, *arguments], log=log)


def run(command: list[str], programs: Path | None = None, log: IO[str] | None = None) -> None:
    # The tests import the installed package, not the folder that it was built from, and measure
    # imports with bytecode.
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    }
    if programs is not None:
        kept["PATH"] = os.pathsep.join([str(programs), kept.get("PATH", "")])
        kept["VIRTUAL_ENV"] = str(programs.parent)
    ended = subprocess.run(command, cwd=HERE, env=kept, stdout=log, stderr=log)
    if ended.returncode != 0:
        sys.exit(f"{' '.join(command[:4])} … ended with {ended.returncode}")


if __name__ == "__main__":
    main(sys.argv[1:])

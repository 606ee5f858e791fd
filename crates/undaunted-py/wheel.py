#!/usr/bin/env python3
"""Builds the sdist, and from it the wheel, as an installation without a wheel does. Checks both,
and tests the wheel with each version of Python that is installed.

    python3 crates/undaunted-py/wheel.py

The versions of Python are those on the PATH and of pyenv; the variable PYTHONS, a list like PATH,
has more. One that is missing is named and left out. The files stay in target/wheel.
"""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from test import HERE, ROOT, command_line, environment, pip, run

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
MOST_BYTES = 8_000_000
"""For pip, and for layers of containers. It is 7.1 MB; a build without strip has 15."""

AUDITORS = ("abi3audit==0.0.26", "twine==7.0.0")
"""Whether the extension keeps to the stable ABI, and what PyPI would refuse."""

SMOKE = ("config", "errors", "logging", "retry", "s3", "s3_server", "storage", "testing")
"""Test files that need no package but pytest."""

IN_WHEEL = (
    "undaunted/__init__.py",
    "undaunted/_undaunted.abi3.so",
    "undaunted/_undaunted.pyi",
    "undaunted/fsspec/__init__.py",
    "undaunted/obspec/__init__.py",
    "undaunted/py.typed",
    "dist-info/entry_points.txt",
    "dist-info/licenses/LICENSE-APACHE",
    "dist-info/licenses/LICENSE-MIT",
)
IN_SDIST = ("Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "PKG-INFO", "README.md")

CALL = """
import asyncio, undaunted
from undaunted import Storage, retry

outcomes = [TimeoutError, None]

@retry(undaunted.RetryConfig(base_delay=0))
async def main():
    if error := outcomes.pop(0):
        raise error
    async with Storage.open("memory://") as storage:
        await storage.put("a.txt", b"hello")
        return await storage.get_bytes("a.txt")

assert asyncio.run(main()) == b"hello"
"""


def main() -> None:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    work = target / "wheel"
    shutil.rmtree(work, ignore_errors=True)
    builder = environment(target / f"python-{sys.version_info.major}.{sys.version_info.minor}")
    sdist = build_sdist(builder, work)
    wheel = build_wheel(builder, sdist, work, target)
    audit(builder, sdist, wheel)
    os.environ.setdefault("UNDAUNTED", str(command_line(target)))
    tested = test_side_by_side(wheel, work)
    if not tested:
        sys.exit(f"none of Python {', '.join(VERSIONS)} is installed")
    print(f"\nthe wheel passed with Python {', '.join(tested)}")


def build_sdist(builder: Path, work: Path) -> Path:
    print("== sdist", flush=True)
    manifest = str(HERE / "Cargo.toml")
    run([str(builder), "-m", "maturin", "sdist", "-m", manifest, "-o", str(work)])
    (sdist,) = work.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    check_names(sdist, names, IN_SDIST)
    return sdist


def build_wheel(builder: Path, sdist: Path, work: Path, target: Path) -> Path:
    """From a folder that has the sdist and nothing else. Only the dependencies that were compiled
    before are taken from the target folder.
    """
    print("== wheel from the sdist", flush=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(work / "source", filter="data")
    (source,) = (work / "source").iterdir()
    # The files of an sdist are of one day in 2006: cargo would take what was compiled before.
    for each in source.rglob("*"):
        os.utime(each)
    os.environ["CARGO_TARGET_DIR"] = str(target)
    began = time.monotonic()
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    run([str(builder), "-m", "pip", "wheel", *quiet, "-w", str(work), str(source)], builder.parent)
    (wheel,) = work.glob("*.whl")
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size / 1e6:.1f} MB in {time.monotonic() - began:.0f} s")
    if size > MOST_BYTES:
        sys.exit(f"{wheel.name} has {size} bytes, but at most {MOST_BYTES} are wanted")
    if "-cp310-abi3-" not in wheel.name:
        sys.exit(f"{wheel.name} is not for every Python from 3.10 on")
    with zipfile.ZipFile(wheel) as archive:
        listed = archive.namelist()
        (path,) = (each for each in listed if each.endswith(".dist-info/METADATA"))
        folder = path.removesuffix("METADATA")
        names = {each.replace(folder, "dist-info/") for each in listed}
        check_names(wheel, names, IN_WHEEL)
        if strange := [each for each in names if "/test_" in each or "__pycache__" in each]:
            sys.exit(f"{wheel.name} has {strange[0]}")
        metadata = email.message_from_bytes(archive.read(path))
    expected = {"License-Expression": "MIT OR Apache-2.0", "Requires-Python": ">=3.10"}
    for field, value in expected.items():
        if metadata[field] != value:
            sys.exit(f"{field} of {wheel.name} is {metadata[field]!r}, not {value!r}")
    return wheel


def audit(builder: Path, sdist: Path, wheel: Path) -> None:
    print("== audit", flush=True)
    pip(builder, *AUDITORS)
    run([str(builder), "-m", "twine", "check", "--strict", str(sdist), str(wheel)])
    run([str(builder), "-m", "abi3audit", "--strict", "--summary", str(wheel)])


def check_names(archive: Path, names: set[str], expected: tuple[str, ...]) -> None:
    for name in expected:
        if name not in names:
            sys.exit(f"{archive.name} has no {name}")


def test_side_by_side(wheel: Path, work: Path) -> list[str]:
    """The versions of Python with which it passed. Most of the tests wait for servers."""
    with ThreadPoolExecutor(len(VERSIONS)) as pool:
        made = {version: pool.submit(test_with, version, wheel, work) for version in VERSIONS}
    passed = []
    for version, ended in made.items():
        print(f"\n== Python {version}\n{log_of(version, work).read_text()}", flush=True)
        if ended.result():
            passed.append(version)
    return passed


def log_of(version: str, work: Path) -> Path:
    return work / f"python-{version}.log"


def test_with(version: str, wheel: Path, work: Path) -> bool:
    """Tests the wheel in a fresh environment. False if there is no such Python."""
    with log_of(version, work).open("w") as log:
        found = interpreter(version)
        if found is None:
            log.write(f"SKIPPED: it is not installed (PYTHONS=/path/to/python{version})")
            return False
        folder = work / f"python-{version}"
        run([found, "-m", "venv", str(folder)], log=log)
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        began = time.monotonic()
        pip(python, str(wheel), log=log)
        log.write(f"installed in {time.monotonic() - began:.1f} s\n")
        log.flush()
        run([str(python), "-c", CALL], log=log)
        pip(python, "pytest", log=log)
        files = [str(HERE / "tests" / f"test_{name}.py") for name in SMOKE]
        run([str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *files], log=log)
        return True


def interpreter(version: str) -> str | None:
    """The path of a Python of this version."""
    named = os.environ.get("PYTHONS", "").split(os.pathsep)
    pyenv = Path.home() / ".pyenv" / "versions"
    candidates = [*named, f"python{version}"]
    candidates += [str(each / "bin" / "python") for each in pyenv.glob(f"{version}.*")]
    for candidate in filter(None, candidates):
        ask = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
        try:
            asked = subprocess.run([candidate, "-c", ask], capture_output=True, text=True)
        except OSError:
            continue
        said, _, path = asked.stdout.strip().partition(" ")
        if asked.returncode == 0 and said == version:
            return path
    return None


if __name__ == "__main__":
    main()

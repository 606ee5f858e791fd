"""fsspec's own tests of a file system, over the S3 of ``serve``: without faults and with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.tests import abstract

from real_s3 import RealS3, serve
from undaunted import RetryBudget, RetryConfig
from undaunted.fsspec import MemoryFileSystem, S3FileSystem

# The delays would be most of the time, and thousands of operations share the budget.
QUICK = RetryConfig(20, 0.001, 0.01, budget=RetryBudget(65_535))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealS3]:
    with serve(tmp_path_factory.mktemp("plain")) as server:
        yield server


@pytest.fixture(scope="module")
def flaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3FileSystem]:
    with serve(tmp_path_factory.mktemp("flaky"), "flaky,seed=3,rate=0.1", hang="10ms") as server:
        # One for all tests: with a budget of its own, each would open its storage anew.
        yield S3FileSystem(**server.options, retry=QUICK)
    assert server.faults(), "the server has injected no fault"


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs_join(self) -> Any:
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def fs_path(self, tmp_path: Path) -> str:
        return f"bucket/{tmp_path.name}"

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


class Plain(Fixtures):
    @pytest.fixture
    def fs(self, plain: RealS3) -> S3FileSystem:
        return S3FileSystem(**plain.options, retry={"max_retries": 1})


class Flaky(Fixtures):
    @pytest.fixture
    def fs(self, flaky: S3FileSystem) -> S3FileSystem:
        return flaky


class Memory(Fixtures):
    @pytest.fixture
    def fs(self) -> MemoryFileSystem:
        return MemoryFileSystem()


class TestCopyPlain(abstract.AbstractCopyTests, Plain):
    pass


class TestGetPlain(abstract.AbstractGetTests, Plain):
    pass


class TestPutPlain(abstract.AbstractPutTests, Plain):
    pass


class TestPipePlain(abstract.AbstractPipeTests, Plain):
    pass


class TestOpenPlain(abstract.AbstractOpenTests, Plain):
    pass


class TestCopyFlaky(abstract.AbstractCopyTests, Flaky):
    pass


class TestGetFlaky(abstract.AbstractGetTests, Flaky):
    pass


class TestPutFlaky(abstract.AbstractPutTests, Flaky):
    pass


class TestPipeFlaky(abstract.AbstractPipeTests, Flaky):
    pass


class TestOpenFlaky(abstract.AbstractOpenTests, Flaky):
    pass


class TestCopyMemory(abstract.AbstractCopyTests, Memory):
    pass


class TestGetMemory(abstract.AbstractGetTests, Memory):
    pass


class TestPutMemory(abstract.AbstractPutTests, Memory):
    pass


class TestPipeMemory(abstract.AbstractPipeTests, Memory):
    pass


class TestOpenMemory(abstract.AbstractOpenTests, Memory):
    pass

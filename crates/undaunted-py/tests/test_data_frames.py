"""pandas and pyarrow over a service that fails: the result is that of one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from real_s3 import RealS3, serve
from undaunted import RetryBudget, RetryConfig
from undaunted.fsspec import S3FileSystem

ROWS = 20_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealS3]:
    with serve(tmp_path_factory.mktemp("frames"), "flaky,seed=5", hang="10ms") as server:
        yield server
    assert server.faults(), "the server has injected no fault"


@pytest.fixture
def options(server: RealS3) -> dict[str, Any]:
    quick = RetryConfig(20, 0.001, 0.01, budget=RetryBudget(65_535))
    return {**server.options, "retry": quick}


def test_pandas_writes_and_reads_parquet(options: dict[str, Any]) -> None:
    frame = pd.DataFrame({"n": range(ROWS), "text": [f"row {n}" for n in range(ROWS)]})
    for round in range(3):
        url = f"undaunted+s3://bucket/frames/{round}.parquet"
        frame.to_parquet(url, storage_options=options, row_group_size=2_000)
        pd.testing.assert_frame_equal(pd.read_parquet(url, storage_options=options), frame)
        (column,) = pd.read_parquet(url, storage_options=options, columns=["n"]).columns
        assert column == "n"


def test_a_dataset_of_pyarrow_is_whole(options: dict[str, Any]) -> None:
    files = S3FileSystem(**options)
    numbers = list(range(ROWS))
    table = pa.table({"year": [2024 + n % 3 for n in numbers], "n": numbers})
    partitions: dict[str, Any] = {"format": "parquet", "partitioning_flavor": "hive"}
    ds.write_dataset(table, "bucket/set", filesystem=files, partitioning=["year"], **partitions)
    read = ds.dataset("bucket/set", filesystem=files, format="parquet", partitioning="hive")
    assert read.count_rows() == ROWS
    assert sorted(read.to_table()["n"].to_pylist()) == numbers
    of_2025 = read.to_table(filter=ds.field("year") == 2025)
    assert pc.sum(of_2025["n"]).as_py() == sum(numbers[1::3])

"""pyarrow: a dataset with partitions, written and read."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from _recipes import run

from undaunted.fsspec import S3FileSystem


def recipe(options: dict[str, Any]) -> Any:
    fs = S3FileSystem(**options)
    table = pa.table({"year": [2024 + n % 3 for n in range(30_000)], "n": list(range(30_000))})
    ds.write_dataset(
        table,
        "bucket/dataset",
        filesystem=fs,
        format="parquet",
        partitioning=["year"],
        partitioning_flavor="hive",
    )
    dataset = ds.dataset("bucket/dataset", filesystem=fs, format="parquet", partitioning="hive")
    count = dataset.count_rows(filter=ds.field("year") == 2025)
    with fs.open("bucket/one.parquet", "wb") as file:
        pq.write_table(table, file)
    one = pq.read_table("bucket/one.parquet", filesystem=fs)
    return count, sorted(dataset.to_table()["n"].to_pylist()) == list(range(30_000)), one.num_rows


if __name__ == "__main__":
    run(recipe)

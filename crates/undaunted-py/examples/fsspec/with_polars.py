"""polars: by pyarrow's datasets, and by file objects."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow.dataset as ds
from _recipes import run

from undaunted.fsspec import S3FileSystem


def recipe(options: dict[str, Any]) -> Any:
    fs = S3FileSystem(**options)
    frame = pl.DataFrame({"a": range(20_000), "b": ["x", "y"] * 10_000})
    with fs.open("bucket/x.parquet", "wb") as file:
        frame.write_parquet(file)
    with fs.open("bucket/x.csv", "wb") as file:
        frame.write_csv(file)
    with fs.open("bucket/x.parquet") as file:
        read = pl.read_parquet(file)
    with fs.open("bucket/x.parquet") as file:
        by_arrow = pl.read_parquet(file, use_pyarrow=True, columns=["a"])
    with fs.open("bucket/x.csv") as file:
        csv = pl.read_csv(file)
    lazy = pl.scan_pyarrow_dataset(ds.dataset("bucket/x.parquet", filesystem=fs))
    total = lazy.filter(pl.col("b") == "x").select(pl.col("a").sum()).collect().item()
    return read.equals(frame), by_arrow.height, csv.equals(frame), total


if __name__ == "__main__":
    run(recipe)

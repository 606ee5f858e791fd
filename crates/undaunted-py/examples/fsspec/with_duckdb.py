"""DuckDB: SQL on files of a registered file system."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
from _recipes import run

from undaunted.fsspec import S3FileSystem


def recipe(options: dict[str, Any]) -> Any:
    fs = S3FileSystem(**options)
    for year in (2024, 2025, 2026):
        frame = pd.DataFrame({"year": [year] * 1000, "n": range(1000)})
        frame.to_parquet(f"bucket/years/{year}.parquet", filesystem=fs)
    connection = duckdb.connect()
    # A protocol of our own: DuckDB has an S3 client for s3:// itself.
    connection.register_filesystem(fs)
    connection.execute(
        "copy (select year, sum(n) as total "
        "from read_parquet('undaunted+s3://bucket/years/*.parquet') group by year) "
        "to 'undaunted+s3://bucket/totals.csv'"
    )
    return connection.execute(
        "select * from read_csv('undaunted+s3://bucket/totals.csv') order by year"
    ).fetchall()


if __name__ == "__main__":
    run(recipe)

"""pandas: ``s3://`` URLs go through undaunted."""

from __future__ import annotations

from typing import Any

import pandas as pd
from _recipes import run

import undaunted.fsspec

undaunted.fsspec.register("s3")


def recipe(options: dict[str, Any]) -> Any:
    frame = pd.DataFrame({"a": range(50_000), "b": [f"row {n}" for n in range(50_000)]})
    frame.to_parquet("s3://bucket/x.parquet", storage_options=options)
    frame.to_csv("s3://bucket/x.csv.gz", storage_options=options, index=False)
    frame.head(100).to_json("s3://bucket/x.json", storage_options=options)
    parquet = pd.read_parquet("s3://bucket/x.parquet", storage_options=options, columns=["a"])
    csv = pd.read_csv("s3://bucket/x.csv.gz", storage_options=options)
    json = pd.read_json("s3://bucket/x.json", storage_options=options)
    assert csv.equals(frame.astype({"b": csv["b"].dtype}))
    return int(parquet["a"].sum()), len(csv), len(json)


if __name__ == "__main__":
    run(recipe)

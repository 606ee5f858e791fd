"""Dask: two worker processes read and write one S3."""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import pandas as pd
from _recipes import run
from dask.distributed import Client, LocalCluster

import undaunted.fsspec
from undaunted import RetryConfig, Storage
from undaunted.fsspec import S3FileSystem

undaunted.fsspec.register("s3")


def size(storage: Storage, key: str) -> int:
    """A task that takes a storage with its options and its policy."""
    return len(storage.blocking.get_bytes(key))


def recipe(options: dict[str, Any]) -> Any:
    cluster = LocalCluster(2, threads_per_worker=2, processes=True, dashboard_address=None)
    with cluster, Client(cluster) as client:
        # Tasks that open s3:// themselves need it in their processes, too.
        client.run(undaunted.fsspec.register, "s3")
        frame = pd.DataFrame({"key": [n % 7 for n in range(40_000)], "n": range(40_000)})
        parts = dd.from_pandas(frame, npartitions=8)
        parts.to_parquet("s3://bucket/parts", storage_options=options)
        read = dd.read_parquet("s3://bucket/parts", storage_options=options)
        sums = read.groupby("key").n.sum().compute().sort_index().to_dict()
        parts.to_csv("s3://bucket/csv/*.csv", storage_options=options, index=False)
        rows = len(dd.read_csv("s3://bucket/csv/*.csv", storage_options=options))
        fs = S3FileSystem(**options)
        sizes = client.map(fs.size, fs.glob("bucket/csv/*.csv"))
        storage = Storage.open(
            "s3://bucket/csv",
            aws_access_key_id=options["key"],
            aws_secret_access_key=options["secret"],
            aws_endpoint=options["client_kwargs"]["endpoint_url"],
            allow_http=True,
            retry=RetryConfig.storage(),
        )
        same = client.map(lambda key: size(storage, key), [f"{n}.csv" for n in range(8)])
        return sums, rows, client.gather(sizes) == client.gather(same), sum(client.gather(same))


if __name__ == "__main__":
    run(recipe)

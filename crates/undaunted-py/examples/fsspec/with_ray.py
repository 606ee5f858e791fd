"""Ray: tasks take a storage, and a file system, with their options and their policy."""

from __future__ import annotations

from typing import Any

import ray
from _recipes import run

from undaunted import Storage
from undaunted.fsspec import S3FileSystem


@ray.remote
def read(storage: Storage, key: str) -> int:
    return len(storage.blocking.get_bytes(key))


@ray.remote
def write(fs: S3FileSystem, key: str) -> None:
    with fs.open(f"bucket/{key}", "wb") as file:
        file.write(key.encode() * 1000)


def recipe(options: dict[str, Any]) -> Any:
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        fs = S3FileSystem(**options)
        keys = [f"{number}.bin" for number in range(12)]
        ray.get([write.remote(fs, key) for key in keys])
        storage = Storage.open(
            "s3://bucket",
            aws_access_key_id=options["key"],
            aws_secret_access_key=options["secret"],
            aws_endpoint=options["client_kwargs"]["endpoint_url"],
            allow_http=True,
        )
        return ray.get([read.remote(storage, key) for key in keys])
    finally:
        ray.shutdown()


if __name__ == "__main__":
    run(recipe)

"""xarray and zarr: an array in chunks, written and read by coroutines."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from _recipes import run
from zarr.storage import FsspecStore

from undaunted.fsspec import S3FileSystem


def recipe(options: dict[str, Any]) -> Any:
    store = FsspecStore(
        S3FileSystem(**options, asynchronous=True, skip_instance_cache=True), path="bucket/x.zarr"
    )
    data = np.arange(200 * 300, dtype="float64").reshape(200, 300)
    xr.Dataset({"v": (("y", "x"), data)}).to_zarr(
        store, mode="w", encoding={"v": {"chunks": (50, 50)}}, consolidated=False
    )
    read = xr.open_zarr(store, consolidated=False, chunks=None)
    part = read["v"][60:140, 70:230].to_numpy()
    return bool(np.array_equal(part, data[60:140, 70:230])), float(read["v"].sum())


if __name__ == "__main__":
    run(recipe)

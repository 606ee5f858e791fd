"""Reads that are sent a second time, against a server some of whose responses take long."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from undaunted import Hedge, Storage, blocking
from undaunted.fsspec import S3FileSystem
from undaunted.testing import S3Server, s3_server

SLOW = """
[[rule]]
operation = "get"
fault = "delay"
lasts = "60m"
"""


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def warmed(storage: Any) -> None:
    storage.put("a", b"content")
    for _ in range(100):
        storage.get_bytes("a")


def test_a_read_that_takes_long_is_sent_a_second_time(server: S3Server) -> None:
    hedge = Hedge(timedelta(seconds=0.3), most=1)
    with blocking.Storage.open("s3://bucket", server.options, hedge=hedge) as storage:
        warmed(storage)
        before, won = storage.hedges, storage.hedges_won
        server.chaos = SLOW
        server.clear_requests()
        assert storage.get_bytes("a") == b"content"
        assert storage.hedges_won - won == 1
        server.chaos = SLOW
        assert b"".join(storage.get("a")) == b"content"
        assert storage.hedges_won - won == 2
        # A busy machine may have made another one overdue.
        assert len(server.requests("get")) == 2 + storage.hedges - before


def test_it_is_off_unless_it_is_wanted(server: S3Server) -> None:
    with blocking.Storage.open("s3://bucket", server.options) as storage:
        warmed(storage)
        assert (storage.hedges, storage.hedges_won) == (0, 0)


def test_a_file_system_has_it_among_its_options(server: S3Server) -> None:
    system: Any = S3FileSystem(hedge={"after": "100ms", "most": 1}, **server.options)
    system.pipe("bucket/a", b"content")
    server.chaos = SLOW
    server.clear_requests()
    assert system.cat("bucket/a") == b"content"
    assert len(server.requests("get")) == 2
    other: Any = S3FileSystem(hedge=True, **server.options)
    assert system != other
    assert other == S3FileSystem(hedge=Hedge(), **server.options)


def test_a_share_of_no_responses_yet_has_a_first_delay(server: S3Server) -> None:
    hedge = Hedge("95 %", most=1, first_delay=timedelta(milliseconds=100))
    with blocking.Storage.open("s3://bucket", server.options, hedge=hedge) as storage:
        storage.put("a", b"content")
        server.chaos = SLOW
        assert storage.get_bytes("a") == b"content"
        assert storage.hedges_won == 1


def test_times_may_be_short() -> None:
    for time in (0.00001, "10us", timedelta(microseconds=10), 1e-9, 0, 5):
        assert Hedge(time, first_delay=time) == Hedge(time, first_delay=time)


def test_it_is_kept_in_a_pickle() -> None:
    storage = Storage.open("s3://bucket", hedge=Hedge(0.5, most=0.1, first_delay=1))
    again = pickle.loads(pickle.dumps(storage))
    assert again == storage
    assert again != Storage.open("s3://bucket")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"after": "soon"}, 'after is "soon", but must be a time such as'),
        ({"after": "100 %"}, 'after is "100 %"'),
        ({"after": -1}, 'after is "-1"'),
        ({"first_delay": -0.5}, 'first_delay is "-0.5", but must be'),
        ({"first_delay": "95 %"}, 'first_delay is "95 %", but must be'),
        ({"most": 1.5}, "the share of hedges is 1.5, but must be from 0 to 1"),
        ({"most": float("nan")}, "the share of hedges is NaN"),
    ],
)
def test_figures_out_of_range_are_named(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError) as error:
        Hedge(**arguments)
    assert problem in str(error.value)


def test_other_types_are_refused() -> None:
    hedge: Any = "yes"
    with pytest.raises(TypeError, match="hedge must be a bool or a Hedge, not str"):
        Storage.open("memory:///", hedge=hedge)
    assert Hedge(timedelta(seconds=2)) == Hedge(timedelta(seconds=2))

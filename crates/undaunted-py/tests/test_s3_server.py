"""``undaunted serve`` as a helper of tests."""

from __future__ import annotations

import pytest

from undaunted import RetryConfig, Storage
from undaunted.testing import S3Server, s3_server

SLOW_DOWN = """
[[rule]]
fault = "fail_before"
operation = "put"
status = 503
code = "SlowDown"
"""


def put(server: S3Server) -> None:
    retry = RetryConfig(base_delay=0.001)
    Storage.open("s3://bucket", server.options, retry=retry).blocking.put("a", b"x")


def test_faults_change_and_requests_are_seen(undaunted_s3: S3Server) -> None:
    put(undaunted_s3)
    assert undaunted_s3.chaos == ""
    undaunted_s3.clear_requests()
    undaunted_s3.chaos = SLOW_DOWN
    put(undaunted_s3)
    assert [r["status"] for r in undaunted_s3.requests("put")] == [503, 200]
    assert undaunted_s3.requests("get") == []
    with pytest.raises(ValueError, match="line 1"):
        undaunted_s3.chaos = "rate = 2"
    assert undaunted_s3.chaos == SLOW_DOWN


def test_it_begins_with_faults_and_ends_with_its_block() -> None:
    with s3_server(SLOW_DOWN) as server:
        put(server)
        assert len(server.requests("put")) == 2
    with pytest.raises(OSError):
        server.requests()


def test_a_missing_command_is_named() -> None:
    with pytest.raises(FileNotFoundError), s3_server(command="/none/undaunted"):
        pass

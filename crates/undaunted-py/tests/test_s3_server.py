"""``undaunted serve`` as a helper of tests."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

from undaunted import (
    RetryConfig,
    Storage,
    StorageAmbiguousError,
    StorageFileExistsError,
    StorageUnsupportedError,
)
from undaunted._s3_server import _OPERATIONS
from undaunted.testing import S3Server, s3_server
from waiting import wait_for

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


def test_an_operation_that_does_not_exist_is_refused(undaunted_s3: S3Server) -> None:
    with pytest.raises(ValueError, match="^operation is 'puts', but must be of abort_multipart, "):
        undaunted_s3.requests("puts")


def test_the_operations_are_those_of_chaos_files(undaunted_s3: S3Server) -> None:
    with pytest.raises(ValueError) as caught:
        undaunted_s3.chaos = '[[rule]]\nfault = "fail_before"\nstatus = 503\noperation = "puts"'
    for operation in _OPERATIONS:
        assert operation in str(caught.value)


TESTS = """
import time
from undaunted import testing
with testing.s3_server() as server:
    print(server.endpoint, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_process(kind: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", TESTS], stdout=subprocess.PIPE) as tests:
        assert tests.stdout is not None
        host, port = tests.stdout.readline().decode().strip()[len("http://") :].split(":")
        socket.create_connection((host, int(port))).close()
        tests.send_signal(kind)

    def is_gone() -> bool:
        try:
            socket.create_connection((host, int(port))).close()
        except OSError:
            return True
        return False

    wait_for(is_gone)


def test_why_it_did_not_start_is_in_the_message() -> None:
    with pytest.raises(RuntimeError, match="did not start: .*b2"), s3_server(buckets=["b2"]):
        pass


def test_a_missing_command_is_named() -> None:
    with pytest.raises(FileNotFoundError), s3_server(command="/none/undaunted"):
        pass


def test_a_copy_that_must_not_replace_anything() -> None:
    with s3_server() as s3:
        storage = Storage.open("s3://bucket", s3.options).blocking
        storage.put("a", b"1", content_type="text/plain", metadata={"owner": "7"})
        storage.put("there", b"2")
        for act in (storage.copy, storage.move):
            with pytest.raises(StorageFileExistsError):
                act("a", "there", overwrite=False)
            made = act("a", act.__name__, overwrite=False)
            assert (made.content_type, made.metadata) == ("text/plain", {"owner": "7"})
        assert storage.get_bytes("there") == b"2"
        assert [file.key for file in storage.list()] == ["copy", "move", "there"]
        # The response is lost, and the second attempt finds the copy of an object with a token.
        storage.put("known", b"3", overwrite=False)
        s3.chaos = lost = "[[rule]]\nfault = 'fail_after'\noperation = 'copy'\nfailure = 'closed'\n"
        assert storage.copy("known", "again", overwrite=False).size == 1
        s3.chaos = lost
        with pytest.raises(StorageAmbiguousError):
            storage.copy("move", "perhaps", overwrite=False)
        options = {**s3.options}
        del options["aws_copy_if_not_exists"]
        other = Storage.open("s3://bucket", options).blocking
        for act in (other.copy, other.move):
            with pytest.raises(StorageUnsupportedError, match="set the option aws_copy_if_not_ex"):
                act("move", "new", overwrite=False)
        assert other.exists("move")

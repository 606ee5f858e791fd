"""The exception for each response of a service, and the secrets that no text contains."""

from __future__ import annotations

import asyncio
import errno
import logging
import pickle
import socket
from collections.abc import Callable

import pytest

import undaunted
from fake_s3 import SECRET, FakeS3, Response
from undaunted import (
    HttpFailure,
    RetryBudget,
    RetryConfig,
    Storage,
    StorageAmbiguousError,
    StorageConnectionError,
    StorageCredentialsError,
    StorageError,
    StorageFileExistsError,
    StorageFileNotFoundError,
    StoragePermissionError,
    StorageRateLimitError,
    StorageServiceUnavailableError,
    StorageTimeoutError,
    StorageUnsupportedError,
)

ONCE = RetryConfig(max_retries=0)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", StoragePermissionError),
        (403, "InvalidAccessKeyId", StorageCredentialsError),
        (403, "SignatureDoesNotMatch", StorageCredentialsError),
        (401, "", StorageCredentialsError),
        (400, "InvalidToken", StorageCredentialsError),
        (404, "NoSuchBucket", StorageFileNotFoundError),
        (400, "RequestTimeout", StorageServiceUnavailableError),
        (408, "", StorageTimeoutError),
        (429, "TooManyRequests", StorageRateLimitError),
        (500, "InternalError", StorageServiceUnavailableError),
        (501, "NotImplemented", StorageUnsupportedError),
        (503, "", StorageServiceUnavailableError),
        (503, "SlowDown", StorageRateLimitError),
        (504, "", StorageServiceUnavailableError),
    ],
)
def test_each_response_has_its_exception(
    s3: FakeS3, status: int, code: str, kind: type[StorageError]
) -> None:
    s3.responses.append(Response(status, code))
    with pytest.raises(StorageError) as caught:
        asyncio.run(s3.storage(ONCE).put("a/b.txt", b"data"))
    error = caught.value
    assert type(error) is kind
    assert error.key == "a/b.txt"
    assert "a/b.txt" in str(error)
    cause = error.__cause__
    assert isinstance(cause, HttpFailure)
    assert cause.status == status
    assert cause.code == (code or None)
    assert cause.request_id == "REQUEST1"
    if not isinstance(error, StorageFileNotFoundError):
        assert str(status) in str(error)


def test_the_default_config_retries_what_the_retry_guide_says(s3: FakeS3) -> None:
    config = RetryConfig()
    for status, code, retried in (
        (429, "", True),
        (503, "", True),
        (503, "SlowDown", True),
        (408, "", True),
        (403, "AccessDenied", False),
        (403, "InvalidAccessKeyId", False),
        (404, "", False),
    ):
        s3.responses.append(Response(status, code))
        with pytest.raises(StorageError) as caught:
            asyncio.run(s3.storage(ONCE).get_bytes("a"))
        assert config.is_retryable(caught.value) is retried, (status, code)


def test_a_wrong_credential_is_raised_immediately(s3: FakeS3) -> None:
    s3.responses.append(Response(403, "InvalidAccessKeyId"))
    with pytest.raises(StorageCredentialsError, match="invalid credentials for a: HTTP status 403"):
        asyncio.run(s3.storage().get_bytes("a"))
    assert len(s3.requests) == 1


def test_missing_credentials_are_named(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without these, the metadata service is asked for credentials.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    s3.responses.append(Response(403))
    storage = Storage.open(
        "s3://bucket",
        aws_region="us-east-1",
        aws_metadata_endpoint=f"{s3.url}",
        aws_endpoint=s3.url,
        aws_allow_http=True,
        retry=ONCE,
    )
    with pytest.raises(StorageCredentialsError, match="no credentials for S3: .*403") as caught:
        asyncio.run(storage.get_bytes("a"))
    assert caught.value.key == "a"


def test_a_hint_is_kept(s3: FakeS3) -> None:
    s3.responses.append(Response(503, "SlowDown", {"retry-after": "7"}))
    with pytest.raises(StorageRateLimitError) as caught:
        asyncio.run(s3.storage(ONCE).get_bytes("a"))
    assert caught.value.retry_after == 7.0


def test_a_refused_connection_is_named() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    storage = Storage.open(
        "s3://bucket",
        aws_endpoint=f"http://127.0.0.1:{port}",
        aws_region="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key=SECRET,
        aws_allow_http=True,
        retry=ONCE,
    )
    with pytest.raises(
        StorageConnectionError, match="connection failed for a: .*refused"
    ) as caught:
        asyncio.run(storage.get_bytes("a"))
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_the_note_has_the_attempts(s3: FakeS3) -> None:
    s3.responses.extend([Response(503)] * 3)
    retry = RetryConfig(max_retries=2, base_delay=0)
    with pytest.raises(StorageServiceUnavailableError) as caught:
        asyncio.run(s3.storage(retry).get_bytes("a"))
    assert caught.value.__notes__ == [
        "undaunted: 3 attempts, after waits of 0.00, 0.00 s; all retries are used"
    ]
    assert len(s3.requests) == 3


def test_the_report_of_a_failed_operation_is_on_its_exception(s3: FakeS3) -> None:
    s3.responses.extend([Response(503, "SlowDown"), Response(500, "InternalError")])
    s3.responses.append(Response(403, "AccessDenied"))
    with pytest.raises(StoragePermissionError) as caught:
        asyncio.run(s3.storage(RetryConfig(base_delay=0.001, jitter=False)).get_bytes("a"))
    report = caught.value.report
    assert report is not None
    assert (report.operation, report.attempts, report.stop_reason) == ("get", 3, "permanent")
    # After the throttled response it waited for its turn, and not for a delay.
    assert report.delays == (0.0, 0.002)
    assert report.queued > 0
    assert report.elapsed >= 0.002 + report.queued
    assert ["SlowDown" in text for text in report.failures] == [True, False, False]
    assert "InternalError" in report.failures[1]
    assert pickle.loads(pickle.dumps(caught.value)).report == report
    queued = f" and {report.queued:.2f} s in the pacer's queue" if report.queued >= 0.005 else ""
    assert caught.value.__notes__ == [
        f"undaunted: 3 attempts, after waits of 0.00, 0.00 s{queued}; "
        "the last failure is not retryable"
    ]
    assert StorageError("raised by other code").report is None


def test_the_budget_that_allows_no_retry_is_named(s3: FakeS3) -> None:
    s3.responses.append(Response(503))
    config = RetryConfig(budget=RetryBudget(capacity=0, refill=0))
    with pytest.raises(StorageServiceUnavailableError) as caught:
        asyncio.run(s3.storage(config).get_bytes("a"))
    assert caught.value.__notes__ == ["undaunted: 1 attempt; the retry budget is exhausted"]
    assert caught.value.report is not None
    assert caught.value.report.stop_reason == "budget_exhausted"


def test_transient_responses_are_retried(s3: FakeS3) -> None:
    s3.responses.extend([Response(503, "SlowDown"), Response(500), Response(429)])
    storage = s3.storage(RetryConfig(base_delay=0))
    asyncio.run(storage.put("a", b"data"))
    assert s3.objects["root/a"][0] == b"data"
    assert len(s3.requests) == 4


def test_a_create_whose_response_was_lost_is_a_success(s3: FakeS3) -> None:
    s3.responses.append(Response(500, "InternalError", applied=True))
    storage = s3.storage(RetryConfig(base_delay=0))
    asyncio.run(storage.put("a", b"data", overwrite=False))
    assert s3.objects["root/a"][0] == b"data"


def test_a_write_that_cannot_be_resolved_is_ambiguous(s3: FakeS3) -> None:
    async def use() -> None:
        storage = s3.storage(RetryConfig(base_delay=0))
        # A conflicting write of the same bytes without a token, after a response was lost.
        s3.responses.append(Response(500, "InternalError"))
        s3.objects["root/there"] = (b"data", {})
        with pytest.raises(
            StorageAmbiguousError, match="may or may not have taken effect"
        ) as caught:
            await storage.put("there", b"data", overwrite=False)
        assert caught.value.key == "there"

    asyncio.run(use())


def test_no_secret_is_shown(s3: FakeS3, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    storage = s3.storage(RetryConfig(max_retries=1, base_delay=0))
    s3.responses.extend([Response(503), Response(503)])
    with pytest.raises(StorageError) as caught:
        asyncio.run(storage.get_bytes("a"))
    error = caught.value
    shown = [
        repr(storage),
        repr(storage.blocking),
        repr(error),
        repr(error.__cause__),
        *error.__notes__,
        *[record.getMessage() for record in caplog.records],
        *[repr(record.__dict__) for record in caplog.records],
    ]
    assert len(shown) > 8
    for text in shown:
        assert SECRET not in text
    with_password = Storage.open("https://user:password@host/folder?sig=signature#part")
    assert repr(with_password) == "<ObjectStorage https://host/folder?…>"


@pytest.mark.parametrize(
    "make",
    [
        lambda: StorageError("text", key="a"),
        lambda: StorageConnectionError("text"),
        lambda: StorageRateLimitError("text", key="a", retry_after=2.0),
        lambda: StorageServiceUnavailableError(retry_after=None),
        lambda: StorageFileNotFoundError("a"),
        lambda: StorageFileExistsError("a", "text"),
        lambda: StorageTimeoutError("text", key="a"),
        lambda: HttpFailure("text", 503, "SlowDown", "ID"),
    ],
)
def test_exceptions_can_be_pickled(make: Callable[[], Exception]) -> None:
    error = make()
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.args == error.args
    assert again.__dict__ == error.__dict__


def test_exceptions_have_the_number_and_the_name_that_python_gives_its_own() -> None:
    for error, number in (
        (StorageFileNotFoundError("a"), errno.ENOENT),
        (StorageFileExistsError("a"), errno.EEXIST),
        (StoragePermissionError("denied", key="a"), errno.EACCES),
        (StorageTimeoutError("slow", key="a"), errno.ETIMEDOUT),
    ):
        for each in (error, pickle.loads(pickle.dumps(error))):
            assert isinstance(each, OSError)
            assert (each.errno, each.filename) == (number, "a")
            assert "Errno" not in str(each)
    with pytest.raises(FileNotFoundError) as caught:
        Storage.open("memory://").blocking.get_bytes("a")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, "a")


def test_every_exception_is_a_storage_error() -> None:
    kinds = [
        kind
        for name in undaunted.__all__
        if isinstance(kind := getattr(undaunted, name), type) and issubclass(kind, Exception)
    ]
    assert len(kinds) == 16
    for kind in kinds:
        assert issubclass(kind, StorageError) or kind is HttpFailure
        assert kind.__module__ == "undaunted"
        assert kind.__doc__
    assert issubclass(StorageTimeoutError, TimeoutError)
    assert issubclass(StorageRateLimitError, StorageConnectionError)
    assert issubclass(StorageServiceUnavailableError, StorageConnectionError)
    assert undaunted.ConfigurationError is undaunted.StorageConfigurationError

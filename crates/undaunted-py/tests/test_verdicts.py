"""What counts as a failure that another attempt may not meet: causes, groups and numbers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import gc
import http.client
import pickle
import socket
import ssl
import sys
import weakref
from typing import Any

import anyio
import pytest
import trio

from undaunted import (
    HttpFailure,
    Pacer,
    RetryableStorage,
    RetryConfig,
    StorageAmbiguousError,
    StorageConfigurationError,
    StorageConnectionError,
    StorageError,
    StorageFileNotFoundError,
    StorageRateLimitError,
    StorageTimeoutError,
    StorageUnsupportedError,
    blocking,
    retry,
    testing,
    with_retry,
)
from undaunted._undaunted import State, judge


def client_class(package: str, name: str, *bases: type, **attributes: Any) -> type[Any]:
    """A class as a client has it, without the client."""
    return type(name, bases or (Exception,), {"__module__": f"{package}.exceptions", **attributes})


def client_error(status: int, code: str = "", headers: dict[str, str] | None = None) -> Exception:
    """An error as botocore raises it."""
    error: Exception = client_class("botocore", "ClientError")("An error occurred")
    error.response = {  # type: ignore[attr-defined]
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
        "Error": {"Code": code},
    }
    return error


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


class AppError(Exception):
    """An error of a program that uses a client."""


def is_retried(error: BaseException, **fields: Any) -> bool:
    return RetryConfig(**fields).is_retryable(error)


RETRIED: dict[str, BaseException] = {
    "BrokenPipeError": BrokenPipeError(),
    "ConnectionResetError": ConnectionResetError(),
    "TimeoutError": TimeoutError(),
    "asyncio.TimeoutError": asyncio.TimeoutError(),
    "concurrent.futures.TimeoutError": concurrent.futures.TimeoutError(),
    "OSError_EHOSTUNREACH": OSError(errno.EHOSTUNREACH, "unreachable"),
    "OSError_ENETDOWN": OSError(errno.ENETDOWN, "down"),
    "OSError_EHOSTDOWN": OSError(errno.EHOSTDOWN, "host is down"),
    "OSError_ENETRESET": OSError(errno.ENETRESET, "dropped on reset"),
    "OSError_ENOBUFS": OSError(errno.ENOBUFS, "no buffer space"),
    "OSError_EBUSY": OSError(errno.EBUSY, "busy"),
    "BlockingIOError": BlockingIOError(errno.EAGAIN, "again"),
    "InterruptedError": InterruptedError(errno.EINTR, "interrupted"),
    "gaierror_EAI_AGAIN": socket.gaierror(socket.EAI_AGAIN, "again"),
    "SSLEOFError": ssl.SSLEOFError(8, "EOF"),
    "SSLZeroReturnError": ssl.SSLZeroReturnError(6, "closed"),
    "OSError_by_an_SSLEOFError": caused(OSError(8, "EOF"), ssl.SSLEOFError(8, "EOF")),
    "trio.TooSlowError": trio.TooSlowError(),
    "trio.BrokenResourceError": trio.BrokenResourceError(),
    "anyio.BrokenResourceError": anyio.BrokenResourceError(),
    "asyncio.IncompleteReadError": asyncio.IncompleteReadError(b"", 1),
    "http.client.IncompleteRead": http.client.IncompleteRead(b""),
    "http.client.BadStatusLine": http.client.BadStatusLine("?"),
    "http.client.RemoteDisconnected": http.client.RemoteDisconnected("closed"),
    "StorageConnectionError": StorageConnectionError("reset"),
    "StorageTimeoutError": StorageTimeoutError("slow"),
    "HttpFailure_503": HttpFailure("failed", 503),
    "app_error_by_a_timeout": caused(AppError(), TimeoutError()),
    "app_error_by_a_client_error": caused(AppError(), client_error(503)),
    "app_error_by_an_app_error_by_a_reset": caused(
        AppError(), caused(AppError(), ConnectionResetError())
    ),
    "RuntimeError_by_a_client_error": caused(RuntimeError(), client_error(500)),
    "StorageError_by_a_client_error": caused(StorageError(), client_error(503)),
    "OSError_by_a_client_error": caused(OSError(errno.EIO, "EIO"), client_error(503)),
    "400_RequestTimeout": client_error(400, "RequestTimeout"),
    "409_OperationAborted": client_error(409, "OperationAborted"),
    "400_IDPCommunicationError": client_error(400, "IDPCommunicationError"),
    "200_InternalError": client_error(200, "InternalError"),
}

NOT_RETRIED: dict[str, BaseException] = {
    "KeyboardInterrupt": KeyboardInterrupt(),
    "SystemExit": SystemExit(),
    "GeneratorExit": GeneratorExit(),
    "CancelledError": asyncio.CancelledError(),
    "MemoryError": MemoryError(),
    "AssertionError": AssertionError(),
    "TypeError_by_a_timeout": caused(TypeError(), TimeoutError()),
    "ValueError_by_a_client_error": caused(ValueError(), client_error(503)),
    "KeyError": KeyError(),
    "NotImplementedError": NotImplementedError(),
    "StopIteration": StopIteration(),
    "RecursionError": RecursionError(),
    "Exception": Exception(),
    "RuntimeError": RuntimeError(),
    "AppError": AppError(),
    "FileNotFoundError": FileNotFoundError(errno.ENOENT, "missing"),
    "FileExistsError_without_number": FileExistsError("exists"),
    "PermissionError": PermissionError(errno.EACCES, "denied"),
    "OSError_without_number": OSError("something"),
    "OSError_ENOSPC": OSError(errno.ENOSPC, "full"),
    "gaierror_EAI_NONAME": socket.gaierror(socket.EAI_NONAME, "unknown"),
    "SSLCertVerificationError": ssl.SSLCertVerificationError(1, "self-signed"),
    "OSError_EAGAIN_by_an_SSLError": caused(OSError(11, "TLS"), ssl.SSLError(11, "TLS")),
    "trio.BrokenResourceError_by_a_certificate": caused(
        trio.BrokenResourceError(), ssl.SSLCertVerificationError(1, "self-signed")
    ),
    "trio.ClosedResourceError": trio.ClosedResourceError(),
    "SSLError_without_reason": ssl.SSLError(1, "wrong version number"),
    "StorageError": StorageError("failed"),
    "StorageAmbiguousError": caused(StorageAmbiguousError("lost"), TimeoutError()),
    "StorageConfigurationError": StorageConfigurationError("no scheme"),
    "StorageFileNotFoundError": StorageFileNotFoundError("a"),
    "StorageUnsupportedError": StorageUnsupportedError("no"),
    "HttpFailure_404": HttpFailure("failed", 404),
    "app_error_by_a_403": caused(AppError(), client_error(403, "AccessDenied")),
    "OSError_EBUSY_by_a_404": caused(OSError(errno.EBUSY, "busy"), client_error(404)),
    "app_error_by_a_cancellation": caused(AppError(), asyncio.CancelledError()),
    "501": client_error(501),
    "507": client_error(507),
}


@pytest.mark.parametrize("name", RETRIED)
def test_it_is_retried(name: str) -> None:
    assert is_retried(RETRIED[name])


@pytest.mark.parametrize("name", NOT_RETRIED)
def test_it_is_not_retried(name: str) -> None:
    assert not is_retried(NOT_RETRIED[name])


def test_a_code_decides_before_the_status() -> None:
    assert judge(client_error(503, "SlowDown")) == State.THROTTLED
    assert judge(client_error(400, "ThrottlingException")) == State.THROTTLED
    assert judge(client_error(503)) == State.TRANSIENT
    assert judge(client_error(429)) == State.THROTTLED


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        (
            {
                "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT",
                "date": "Sun, 06 Nov 1994 08:49:27 GMT",
            },
            10.0,
        ),
        ({"retry-after": "Sun Nov  6 08:49:37 1994", "date": "Sun Nov  6 08:49:27 1994"}, 10.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_that_a_service_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    verdict = judge(client_error(503, headers=headers))
    assert verdict == (State.TRANSIENT if seconds is None else (State.TRANSIENT, seconds))


def test_the_wait_is_kept_to(waits: list[float]) -> None:
    outcomes: list[Exception | None] = [client_error(503, headers={"retry-after": "20"}), None]

    @retry
    async def call() -> None:
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    asyncio.run(call())
    assert 20.0 <= waits[0] <= 25.0


def test_a_wait_beyond_max_retry_after_ends_the_call() -> None:
    def call() -> None:
        raise client_error(503, headers={"retry-after": "3600"})

    with pytest.raises(Exception, match="An error occurred") as caught:
        blocking.with_retry(call)
    assert "beyond max_retry_after" in caught.value.__notes__[0]


def test_a_clients_throttled_error_is_paced(waits: list[float]) -> None:
    pacer = Pacer()

    def call() -> None:
        raise client_error(503, "SlowDown")

    with pytest.raises(Exception, match="An error occurred"):
        blocking.with_retry(call, RetryConfig(pacer=pacer, max_retries=1))
    assert pacer.is_active
    assert waits[0] < 0.5, "its turn, and no backoff of a second"


def test_the_hint_of_a_cause_is_kept_to() -> None:
    error = caused(AppError(), StorageRateLimitError("slow down", retry_after=3.0))
    assert judge(error) == (State.THROTTLED, 3.0)


def test_an_exception_from_its_handler_stands_for_the_one_before() -> None:
    def wrap() -> None:
        try:
            raise client_error(503)
        except Exception:
            raise AppError  # noqa: B904

    with pytest.raises(AppError) as caught:
        wrap()
    assert is_retried(caught.value)


def test_an_exception_from_a_function_that_the_handler_calls_does_not() -> None:
    def clean_up() -> None:
        raise AppError

    def call() -> None:
        try:
            raise client_error(503)
        except Exception:
            clean_up()

    with pytest.raises(AppError) as caught:
        call()
    assert caught.value.__context__ is not None
    assert not is_retried(caught.value)


def test_a_suppressed_context_is_none() -> None:
    def wrap() -> None:
        try:
            raise client_error(503)
        except Exception:
            raise AppError from None

    with pytest.raises(AppError) as caught:
        wrap()
    assert not is_retried(caught.value)


@pytest.mark.parametrize(
    ("module", "expected"), [("litestar_storages.backends.s3", True), ("app.storage", False)]
)
def test_an_error_in_the_handlers_of_litestar_storages_stands_for_theirs(
    module: str, expected: bool
) -> None:
    code = """
def get(error):
    try:
        raise error
    except Exception as caught:
        caught.response.get("Error")
"""
    names: dict[str, Any] = {"__name__": module}
    exec(code, names)
    with pytest.raises(AttributeError) as caught:
        names["get"](TimeoutError())
    assert is_retried(caught.value) is expected


def test_causes_in_a_circle_end() -> None:
    one, other = AppError(), AppError()
    one.__cause__, other.__cause__ = other, one
    assert not is_retried(one)


def test_attributes_that_raise_or_lie_say_nothing() -> None:
    def fail(_: object) -> None:
        raise RuntimeError

    for response in (property(fail), None, 3, "?", {"ResponseMetadata": 5, "Error": None}, {}):
        error = client_class("botocore", "ClientError", response=response)()
        assert not is_retried(error)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ExceptionGroup is new in Python 3.11")
def test_a_group_is_retried_only_if_all_in_it_are() -> None:
    group = getattr(__import__("builtins"), "ExceptionGroup")  # noqa: B009
    transient = [TimeoutError(), client_error(503, headers={"retry-after": "7"})]
    assert judge(group("all", transient)) == (State.TRANSIENT, 7.0)
    assert judge(group("nested", [group("all", transient)])) == (State.TRANSIENT, 7.0)
    throttled = [*transient, client_error(429, headers={"retry-after": "9"})]
    assert judge(group("throttled", throttled)) == (State.THROTTLED, 9.0)
    assert not is_retried(group("one is not", [*transient, client_error(403)]))
    assert not is_retried(group("one is unknown", [*transient, AppError()]))
    assert is_retried(caused(AppError(), group("all", transient)))


def test_given_types_are_the_only_ones() -> None:
    given = (StorageConnectionError, TimeoutError, ConnectionError)
    for error in (client_error(503), OSError(errno.EBUSY, "busy"), RETRIED["SSLEOFError"]):
        assert is_retried(error)
        assert not is_retried(error, retryable_exceptions=given)
        assert not is_retried(error, known_clients=False)
    for fields in ({"retryable_exceptions": given}, {"known_clients": False}):
        assert is_retried(TimeoutError(), **fields)
        assert not is_retried(caused(AppError(), TimeoutError()), **fields)


def test_other_processes_and_copies_judge_alike() -> None:
    import copy
    import dataclasses

    given = RetryConfig(retryable_exceptions=(*RetryConfig.retryable_exceptions,))
    for config, expected in (
        (RetryConfig(), True),
        (given, False),
        (RetryConfig(known_clients=False), False),
        (RetryConfig.storage(), True),
    ):
        for again in (
            config,
            pickle.loads(pickle.dumps(config)),
            copy.copy(config),
            copy.deepcopy(config),
            dataclasses.replace(config, max_retries=9),
            RetryConfig(**dataclasses.asdict(config)),
            eval(repr(config)),
        ):
            assert again.is_retryable(client_error(503)) is expected
    assert RetryConfig() != RetryConfig(known_clients=False)
    assert RetryConfig(**dataclasses.asdict(RetryConfig())) == RetryConfig()
    assert repr(RetryConfig(**dataclasses.asdict(RetryConfig()))) == repr(RetryConfig())
    assert given == RetryConfig(), "as the document about retries has it"
    assert given == RetryConfig(retryable_exceptions=list(given.retryable_exceptions))


def test_known_clients_of_another_type_are_refused() -> None:
    make: Any = RetryConfig
    with pytest.raises(TypeError, match="^known_clients must be a bool, not int$"):
        make(known_clients=1)


def test_a_class_is_not_kept_alive() -> None:
    config = RetryConfig()
    passing = client_class("somewhere", "PassingError", Exception)
    gone = weakref.ref(passing)
    assert not config.is_retryable(passing())
    assert passing not in config._verdicts
    assert AppError not in config._verdicts
    assert not config.is_retryable(AppError())
    assert AppError in config._verdicts, "its module refers to it anyway"
    del passing
    gc.collect()
    assert gone() is None
    assert len(config._verdicts._passing) == 0


def test_many_passing_classes_are_told_apart() -> None:
    config = RetryConfig()
    for number in range(500):
        is_transient = number % 2 == 0
        base = TimeoutError if is_transient else AppError
        error = client_class("somewhere", "PassingError", base)()
        assert config.is_retryable(caused(AppError(), error)) is is_transient


def test_a_subclass_means_what_its_nearest_known_base_means() -> None:
    base = client_class("httpx", "HTTPError")
    timeout = client_class("httpx", "TimeoutException", base)
    mine = type("MyTimeout", (timeout,), {"__module__": "app"})
    assert is_retried(mine())
    assert not is_retried(type("Mine", (base,), {"__module__": "app"})())


def test_names_alone_are_no_clients() -> None:
    assert not is_retried(client_class("app", "TimeoutException")())
    assert not is_retried(client_class("httpx_extra", "TimeoutException")())
    assert is_retried(client_class("httpx", "TimeoutException")())


class Wrapping(testing.FaultyStorage):
    """A storage that wraps its client's errors, as those of litestar-storages do."""

    def __init__(self, *outcomes: Exception) -> None:
        super().__init__()
        self.outcomes = list(outcomes)
        self.attempts = 0

    async def get_bytes(self, key: str) -> bytes:
        from litestar_storages.exceptions import StorageError as TheirError

        self.attempts += 1
        try:
            if self.outcomes:
                raise self.outcomes.pop(0)
        except Exception as error:
            raise TheirError(f"Failed to retrieve file {key}: {error}") from error
        return b"data"


def test_a_wrapped_storage_is_judged_by_causes(waits: list[float]) -> None:
    inner = Wrapping(client_error(503, "SlowDown"), client_error(500))
    assert asyncio.run(RetryableStorage(inner).get_bytes("a")) == b"data"
    assert (inner.attempts, len(waits)) == (3, 2)
    inner = Wrapping(client_error(403, "AccessDenied"))
    with pytest.raises(Exception, match="Failed to retrieve file a"):
        asyncio.run(RetryableStorage(inner).get_bytes("a"))
    assert inner.attempts == 1


def test_functions_are_judged_by_causes(waits: list[float]) -> None:
    inner = Wrapping(*[client_error(503) for _ in range(3)])
    assert asyncio.run(with_retry(lambda: inner.get_bytes("a"))) == b"data"
    inner = Wrapping(client_error(503))
    assert asyncio.run(retry(inner.get_bytes)("a")) == b"data"
    assert len(waits) == 4


def test_a_note_is_added_to_a_clients_error(waits: list[float]) -> None:
    def call() -> None:
        raise client_error(503)

    with pytest.raises(Exception, match="An error occurred") as caught:
        retry(call)()
    assert caught.value.__notes__[0].startswith("undaunted: 4 attempts, after waits of ")

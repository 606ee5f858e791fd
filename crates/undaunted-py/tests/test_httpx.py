"""The transports for httpx: what is repeated, what is not, and what the client gets."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import anyio
import httpx
import pytest
import trio

from undaunted import RetryConfig, RetryEvent, deadline, instrument
from undaunted.httpx import AsyncRetryTransport, RetryTransport
from undaunted.testing import S3Server, s3_server

QUICK = RetryConfig(max_retries=5, base_delay=0.001)
Outcome = int | type[Exception] | httpx.Response


class Service(httpx.MockTransport):
    """It has an outcome for each request, and keeps their bodies."""

    def __init__(self, *outcomes: Outcome) -> None:
        super().__init__(self.respond)
        self.outcomes: Iterator[Outcome] = iter(outcomes)
        self.bodies: list[bytes] = []

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.read())
        outcome = next(self.outcomes)
        if isinstance(outcome, type):
            raise outcome("failed", request=request)  # type: ignore[call-arg]
        return outcome if isinstance(outcome, httpx.Response) else httpx.Response(outcome)


def asked(service: Service, method: str, config: RetryConfig = QUICK, **kwargs: Any) -> int:
    with httpx.Client(transport=RetryTransport(config, service)) as client:
        return client.request(method, "http://service/a?token=secret", **kwargs).status_code


@pytest.mark.parametrize("failure", [429, 503, 408, httpx.ReadTimeout, httpx.ConnectError])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_an_idempotent_request_is_repeated(method: str, failure: Outcome) -> None:
    service = Service(failure, 200)
    assert asked(service, method, content=b"data") == 200
    assert service.bodies == [b"data"] * 2


@pytest.mark.parametrize("failure", [429, httpx.ConnectError, httpx.ConnectTimeout])
def test_a_post_is_repeated_if_it_was_not_processed(failure: Outcome) -> None:
    assert asked(Service(failure, 201), "POST", content=b"data") == 201


def test_a_post_is_not_repeated_if_it_may_have_been_processed() -> None:
    service = Service(503)
    assert asked(service, "POST", content=b"data") == 503
    service = Service(httpx.ReadTimeout)
    with pytest.raises(httpx.ReadTimeout):
        asked(service, "POST", content=b"data")
    assert len(service.bodies) == 1


def test_a_key_makes_a_post_idempotent() -> None:
    headers = {"Idempotency-Key": "42"}
    assert asked(Service(503, httpx.ReadTimeout, 201), "POST", headers=headers) == 201


@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_a_response_that_would_be_the_same_is_given_immediately(status: int) -> None:
    assert asked(Service(status), "GET") == status


def test_the_last_response_is_given_when_no_retry_is_left() -> None:
    last = httpx.Response(503, headers={"x-id": "7"}, content=b"try later")
    service = Service(503, last)
    with httpx.Client(transport=RetryTransport(RetryConfig(1, 0), service)) as client:
        response = client.get("http://service/a")
    assert (response.status_code, response.headers["x-id"]) == (503, "7")
    assert response.text == "try later"


def test_the_last_exception_is_raised_as_it_is() -> None:
    service = Service(503, httpx.ReadTimeout)
    with pytest.raises(httpx.ReadTimeout, match="failed") as caught:
        asked(service, "GET", RetryConfig(1, 0))
    assert caught.value.request.method == "GET"


def test_retry_after_is_obeyed(undaunted_no_waits: None, caplog: pytest.LogCaptureFixture) -> None:
    limited = httpx.Response(429, headers={"Retry-After": "7"})
    assert asked(Service(limited, 200), "GET", RetryConfig()) == 200
    # httpx writes a line of its own where an earlier test has set the level.
    (record,) = (each for each in caplog.records if each.name == "undaunted.retry")
    assert "GET service/a" in record.getMessage()
    assert "429 Too Many Requests" in record.getMessage()
    assert "secret" not in record.getMessage()
    told = record.__dict__["undaunted"]
    assert (told["operation"], told["key"]) == ("GET service", "/a")


def test_the_operation_of_an_event_has_no_path() -> None:
    events: list[RetryEvent] = []
    instrumentation = instrument(events.append)
    try:
        for number in range(3):
            service = Service(*[503] * (number % 2 + 1), 200)
            client = httpx.Client(transport=RetryTransport(RetryConfig(1, 0), service))
            client.get(f"http://service/{number}")
    finally:
        instrumentation.remove()
    assert {each.outcome for each in events} == {"retrying", "stopped", "succeeded"}
    assert {each.operation for each in events} == {"GET service"}
    assert {type(each.operation) for each in events} == {str}
    assert {each.key for each in events} == {"/0", "/1", "/2"}


def lines() -> Iterator[bytes]:
    yield b"data"


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


def test_a_body_that_can_be_read_once_is_sent_once() -> None:
    service = Service(503)
    assert asked(service, "PUT", content=lines()) == 503
    service = Service(503)
    assert asked(service, "PUT", files={"a": Unseekable(b"data")}) == 503
    assert len(service.bodies) == 1


def test_a_form_is_sent_again_from_its_beginning() -> None:
    service = Service(503, 200)
    assert asked(service, "PUT", files={"a": io.BytesIO(b"data")}, data={"b": "c"}) == 200
    assert service.bodies[0] == service.bodies[1]
    assert b"data" in service.bodies[0]


def test_the_configuration_is_checked_where_it_is_given() -> None:
    for transport, client in ((RetryTransport, "Client"), (AsyncRetryTransport, "AsyncClient")):
        with pytest.raises(ValueError, match=rf"attempt_timeout.* httpx\.{client}\(timeout=1\)"):
            transport(RetryConfig(attempt_timeout=1))
        with pytest.raises(TypeError):
            transport(object())  # type: ignore[arg-type]


class Unanswered(httpx.AsyncBaseTransport):
    """Its requests fail as told, and those after them have no response."""

    def __init__(self, *failures: int | type[Exception]) -> None:
        self.failures = iter(failures)
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        failure = next(self.failures, None)
        if isinstance(failure, type):
            raise failure("failed")
        if failure is None:
            await anyio.sleep_forever()
        return httpx.Response(failure or 200)


async def asked_in_vain(service: Unanswered, method: str, content: Any = b"data") -> int:
    config = RetryConfig(5, 0, total_timeout=0.5)
    async with httpx.AsyncClient(transport=AsyncRetryTransport(config, service)) as client:
        return (await client.request(method, "http://service/a", content=content)).status_code


def run_by_trio(made: Coroutine[Any, Any, int]) -> int:
    async def main() -> int:
        return await made

    return trio.run(main)


@pytest.mark.parametrize("run", [asyncio.run, run_by_trio], ids=["asyncio", "trio"])
@pytest.mark.parametrize("failures", [(), (429,), (httpx.ConnectError,)])
def test_a_post_that_was_cut_may_have_been_processed(
    run: Callable[..., int], failures: tuple[Any, ...]
) -> None:
    service = Unanswered(*failures)
    with pytest.raises(httpx.ReadTimeout) as caught:
        run(asked_in_vain(service, "POST"))
    assert caught.value.request.method == "POST"
    assert service.requests == len(failures) + 1


def test_a_get_that_was_cut_keeps_what_failed_before() -> None:
    assert asyncio.run(asked_in_vain(Unanswered(429), "GET")) == 429
    with pytest.raises(httpx.ConnectError):
        asyncio.run(asked_in_vain(Unanswered(httpx.ConnectError), "GET"))
    with pytest.raises(httpx.ReadTimeout, match="timed out after 500ms in all"):
        asyncio.run(asked_in_vain(Unanswered(), "GET"))


def test_a_request_after_the_deadline_is_not_sent() -> None:
    with deadline(0), pytest.raises(httpx.TimeoutException) as caught:
        asked(Service(), "POST")
    assert type(caught.value) is httpx.TimeoutException
    service = Unanswered()
    with deadline(0), pytest.raises(httpx.TimeoutException):
        asyncio.run(asked_in_vain(service, "POST"))
    assert service.requests == 0


FAULTS = """
[[rule]]
fault = "fail_before"
operation = "get"
status = 503
code = "SlowDown"
count = 2

[[rule]]
fault = "fail_before"
failure = "reset"
operation = "head"
count = 2
"""


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def signed(server: S3Server, method: str) -> str:
    from undaunted import blocking

    storage = blocking.Storage.open("s3://bucket", server.options)
    storage.put("a.txt", b"data")
    return storage.url("a.txt", method=method)


def test_through_a_real_server(server: S3Server) -> None:
    url, headed = signed(server, "GET"), signed(server, "HEAD")
    server.clear_requests()
    server.chaos = FAULTS
    with httpx.Client(transport=RetryTransport(QUICK)) as client:
        assert client.get(url).content == b"data"
        assert client.head(headed).status_code == 200
    assert [each["status"] for each in server.requests("get")] == [503, 503, 200]
    assert len(server.requests("head")) == 3


def test_through_a_real_server_with_streams(server: S3Server) -> None:
    url = signed(server, "GET")
    server.chaos = FAULTS

    async def main() -> list[bytes]:
        # One connection: a failed response must give it back.
        limits = httpx.Limits(max_connections=1)
        transport = AsyncRetryTransport(QUICK, httpx.AsyncHTTPTransport(limits=limits))
        async with (
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", url) as response,
        ):
            return [chunk async for chunk in response.aiter_bytes()]

    assert b"".join(asyncio.run(main())) == b"data"


def test_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    calls: list[object] = []
    config = RetryConfig(2, 0, on_retry=calls.append)
    with (
        httpx.Client(transport=RetryTransport(config)) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.post(f"http://127.0.0.1:{port}/", content=lines())
    assert len(calls) == 2

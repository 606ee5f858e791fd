"""The errors of other libraries' clients, made by the clients themselves, and their verdicts."""

from __future__ import annotations

import asyncio
import http.client
import io
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import failing_server
from failing_server import Answer, FailingServer
from undaunted import RetryConfig, retry
from undaunted._undaunted import State, judge

pytestmark = pytest.mark.filterwarnings("ignore")

TIMEOUT = 30.0
"""Longer than anything here takes. Where a client waits in vain, it is ``SHORT``."""

SHORT = 0.3
BUCKET = "bucket"
KEY = "key.bin"

RANGE = {"Content-Range": "bytes 0-99/100"}

# What each answer means, whatever the client. The plain HTTP clients do not read codes.
ANSWERS: dict[str, tuple[Answer, str]] = {
    "500": (Answer(500, "InternalError"), "transient"),
    "502": (Answer(502), "transient"),
    "503": (Answer(503, "ServiceUnavailable"), "transient"),
    "429_after_7_seconds": (
        Answer(429, "TooManyRequests", headers={"Retry-After": "7"}),
        "throttled",
    ),
    "403": (Answer(403, "AccessDenied"), "permanent"),
    "404": (Answer(404, "NoSuchKey"), "permanent"),
    "reset": (Answer(raw=b"", end="reset"), "transient"),
    "no_response": (Answer(raw=b""), "transient"),
    "no_response_in_time": (Answer(raw=b"", end="hang"), "transient"),
    "nonsense": (Answer(raw=b"nonsense\r\n\r\n"), "transient"),
    "body_cut": (Answer(206, headers=RANGE, body=b"12345", length=100), "transient"),
    "body_not_in_time": (
        Answer(206, headers=RANGE, body=b"12345", length=100, end="hang"),
        "transient",
    ),
}


def s3_client(url: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
    )
    return boto3.client("s3", endpoint_url=url, config=config, **CREDENTIALS)


def get_boto3(url: str) -> None:
    s3_client(url).get_object(Bucket=BUCKET, Key=KEY)["Body"].read()


def aiobotocore_client(url: str) -> Any:
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
    )
    return get_session().create_client("s3", endpoint_url=url, config=config, **CREDENTIALS)


async def get_aiobotocore(url: str) -> None:
    async with aiobotocore_client(url) as client:
        response = await client.get_object(Bucket=BUCKET, Key=KEY)
        async with response["Body"] as body:
            await body.read()


def s3_filesystem(url: str) -> Any:
    import s3fs

    filesystem = s3fs.S3FileSystem(
        key="key",
        secret="secret",
        endpoint_url=url,
        client_kwargs={"region_name": "us-east-1"},
        config_kwargs={
            "connect_timeout": TIMEOUT,
            "read_timeout": TIMEOUT,
            "retries": {"total_max_attempts": 1},
        },
        skip_instance_cache=True,
    )
    filesystem.retries = 1
    return filesystem


def get_s3fs(url: str) -> None:
    s3_filesystem(url).cat_file(f"{BUCKET}/{KEY}")


def get_httpx(url: str) -> None:
    import httpx

    httpx.get(f"{url}/{KEY}", timeout=TIMEOUT).raise_for_status()


async def get_httpx_async(url: str) -> None:
    import httpx

    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        (await client.get(f"{url}/{KEY}")).raise_for_status()


async def get_aiohttp(url: str) -> None:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with (
        aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
        session.get(f"{url}/{KEY}") as response,
    ):
        await response.read()


def get_requests(url: str) -> None:
    import requests

    requests.get(f"{url}/{KEY}", timeout=TIMEOUT).raise_for_status()


def get_urllib3(url: str) -> None:
    import urllib3

    retries = urllib3.Retry(0, status_forcelist=range(400, 600), respect_retry_after_header=False)
    with urllib3.PoolManager(retries=retries, timeout=TIMEOUT) as pool:
        pool.request("GET", f"{url}/{KEY}")


def get_google(url: str) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    client = storage.Client(
        project="project",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": url},
    )
    client.bucket(BUCKET).blob(KEY).download_as_bytes(retry=None, timeout=TIMEOUT)


def get_azure(url: str) -> None:
    from azure.storage.blob import BlobClient

    client = BlobClient(
        f"{url}/account",
        BUCKET,
        KEY,
        retry_total=0,
        connection_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
    )
    with client:
        client.download_blob().readall()


async def get_litestar_storages(url: str) -> None:
    from litestar_storages import S3Config, S3Storage

    class Storage(S3Storage):
        """With aiobotocore's client, which aioboto3's is."""

        async def _get_client(self) -> Any:
            return aiobotocore_client(url)

    await Storage(S3Config(bucket=BUCKET)).get_bytes(KEY)


def get_obstore(url: str) -> None:
    import obstore
    from obstore.store import S3Store

    pause = timedelta(seconds=1)
    store = S3Store(
        BUCKET,
        endpoint=url,
        access_key_id="key",
        secret_access_key="secret",
        region="us-east-1",
        client_options={"allow_http": True, "timeout": timedelta(seconds=TIMEOUT)},
        retry_config={
            "max_retries": 0,
            "backoff": {"base": 2, "init_backoff": pause, "max_backoff": pause},
            "retry_timeout": pause,
        },
    )
    obstore.get(store, KEY).bytes()


def get_urllib(url: str) -> None:
    with urllib.request.urlopen(f"{url}/{KEY}", timeout=TIMEOUT) as response:
        response.read()


def get_http_client(url: str) -> None:
    scheme, _, host = url.partition("://")
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(host, timeout=TIMEOUT)
    try:
        connection.request("GET", f"/{KEY}")
        connection.getresponse().read()
    finally:
        connection.close()


async def get_streams(url: str) -> None:
    scheme, _, host = url.partition("://")
    name, _, port = host.partition(":")
    context = ssl.create_default_context() if scheme == "https" else None

    async def get() -> None:
        reader, writer = await asyncio.open_connection(name, int(port), ssl=context)
        try:
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(100)
        finally:
            writer.close()

    await asyncio.wait_for(get(), TIMEOUT)


CREDENTIALS = {
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "region_name": "us-east-1",
}

Client = Callable[[str], Any]

# They raise for a status.
CLIENTS: list[Client] = [
    get_boto3,
    get_aiobotocore,
    get_s3fs,
    get_litestar_storages,
    get_httpx,
    get_httpx_async,
    get_aiohttp,
    get_requests,
    get_urllib3,
    get_google,
    get_azure,
    get_obstore,
    get_urllib,
]
# They do not.
PLAIN: list[Client] = [get_http_client, get_streams]


def name_of(client: Client) -> str:
    return client.__name__.removeprefix("get_")


def rows() -> Iterator[Any]:
    for client in CLIENTS + PLAIN:
        for name, (answer, verdict) in ANSWERS.items():
            if client in PLAIN and answer.status >= 400:
                continue
            if client is get_obstore and name == "nonsense":
                # Rust's object_store does not say what it was.
                verdict = "permanent"
            yield pytest.param(client, answer, verdict, id=f"{name_of(client)}-{name}-is_{verdict}")


@pytest.fixture(scope="module")
def server() -> Iterator[FailingServer]:
    with failing_server.serve() as server:
        yield server


def error_of(client: Client, url: str) -> BaseException:
    """The error that the client raises."""
    try:
        made = client(url)
        if asyncio.iscoroutine(made):
            asyncio.run(made)
    except Exception as error:
        return error
    raise AssertionError("the client raised nothing")


def judged(error: BaseException) -> tuple[str, float | None]:
    """The verdict of the default configuration, and the wait that was asked for."""
    verdict = judge(error)
    number, hint = verdict if isinstance(verdict, tuple) else (verdict, None)
    names = {
        State.TRANSIENT: "transient",
        State.THROTTLED: "throttled",
        State.PERMANENT: "permanent",
    }
    assert RetryConfig().is_retryable(error) == (number != State.PERMANENT)
    return names[number], hint


def told(error: BaseException | None) -> str:
    """The error with its causes, for a test that fails."""
    text = ""
    while error is not None:
        cls = type(error)
        text += f"\n{cls.__module__}.{cls.__qualname__}: {error!r} {error.args}"
        error = error.__cause__ or error.__context__
    return text


@pytest.mark.parametrize(("client", "answer", "verdict"), list(rows()))
def test_the_verdict(
    client: Client,
    answer: Answer,
    verdict: str,
    server: FailingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.answer = answer
    if answer.end == "hang":
        monkeypatch.setitem(globals(), "TIMEOUT", SHORT)
    error = error_of(client, server.url)
    found, hint = judged(error)
    assert found == verdict, told(error)
    # The errors of these have no headers.
    if verdict == "throttled" and client not in (get_urllib3, get_obstore):
        assert hint == 7.0, told(error)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that end in .test are not resolved: those with "again" for now, the others for ever."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or not name.endswith(".test"):
            return resolve(host, *args, **kwargs)
        number = socket.EAI_AGAIN if name.startswith("again") else socket.EAI_NONAME
        raise socket.gaierror(number, "it was not resolved")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


ALL = [pytest.param(client, id=name_of(client)) for client in CLIENTS + PLAIN]
# obstore resolves names in Rust, and its error does not say whether they are unknown.
RESOLVING = [each for each in ALL if each.values != (get_obstore,)]


@pytest.mark.parametrize("client", ALL)
def test_a_refused_connection_is_transient(client: Client) -> None:
    error = error_of(client, f"http://127.0.0.1:{unused_port()}")
    assert judged(error) == ("transient", None), told(error)


@pytest.mark.parametrize("client", RESOLVING)
def test_a_name_that_is_not_resolved_for_now_is_transient(client: Client, names: None) -> None:
    error = error_of(client, "http://again.test:80")
    assert judged(error) == ("transient", None), told(error)


@pytest.mark.parametrize("client", RESOLVING)
def test_an_unknown_name_is_permanent(client: Client, names: None) -> None:
    error = error_of(client, "http://unknown.test:80")
    assert judged(error) == ("permanent", None), told(error)


@pytest.mark.parametrize("client", ALL)
def test_a_wrong_certificate_is_permanent(client: Client, server: FailingServer) -> None:
    server.answer = Answer(end="certificate")
    error = error_of(client, server.tls_url)
    assert judged(error) == ("permanent", None), told(error)


@pytest.mark.parametrize("client", ALL)
def test_a_handshake_that_breaks_is_transient(client: Client, server: FailingServer) -> None:
    server.answer = Answer()
    error = error_of(client, server.tls_url)
    assert judged(error) == ("transient", None), told(error)


async def read_aiohttp(url: str) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(url, ssl=False) as response:
        await response.read()


def read_requests(url: str) -> None:
    import requests

    requests.get(url, verify=False, timeout=20)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
@pytest.mark.parametrize("client", [read_aiohttp, read_requests], ids=name_of)
def test_a_stream_of_tls_that_breaks_is_transient(client: Client, server: FailingServer) -> None:
    server.answer = Answer(end="record")
    error = error_of(client, server.tls_url)
    assert judged(error) == ("transient", None), told(error)


def test_data_after_the_end_of_a_stream_of_tls_is_transient() -> None:
    import aiohttp

    reason = "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"
    inner = ssl.SSLError(1, f"[SSL: {reason}] application data after close notify")
    inner.reason = reason
    error = aiohttp.ClientOSError(*inner.args)
    error.__cause__ = inner
    assert judged(error) == judged(inner) == ("transient", None)


@pytest.mark.parametrize(("status", "verdict"), [(503, "transient"), (404, "permanent")])
def test_a_waiter_of_botocore_is_judged_by_its_last_response(status: int, verdict: str) -> None:
    from botocore.exceptions import WaiterError

    last = {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": str(status)}}
    assert judged(WaiterError("ObjectExists", "Max attempts exceeded", last))[0] == verdict


def test_redirects_of_urllib3_that_do_not_end_are_permanent() -> None:
    from urllib3.exceptions import MaxRetryError, ResponseError

    make: Any = MaxRetryError
    assert judged(make(None, "/", ResponseError("too many redirects")))[0] == "permanent"
    assert judged(make(None, "/", ResponseError("too many 503 error responses")))[0] == "transient"


def test_a_timeout_of_google_auth_is_transient() -> None:
    from google.auth import exceptions

    assert judged(getattr(exceptions, "TimeoutError")("no response"))[0] == "transient"  # noqa: B009


CODES = [
    (503, "SlowDown", "throttled"),
    (400, "RequestTimeout", "transient"),
    (409, "OperationAborted", "transient"),
    (400, "ExpiredToken", "permanent"),
    (403, "SignatureDoesNotMatch", "permanent"),
    (501, "NotImplemented", "permanent"),
    (507, "InsufficientStorage", "permanent"),
]


@pytest.mark.parametrize("client", [get_boto3, get_aiobotocore], ids=name_of)
@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [pytest.param(*row, id=f"{row[1]}-is_{row[2]}") for row in CODES],
)
def test_a_code_of_s3(
    client: Client, status: int, code: str, verdict: str, server: FailingServer
) -> None:
    server.answer = Answer(status, code)
    error = error_of(client, server.url)
    assert judged(error)[0] == verdict, told(error)


def test_slow_down_through_s3fs_is_throttled(server: FailingServer) -> None:
    # A file is asked for with a HEAD, whose response has no code, and a list with a GET.
    server.answer = Answer(503, "SlowDown")

    def list_files(url: str) -> None:
        filesystem = s3_filesystem(url)
        filesystem.ls(BUCKET, refresh=True)

    error = error_of(list_files, server.url)
    assert isinstance(error, OSError)
    assert judged(error)[0] == "throttled", told(error)


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        pytest.param(503, "ServerBusy", "throttled", id="ServerBusy-is_throttled"),
        pytest.param(500, "OperationTimedOut", "transient", id="OperationTimedOut-is_transient"),
        pytest.param(
            409, "ContainerBeingDeleted", "transient", id="ContainerBeingDeleted-is_transient"
        ),
        pytest.param(409, "BlobAlreadyExists", "permanent", id="BlobAlreadyExists-is_permanent"),
        pytest.param(
            403, "AuthenticationFailed", "permanent", id="AuthenticationFailed-is_permanent"
        ),
    ],
)
def test_a_code_of_azure(status: int, code: str, verdict: str, server: FailingServer) -> None:
    server.answer = Answer(status, code, headers={"x-ms-error-code": code})
    error = error_of(get_azure, server.url)
    assert judged(error)[0] == verdict, told(error)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param(Answer(503, "SlowDown"), "throttled", id="SlowDown-is_throttled"),
        pytest.param(Answer(403, "AccessDenied"), "permanent", id="AccessDenied-is_permanent"),
        pytest.param(Answer(raw=b""), "transient", id="no_response-is_transient"),
    ],
)
def test_a_managed_upload_of_boto3(answer: Answer, verdict: str, server: FailingServer) -> None:
    def upload(url: str) -> None:
        client = s3_client(url)
        client.upload_fileobj(io.BytesIO(b"data"), BUCKET, KEY)

    server.answer = answer
    error = error_of(upload, server.url)
    assert judged(error)[0] == verdict, told(error)


def test_a_file_upload_of_boto3_wraps_the_error_and_is_throttled(
    server: FailingServer, tmp_path: Path
) -> None:
    from boto3.exceptions import S3UploadFailedError

    (tmp_path / "file").write_bytes(b"data")

    def upload(url: str) -> None:
        s3_client(url).upload_file(str(tmp_path / "file"), BUCKET, KEY)

    server.answer = Answer(503, "SlowDown")
    error = error_of(upload, server.url)
    assert isinstance(error, S3UploadFailedError)
    assert judged(error)[0] == "throttled", told(error)


def test_requests_that_gave_up_after_its_own_retries_is_transient(server: FailingServer) -> None:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter

    def get(url: str) -> None:
        retries = urllib3.Retry(1, status_forcelist=[503], backoff_factor=0)
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=retries))
            session.get(url, timeout=TIMEOUT)

    server.answer = Answer(503)
    error = error_of(get, server.url)
    assert isinstance(error, requests.exceptions.RetryError)
    assert judged(error) == ("transient", None), told(error)


def google_token(url: str) -> None:
    from google.auth.transport.requests import Request
    from google.oauth2.credentials import Credentials

    credentials = Credentials(
        None, refresh_token="token", token_uri=url, client_id="id", client_secret="secret"
    )
    credentials.refresh(Request())


def test_a_google_token_that_cannot_be_asked_for_is_transient() -> None:
    error = error_of(google_token, f"http://127.0.0.1:{unused_port()}")
    assert judged(error) == ("transient", None), told(error)


def test_a_google_token_that_is_refused_is_permanent(server: FailingServer) -> None:
    server.answer = Answer(400, body=b'{"error": "invalid_grant"}')
    error = error_of(google_token, server.url)
    assert judged(error) == ("permanent", None), told(error)


def test_a_google_token_service_with_a_wrong_certificate_is_permanent(
    server: FailingServer,
) -> None:
    server.answer = Answer(end="certificate")
    error = error_of(google_token, server.tls_url)
    assert judged(error) == ("permanent", None), told(error)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        pytest.param("ServiceUnavailable", "transient", id="ServiceUnavailable-is_transient"),
        pytest.param("InternalServerError", "transient", id="InternalServerError-is_transient"),
        pytest.param("DeadlineExceeded", "transient", id="DeadlineExceeded-is_transient"),
        pytest.param("Aborted", "transient", id="Aborted-is_transient"),
        pytest.param("TooManyRequests", "throttled", id="TooManyRequests-is_throttled"),
        pytest.param("ResourceExhausted", "throttled", id="ResourceExhausted-is_throttled"),
        pytest.param("Unknown", "transient", id="Unknown-is_transient"),
        pytest.param("DataLoss", "transient", id="DataLoss-is_transient"),
        pytest.param("NotFound", "permanent", id="NotFound-is_permanent"),
        pytest.param("Forbidden", "permanent", id="Forbidden-is_permanent"),
        pytest.param("FailedPrecondition", "permanent", id="FailedPrecondition-is_permanent"),
        pytest.param("AlreadyExists", "permanent", id="AlreadyExists-is_permanent"),
    ],
)
def test_a_class_of_google(name: str, verdict: str) -> None:
    from google.api_core import exceptions

    assert judged(getattr(exceptions, name)("failed"))[0] == verdict


def test_a_function_around_a_client_is_retried_until_it_succeeds(server: FailingServer) -> None:
    answers = [Answer(503), Answer(429, headers={"Retry-After": "0"}), Answer(body=b"data")]

    @retry(RetryConfig(base_delay=0))
    def get() -> bytes:
        import requests

        server.answer = answers.pop(0)
        response = requests.get(server.url, timeout=TIMEOUT)
        response.raise_for_status()
        return response.content

    assert get() == b"data"
    assert answers == []

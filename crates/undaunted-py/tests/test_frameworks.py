"""Runs the recipes of docs/frameworks.md, each on an S3 whose first responses are failures."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from undaunted import RetryConfig, blocking, testing
from undaunted.testing import S3Server, s3_server

PAGE = Path(__file__).parents[1] / "docs" / "frameworks.md"
SECTION = re.compile(r"^## (.*?)$(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RECIPES = {
    title: "\n".join(BLOCK.findall(text))
    for title, text in SECTION.findall(PAGE.read_text("utf-8"))
}

FAULTS = """
[[rule]]
fault = "fail_before"
operation = "put"
status = 503
code = "SlowDown"

[[rule]]
fault = "fail_before"
operation = "get"
failure = "reset"
"""

DOWN = """
[[rule]]
fault = "fail_before"
status = 503
count = "always"
"""

SILENT = """
[[rule]]
fault = "delay"
lasts = "60s"
count = "always"
"""

Recipe = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def recipe(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    """Runs the code of a section as a module, and returns its names."""

    def run(title: str) -> dict[str, Any]:
        module = ModuleType(title)
        monkeypatch.setitem(sys.modules, title, module)
        names = vars(module)
        names.update(options=server.options, client_options=server.client_options)
        exec(compile(RECIPES[title], title, "exec"), names)
        return names

    server.chaos = FAULTS
    server.clear_requests()
    with testing.without_waits():
        yield run
    server.chaos = ""


def statuses(server: S3Server, operation: str) -> list[int]:
    return [each["status"] for each in server.requests(operation)]


def test_every_recipe_is_tested() -> None:
    source = Path(__file__).read_text("utf-8")
    assert len(RECIPES) >= 6
    for title, code in RECIPES.items():
        assert code, title
        assert f'recipe("{title}")' in source, title


def test_fastapi(recipe: Recipe, server: S3Server) -> None:
    names = recipe("FastAPI")
    app = names["app"]
    data = {"file": ("a.txt", b"12345", "text/plain")}

    async def main() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://app") as client,
        ):
            stored = await client.put("/files/a.txt", files=data)
            assert (stored.status_code, stored.json()) == (201, {"size": 5})
            assert statuses(server, "put") == [503, 200]
            read = await client.get("/files/a.txt")
            assert read.content == b"12345"
            assert read.headers["content-type"].startswith("text/plain")
            assert (await client.get("/files/none.txt")).status_code == 404
            assert (await client.put("/files/a%00b", files=data)).status_code == 422
            server.chaos = DOWN
            down = await client.put("/files/a.txt", files=data)
            assert (down.status_code, down.headers["retry-after"]) == (503, "5")
            server.chaos = SILENT
            silent = await client.put("/files/a.txt", files=data)
            assert (silent.status_code, silent.headers["retry-after"]) == (503, "5")
            # A first attempt without a limit would have had no retry within the test's time.
            assert names["quick"].attempt_timeout * 2 < 5

    asyncio.run(main())


def test_litestar(recipe: Recipe, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from litestar.testing import TestClient

    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with TestClient(recipe("Litestar")["app"]) as client:
        stored = client.put("/files/a.txt", files={"data": ("a.txt", b"12345", "text/plain")})
        assert (stored.status_code, stored.json()) == (200, {"size": 5})
        assert statuses(server, "put") == [503, 200]
        assert client.get("/files/a.txt").content == b"12345"
        assert len(server.requests("get")) >= 2


def test_django(recipe: Recipe, server: S3Server) -> None:
    from django.conf import settings
    from django.core.files.base import ContentFile
    from django.core.files.storage import storages

    recipe("Django")
    uploads = {
        "BACKEND": "Django.RetriedStorage",
        "OPTIONS": {"url": "s3://bucket/media", "options": server.options},
    }
    settings.configure(STORAGES={"default": uploads}, USE_TZ=True)
    storage = storages["default"]
    assert storage.save("a/b.txt", ContentFile(b"12345")) == "a/b.txt"
    assert statuses(server, "put") == [503, 200]
    again = storage.save("a/b.txt", ContentFile(b"other"))
    assert again != "a/b.txt"
    assert again.startswith("a/b_")
    with storage.open("a/b.txt") as file:
        assert (file.read(), file.name) == (b"12345", "a/b.txt")
    assert storage.size("a/b.txt") == 5
    assert storage.get_modified_time("a/b.txt").tzinfo is not None
    assert storage.url("a/b.txt").startswith(server.endpoint)
    assert storage.listdir("") == (["a"], [])
    assert storage.listdir("a") == ([], sorted(["b.txt", again.removeprefix("a/")]))
    with pytest.raises(ValueError, match="'rb', not 'wb'"):
        storage.open("a/b.txt", "wb")
    with pytest.raises(FileNotFoundError):
        storage.open("none")
    storage.delete("a/b.txt")
    assert not storage.exists("a/b.txt")


def test_celery(recipe: Recipe, server: S3Server) -> None:
    from celery import signals
    from celery.contrib.testing.worker import start_worker
    from celery.exceptions import Retry

    names = recipe("Celery")
    task = names["store_report"]
    # With a receiver, the worker leaves the logging of this process as it is.
    keep_logging = signals.setup_logging.connect(lambda **_: None, weak=False)
    try:
        with start_worker(names["app"], pool="solo", perform_ping_check=False):
            assert task.delay("a.txt", "12345").get(timeout=30) == 5
    finally:
        signals.setup_logging.disconnect(keep_logging)
    assert statuses(server, "put") == [503, 200]
    server.chaos = DOWN
    server.clear_requests()
    with pytest.raises(Retry) as again:
        # As the worker calls it.
        task.apply(args=("b.txt", "x"), throw=True)
    assert again.value.when == 600
    assert len(statuses(server, "put")) == 11
    server.chaos = SILENT
    limited = RetryConfig(max_retries=1, base_delay=0, attempt_timeout=0.2)
    names["storage"] = blocking.Storage.open("s3://bucket", server.options, retry=limited)
    with pytest.raises(Retry):
        task.apply(args=("c.txt", "x"), throw=True)


def test_arq(recipe: Recipe, server: S3Server) -> None:
    names = recipe("arq")
    settings = names["WorkerSettings"]
    # A function and a storage, whose first attempt takes 30 s at most.
    assert settings.job_timeout > 2 * names["patient"].total_timeout + 30

    async def main() -> int:
        ctx: dict[str, Any] = {}
        await settings.on_startup(ctx)
        try:
            size: int = await settings.functions[0](ctx, "a.txt")
            return size
        finally:
            await settings.on_shutdown(ctx)

    assert asyncio.run(main()) == len("report a.txt")
    assert statuses(server, "put") == [503, 200]


def test_obspec(recipe: Recipe, server: S3Server) -> None:
    recipe("Libraries that take an obspec store")
    assert statuses(server, "put") == [503, 200]

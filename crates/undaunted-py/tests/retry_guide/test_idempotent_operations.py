"""The guide's "Idempotent Operations": a put is repeated, a key is made only once."""

from __future__ import annotations

import asyncio
import uuid

from retry_guide.support import run
from undaunted.testing import FaultyStorage, LostResponse

BLOCK = """\
# Good: PUT is idempotent - uploading the same file twice is fine
@retry()
async def upload(storage: Storage, key: str, data: bytes) -> None:
    await storage.put(key, data)

# Caution: Not idempotent - may create duplicates
async def create_unique_file(storage: Storage, data: bytes) -> str:
    key = f"files/{uuid4()}.dat"  # Generate key BEFORE retry loop
    await with_retry(lambda: storage.put(key, data))
    return key
"""


def test_a_put_is_repeated(waits: list[float]) -> None:
    upload = run(BLOCK, uuid4=uuid.uuid4)["upload"]
    storage = FaultyStorage([LostResponse(TimeoutError("no response"))])
    asyncio.run(upload(storage, "a", b"data"))
    assert storage.calls == [("put", "a")] * 2
    assert asyncio.run(storage.inner.get_bytes("a")) == b"data"


def test_a_key_made_before_the_loop_is_used_once(waits: list[float]) -> None:
    create = run(BLOCK, uuid4=uuid.uuid4)["create_unique_file"]
    storage = FaultyStorage([LostResponse(TimeoutError("no response"))] * 2)

    async def created() -> tuple[str, list[str]]:
        key = await create(storage, b"data")
        return key, [file.key async for file in storage.inner.list("files/")]

    key, keys = asyncio.run(created())
    assert keys == [key]
    assert len(storage.calls) == 3

"""The guide's "Basic Usage": a function that stores an avatar, and keeps its name."""

from __future__ import annotations

import asyncio

from retry_guide.support import run
from undaunted.testing import FaultyStorage

BLOCK = '''\
from undaunted import retry, Storage

@retry()
async def store_user_avatar(storage: Storage, user_id: str, image: bytes) -> str:
    """Store a user's avatar with automatic retry on failure."""
    key = f"avatars/{user_id}.jpg"
    result = await storage.put(key, image, content_type="image/jpeg")
    return result.key
'''


def test_an_avatar_is_stored_at_the_second_attempt(waits: list[float]) -> None:
    store_user_avatar = run(BLOCK)["store_user_avatar"]
    storage = FaultyStorage([TimeoutError("slow")])
    key = asyncio.run(store_user_avatar(storage, "7", b"image"))
    assert key == "avatars/7.jpg"
    stored = asyncio.run(storage.inner.info(key))
    assert stored.content_type == "image/jpeg"
    assert len(waits) == 1


def test_the_function_keeps_its_name_and_its_text() -> None:
    store_user_avatar = run(BLOCK)["store_user_avatar"]
    assert store_user_avatar.__name__ == "store_user_avatar"
    assert store_user_avatar.__doc__ == "Store a user's avatar with automatic retry on failure."

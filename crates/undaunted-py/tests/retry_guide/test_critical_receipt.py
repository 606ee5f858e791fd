"""The guide's "Custom Configuration": a receipt has more retries and shorter delays."""

from __future__ import annotations

import asyncio

from retry_guide.support import run
from undaunted.testing import FaultyStorage

BLOCK = '''\
from undaunted import retry, RetryConfig

# Aggressive retry for critical operations
critical_retry = RetryConfig(
    max_retries=5,
    base_delay=0.5,
    max_delay=30.0,
)

@retry(critical_retry)
async def store_payment_receipt(storage: Storage, receipt_id: str, pdf: bytes) -> None:
    """Store payment receipt - must succeed."""
    await storage.put(f"receipts/{receipt_id}.pdf", pdf)
'''


def test_a_receipt_arrives_after_five_failures(waits: list[float]) -> None:
    names = run(BLOCK)
    storage = FaultyStorage([ConnectionResetError("reset")] * 5)
    asyncio.run(names["store_payment_receipt"](storage, "42", b"pdf"))
    assert asyncio.run(storage.inner.get_bytes("receipts/42.pdf")) == b"pdf"
    assert names["critical_retry"].schedule() == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert len(waits) == 5
    assert max(waits) <= 30.0 * 1.25

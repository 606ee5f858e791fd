"""Fixtures for pytest, which finds them through the package's entry point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from undaunted.testing import S3Server


@pytest.fixture
def undaunted_no_waits() -> Iterator[None]:
    """Retries as configured, but without waiting."""
    # Imported on use, so that other test runs do not pay for it.
    from undaunted import testing

    with testing.without_waits():
        yield


@pytest.fixture
def undaunted_no_retries() -> Iterator[None]:
    """No retries: every call makes one attempt."""
    from undaunted import testing

    with testing.set_active(False):
        yield


@pytest.fixture
def undaunted_s3() -> Iterator[S3Server]:
    """An S3 without objects and faults; both can be set as the test runs."""
    from undaunted import testing

    with testing.s3_server() as server:
        yield server

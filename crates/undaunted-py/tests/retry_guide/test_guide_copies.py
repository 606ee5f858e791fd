"""The retry guide has 15 examples in Python, and each has a test file with a copy of it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# The guide is not part of the repository. A checkout that has it beside it compares the copies.
GUIDE = HERE.parents[4] / "shared" / "spec" / "retry-utilities.md"
# The test files in the order of the guide's examples.
EXAMPLES = (
    "config_defaults",
    "decorator",
    "stored_avatar",
    "critical_receipt",
    "custom_exceptions",
    "with_retry",
    "batch_upload",
    "config_by_priority",
    "log_output",
    "log_handler",
    "idempotent_operations",
    "timeout_per_attempt",
    "endpoint_and_background_job",
    "attempt_counters",
    "wrapped_storage",
)


def copies() -> list[str]:
    """The examples as the test files have them, in the guide's order."""
    found: list[str] = []
    for name in EXAMPLES:
        path = HERE / f"test_{name}.py"
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.append(module.BLOCK)
    return found


def test_each_example_has_a_test_file() -> None:
    files = {path.stem for path in HERE.glob("test_*.py")}
    assert files == {f"test_{name}" for name in EXAMPLES} | {Path(__file__).stem}
    assert len(copies()) == 15


@pytest.mark.skipif(not GUIDE.exists(), reason="the guide is not beside the checkout")
def test_the_copies_are_the_guides_except_for_the_name_of_the_package() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 15
    renamed = [block.replace("litestar_storages", "undaunted") for block in blocks]
    assert copies() == renamed

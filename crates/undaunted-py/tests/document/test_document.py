"""The document has 15 blocks of Python, and there is a test file for each, word for word."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# The document is kept beside the project.
DOCUMENT = HERE.parents[4] / "shared" / "spec" / "retry-utilities.md"
BLOCKS = 15


def copies() -> list[str]:
    """The blocks as the test files have them, in order."""
    found: list[str] = []
    for path in sorted(HERE.glob("test_[0-9][0-9]_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.append(module.BLOCK)
    return found


def test_each_block_has_a_test_file() -> None:
    assert len(copies()) == BLOCKS


@pytest.mark.skipif(not DOCUMENT.exists(), reason="the document is not beside the project")
def test_the_copies_are_the_documents_but_for_the_name_of_the_package() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == BLOCKS
    renamed = [block.replace("litestar_storages", "undaunted") for block in blocks]
    assert copies() == renamed

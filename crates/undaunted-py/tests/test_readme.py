"""Runs every example that users read: in the READMEs, in docstrings and in the stub."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import undaunted

PACKAGE = Path(__file__).parents[1]
PROJECT = PACKAGE.parents[1]


def examples(readme: Path) -> list[str]:
    text = readme.read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


EXAMPLES = examples(PACKAGE / "README.md")
BLOCKS = [*EXAMPLES, *examples(PROJECT / "README.md")]
MODULES = [undaunted.__name__] + [
    f"undaunted.{module.name}"
    for module in pkgutil.iter_modules(undaunted.__path__)
    if module.name not in ("_undaunted", "pytest_plugin")
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5
    assert len(BLOCKS) > len(EXAMPLES)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_of_a_readme_runs(number: int) -> None:
    code = compile(BLOCKS[number], f"README.md, block {number + 1}", "exec")
    exec(code, {"__name__": f"readme_{number}"})


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    for test in finder.find(module, name, module=False, globs=dict(vars(module))):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_the_examples_in_the_stub_run() -> None:
    stub = Path(undaunted.__file__).with_name("_undaunted.pyi")
    tree = ast.parse(stub.read_text("utf-8"))
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner()
    ran = 0
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ">>>" in (
            text := ast.get_docstring(node) or ""
        ):
            runner.run(parser.get_doctest(text, dict(vars(undaunted)), node.name, str(stub), 0))
            ran += 1
    assert ran > 0
    assert runner.summarize(verbose=False).failed == 0


def test_everything_public_has_a_docstring() -> None:
    for name in undaunted.__all__:
        thing = getattr(undaunted, name)
        # The docstring of RetryBudget is in the stub.
        is_ours = getattr(thing, "__module__", None) == "undaunted" and name != "RetryBudget"
        if isinstance(thing, type) and is_ours:
            assert thing.__doc__, name
            for method, member in vars(thing).items():
                if callable(member) and not method.startswith("_"):
                    assert member.__doc__, f"{name}.{method}"


def raising(module: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The public functions and methods of a module whose own code raises an exception."""
    path = Path(undaunted.__file__).parent / module
    nodes = ast.parse(path.read_text("utf-8")).body
    classes = [each for each in nodes if isinstance(each, ast.ClassDef)]
    for node in [*nodes, *(each for cls in classes for each in cls.body)]:
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if is_function and not node.name.startswith("_"):
            raised = (each for each in ast.walk(node) if isinstance(each, ast.Raise))
            if any(isinstance(each.exc, ast.Call) for each in raised):
                yield f"{module}: {node.name}", node


PUBLIC = (
    "_attempts.py",
    "_config.py",
    "_instrument.py",
    "_open.py",
    "_protocol.py",
    "_retry.py",
    "_retryable.py",
    "_s3_server.py",
    "_scope.py",
    "_storage.py",
    "blocking.py",
    "compat.py",
    "httpx.py",
    "obspec/__init__.py",
    "testing.py",
)
INTERNAL = {"checked_limit", "checked_part_size", "open_store", "seconds"}
"""Functions of these files that users do not call."""


def test_what_raises_says_so() -> None:
    found = [each for module in PUBLIC for each in raising(module)]
    assert len(found) >= 10
    for name, node in found:
        if node.name not in INTERNAL:
            assert "Raises:" in (ast.get_docstring(node) or ""), name

"""What tools and people see of the package: types, fields, docstrings and texts."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import importlib
import inspect
import pickle
import pydoc
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import undaunted
import undaunted.fsspec
import undaunted.obspec
from undaunted import (
    ObjectStorage,
    Pacer,
    ProgressInfo,
    RetryBudget,
    RetryConfig,
    RetryEvent,
    RetryReport,
    Storage,
    StoredFile,
    attempts,
    blocking,
    compat,
    retry,
    testing,
)

MODULES = [undaunted, blocking, testing, compat, undaunted.simulation]
CLASSES = [
    thing
    for module in MODULES
    for name in module.__all__
    if isinstance(thing := getattr(module, name), type)
]


def members() -> Iterator[tuple[str, Any]]:
    """Every public class, method, property and function."""
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            if not callable(thing) or typing.get_origin(thing) is not None:
                continue
            yield f"{module.__name__}.{name}", thing
            if not isinstance(thing, type):
                continue
            for base in thing.__mro__:
                if not base.__module__.startswith("undaunted"):
                    continue
                for method, member in sorted(vars(base).items()):
                    if not method.startswith("_"):
                        yield f"{module.__name__}.{name}.{method}", member


MEMBERS = dict(members())


def parameters(member: Any) -> list[str]:
    func = inspect.unwrap(getattr(member, "__func__", member))
    try:
        names = list(inspect.signature(func).parameters)
    except (TypeError, ValueError):
        return []
    return [name for name in names if name not in ("self", "cls")]


@pytest.mark.parametrize("name", MEMBERS)
def test_everything_public_has_a_docstring(name: str) -> None:
    member = MEMBERS[name]
    is_method = isinstance(member, (classmethod, staticmethod))
    if not (callable(member) or is_method or inspect.isdatadescriptor(member)):
        # The value of a field: its docstring is below it.
        return
    text = inspect.getdoc(member)
    assert text, name
    # A sentence, and not the signature that `dataclass` makes up.
    assert "." in text and not text.startswith(f"{name.rpartition('.')[2]}("), text
    if not (inspect.isroutine(member) or is_method):
        return
    if parameters(member):
        assert "Args:" in text, name
        for parameter in parameters(member):
            assert f"{parameter}:" in text, (name, parameter)
    assert "Example:" in text, name


STORAGES: list[type] = [
    Storage,
    ObjectStorage,
    blocking.Storage,
    undaunted.RetryableStorage,
    testing.FaultyStorage,
    undaunted.fsspec.FileSystem,
    undaunted.fsspec.File,
    undaunted.fsspec.AsyncFile,
    undaunted.obspec.Store,
]
RAISE_NOTHING = {"abandon", "close", "discard"}
"""Some of them raise, but not all."""


@pytest.mark.parametrize("kind", STORAGES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_the_help_of_a_storage_says_all(kind: type) -> None:
    """Its arguments, what it raises, and an example, which other tests run."""
    bases = [base for base in kind.__mro__ if base.__module__.startswith("undaunted")]
    methods = {name for base in bases for name, member in vars(base).items() if callable(member)}
    methods = {name for name in methods if not name.startswith("_")}
    assert len(methods) >= 5
    for name in sorted(methods | {"open"} if hasattr(kind, "open") else methods):
        member = getattr(kind, name)
        text = inspect.getdoc(member) or ""
        for parameter in parameters(member):
            if parameter == "_":
                continue
            assert f"    {parameter}:" in text.partition("Args:")[2], (name, parameter)
        assert "Raises:" in text or name in RAISE_NOTHING or "flush" in name, name
        assert ">>>" in text.partition("Example:")[2], name


@pytest.mark.parametrize("kind", CLASSES)
def test_annotations_can_be_evaluated(kind: type) -> None:
    typing.get_type_hints(kind)
    for name, member in vars(kind).items():
        func = getattr(member, "__func__", getattr(member, "fget", member))
        # The module of the blocking storage is imported when it is used.
        if inspect.isfunction(func) and not name.startswith("_") and name != "blocking":
            hints = typing.get_type_hints(func)
            assert "return" in hints, (kind, name)


def test_annotations_of_functions_can_be_evaluated() -> None:
    names = ("retry", "with_retry", "attempts", "instrument", "plan", "scenarios", "simulate")
    for func in (getattr(undaunted, name) for name in names):
        assert "return" in typing.get_type_hints(func)
    assert typing.get_type_hints(StoredFile)["last_modified"] is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda: StoredFile("a", 1, metadata={"owner": "7"}),
        lambda: ProgressInfo(1, 3, "upload", "a"),
        lambda: RetryEvent("fetch", "retrying", 1, 3),
        lambda: RetryReport("get", 1, (), 0.1, None, ()),
    ],
)
def test_values_can_be_in_sets(make: Any) -> None:
    assert len({make(), make()}) == 1


@pytest.mark.parametrize(
    "value",
    [
        RetryConfig(),
        RetryConfig(budget=RetryBudget(), pacer=Pacer(), on_retry=print, retry_if=bool),
        StoredFile("a", 1, metadata={"owner": "7"}),
        ProgressInfo(1, 3, "upload", "a"),
        RetryEvent("fetch", "retrying", 1, 3),
        RetryReport("get", 1, (), 0.1, None, ()),
        undaunted.plan(clients=10),
        undaunted.simulate("outage", "default"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_dataclasses_have_public_fields_only(value: Any) -> None:
    names = [field.name for field in dataclasses.fields(value)]
    assert not [name for name in names if name.startswith("_")]
    assert set(dataclasses.asdict(value)) == set(names)
    assert dataclasses.astuple(value)
    assert dataclasses.replace(value) == value
    assert copy.deepcopy(value) == value


def test_a_percentage_can_be_read() -> None:
    assert ProgressInfo(52_428_800, 100_000_000, "upload", "a").percentage == 52.43
    assert ProgressInfo(1, 3, "upload", "a").percentage == 33.33
    assert ProgressInfo(0, 0, "upload", "a").percentage is None


def test_help_shows_the_package() -> None:
    text = pydoc.render_doc(undaunted, renderer=pydoc.plaintext)
    for name in ("RetryConfig", "attempts(", "instrument(", "Storage", "RetryBudget", "docs"):
        assert name in text
    assert set(undaunted.__all__) <= set(dir(undaunted))
    for part in (RetryConfig, Storage, RetryBudget, Pacer, blocking, testing, retry):
        assert len(pydoc.render_doc(part, renderer=pydoc.plaintext)) > 200


def test_both_storages_are_described_alike() -> None:
    """Each has docstrings of its own, which editors show; the examples differ."""
    shared = [name for name in vars(blocking.Storage) if not name.startswith("_")]
    assert len(shared) >= 12
    for name in shared:
        described = [described_arguments(each, name) for each in (blocking.Storage, ObjectStorage)]
        assert described[0] == described[1], name


def described_arguments(storage: type, name: str) -> list[str]:
    """The sections of a docstring between its summary and its example."""
    text = inspect.getdoc(getattr(storage, name)) or ""
    sections = re.split(r"^(?=Args:|Raises:|Example:)", text, flags=re.MULTILINE)[1:-1]
    entries = [each for section in sections for each in re.split(r"\n(?=    \S)", section.strip())]
    # What only async code can give.
    return [each for each in entries if not re.match(r" *(data|progress_callback):", each)]


def test_the_stub_and_the_extension_say_the_same() -> None:
    import ast
    from pathlib import Path

    stub = Path(undaunted.__file__).with_name("_undaunted.pyi")
    classes = {
        node.name: node
        for node in ast.parse(stub.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    for kind in (RetryBudget, Pacer):
        node = classes[kind.__name__]
        assert inspect.getdoc(kind) == ast.get_docstring(node)
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
                assert inspect.getdoc(getattr(kind, each.name)) == ast.get_docstring(each)


def test_submodules_are_attributes() -> None:
    program = (
        "import undaunted, sys; assert 'undaunted.testing' not in sys.modules; "
        "undaunted.blocking.with_retry(lambda: 1); undaunted.testing.is_active(); "
        "undaunted.compat.raise_as(None)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="has no attribute 'missing'"):
        undaunted.missing  # type: ignore[attr-defined]  # noqa: B018
    assert isinstance(importlib.import_module("undaunted.compat"), ModuleType)


def test_every_repr_can_be_read() -> None:
    secret = "sekret"
    shown = [
        repr(Storage.open("s3://bucket/a", aws_access_key_id="id", aws_secret_access_key=secret)),
        repr(attempts()),
        repr(RetryConfig(on_retry=print)),
        repr(Pacer()),
        repr(RetryBudget()),
        repr(testing.FaultyStorage()),
        repr(undaunted.RetryableStorage(testing.FaultyStorage())),
        repr(StoredFile("a", 1)),
    ]
    for text in shown:
        assert secret not in text
        assert " object at 0x" not in text, text


def test_exceptions_can_be_those_of_litestar_storages() -> None:
    theirs = pytest.importorskip("litestar_storages")
    storage = Storage.open("memory://")
    compat.raise_as(theirs)
    try:
        with pytest.raises(theirs.StorageFileNotFoundError) as caught:
            asyncio.run(storage.get_bytes("a"))
        error = caught.value
        assert isinstance(error, undaunted.StorageFileNotFoundError)
        assert isinstance(error, FileNotFoundError)
        assert (error.key, str(error)) == ("a", "File not found: a")
        assert isinstance(pickle.loads(pickle.dumps(error)), theirs.StorageFileNotFoundError)
        with pytest.raises(theirs.StorageFileExistsError):
            asyncio.run(_twice(storage))
        with pytest.raises(theirs.StorageError):
            asyncio.run(storage.put("", b"x"))
        with pytest.raises(theirs.ConfigurationError):
            Storage.open("ftp://host")
    finally:
        compat.raise_as(None)
    assert isinstance(pickle.loads(pickle.dumps(error)), undaunted.StorageFileNotFoundError)
    with pytest.raises(undaunted.StorageFileNotFoundError) as caught:
        asyncio.run(storage.get_bytes("a"))
    assert not isinstance(caught.value, theirs.StorageError)
    with pytest.raises(TypeError, match="library is 'json', but must be a module that has"):
        compat.raise_as(importlib.import_module("json"))


async def _twice(storage: Any) -> None:
    await storage.put("b", b"1")
    await storage.put("b", b"1", overwrite=False)

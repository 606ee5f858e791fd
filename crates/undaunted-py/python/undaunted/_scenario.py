"""Scenarios and policies for ``simulate``, in the forms in which they are given."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import SupportsFloat, SupportsIndex, TypeAlias, cast

from ._config import RetryConfig
from ._plan import name_of, policy_of
from ._undaunted import Policy, Scenario, builtin_scenarios
from .simulation import BuiltinScenario

ScenarioLike: TypeAlias = str | os.PathLike[str] | Mapping[str, object] | BuiltinScenario
"""The name of a built-in scenario or one of :func:`scenarios`, TOML as text, the path of a TOML
file, or a dict of the same form."""

PolicyLike: TypeAlias = str | RetryConfig | Mapping[str, object]
"""The name of one of the scenario's policies or of a preset, a configuration, or the fields of a
``[[policy]]``."""

PoliciesLike: TypeAlias = PolicyLike | Iterable[PolicyLike] | Mapping[str, PolicyLike]
"""One policy, several, or several by name."""


def scenarios() -> tuple[BuiltinScenario, ...]:
    """The scenarios that come with the package.

    Example:
        >>> import undaunted
        >>> [scenario.name for scenario in undaunted.scenarios()]
        ['outage', 'throttle', 'overload', 'metastable', 'tail']
        >>> print(undaunted.scenarios()[0].text.splitlines()[1])
        duration = "3m"
    """
    return tuple(BuiltinScenario(*each) for each in builtin_scenarios())


def read(given: ScenarioLike) -> tuple[str, str]:
    """The name of a scenario, and its text, which can be read."""
    if isinstance(given, BuiltinScenario):
        return given.name, given.text
    if isinstance(given, Mapping):
        text = toml(given)
        Scenario(text, has_lines=False)
        return "scenario", text
    if isinstance(given, os.PathLike):
        path = Path(given)
        text = path.read_text("utf-8")
        try:
            Scenario(text)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return path.stem, text
    if not isinstance(given, str):
        raise TypeError(
            "scenario must be the name of one, TOML as text, a pathlib.Path or a dict, not "
            f"{type(given).__name__}"
        )
    for builtin in scenarios():
        if builtin.name == given:
            return builtin.name, builtin.text
    if not any(letter in given for letter in "\n=["):
        names = ", ".join(builtin.name for builtin in scenarios())
        raise ValueError(
            f"no scenario is named {given!r}; those that are built in are {names}. "
            "A file is given as a pathlib.Path"
        )
    Scenario(given)
    return "scenario", given


def policies(scenario: Scenario, given: PoliciesLike | None) -> list[Policy]:
    """The policies that are run: those that are given, or else those of the scenario."""
    own = {policy.name: policy for policy in scenario.policies}
    if given is None:
        return list(own.values())
    named: list[tuple[str | None, PolicyLike]]
    if isinstance(given, Mapping):
        named = [(str(name), policy) for name, policy in given.items()]  # type: ignore[misc]
    elif isinstance(given, (str, RetryConfig)):
        named = [(None, given)]
    else:
        named = [(None, policy) for policy in given]
    if not named:
        raise ValueError("policies is empty, but must have at least one policy")
    made: dict[str, Policy] = {}
    for number, (name, policy) in enumerate(named, 1):
        one = _policy(policy, name, f"policy {number}", own)
        if one.name in made:
            raise ValueError(
                f"two policies have the name {one.name!r}; a dict gives each a name of its own"
            )
        made[one.name] = one
    return list(made.values())


def _policy(given: object, name: str | None, default: str, own: dict[str, Policy]) -> Policy:
    if isinstance(given, RetryConfig):
        return policy_of(given, name or name_of(given, default), given.budget, False)
    if isinstance(given, Mapping):
        given_fields = cast("Mapping[object, object]", given)
        fields = {str(key): value for key, value in given_fields.items()}
        own_name = fields.pop("name", None)
        return Policy.from_toml(name or str(own_name or default), toml(fields))
    if not isinstance(given, str):
        raise TypeError(
            "a policy must be a RetryConfig, the name of one or a dict of its fields, not "
            f"{type(given).__name__}"
        )
    found = own.get(given) or Policy.preset(given)
    if found is None:
        raise ValueError(
            f"no policy is named {given!r}: the scenario has {', '.join(map(repr, own))}, and the "
            "presets are default, interactive, background and storage"
        )
    return found.named(name or given)


def toml(fields: Mapping[str, object]) -> str:
    """The fields as TOML, a line for each. Those that are None are left out."""
    lines = [
        f"{_key(key)} = {_value(key, value)}\n"
        for key, value in fields.items()
        if value is not None
    ]
    return "".join(lines)


def _value(where: str, value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return repr(value.total_seconds())
    if isinstance(value, Mapping):
        inner = ", ".join(
            f"{_key(key)} = {_value(f'{key} of {where}', each)}"
            for key, each in cast("Mapping[object, object]", value).items()
            if each is not None
        )
        return f"{{ {inner} }}"
    if isinstance(value, (list, tuple)):
        each_of = enumerate(cast("Sequence[object]", value), 1)
        return f"[{', '.join(_value(f'{where} {number}', each) for number, each in each_of)}]"
    # Numbers of NumPy are no floats and no ints.
    if isinstance(value, SupportsIndex):
        return repr(int(value))
    if isinstance(value, SupportsFloat):
        return repr(float(value))
    raise TypeError(
        f"{where} must be a text, a number, a bool, a timedelta, a dict or a list, not "
        f"{type(value).__name__}"
    )


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the names of fields must be texts, not {key!r}")
    return key if key.isidentifier() and key.isascii() else _quoted(key)


def _quoted(text: str) -> str:
    # As JSON, which leaves one control character as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

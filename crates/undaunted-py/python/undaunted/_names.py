"""The name of a retried function in logs."""

from __future__ import annotations

import functools


def name_of(func: object) -> str:
    """The function's name; for a lambda, with the name of the function around it."""
    while isinstance(func, functools.partial):
        func = func.func  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    name: object = getattr(func, "__name__", None)  # pyright: ignore[reportUnknownArgumentType]
    if not isinstance(name, str):
        return type(func).__qualname__  # pyright: ignore[reportUnknownArgumentType]
    if name != "<lambda>":
        return name
    qualified: object = getattr(func, "__qualname__", name)  # pyright: ignore[reportUnknownArgumentType]
    place = str(qualified).removesuffix(".<lambda>").removesuffix(".<locals>")
    return name if place == name else f"{name} in {place.rpartition('.')[2]}"

"""For programs that move from litestar-storages: exceptions that its handlers catch.

>>> import litestar_storages
>>> from undaunted import compat
>>> compat.raise_as(litestar_storages)
>>> from undaunted import Storage
>>> storage = Storage.open("memory://").blocking
>>> try:
...     storage.get_bytes("a.txt")
... except litestar_storages.StorageFileNotFoundError as error:
...     print(error)
File not found: a.txt
>>> compat.raise_as(None)
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from types import ModuleType
from typing import Any

from . import _errors
from ._errors import StorageError

__all__ = ["raise_as"]


def raise_as(library: ModuleType | None) -> None:
    """Makes the exceptions of storages be those of another library too.

    ``except library.StorageFileNotFoundError`` then catches what a storage of ours raises, and so
    does ``except undaunted.StorageFileNotFoundError``. It is for the whole process: call it once,
    where the program begins.

    Args:
        library: ``litestar_storages``, or a module that has exceptions of the same names. None
            ends it.

    Raises:
        TypeError: If the module has no exception ``StorageError``.

    Example:
        >>> import litestar_storages
        >>> raise_as(litestar_storages)
        >>> raise_as(None)
    """
    if library is None:
        _errors.mixed.clear()
        return
    if not _is_exception(getattr(library, "StorageError", None)):
        name = getattr(library, "__name__", library)
        raise TypeError(f"library is {name!r}, but must be a module that has a StorageError")
    ours = {name: cls for name, cls in vars(_errors).items() if _is_ours(cls)}
    for name, cls in ours.items():
        names = {name, _SHORTER.get(name, name)}
        # The nearest of ours that they have, as a rate limit is a failed connection.
        names_of_bases = [base.__name__ for base in cls.__mro__ if _is_ours(base)]
        theirs: list[Any] = [getattr(library, each, None) for each in [*names, *names_of_bases]]
        nearest: type = next(each for each in theirs if _is_exception(each))
        fields = {"__module__": "undaunted", "__doc__": cls.__doc__, "_is_mixed": True}
        _errors.mixed[name] = type(name, (cls, nearest), fields)


def _is_exception(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, Exception)


def _is_ours(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, StorageError)


_SHORTER = {"StorageConfigurationError": "ConfigurationError"}
"""Names that litestar-storages has without the first word."""

"""What plans and simulations have in common: a page for browsers and notebooks, and text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._undaunted import Page


class Shown:
    """What can be shown as text, as a page, and in a notebook."""

    def _page(self) -> Page:
        raise NotImplementedError

    def to_html(self) -> str:
        """The page: the words, tables and plots in one file that needs no network.

        Example:
            >>> import undaunted
            >>> undaunted.plan().to_html().startswith("<!DOCTYPE html>")
            True
        """
        return self._page().html()

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Writes the page to a file.

        Args:
            path: The path of the file.

        Raises:
            OSError: If it cannot be written.

        Example:
            >>> import os, undaunted
            >>> undaunted.plan().save_html(os.devnull)
        """
        Path(path).write_text(self.to_html(), "utf-8")

    def _repr_html_(self) -> str:
        """The page as a part of a notebook, whose style it does not change."""
        return self._page().fragment()

    def __str__(self) -> str:
        return self._page().text()

"""The command ``undaunted``, which says the same as the package."""

from __future__ import annotations

import os
import subprocess


def undaunted_command(*arguments: str) -> str:
    """What the command prints. It is the one of the same build."""
    command = [os.environ["UNDAUNTED"], *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    return ended.stdout

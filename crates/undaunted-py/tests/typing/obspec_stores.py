"""What type checkers say of :class:`undaunted.obspec.Store` where obspec's protocols are asked."""

from __future__ import annotations

from typing import Protocol

import obspec

from undaunted.obspec import Store


class All(
    obspec.Copy,
    obspec.CopyAsync,
    obspec.Delete,
    obspec.DeleteAsync,
    obspec.Get,
    obspec.GetAsync,
    obspec.GetRange,
    obspec.GetRangeAsync,
    obspec.GetRanges,
    obspec.GetRangesAsync,
    obspec.Head,
    obspec.HeadAsync,
    obspec.List,
    obspec.ListAsync,
    obspec.ListWithDelimiter,
    obspec.ListWithDelimiterAsync,
    obspec.Put,
    obspec.PutAsync,
    obspec.Rename,
    obspec.RenameAsync,
    Protocol,
):
    """Every protocol of obspec 0.1."""


def store(opened: Store) -> All:
    return opened

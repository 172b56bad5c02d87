# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define

from ..types import UNSET, UnsetType


@define(kw_only=True)
class Pagination:
    """Which page of a list an answer holds. Generations of the venue send different members.

    Attributes:
        page: The number of the page, from 0.
        limit: The most rows that a page holds.
        order: `DESC` or `ASC`.
        has_next_page: Whether another page follows.
        total: The rows of all pages.
    """

    page: int | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    order: str | UnsetType = UNSET
    has_next_page: bool | UnsetType = UNSET
    total: int | UnsetType = UNSET

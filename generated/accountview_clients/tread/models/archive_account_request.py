# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define


@define(kw_only=True)
class ArchiveAccountRequest:
    """Which account to archive.

    Attributes:
        name: Its name, not its id.
    """

    name: str

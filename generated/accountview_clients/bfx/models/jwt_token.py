# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define, field


@define(kw_only=True)
class JwtToken:
    """A token inside an object.

    Attributes:
        jwt: The token. Secret.
    """

    jwt: str = field(repr=False)

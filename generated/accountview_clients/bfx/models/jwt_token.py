# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define, field

from ..types import UNSET, UnsetType


@define(kw_only=True)
class JwtToken:
    """A token inside an object.

    Attributes:
        jwt: The token. Secret. Its claim `exp` is its end, in UNIX seconds.
        refresh_token: The refresh token of the session from now on, for a session of the web
            application; the one that was sent is used up. Secret.
        random_secret: What the session signs with from now on, for a session of the web application.
            Secret.
    """

    jwt: str = field(repr=False)
    refresh_token: str | UnsetType = field(default=UNSET, repr=False)
    random_secret: str | UnsetType = field(default=UNSET, repr=False)

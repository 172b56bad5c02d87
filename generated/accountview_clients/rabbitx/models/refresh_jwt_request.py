# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define, field


@define(kw_only=True)
class RefreshJwtRequest:
    """The body of refreshJwt.

    Attributes:
        is_client: True for a session of the web application, the only use on the page; false for the
            owner of an API key.
        refresh_token: The refresh token of the session; empty for the owner of an API key. Secret.
    """

    is_client: bool
    refresh_token: str = field(repr=False)

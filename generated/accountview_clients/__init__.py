# Generated from specs/ by `uv run scripts/regenerate.py`: do not edit.
"""Low-level clients, one package per venue; importing this one imports none of them."""

from typing import Literal

Venue = Literal["arcus", "bfx", "rabbitx", "tread", "zkx"]
VENUES: tuple[Venue, ...] = ("arcus", "bfx", "rabbitx", "tread", "zkx")


class UnexpectedStatus(Exception):
    """A venue answered with a status that its spec does not document. The content is not kept.

    Attributes:
        status: the HTTP status, any integer.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    def __str__(self) -> str:
        return f"the spec documents no answer with status {self.status}"


__all__ = ("VENUES", "UnexpectedStatus", "Venue")

# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""What can go wrong beyond the transport and the decoder: one class for every venue, so that one except serves all."""

from .. import UnexpectedStatus

__all__ = ("UnexpectedStatus",)

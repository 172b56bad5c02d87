# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""ZKX: the account: the low-level client."""

from .client import Client

__all__ = ("Client",)

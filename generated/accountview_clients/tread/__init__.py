# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""Tread.fi: accounts and balances: the low-level client."""

from .client import Client

__all__ = ("Client",)

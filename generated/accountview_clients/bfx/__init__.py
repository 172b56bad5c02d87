# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""Blast Futures Exchange: account operations: the low-level client."""

from .client import Client

__all__ = ("Client",)

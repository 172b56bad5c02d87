# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
"""Arcus: account operations: the low-level client."""

from .client import Client

__all__ = ("Client",)

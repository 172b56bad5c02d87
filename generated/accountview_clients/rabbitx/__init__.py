# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""RabbitX: account operations: the low-level client."""

from .client import Client

__all__ = ("Client",)

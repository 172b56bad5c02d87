# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
"""The venue's operations, one module each, by tag."""

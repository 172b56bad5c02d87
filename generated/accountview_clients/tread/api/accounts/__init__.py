# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""Operations of one tag."""

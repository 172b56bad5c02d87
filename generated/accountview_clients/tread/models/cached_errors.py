# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""What went wrong, by something; which keys and values is not known."""

from msgspec import Raw

from ..models.problem_object import ProblemObject

CachedErrors = dict[str, str | list[Raw] | ProblemObject | None]

# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class AccountStatus(OpenStrEnum):
    """Whether the account may trade. A `liquidating` one can place and cancel no order and withdraw
    nothing. The page shows only `active`; `blocked` is unconfirmed, from one third party."""

    ACTIVE = "active"
    LIQUIDATING = "liquidating"
    BLOCKED = "blocked"

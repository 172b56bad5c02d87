# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
from ..types import OpenStrEnum


class AccountProfileType(OpenStrEnum):
    """What the account is for. The page shows only `trader`."""

    TRADER = "trader"
    INSURANCE = "insurance"
    VAULT = "vault"

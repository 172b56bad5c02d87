# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""Account name to balances. A name is free text and may hold spaces and slashes: `owner/name` is
shared."""

from ..models.account_balances import AccountBalances

BalancesByAccount = dict[str, AccountBalances]

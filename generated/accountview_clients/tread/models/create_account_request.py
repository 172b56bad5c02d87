# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
from __future__ import annotations

from attrs import define, field

from ..types import UNSET, UnsetType


@define(kw_only=True)
class CreateAccountRequest:
    """A new account.

    Attributes:
        name: A name that no other account has.
        exchange: The exchange, as the venue writes it.
        api_key: The key of the exchange; for exchanges with wallets that of an agent.
        api_secret: Its secret.
        password: The passphrase of the key, which OKX, Coinbase and Bitget want; left out elsewhere.
        credential_options: What the key is used for.
        vault_address: A vault of Hyperliquid.
    """

    name: str
    exchange: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    password: str | UnsetType = field(default=UNSET, repr=False)
    credential_options: CredentialOptions | UnsetType = UNSET
    vault_address: str | None | UnsetType = UNSET


# At the bottom, so that schemas may refer to each other; at run time, so that msgspec finds the names.
from ..models.credential_options import CredentialOptions

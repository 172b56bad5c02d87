"""Tread.fi: one token."""

# schemathesis and requests are typed in parts only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import requests
from requests.auth import AuthBase

from accountview.accounts_file import Entry
from habits import Document, Habits


class TreadToken(AuthBase):
    def __init__(self, entry: Entry, _: str) -> None:
        self._token: str = entry.options["token"].reveal()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._token}"
        return request


def only_known_accounts(document: Document, base_url: str, auth: AuthBase) -> None:
    listed = requests.get(f"{base_url}/api/accounts/", auth=auth, timeout=10).json()
    held = requests.get(f"{base_url}/api/balances/", auth=auth, timeout=10).json().values()
    schemas = document["components"]["schemas"]
    leverage = schemas["SetLeverageRequest"]["properties"]
    leverage["account_ids"]["items"]["enum"] = [account["id"] for account in listed]
    leverage["pair"]["enum"] = sorted(
        {row["symbol"] for each in held for row in each["assets"] if row["asset_type"] == "position"}
    )
    leverage["leverage"]["pattern"] = "^[1-9][0-9]?$"
    # A passphrase is wanted by some exchanges only, which the spec cannot say.
    schemas["CreateAccountRequest"]["properties"]["exchange"]["enum"] = ["Bybit", "Binance", "Hyperliquid"]


HABITS = Habits("tread", TreadToken, narrow=only_known_accounts)

"""schemathesis holds the sandbox against the specs: what it answers is what they say, whatever it is asked.

So a test that passes against the sandbox passes against something that keeps to the spec. Every check of schemathesis
is on, save those that a habit of the venue contradicts; the reason stands beside each.
"""

# schemathesis is typed in parts only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
import schemathesis
from requests.auth import AuthBase
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.engine import events, from_schema

from accountview.accounts_file import Entry
from accountview.sandbox import Sandbox
from accountview.sandbox.dialects import _ed25519
from accountview.sandbox.dialects.arcus import UNUSED, private_key
from accountview.venues import _zkx_stark

Document = dict[str, Any]

NOW = 1_700_000_000
"""UNIX seconds: the clock stands still, so that every run is the same."""

EXAMPLES = 50
"""Requests that are made up for each operation, beside the fixed ones that reach every boundary of its schema."""


def unchanged(document: Document, base_url: str, auth: AuthBase) -> None:
    """The spec says it all."""


@dataclass(frozen=True)
class Habits:
    """How one venue is asked, and what it does otherwise than schemathesis expects."""

    account: str
    """Label of the demo account that asks."""
    auth: Callable[[Entry, str], AuthBase]
    """Of the account and the path of the venue's base URL: signs the bytes that are about to be sent."""
    checks_off: dict[str, str] = field(default_factory=dict[str, str])
    """Check → why it cannot hold for this venue."""
    narrow: Callable[[Document, str, AuthBase], None] = unchanged
    """Changes the copy of the spec that is tested, where the spec cannot say which values are good."""


class RabbitSignature(AuthBase):
    def __init__(self, entry: Entry, prefix: str) -> None:
        self._key: str = entry.options["api_key"].reveal()
        self._secret = bytes.fromhex(entry.options["api_secret"].reveal().removeprefix("0x"))
        self._exchange_id = {"rabbitx": "rbx", "bfx": "bfx"}[entry.venue]
        self._prefix = prefix

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        expires = str(NOW + 300)
        path = request.path_url.partition("?")[0].removeprefix(self._prefix)
        pairs = {**self._members(request.body), "method": str(request.method), "path": path}
        text = "".join(f"{name}={pairs[name]}" for name in sorted(pairs)) + expires
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        request.headers.update(
            {
                "RBT-API-KEY": self._key,
                "RBT-TS": expires,
                "RBT-SIGNATURE": "0x" + hmac.new(self._secret, digest, hashlib.sha256).hexdigest(),
                "EID": self._exchange_id,
            }
        )
        return request

    def _members(self, body: object) -> dict[str, str]:
        """The members of a JSON object as `json.dumps` writes them, which is how schemathesis sends them."""
        try:
            document = json.loads(body) if isinstance(body, str | bytes) else None
        except ValueError:
            return {}
        if not isinstance(document, dict):
            return {}
        return {str(name): self._text(value) for name, value in document.items()}

    def _text(self, value: object) -> str:
        text = json.dumps(value)
        return text[1:-1] if isinstance(value, str) else text


class StarkSignature(AuthBase):
    def __init__(self, entry: Entry, _prefix: str) -> None:
        key = int(entry.options["private_key"].reveal(), 16)
        self._sign = _zkx_stark.signer(key)
        self._public_key = _zkx_stark.public_key(key)
        address = int(entry.options["address"], 16).to_bytes(32, "little")
        self._account_id = "0x" + hashlib.blake2b(address + b"\0", digest_size=32).hexdigest()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        query = dict(parse_qsl(urlsplit(str(request.url)).query, keep_blank_values=True))
        timestamp = str(NOW * 1000)
        text = urlencode(sorted({**query, "timestamp": timestamp}.items()), safe="*,").replace("~", "%7E")
        r, s = self._sign(text)
        request.headers.update(
            {
                "x-public-key": self._public_key,
                "x-account-id": self._account_id,
                "x-timestamp": timestamp,
                "x-signature-1": hex(r),
                "x-signature-2": hex(s),
            }
        )
        return request


class ArcusSignature(AuthBase):
    """Signs a body; a read needs no signature and minds none."""

    def __init__(self, entry: Entry, _: str) -> None:
        self._key = private_key(entry.options["address"])

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        timestamp = str(NOW * 1_000_000_000)
        try:
            body = json.loads(request.body) if isinstance(request.body, str | bytes) else None
        except ValueError:
            return request
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        message = f"{timestamp}setLeverage{text}".encode("utf-8", "surrogatepass")
        request.headers.update(
            {
                "X-API-Key": _ed25519.public_key(self._key).hex(),
                "X-Timestamp": timestamp,
                "X-Signature": _ed25519.sign(self._key, message).hex(),
            }
        )
        return request


def only_what_arcus_has(document: Document, base_url: str, auth: AuthBase) -> None:
    query = {"address": UNUSED}
    rows = requests.get(f"{base_url}/v1/leverages", params=query, auth=auth, timeout=10).json()["leverages"]
    order = document["components"]["schemas"]["SetLeverageRequest"]["properties"]
    order["marketId"]["enum"] = [row["marketId"] for row in rows]
    # As lists, for 2.0 is an integer to JSON Schema and none to a venue.
    order["leverage"]["enum"] = list(range(1, 1 + min(row["leverage"] for row in rows)))
    order["accountIndex"]["enum"] = list(range(10))
    asked = document["paths"]["/v1/positions"]["get"]["parameters"]
    [market] = [each for each in asked if each.get("name") == "market"]
    market["schema"]["enum"] = [row["marketDisplayName"] for row in rows]


def only_listed_markets(document: Document, base_url: str, auth: AuthBase) -> None:
    [account] = requests.get(f"{base_url}/account", auth=auth, timeout=10).json()["result"]
    market = document["components"]["schemas"]["SetLeverageRequest"]["properties"]["market_id"]
    market["enum"] = sorted(account["leverage"])


def only_the_collateral(document: Document, _base_url: str, _auth: AuthBase) -> None:
    collateral = document["components"]["parameters"]["CollateralId"]
    collateral["schema"]["enum"] = [document["x-facts"]["collateral"]["value"]]


ARCUS_CHECKS_OFF = {
    "ignored_auth": "it passes over keys that are optional, as for reads (test_arcus.py tests the one signed call)",
}
RABBIT_CHECKS_OFF = {
    "ignored_auth": "it wants 401 or 403; this backend answers 400 to bad credentials (test_sandbox.py tests each)",
}


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


VENUES = {
    "tread": Habits("tread", TreadToken, {}, only_known_accounts),
    "arcus": Habits("arcus-unused", ArcusSignature, ARCUS_CHECKS_OFF, only_what_arcus_has),
    "bfx": Habits("bfx-main", RabbitSignature, RABBIT_CHECKS_OFF, only_listed_markets),
    "rabbitx": Habits("rabbitx-main", RabbitSignature, RABBIT_CHECKS_OFF, only_listed_markets),
    "zkx": Habits("zkx-main", StarkSignature, narrow=only_the_collateral),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=lambda: NOW * 1_000_000_000) as running:
        yield running


def run_against(venue: str, sandbox: Sandbox) -> tuple[Counter[str], list[str]]:
    """Runs all phases; how often each check was made, and what failed."""
    habits = VENUES[venue]
    [entry] = [each for each in sandbox.entries if each.label == habits.account]
    document: Document = json.loads(files("accountview_clients").joinpath(venue, "spec.json").read_bytes())
    auth = habits.auth(entry, f"/{venue}")
    habits.narrow(document, sandbox.base_url(venue), auth)
    config = schemathesis.Config.from_dict(
        {
            "base-url": sandbox.base_url(venue),
            "seed": 1,
            "generation": {
                "deterministic": True,
                "database": "none",
                "max-examples": EXAMPLES,
                "with-security-parameters": False,  # `auth` alone says who asks
            },
            "checks": {name: {"enabled": False} for name in habits.checks_off},
        }
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.auth.set_from_requests(auth)
    made: Counter[str] = Counter()
    failed: list[str] = []
    # The engine itself: the plugin of schemathesis 4.32.5 does not work with pytest 9.2.
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished(recorder=recorder):
                checks = [check for each in recorder.checks.values() for check in each]
                made.update(check.name for check in checks)
                failed += [
                    f"{recorder.label}, {check.name}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
                    for check in checks
                    if check.failure_info is not None
                ]
            case events.NonFatalError() | events.FatalError():
                failed.append(repr(event))
            case events.EngineFinished(failures=failures):
                failed += [repr(failure) for failure in failures]
            case _:
                pass
    return made, failed


@pytest.mark.parametrize("venue", VENUES)
def test_the_sandbox_keeps_to_the_spec(venue: str, sandbox: Sandbox) -> None:
    made, failed = run_against(venue, sandbox)
    assert not failed, "\n\n".join(failed)
    # Nothing is skipped unseen: each check that is on was made, many times.
    load_all_checks()
    on = {check.__name__ for check in CHECKS.get_all()} - set(VENUES[venue].checks_off)
    assert set(made) == on
    assert min(made.values()) >= EXAMPLES

"""Arcus: reads by address, a signed body for the one write."""

# schemathesis and requests are typed in parts only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json

import requests
from requests.auth import AuthBase

from accountview.accounts_file import Entry
from accountview.sandbox.dialects import _ed25519
from accountview.sandbox.dialects.arcus import UNUSED, private_key
from habits import NOW, Document, Habits


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


ARCUS_CHECKS_OFF = {
    "ignored_auth": "it passes over keys that are optional, as for reads (test_arcus.py tests the one signed call)",
}

HABITS = Habits("arcus-unused", ArcusSignature, ARCUS_CHECKS_OFF, only_what_arcus_has)

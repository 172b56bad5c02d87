"""What RabbitX and BFX share: one backend, one signature."""

# schemathesis and requests are typed in parts only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import hmac
import json

import requests
from requests.auth import AuthBase

from accountview.accounts_file import Entry
from habits import NOW, Document, Habits


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


def only_listed_markets(document: Document, base_url: str, auth: AuthBase) -> None:
    [account] = requests.get(f"{base_url}/account", auth=auth, timeout=10).json()["result"]
    market = document["components"]["schemas"]["SetLeverageRequest"]["properties"]["market_id"]
    market["enum"] = sorted(account["leverage"])
    # The refresh token of a session is good for one call, so none can be named here (test_jwt.py tries them).
    document["components"]["schemas"]["RefreshJwtRequest"]["properties"]["is_client"]["enum"] = [False]


RABBIT_CHECKS_OFF = {
    "ignored_auth": "it wants 401 or 403; this backend answers 400 to bad credentials (test_sandbox.py tests each)",
}


def habits(account: str) -> Habits:
    """Those of both exchanges, asked by this demo account."""
    return Habits(account, RabbitSignature, RABBIT_CHECKS_OFF, only_listed_markets)

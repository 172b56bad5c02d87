"""ZKX: five headers, signed on the Stark curve."""

# schemathesis and requests are typed in parts only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from requests.auth import AuthBase

from accountview.accounts_file import Entry
from accountview.venues import _zkx_stark
from habits import NOW, Document, Habits


class StarkSignature(AuthBase):
    def __init__(self, entry: Entry, _prefix: str) -> None:
        key = int(entry.options["private_key"].reveal(), 16)
        self._sign = _zkx_stark.signer(lambda: key)
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


def only_the_collateral(document: Document, _base_url: str, _auth: AuthBase) -> None:
    collateral = document["components"]["parameters"]["CollateralId"]
    collateral["schema"]["enum"] = [document["x-facts"]["collateral"]["value"]]


HABITS = Habits("zkx-main", StarkSignature, narrow=only_the_collateral)

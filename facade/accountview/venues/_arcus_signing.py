"""How Arcus is shown who asks for a change: Ed25519, with the extra `[ed25519]`. Reads need no key.

Signed are the time in nanoseconds, the last word of the path, and the body as canonical JSON, with nothing between
them. The public key is the API key.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

import msgspec

from accountview.errors import UsageError
from accountview.network.sending import Outgoing
from accountview.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def private_key(venue: str, value: str | Secret) -> Secret:
    """The key, if it has the form of one. Raises UsageError."""
    secret = Secret.of(value)
    if not secret.passes(re.compile(r"(0[xX])?[0-9a-fA-F]{64}").fullmatch):
        raise UsageError(f"{venue}: private_key must be 64 hexadecimal digits, with or without 0x")
    return secret


def check_extra(venue: str) -> None:
    """Raises UsageError when what signs is not installed."""
    if find_spec("cryptography") is None:
        raise UsageError(f"{venue}: signing needs the extra: pip install 'accountview[ed25519]'")


def headers(outgoing: Outgoing, secret: Secret) -> Mapping[str, str]:
    """The headers that a change carries."""
    timestamp = f"{int(outgoing.now * 1000)}000000"  # to a millisecond: a float holds no more
    key = _key(secret)
    return {
        "X-API-Key": key.public_key().public_bytes_raw().hex(),
        "X-Timestamp": timestamp,
        "X-Signature": key.sign(message(outgoing, timestamp)).hex(),
    }


def message(outgoing: Outgoing, timestamp: str) -> bytes:
    """What is signed."""
    action = outgoing.path.rpartition("/")[2]
    body = msgspec.json.decode(outgoing.content) if outgoing.content else None
    canonical = b"" if body is None else msgspec.json.encode(body, order="sorted")
    return f"{timestamp}{action}".encode() + canonical


def _key(secret: Secret) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,  # when first used: slow to load
    )

    # No variable holds the secret: a traceback may be shown with all variables on its way.
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret.reveal()[-64:]))

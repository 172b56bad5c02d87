"""Credentials that sing when they are seen: made up, obviously fake, and found again in any disguise."""

import base64
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import quote

_HEXADECIMAL = "".join(f"ca4a{number:04x}" for number in range(8))
"""64 digits of which no twelve are alike."""

CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    # What a header can carry and each form of writing has to escape stands in the keys as well.
    "rabbitx": {"api_key": 'CANARY-KEY"not\\real+rabbitx/0001', "api_secret": f"0x{_HEXADECIMAL}"},
    "bfx": {"api_key": 'CANARY-KEY"not\\real+bfx/0002', "api_secret": f"0x{_HEXADECIMAL[::-1]}"},
    "zkx": {"private_key": f"0x00{_HEXADECIMAL[:62]}"},
    "arcus": {"private_key": f"0x{_HEXADECIMAL[8:] + _HEXADECIMAL[:8]}"},
    "tread": {"token": 'CANARY-TOKEN"not\\real+tread/0003'},
}
"""Venue → the secrets that it is opened with."""

_WINDOW = 12
_STEP = 6
"""So of any 17 characters that stand together, one window is whole."""


@cache
def disguises(secret: str) -> Mapping[str, str]:
    """Every form in which a secret may be written, by name."""
    bare = secret.removeprefix("0x")
    forms = {
        "plain": bare,
        "JSON": json.dumps(bare)[1:-1],
        "repr": repr(bare)[1:-1],
        "URL": quote(bare, safe=""),
        "HTML": html.escape(bare),
        "hexadecimal": bare.encode().hex(),
        "bytes": str(list(bare.encode()))[1:-1],
        **_base64("text", secret.encode()),
        **_base64("bare text", bare.encode()),
    }
    if re.fullmatch(r"[0-9a-f]+", bare):
        raw = bytes.fromhex(bare)
        forms |= {
            "number": str(int(bare, 16)),
            "raw": raw.decode("latin-1"),
            "repr of raw": repr(raw)[2:-1],
            **_base64("raw", raw),
        }
    return forms


def _base64(name: str, data: bytes) -> dict[str, str]:
    # Where it stands in a longer text decides how it looks: there are three ways, and the edges are not ours.
    whole = {
        f"base64 of {name}, {start}": base64.b64encode(b"\0" * start + data).decode() for start in range(3)
    }
    return {key: text[4:-4] for key, text in whole.items()}


def sightings(venue: str, captured: str | bytes) -> set[str]:
    """Which secrets of a venue can be seen in something, or enough of them, and how they are written there."""
    return {
        f"{name} as {form}" for name, secret in CREDENTIALS[venue].items() for form in seen(secret, captured)
    }


def seen(secret: str, captured: str | bytes) -> list[str]:
    """The disguises in which a secret, or enough of it, stands in something."""
    text = captured.decode("latin-1") if isinstance(captured, bytes) else captured
    text = text.lower()
    texts = (text, text.replace("\0", ""))  # the other way UTF-16 is found as well
    return [
        form
        for form, written in disguises(secret).items()
        if any(_stands_in(written.lower(), each) for each in texts)
    ]


def _stands_in(written: str, text: str) -> bool:
    last = max(1, len(written) - _WINDOW + 1)
    return any(written[start : start + _WINDOW] in text for start in range(0, last, _STEP))

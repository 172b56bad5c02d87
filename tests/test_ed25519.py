"""Ed25519 as Arcus wants it: our signer, and a second implementation that the sandbox verifies with.

How many random cases are compared is in ACCOUNTVIEW_ED25519_CASES (300 unless it is set; 10000 for a release).
"""

import hashlib
import json
import os
import random
import re

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

import accountview as av
from accountview.network.sending import Outgoing
from accountview.sandbox.dialects import _ed25519 as slow
from accountview.secret import Secret
from accountview.venues import _arcus_signing, arcus

CASES = int(os.environ.get("ACCOUNTVIEW_ED25519_CASES", "300"))

RFC_8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
)
"""Private key, public key, message and signature of section 7.1."""

KEY = "0x" + "1f" * 32
NOW = 1_700_000_000.25


def verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the fast implementation takes a signature."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(("private", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_the_standard(private: str, public: str, message: str, signature: str) -> None:
    key, text = bytes.fromhex(private), bytes.fromhex(message)
    fast = Ed25519PrivateKey.from_private_bytes(key)

    assert fast.public_key().public_bytes_raw().hex() == slow.public_key(key).hex() == public
    assert fast.sign(text).hex() == slow.sign(key, text).hex() == signature
    assert slow.verify(bytes.fromhex(public), text, bytes.fromhex(signature))


def test_two_implementations_agree_on_random_cases() -> None:
    random_bytes = random.Random(8032).randbytes  # noqa: S311 - cases that can be had again
    agreed = 0
    for number in range(CASES):
        key, text = random_bytes(32), random_bytes(number % 200)
        fast = Ed25519PrivateKey.from_private_bytes(key)
        public, signature = fast.public_key().public_bytes_raw(), fast.sign(text)
        assert slow.sign(key, text) == signature
        assert slow.public_key(key) == public
        # One bit somewhere is changed: then neither takes it.
        which = number % 3
        parts = [bytearray(public), bytearray(text or b"\0"), bytearray(signature)]
        parts[which][number % len(parts[which])] ^= 1 << number % 8
        changed = (bytes(parts[0]), bytes(parts[1]), bytes(parts[2]))
        assert not verifies(*changed)
        assert not slow.verify(*changed)
        agreed += 1
    assert agreed == CASES


def body(**members: object) -> Outgoing:
    return Outgoing("POST", "/v1/setLeverage", b"", json.dumps(members, indent=1).encode(), NOW)


def test_what_is_signed_is_the_time_the_action_and_the_sorted_body() -> None:
    outgoing = body(marketId=3, leverage=7, address="0x" + "ab" * 20, accountIndex=0)

    headers = _arcus_signing.headers(outgoing, Secret(KEY))

    assert headers["X-Timestamp"] == "1700000000250000000"
    signed = f'1700000000250000000setLeverage{{"accountIndex":0,"address":"0x{"ab" * 20}","leverage":7,"marketId":3}}'
    assert _arcus_signing.message(outgoing, headers["X-Timestamp"]) == signed.encode()
    assert re.fullmatch("[0-9a-f]{64}", headers["X-API-Key"])
    assert re.fullmatch("[0-9a-f]{128}", headers["X-Signature"])
    public, signature = bytes.fromhex(headers["X-API-Key"]), bytes.fromhex(headers["X-Signature"])
    assert public == slow.public_key(bytes.fromhex(KEY[2:]))
    assert slow.verify(public, signed.encode(), signature)
    assert not slow.verify(public, signed.replace("7", "8").encode(), signature)


def test_a_read_is_signed_with_nothing() -> None:
    adapter = arcus.open_adapter(address="0x" + "0" * 40, private_key=KEY)
    assert adapter.endpoint.sign(Outgoing("GET", "/v1/account", b"", b"", NOW)) == {}
    assert set(adapter.endpoint.sign(body(leverage=1))) == {"X-API-Key", "X-Timestamp", "X-Signature"}


@pytest.mark.parametrize("key", ["", "0x", "12", "0x" + "1f" * 31, "1f" * 33, "g" * 64, "1f" * 32 + "\n"])
def test_a_key_of_another_form_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(av.UsageError, match="private_key must be 64 hexadecimal digits") as refused:
        arcus.open_adapter(address="0x" + "0" * 40, private_key=key)
    assert len(key) < 3 or key not in str(refused.value)


def test_without_the_extra_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        assert name == "cryptography"

    monkeypatch.setattr(_arcus_signing, "find_spec", nowhere)
    options = {"address": "0x" + "0" * 40, "private_key": KEY}
    av.connect("arcus", **options).close()  # reading takes no extra
    with pytest.raises(av.UsageError, match=r"pip install 'accountview\[ed25519\]'") as refused:
        av.connect("arcus", writes=True, **options)
    assert "\n" not in str(refused.value)

"""No file of the repository holds what could be somebody's credential; what looks like one is declared, with why."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import FIXTURES, ROOT

PATTERNS = {
    "a key or hash of 32 bytes": re.compile(r"(?<![0-9a-zA-Z])(?:0x)?[0-9a-fA-F]{64}(?![0-9a-zA-Z])"),
    "a JSON web token": re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a key of a cloud": re.compile(r"(?<![A-Z0-9])AKIA[0-9A-Z]{16}(?![A-Z0-9])"),
    "a token of a forge": re.compile(r"gh[pousr]_[A-Za-z0-9]{36}"),
    "long base64": re.compile(
        r"(?<![\w+/.-])(?!0x)(?=[A-Za-z0-9+/]*[0-9])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])"
        r"[A-Za-z0-9+/]{64,}={0,2}(?![\w+/=])"
    ),
}

FAKE = {
    "00112233445566778899aabbccddeeff" * 2: "the private key and the API secret of all fixtures",
    "9a54f206f020d3b98b9b71e219d96b9c66fdc32645fb09c9c1e89e0b444fe87b": "an id: the hash of the fixtures' address",
}

DECLARED = {
    "generated/accountview_clients/sources.lock": "digests of the specs and templates",
    "tests/test_rabbit_signing.py": "published vectors: signatures made with the key of the fixtures",
    "tests/test_sandbox.py": "the same",
    "tests/test_zkx.py": "numbers of the Stark curve, and signatures made with the key of the fixtures",
    "tests/test_arcus.py": "the vectors of RFC 8032",
    "tests/test_ed25519.py": "the same",
}
"""Files with more that looks like a secret, and what it is."""

SKIPPED = {".git", ".venv", ".hypothesis", ".github", "__pycache__", "node_modules", "dist", "build"}


def files() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if (
            path.is_file()
            and path.name != "uv.lock"
            and not SKIPPED & set(parts)
            and "_cache" not in parts[0]
        ):
            yield path


def suspects(text: str) -> dict[str, str]:
    """What looks like a secret and is not one of the fake ones → what it looks like."""
    return {
        found: name
        for name, pattern in PATTERNS.items()
        for found in pattern.findall(text)
        if found.lower().removeprefix("0x") not in FAKE
    }


@pytest.mark.repository
def test_no_file_holds_what_looks_like_a_secret() -> None:
    found: dict[str, dict[str, str]] = {}
    count = 0
    for path in files():
        count += 1
        name = path.relative_to(ROOT).as_posix()
        held = suspects(path.read_bytes().decode("latin-1"))
        if held and name not in DECLARED:
            found[name] = held
    assert count > 100
    assert found == {}, "take it out; if it is a public value, declare the file above and say what it is"


@pytest.mark.repository
def test_what_is_declared_is_there_and_no_more() -> None:
    """A file that holds nothing of the kind any longer is not excused from holding it."""
    for name in DECLARED:
        held = suspects((ROOT / name).read_text())
        assert held, name
        assert set(held.values()) <= {"a key or hash of 32 bytes"}, name
    fixtures = "\n".join(path.read_text() for path in FIXTURES.rglob("*.json")).lower()
    assert all(fake in fixtures for fake in FAKE)


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        ("0x" + "5eC0" * 16, "a key or hash of 32 bytes"),
        ("5ec0" * 16, "a key or hash of 32 bytes"),
        (".".join(["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJ4In0", "c2lnbmF0dXJl"]), "a JSON web token"),
        ("-----BEGIN " + "EC PRIVATE KEY-----", "a private key"),
        ("AKIA" + "IOSFODNN7EXAMPLE", "a key of a cloud"),
        ("ghp_" + "a1B2" * 9, "a token of a forge"),
        ("Zm9v" * 16 + "QmFyMQ==", "long base64"),
    ],
)
def test_a_planted_secret_is_found(planted: str, name: str) -> None:
    for text in (planted, f'{{"key": "{planted}"}}', f"key={planted}\n", f"Authorization: Bearer {planted}"):
        assert name in suspects(text).values()
    assert suspects("an innocent text with 0x00112233445566778899aabbccddeeff and a word" + "x" * 80) == {}

"""The signature of RabbitX and BFX: published vectors, wrong readings that must differ, and what is really sent."""

import hashlib
import hmac
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Case, ReplayServer

from accountview.network.sending import Outgoing
from accountview.secret import Secret
from accountview.venues import _rabbit, connect

SECRET = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
EXPIRES = 1700000300


def signature(outgoing: Outgoing, secret: bytes, expires: int) -> str:
    return _rabbit.signature(outgoing, Secret(secret.hex()), expires)


VECTORS = {
    "GET /account": (
        Outgoing("GET", "/account", b"", b""),
        "0x15e3838ac7f21066597ca9abe475a77b858a83827e6209d1833655eb9008fed2",
    ),
    "PUT /account/leverage": (
        Outgoing("PUT", "/account/leverage", b"", b'{"market_id":"BTC-USD","leverage":20}'),
        "0xe6ad3667024edd863014f4a56f6cace28ba21007e2e069d4885559d7a5c83066",
    ),
    "POST /jwt": (
        Outgoing("POST", "/jwt", b"", b'{"is_client":false,"refresh_token":""}'),
        "0x8661ac61835a6079a0662414c4c2fd027a1061ff8f26d04c784bde47002b27f9",
    ),
    "GET /balanceops, whose query is not signed": (
        Outgoing("GET", "/balanceops", b"p_limit=100", b""),
        "0x0677a1a1cbbcf6d6f29409418104c767c1228279f1ee5c26fccb501ae1c4b304",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_published_vectors(name: str) -> None:
    outgoing, expected = VECTORS[name]

    assert signature(outgoing, SECRET, EXPIRES) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "0x9988a2dbb1d6fca52f9430ec7a4ecf03bc6a173b4eedaf21d54e213e91aa656b",  # HMAC over the text, not its digest
        "0xcad07de924ac32fb433cd46b8df2c67c0307aa0e326b1476efc2d8d2c26dd7d4",  # HMAC over the hex of the digest
        "0x031050d80aea9484ce4ecf4278e76e1849870ea4b5250fc011945eedadfe5861",  # the secret taken as text
    ],
)
def test_the_known_misreadings_differ(wrong: str) -> None:
    assert signature(VECTORS["GET /account"][0], SECRET, EXPIRES) != wrong


def test_a_query_that_is_signed_too_differs() -> None:
    """One public connector signs the query; the official client does not."""
    outgoing = VECTORS["GET /balanceops, whose query is not signed"][0]
    wrong = "0x7476009833834621d0f4a018d4f12c6ccb2faacadbc8f806d1868128766fdd0e"

    assert signature(outgoing, SECRET, EXPIRES) != wrong


def test_numbers_sign_as_they_are_written() -> None:
    written = Outgoing("PUT", "/account/leverage", b"", b'{"market_id":"BTC-USD","leverage":20.0}')

    assert (
        signature(written, SECRET, EXPIRES)
        == "0xe57fe256e6ec1842f42be6cacb0e9634739f6be0c5931ed4ebe9a104c37fb212"
    )


def test_another_expiry_signs_otherwise() -> None:
    outgoing, expected = VECTORS["GET /account"]

    assert signature(outgoing, SECRET, EXPIRES + 1) != expected


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True).filter(lambda name: name not in ("method", "path")),
        st.one_of(st.integers(), st.booleans(), st.from_regex(r"[A-Za-z0-9 .@-]{0,20}", fullmatch=True)),
        max_size=6,
    )
)
def test_a_second_implementation_agrees(body: dict[str, int | bool | str]) -> None:
    fields = {key: json.dumps(value).strip('"') for key, value in body.items()} | {
        "method": "POST",
        "path": "/x",
    }
    text = "".join(f"{key}={value}" for key, value in sorted(fields.items())) + str(EXPIRES)
    expected = hmac.new(SECRET, hashlib.sha256(text.encode()).digest(), hashlib.sha256).hexdigest()

    content = json.dumps(body).encode() if body else b""
    assert signature(Outgoing("POST", "/x", b"", content), SECRET, EXPIRES) == "0x" + expected


@pytest.mark.parametrize(
    ("venue", "exchange_id"), [("rabbitx", "rbx"), ("rabbitx", "rbx_base"), ("bfx", "bfx")]
)
def test_what_is_sent_is_what_is_signed(venue: str, exchange_id: str, replay: ReplayServer) -> None:
    case = Case(venue, "seed-flat")
    base_url = replay.serve(f"sign-{venue}-{exchange_id}", case.exchange.answers)
    options = case.options | ({"exchange_id": exchange_id} if venue == "rabbitx" else {})
    before = int(time.time())
    replay.asked.clear()

    with connect(venue, **options, base_url=base_url) as client:
        client.account()

    for method, path, headers, body in replay.asked:
        sent = {name.lower(): value for name, value in headers.items()}
        expires = int(sent["rbt-ts"])
        assert before < expires <= before + 600
        assert sent["eid"] == exchange_id
        assert sent["rbt-api-key"] == options["api_key"]
        operation_path = "/" + path.split("/", 2)[2]
        expected = signature(Outgoing(method, operation_path, b"", body), SECRET, expires)
        assert sent["rbt-signature"] == expected
        assert sent["accept-encoding"] == "identity"
    assert sorted(path.rpartition("/")[2] for _, path, _, _ in replay.asked) == ["account", "positions"]

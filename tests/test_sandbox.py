"""The sandbox over real HTTP: it refuses what the venues refuse, adds up exactly, keeps state, and can fail on demand.

Requests are signed here by hand, so that a mistake that client and sandbox share would show.
"""

import asyncio
import base64
import gc
import hashlib
import hmac
import json
import re
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from decimal import Context, Decimal, localcontext
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

import accountview as av
from accountview import accounts_file, spec
from accountview.accounts_file import Entry
from accountview.amounts import add, divide, multiply, subtract
from accountview.sandbox import Sandbox, application, load_dialects
from accountview.sandbox.dialect import Request
from accountview.sandbox.dialects._rabbit import Account, Exchange, Holding, Market, rabbit_dialect
from accountview.sandbox.faults import Fault, Faults
from accountview.secret import Secret
from accountview.testing import make_account, running_sandbox

SECOND = 1_000_000_000
NOW = 1_700_000_000
RABBIT = ["bfx", "rabbitx"]
TLS = ssl.create_default_context()  # never used on loopback, but every httpx client would make one


class Clock:
    """A clock that stands still until it is set, in nanoseconds."""

    def __init__(self) -> None:
        self.now = NOW * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture(scope="module")
def fixed() -> Iterator[Sandbox]:
    """One whose clock stands still and whose state is left alone, for what only reads."""
    with Sandbox(clock=Clock()) as running:
        yield running


@pytest.fixture(scope="module")
def live() -> Iterator[Sandbox]:
    """One with the real clock, for the facade signs by that. Its state is left alone."""
    with Sandbox() as running:
        yield running


def entry_of(sandbox: Sandbox, label: str) -> Entry:
    return next(entry for entry in sandbox.all_entries if entry.label == label)


def signature(secret: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "0x" + hmac.new(bytes.fromhex(secret.removeprefix("0x")), digest, hashlib.sha256).hexdigest()


def signed_headers(
    entry: Entry, method: str, path: str, expires: int, members: Mapping[str, str] | None = None
) -> dict[str, str]:
    signed = {**(members or {}), "method": method, "path": path}
    text = "".join(f"{name}={value}" for name, value in sorted(signed.items())) + str(expires)
    exchange_ids = {"rabbitx": entry.options.get("exchange_id", "rbx"), "bfx": "bfx"}
    return {
        "RBT-API-KEY": entry.options["api_key"].reveal(),
        "RBT-TS": str(expires),
        "RBT-SIGNATURE": signature(entry.options["api_secret"].reveal(), text),
        "EID": exchange_ids[entry.venue],
    }


def call(
    sandbox: Sandbox,
    label: str,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    members: Mapping[str, str] | None = None,
    expires: int = NOW + 300,
    headers: Mapping[str, str | None] | None = None,
) -> httpx.Response:
    """Send a signed request; `headers` replace the signed ones, None takes one away."""
    entry = entry_of(sandbox, label)
    sent = {**signed_headers(entry, method, path, expires, members), **(headers or {})}
    kept = {name: value for name, value in sent.items() if value is not None}
    with httpx.Client(verify=TLS) as client:
        return client.request(method, sandbox.base_url(entry.venue) + path, headers=kept, content=body)


def put_leverage(sandbox: Sandbox, label: str, market: str, leverage: int) -> httpx.Response:
    body = json.dumps({"market_id": market, "leverage": leverage}).encode()
    members = {"market_id": market, "leverage": str(leverage)}
    return call(sandbox, label, "PUT", "/account/leverage", body=body, members=members)


def result(response: httpx.Response) -> list[Any]:
    assert response.status_code == 200, response.text
    document = response.json()
    assert document["success"] is True
    return cast("list[Any]", document["result"])


def summary(sandbox: Sandbox, label: str) -> dict[str, Any]:
    [row] = result(call(sandbox, label, "GET", "/account"))
    return cast("dict[str, Any]", row)


def positions(sandbox: Sandbox, label: str) -> list[dict[str, Any]]:
    return result(call(sandbox, label, "GET", "/positions"))


def assert_refused(response: httpx.Response, status: int, word: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert document["success"] is False
    assert word in document["error"]
    assert document["result"] == []


# The interface ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", load_dialects())
def test_every_operation_of_the_spec_has_a_handler_and_no_other(venue: str) -> None:
    described = spec.load(venue).paths.values()
    names = {operation["operationId"] for methods in described for operation in methods.values()}
    assert set(load_dialects()[venue].handlers) == names


def test_dialects_are_found_by_the_name_of_their_venue() -> None:
    assert set(load_dialects()) >= set(RABBIT)


def test_sandboxes_share_no_state(sandbox: Sandbox, clock: Clock) -> None:
    with Sandbox(clock=clock) as other:
        put_leverage(sandbox, "bfx-main", "SOL-USD", 9)
        assert summary(sandbox, "bfx-main")["leverage"]["SOL-USD"] == "9"
        assert summary(other, "bfx-main")["leverage"]["SOL-USD"] == "1"


# What is refused ---------------------------------------------------------------------------------------------------


MAIN = ["bfx-main", "rabbitx-main"]


@pytest.mark.parametrize("label", MAIN)
@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"RBT-API-KEY": None}, "API-KEY header required"),
        ({"RBT-API-KEY": ""}, "API-KEY header required"),
        ({"RBT-API-KEY": "demo-key-of-nobody"}, "NO_SUCH_KEY"),
        ({"EID": "rbx_base"}, "NO_SUCH_KEY"),
        ({"EID": "nowhere"}, "NO_SUCH_KEY"),
        ({"RBT-TS": None}, "RBT-TS must be whole UNIX seconds"),
        ({"RBT-TS": "soon"}, "RBT-TS must be whole UNIX seconds"),
        ({"RBT-TS": f"{NOW + 300}.5"}, "RBT-TS must be whole UNIX seconds"),
        ({"RBT-TS": str(NOW + 299)}, "Invalid payload signature"),
        ({"RBT-SIGNATURE": None}, "Invalid payload signature"),
        ({"RBT-SIGNATURE": "0x" + "0" * 64}, "Invalid payload signature"),
    ],
)
def test_bad_credentials_are_refused_with_400(
    fixed: Sandbox, label: str, headers: dict[str, str | None], word: str
) -> None:
    assert_refused(call(fixed, label, "GET", "/account", headers=headers), 400, word)


def test_a_key_without_exchange_is_one_of_rabbitx_on_ethereum(fixed: Sandbox) -> None:
    result(call(fixed, "rabbitx-main", "GET", "/account", headers={"EID": None}))
    for label in ("bfx-main", "rabbitx-fresh"):
        assert_refused(call(fixed, label, "GET", "/account", headers={"EID": None}), 400, "NO_SUCH_KEY")


@pytest.mark.parametrize("label", MAIN)
@pytest.mark.parametrize(
    ("expires", "word"),
    [(NOW - 1, "signature is expired"), (NOW, "signature is expired"), (NOW + 601, "more than 600 s ahead")],
)
def test_the_expiry_lies_ahead_but_not_far(fixed: Sandbox, label: str, expires: int, word: str) -> None:
    assert_refused(call(fixed, label, "GET", "/account", expires=expires), 400, word)


@pytest.mark.parametrize("label", MAIN)
def test_the_bounds_of_the_expiry_are_good(sandbox: Sandbox, label: str, clock: Clock) -> None:
    result(call(sandbox, label, "GET", "/account", expires=NOW + 600))
    result(call(sandbox, label, "GET", "/account", expires=NOW + 1))
    clock.now += 2 * SECOND
    assert_refused(call(sandbox, label, "GET", "/account", expires=NOW + 1), 400, "signature is expired")


@pytest.mark.parametrize("label", MAIN)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/account"), ("GET", "/positions"), ("GET", "/bfx/account")]
)
def test_method_and_path_are_signed_without_the_prefix(
    fixed: Sandbox, label: str, method: str, path: str
) -> None:
    other = signed_headers(entry_of(fixed, label), method, path, NOW + 300)
    headers = {"RBT-SIGNATURE": other["RBT-SIGNATURE"]}
    assert_refused(call(fixed, label, "GET", "/account", headers=headers), 400, "Invalid payload signature")


@pytest.mark.parametrize("label", MAIN)
def test_published_signatures_hold(label: str) -> None:
    # Vectors V1 and V2, with the secret they were made with: the sandbox must want exactly these.
    secret = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)

    class Known(Account):
        @property
        def secret(self) -> bytes:
            return secret

    account = Known(1, label, "bfx", Decimal(1), {})
    exchange = Exchange("bfx", (Market("BTC-USD", Decimal(1)),), (account,), form_2025=False)
    handlers = rabbit_dialect(exchange, Clock()).handlers

    def status(operation: str, method: str, path: str, content: bytes, given: str) -> int:
        headers = {"rbt-api-key": account.key, "rbt-ts": "1700000300", "rbt-signature": given, "eid": "bfx"}
        return handlers[operation](Request(method, path, {}, "", headers, content)).status

    read = "0x15e3838ac7f21066597ca9abe475a77b858a83827e6209d1833655eb9008fed2"
    write = "0xe6ad3667024edd863014f4a56f6cace28ba21007e2e069d4885559d7a5c83066"
    token = "0x8661ac61835a6079a0662414c4c2fd027a1061ff8f26d04c784bde47002b27f9"
    body = b'{"market_id":"BTC-USD","leverage":20}'
    assert status("getAccount", "GET", "/account", b"", read) == 200
    assert status("setLeverage", "PUT", "/account/leverage", body, write) == 200
    assert status("refreshJwt", "POST", "/jwt", b'{"is_client":false,"refresh_token":""}', token) == 200
    assert status("setLeverage", "PUT", "/account/leverage", body.replace(b"20", b"20.0"), write) == 400
    assert status("getAccount", "GET", "/account", b"", read.removeprefix("0x")) == 400
    assert status("getAccount", "GET", "/account", b"", read.upper()) == 400


@pytest.mark.parametrize("label", MAIN)
def test_every_member_of_a_body_is_signed_as_it_is_written(sandbox: Sandbox, label: str) -> None:
    members = {"market_id": "BTC-USD", "leverage": "3", "note": '["a", {"b": 1}]'}
    body = b' { "note" : ["a", {"b": 1}] ,\n "leverage":3, "market_id": "BTC-USD", "method": "x" } '
    result(call(sandbox, label, "PUT", "/account/leverage", body=body, members=members))
    for changed in (
        body.replace(b":3", b":4"),
        body.replace(b":3", b":3.0"),
        body.replace(b'"note"', b'"nota"'),
        body.replace(b'{"b": 1}', b'{"b":1}'),
    ):
        response = call(sandbox, label, "PUT", "/account/leverage", body=changed, members=members)
        assert_refused(response, 400, "Invalid payload signature")


@pytest.mark.parametrize("label", MAIN)
@pytest.mark.parametrize(
    ("body", "members", "word"),
    [
        (b"", {}, "not JSON"),
        (b"{", {}, "not JSON"),
        (b"\xff", {}, "not JSON"),
        (b'{"leverage":NaN}', {"leverage": "NaN"}, "not JSON"),
        (b"[" * 100_000, {}, "not JSON"),
        (b"[]", {}, "not a JSON object"),
        (b"{}", {}, "market_id is required"),
        (b'{"market_id":"BTC-USD"}', {"market_id": "BTC-USD"}, "leverage is required"),
        (b'{"market_id":7,"leverage":2}', {"market_id": "7", "leverage": "2"}, "market_id must be string"),
        (
            b'{"market_id":"NO-USD","leverage":2}',
            {"market_id": "NO-USD", "leverage": "2"},
            "WRONG_MARKET_ID",
        ),
        (b'{"\\ud800":1}', {}, "Invalid payload signature"),
    ],
)
def test_a_bad_body_is_refused(
    fixed: Sandbox, label: str, body: bytes, members: dict[str, str], word: str
) -> None:
    response = call(fixed, label, "PUT", "/account/leverage", body=body, members=members)
    assert_refused(response, 400, word)


LIMITS = {"bfx-main": 20, "rabbitx-main": 50}


@pytest.mark.parametrize("label", MAIN)
@pytest.mark.parametrize("leverage", ["0", "-1", "51", "true", "null", "2.5", '"20"', "1e400"])
def test_leverage_is_a_whole_number_within_bounds(fixed: Sandbox, label: str, leverage: str) -> None:
    body = f'{{"market_id":"SOL-USD","leverage":{leverage}}}'.encode()
    members = {"market_id": "SOL-USD", "leverage": leverage.strip('"')}
    before = summary(fixed, label)["leverage"]
    response = call(fixed, label, "PUT", "/account/leverage", body=body, members=members)
    assert_refused(response, 400, "leverage must be")
    assert summary(fixed, label)["leverage"] == before


@pytest.mark.parametrize("label", MAIN)
def test_leverage_bounds_are_those_of_the_spec(sandbox: Sandbox, label: str) -> None:
    limit = LIMITS[label]
    for leverage in (1, limit):
        assert result(put_leverage(sandbox, label, "SOL-USD", leverage))[0]["leverage"]["SOL-USD"] == str(
            leverage
        )
    assert_refused(
        put_leverage(sandbox, label, "SOL-USD", limit + 1), 400, f"leverage must be at most {limit}"
    )


@pytest.mark.parametrize("label", MAIN)
def test_an_unknown_path_is_404_and_a_wrong_method_405(fixed: Sandbox, label: str) -> None:
    for path in ("/nothing", "/account/", "/", "/account/leverage/x"):
        assert_refused(call(fixed, label, "GET", path), 404, "not found")
    for method, path, allowed in (
        ("POST", "/account", "GET"),
        ("GET", "/account/leverage", "PUT"),
        ("DELETE", "/jwt", "POST"),
    ):
        response = call(fixed, label, method, path)
        assert_refused(response, 405, "not allowed")
        assert response.headers["allow"] == allowed
    assert call(fixed, label, "HEAD", "/account").status_code == 405


def test_a_venue_that_is_not_served_is_not_found(fixed: Sandbox) -> None:
    assert httpx.get(f"{fixed.url}/nowhere/account", verify=TLS).status_code == 404
    with pytest.raises(av.UsageError, match="serves no 'nowhere'"):
        fixed.base_url("nowhere")


# Figures -----------------------------------------------------------------------------------------------------------


DEMO = ["bfx-main", "bfx-stressed", "rabbitx-main", "rabbitx-fresh", "rabbitx-sunk"]
LABELS = [*DEMO, "rabbitx-wide"]
EXACT = Context(prec=200)
VENUE = Context(prec=38)


def figures(row: Mapping[str, Any]) -> dict[str, Decimal]:
    """The members that are decimal text, each a plain one."""
    texts = {name: value for name, value in row.items() if isinstance(value, str)}
    return {name: Decimal(text) for name, text in texts.items() if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)}


def rows_over_time(
    sandbox: Sandbox, clock: Clock, label: str
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    for second in (0, 1, 17, 39, 40, 61):
        clock.now = (NOW + second) * SECOND
        yield summary(sandbox, label), positions(sandbox, label)


@pytest.mark.parametrize("label", LABELS)
def test_figures_follow_the_documented_formulas_exactly(sandbox: Sandbox, clock: Clock, label: str) -> None:
    for row, listed in rows_over_time(sandbox, clock, label):
        with localcontext(EXACT):
            check_formulas(row, listed)


def check_formulas(row: Mapping[str, Any], listed: list[dict[str, Any]]) -> None:
    account = figures(row)
    zero = Decimal(0)
    assert account["account_equity"] == account["balance"] + account["cum_unrealized_pnl"]
    assert account["withdrawable_balance"] == VENUE.subtract(
        VENUE.subtract(min(account["account_equity"], account["balance"]), account["total_position_margin"]),
        account["total_order_margin"],
    )
    if account["total_notional"]:
        ratio = VENUE.divide(account["account_equity"], account["total_notional"])
        assert account["account_margin"] == ratio
        assert account["account_leverage"] == VENUE.divide(
            account["total_notional"], account["account_equity"]
        )
        assert account["health"] == max(zero, min(Decimal(1), ratio))
    else:
        assert [row[name] for name in ("account_margin", "account_leverage", "health")] == ["1", "1", "1"]
        assert listed == []
    if len(listed) < 50:
        rows = [figures(each) for each in listed]
        assert account["cum_unrealized_pnl"] == VENUE.plus(
            sum((each["unrealized_pnl"] for each in rows), zero)
        )
        assert account["total_notional"] == sum((each["notional"] for each in rows), zero)
        assert account["total_position_margin"] == VENUE.plus(sum((each["margin"] for each in rows), zero))
    for each in listed:
        position = figures(each)
        assert position["notional"] == position["size"] * position["fair_price"]
        gain = VENUE.subtract(position["fair_price"], position["entry_price"])
        sign = 1 if each["side"] == "long" else -1
        assert position["unrealized_pnl"] == VENUE.multiply(gain, position["size"]) * sign
        leverage = Decimal(row["leverage"][each["market_id"]])
        assert position["margin"] == VENUE.divide(position["notional"], leverage)
        assert each["profile_id"] == row["id"]


def test_only_rabbitx_tells_its_requirements(fixed: Sandbox) -> None:
    row = figures(summary(fixed, "rabbitx-main"))
    assert row["mmf_total"] == row["total_position_margin"] / 2 > 0
    assert row["acmf_total"] == row["total_position_margin"] / 4
    assert not {"mmf_total", "acmf_total"} & set(summary(fixed, "bfx-main"))


@pytest.mark.parametrize(
    ("form_2025", "liquidation_price"),
    [(False, "61165.048543689320388349514563106796117"), (True, "253658.53658536585365853658536585365854")],
)
def test_the_documented_example_comes_out_digit_by_digit(
    clock: Clock, *, form_2025: bool, liquidation_price: str
) -> None:
    market = Market("BTC-USD", Decimal(59000))
    clock.now = (80_000 - sum(market.id.encode()) % 80) * SECOND  # where the fair price crosses the middle
    holding = Holding("BTC-USD", "short", Decimal("0.05"), Decimal(60000))
    account = Account(4711, "example", "bfx", Decimal(10000), {"BTC-USD": 20}, holdings=(holding,))
    exchange = Exchange("bfx", (market, Market("ETH-USD", Decimal(3000))), (account,), form_2025=form_2025)
    handlers = rabbit_dialect(exchange, clock).handlers

    def row(operation: str, path: str) -> dict[str, Any]:
        expires = str(clock.now // SECOND + 60)
        given = signature(account.secret.hex(), f"method=GETpath={path}{expires}")
        headers = {"rbt-api-key": account.key, "rbt-ts": expires, "rbt-signature": given, "eid": "bfx"}
        answer = handlers[operation](Request("GET", path, {}, "", headers, b""))
        return dict(json.loads(answer.content)["result"][0])

    found = row("getAccount", "/account")
    expected = {
        "id": 4711,
        "balance": "10000",
        "account_equity": "10050",
        "cum_unrealized_pnl": "50",
        "total_notional": "2950",
        "total_position_margin": "147.5",
        "total_order_margin": "0",
        "withdrawable_balance": "9852.5",
        "account_margin": "3.4067796610169491525423728813559322034",
        "account_leverage": "0.29353233830845771144278606965174129353",
        "health": "1",
        "cum_trading_volume": "3000",
        "leverage": {"BTC-USD": "20", "ETH-USD": "1"},
    }
    if form_2025:
        expected |= {"mmf_total": "73.75", "acmf_total": "36.875"}
    for name, value in expected.items():
        shown = found[name]
        if isinstance(value, str):  # trailing zeros come and go
            shown, value = Decimal(shown), Decimal(value)
        assert shown == value, name
    position = row("getPositions", "/positions")
    assert position["id"] == "pos-BTC-USD-tr-4711"
    assert position["liquidation_price"] == liquidation_price


@pytest.mark.parametrize("label", MAIN)
def test_marks_move_with_the_clock_and_only_with_it(sandbox: Sandbox, clock: Clock, label: str) -> None:
    first = summary(sandbox, label)
    assert summary(sandbox, label) == first
    clock.now += SECOND
    moved = summary(sandbox, label)
    assert moved["account_equity"] != first["account_equity"]
    assert moved["balance"] == first["balance"]
    assert moved["last_update"] == (NOW + 1) * 1_000_000
    clock.now += 79 * SECOND  # a whole swing
    assert summary(sandbox, label)["account_equity"] == first["account_equity"]


def test_a_mark_swings_in_single_steps_around_its_price() -> None:
    market = Market("ETH-USD", Decimal("3145.2"))
    marks = [market.mark(second * SECOND) for second in range(81)]
    assert {abs(later - earlier) for earlier, later in pairwise(marks)} == {Decimal("0.1")}
    assert (min(marks), max(marks)) == (Decimal("3143.2"), Decimal("3147.2"))


def test_a_flat_account_stands_still(sandbox: Sandbox, clock: Clock) -> None:
    first = summary(sandbox, "rabbitx-fresh")
    clock.now += 3600 * SECOND
    later = result(call(sandbox, "rabbitx-fresh", "GET", "/account", expires=NOW + 3900))
    assert later == [first]
    assert first["last_update"] == NOW * 1_000_000


@pytest.mark.parametrize("label", MAIN)
def test_setting_leverage_changes_map_and_margins(sandbox: Sandbox, clock: Clock, label: str) -> None:
    before = figures(summary(sandbox, label))
    clock.now += 123_456_000
    [answer] = result(put_leverage(sandbox, label, "ETH-USD", 2))
    assert answer == summary(sandbox, label)
    assert answer["leverage"]["ETH-USD"] == "2"
    assert answer["last_update"] == NOW * 1_000_000 + 123_456
    after = figures(answer)
    [ethereum] = [figures(each) for each in positions(sandbox, label) if each["market_id"] == "ETH-USD"]
    assert ethereum["margin"] == ethereum["notional"] / 2
    assert after["total_position_margin"] > before["total_position_margin"]
    assert after["account_equity"] == before["account_equity"]


def test_leverage_prices_open_orders_too(sandbox: Sandbox) -> None:
    before = figures(summary(sandbox, "rabbitx-main"))["total_order_margin"]
    [answer] = result(put_leverage(sandbox, "rabbitx-main", "SOL-USD", 1))
    assert figures(answer)["total_order_margin"] == Decimal(2975)
    assert before == VENUE.divide(Decimal(2975), Decimal(3))  # 38 digits


def test_the_stressed_account_is_being_liquidated_at_every_mark(sandbox: Sandbox, clock: Clock) -> None:
    for second in range(80):
        clock.now = (NOW + second) * SECOND
        row = summary(sandbox, "bfx-stressed")
        account = figures(row)
        assert row["status"] == "liquidating"
        assert account["withdrawable_balance"] < 0
        assert Decimal("0.02") < account["account_margin"] < Decimal("0.03")


def test_the_envelope_is_that_of_each_exchange(fixed: Sandbox) -> None:
    old = call(fixed, "bfx-main", "GET", "/positions").json()
    assert list(old) == ["success", "error", "result", "pagination"]
    assert old["error"] == ""
    assert old["pagination"] == {"page": 0, "limit": 50, "order": "DESC", "total": 2}
    new = [call(fixed, "rabbitx-main", "GET", "/positions").json() for _ in range(2)]
    assert list(new[0]) == ["success", "request_id", "result", "pagination"]
    assert new[0]["pagination"] == {"page": 0, "limit": 50, "order": "DESC", "has_next_page": False}
    assert re.fullmatch(r"[0-9a-f]{32}", new[0]["request_id"])
    assert new[0]["request_id"] != new[1]["request_id"]


def test_a_long_list_is_cut_at_a_page(fixed: Sandbox) -> None:
    document = call(fixed, "rabbitx-wide", "GET", "/positions").json()
    assert len(document["result"]) == 50
    assert document["pagination"]["has_next_page"] is True


@pytest.mark.parametrize("label", MAIN)
def test_tokens_come_in_both_forms_and_name_the_account(fixed: Sandbox, label: str) -> None:
    tokens: list[str] = []
    for is_client in ("true", "false"):
        refresh_token = f"demo-refresh-token-0-of-{label}"
        body = f'{{"is_client":{is_client},"refresh_token":"{refresh_token}"}}'.encode()
        members = {"is_client": is_client, "refresh_token": refresh_token}
        [token] = result(call(fixed, label, "POST", "/jwt", body=body, members=members))
        tokens.append(token if isinstance(token, str) else token["jwt"])
    for token in tokens:
        header, claims, _ = [
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")
        ]
        assert json.loads(header)["alg"] == "HS256"
        assert json.loads(claims) == {"sub": str(summary(fixed, label)["id"]), "exp": NOW + 48 * 3600}


# Read through the facade -------------------------------------------------------------------------------------------


FINDINGS = {"rabbitx-wide": ["POSITIONS_CUT"], "rabbitx-sunk": ["UNDERWATER"]}


def test_there_is_a_demo_account_for_each_label(live: Sandbox) -> None:
    for entries, labels in ((live.entries, DEMO), (live.all_entries, LABELS)):
        assert sorted(entry.label for entry in entries if entry.venue in RABBIT) == sorted(labels)


@pytest.mark.parametrize("label", LABELS)
async def test_connect_reads_every_demo_account(live: Sandbox, label: str) -> None:
    entry = entry_of(live, label)
    with av.connect(entry.venue, **entry.options) as client:
        account = await asyncio.to_thread(client.account)
    async with av.connect_async(entry.venue, **entry.options) as async_client:
        again = await async_client.account()
    for each in (account, again):
        assert [finding.code for finding in each.findings] == FINDINGS.get(label, [])
        assert each.complete == (label != "rabbitx-wide")
        assert each.wallet_balance == account.wallet_balance
        assert av.Account.from_json(each.to_json()) == each


def test_the_demo_accounts_show_what_they_are_there_for(live: Sandbox) -> None:
    def read(label: str) -> av.Account:
        entry = entry_of(live, label)
        client: av.Client
        with av.connect(entry.venue, **entry.options) as client:
            return client.account()

    main, fresh, wide = read("rabbitx-main"), read("rabbitx-fresh"), read("rabbitx-wide")
    assert {position.side for position in main.positions} == {av.Side.LONG, av.Side.SHORT}
    assert main.order_margin
    assert main.maintenance_margin
    assert fresh.positions == ()
    assert fresh.equity == fresh.available == Decimal(5000)
    assert fresh.missing["effective_leverage"] is av.Missing.UNKNOWN_SENTINEL
    assert len(wide.positions) == 50
    assert wide.missing["positions"] is av.Missing.NOT_RETURNED
    unlevered, stressed = read("bfx-main"), read("bfx-stressed")
    [solana] = [position for position in unlevered.positions if position.venue_symbol == "SOL-USD"]
    assert solana.missing["liquidation_price"] is av.Missing.UNKNOWN_SENTINEL
    assert stressed.status is av.Status.LIQUIDATING
    assert stressed.margin_buffer is not None
    assert stressed.margin_buffer < 0
    assert stressed.available is not None
    assert stressed.available < 0


# Failing on demand -------------------------------------------------------------------------------------------------


def test_a_fault_replaces_as_many_answers_as_asked(sandbox: Sandbox) -> None:
    sandbox.fail(
        "bfx", "getAccount", status=520, body=b"<html>", headers={"content-type": "text/html"}, times=2
    )
    sandbox.fail("bfx", "getAccount", status=429, body=b"{}", headers={"retry-after": "7"})
    answers = [call(sandbox, "bfx-main", "GET", "/account") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [520, 520, 429, 200]
    assert answers[0].content == b"<html>"
    assert answers[0].headers["content-type"] == "text/html"
    assert answers[2].headers["retry-after"] == "7"
    assert answers[2].headers["content-type"] == "application/json"


def test_a_fault_stays_with_its_operation_until_recovery(sandbox: Sandbox) -> None:
    sandbox.fail("bfx", "getAccount", status=503, times=None)
    for _ in range(3):
        assert call(sandbox, "bfx-main", "GET", "/account").status_code == 503
    assert call(sandbox, "bfx-main", "GET", "/positions").status_code == 200
    assert call(sandbox, "rabbitx-main", "GET", "/account").status_code == 200
    sandbox.recover()
    assert call(sandbox, "bfx-main", "GET", "/account").status_code == 200


def test_a_fault_can_only_delay(sandbox: Sandbox) -> None:
    sandbox.fail("bfx", "getAccount", delay=0.2)
    started = time.monotonic()
    assert summary(sandbox, "bfx-main")["status"] == "active"
    assert time.monotonic() - started >= 0.2


def test_delays_that_are_over_leave_nothing_behind() -> None:
    faults = Faults()

    async def wait(times: int) -> int:
        for _ in range(times):
            await faults.wait(Fault(None, b"", {}, 0.001, zeros=False))
        gc.collect()
        return len(gc.get_objects())

    async def twice() -> tuple[int, int]:
        await wait(5)
        return await wait(5), await wait(200)

    few, many = asyncio.run(twice())
    assert many - few < 200
    faults.close()


def test_a_delayed_answer_does_not_hold_up_the_end() -> None:
    with Sandbox() as sandbox:
        sandbox.fail("bfx", "getAccount", delay=60)
        address = sandbox.base_url("bfx") + "/account"
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(address, timeout=0.2, verify=TLS)
        started = time.monotonic()
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bfx", "getNothing", 500), "no operation 'getNothing'; there are getAccount"),
        (("nowhere", "getAccount", 500), "serves no 'nowhere'"),
        (("bfx", "getAccount", None), "needs a status or a delay"),
    ],
)
def test_a_fault_that_cannot_happen_is_refused(
    fixed: Sandbox, arguments: tuple[str, str, int | None], message: str
) -> None:
    venue, operation, status = arguments
    with pytest.raises(av.UsageError, match=message):
        fixed.fail(venue, operation, status=status)


def test_clients_see_faults_as_the_venue_s() -> None:
    with Sandbox() as sandbox:
        entry = entry_of(sandbox, "bfx-main")
        with av.connect(entry.venue, **entry.options) as client:
            sandbox.fail("bfx", "getPositions", status=520, body=b"<html>", times=None)
            with pytest.raises(av.VenueUnavailable):
                client.account()
            sandbox.recover()
            assert client.account().complete


# The server --------------------------------------------------------------------------------------------------------


def test_it_starts_at_once_and_leaves_nothing_behind() -> None:
    threads = threading.active_count()
    sandbox = Sandbox()
    with pytest.raises(av.UsageError, match="not running"):
        _ = sandbox.url
    with sandbox:
        url = sandbox.url
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/bfx/account", verify=TLS).status_code == 400
    assert threading.active_count() == threads
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/bfx/account", verify=TLS)


def test_answers_on_one_connection_wait_for_nothing(fixed: Sandbox) -> None:
    with httpx.Client(verify=TLS) as client:
        started = time.monotonic()
        for _ in range(25):
            assert client.get(fixed.base_url("bfx") + "/account").status_code == 400
    assert time.monotonic() - started < 0.8  # 40 ms each, were small packets held back


def test_a_port_can_be_chosen_unless_it_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(av.UsageError, match=f"port {port} cannot be used"), Sandbox(port=port):
            pass
    with Sandbox(port=port) as sandbox:
        assert sandbox.url == f"http://127.0.0.1:{port}"
    with pytest.raises(av.UsageError, match="port is 70000"):
        Sandbox(port=70000)


async def test_the_application_works_in_process(clock: Clock) -> None:
    dialects = load_dialects(clock)
    transport = httpx.ASGITransport(app=application(dialects))
    [demo] = [each for each in dialects["bfx"].accounts if each.label == "bfx-main"]
    headers = signed_headers(Entry("bfx-main", "bfx", demo.options), "GET", "/account", NOW + 60)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox/bfx") as client:
        assert (await client.get("/account", headers=headers)).json()["result"][0]["id"] == 815


# Accounts file -----------------------------------------------------------------------------------------------------


def test_the_accounts_file_holds_references_only(live: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "demo.toml"
    live.write_accounts(path)
    live.write_accounts(str(path))  # again, over its own
    text = path.read_text()
    secrets = sorted((tmp_path / "deep" / "demo.secrets").iterdir())
    held = [value for entry in live.entries for value in entry.options.values() if isinstance(value, Secret)]
    assert len(secrets) == len(held) > 0
    for secret in secrets:
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert secret.read_text().strip() not in text
        assert f'"file:demo.secrets/{secret.name}"' in text
    loaded = accounts_file.load(path)
    assert [(entry.label, entry.venue, entry.tags) for entry in loaded] == [
        (entry.label, entry.venue, entry.tags) for entry in live.entries
    ]
    for ours, theirs in zip(live.entries, loaded, strict=True):
        assert set(ours.options) == set(theirs.options)
        for name, value in ours.options.items():
            read = theirs.options[name]
            assert (read.reveal() == value.reveal()) if isinstance(value, Secret) else (read == value)
        with av.connect(theirs.venue, **theirs.options) as client:
            assert {account.venue for account in client.accounts()} == {theirs.venue}


def test_secret_files_are_made_anew(live: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "accounts.secrets"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (folder / "bfx-main.api_key").symlink_to(elsewhere)
    (folder / "bfx-main.api_secret").write_text("old")
    (folder / "bfx-main.api_secret").chmod(0o644)
    live.write_accounts(tmp_path / "accounts.toml")
    assert elsewhere.read_text() == "mine"
    for name in ("bfx-main.api_key", "bfx-main.api_secret"):
        assert stat.S_IMODE((folder / name).lstat().st_mode) == 0o600


def test_a_file_of_someone_else_is_left_alone(live: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text("[accounts.real]\n")
    with pytest.raises(av.UsageError, match="was not written by the sandbox"):
        live.write_accounts(path)
    assert path.read_text() == "[accounts.real]\n"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(av.UsageError, match="cannot write"):
        live.write_accounts(path / "below")


# For the tests of others -------------------------------------------------------------------------------------------


def run(code: str, *arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_the_extra_it_says_which(package: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from accountview.errors import UsageError
from accountview.secret import Secret
from accountview.testing import make_account, running_sandbox
make_account()
for attempt in ("import accountview.sandbox", "running_sandbox().__enter__()"):
    try:
        exec(attempt)
    except UsageError as error:
        print(error)
"""
    done = run(code)
    assert done.stderr == ""
    line = f"the sandbox needs {package}, which is not installed: pip install 'accountview[sandbox]'\n"
    assert done.stdout == line * 2


def test_testing_works_without_pytest() -> None:
    code = """
import sys
sys.modules["pytest"] = None
import accountview.testing
assert not hasattr(accountview.testing, "accountview_sandbox")
with accountview.testing.running_sandbox() as sandbox:
    print(sandbox.url)
"""
    done = run(code)
    assert done.stderr == ""
    assert done.stdout.startswith("http://127.0.0.1:")


def test_the_fixture_works_as_documented(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["accountview.testing"]\n')
    (tmp_path / "test_downstream.py").write_text(
        """
import accountview as av

def test_read(accountview_sandbox):
    for entry in accountview_sandbox.entries:
        with av.connect(entry.venue, **entry.options) as client:
            assert client.accounts()
"""
    )
    options = ["-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:schemathesis"]
    done = run(f"import sys, pytest; sys.exit(pytest.main({options}))", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_running_sandbox_is_a_sandbox() -> None:
    with running_sandbox() as sandbox:
        assert httpx.get(f"{sandbox.base_url('rabbitx')}/account", verify=TLS).status_code == 400


def test_made_accounts_add_up_and_explain_every_none() -> None:
    account = make_account()
    assert account.complete
    assert account.equity == add(account.wallet_balance, account.unrealized_pnl) == Decimal(10050)
    assert account.margin_buffer == subtract(account.equity, account.maintenance_margin)
    assert account.margin_ratio == divide(account.maintenance_margin, account.equity)
    assert account.effective_leverage == divide(account.notional, account.equity)
    [position], [balance] = account.positions, account.balances
    assert position.notional == account.notional == multiply(position.size, position.mark_price)
    assert position.initial_margin == account.initial_margin == divide(position.notional, position.leverage)
    assert account.available == subtract(account.wallet_balance, account.initial_margin) == balance.available
    for row in (account, position, balance):
        nothing = {name for name in row.__struct_fields__ if getattr(row, name) is None}
        assert nothing - {"underlying_venue"} == set(row.missing)
    assert av.Account.from_json(account.to_json()) == account
    assert account.explain("equity").value == "10050"


def test_made_accounts_take_changes() -> None:
    account = make_account(label="other", equity=None, net_deposits=Decimal(1))
    assert account.label == "other"
    assert account.missing["equity"] is av.Missing.NOT_RETURNED
    assert "net_deposits" not in account.missing
    assert make_account(equity=None, missing={}).missing == {}
    with pytest.raises(TypeError):
        make_account(equitty=Decimal(1))

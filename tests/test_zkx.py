"""ZKX: signatures, options, what golden cases do not show of the figures, and its dialect in the sandbox."""

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import Case, ReplayServer, StoredAnswer, read_stored

import accountview as av
from accountview import spec, wire
from accountview.accounts_file import Entry
from accountview.network.sending import Outgoing
from accountview.sandbox import Sandbox
from accountview.sandbox.dialect import Request
from accountview.sandbox.dialects import zkx as dialect
from accountview.venues import _zkx_stark as stark
from accountview.venues import connect, open_adapter, parameters
from accountview.venues.zkx import account_id_of, signed_parameters, signed_text
from accountview_clients.zkx.api.account import get_account_info, get_positions

KEY = 0x00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
TIMESTAMP = 1703156861177
PATH = "/v1/private/account-info"

# Signing -----------------------------------------------------------------------------------------------------------

SAMPLE = "timestamp=1703156861177"
SAMPLE_KEY = "0x0202151a20fece8aa697f362995cde34fa7ae09b8b774f50804784c5685182b827"
SAMPLE_SIGNATURE = (
    0x6944DA5E68A585BFBF998E4FC6AC96640A3F67501C09F30EE69A36031A595D2,
    0x4003EB1B2E50D044A6860359CB0746181E6790EFA242C9E82FB9128626E5884,
)


def test_the_published_signature_verifies() -> None:
    assert signed_text({}, TIMESTAMP) == SAMPLE
    assert stark.message_hash(SAMPLE) == 0xD4330C1A04A4EA1BAC4B46908B22EEBEF204BBC331FA3CB0C9966E207E744A
    assert stark.verifies(SAMPLE, SAMPLE_SIGNATURE, SAMPLE_KEY)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (SAMPLE, SAMPLE_KEY.replace("0x02", "0x03")),  # the other y
        (SAMPLE, SAMPLE_KEY.replace("0x02", "0x04")),  # no compressed key
        (SAMPLE, SAMPLE_KEY[:-1] + "8"),  # no point of the curve has this x, or another has
        ("1703156861177", SAMPLE_KEY),  # the values alone, as an older scheme had it
        ("timestamp=1703156861178", SAMPLE_KEY),
    ],
)
def test_the_published_signature_is_of_nothing_else(text: str, key: str) -> None:
    assert not stark.verifies(text, SAMPLE_SIGNATURE, key)


@pytest.mark.parametrize(
    ("given_parameters", "text", "hashed"),
    [
        (
            {"collateralId": "USDC"},
            "collateralId=USDC&timestamp=1703156861177",
            0x27E8779E8E6BC491A80689202F2BC73F688968C41DF76977526CCC31B84F89,
        ),
        (
            {"marketId": "BTCUSDC", "limit": "25", "collateralId": "USDC"},
            "collateralId=USDC&limit=25&marketId=BTCUSDC&timestamp=1703156861177",
            0x145AFE080F2F0ED3F923D3AB78140C72261245CA05C52A44CBEB204E2912512,
        ),
    ],
)
def test_parameters_and_timestamp_are_sorted_by_name(
    given_parameters: dict[str, str], text: str, hashed: int
) -> None:
    assert signed_text(given_parameters, TIMESTAMP) == text
    assert stark.message_hash(text) == hashed


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a*b", "a*b"),  # Python would quote it
        ("a~b", "a%7Eb"),  # Python would leave it
        ("a b", "a+b"),
        ("a+b", "a%2Bb"),
        ("a,b", "a,b"),  # every %2C is turned back
        ("%2C", "%252C"),
        ("a-b._c", "a-b._c"),
        ("a&b=c", "a%26b%3Dc"),
        ("é", "%C3%A9"),
        ("", ""),
    ],
)
def test_values_are_encoded_as_a_browser_encodes_a_form(value: str, encoded: str) -> None:
    assert signed_text({"a": value}, 1) == f"a={encoded}&timestamp=1"


def test_query_and_body_are_signed_but_not_method_and_path() -> None:
    query = Outgoing("GET", PATH, b"collateralId=USDC&limit=25&note=a+b%2Cc", b"")
    body = Outgoing("POST", "/v1/private/other", b"", b'{"collateralId":"USDC","limit":25,"note":"a b,c"}')

    assert signed_parameters(query) == signed_parameters(body)
    assert signed_text(signed_parameters(query), 1) == "collateralId=USDC&limit=25&note=a+b,c&timestamp=1"


def test_booleans_and_numbers_of_a_body_are_signed_as_they_are_written() -> None:
    outgoing = Outgoing("POST", PATH, b"", b'{"postOnly":true,"reduce":false,"price":"1.50","size":1.50}')

    text = signed_text(signed_parameters(outgoing), 1)
    assert text == "postOnly=true&price=1.50&reduce=false&size=1.50&timestamp=1"


def test_a_hash_has_250_bits() -> None:
    hashes = [stark.message_hash(f"timestamp={number}") for number in range(200)]

    assert all(hashed < 2**250 for hashed in hashes)
    assert any(hashed >= 2**249 for hashed in hashes)


def test_the_curve_is_a_curve() -> None:
    x, y = stark.GENERATOR

    assert (y * y - x**3 - x - stark.B) % stark.P == 0
    assert stark.public_key(1) == f"0x{2 + y % 2:02x}{x:064x}"
    assert stark.public_key(stark.ORDER - 1) == f"0x{2 + (stark.P - y) % 2:02x}{x:064x}"


@given(st.integers(1, stark.ORDER - 1), st.text(max_size=20))
@settings(max_examples=25)
def test_what_is_signed_verifies_with_its_own_key_and_text_only(key: int, text: str) -> None:
    signature = stark.signer(lambda: key)(text)
    public_key = stark.public_key(key)

    assert stark.signer(lambda: key)(text) == signature
    assert stark.verifies(text, signature, public_key)
    assert not stark.verifies(text + "1", signature, public_key)
    other_y = {"0x02": "0x03", "0x03": "0x02"}[public_key[:4]] + public_key[4:]
    assert not stark.verifies(text, signature, other_y)


@given(st.integers(1, stark.ORDER - 1), st.text(max_size=20))
@example(KEY, SAMPLE)
@settings(max_examples=8)
def test_a_second_implementation_signs_the_same(key: int, text: str) -> None:
    other = pytest.importorskip("crypto_cpp_py.cpp_bindings", reason="crypto-cpp-py is not installed")

    assert stark.signer(lambda: key)(text) == other.cpp_sign(stark.message_hash(text), key, seed=None)
    assert int(stark.public_key(key)[4:], 16) == other.cpp_get_public_key(key)


@pytest.mark.parametrize(
    ("address", "index", "account_id"),
    [
        ("0x1ab", 0, "0x9a54f206f020d3b98b9b71e219d96b9c66fdc32645fb09c9c1e89e0b444fe87b"),
        ("0x01ab", 0, "0x9a54f206f020d3b98b9b71e219d96b9c66fdc32645fb09c9c1e89e0b444fe87b"),
        ("0x1AB", 1, "0xf95a2aaee39a9d58255fe9fd4f406e7816b18d79f852a58233dacb7eb3eb00f7"),
    ],
)
def test_the_id_of_a_trading_account(address: str, index: int, account_id: str) -> None:
    assert account_id_of(address, index) == account_id


def test_what_is_sent_is_what_is_signed(replay: ReplayServer) -> None:
    case = Case("zkx", "seed-two-shorts")
    base_url = replay.serve("sign-zkx", case.exchange.answers)
    replay.asked.clear()
    before = time.time_ns() // 1_000_000

    with connect("zkx", **case.options, collateral="USDC", base_url=base_url) as client:
        client.account()
        client.account()

    assert len(replay.asked) == 2
    for method, url, headers, body in replay.asked:
        sent = {name.lower(): value for name, value in headers.items()}
        assert {name for name in sent if name.startswith("x-")} == {
            *("x-public-key", "x-account-id", "x-timestamp", "x-signature-1", "x-signature-2")
        }
        # The account with its positions, and no other list of them: that one is cut at 25.
        assert (method, urlsplit(url).path, body) == ("GET", f"/sign-zkx{PATH}", b"")
        assert sent["x-account-id"] == account_id_of("0x1ab", 0)
        assert sent["x-public-key"] == stark.public_key(KEY)
        timestamp = int(sent["x-timestamp"])
        assert before <= timestamp <= time.time_ns() // 1_000_000
        signature = int(sent["x-signature-1"], 16), int(sent["x-signature-2"], 16)
        text = f"{urlsplit(url).query}&timestamp={timestamp}"
        assert text == f"collateralId=USDC&timestamp={timestamp}"
        assert stark.verifies(text, signature, sent["x-public-key"])


def test_a_collateral_that_must_be_quoted_is_signed_by_its_value(replay: ReplayServer) -> None:
    body = b'{"collateralId":"A~B*C,D","positions":[]}'
    stored = StoredAnswer(
        request=f"GET {PATH}", status=200, text=body.decode(), query={"collateralId": "A~B*C,D"}
    )
    base_url = replay.serve("sign-zkx-quoted", [stored])
    options = {**Case("zkx", "flat").options, "collateral": "A~B*C,D", "base_url": base_url}
    replay.asked.clear()

    with connect("zkx", **options) as client:
        assert client.account().currency == "A~B*C,D"

    [(_, _, headers, _)] = replay.asked
    sent = {name.lower(): value for name, value in headers.items()}
    text = f"collateralId=A%7EB*C,D&timestamp={sent['x-timestamp']}"
    signature = int(sent["x-signature-1"], 16), int(sent["x-signature-2"], 16)
    assert stark.verifies(text, signature, sent["x-public-key"])


def test_a_request_id_is_optional() -> None:
    assert get_account_info.build_request(collateral_id="USDC").headers == ()
    named = get_account_info.build_request(collateral_id="USDC", x_request_id="7")
    assert named.headers == (("x-request-id", "7"),)


# Options -----------------------------------------------------------------------------------------------------------

GOOD = {"private_key": hex(KEY), "address": "0x1ab", "base_url": "http://127.0.0.1:9"}
ACCOUNT_ID = "0x9a54f206f020d3b98b9b71e219d96b9c66fdc32645fb09c9c1e89e0b444fe87b"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"base_url": None}, "zkx: the venue has closed"),
        ({"private_key": "1234"}, "private_key must be 0x and hexadecimal"),
        ({"private_key": "0x"}, "private_key must be 0x and hexadecimal"),
        ({"private_key": "0x0"}, "above 0 and below the order"),
        ({"private_key": hex(stark.ORDER)}, "above 0 and below the order"),
        ({"private_key": "0x١٢"}, "private_key must be 0x and hexadecimal"),
        ({"address": None}, "give either address (with index, unless it is 0) or account_id"),
        ({"account_id": ACCOUNT_ID}, "give either address (with index, unless it is 0) or account_id"),
        ({"address": None, "account_id": ACCOUNT_ID, "index": 0}, "index goes with address"),
        ({"address": None, "account_id": "9a54"}, "account_id must be 0x and 1 to 64 hexadecimal digits"),
        ({"address": "1ab"}, "address must be 0x and 1 to 64 hexadecimal digits"),
        ({"address": "0x"}, "address must be 0x and 1 to 64 hexadecimal digits"),
        ({"address": "0x" + "1" * 65}, "address must be 0x and 1 to 64 hexadecimal digits"),
        ({"address": "0x1_a"}, "address must be 0x and 1 to 64 hexadecimal digits"),
        ({"index": -1}, "index is -1; give one from 0 to 255"),
        ({"index": 256}, "index is 256; give one from 0 to 255"),
        ({"collateral": ""}, "collateral must be visible ASCII text without spaces, such as USDC"),
        ({"collateral": "US DC"}, "collateral must be visible ASCII text without spaces, such as USDC"),
    ],
)
def test_options_that_cannot_be_used(changes: dict[str, Any], problem: str) -> None:
    options = {name: value for name, value in (GOOD | changes).items() if value is not None}

    with pytest.raises(av.UsageError) as caught:
        open_adapter("zkx", options)
    assert problem in str(caught.value)
    assert not any(value in str(caught.value) for value in (hex(KEY), hex(stark.ORDER), "9a54f2"))


def test_the_private_key_is_a_secret_and_the_only_one() -> None:
    assert {name for name, parameter in parameters("zkx").items() if parameter.secret} == {"private_key"}
    opened = open_adapter("zkx", GOOD)
    assert hex(KEY) not in repr(opened)
    assert str(KEY) not in repr(opened)


@pytest.mark.parametrize(
    ("options", "account_id"),
    [
        ({"address": "0x1ab"}, ACCOUNT_ID),
        ({"address": "0x1ab", "index": 0}, ACCOUNT_ID),
        ({"address": "0x1ab", "index": 1}, account_id_of("0x1ab", 1)),
        ({"address": "0x1ab", "index": 255}, account_id_of("0x1ab", 255)),
        ({"account_id": ACCOUNT_ID}, ACCOUNT_ID),
    ],
)
def test_which_account_is_read(options: dict[str, Any], account_id: str, replay: ReplayServer) -> None:
    base_url = replay.serve("zkx-which", Case("zkx", "flat").exchange.answers)
    replay.asked.clear()

    with connect("zkx", private_key=hex(KEY), base_url=base_url, **options) as client:
        assert client.account().account_id == account_id

    assert [headers["x-account-id"] for _, _, headers, _ in replay.asked] == [account_id]


def test_the_collateral_is_the_documented_one_unless_told() -> None:
    default = read_stored(Case("zkx", "without-collateral-id"), Case("zkx", "flat").exchange.answers)

    assert default.accounts[0].currency == spec.load("zkx").fact("collateral") == "USDC"


@pytest.mark.parametrize(
    ("module", "package"),
    [("ecdsa.ecdsa", "ecdsa"), ("ecdsa.rfc6979", "ecdsa"), ("Crypto.Hash.keccak", "pycryptodome")],
)
def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(av.UsageError) as caught:
        open_adapter("zkx", GOOD)
    assert str(caught.value) == (
        f"zkx signs on the Stark curve and needs {package}, which is not installed: "
        "pip install 'accountview[stark]'"
    )


def test_the_extra_is_loaded_when_an_account_is_opened_and_not_before() -> None:
    code = (
        "import sys; import accountview.venues.zkx as zkx;"
        "print(sorted({'ecdsa', 'Crypto'} & set(sys.modules)));"
        f"zkx.open_adapter(private_key={hex(KEY)!r}, address='0x1ab', base_url='http://127.0.0.1:9');"
        "print(sorted({'ecdsa', 'Crypto'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['Crypto', 'ecdsa']"]


# What the figures are ------------------------------------------------------------------------------------------------


def account(name: str, **changes: Any) -> av.Account:
    """The account of a case; `changes` replace members of its answer."""
    case = Case("zkx", name)
    [stored] = case.exchange.answers
    body = json.dumps({**json.loads(stored.content), **changes})
    reading = read_stored(case, [StoredAnswer(request=stored.request, status=200, text=body)])
    assert not reading.failures
    return reading.accounts[0]


def finding(view: av.Account, code: str) -> av.Finding:
    [found] = [each for each in view.findings if each.code == code]
    return found


def test_the_documented_example_misses_by_exactly_what_it_misses_by() -> None:
    view = account("seed-two-shorts")
    found = finding(view, "EQUITY_MISMATCH")

    assert found.difference == Decimal("-0.178542")
    assert found.tolerance == Decimal("0.000003")
    assert "apart by -0.178542" in found.message
    # Told, and nothing else: each figure is the venue's.
    assert (view.equity, view.wallet_balance, view.unrealized_pnl) == (
        Decimal("3634.378226"),
        Decimal("3627.894177"),
        Decimal("6.662591"),
    )


def test_what_holds_exactly_in_the_documented_example_is_no_finding() -> None:
    view = account("seed-two-shorts")

    assert view.initial_margin == view.position_margin == Decimal("585.173159")
    assert {each.code for each in view.findings} == {"EQUITY_MISMATCH", "BASIS_ENTRY"}


@pytest.mark.parametrize(
    ("name", "notional"),
    [
        ("seed-two-shorts", Decimal("3511.0394") - Decimal("6.662591")),
        ("all-short", Decimal(5500) - Decimal("120.5")),
        ("all-long", Decimal(5500) - Decimal("120.5")),  # bought for 5500, and 120.5 lost
        ("long-and-short", None),
        ("hedge", None),
        ("flat", Decimal(0)),
    ],
)
def test_entry_notional_is_never_the_notional(name: str, notional: Decimal | None) -> None:
    view = account(name)

    assert view.notional == notional
    assert (notional is None) == (view.missing.get("notional") is av.Missing.NOT_DERIVABLE)


def test_an_entry_based_requirement_gives_no_distance_to_liquidation() -> None:
    view = account("all-short")

    assert view.maintenance_margin == Decimal(165)
    assert view.margin_buffer is None
    assert view.margin_ratio is None
    assert view.missing["margin_buffer"] is view.missing["margin_ratio"] is av.Missing.NOT_DERIVABLE
    assert finding(view, "BASIS_ENTRY").fields == ("maintenance_margin", "margin_buffer", "margin_ratio")
    # Without positions there is nothing that entry and mark could differ in.
    flat = account("flat")
    assert flat.maintenance_margin == flat.margin_ratio == 0
    assert flat.margin_buffer == flat.equity


@pytest.mark.parametrize("zero", ["0", "0.000000", "-0"])
def test_a_profit_of_exactly_zero_is_unknown_while_positions_are_open(zero: str) -> None:
    view = account("all-short", totalUnrealizedPnl=zero)

    assert view.unrealized_pnl is None
    assert view.missing["unrealized_pnl"] is av.Missing.UNKNOWN_SENTINEL
    assert view.notional is None
    assert finding(view, "STALE_MARK").fields == ("unrealized_pnl", "equity", "available")
    assert account("flat").unrealized_pnl == 0


def test_hedge_mode_keeps_both_rows() -> None:
    view = account("hedge")

    assert [(row.venue_symbol, row.side, row.size) for row in view.positions] == [
        ("ETHUSDC", av.Side.LONG, Decimal(2)),
        ("ETHUSDC", av.Side.SHORT, Decimal(1)),
    ]
    assert view.complete
    assert not {"DUPLICATE_ROW", "CONFLICTING_ROWS"} & {each.code for each in view.findings}
    assert view.explain("positions/1/size").pointer == "/positions/1/size"
    with pytest.raises(av.UsageError):
        view.explain("positions/ETHUSDC/size")


def test_what_can_be_withdrawn_is_not_what_is_available() -> None:
    view = account("flat")

    assert view.withdrawable is None
    assert view.missing["withdrawable"] is av.Missing.UNSUPPORTED
    assert view.available == Decimal("1250.75")


@pytest.mark.parametrize(
    "changes",
    [
        {"positions": []},
        {"positions": [], "totalInvested": "0"},  # the profit has no position then
        {"totalInvested": "5500.02"},
    ],
)
def test_a_list_that_does_not_reach_the_totals_is_not_complete(changes: dict[str, Any]) -> None:
    view = account("all-short", **changes)

    assert not view.complete
    assert view.missing["positions"] is av.Missing.NOT_RETURNED
    assert finding(view, "POSITIONS_CUT").fields == ("positions",)
    # Nothing is summed over a part.
    assert (view.position_margin, view.maintenance_margin, view.notional) == (None, None, None)


def test_the_last_printed_digit_of_the_total_may_be_rounded() -> None:
    assert account("all-short", totalInvested="5500.0001").complete
    assert account("all-short", totalInvested="5500.01").complete


@pytest.mark.parametrize(
    ("market", "base"), [("SOLUSDC", "SOL"), ("1000PEPEUSDC", "1000PEPE"), ("USDCUSDC", "USDC")]
)
def test_a_market_is_base_and_collateral(market: str, base: str) -> None:
    row = json.loads(Case("zkx", "all-short").exchange.answers[0].content)["positions"][0]
    view = account("all-short", positions=[row | {"marketId": market}])

    assert view.positions[0].instrument == av.Instrument(base=base, quote="USDC", kind=av.Kind.PERPETUAL)


def test_the_documented_example_of_the_other_call_is_read() -> None:
    """The page shows a bare list, every figure the number 1."""
    figures = ("avgExecutionPrice", "size", "marginAmount", "borrowedAmount", "leverage", "realizedPnl")
    shown = dict.fromkeys((*figures, "liquidationPrice", "maintenanceMargin"), 1)
    content = json.dumps([{"marketId": "text", "direction": "LONG", **shown}]).encode()

    rows = get_positions.parse_response(200, content, decode=wire.decode)
    assert rows is not None
    assert (rows[0].marketId, rows[0].direction, rows[0].size) == ("text", "LONG", Decimal(1))
    request = get_positions.build_request(collateral_id="USDC", market_id="BTCUSDC", limit=25)
    assert request.query == (("collateralId", "USDC"), ("marketId", "BTCUSDC"), ("limit", "25"))


# The sandbox -------------------------------------------------------------------------------------------------------

SECOND = 1_000_000_000
NOW = 1_700_000_000
TLS = ssl.create_default_context()  # never used on loopback, but every httpx client would make one
LABELS = ["zkx-main", "zkx-hedge", "zkx-stale", "zkx-stressed", "zkx-fresh", "zkx-wide"]
FINDINGS = {
    "zkx-main": ["EQUITY_MISMATCH", "BASIS_ENTRY"],
    "zkx-hedge": ["BASIS_ENTRY"],
    "zkx-stale": ["STALE_MARK", "BASIS_ENTRY"],
    "zkx-stressed": ["BASIS_ENTRY"],
    "zkx-fresh": [],
    "zkx-wide": ["BASIS_ENTRY"],
}
SIGNED = ("x-public-key", "x-account-id", "x-timestamp", "x-signature-1", "x-signature-2")
POSITIONS = "/v1/private/positions"


class Clock:
    """A clock that stands still until it is set, in nanoseconds."""

    def __init__(self) -> None:
        self.now = NOW * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


def entry_of(sandbox: Sandbox, label: str) -> Entry:
    [entry] = [each for each in sandbox.all_entries if each.label == label]
    return entry


def signed_headers(options: Mapping[str, Any], query: Mapping[str, str], timestamp: int) -> dict[str, str]:
    key = int(options["private_key"].reveal(), 16)
    r, s = stark.signer(lambda: key)(signed_text(query, timestamp))
    return {
        "x-public-key": stark.public_key(key),
        "x-account-id": account_id_of(options["address"], options.get("index", 0)),
        "x-timestamp": str(timestamp),
        "x-signature-1": hex(r),
        "x-signature-2": hex(s),
    }


def ask(
    sandbox: Sandbox,
    label: str,
    path: str = PATH,
    *,
    query: Mapping[str, str] | None = None,
    sent_query: str | None = None,
    timestamp: int = NOW * 1000,
    headers: Mapping[str, str | None] | None = None,
    method: str = "GET",
) -> httpx.Response:
    """Send a signed request; `sent_query` and `headers` replace what is signed, None takes a header away."""
    query = {"collateralId": "USDC"} if query is None else query
    signed = {**signed_headers(entry_of(sandbox, label).options, query, timestamp), **(headers or {})}
    kept = {name: value for name, value in signed.items() if value is not None}
    url = f"{sandbox.base_url('zkx')}{path}?{urlencode(query) if sent_query is None else sent_query}"
    with httpx.Client(verify=TLS) as client:
        return client.request(method, url, headers=kept)


def good(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return json.loads(response.content)


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("value", [None, "", "0x", "zz"])
def test_each_of_the_five_headers_is_needed(sandbox: Sandbox, name: str, value: str | None) -> None:
    response = ask(sandbox, "zkx-main", headers={name: value})

    assert response.status_code == 401
    assert name in response.json()["message"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"sent_query": "collateralId=USDT"}, "signature"),  # what is sent is not what is signed
        ({"sent_query": "collateralId=USDC&limit=1"}, "signature"),
        ({"headers": {"x-timestamp": str(NOW * 1000 + 1)}}, "signature"),
        ({"headers": {"x-signature-1": "0x1"}}, "signature"),
        ({"headers": {"x-signature-2": "0x0"}}, "signature"),
        ({"headers": {"x-public-key": stark.public_key(1)}}, "signature"),
        ({"headers": {"x-account-id": account_id_of("0x2a04", 0)}}, "no such trading account"),
        ({"headers": {"x-account-id": "0x1"}}, "no such trading account"),
        ({"timestamp": NOW * 1000 - dialect.CLOCK_TOLERANCE - 1}, "x-timestamp"),
        ({"timestamp": NOW * 1000 + dialect.CLOCK_TOLERANCE + 1}, "x-timestamp"),
        ({"timestamp": NOW}, "x-timestamp"),  # seconds
    ],
)
def test_bad_credentials_are_refused_with_401(sandbox: Sandbox, changes: dict[str, Any], word: str) -> None:
    response = ask(sandbox, "zkx-main", **changes)

    assert response.status_code == 401
    assert word in response.json()["message"]


def test_path_and_request_id_are_not_signed(sandbox: Sandbox) -> None:
    for path in (PATH, POSITIONS):
        good(ask(sandbox, "zkx-main", path, headers={"x-request-id": "7"}))


@pytest.mark.parametrize(
    ("path", "query", "sent_query", "status"),
    [
        (PATH, {}, None, 400),
        (PATH, {"collateralId": "USDT"}, None, 404),
        (PATH, {"collateralId": "USDC"}, "collateralId=USDC&collateralId=USDC", 400),
        (POSITIONS, {"collateralId": "USDC", "limit": "0"}, None, 400),
        (POSITIONS, {"collateralId": "USDC", "limit": "-1"}, None, 400),
        (POSITIONS, {"collateralId": "USDC", "limit": "many"}, None, 400),
        ("/v1/private/nothing", None, None, 404),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    sandbox: Sandbox, path: str, query: dict[str, str] | None, sent_query: str | None, status: int
) -> None:
    response = ask(sandbox, "zkx-main", path, query=query, sent_query=sent_query)

    assert response.status_code == status
    assert response.json()["message"]


def test_a_wrong_method_is_405(sandbox: Sandbox) -> None:
    response = ask(sandbox, "zkx-main", method="POST")

    assert (response.status_code, response.headers["allow"]) == (405, "GET")


def test_a_query_that_must_be_quoted_is_verified_by_its_value(sandbox: Sandbox) -> None:
    good(ask(sandbox, "zkx-main", query={"collateralId": "USDC", "note": "a~b*c d,e+f%2C-._é"}))


def test_the_other_call_cuts_at_25_without_a_word(sandbox: Sandbox) -> None:
    def listed(**more: str) -> list[dict[str, Any]]:
        answer = ask(sandbox, "zkx-wide", POSITIONS, query={"collateralId": "USDC", **more})
        rows: list[dict[str, Any]] = good(answer)
        return rows

    whole = good(ask(sandbox, "zkx-wide"))["positions"]
    assert len(whole) == 28
    assert listed() == whole[:25]
    assert listed(limit="3") == whole[:3]
    assert listed(limit="1" + "0" * 30) == whole
    assert listed(marketId="ETHUSDC") == [row for row in whole if row["marketId"] == "ETHUSDC"]
    assert listed(marketId="NOTHING") == []


@pytest.mark.parametrize("label", LABELS)
def test_figures_keep_the_identities_of_the_documented_example(
    sandbox: Sandbox, clock: Clock, label: str
) -> None:
    for second in range(0, 80, 7):
        clock.now = (NOW + second) * SECOND
        answer = good(ask(sandbox, label, timestamp=clock.now // 1_000_000))
        rows = [
            {name: Decimal(text) for name, text in row.items() if name not in ("marketId", "direction")}
            for row in answer.pop("positions")
        ]
        figures = {name: Decimal(text) for name, text in answer.items() if name != "collateralId"}
        worth = figures["totalMargin"]
        assert figures["availableMargin"] == worth - sum(row["marginAmount"] for row in rows)
        assert figures["totalInvested"] == sum(row["size"] * row["avgExecutionPrice"] for row in rows)
        for row in rows:
            value = row["size"] * row["avgExecutionPrice"]
            assert row["maintenanceMargin"] == Decimal("0.03") * value
            assert abs(row["marginAmount"] + row["borrowedAmount"] - value) <= Decimal("0.000001")
            assert row["liquidationPrice"] >= 0
        apart = worth - figures["collateralBalance"] - figures["totalUnrealizedPnl"]
        assert (apart != 0) == (label == "zkx-main"), f"{second}: {apart}"
    clock.now = NOW * SECOND


def test_the_documented_example_comes_out_nearly_to_the_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the prices that its profits and liquidation prices imply: the page shows none."""
    prices = {
        "SOLUSDC": Decimal("149.566") - Decimal("4.184732") / Decimal("17.6"),
        "ETHUSDC": Decimal("3993.99") - Decimal("2.477861") / Decimal("0.22"),
    }
    shown = json.loads(Case("zkx", "seed-two-shorts").exchange.answers[0].content)

    def price(market: str, _: int) -> Decimal:
        return prices[market]

    monkeypatch.setattr(dialect, "price", price)
    holdings = tuple(
        dialect.Holding(
            row["marketId"],
            row["direction"],
            *(Decimal(row[name]) for name in ("size", "avgExecutionPrice", "leverage", "realizedPnl")),
        )
        for row in shown["positions"]
    )
    balance = Decimal(shown["collateralBalance"])
    known = dialect.Account(label="example", owner=0x1AB, balance=balance, holdings=holdings)
    served = dialect.zkx_dialect((known,), lambda: TIMESTAMP * 1_000_000)
    headers = signed_headers(served.accounts[0].options, {"collateralId": "USDC"}, TIMESTAMP)
    request = Request("GET", PATH, {}, "collateralId=USDC", headers, b"")
    answer = json.loads(served.handlers["getAccountInfo"](request).content)

    assert answer["totalInvested"] == shown["totalInvested"]
    near(answer, shown, "totalUnrealizedPnl", "0.00001")
    for row, expected in zip(answer["positions"], shown["positions"], strict=True):
        # Its margins were summed fill by fill, at prices with more digits than are shown.
        near(row, expected, "marginAmount", "0.001")
        near(row, expected, "borrowedAmount", "0.002")
        near(row, expected, "liquidationPrice", "0.0001")
        for name in set(expected) - {"marginAmount", "borrowedAmount", "liquidationPrice"}:
            assert row[name] == expected[name]


def near(found: Mapping[str, str], expected: Mapping[str, str], name: str, tolerance: str) -> None:
    assert abs(Decimal(found[name]) - Decimal(expected[name])) < Decimal(tolerance), name


def test_prices_move_with_the_clock_in_single_steps() -> None:
    prices = [dialect.price("SOLUSDC", second * SECOND) for second in range(161)]

    assert {abs(later - earlier) for earlier, later in pairwise(prices)} == {Decimal("0.01")}
    assert (min(prices), max(prices)) == (Decimal("152.10"), Decimal("152.50"))
    assert prices[80:] == prices[:81]


def test_demo_accounts_show_what_they_are_there_for() -> None:
    with Sandbox() as live:
        entries = {entry.label: entry for entry in live.all_entries if entry.venue == "zkx"}
        assert list(entries) == LABELS
        assert {entry.label for entry in live.entries if entry.venue == "zkx"} == {*LABELS} - {"zkx-wide"}
        views: dict[str, av.Account] = {}
        for label, entry in entries.items():
            with connect("zkx", **entry.options) as client:
                views[label] = client.account()
    for label, view in views.items():
        assert [each.code for each in view.findings] == FINDINGS[label]
        assert view.complete
        assert av.Account.from_json(view.to_json()) == view
    assert views["zkx-main"].notional is not None
    hedge = views["zkx-hedge"]
    assert [row.venue_symbol for row in hedge.positions].count("ETHUSDC") == 2
    assert hedge.notional is None
    assert views["zkx-stale"].missing["unrealized_pnl"] is av.Missing.UNKNOWN_SENTINEL
    available = views["zkx-stressed"].available
    assert available is not None
    assert available < 0
    fresh = views["zkx-fresh"]
    assert fresh.positions == ()
    assert fresh.equity == fresh.available == Decimal(1250)
    assert len(views["zkx-wide"].positions) == 28

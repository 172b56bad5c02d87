"""What is particular to Tread.fi: one token and many accounts, two answers, coins that are priced by their own rows."""

import json
import ssl
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from support import Case, ReplayServer, StoredAnswer, read_stored

import accountview as av
from accountview import accounts_file, spec
from accountview.accounts_file import Entry
from accountview.amounts import EXACT, QUOTIENT
from accountview.client import Client
from accountview.plan import Owner, Reading
from accountview.portfolio import Portfolio
from accountview.provenance import Derived, Fields, Reported
from accountview.sandbox import Sandbox
from accountview.sandbox.dialects.tread import requirements
from accountview.venues import _tread_declaration, open_adapter, tread
from accountview.venues._tread_pairs import instrument
from accountview.view import Account, Instrument, Kind, Missing

TOKEN = "0123456789abcdef-not-real"
LIST = "GET /api/accounts/"
BALANCES = "GET /api/balances/"
CACHED = "GET /api/sor/get_cached_account_balance"


def listing(*names: str) -> StoredAnswer:
    return StoredAnswer(request=LIST, status=200, text=json.dumps([{"name": name} for name in names]))


def token_row(symbol: str, size: str, notional: str, **figures: str | None) -> str:
    values: dict[str, str | None] = {
        "unrealized_profit": "0.0",
        "initial_margin": "0.0",
        "maint_margin": "0.0",
        "margin_balance": size,
    }
    return row("token", symbol, size, notional, values | figures)


def position_row(symbol: str, size: str, notional: str, **figures: str | None) -> str:
    values: dict[str, str | None] = {
        "unrealized_profit": "0.0",
        "initial_margin": "0.0",
        "maint_margin": "0.0",
    }
    return row("position", symbol, size, notional, values | figures)


def row(kind: str, symbol: str, size: str, notional: str, figures: dict[str, str | None]) -> str:
    """A row with figures as JSON numbers, digit by digit."""
    words = {"symbol": symbol, "asset_type": kind, "market_type": "perp"}
    numbers = {"size": size, "notional": notional, **figures}
    members = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in words.items()]
    members += [
        f"{json.dumps(name)}: {'null' if value is None else value}" for name, value in numbers.items()
    ]
    return "{" + ", ".join(members) + "}"


def balances(*rows: str, name: str = "Main", exchange: str = "Bybit") -> StoredAnswer:
    account = f'{{"exchange": {json.dumps(exchange)}, "assets": [{", ".join(rows)}]}}'
    return StoredAnswer(request=BALANCES, status=200, text=f"{{{json.dumps(name)}: {account}}}")


def read(*answers: StoredAnswer) -> Reading:
    return read_stored(Case("tread", "flat"), list(answers))


def account(*rows: str, exchange: str = "Bybit") -> Account:
    [found] = read(listing("Main"), balances(*rows, exchange=exchange)).accounts
    return found


# Asking ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(replay: ReplayServer) -> Callable[..., str]:
    def serve(*answers: StoredAnswer) -> str:
        replay.asked.clear()
        return replay.serve("tread", list(answers))

    return serve


def asked(replay: ReplayServer) -> list[tuple[str, dict[str, str]]]:
    parts = [(method, urlsplit(path)) for method, path, _, _ in replay.asked]
    return sorted(
        (f"{method} {part.path.removeprefix('/tread')}", dict(parse_qsl(part.query)))
        for method, part in parts
    )


def test_the_token_goes_out_as_the_official_client_sends_it(
    replay: ReplayServer, served: Callable[..., str]
) -> None:
    base_url = served(listing("Main"), balances(token_row("USDT", "1.5", "1.5")))
    with av.connect("tread", token=TOKEN, base_url=base_url) as client:
        client.account()

    assert [
        {name.lower(): value for name, value in headers.items()}["authorization"]
        for _, _, headers, _ in replay.asked
    ] == [f"Token {TOKEN}"] * 2
    assert asked(replay) == [(LIST, {}), (BALANCES, {})]


def test_wanted_accounts_are_asked_for_as_one_value(replay: ReplayServer, served: Callable[..., str]) -> None:
    base_url = served(listing("a/b", "c d"), balances(token_row("USDT", "1.5", "1.5"), name="c d"))
    with av.connect("tread", token=TOKEN, accounts=["c d", "a/b"], base_url=base_url) as client:
        client.read()

    assert (BALANCES, {"account_names": "c d,a/b"}) in asked(replay)


def test_a_name_with_a_comma_is_never_asked_for(replay: ReplayServer, served: Callable[..., str]) -> None:
    base_url = served(listing("a,b"), balances(token_row("USDT", "1.5", "1.5"), name="a,b"))
    with av.connect("tread", token=TOKEN, accounts=["a,b"], base_url=base_url) as client:
        assert client.account().account_id == "a,b"

    assert (BALANCES, {}) in asked(replay)


@pytest.mark.parametrize(("source", "other"), [("live", CACHED), ("cached", BALANCES)])
def test_the_two_sources_are_never_mixed(
    source: str, other: str, replay: ReplayServer, served: Callable[..., str]
) -> None:
    cache = '{"balances": [{"account_name": "Main", "equity": 2.5, "assets": []}]}'
    base_url = served(
        listing("Main"),
        balances(token_row("USDT", "1.5", "1.5")),
        StoredAnswer(request=CACHED, status=200, text=cache),
    )
    with av.connect("tread", token=TOKEN, source=source, base_url=base_url) as client:
        found = client.account()

    assert other not in [request for request, _ in asked(replay)]
    assert found.equity == Decimal("1.5" if source == "live" else "2.5")
    assert ("CACHED" in [finding.code for finding in found.findings]) == (source == "cached")


def test_an_echoed_token_is_not_told() -> None:
    echo = StoredAnswer(request=LIST, status=401, text=json.dumps({"detail": f"Token {TOKEN} is not valid"}))
    opened = open_adapter("tread", {"token": TOKEN, "base_url": "http://127.0.0.1:9"})
    with pytest.raises(av.CredentialsRefused) as caught:
        read_stored(Case("tread", "flat"), [echo])
    assert "test-token-not-real" not in str(caught.value)
    assert TOKEN not in repr(opened)


OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "tread: missing option token"),
    ({"token": ""}, "tread: token must be visible ASCII text without spaces; is it empty or cut?"),
    (
        {"token": f"Token {TOKEN}"},
        "tread: token must be visible ASCII text without spaces; is it empty or cut?",
    ),
    ({"token": TOKEN, "source": "both"}, "tread: source is 'both'; there are live, cached"),
    ({"token": TOKEN, "accounts": "Main"}, "tread: accounts must be a list of names"),
    ({"token": TOKEN, "accounts": ["Main", 7]}, "tread: accounts must be a list of names"),
    (
        {"token": TOKEN, "accounts": []},
        "tread: accounts holds no name, or an empty one; leave it out for all accounts",
    ),
    (
        {"token": TOKEN, "accounts": ["Main", ""]},
        "tread: accounts holds no name, or an empty one; leave it out for all accounts",
    ),
    ({"token": TOKEN, "accounts": ["Main", "Main"]}, "tread: accounts names one account twice"),
    ({"token": TOKEN, "network": "testnet"}, "tread: network is 'testnet'; there are mainnet"),
]


@pytest.mark.parametrize(("options", "problem"), OPTIONS)
def test_an_option_that_cannot_be_used_is_told(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(av.UsageError) as caught:
        av.connect("tread", **options)
    assert str(caught.value) == problem


def test_the_accounts_file_takes_the_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREAD_TOKEN", TOKEN)
    path = tmp_path / "accounts.toml"
    path.write_text(
        '[accounts.desk]\nvenue = "tread"\ntoken = "env:TREAD_TOKEN"\naccounts = ["a/b", "c d"]\nsource = "cached"\n'
    )
    [entry] = accounts_file.load(path)
    assert entry.options["accounts"] == ["a/b", "c d"]

    path.write_text(path.read_text().replace('"cached"', '"stale"'))
    with pytest.raises(av.UsageError, match="source: must be one of live, cached"):
        accounts_file.load(path)


# Which accounts there are ----------------------------------------------------------------------------------------


def test_rows_are_named_by_label_and_account(served: Callable[..., str]) -> None:
    base_url = served(listing("a/b", "gone"), balances(token_row("USDT", "1.5", "1.5"), name="a/b"))
    options = {"token": TOKEN, "base_url": base_url}

    snapshot = Portfolio([Entry("desk", "tread", options)]).fetch()
    assert [found.label for found in snapshot.accounts] == ["desk/a/b"]
    assert [failure.label for failure in snapshot.failures] == ["desk/gone"]

    single = Portfolio([Entry("desk", "tread", options | {"accounts": ["a/b"]})]).fetch()
    assert [found.label for found in single.accounts] == ["desk/a/b"]
    assert single.complete


def test_without_a_label_the_account_is_named_in_errors_alone(served: Callable[..., str]) -> None:
    base_url = served(listing("Main", "gone"), balances(token_row("USDT", "1.5", "1.5")))
    with av.connect("tread", token=TOKEN, base_url=base_url) as client:
        reading = client.read()
        with pytest.raises(av.VenueUnavailable, match="gone"):
            client.accounts()

    assert reading.accounts[0].label is None
    assert reading.accounts[0].account_id == "Main"
    assert str(reading.failures[0]).startswith("tread account 'gone', getBalances: ")


def test_a_name_with_a_slash_is_one_step_of_a_pointer() -> None:
    [found] = read(listing("a/b~c"), balances(token_row("USDT", "1.5", "1.5"), name="a/b~c")).accounts

    pointers = [part.pointer for part in found.explain("equity").inputs]
    assert pointers[0] == "/a~1b~0c/assets/[asset_type=token]/margin_balance"


ERROR_VALUES = (
    "not possible",
    ["not possible"],
    {"Main": "not possible"},
    {"message": "not possible"},
    None,
    7,
)


@pytest.mark.parametrize("key", ["message", "detail", "error", "errors"])
@pytest.mark.parametrize("value", ERROR_VALUES, ids=str)
def test_an_error_object_with_status_200_is_no_account(key: str, value: object) -> None:
    error = StoredAnswer(request=BALANCES, status=200, text=json.dumps({key: value}))
    with pytest.raises(av.AnswerInvalid) as caught:
        read(listing("Main"), error)
    assert caught.value.status == 200
    assert "not possible" not in str(caught.value)


@pytest.mark.parametrize("name", ["message", "detail", "error", "errors", "accounts", "balances"])
def test_an_account_may_be_called_like_the_key_of_an_error(name: str) -> None:
    [found] = read(listing(name), balances(token_row("USDT", "1.5", "1.5"), name=name)).accounts
    assert (found.account_id, found.equity) == (name, Decimal("1.5"))


@pytest.mark.parametrize(
    ("request_line", "status", "kind"),
    [
        (LIST, 401, av.CredentialsRefused),
        (LIST, 403, av.CredentialsRefused),
        (BALANCES, 401, av.CredentialsRefused),
        (BALANCES, 403, av.CredentialsRefused),
        (BALANCES, 429, av.RateLimited),
        (BALANCES, 503, av.VenueUnavailable),
        (BALANCES, 400, av.RequestRefused),
    ],
)
@pytest.mark.parametrize("body", ['{"detail": "no"}', '"no"', "<html>no</html>", "", '{"balances": {}}'])
def test_a_status_says_what_can_be_done_whatever_the_body(
    request_line: str, status: int, kind: type[av.VenueError], body: str
) -> None:
    good = [listing("Main"), balances(token_row("USDT", "1.5", "1.5"))]
    bad = StoredAnswer(request=request_line, status=status, text=body)
    with pytest.raises(kind):
        read(*[bad if answer.request == request_line else answer for answer in good])


def test_one_broken_account_does_not_harm_another() -> None:
    text = json.dumps(
        {
            "Main": {"exchange": "Bybit", "assets": []},
            "Odd": {
                "exchange": "Bybit",
                "assets": [{"symbol": "X", "size": 1, "market_type": "perp", "asset_type": "loan"}],
            },
        }
    )
    reading = read(listing("Main", "Odd"), StoredAnswer(request=BALANCES, status=200, text=text))
    assert [found.account_id for found in reading.accounts] == ["Main"]
    assert [type(failure) for failure in reading.failures] == [av.AnswerInvalid]


# What the figures are --------------------------------------------------------------------------------------------


def test_coins_are_priced_by_their_own_row() -> None:
    found = account(
        token_row("BTC", "2.0", "60000.0", unrealized_profit="0.1", margin_balance="2.1"),
        token_row("USDT", "100.0", "99.0", initial_margin="30.0", maint_margin="10.0"),
        position_row("BTC:PERP-USD", "5.0", "150000.0"),
    )
    assert found.currency == "USD"
    assert found.equity == Decimal(63099)
    assert found.wallet_balance == Decimal(60099)
    assert found.unrealized_pnl == Decimal(3000)
    assert found.initial_margin == Decimal("29.7")
    assert found.maintenance_margin == Decimal("9.9")


def test_the_quotient_is_taken_once_and_last() -> None:
    found = account(token_row("ABC", "3.0", "10.0", margin_balance="7.0"))
    assert found.equity == QUOTIENT.divide(Decimal(70), Decimal(3))


def test_a_token_without_margin_balance_is_worth_its_size() -> None:
    found = account(token_row("ABC", "3.0", "10.0", margin_balance=None))
    assert found.equity == Decimal("10.0")


def test_what_positions_say_is_counted_in_no_sum_but_the_notional() -> None:
    plain = [token_row("USDT", "500.0", "500.0", unrealized_profit="15.0", margin_balance="515.0")]
    with_position = account(
        *plain,
        position_row("ETH:PERP-USDT", "1.0", "2000.0", unrealized_profit="15.0", margin_balance="515.0"),
    )
    for name in ("equity", "wallet_balance", "unrealized_pnl", "initial_margin", "maintenance_margin"):
        assert getattr(with_position, name) == getattr(account(*plain), name)
    assert with_position.notional == Decimal("2000.0")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("unrealized_profit", "unrealized_pnl"),
        ("initial_margin", "initial_margin"),
        ("maint_margin", "maintenance_margin"),
        ("margin_balance", "equity"),
    ],
)
def test_a_figure_of_a_token_of_size_zero_has_no_worth(name: str, field: str) -> None:
    found = account(token_row("USDT", "0.0", "0.0", **{name: "1.5"}), token_row("BTC", "1.0", "60000.0"))
    assert getattr(found, field) is None
    assert found.missing[field] is Missing.NOT_DERIVABLE
    others = {"unrealized_pnl", "initial_margin", "maintenance_margin", "equity"} - {field}
    assert all(getattr(found, other) is not None for other in others)


@pytest.mark.parametrize(
    ("size", "notional"),
    [
        ("1000.50", "1000.50"),
        ("1000.50", "1000.5"),
        ("1000.5", "1000.500"),
        ("1000.50", "1000.4"),
        ("-5.0", "-5.0"),
    ],
)
@pytest.mark.parametrize("coins", ["1.2300", "-1.2300", "7", "0.000001", "1000.50", "0.00"])
def test_a_coin_at_par_is_worth_what_the_quotient_says_digit_by_digit(
    size: str, notional: str, coins: str
) -> None:
    held = account(
        token_row("USDT", size, notional), position_row("ETH:PERP-USDT", "1.5", "30.0", initial_margin=coins)
    )
    (position,) = held.positions
    expected = QUOTIENT.divide(EXACT.multiply(Decimal(coins), Decimal(notional)), Decimal(size))
    if Decimal(coins) == Decimal(size):
        expected = Decimal(notional)
    elif not Decimal(coins):
        expected = Decimal(coins)
    assert str(position.initial_margin) == str(expected)


def test_available_is_not_returned() -> None:
    found = account(token_row("USDT", "1.5", "1.5"))
    assert found.available is None
    assert found.missing["available"] is Missing.NOT_RETURNED


@pytest.mark.parametrize(
    ("exchange", "symbol", "price"),
    [
        ("Bybit", "ETH:PERP-USDT", Decimal(20)),
        ("Binance", "ETH:FUTURE_2030.03.28-USDT", Decimal(20)),
        ("OKX", "ETH:PERP-USDT", None),
        ("okx", "ETH:PERP-USDT", None),
        ("Bybit", "ETH:PERP-USD", None),
        ("Bybit", "ETH:CALL@20_2030.03.28-USDT", None),
        ("Bybit", "ETHUSDT", None),
    ],
)
def test_a_price_is_shown_only_where_the_size_counts_coins(
    exchange: str, symbol: str, price: Decimal | None
) -> None:
    found = account(token_row("USDT", "1.5", "1.5"), position_row(symbol, "-2.0", "-40.0"), exchange=exchange)
    [position] = found.positions
    assert position.mark_price == price
    assert position.notional == Decimal("40.0")
    assert (position.size is None) == (exchange.upper() == "OKX" or symbol.endswith("-USD"))
    if price is None:
        assert position.missing["mark_price"] is Missing.NOT_DERIVABLE


def test_a_quote_that_inverse_pairs_have_tells_no_coin() -> None:
    found = account(
        token_row("USD", "10.0", "10.0"), position_row("BTC:PERP-USD", "1.0", "20.0", initial_margin="0.5")
    )
    assert found.positions[0].initial_margin is None
    assert found.positions[0].missing["initial_margin"] is Missing.NOT_DERIVABLE


def test_a_position_is_settled_in_the_coin_of_its_own_wallet() -> None:
    other = token_row("USDT", "10.0", "9.0").replace('"perp"', '"spot"')
    found = account(
        other,
        token_row("USDT", "10.0", "10.1", initial_margin="5.0"),
        position_row("ETH:PERP-USDT", "1.0", "20.0", initial_margin="5.0"),
    )
    assert found.positions[0].initial_margin == Decimal("5.05")


def test_what_a_position_becomes_does_not_depend_on_its_neighbours() -> None:
    tokens = [
        token_row("USDT", "100.0", "101.0"),
        token_row("USDT", "10.0", "9.0").replace('"perp"', '"spot"'),
        token_row("USDC", "100.0", "100.0"),
        token_row("ETH", "2.0", "5000.0"),
    ]
    rows = [
        position_row(f"{base}:PERP-{quote}", size, f"{size}0.5", initial_margin="5.0").replace(
            '"perp"', wallet
        )
        for base, size in (("BTC", "1"), ("SOL", "-2"))
        for quote in ("USDT", "USDC", "USD", "BUSD")
        for wallet in ('"perp"', '"spot"')
    ]
    rows.append(position_row("no pair", "1.0", "20.0", leverage="0"))
    alone = [account(*tokens, each).positions[0] for each in rows]

    assert len({(each.initial_margin, each.size) for each in alone}) > 6
    assert account(*tokens, *rows).positions == tuple(alone)
    assert account(*tokens, *reversed(rows)).positions == tuple(reversed(alone))
    assert account(*rows[::2], *tokens, *rows[1::2]).positions == tuple(alone[::2] + alone[1::2])


@pytest.mark.parametrize("profit", ["1.0", "-1.0", "0.0"])
def test_a_position_whose_size_and_notional_disagree_is_refused(profit: str) -> None:
    bad = position_row("ETH:PERP-USDT", "1.0", "-20.0", unrealized_profit=profit)
    good = position_row("SOL:PERP-USDT", "1.0", "20.0")
    reading = read(listing("Main"), balances(token_row("USDT", "1.5", "1.5"), good, bad))
    assert not reading.accounts
    [failure] = reading.failures
    assert isinstance(failure, av.AnswerInvalid)
    assert failure.path == "$[...].assets[2]"


def test_an_account_worth_less_than_1_has_ratios() -> None:
    found = account(token_row("USDT", "0.5", "0.5", maint_margin="0.1"))
    assert found.margin_ratio == Decimal("0.2")


def test_every_digit_arrives() -> None:
    digits = "1234567890.123456789012345678901234567890"
    found = account(
        token_row("USDT", digits, digits), position_row("ETH:PERP-USDT", f"-{digits}", f"-{digits}")
    )
    assert found.to_dict()["equity"] == digits
    assert found.to_dict()["positions"][0]["size"] == digits


def test_the_seed_s_equity_is_that_of_its_tokens() -> None:
    expected = Case("tread", "seed-two-accounts").expected["accounts"]
    priced = QUOTIENT.divide(
        EXACT.multiply(Decimal("298.90609459"), Decimal("275.569895")), Decimal("275.56989474")
    )
    assert Decimal(expected[0]["equity"]) == priced
    assert [found["underlying_venue"] for found in expected] == ["Bybit", "Binance"]


# Pairs -----------------------------------------------------------------------------------------------------------

PAIRS = {
    "BTC-USDT": Instrument(base="BTC", quote="USDT", kind=Kind.SPOT),
    "ETH:PERP-USDT": Instrument(base="ETH", quote="USDT", kind=Kind.PERPETUAL),
    "SOL:FUTURE_2025.03.28-USDC": Instrument(
        base="SOL", quote="USDC", kind=Kind.FUTURE, expiry=date(2025, 3, 28)
    ),
    "BTC:CALL@98000_2024.11.22-USDT": Instrument(
        base="BTC", quote="USDT", kind=Kind.OPTION, expiry=date(2024, 11, 22), strike=Decimal(98000)
    ),
    "BTC:PUT@0.50_2024.11.22-USDT": Instrument(
        base="BTC", quote="USDT", kind=Kind.OPTION, expiry=date(2024, 11, 22), strike=Decimal("0.50")
    ),
    "xyz_XYZ100:PERP-USDC": Instrument(base="XYZ100", quote="USDC", kind=Kind.PERPETUAL),
    "1000PEPE:PERP-USDT": Instrument(base="1000PEPE", quote="USDT", kind=Kind.PERPETUAL),
    "kPEPE:PERP-USDC": Instrument(base="kPEPE", quote="USDC", kind=Kind.PERPETUAL),
}
NO_PAIRS = (
    "ETHUSDT", "USDT", "", "-", "BTC-", "-USDT", ":PERP-USDT", "BTC:PERP", "BTC:PERP-", "BTC:perp-USDT",
    "BTC-PERP-USDT", "BTC:FUTURE-USDT", "BTC:FUTURE_2025.02.30-USDT", "BTC:FUTURE_28.03.2025-USDT",
    "BTC:CALL@_2024.11.22-USDT",
    "BTC:CALL@1e5_2024.11.22-USDT", "BTC:CALL@98000-USDT", "BTC:WARRANT@1_2024.11.22-USDT", "BTC:PERP-USDT ",
    "BTC -USDT", "BTC:PERP:PERP-USDT", "BTC:FUTURE_٢٠٢٥.03.28-USDT",
)  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_names_an_instrument(pair: str) -> None:
    assert instrument(pair) == PAIRS[pair]


@pytest.mark.parametrize("pair", NO_PAIRS)
def test_another_form_is_no_pair(pair: str) -> None:
    assert instrument(pair) is None


# Declarations and spec -------------------------------------------------------------------------------------------


def reported(fields: Fields) -> list[Reported]:
    origins = fields.origins.values()
    inputs = [part for origin in origins if isinstance(origin, Derived) for part in origin.inputs]
    return [each for each in [*origins, *inputs] if isinstance(each, Reported)]


def test_the_cached_answer_has_a_declaration_of_its_own() -> None:
    for live, cached in (
        (_tread_declaration.LIVE.account, _tread_declaration.CACHED.account),
        (_tread_declaration.LIVE.position, _tread_declaration.CACHED.position),
        (_tread_declaration.LIVE.balance, _tread_declaration.CACHED.balance),
    ):
        assert set(live.origins) == set(cached.origins)
        assert {wire.operation for wire in reported(live)} - {"listAccounts"} == {"getBalances"}
        assert {wire.operation for wire in reported(cached)} - {"listAccounts"} == {"getCachedBalances"}
        for wire in reported(cached):
            pointer = wire.pointer.format(symbol="*", quote="*", account="*")
            assert spec.load("tread").wire_field(wire.operation, pointer).evidence

    [found] = [
        av.Account.from_dict(each | TIMES) for each in Case("tread", "cached-equity").expected["accounts"]
    ]
    assert tread.declaration_of(found) is _tread_declaration.CACHED
    assert found.explain("as_of").pointer == "/balances/[account_name=Main]/timestamp_millis"


TIMES = dict.fromkeys(("requested_at", "received_at"), "2026-01-02T03:04:05.000000Z")


def test_changes_are_never_sent_again() -> None:
    described = {
        operation["operationId"]: (method, operation["x-retry"])
        for methods in spec.load("tread").paths.values()
        for method, operation in methods.items()
    }
    assert described == {
        "getBalances": ("get", "safe"),
        "listAccounts": ("get", "safe"),
        "getCachedBalances": ("get", "safe"),
        "createAccount": ("post", "never"),
        "archiveAccount": ("delete", "never"),
        "updateAccount": ("put", "never"),
        "setLeverage": ("post", "never"),
    }


def test_slashes_at_the_end_are_those_of_the_venue() -> None:
    assert set(spec.load("tread").paths) == {
        "/api/balances/",
        "/api/accounts/",
        "/api/set_leverage/",
        "/api/sor/get_cached_account_balance",
    }


def test_owner_s_tags_reach_every_account(served: Callable[..., str]) -> None:
    base_url = served(listing("Main"), balances(token_row("USDT", "1.5", "1.5")))
    with Client(
        open_adapter("tread", {"token": TOKEN, "base_url": base_url}), Owner("desk", ("a",))
    ) as client:
        assert client.account().tags == ("a",)


# The sandbox -----------------------------------------------------------------------------------------------------

NOW = 1_700_000_000
SECOND = 1_000_000_000


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=lambda: NOW * SECOND) as running:
        yield running


def send(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: object = None,
    *,
    authorization: str | None = "Token demo-token-of-tread",
) -> tuple[int, Any]:
    """Status and document of an answer; the request is made by hand."""
    headers = {} if authorization is None else {"Authorization": authorization}
    content = None if body is None else json.dumps(body)
    with httpx.Client(verify=TLS) as client:
        answer = client.request(method, sandbox.base_url("tread") + path, headers=headers, content=content)
    return answer.status_code, json.loads(answer.content, parse_float=Decimal)


TLS = ssl.create_default_context()  # never used on loopback, but every httpx client would make one


def demo(sandbox: Sandbox, label: str) -> Reading:
    [entry] = [each for each in sandbox.all_entries if each.label == label]
    with Client(open_adapter("tread", entry.options), Owner(label)) as client:
        return client.read()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer demo-token-of-tread", 401),
        ("Token demo-token-of-nobody", 401),
        ("token demo-token-of-tread", 401),
        ("Token demo-token-of-tread-suspended", 403),
    ],
)
@pytest.mark.parametrize("path", ["/api/accounts/", "/api/balances/", "/api/sor/get_cached_account_balance"])
def test_a_bad_token_is_refused(sandbox: Sandbox, path: str, authorization: str | None, status: int) -> None:
    found, document = send(sandbox, "GET", path, authorization=authorization)
    assert found == status
    assert list(document) == ["detail"]


@pytest.mark.parametrize(
    "path", ["/api/accounts", "/api/balances", "/api/set_leverage", "/api/sor/get_cached_account_balance/"]
)
def test_a_path_with_another_end_is_not_found(sandbox: Sandbox, path: str) -> None:
    assert send(sandbox, "GET", path) == (404, {"detail": "not found"})


def test_tokens_hold_the_sums_over_the_positions_that_they_settle(sandbox: Sandbox) -> None:
    _, document = send(sandbox, "GET", "/api/balances/?account_names=Bybit%20main,OKX%20pm")
    assert list(document) == ["Bybit main", "OKX pm"]
    for held in document.values():
        rows: list[dict[str, Any]] = held["assets"]
        for token in (row for row in rows if row["asset_type"] == "token"):
            settled = [row for row in rows if row["symbol"].endswith(f"-{token['symbol']}")]
            for name in ("unrealized_profit", "initial_margin", "maint_margin"):
                assert token[name] == sum(row[name] for row in settled)
            assert token["margin_balance"] == token["size"] + token["unrealized_profit"]
            assert token["leverage"] is None


@pytest.mark.parametrize(
    ("exchange", "notional", "leverage", "initial", "maintenance"),
    [
        ("Bybit", "3051.5284", "10", "306.80066534", "16.90546734"),
        ("Binance", "572.956735", "5", "114.59134696", "2.29182693"),
        ("OKX", "33618.397", "1", "37.148328685", "28.57563745"),
    ],
)
def test_requirements_are_those_of_the_documented_examples(
    exchange: str, notional: str, leverage: str, initial: str, maintenance: str
) -> None:
    found = requirements(exchange, Decimal(notional), Decimal(leverage))
    for value, documented in zip(found, (initial, maintenance), strict=True):
        assert abs(value - Decimal(documented)) <= Decimal("0.00000005")


def test_archived_accounts_are_listed_only_when_asked_for(sandbox: Sandbox) -> None:
    _, listed = send(sandbox, "GET", "/api/accounts/")
    _, every = send(sandbox, "GET", "/api/accounts/?include_archived=true")
    assert [row["name"] for row in every if row["archived"]] == ["Old Bitget"]
    assert listed == [row for row in every if not row["archived"]]
    assert send(sandbox, "GET", "/api/accounts/?include_archived=maybe")[0] == 400


def test_leverage_that_is_set_changes_the_margins(sandbox: Sandbox) -> None:
    def read() -> tuple[Decimal, Decimal]:
        _, document = send(sandbox, "GET", "/api/balances/?account_names=xyz")
        row = document["xyz"]["assets"][0]
        return row["leverage"], row["initial_margin"]

    _, listed = send(sandbox, "GET", "/api/accounts/")
    body = {
        "account_ids": [next(row["id"] for row in listed if row["name"] == "xyz")],
        "pair": "xyz_XYZ100:PERP-USDC",
        "leverage": "20",
    }
    before = read()
    assert send(sandbox, "POST", "/api/set_leverage/", body) == (
        200,
        {"message": "Leverage changed successfully."},
    )
    after = read()
    assert (before[0], after[0]) == (Decimal(10), Decimal(20))
    assert after[1] < before[1]

    refused: list[tuple[dict[str, Any], int]] = [
        ({"leverage": 20}, 400),
        ({"leverage": "0"}, 400),
        ({"leverage": "2.5"}, 400),
        ({"account_ids": []}, 400),
        ({"account_ids": ["nobody"]}, 404),
        ({"pair": "NO:PERP-USDT"}, 404),
    ]
    for changes, status in refused:
        assert send(sandbox, "POST", "/api/set_leverage/", body | changes)[0] == status
    assert read() == after


def test_an_account_comes_and_goes(sandbox: Sandbox) -> None:
    body = {"name": "new/one", "exchange": "OKX", "api_key": "demo-key", "api_secret": "demo-secret"}
    assert send(sandbox, "POST", "/api/accounts/", body)[0] == 400  # without its passphrase
    created = send(sandbox, "POST", "/api/accounts/", body | {"password": "demo-passphrase"})
    assert created == (201, {"message": "Account created."})
    assert send(sandbox, "POST", "/api/accounts/", body | {"password": "demo-passphrase"})[0] == 409

    _, listed = send(sandbox, "GET", "/api/accounts/")
    [row] = [each for each in listed if each["name"] == "new/one"]
    assert "demo-" not in json.dumps(row)
    assert send(sandbox, "PUT", "/api/accounts/", {"id": row["id"], "margin_mode": "ISOLATED"})[0] == 200
    [found] = [each for each in demo(sandbox, "tread").accounts if each.account_id == "new/one"]
    assert (found.mode, found.equity) == (av.Mode.ISOLATED, None)
    assert [finding.code for finding in found.findings] == ["NO_BALANCES"]

    assert send(sandbox, "DELETE", "/api/accounts/", {"name": "new/one"})[0] == 200
    assert send(sandbox, "DELETE", "/api/accounts/", {"name": "new/one"})[0] == 404
    assert "new/one" not in [each.account_id for each in demo(sandbox, "tread").accounts]


def test_the_demo_shows_what_is_particular_to_the_venue(sandbox: Sandbox) -> None:
    bybit, perps, okx, builders = demo(sandbox, "tread").accounts
    assert [each.label for each in (bybit, perps, okx, builders)] == [
        "tread/Bybit main",
        "tread/alice/perps",
        "tread/OKX pm",
        "tread/xyz",
    ]
    assert [(each.venue_symbol, each.side) for each in bybit.positions][2:] == [
        ("BTC:PERP-USDT", av.Side.LONG),
        ("BTC:PERP-USDT", av.Side.SHORT),
    ]
    assert [finding.code for finding in perps.findings] == ["SEVERAL_WALLETS"]
    assert okx.positions[0].missing["size"] is Missing.NOT_DERIVABLE
    assert okx.positions[0].missing["leverage"] is Missing.UNKNOWN_SENTINEL
    assert builders.positions[0].instrument == PAIRS["xyz_XYZ100:PERP-USDC"]
    assert [each.findings for each in (bybit, okx, builders)] == [(), (), ()]
    assert all(each.complete for each in (bybit, perps, okx, builders))


def test_the_cache_has_a_time_of_its_own(sandbox: Sandbox) -> None:
    fresh, asleep = demo(sandbox, "tread-cache").accounts
    assert fresh.as_of is not None
    assert asleep.as_of is not None
    polled = NOW - NOW % 13
    assert (fresh.as_of.timestamp(), asleep.as_of.timestamp()) == (polled, NOW - 6 * 3600)
    assert [[finding.code for finding in each.findings] for each in (fresh, asleep)] == [["CACHED"]] * 2


def test_what_goes_wrong_stays_with_its_account(sandbox: Sandbox) -> None:
    reading = demo(sandbox, "tread-troubled")
    codes = {each.account_id: [finding.code for finding in each.findings] for each in reading.accounts}
    assert codes == {
        "Bybit cut": ["POSITIONS_CUT", "SHARES_MISMATCH"],
        "Deribit inverse": [],
        "OKX deep": ["UNDERWATER"],
        "Bitget empty": ["NO_BALANCES"],
    }
    assert [(type(each), each.account) for each in reading.failures] == [
        (av.CredentialsRefused, "tread-troubled/Gate revoked"),
        (av.VenueUnavailable, "tread-troubled/Coinbase silent"),
    ]
    with pytest.raises(av.CredentialsRefused):
        demo(sandbox, "tread-suspended")


def test_an_error_object_with_status_200_is_seen_over_the_wire_too(sandbox: Sandbox) -> None:
    sandbox.fail("tread", "getBalances", status=200, body=b'{"message": "Something went wrong."}')
    with pytest.raises(av.AnswerInvalid):
        demo(sandbox, "tread")

"""What is particular to Tread.fi: one token and many accounts, two answers, coins that are priced by their own rows."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

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


def test_a_position_is_settled_in_the_coin_of_its_own_wallet() -> None:
    other = token_row("USDT", "10.0", "9.0").replace('"perp"', '"spot"')
    found = account(
        other,
        token_row("USDT", "10.0", "10.1", initial_margin="5.0"),
        position_row("ETH:PERP-USDT", "1.0", "20.0", initial_margin="5.0"),
    )
    assert found.positions[0].initial_margin == Decimal("5.05")


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

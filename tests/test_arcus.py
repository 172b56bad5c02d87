"""What golden cases do not show of Arcus: its options, what is sent, who an account is, and its sandbox."""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import FIXTURES, Case, ReplayServer, StoredAnswer

import accountview as av
from accountview import accounts_file, spec, wire
from accountview.accounts_file import Entry
from accountview.plan import NOBODY, Reply
from accountview.sandbox import Sandbox
from accountview.sandbox.dialects import _ed25519
from accountview.sandbox.dialects.arcus import MAIN, MARKETS, NOT_ENROLLED, UNUSED, private_key
from accountview.venues import arcus
from accountview_clients.arcus.api.account import get_account, get_leverages, set_leverage
from accountview_clients.arcus.models import SetLeverageRequest

ADDRESS = "0x00000000000000000000000000000000000000a1"
TLS = ssl.create_default_context()  # never used on loopback, but every httpx client would make one


# Options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        # The page's own sample address has 39 digits.
        ({"address": "0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb"}, "address must be 40 hexadecimal digits"),
        ({"address": ""}, "address must be 40 hexadecimal digits"),
        ({"address": ADDRESS + "\n"}, "address must be 40 hexadecimal digits"),
        ({"address": "0x" + "g" * 40}, "address must be 40 hexadecimal digits"),
        ({"address": "\u0661" * 40}, "address must be 40 hexadecimal digits"),
        ({"account_index": 10}, 'account_index is 10; give 0 to 9, or "all"'),
        ({"account_index": -1}, 'account_index is -1; give 0 to 9, or "all"'),
        ({"account_index": True}, 'account_index is True; give 0 to 9, or "all"'),
        ({"account_index": "3"}, "account_index is '3'; give 0 to 9, or \"all\""),
        ({"network": "moonnet"}, "network is 'moonnet'; there are mainnet, testnet"),
        ({"base_url": "http://example.com"}, "base_url must start with https://"),
        ({"timeout": 0}, "timeout is 0; give seconds above 0"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_at_once(options: dict[str, Any], says: str) -> None:
    with pytest.raises(av.UsageError) as caught:
        av.connect("arcus", **({"address": ADDRESS} | options))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("network", "host"), [("mainnet", "https://api.arcus.xyz"), ("testnet", "https://api.testnet.arcus.xyz")]
)
def test_a_network_is_a_documented_host(network: str, host: str) -> None:
    with av.connect("arcus", address=ADDRESS, network=network) as client:
        assert repr(client).endswith(f"arcus {host}>")


@pytest.mark.parametrize(
    ("index", "good"), [("3", True), ('"all"', True), ('"some"', False), ("true", False)]
)
def test_the_accounts_file_takes_an_index_or_all(tmp_path: Path, index: str, *, good: bool) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(f'[accounts.main]\nvenue = "arcus"\naddress = "{ADDRESS}"\naccount_index = {index}\n')
    if good:
        [entry] = accounts_file.load(path)
        assert entry.options["account_index"] == json.loads(index)
    else:
        with pytest.raises(av.UsageError, match="account_index"):
            accounts_file.load(path)


# What is sent ------------------------------------------------------------------------------------------------------


def case(name: str) -> Case:
    return Case("arcus", name)


def read(replay: ReplayServer, stored: list[StoredAnswer], **options: Any) -> av.Snapshot:
    base_url = replay.serve("arcus", stored)
    entry = Entry("main", "arcus", {"address": ADDRESS, "base_url": base_url, **options})
    return av.Portfolio([entry]).fetch()


def test_a_read_asks_by_address_and_index_and_shows_no_key(replay: ReplayServer) -> None:
    replay.asked.clear()
    read(replay, case("mixed-case-address").exchange.answers, address="0X" + ADDRESS[2:].upper())

    assert sorted(path.partition("?")[::2] for _, path, _, _ in replay.asked) == [
        ("/arcus/v1/account", f"address={ADDRESS}&accountIndex=0"),
        ("/arcus/v1/leverages", f"address={ADDRESS}&accountIndex=0"),
    ]
    for method, _, headers, body in replay.asked:
        assert (method, body) == ("GET", b"")
        names = {name.lower() for name in headers}
        assert not names & {"x-api-key", "x-signature", "x-timestamp", "authorization", "cookie"}


def test_all_asks_for_each_of_the_ten(replay: ReplayServer) -> None:
    replay.asked.clear()
    read(replay, case("all-indices").exchange.answers, account_index="all")

    for operation in ("account", "leverages"):
        asked = dict.fromkeys(path for _, path, _, _ in replay.asked if f"/v1/{operation}?" in path)
        assert sorted(asked) == [
            f"/arcus/v1/{operation}?address={ADDRESS}&accountIndex={n}" for n in range(10)
        ]


# Who an account is -------------------------------------------------------------------------------------------------


def test_each_of_several_accounts_has_a_label_and_an_id_of_its_own(replay: ReplayServer) -> None:
    snapshot = read(replay, case("all-indices").exchange.answers, account_index="all")

    numbers = [0, 1, 2, 3, 4, 6, 8, 9]
    assert [account.label for account in snapshot.accounts] == [f"main/{n}" for n in numbers]
    assert [account.account_id for account in snapshot.accounts] == [f"{ADDRESS}/{n}" for n in numbers]
    assert [(row.label, row.error) for row in snapshot.failures] == [
        ("main/5", "RateLimited"),
        ("main/7", "AnswerInvalid"),
    ]
    assert not snapshot.complete


def test_one_account_keeps_the_plain_label(replay: ReplayServer) -> None:
    [account] = read(replay, case("other-index").exchange.answers, account_index=4).accounts
    assert (account.label, account.account_id) == ("main", f"{ADDRESS}/4")


def test_without_a_label_a_failure_bears_the_id(replay: ReplayServer) -> None:
    base_url = replay.serve("arcus", case("all-indices").exchange.answers)
    with arcus.connect(address=ADDRESS, account_index="all", base_url=base_url) as client:
        reading = client.read()
        assert {account.label for account in reading.accounts} == {None}
        limited, mixed_up = reading.failures
        assert limited.account == f"{ADDRESS}/5"
        assert isinstance(limited, av.RateLimited)
        assert limited.retry_after is None
        assert isinstance(mixed_up, av.AnswerInvalid)
        assert mixed_up.path == "$.accountIndex"
        assert str(mixed_up).count("$.accountIndex") == 1
        with pytest.raises(av.RateLimited):
            client.account(f"{ADDRESS}/3")


def test_an_unused_account_is_whole_and_in_no_total(replay: ReplayServer) -> None:
    snapshot = read(replay, case("documented-no-activity").exchange.answers)

    [account] = snapshot.accounts
    assert account.status is av.Status.NO_ACTIVITY
    assert account.complete
    assert snapshot.complete
    assert snapshot.no_activity == (account,)
    assert snapshot.totals() == ()
    assert snapshot.taken_at <= account.requested_at < account.received_at
    assert account.missing["equity"] is av.Missing.NO_ACTIVITY
    assert account.missing["maintenance_margin"] is av.Missing.NOT_DERIVABLE
    assert "knows nothing of this account" in str(account.explain("equity"))
    assert [finding.code for finding in account.findings] == ["NO_ACTIVITY"]


@pytest.mark.parametrize("first", ["account", "leverages"])
def test_the_times_are_of_both_answers(first: str) -> None:
    early, late = (datetime(2026, 1, 2, 3, minute, tzinfo=UTC) for minute in (4, 5))
    second = timedelta(seconds=1)
    answers = case("seed-flat").exchange.answers
    summary = get_account.parse_response(200, answers[0].content, decode=wire.decode)
    multiples = get_leverages.parse_response(200, answers[1].content, decode=wire.decode)
    first_at, second_at = (early, late) if first == "account" else (late, early)
    account: Reply[arcus.Summary] = Reply(summary, first_at, first_at + second)
    leverages = Reply(multiples, second_at, second_at + second)

    view = arcus.account_view(arcus.Asked(ADDRESS, 0), NOBODY, account, leverages)
    assert (view.requested_at, view.received_at) == (early, late + second)


# What the figures are ----------------------------------------------------------------------------------------------


def account_of(name: str) -> av.Account:
    times = dict.fromkeys(("requested_at", "received_at"), "2026-01-02T03:04:05.000000Z")
    return av.Account.from_dict(case(name).expected["accounts"][0] | times)


def test_a_sum_explains_itself_by_its_rows() -> None:
    explanation = account_of("long-and-short").explain("unrealized_pnl")

    assert [part.field for part in explanation.inputs] == [
        "positions/0/unrealized_pnl",
        "positions/1/unrealized_pnl",
    ]
    text = str(explanation)
    assert "getAccount at /positions/*/markPx" in text
    assert "unrealizedPnl is a difference of margins" in text


def test_cash_is_no_wallet_balance() -> None:
    for name in ("seed-flat", "seed-cash-below-zero", "long-and-short"):
        account = account_of(name)
        assert account.missing["wallet_balance"] is av.Missing.NOT_DERIVABLE
        assert account.balances[0].missing["total"] is av.Missing.NOT_DERIVABLE
        assert "cash leg of every position" in str(account.explain("wallet_balance"))


def test_profit_is_the_price_move_and_not_the_figure_of_that_name() -> None:
    body = json.loads(case("long-and-short").exchange.answers[0].content)
    account = account_of("long-and-short")
    for row, position in zip(body["positions"].values(), account.positions, strict=True):
        assert position.unrealized_pnl == Decimal(row["size"]) * (
            Decimal(row["markPx"]) - Decimal(row["averageEntryPrice"])
        )
        assert position.unrealized_pnl != Decimal(row["unrealizedPnl"])


@pytest.mark.parametrize(
    ("changes", "checked"),
    [({}, True), ({"marginMode": "ISOLATED"}, False), ({"markPx": "0"}, False)],
    ids=["cross", "isolated", "without a mark"],
)
def test_equity_is_held_against_positions_only_where_it_follows_from_them(
    changes: dict[str, str],
    checked: bool,  # noqa: FBT001 - a column of the table
    replay: ReplayServer,
) -> None:
    answers = [*case("long-and-short").exchange.answers]
    body = json.loads(answers[0].content)
    body["equity"] = str(Decimal(body["equity"]) * 2)
    next(iter(body["positions"].values())).update(changes)
    answers[0] = StoredAnswer(request=answers[0].request, status=200, text=json.dumps(body))

    [account] = read(replay, answers).accounts
    codes = {finding.code for finding in account.findings}
    assert ("EQUITY_MISMATCH" in codes) is checked
    assert account.complete is not checked


def test_all_dialects_of_side_and_size_read_the_same() -> None:
    assert account_of("buy-and-sell").to_dict() == account_of("long-and-short").to_dict()


@pytest.mark.parametrize(
    ("market", "base"),
    [
        ("BTC-USD", "BTC"),
        ("NVDA-USD", "NVDA"),
        ("BTC-PERP", None),
        ("-USD", None),
        ("A-B-USD", None),
        ("BTCUSD", None),
    ],
)
def test_a_market_is_its_base_against_the_dollar(market: str, base: str | None) -> None:
    found = arcus.instrument(market)
    assert (found.base if found else None) == base
    assert found is None or (found.quote, found.kind) == ("USD", av.Kind.PERPETUAL)


def test_no_fixture_holds_a_real_address() -> None:
    texts = [path.read_text() for path in (FIXTURES / "arcus").rglob("*.json")]
    assert not any("742d35" in text.lower() for text in texts)


# The sandbox -------------------------------------------------------------------------------------------------------

SECOND = 1_000_000_000
NOW = 1_760_000_000 * SECOND
EXACT = Context(prec=200)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


def get(sandbox: Sandbox, operation: str, **query: object) -> httpx.Response:
    with httpx.Client(verify=TLS) as client:
        return client.get(
            f"{sandbox.base_url('arcus')}/v1/{operation}", params={k: str(v) for k, v in query.items()}
        )


def snapshot_of(sandbox: Sandbox, *labels: str) -> av.Snapshot:
    return av.Portfolio([entry for entry in sandbox.all_entries if entry.label in labels]).fetch()


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({}, 400, "address must be 20 bytes of hex"),
        ({"address": MAIN[:-1]}, 400, "address must be 20 bytes of hex"),
        ({"address": MAIN, "accountIndex": 10}, 400, "accountIndex must be 0 to 9"),
        ({"address": MAIN, "accountIndex": ""}, 400, "accountIndex must be 0 to 9"),
        ({"address": NOT_ENROLLED}, 403, "address not on access whitelist"),
        ({"address": UNUSED}, 404, "this account has no activity yet"),
        ({"address": MAIN, "accountIndex": 2}, 404, "this account has no activity yet"),
    ],
)
def test_the_sandbox_refuses_as_the_venue_does(
    sandbox: Sandbox, query: dict[str, object], status: int, says: str
) -> None:
    response = get(sandbox, "account", **query)
    assert (response.status_code, response.json()) == (status, {"error": says})
    if status == 404:  # it is flat, not unknown
        assert get(sandbox, "positions", **query).json() == {"positions": {}, "total": 0}
        assert [row["leverage"] for row in get(sandbox, "leverages", **query).json()["leverages"]] == [
            40,
            25,
            20,
            10,
        ]


def test_a_misspelt_name_is_ignored_without_a_word(sandbox: Sandbox) -> None:
    assert get(sandbox, "account", address=MAIN.upper(), account_index=1).json()["accountIndex"] == 0
    assert get(sandbox, "account", address=MAIN[2:], accountIndex=1).json()["address"] == MAIN


def test_positions_can_be_asked_for_by_market(sandbox: Sandbox) -> None:
    whole = get(sandbox, "positions", address=MAIN).json()
    assert list(whole["positions"]) == ["1", "3"]
    for market in ("sol-usd", "3"):
        assert list(get(sandbox, "positions", address=MAIN, market=market).json()["positions"]) == ["3"]
    assert get(sandbox, "positions", address=MAIN, market="ETH-USD").json() == {"positions": {}, "total": 0}
    assert get(sandbox, "positions", address=MAIN, market="DOGE-USD").status_code == 400


@pytest.mark.parametrize("index", [0, 1])
def test_figures_follow_the_documented_formulas(sandbox: Sandbox, clock: Clock, index: int) -> None:
    markets = {str(market.number): market for market in MARKETS}
    cash: set[str] = set()
    for second in (0, 1, 17, 39, 40, 61):
        clock.now = NOW + second * SECOND
        account = get(sandbox, "account", address=MAIN, accountIndex=index).json()
        assert (
            account["positions"]
            == get(sandbox, "positions", address=MAIN, accountIndex=index).json()["positions"]
        )
        cash.add(account["netQuoteBalance"])
        with localcontext(EXACT):
            worth, locked = Decimal(0), Decimal(0)
            for key, row in account["positions"].items():
                size, entry, mark = (Decimal(row[name]) for name in ("size", "averageEntryPrice", "markPx"))
                assert row["marketId"] == int(key)
                assert (row["side"] == "SHORT") == (size < 0)
                assert Decimal(row["positionValueNotional"]) == size * (mark or entry)
                assert Decimal(row["borrowedCapital"]) == -size * entry
                worth += size * markets[key].oracle(clock.now)
                locked += Decimal(row["marginUsed"])
            assert Decimal(account["equity"]) == Decimal(account["netQuoteBalance"]) + worth
            assert Decimal(account["freeCollateral"]) == Decimal(account["equity"]) - locked
    assert len(cash) == 1


def test_the_demo_accounts_show_what_they_are_there_for(sandbox: Sandbox) -> None:
    snapshot = snapshot_of(sandbox, "arcus-main", "arcus-second", "arcus-unused")

    main, second, unused = snapshot.accounts
    assert {position.side for position in main.positions} == {av.Side.LONG, av.Side.SHORT}
    assert main.findings == ()
    assert main.sequence == 2**53 + 1
    assert {finding.code for finding in second.findings} == {"UNKNOWN_AMOUNT", "MARK_UNKNOWN"}
    assert second.unrealized_pnl is None
    assert [position.margin_mode for position in second.positions] == [
        av.MarginMode.ISOLATED,
        av.MarginMode.CROSS,
    ]
    assert unused.status is av.Status.NO_ACTIVITY
    assert snapshot.complete
    assert [total.accounts for total in snapshot.totals()] == [2]


def test_the_other_accounts_are_there_for_tests(sandbox: Sandbox) -> None:
    snapshot = snapshot_of(sandbox, "arcus-all", "arcus-not-enrolled")

    assert [account.label for account in snapshot.accounts] == [f"arcus-all/{n}" for n in range(10)]
    assert len(snapshot.no_activity) == 8
    [refused] = snapshot.failures
    assert (refused.label, refused.error) == ("arcus-not-enrolled", "CredentialsRefused")


# The signed call ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [
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
    ],
)
def test_signatures_of_the_rfc_verify_and_no_other(
    seed: str, public: str, message: str, signature: str
) -> None:
    key, text, good = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert _ed25519.public_key(bytes.fromhex(seed)) == key
    assert _ed25519.sign(bytes.fromhex(seed), text) == good
    assert _ed25519.verify(key, text, good)
    order = 2**252 + 27742317777372353535851937790883648493
    again = int.from_bytes(good[32:], "little") + order
    for bad_key, bad_text, bad in (
        (key, text + b"!", good),
        (key[::-1], text, good),
        (key, text, bytes([good[0] ^ 1]) + good[1:]),
        (key, text, good[:-1] + bytes([good[-1] ^ 1])),
        (key, text, good[:-1]),
        (key, text, good[:32] + again.to_bytes(32, "little")),  # the same point, written another way
        (b"\xff" * 32, text, good),
    ):
        assert not _ed25519.verify(bad_key, bad_text, bad)


def post(
    sandbox: Sandbox,
    *,
    signer: str = MAIN,
    timestamp: str = str(NOW),
    signed_text: str | None = None,
    headers: dict[str, str] | None = None,
    content: bytes | None = None,
    **changes: Any,
) -> httpx.Response:
    """setLeverage, signed by the documented rule unless something else is said."""
    body = {"address": signer, "marketId": 1, "leverage": 10} | changes
    text = json.dumps(body, sort_keys=True, separators=(",", ":")) if signed_text is None else signed_text
    seed = private_key(signer)
    sent = {
        "X-API-Key": _ed25519.public_key(seed).hex(),
        "X-Timestamp": timestamp,
        "X-Signature": _ed25519.sign(seed, f"{timestamp}setLeverage{text}".encode()).hex(),
        "Content-Type": "application/json",
    }
    with httpx.Client(verify=TLS) as client:
        return client.post(
            f"{sandbox.base_url('arcus')}/v1/setLeverage",
            headers=sent | (headers or {}),
            content=json.dumps(body, indent=1).encode() if content is None else content,
        )


def test_setting_leverage_shows_in_every_answer(sandbox: Sandbox) -> None:
    before = get(sandbox, "account", address=MAIN).json()
    answer = post(sandbox, accountIndex=0)

    assert answer.status_code == 200
    assert answer.json() | {"requestId": ""} == {
        "requestId": "",
        "address": MAIN,
        "accountIndex": 0,
        "marketId": 1,
        "leverage": 10,
        "marginMode": "CROSS",
        "status": "APPLIED",
    }
    after = get(sandbox, "account", address=MAIN).json()
    assert after["sequenceNumber"] == before["sequenceNumber"] + 1
    assert after["equity"] == before["equity"]
    assert Decimal(after["freeCollateral"]) < Decimal(before["freeCollateral"])
    assert after["positions"]["1"]["leverage"] == "10"
    assert get(sandbox, "leverages", address=MAIN).json()["leverages"][0]["leverage"] == 10
    [account] = snapshot_of(sandbox, "arcus-main").accounts
    assert account.leverage_by_market["BTC-USD"] == account.positions[0].leverage == 10
    assert account.findings == ()


def test_the_generated_request_is_what_is_signed(sandbox: Sandbox) -> None:
    request = set_leverage.build_request(
        body=SetLeverageRequest(address=UNUSED, marketId=3, leverage=7, isolated=True)
    )
    assert request.content is not None
    text = json.dumps(json.loads(request.content), sort_keys=True, separators=(",", ":"))
    answer = post(sandbox, signer=UNUSED, signed_text=text, content=request.content)
    assert (answer.status_code, answer.json()["marginMode"]) == (200, "ISOLATED")
    row = get(sandbox, "leverages", address=UNUSED).json()["leverages"][2]
    assert (row["leverage"], row["isolated"], row["marginMode"]) == (7, True, "ISOLATED")


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"headers": {"X-API-Key": ""}}, 401, "unknown api key"),
        ({"headers": {"X-API-Key": "0" * 64}}, 401, "unknown api key"),
        ({"headers": {"X-Signature": "0" * 128}}, 401, "bad signature"),
        ({"headers": {"X-Signature": ""}}, 401, "bad signature"),
        ({"headers": {"X-Timestamp": str(NOW + 1)}}, 401, "bad signature"),
        ({"timestamp": str(NOW // 1000)}, 401, "X-Timestamp must be nanoseconds"),
        ({"timestamp": str(NOW + 30_001_000_000)}, 401, "X-Timestamp must be nanoseconds"),
        ({"timestamp": str(NOW - 30_001_000_000)}, 401, "X-Timestamp must be nanoseconds"),
        ({"signed_text": '{"address": "not canonical"}'}, 401, "bad signature"),
        ({"content": b"{"}, 400, "not JSON"),
        ({"content": b"[" * 100_000}, 400, "not JSON"),
        ({"content": b"[]", "signed_text": "[]"}, 400, "body must be object"),
        ({"leverage": 0}, 400, "leverage must be at least 1"),
        ({"leverage": 1001}, 400, "leverage must be at most 1000"),
        ({"leverage": "10"}, 400, "leverage must be integer"),
        ({"address": "nobody"}, 400, "address must be 20 bytes of hex"),
        ({"address": UNUSED}, 403, "address does not match api key"),
        ({"accountIndex": 1}, 403, "address does not match api key"),
    ],
)
def test_a_bad_order_to_set_leverage_is_refused(
    sandbox: Sandbox, changes: dict[str, Any], status: int, says: str
) -> None:
    before = get(sandbox, "leverages", address=MAIN).json()
    answer = post(sandbox, **changes)
    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert get(sandbox, "leverages", address=MAIN).json() == before


@pytest.mark.parametrize("ahead", [-30_000_000_000, 30_000_000_000])
def test_the_bounds_of_the_clock_are_good(sandbox: Sandbox, ahead: int) -> None:
    assert post(sandbox, timestamp=str(NOW + ahead)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"marketId": 4}, "UNKNOWN_MARKET"),
        ({"leverage": 41}, "INVALID_LEVERAGE"),
        ({"isolated": True}, "HAS_OPEN_POSITION"),
        ({"leverage": 2}, "UNDERCOLLATERALIZED"),
    ],
)
def test_the_engine_says_why_it_refuses(sandbox: Sandbox, changes: dict[str, Any], reason: str) -> None:
    answer = post(sandbox, **changes)
    assert answer.status_code == 422
    assert (answer.json()["status"], answer.json()["rejectReason"]) == ("REJECTED", reason)
    parsed = set_leverage.parse_response(422, answer.content)
    assert getattr(parsed, "rejectReason", None) == reason
    assert get(sandbox, "leverages", address=MAIN).json()["leverages"][0]["leverage"] == 40


def test_facts_of_the_spec_are_what_the_adapter_rests_on() -> None:
    facts = spec.load("arcus")
    assert facts.fact("collateral") == "USDG"
    assert facts.fact("account_index_maximum") == "9"
    parameters = facts.components["parameters"]
    assert parameters["AccountIndex"]["schema"]["maximum"] == int(facts.fact("account_index_maximum"))

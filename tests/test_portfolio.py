"""Many accounts read together: a row for each, one that fails harms no other, sums stay within a currency."""

import asyncio
import json
import pickle
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from support import ROOT

import accountview as av
from accountview.accounts_file import Entry
from accountview.client import Adapter
from accountview.plan import Owner, Plan, Reading
from accountview.portfolio import FIGURES, json_schema
from accountview.sandbox import Sandbox
from accountview.testing import make_account
from accountview.venues import rabbitx

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.recover()


def validate(document: dict[str, Any]) -> None:
    """Hold a document against the schema that is shipped."""
    jsonschema.Draft202012Validator(json_schema()).validate(document)  # pyright: ignore[reportUnknownMemberType] # its stub leaves a parameter open


def valid(snapshot: av.Snapshot) -> dict[str, Any]:
    """The document of a snapshot, held against its schema."""
    document: dict[str, Any] = json.loads(snapshot.to_json())
    validate(document)
    assert document == snapshot.to_dict()
    return document


def snapshot(*accounts: av.Account, failures: tuple[av.Failure, ...] = ()) -> av.Snapshot:
    return av.Snapshot(taken_at=MOMENT, accounts=accounts, failures=failures)


def failure(label: str = "lost") -> av.Failure:
    return av.Failure(
        label=label,
        venue="bfx",
        operation="getAccount",
        error="VenueUnavailable",
        message="bfx account 'lost', getAccount: cannot connect",
        retryable=True,
    )


# Reading ---------------------------------------------------------------------------------------------------------


def entry_of(account: av.Account) -> str:
    """The label of the entry that an account was read for: one that sees several shows each as `label/account`."""
    return (account.label or "").partition("/")[0]


def entries_of(snapshot: av.Snapshot) -> list[str]:
    return list(dict.fromkeys(entry_of(account) for account in snapshot.accounts))


def test_the_sandbox_is_read_whole_and_in_order(sandbox: Sandbox) -> None:
    before = datetime.now(UTC)
    result = av.Portfolio(sandbox.entries).fetch()

    assert entries_of(result) == [entry.label for entry in sandbox.entries]
    tags = {entry.label: entry.tags for entry in sandbox.entries}
    assert all(account.tags == tags[entry_of(account)] for account in result.accounts)
    assert result.failures == ()
    assert before <= result.taken_at <= min(account.requested_at for account in result.accounts)
    document = valid(result)
    summed = {a.currency for a in result.accounts if a.status is not av.Status.NO_ACTIVITY}
    assert {total["currency"] for total in document["totals"]} == summed >= {"USDB", "USDT"}


def test_a_file_is_read_through_the_same_way(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.write_accounts(tmp_path / "accounts.toml")
    labels = [entry.label for entry in sandbox.entries]

    named = av.Portfolio.from_file(tmp_path / "accounts.toml")
    assert [entry.label for entry in named.entries] == labels
    monkeypatch.chdir(tmp_path)
    assert entries_of(av.Portfolio.from_file().fetch()) == labels


async def test_afetch_and_fetch_work_inside_a_running_loop(sandbox: Sandbox) -> None:
    portfolio = av.Portfolio(sandbox.entries)

    awaited = await portfolio.afetch()
    blocking = portfolio.fetch()

    assert [a.account_id for a in awaited.accounts] == [a.account_id for a in blocking.accounts] != []


def test_accounts_are_read_side_by_side(sandbox: Sandbox) -> None:
    wait = 0.5
    slow = ("bfx", "rabbitx")
    for venue in slow:
        sandbox.fail(venue, "getAccount", delay=wait, times=None)

    result = av.Portfolio([entry for entry in sandbox.entries if entry.venue in slow]).fetch()

    spans = [account.received_at - account.requested_at for account in result.accounts]
    assert len(spans) > 2
    assert all(span >= timedelta(seconds=wait) for span in spans)
    whole = max(a.received_at for a in result.accounts) - min(a.requested_at for a in result.accounts)
    assert whole < timedelta(seconds=wait * 2)


def test_a_failing_account_is_a_row_and_harms_no_other(sandbox: Sandbox) -> None:
    good = sandbox.entries
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    options = next(entry.options for entry in good if entry.venue == "bfx")
    wrong_key = Entry("wrong-key", "bfx", {**options, "api_key": "no-such-key"})
    nobody = Entry("nobody", "bfx", {**options, "base_url": f"http://127.0.0.1:{port}/bfx"})

    result = av.Portfolio([wrong_key, *good, nobody]).fetch()

    assert entries_of(result) == [entry.label for entry in good]
    refused, unreachable = result.failures
    assert (refused.label, refused.venue, refused.error, refused.retryable) == (
        *("wrong-key", "bfx", "CredentialsRefused"),
        False,
    )
    assert refused.operation in ("getAccount", "getPositions")
    assert "NO_SUCH_KEY" in refused.message
    assert "no-such-key" not in refused.message
    assert (unreachable.label, unreachable.error, unreachable.retryable) == (
        "nobody",
        "VenueUnavailable",
        True,
    )
    assert not result.complete
    document = valid(result)
    assert document["complete"] is False
    assert list(document["failures"][0]) == ["label", "venue", "operation", "error", "message", "retryable"]
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 200, "body": b"<html>"}, "AnswerInvalid"),
        ({"status": 520, "body": b"<html>"}, "VenueUnavailable"),
        ({"status": 429, "body": b"{}"}, "RateLimited"),
        ({"status": 400, "body": b'{"success":false,"error":"MARKET_CLOSED","result":[]}'}, "RequestRefused"),
    ],
)
def test_each_kind_of_failure_keeps_its_name(sandbox: Sandbox, fault: dict[str, Any], error: str) -> None:
    sandbox.fail("bfx", "getAccount", **fault, times=None)

    result = av.Portfolio(sandbox.entries).fetch()

    assert {row.error for row in result.failures} == {error}
    assert {row.venue for row in result.failures} == {"bfx"}
    assert {row.venue for row in result.accounts} == {entry.venue for entry in sandbox.entries} - {"bfx"}
    valid(result)


# What a plan may return ------------------------------------------------------------------------------------------

Read = Callable[[Owner], Reading]
Answering = Callable[[Read], list[Entry]]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Entries of a venue whose plan returns, or raises, what a function says, without asking anybody."""
    genuine = rabbitx.open_adapter(api_key="demo-key", api_secret="00")

    def entries(read: Read) -> list[Entry]:
        def plan(owner: Owner) -> Plan[Reading]:
            yield ()
            return read(owner)

        def open_adapter() -> Adapter:
            return Adapter("rabbitx", genuine.endpoint, plan)

        monkeypatch.setattr(rabbitx, "open_adapter", open_adapter)
        return [Entry("first", "rabbitx"), Entry("second", "rabbitx")]

    return entries


def refused(owner: Owner, label: str | None = None) -> av.CredentialsRefused:
    return av.CredentialsRefused("no", venue="rabbitx", account=label or owner.label, operation="getAccount")


def test_one_account_keeps_the_plain_label(answering: Answering) -> None:
    entries = answering(lambda owner: Reading((make_account(label=owner.label),)))
    assert [a.label for a in av.Portfolio(entries).fetch().accounts] == ["first", "second"]
    entries = answering(lambda _: Reading((make_account(label=None),)))
    assert [a.label for a in av.Portfolio(entries).fetch().accounts] == ["first", "second"]


def test_several_accounts_of_one_credential_are_told_apart_by_id(answering: Answering) -> None:
    entries = answering(
        lambda owner: Reading(
            (make_account(label=owner.label, account_id="7"), make_account(label=owner.label, account_id="8"))
        )
    )
    assert [a.label for a in av.Portfolio(entries).fetch().accounts] == [
        "first/7",
        "first/8",
        "second/7",
        "second/8",
    ]


def test_a_failed_account_beside_a_good_one_counts_as_several(answering: Answering) -> None:
    entries = answering(
        lambda owner: Reading(
            (make_account(label=owner.label, account_id="7"),), (refused(owner, f"{owner.label}/desk"),)
        )
    )[:1]
    result = av.Portfolio(entries).fetch()

    assert [account.label for account in result.accounts] == ["first/7"]
    assert [row.label for row in result.failures] == ["first/desk"]


def test_the_label_of_a_plan_wins(answering: Answering) -> None:
    entries = answering(lambda owner: Reading((make_account(label=f"{owner.label}/desk", account_id="7"),)))
    assert [a.label for a in av.Portfolio(entries).fetch().accounts] == ["first/desk", "second/desk"]


def test_a_credential_that_sees_nothing_is_a_failure_and_no_silence(answering: Answering) -> None:
    result = av.Portfolio(answering(lambda _: Reading())).fetch()

    assert [(row.label, row.error) for row in result.failures] == [
        ("first", "AnswerInvalid"),
        ("second", "AnswerInvalid"),
    ]
    assert "sees no account" in result.failures[0].message
    assert not result.complete


def test_a_bug_is_no_row(answering: Answering) -> None:
    def broken(owner: Owner) -> Reading:
        if owner.label == "second":
            raise ZeroDivisionError
        return Reading((make_account(label=owner.label),))

    with pytest.raises(ZeroDivisionError):
        av.Portfolio(answering(broken)).fetch()


async def test_a_bug_does_not_wait_for_the_others(answering: Answering, sandbox: Sandbox) -> None:
    def broken(_: Owner) -> Reading:
        raise ZeroDivisionError

    sandbox.fail("bfx", "getAccount", delay=30, times=None)
    slow = [entry for entry in sandbox.entries if entry.venue == "bfx"]

    async with asyncio.timeout(5):
        with pytest.raises(ZeroDivisionError):
            await av.Portfolio([*answering(broken), *slow]).afetch()

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_reading_leaves_nothing_running(sandbox: Sandbox) -> None:
    sandbox.fail("bfx", "getAccount", delay=30, times=None)
    reading = asyncio.create_task(av.Portfolio(sandbox.entries).afetch())
    await asyncio.sleep(0.2)
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading

    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([], "at least one account"),
        ([("a", "bfx", {"api_key": "k", "api_secret": "00"})] * 2, "share a label"),
        (
            [("a", "bfx", {"api_key": "k", "api_secret": "zz"})],
            "account 'a': bfx: api_secret must be hexadecimal",
        ),
        ([("a", "bfx", {"api_key": "k"})], "account 'a': bfx: missing option api_secret"),
    ],
)
def test_entries_that_cannot_be_opened_are_refused_at_once(
    entries: list[tuple[str, str, dict[str, str]]], says: str
) -> None:
    with pytest.raises(av.UsageError, match=re.escape(says)):
        av.Portfolio([Entry(*entry) for entry in entries])


# Sums ------------------------------------------------------------------------------------------------------------


def test_currencies_are_never_added_and_are_sorted() -> None:
    result = snapshot(
        make_account(label="a", currency="USDT", equity=Decimal("0.10")),
        make_account(label="b", currency="USD", equity=Decimal(3)),
        make_account(label="c", currency="USDT", equity=Decimal("1e-38")),
    )
    assert [(each.currency, each.accounts, each.equity) for each in result.totals()] == [
        ("USD", 1, Decimal(3)),
        ("USDT", 2, Decimal("0.10000000000000000000000000000000000001")),
    ]
    assert valid(result)["totals"][1]["equity"] == "0.10000000000000000000000000000000000001"


def test_a_figure_that_one_account_lacks_has_no_sum() -> None:
    (total,) = snapshot(
        make_account(label="a"), make_account(label="b", equity=None), make_account(label="c", equity=None)
    ).totals()

    assert total.equity is None
    assert total.missing == {"equity": 2}
    assert total.available == Decimal("9899.5") * 3
    assert all(getattr(total, name) is not None for name in FIGURES if name != "equity")


def quiet(label: str, currency: str) -> av.Account:
    figures = dict.fromkeys((*FIGURES, "wallet_balance", "withdrawable", "position_margin", "order_margin"))
    return make_account(
        label=label, currency=currency, status=av.Status.NO_ACTIVITY, positions=(), balances=(), **figures
    )


def test_an_account_without_activity_counts_apart() -> None:
    result = snapshot(make_account(label="a"), quiet("b", "USDT"), quiet("c", "USDC"))

    (total,) = result.totals()  # nothing known is no sum of 0 either, so USDC has no row

    assert (total.currency, total.accounts, total.missing) == ("USDT", 1, {})
    assert total.equity == Decimal(10050)
    assert [account.label for account in result.no_activity] == ["b", "c"]
    assert result.complete
    valid(result)


def test_an_incomplete_snapshot_has_no_totals_unless_asked() -> None:
    cut = make_account(label="cut", missing={"positions": av.Missing.NOT_RETURNED})
    result = snapshot(make_account(label="a"), cut, failures=(failure(),))

    with pytest.raises(av.IncompleteSnapshot, match=r"not read: lost; not whole: cut; allow_partial=True"):
        result.totals()
    (total,) = result.totals(allow_partial=True)
    assert total.accounts == 2
    assert valid(result)["totals"][0]["equity"] == "20100"
    with pytest.raises(av.IncompleteSnapshot, match=r"^not whole: cut;"):
        snapshot(cut).totals()
    with pytest.raises(av.IncompleteSnapshot, match=r"^not read: lost;"):
        snapshot(failures=(failure(),)).totals()
    assert snapshot(make_account()).complete


def test_the_oldest_row_is_the_one_that_was_asked_first() -> None:
    older = make_account(label="older", requested_at=MOMENT - timedelta(seconds=9), received_at=MOMENT)
    newer = make_account(label="newer", requested_at=MOMENT, received_at=MOMENT)

    assert snapshot(newer, older).oldest == older
    assert snapshot(failures=(failure(),)).oldest is None


# The document, frozen --------------------------------------------------------------------------------------------

AMOUNTS = [
    *("equity", "wallet_balance", "unrealized_pnl", "available", "withdrawable"),
    *(
        "initial_margin",
        "position_margin",
        "order_margin",
        "maintenance_margin",
        "margin_buffer",
        "margin_ratio",
    ),
    *("notional", "effective_leverage", "net_deposits", "pending_deposits", "pending_withdrawals", "health"),
]
KEYS = {
    "document": ["schema", "taken_at", "complete", "accounts", "failures", "totals"],
    "account": [
        *(
            "label",
            "tags",
            "venue",
            "underlying_venue",
            "account_id",
            "currency",
            "status",
            "venue_status",
            "mode",
        ),
        *AMOUNTS,
        *("leverage_by_market", "as_of", "requested_at", "received_at", "sequence", "missing", "findings"),
        *("positions", "balances"),
    ],
    "position": [
        *(
            "instrument",
            "venue_symbol",
            "side",
            "size",
            "entry_price",
            "mark_price",
            "liquidation_price",
            "notional",
        ),
        *("leverage", "margin_mode", "wallet", "initial_margin", "maintenance_margin", "unrealized_pnl"),
        *("realized_pnl", "funding", "missing"),
    ],
    "instrument": ["base", "quote", "kind", "expiry", "strike"],
    "balance": ["asset", "total", "available", "borrowed", "value", "wallet", "missing"],
    "finding": ["code", "fields", "difference", "tolerance", "message"],
    "failure": ["label", "venue", "operation", "error", "message", "retryable"],
    "total": [
        *("currency", "accounts", "missing", "equity", "unrealized_pnl", "available", "initial_margin"),
        *("maintenance_margin", "notional"),
    ],
}
PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def full() -> av.Snapshot:
    finding = av.Finding(
        code="EQUITY_MISMATCH",
        fields=("equity",),
        difference=Decimal("-1E-7"),
        tolerance=Decimal("1E+2"),
        message="apart",
    )
    account = make_account(
        equity=Decimal("1.05E+5"),
        available=Decimal("0E-8"),
        findings=(finding,),
        sequence=2**63,
        tags=("demo",),
    )
    return snapshot(account, failures=(failure(),))


def test_the_keys_of_the_document_are_frozen() -> None:
    document = valid(full())
    (account,) = document["accounts"]
    shown = {
        "document": document,
        "account": account,
        "position": account["positions"][0],
        "instrument": account["positions"][0]["instrument"],
        "balance": account["balances"][0],
        "finding": account["findings"][0],
        "failure": document["failures"][0],
        "total": document["totals"][0],
    }
    assert {name: list(value) for name, value in shown.items()} == KEYS
    assert document["schema"] == "accountview/1"


def test_amounts_are_plain_text_and_times_have_six_digits() -> None:
    document = valid(full())
    (account,) = document["accounts"]

    assert (account["equity"], account["available"]) == ("105000", "0.00000000")
    assert (account["findings"][0]["difference"], account["findings"][0]["tolerance"]) == (
        "-0.0000001",
        "100",
    )
    assert account["sequence"] == "9223372036854775808"
    for name in AMOUNTS:
        assert account[name] is None or PLAIN.fullmatch(account[name])
    for value in (
        document["taken_at"],
        *(account[name] for name in ("as_of", "requested_at", "received_at")),
    ):
        assert TIME.fullmatch(value)


GONE = object()


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (["schema"], "accountview/2"),
        (["extra"], 1),
        (["totals"], GONE),
        (["accounts", 0, "equity"], 1.5),
        (["accounts", 0, "equity"], "1E+5"),
        (["accounts", 0, "extra"], None),
        (["accounts", 0, "label"], None),
        (["accounts", 0, "sequence"], 7),
        (["accounts", 0, "requested_at"], "2024-01-02T03:04:05Z"),
        (["accounts", 0, "status"], "fine"),
        (["accounts", 0, "missing"], {"equity": "BECAUSE"}),
        (["accounts", 0, "health"], GONE),
        (["accounts", 0, "positions", 0, "side"], "long"),
        (["accounts", 0, "positions", 0, "instrument", "extra"], None),
        (["failures", 0, "retryable"], GONE),
        (["totals", 0, "missing"], {"equity": "1"}),
    ],
)
def test_the_schema_is_a_contract(where: list[Any], value: object) -> None:
    document = valid(full())
    *above, last = where
    row: Any = document
    for step in above:
        row = row[step]
    if value is GONE:
        del row[last]
    else:
        row[last] = value

    with pytest.raises(jsonschema.ValidationError):
        validate(document)


@pytest.mark.repository
def test_the_schema_is_what_the_types_say() -> None:
    script = ROOT / "scripts" / "write_schema.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_an_account_of_the_document_can_be_read_back() -> None:
    account = make_account(sequence=7)
    (shown,) = valid(snapshot(account))["accounts"]

    assert av.Account.from_json(msgspec.json.encode(shown)) == account

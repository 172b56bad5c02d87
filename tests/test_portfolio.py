"""Many accounts read together: a row for each, one that fails harms no other, sums stay within a currency."""

import asyncio
import gc
import json
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from support import ROOT

import accountview as av
import accountview.reading
from accountview.accounts_file import Entry
from accountview.adapter import Adapter
from accountview.plan import Owner, Plan, Reading
from accountview.replaying import compare
from accountview.sandbox import Sandbox
from accountview.snapshot import FIGURES, json_schema
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


# Rows as they come -----------------------------------------------------------------------------------------------


def hung(sandbox: Sandbox, venue: str) -> None:
    """Let a venue not answer for longer than any test waits."""
    for operation in {"bfx": ("getAccount", "getPositions"), "zkx": ("getAccountInfo",)}[venue]:
        sandbox.fail(venue, operation, delay=60, times=None)


def test_a_stream_has_the_rows_of_a_fetch(sandbox: Sandbox) -> None:
    options = {"api_key": "no-such-key", "api_secret": "00", "base_url": sandbox.base_url("bfx")}
    wrong = Entry("wrong", "bfx", options)
    portfolio = av.Portfolio([*sandbox.entries, wrong])

    rows = list(portfolio.stream())
    result = portfolio.fetch()

    assert {row.label for row in rows} == {row.label for row in result.rows}
    assert len(rows) == len(result.rows)
    assert [row.label for row in rows if row.state == "failed"] == ["wrong"]
    for row in rows:
        assert (row.account is None) == (row.state == "failed")
        assert row.venue == (row.account or row.failure or pytest.fail("neither")).venue


async def test_a_stream_works_inside_a_running_loop(sandbox: Sandbox) -> None:
    portfolio = av.Portfolio(sandbox.entries)

    awaited = {row.label async for row in portfolio.astream()}

    assert {row.label for row in portfolio.stream()} == awaited != set()


def test_rows_come_before_the_slowest_is_there(sandbox: Sandbox) -> None:
    hung(sandbox, "bfx")
    quick = [entry for entry in sandbox.entries if entry.venue != "bfx"]
    rows = av.Portfolio([entry for entry in sandbox.entries if entry.venue == "bfx"] + quick).stream()

    seen = {next(rows).label.partition("/")[0] for _ in quick}

    assert seen <= {entry.label for entry in quick}
    started = time.monotonic()
    rows.close()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue] # a generator
    assert time.monotonic() - started < 5  # bfx would have taken ten seconds
    assert not [thread for thread in threading.enumerate() if thread.name == "accountview-stream"]


def test_a_stream_that_nobody_holds_any_longer_ends(sandbox: Sandbox) -> None:
    hung(sandbox, "bfx")
    for _ in av.Portfolio(sandbox.entries).stream():
        break
    gc.collect()

    assert not [thread for thread in threading.enumerate() if thread.name == "accountview-stream"]


async def test_leaving_an_asynchronous_stream_leaves_nothing_running(sandbox: Sandbox) -> None:
    hung(sandbox, "bfx")
    async with aclosing(av.Portfolio(sandbox.entries).astream()) as rows:
        async for _ in rows:
            break

    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_stream_reads_only_a_few_rows_ahead(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []

    def note(owner: Owner) -> Reading:
        read.append(owner.label)
        return Reading((make_account(label=owner.label),))

    answering(note)
    monkeypatch.setattr(accountview.reading, "AT_ONCE", 4)
    rows = av.Portfolio([Entry(f"entry-{n}", "rabbitx") for n in range(50)]).stream()
    for _ in range(10):
        next(rows)
    time.sleep(0.2)

    assert len(read) <= 10 + 4
    assert len(list(rows)) == 40
    assert len(read) == 50


def test_a_bug_ends_a_stream(answering: Answering) -> None:
    def broken(_: Owner) -> Reading:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(av.Portfolio(answering(broken)).stream())


def test_each_row_is_told_as_it_comes(sandbox: Sandbox) -> None:
    told: list[av.Row] = []
    result = av.Portfolio(sandbox.entries).fetch(on_row=told.append)

    assert sorted(row.label for row in told) == sorted(row.label for row in result.rows)


# Time and age ----------------------------------------------------------------------------------------------------


def test_what_is_not_read_in_time_is_a_failure_by_name(sandbox: Sandbox) -> None:
    hung(sandbox, "bfx")
    started = time.monotonic()

    result = av.Portfolio(sandbox.entries).fetch(timeout=1.5)

    assert time.monotonic() - started < 8  # each of its own would have had ten seconds
    assert {row.venue for row in result.failures} == {"bfx"}
    assert {row.error for row in result.failures} == {"VenueUnavailable"}
    assert len(result.failures) == len([entry for entry in sandbox.entries if entry.venue == "bfx"])
    assert {account.venue for account in result.accounts} == {e.venue for e in sandbox.entries} - {"bfx"}


def test_what_was_not_even_asked_in_time_is_a_failure_too(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(owner: Owner) -> Reading:
        time.sleep(0.05)
        return Reading((make_account(label=owner.label),))

    answering(slow)
    monkeypatch.setattr(accountview.reading, "AT_ONCE", 1)
    entries = [Entry(f"entry-{n}", "rabbitx") for n in range(40)]
    for rows in (
        av.Portfolio(entries).fetch(timeout=0.5).rows,
        list(av.Portfolio(entries).stream(timeout=0.5)),
    ):
        failed = [row.failure for row in rows if row.failure is not None]

        assert len(rows) == 40
        assert 0 < len(failed) < 40
        assert {(row.error, row.retryable) for row in failed} == {("VenueUnavailable", True)}
        assert "the time for all accounts was over" in failed[0].message


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(sandbox: Sandbox, timeout: float) -> None:
    portfolio = av.Portfolio(sandbox.entries)
    for read in (portfolio.fetch, portfolio.stream, portfolio.astream):
        with pytest.raises(av.UsageError, match=r"timeout is .*; give seconds above 0"):
            read(timeout=timeout)


@pytest.mark.parametrize("max_age", [0, -1, float("nan"), float("inf"), timedelta(0), timedelta(seconds=-1)])
def test_an_age_that_is_none_is_refused(sandbox: Sandbox, max_age: float | timedelta) -> None:
    portfolio = av.Portfolio(sandbox.entries)
    for read in (portfolio.fetch, portfolio.stream, portfolio.astream):
        with pytest.raises(av.UsageError, match=r"max_age is .*; give seconds above 0"):
            read(max_age=max_age)


@pytest.mark.parametrize("max_age", [60, 60.0, timedelta(minutes=1)])
def test_an_account_older_than_asked_for_is_stale(answering: Answering, max_age: float | timedelta) -> None:
    now = datetime.now(UTC)
    ages = {"first": timedelta(seconds=30), "second": timedelta(minutes=2)}

    def read(owner: Owner) -> Reading:
        asked = now - ages[owner.label or ""]
        return Reading((make_account(label=owner.label, requested_at=asked, received_at=now),))

    portfolio = av.Portfolio(answering(read))
    result = portfolio.fetch(max_age=max_age)

    assert [(row.label, row.state) for row in result.rows] == [("first", "ok"), ("second", "stale")]
    assert {row.label: row.state for row in portfolio.stream(max_age=max_age)} == {
        "first": "ok",
        "second": "stale",
    }
    assert not result.complete
    assert valid(result)["stale"] == ["second"]
    with pytest.raises(av.IncompleteSnapshot, match=r"^older than asked for: second; allow_partial=True"):
        result.totals()
    (total,) = result.totals(allow_partial=True)
    assert total.oldest == now - timedelta(minutes=2)
    assert portfolio.fetch().complete


def test_an_earlier_answer_that_is_shown_again_counts_with_its_own_age(answering: Answering) -> None:
    now = datetime.now(UTC)
    sequence = {"next": 8}

    def read(owner: Owner) -> Reading:
        # The first is asked for an hour ago; what comes after it is older by the venue's own count.
        asked = now - timedelta(hours=1) if sequence["next"] == 8 else now
        return Reading(
            (make_account(label=owner.label, sequence=sequence["next"], requested_at=asked, received_at=now),)
        )

    portfolio = av.Portfolio(answering(read))
    assert portfolio.fetch().complete
    sequence["next"] = 7
    result = portfolio.fetch(max_age=60)

    assert [row.state for row in result.rows] == ["stale", "stale"]
    assert result.oldest is not None
    assert [finding.code for finding in result.oldest.findings] == ["STALE_ANSWER"]


def test_a_saved_snapshot_is_as_stale_when_it_is_replayed(sandbox: Sandbox, tmp_path: Path) -> None:
    result = av.Portfolio(sandbox.entries).fetch(max_age=1e-6)  # nothing is that young
    result.save(tmp_path / "saved")
    replayed = av.replay(tmp_path / "saved")

    assert replayed.stale_before == result.stale_before
    assert (
        [row.state for row in replayed.rows]
        == [row.state for row in result.rows]
        == ["stale"] * len(result.rows)
    )
    assert compare(tmp_path / "saved").differences == ()


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


def test_a_row_is_found_by_its_label_read_or_not() -> None:
    result = snapshot(make_account(label="desk-one"), failures=(failure(),))

    assert result.row("desk-one").account is result.accounts[0]
    lost = result.row("lost")
    assert (lost.state, lost.account, lost.failure) == ("failed", None, result.failures[0])
    with pytest.raises(
        av.UsageError, match=r"no account 'desk-on'; did you mean desk-one\? there are desk-one, lost"
    ):
        result.row("desk-on")
    with pytest.raises(av.UsageError, match="there are none"):
        snapshot().row("desk-one")


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
    "document": ["schema", "taken_at", "complete", "stale", "accounts", "failures", "totals"],
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
        *("leverage_by_market", "as_of", "requested_at", "received_at", "attempts", "sequence", "missing"),
        *("findings", "positions", "balances"),
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
        *("currency", "accounts", "oldest", "missing", "equity", "unrealized_pnl", "available"),
        *("initial_margin", "maintenance_margin", "notional"),
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

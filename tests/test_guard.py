"""A zero that something contradicts is never published as a fact, and an old answer is never taken for news."""

import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Case, cases

import accountview as av
from accountview.accounts_file import Entry
from accountview.guard import STALE_ANSWER, SUSPECT, Memory, consistency, judge, older
from accountview.provenance import Fields, Reported
from accountview.sandbox import Sandbox
from accountview.testing import make_account
from accountview.venues import rabbitx
from accountview.view import builtin

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
DEFINED_OVER_EQUITY = {"margin_buffer", "margin_ratio", "effective_leverage"}

BEFORE = make_account()
"""10,050 USDT, one position."""

ZEROS: dict[str, Any] = {
    "equity": Decimal(0),
    "wallet_balance": Decimal(0),
    "unrealized_pnl": Decimal(0),
    "available": Decimal(0),
    "withdrawable": Decimal(0),
    "initial_margin": Decimal(0),
    "position_margin": Decimal(0),
    "maintenance_margin": Decimal(0),
    "margin_buffer": Decimal(0),
    "margin_ratio": None,
    "notional": Decimal(0),
    "effective_leverage": None,
    "health": Decimal(0),
    "balances": tuple(
        msgspec.structs.replace(each, total=Decimal(0), available=Decimal(0), value=Decimal(0))
        for each in BEFORE.balances
    ),
}
"""What one endpoint says of an account that it knows nothing of any more."""

NOTHING = make_account(**ZEROS, positions=())
"""The same from every endpoint."""

CLOSED = make_account(
    **ZEROS
    | {
        "equity": Decimal(10050),
        "wallet_balance": Decimal(10050),
        "available": Decimal(10050),
        "withdrawable": Decimal(10050),
        "margin_buffer": Decimal(10050),
        "margin_ratio": Decimal(0),
        "health": Decimal(1),
        "balances": BEFORE.balances,
    },
    positions=(),
)
"""The position closed, its gain settled."""


def changed(account: av.Account, **changes: Any) -> av.Account:
    return msgspec.structs.replace(account, **changes)


def evidence(account: av.Account) -> list[av.Finding]:
    return [finding for finding in account.findings if finding.code == SUSPECT]


def figures(row: av.Account | av.Position | av.Balance) -> dict[str, Decimal]:
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    return {name: value for name, value in values.items() if isinstance(value, Decimal)}


def zeros(account: av.Account) -> set[str]:
    """Every figure of an account and its rows that says 0."""
    rows: list[tuple[str, av.Account | av.Position | av.Balance]] = [("", account)]
    rows += [(f"positions/{number}/", row) for number, row in enumerate(account.positions)]
    rows += [(f"balances/{number}/", row) for number, row in enumerate(account.balances)]
    return {f"{prefix}{name}" for prefix, row in rows for name, value in figures(row).items() if not value}


# One read --------------------------------------------------------------------------------------------------------


def test_an_endpoint_of_zeros_is_contradicted_by_the_positions() -> None:
    account = judge(None, make_account(**ZEROS, findings=(underwater(),)))

    (finding,) = evidence(account)
    assert finding.fields == ("equity", "positions")
    assert finding.difference is None
    assert finding.message == "equity is said to be 0, but 1 position is open: not taken for a fact"
    assert zeros(account) == set()
    assert figures(account) == {}
    for name in ZEROS.keys() - {"balances"}:
        assert account.missing[name] is av.Missing.SUSPECT
    assert account.balances[0].missing["total"] is av.Missing.SUSPECT
    # That equity is not positive is no fact either; and the positions stay: they are what speaks against it.
    assert [each.code for each in account.findings] == [SUSPECT]
    assert account.positions == BEFORE.positions
    assert account.explain("equity").reason is av.Missing.SUSPECT
    assert "SUSPECT" in str(account.explain("equity"))
    assert av.Account.from_json(account.to_json()) == account


def underwater() -> av.Finding:
    return av.Finding(code="UNDERWATER", fields=("equity",), message="equity is 0: ratios have no meaning")


BORROWED = (
    av.Balance(asset="BTC", total=Decimal(1)),
    av.Balance(asset="USDT", total=Decimal(0), borrowed=Decimal(60000)),
)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"wallet_balance": Decimal(10000)}, ("equity", "wallet_balance")),
        ({"wallet_balance": Decimal(-1), "unrealized_pnl": None}, ("equity", "wallet_balance")),
        ({"wallet_balance": Decimal(7), "unrealized_pnl": Decimal(-5)}, ("equity", "wallet_balance")),
        ({"balances": (av.Balance(asset="BTC", total=Decimal("0.003")),)}, ("equity", "balances")),
        ({"balances": (av.Balance(asset="X", value=Decimal(3)),)}, ("equity", "balances")),
    ],
)
def test_whatever_speaks_against_no_equity_is_named(changes: dict[str, Any], fields: tuple[str, ...]) -> None:
    account = judge(None, changed(NOTHING, **changes))
    assert [finding.fields for finding in evidence(account)] == [fields]
    assert account.equity is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"wallet_balance": Decimal("0.01")},
        {"wallet_balance": Decimal(500), "unrealized_pnl": Decimal(-500), "positions": BEFORE.positions},
        {"wallet_balance": None, "balances": ()},
        {"balances": BORROWED},
        {"balances": (av.Balance(asset="PEPE", total=Decimal(5), value=Decimal("0.001")),)},
    ],
)
def test_an_equity_of_zero_that_nothing_speaks_against_is_a_fact(changes: dict[str, Any]) -> None:
    account = changed(NOTHING, **changes)
    assert judge(None, account) == account


def test_dust_is_known_of_dollars_only() -> None:
    wallet = Decimal("0.01")
    assert judge(None, changed(NOTHING, wallet_balance=wallet, currency="USDC")).equity == 0
    assert judge(None, changed(NOTHING, wallet_balance=wallet, currency="BTC")).equity is None


def test_an_empty_list_is_contradicted_by_the_account_s_own_exposure() -> None:
    account = judge(None, changed(BEFORE, positions=()))

    (finding,) = evidence(account)
    assert finding.fields == ("positions", "notional", "position_margin")
    assert not account.complete
    assert account.missing["positions"] is av.Missing.SUSPECT
    assert account.equity == BEFORE.equity


def test_what_rests_on_a_zero_goes_with_it_and_nothing_else_does() -> None:
    # The order margin is no zero, and neither is what both margins sum up to; but the sum has lost a part.
    order = Decimal(5)
    account = changed(
        CLOSED, order_margin=order, initial_margin=order, unrealized_pnl=Decimal(50), notional=Decimal(3)
    )
    account = judge(BEFORE, account)

    assert evidence(account)
    assert account.position_margin is account.initial_margin is account.maintenance_margin is None
    assert account.margin_buffer is account.margin_ratio is None
    assert account.missing["initial_margin"] is av.Missing.SUSPECT
    assert (account.order_margin, account.notional) == (order, Decimal(3))
    assert account.equity == Decimal(10050)


def test_rows_of_size_zero_say_flat_too() -> None:
    rows = tuple(
        changed_row(each, size=Decimal(0), notional=Decimal(0), unrealized_pnl=Decimal(0))
        for each in BEFORE.positions
    )
    for missing in ({}, {"positions": av.Missing.NOT_RETURNED}):
        account = judge(None, changed(BEFORE, positions=rows, missing={**BEFORE.missing, **missing}))
        assert evidence(account)
        assert account.positions[0].size is None
        assert account.positions[0].missing["size"] is av.Missing.SUSPECT
        assert not any(name.startswith("positions/") for name in zeros(account))


def changed_row(position: av.Position, **changes: Any) -> av.Position:
    return msgspec.structs.replace(position, **changes)


# Between two reads -----------------------------------------------------------------------------------------------


def test_a_fall_to_zero_that_nothing_explains_is_suspect() -> None:
    account = judge(BEFORE, NOTHING)

    equity, positions = evidence(account)
    assert equity.fields == ("equity",)
    assert equity.difference == Decimal(-10050)
    assert equity.tolerance == Decimal("0.01")
    assert equity.message == (
        "equity is said to be 0, but it was 10050 at 2024-01-02T03:04:05.678901Z and nothing explains the change: "
        "not taken for a fact"
    )
    assert positions.fields == ("positions",)
    assert "there was 1 at 2024-01-02T03:04:05.678901Z" in positions.message
    assert zeros(account) == set()
    assert not account.complete


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param({"equity": Decimal("0.01")}, {}, id="it was dust"),
        pytest.param({"equity": Decimal(0)}, {}, id="it was nothing"),
        pytest.param({"status": av.Status.LIQUIDATING}, {}, id="it was being liquidated"),
        pytest.param({"margin_buffer": Decimal(-1)}, {}, id="it was out of margin"),
        pytest.param(
            {"net_deposits": Decimal(9000)}, {"net_deposits": Decimal(-1050)}, id="it was withdrawn"
        ),
        pytest.param(
            {"net_deposits": Decimal(9000)}, {"net_deposits": Decimal(3900)}, id="most was withdrawn"
        ),
        pytest.param({}, {"pending_withdrawals": Decimal(10050)}, id="it is on its way out"),
        pytest.param({}, {"status": av.Status.NO_ACTIVITY}, id="nothing is said"),
    ],
)
def test_a_fall_to_zero_may_be_explained(before: dict[str, Any], now: dict[str, Any]) -> None:
    account = changed(NOTHING, **now)
    assert judge(changed(BEFORE, **before), account) == account


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param({"net_deposits": Decimal(9000)}, {"net_deposits": Decimal(0)}, id="by a zero"),
        pytest.param({"net_deposits": Decimal(9000)}, {"net_deposits": Decimal(8000)}, id="by too little"),
        pytest.param(
            {"net_deposits": Decimal(9000)}, {"net_deposits": Decimal(9000)}, id="by what stands still"
        ),
        pytest.param(
            {"net_deposits": None}, {"net_deposits": Decimal(-9000)}, id="by what was not known before"
        ),
        pytest.param(
            {"pending_withdrawals": Decimal(9000)}, {"pending_withdrawals": Decimal(9000)}, id="by an old one"
        ),
    ],
)
def test_a_fall_to_zero_is_not_explained(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert judge(changed(BEFORE, **before), changed(NOTHING, **now)).equity is None


@pytest.mark.parametrize(
    "account",
    [
        CLOSED,
        changed(CLOSED, equity=None),
        changed(CLOSED, equity=Decimal("-3.5"), wallet_balance=Decimal("-3.5")),
        changed(CLOSED, wallet_balance=None, unrealized_pnl=None, notional=None, position_margin=None),
    ],
)
def test_closed_positions_whose_value_is_settled_are_a_fact(account: av.Account) -> None:
    assert judge(BEFORE, account) == account


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"unrealized_pnl": Decimal(50)}, ("positions", "unrealized_pnl")),
        ({"notional": Decimal(2010)}, ("positions", "notional")),
        ({"equity": None, "wallet_balance": None}, ("positions",)),
    ],
)
def test_positions_that_vanish_without_a_trace_are_suspect(
    changes: dict[str, Any], fields: tuple[str, ...]
) -> None:
    account = judge(BEFORE, changed(CLOSED, **changes))
    assert [finding.fields for finding in evidence(account)] == [fields]
    assert not account.complete
    assert not zeros(account) & {"notional", "unrealized_pnl", "maintenance_margin", "margin_ratio"}
    assert account.order_margin == 0  # it has nothing to do with positions


@pytest.mark.parametrize("case", [case for case in cases() if case.expected["accounts"]], ids=str)
def test_every_stored_account_is_believed_and_explains_itself(case: Case) -> None:
    """What was read before this guard existed reads the same; and read twice, it is no surprise."""
    times = dict.fromkeys(("requested_at", "received_at"), "2026-01-02T03:04:05.000000Z")
    for expected in case.expected["accounts"]:
        account = av.Account.from_dict(expected | times)
        if not evidence(account):
            assert judge(None, account) == account
            assert judge(account, account) == account
        assert account.consistency


amounts = st.one_of(
    st.none(),
    st.just(Decimal(0)),
    st.sampled_from([Decimal("0.005"), Decimal("0.00"), Decimal(-3), Decimal(2010)]),
    st.decimals(min_value=-(10**6), max_value=10**6, places=3),
)


def position(size: Decimal | None, notional: Decimal | None, pnl: Decimal | None) -> av.Position:
    unsigned = None if size is None else abs(size)
    return changed_row(BEFORE.positions[0], size=unsigned, notional=notional, unrealized_pnl=pnl)


def balance(total: Decimal | None, value: Decimal | None, borrowed: Decimal | None) -> av.Balance:
    return av.Balance(asset="USDT", total=total, value=value, borrowed=borrowed)


positions = st.lists(st.builds(position, amounts, amounts, amounts), max_size=2).map(tuple)
balances = st.lists(st.builds(balance, amounts, amounts, amounts), max_size=2).map(tuple)
accounts = st.fixed_dictionaries(
    {
        **dict.fromkeys(figures(BEFORE), amounts),
        "net_deposits": amounts,
        "pending_withdrawals": amounts,
        "positions": positions,
        "balances": balances,
        "status": st.sampled_from(av.Status),
    }
).map(lambda changes: make_account(**changes))


@given(st.none() | accounts, accounts)
def test_judging_invents_nothing_and_takes_only_zeros(
    previous: av.Account | None, account: av.Account
) -> None:
    judged = judge(previous, account)

    was, now = figures(account), figures(judged)
    assert now.items() <= was.items()
    taken = was.keys() - now.keys()
    resting = DEFINED_OVER_EQUITY | {"initial_margin"}  # position margin + order margin
    assert all(not was[name] for name in taken - resting)
    assert all(judged.missing[name] is av.Missing.SUSPECT for name in taken)
    assert bool(taken) <= bool(evidence(judged))
    rows: list[tuple[av.Position | av.Balance, av.Position | av.Balance]] = [
        *zip(account.positions, judged.positions, strict=True),
        *zip(account.balances, judged.balances, strict=True),
    ]
    for before, after in rows:
        assert figures(after).items() <= figures(before).items()
        assert all(not figures(before)[name] for name in figures(before).keys() - figures(after).keys())
    if not evidence(judged):
        assert judged == account
    else:
        assert judged.equity is None or not judged.complete
        assert judged.equity != 0 or evidence(judged)[0].fields[0] != "equity"
    assert judge(previous, judged) == judged


@given(accounts)
def test_a_known_equity_is_never_taken(account: av.Account) -> None:
    if account.equity:
        assert judge(BEFORE, account).equity == account.equity


@given(
    st.none() | st.just(BEFORE) | accounts,
    st.decimals(min_value="0.02", max_value=10**9, places=2),
)
def test_a_flat_account_with_money_is_never_suspect(previous: av.Account | None, worth: Decimal) -> None:
    flat = changed(CLOSED, equity=worth, wallet_balance=worth, available=worth, margin_buffer=worth)
    assert judge(previous, flat) == flat


def test_a_fresh_account_is_never_suspect() -> None:
    assert judge(None, NOTHING) == NOTHING
    assert judge(NOTHING, NOTHING) == NOTHING


# Memory ------------------------------------------------------------------------------------------------------------


def test_the_doubt_lasts_until_the_figures_return() -> None:
    memory = Memory()
    later = BEFORE.as_of or MOMENT
    assert memory.take(BEFORE) == BEFORE
    for second in range(1, 4):
        moment = later + timedelta(seconds=second)
        doubted = memory.take(changed(NOTHING, as_of=moment, requested_at=moment))
        assert doubted.equity is None
        assert "it was 10050 at 2024-01-02T03:04:05.678901Z" in evidence(doubted)[0].message
    # What was doubted is no measure of time either: the figures are back with the time they had.
    assert memory.take(BEFORE) == BEFORE


def test_the_doubt_ends_with_an_explanation() -> None:
    memory = Memory()
    memory.take(BEFORE)
    assert memory.take(NOTHING).equity is None
    gone = changed(NOTHING, pending_withdrawals=Decimal(10050))
    assert memory.take(gone) == gone
    assert memory.take(NOTHING) == NOTHING


def test_a_fresh_memory_has_no_doubt() -> None:
    assert Memory().take(NOTHING) == NOTHING


@pytest.mark.parametrize(
    "between",
    [
        changed(BEFORE, equity=None, missing={"equity": av.Missing.NOT_RETURNED}),
        changed(NOTHING, equity=None, status=av.Status.NO_ACTIVITY),
    ],
)
def test_an_answer_without_a_figure_does_not_pave_the_way_for_a_zero(between: av.Account) -> None:
    memory = Memory()
    for account in (BEFORE, between):
        assert memory.take(account) == account
    assert memory.take(NOTHING).equity is None


def test_accounts_are_told_apart() -> None:
    memory = Memory()
    memory.take(BEFORE)
    for other in (
        changed(NOTHING, account_id="4712"),
        changed(NOTHING, venue="bfx"),
        changed(NOTHING, underlying_venue="Bybit"),
    ):
        assert memory.take(other) == other
    assert memory.take(NOTHING).equity is None


def test_a_memory_is_bounded_and_forgets_what_was_not_read_for_longest() -> None:
    memory = Memory(limit=2)
    for number in ("1", "2", "1", "3"):
        memory.take(changed(BEFORE, account_id=number))
    believed = [memory.take(changed(NOTHING, account_id=number)).equity for number in ("1", "3", "2")]
    assert believed == [None, None, 0]


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Threads take turns as often as they can, so that one without a lock is caught in between."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("quick_switches")
def test_threads_share_a_memory() -> None:
    memory = Memory()
    memory.take(BEFORE)
    together = threading.Barrier(4)
    equities: list[Decimal | None] = []

    def read() -> None:
        together.wait()
        equities.extend([memory.take(NOTHING).equity for _ in range(300)])

    threads = [threading.Thread(target=read) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert equities == [None] * 1200


# Order -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "now", "is_older"),
    [
        ((7, 0), (6, 0), True),
        ((7, 0), (7, 0), False),
        ((7, 0), (8, 0), False),
        ((7, 0), (8, -1), False),  # the counter decides, not the clock
        ((7, 0), (7, -1), False),
        ((7, 0), (6, 1), False),  # the counter was started anew
        ((7, 0), (6, -1), True),
        ((7, None), (6, None), True),
        ((7, 0), (None, -1), True),
        ((None, 0), (None, -1), True),
        ((None, 0), (None, 0), False),
        ((None, 0), (None, 1), False),
        ((None, 0), (None, None), False),
        ((None, None), (None, 0), False),
        ((None, 3600), (None, 0), False),  # a clock that was far ahead orders nothing
        ((None, 59), (None, 0), True),
        ((2**63 + 1, None), (2**63, None), True),
    ],
)
def test_what_is_older(
    seen: tuple[int | None, int | None], now: tuple[int | None, int | None], *, is_older: bool
) -> None:
    def made(sequence: int | None, seconds: int | None) -> av.Account:
        as_of = None if seconds is None else MOMENT + timedelta(seconds=seconds)
        return make_account(sequence=sequence, as_of=as_of, requested_at=MOMENT, received_at=MOMENT)

    assert bool(older(made(*seen), made(*now))) is is_older


def test_an_older_answer_is_never_taken_for_news() -> None:
    memory = Memory()
    seen = make_account(sequence=12, equity=Decimal(500), requested_at=MOMENT, received_at=MOMENT)
    late = MOMENT + timedelta(minutes=1)
    stale = make_account(sequence=11, equity=Decimal(900), requested_at=late, received_at=late)
    memory.take(seen)

    for _ in range(2):
        shown = memory.take(stale)
        (finding,) = shown.findings
        assert finding.code == STALE_ANSWER
        assert finding.message == (
            "the answer asked for at 2024-01-02T03:05:05.000000Z is older than this one: "
            "its sequence is 11, and 12 was seen before"
        )
        assert changed(shown, findings=()) == seen
        assert shown.age(late) == timedelta(minutes=1)

    news = changed(stale, sequence=12)
    assert memory.take(news) == news


# Whether the answers belong together -------------------------------------------------------------------------------


def test_answers_that_agree_are_consistent() -> None:
    assert BEFORE.consistent is True
    assert BEFORE.consistency == (
        "the positions sum up to the account's own notional, position_margin, unrealized_pnl, from another answer"
    )
    assert CLOSED.consistent is True
    assert "consistent" not in BEFORE.to_dict()


def contradiction(code: str, *fields: str) -> av.Finding:
    return av.Finding(code=code, fields=fields, message="apart")


@pytest.mark.parametrize(
    "account",
    [
        make_account(findings=(contradiction("NOTIONAL_MISMATCH", "notional", "positions"),)),
        make_account(findings=(contradiction("POSITIONS_CUT", "positions"),)),
        make_account(findings=(contradiction("SEQUENCE_MISMATCH", "sequence"),)),
        make_account(notional=Decimal(2100)),
        make_account(positions=()),
        judge(None, make_account(**ZEROS)),
    ],
)
def test_answers_that_contradict_are_not_consistent(account: av.Account) -> None:
    assert account.consistent is False
    assert account.consistency


@pytest.mark.parametrize(
    ("account", "because"),
    [
        (make_account(missing={"positions": av.Missing.NOT_RETURNED}), "not whole"),
        (make_account(received_at=BEFORE.requested_at + timedelta(seconds=31)), "took 31 s"),
        (make_account(notional=None, position_margin=None, unrealized_pnl=None), "nothing to compare"),
        (judge(BEFORE, changed(NOTHING, positions=())), "not whole"),
    ],
)
def test_without_two_answers_to_compare_nothing_is_said(account: av.Account, because: str) -> None:
    assert account.consistent is None
    assert because in account.consistency


def test_one_answer_cannot_agree_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = rabbitx.DECLARATION
    from_one_answer = {
        name: of_the_account(origin) if isinstance(origin, Reported) else origin
        for name, origin in declared.position.origins.items()
    }
    monkeypatch.setattr(
        rabbitx, "DECLARATION", dataclasses.replace(declared, position=Fields(**from_one_answer))
    )

    assert BEFORE.consistent is None
    assert BEFORE.consistency == "no figure is known from two answers: there is nothing to compare"


def of_the_account(origin: Reported) -> Reported:
    return dataclasses.replace(origin, operation="getAccount", pointer="/result/0/balance")


def test_an_identity_within_one_answer_says_nothing_of_two() -> None:
    finding = contradiction("EQUITY_MISMATCH", "equity", "wallet_balance", "unrealized_pnl")
    unknown = contradiction("ODD_MISMATCH", "no_such_field", "equity")
    assert make_account(findings=(finding, unknown)).consistent is True
    assert consistency(make_account(findings=(finding,)))[0] is True


# The incident: an account mode is switched, and one endpoint says 0 for everything ---------------------------------


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def operations(explanation: av.Explanation) -> set[str]:
    own = set[str]() if explanation.operation is None else {explanation.operation}
    return own.union(*[operations(part) for part in explanation.inputs])


def switch(sandbox: Sandbox, account: av.Account) -> None:
    """From now on, what tells the account's equity says 0."""
    for operation in operations(account.explain("equity")):
        sandbox.fail(account.venue, operation, zeros=True, times=None)


def entry_of(sandbox: Sandbox, label: str) -> Entry:
    return next(entry for entry in sandbox.all_entries if entry.label == label)


LABELS = ("rabbitx-main", "rabbitx-fresh", "bfx-main")


@pytest.mark.parametrize("label", LABELS)
def test_the_incident_in_the_client(sandbox: Sandbox, label: str) -> None:
    entry = entry_of(sandbox, label)
    with av.connect(entry.venue, **entry.options) as client:
        before = client.account()
        switch(sandbox, before)
        check_incident(before, client.account())
        check_incident(before, client.account())
        sandbox.recover()
        assert client.account().equity


@pytest.mark.parametrize("label", LABELS)
async def test_the_incident_in_the_asynchronous_client(sandbox: Sandbox, label: str) -> None:
    entry = entry_of(sandbox, label)
    async with av.connect_async(entry.venue, **entry.options) as client:
        before = await client.account()
        switch(sandbox, before)
        check_incident(before, await client.account())
        check_incident(before, await client.account())
        sandbox.recover()
        assert (await client.account()).equity


def check_incident(before: av.Account, now: av.Account) -> None:
    assert before.equity
    assert not evidence(before)
    assert now.equity is None
    assert now.missing["equity"] is av.Missing.SUSPECT
    assert zeros(now) == set()
    assert len(evidence(now)) == 1
    assert f"it was {before.to_dict()['equity']} at" in evidence(now)[0].message
    assert [row.size for row in now.positions] == [row.size for row in before.positions]
    assert now.consistent is (False if before.positions else None)


def test_the_incident_in_a_portfolio_of_every_venue(sandbox: Sandbox) -> None:
    portfolio = av.Portfolio(sandbox.all_entries)
    before = {account.label: account for account in portfolio.fetch().accounts}
    for account in before.values():
        switch(sandbox, account)
    snapshot = portfolio.fetch()

    watched = [
        (before[account.label], account)
        for account in snapshot.accounts
        if (was := before[account.label]).equity
        # Where a liquidation was under way, nothing may be what is left.
        and was.status is not av.Status.LIQUIDATING
        and not (was.margin_buffer is not None and was.margin_buffer <= 0)
    ]
    assert len(watched) >= 3
    for was, now in watched:
        assert now.equity is None, f"{was.label} is said to be worth {now.equity}"
        # Rows of an endpoint that was not switched may hold an honest 0, such as a gain of nothing; but no size is 0.
        said = {name for name in zeros(now) if not name.startswith("positions/") or name.endswith("/size")}
        assert said <= (set[str]() if evidence(now) else zeros(was)), f"{was.label} says 0"
    assert any(evidence(now) for _, now in watched)
    suspects = {now.currency for _, now in watched if evidence(now)}
    for total in snapshot.totals(allow_partial=True):
        if total.currency in suspects:
            assert total.equity is None
            assert total.missing["equity"]

    sandbox.recover()
    assert all(not evidence(account) for account in portfolio.fetch().accounts)


def test_an_operator_can_accept_a_zero(sandbox: Sandbox) -> None:
    portfolio = av.Portfolio([entry_of(sandbox, "rabbitx-fresh")])
    (before,) = portfolio.fetch().accounts
    switch(sandbox, before)
    assert portfolio.fetch().accounts[0].equity is None

    with pytest.raises(av.UsageError, match="no account 'rabbitx-frosh'; did you mean rabbitx-fresh"):
        portfolio.accept("rabbitx-frosh")
    portfolio.accept("rabbitx-fresh/4712")

    assert [account.equity for account in portfolio.fetch().accounts] == [0]


def test_the_incident_on_the_command_line(sandbox: Sandbox, tmp_path: Path) -> None:
    """Only one read, so no memory: what speaks against the zeros is the list of positions."""
    sandbox.write_accounts(tmp_path / "accounts.toml")
    (before,) = av.Portfolio([entry_of(sandbox, "rabbitx-main")]).fetch().accounts
    switch(sandbox, before)

    shown = json.loads(run("show", "--json", "--file", str(tmp_path / "accounts.toml")))
    account = next(each for each in shown["accounts"] if each["label"] == "rabbitx-main")
    assert account["equity"] is None
    assert account["missing"]["equity"] == "SUSPECT"
    assert [each["message"] for each in account["findings"] if each["code"] == SUSPECT] == [
        "equity is said to be 0, but 2 positions are open: not taken for a fact"
    ]
    assert zeros(av.Account.from_dict(account)) == set()
    usdt = next(each for each in shown["totals"] if each["currency"] == "USDT")
    assert usdt["equity"] is None

    table = run("show", "--file", str(tmp_path / "accounts.toml"))
    assert SUSPECT in table
    told = run("explain", "rabbitx-main", "equity", "--file", str(tmp_path / "accounts.toml"))
    assert told.startswith("equity = —  missing: SUSPECT")


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "accountview", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in (0, 3), done.stderr
    return done.stdout


def test_an_older_answer_in_a_portfolio_shows_what_was_seen_before() -> None:
    clock = Clock()
    with Sandbox(clock=clock) as sandbox:
        portfolio = av.Portfolio([entry_of(sandbox, "rabbitx-main")])
        clock.now += 9 * 1_000_000_000
        (seen,) = portfolio.fetch().accounts
        clock.now -= 2 * 1_000_000_000
        snapshot = portfolio.fetch()

    (shown,) = snapshot.accounts
    (finding,) = shown.findings
    assert finding.code == STALE_ANSWER
    assert changed(shown, findings=()) == seen
    assert shown.requested_at < snapshot.taken_at
    assert snapshot.oldest == shown


class Clock:
    """Now, unless it is set back."""

    def __init__(self) -> None:
        self.now = int(datetime.now(UTC).timestamp()) * 1_000_000_000

    def __call__(self) -> int:
        return self.now


# The switch of the sandbox -------------------------------------------------------------------------------------------


def test_a_switched_endpoint_says_zero_and_keeps_the_rest(sandbox: Sandbox) -> None:
    entry = entry_of(sandbox, "bfx-main")
    sandbox.fail("bfx", "getAccount", zeros=True)
    sandbox.fail("bfx", "getPositions", zeros=True)
    with av.connect(entry.venue, **entry.options) as client:
        switched, honest = client.account(), client.account()

    assert switched.account_id == honest.account_id
    assert switched.leverage_by_market == honest.leverage_by_market
    assert [row.venue_symbol for row in switched.positions] == [row.venue_symbol for row in honest.positions]
    assert {str(builtin(row.entry_price)) for row in switched.positions} == {"0"}
    assert honest.equity


@pytest.mark.parametrize("arguments", [{"status": 500}, {"status": 200, "body": b"{}"}])
def test_only_an_honest_answer_has_amounts(sandbox: Sandbox, arguments: dict[str, Any]) -> None:
    with pytest.raises(av.UsageError, match="a fault has a status or zeros"):
        sandbox.fail("bfx", "getAccount", zeros=True, **arguments)


def test_a_refusal_has_no_amounts(sandbox: Sandbox) -> None:
    entry = entry_of(sandbox, "bfx-main")
    wrong = dataclasses.replace(entry, options={**entry.options, "api_key": "no-such-key"})
    sandbox.fail("bfx", "getAccount", zeros=True)
    with av.connect(wrong.venue, **wrong.options) as client, pytest.raises(av.CredentialsRefused):
        client.account()


def test_the_words_of_its_findings_are_public() -> None:
    assert (SUSPECT, STALE_ANSWER) == ("SUSPECT", "STALE_ANSWER")

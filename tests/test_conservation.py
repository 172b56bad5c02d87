"""No account is ever lost: what is listed is read or failed, one row each, and one venue's trouble is no other's."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support import Case, ReplayServer, StoredAnswer, read_stored, venues

import accountview as av
from accountview.accounts_file import Entry
from accountview.adapter import Adapter
from accountview.budget import calls
from accountview.plan import Owner, Plan, Reading
from accountview.sandbox import Sandbox
from accountview.testing import make_account
from accountview.venues import open_adapter, rabbitx

# A thousand accounts -----------------------------------------------------------------------------------------------

THOUSAND = 1000
FAULTS = {
    "error-520-html": "VenueUnavailable",
    "error-no-such-key": "CredentialsRefused",
    "error-success-false-no-text": "RequestRefused",
    "body-truncated": "AnswerInvalid",
    "body-not-json": "AnswerInvalid",
}
"""Case of bfx → the class of the failure that it is. None is a 429: that rightly holds up everybody at its host."""


def test_of_a_thousand_accounts_a_hundred_fail_and_none_is_lost(replay: ReplayServer) -> None:
    """They are read over HTTP, in one process, at one host; every tenth is answered with a fault."""
    kinds = list(FAULTS)
    cases = ["long-and-short" if n % 10 else kinds[n // 10 % len(kinds)] for n in range(THOUSAND)]
    base = {name: replay.serve(f"r3-{name}", Case("bfx", name).exchange.answers) for name in set(cases)}
    entries = [
        Entry(f"account-{n}", "bfx", Case("bfx", name).options | {"base_url": base[name], "timeout": 60})
        for n, name in enumerate(cases)
    ]

    seen: list[av.Row] = []
    result = av.Portfolio(entries).fetch(on_row=seen.append)

    good = [entry.label for entry, name in zip(entries, cases, strict=True) if name not in FAULTS]
    assert [account.label for account in result.accounts] == good
    assert len(good) == 900
    expected = {f"account-{n}": FAULTS[name] for n, name in enumerate(cases) if name in FAULTS}
    assert {row.label: row.error for row in result.failures} == expected
    assert len(result.failures) == 100
    assert all(row.message and row.operation in ("getAccount", "getPositions") for row in result.failures)
    assert Counter(row.label for row in seen) == Counter(entry.label for entry in entries)
    with pytest.raises(av.IncompleteSnapshot, match="not read: account-0, account-10, "):
        result.totals()
    (total,) = result.totals(allow_partial=True)
    assert total.accounts == 900
    assert total.equity == sum(account.equity or pytest.fail("unknown") for account in result.accounts)


# Listed = read + failed, whatever happens ----------------------------------------------------------------------------

Outcome = tuple[int, int, str | None]
"""How many accounts an entry shows as read, how many as failed, and what it raises instead of either."""

RAISED: dict[str, Callable[[Owner], av.VenueError]] = {
    "CredentialsRefused": lambda owner: av.CredentialsRefused("no", venue="rabbitx", account=owner.label),
    "VenueUnavailable": lambda owner: av.VenueUnavailable("gone", venue="rabbitx", account=owner.label),
    "AnswerInvalid": lambda owner: av.AnswerInvalid("odd", venue="rabbitx", account=owner.label, path="$"),
}
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.none()),
    st.tuples(st.just(0), st.just(0), st.sampled_from(sorted(RAISED))),
)


class Conservation(RuleBasedStateMachine):
    """A portfolio whose entries change their minds between readings."""

    genuine: ClassVar[Adapter] = rabbitx.open_adapter(api_key="test-key-not-real", api_secret="00")

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, Outcome] = {}
        self.left: set[asyncio.Task[Any]] = set()

    @initialize(count=st.integers(1, 6))
    def open(self, count: int) -> None:
        labels = [f"entry-{number}" for number in range(count)]
        self.outcomes = dict.fromkeys(labels, (1, 0, None))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rabbitx, "open_adapter", self.adapter)
            self.portfolio = av.Portfolio([Entry(label, "rabbitx") for label in labels])

    def adapter(self) -> Adapter:
        return replace(self.genuine, read=self.plan)

    def plan(self, owner: Owner) -> Plan[Reading]:
        yield ()
        assert owner.label is not None
        read, failed, raised = self.outcomes[owner.label]
        if raised is not None:
            raise RAISED[raised](owner)
        return Reading(
            tuple([make_account(label=owner.label, account_id=f"read-{n}") for n in range(read)]),
            tuple(
                [
                    av.VenueUnavailable("gone", venue="rabbitx", account=f"{owner.label}/failed-{n}")
                    for n in range(failed)
                ]
            ),
        )

    def listed(self) -> Counter[tuple[str, str]]:
        """Entry and state of every row that there must be."""
        rows: Counter[tuple[str, str]] = Counter()
        for label, (read, failed, _) in self.outcomes.items():
            rows[label, "ok"] += read
            rows[label, "failed"] += failed if read or failed else 1
        return +rows

    @staticmethod
    def found(rows: "tuple[av.Row, ...] | list[av.Row]") -> Counter[tuple[str, str]]:
        assert len({row.label for row in rows}) == len(rows)  # labels tell rows apart
        assert all(
            (row.account is None) == (row.state == "failed") == (row.failure is not None) for row in rows
        )
        return Counter((row.label.partition("/")[0], row.state) for row in rows)

    @rule(number=st.integers(0, 5), outcome=outcomes)
    def change(self, number: int, outcome: Outcome) -> None:
        labels = list(self.outcomes)
        self.outcomes[labels[number % len(labels)]] = outcome

    @rule()
    def fetch(self) -> None:
        result = self.portfolio.fetch()
        listed = self.listed()

        assert self.found(result.rows) == listed
        assert len(result.accounts) + len(result.failures) == listed.total()
        assert result.complete == all(state == "ok" for _, state in listed)

    @rule()
    def stream(self) -> None:
        assert self.found(list(self.portfolio.stream())) == self.listed()

    @rule(count=st.integers(0, 5))
    def stream_a_part(self, count: int) -> None:
        async def some() -> None:
            async with aclosing(self.portfolio.astream()) as rows:
                seen: list[av.Row] = []
                async for row in rows:
                    if len(seen) == count:
                        break
                    seen.append(row)
            assert self.found(seen) <= self.listed()
            self.left = asyncio.all_tasks() - {asyncio.current_task()}

        asyncio.run(some())

    @invariant()
    def nothing_is_left_running(self) -> None:
        assert self.left == set()


TestConservation = Conservation.TestCase
TestConservation.settings = settings(max_examples=20, stateful_step_count=20)


FAULTY = ("", "<html>", '{"result":', "null", "[]", '"x"')


@given(
    listed=st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.booleans(), st.booleans()), max_size=6),
    held=st.sets(st.sampled_from("abcdefgh")),
)
def test_an_aggregator_has_a_row_for_each_account_of_either_list(
    listed: dict[str, tuple[bool, bool]], held: set[str]
) -> None:
    accounts = [
        {
            "id": name,
            "name": name,
            "exchange": "Bybit",
            "archived": archived,
            "valid": valid,
            "margin_mode": None,
        }
        for name, (archived, valid) in listed.items()
    ]
    balances: dict[str, Any] = {name: {"exchange": "Bybit", "assets": []} for name in sorted(held)}
    reading = read_stored(
        Case("tread", "flat"),
        [
            StoredAnswer(request="GET /api/accounts/", status=200, text=json.dumps(accounts)),
            StoredAnswer(request="GET /api/balances/", status=200, text=json.dumps(balances)),
        ],
    )

    there = {name for name, (archived, _) in listed.items() if not archived} | held
    good = {
        name
        for name in held
        if listed.get(name, (False, True)) in ((False, True), (True, True), (True, False))
    }
    assert {account.account_id for account in reading.accounts} == good
    assert {re.sub(".*/", "", str(failure.account)) for failure in reading.failures} == there - good
    assert len(reading.accounts) + len(reading.failures) == len(there)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["", *FAULTY]), min_size=20, max_size=20))
def test_of_ten_accounts_of_an_address_each_has_a_row(texts: list[str]) -> None:
    case = Case("arcus", "all-indices")
    answers = case.exchange.answers
    faults = dict(zip(range(20), texts, strict=True))
    faulted: list[StoredAnswer] = []
    for index in range(10):
        for half, path in enumerate(("GET /v1/account", "GET /v1/leverages")):
            text = faults[2 * index + half]
            if text:
                faulted.append(
                    StoredAnswer(request=path, status=200, query={"accountIndex": str(index)}, text=text)
                )
    reading = read_stored(case, [*faulted, *answers])

    assert len(reading.accounts) + len(reading.failures) == 10
    honest = read_stored(case, answers)
    bad = {index for index in range(10) if faults[2 * index] or faults[2 * index + 1]}
    expected = {account.account_id for account in honest.accounts if int(account.account_id[-1]) not in bad}
    assert {account.account_id for account in reading.accounts} == expected


# One venue's trouble -------------------------------------------------------------------------------------------------

TROUBLES: dict[str, dict[str, Any]] = {
    "down": {"status": 503, "body": b"<html>"},
    "limited": {"status": 429, "body": b"{}", "headers": {"retry-after": "60"}},
    "refusing": {"status": 401, "body": b"{}"},
    "hanging": {"delay": 30.0},
}


@pytest.fixture(scope="module")
def readings() -> Callable[[str], dict[str, av.Snapshot]]:
    """For a venue: what is read of all five while it is in trouble, by kind of trouble."""
    known: dict[str, dict[str, av.Snapshot]] = {}

    def of(troubled: str) -> dict[str, av.Snapshot]:
        if troubled not in known:
            known[troubled] = _in_trouble(troubled)
        return known[troubled]

    return of


def _in_trouble(troubled: str) -> dict[str, av.Snapshot]:
    with Sandbox() as sandbox:  # one each: what a process learns of a host stays with it
        entries = [
            replace(entry, options={**entry.options, "timeout": 0.5 if entry.venue == troubled else 10})
            for entry in sandbox.entries
        ]
        portfolio = av.Portfolio(entries)
        found = {"none": portfolio.fetch()}
        asked = {
            name
            for entry in entries
            if entry.venue == troubled
            for name in calls(open_adapter(entry.venue, entry.options))
        }
        for trouble, fault in TROUBLES.items():
            for operation in asked:
                sandbox.fail(troubled, operation, **fault, times=None)
            found[trouble] = portfolio.fetch()
            sandbox.recover()
        return found


@pytest.mark.parametrize(
    ("troubled", "other"), [(one, two) for one in venues() for two in venues() if one != two]
)
def test_the_trouble_of_one_venue_is_not_seen_at_another(
    readings: Callable[[str], dict[str, av.Snapshot]], troubled: str, other: str
) -> None:
    found = readings(troubled)

    labels = [account.label for account in found["none"].accounts if account.venue == other]
    assert labels
    for trouble in TROUBLES:
        assert {row.venue for row in found[trouble].failures} == {troubled}
        assert [a.label for a in found[trouble].accounts if a.venue == other] == labels, trouble
        assert not [account for account in found[trouble].accounts if account.venue == troubled]


# Age -----------------------------------------------------------------------------------------------------------------

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
ages = st.timedeltas(timedelta(0), timedelta(hours=1))


@given(st.lists(ages, min_size=1, max_size=6), ages)
def test_what_is_older_than_asked_for_is_flagged_and_no_sum_holds_it(
    old: list[timedelta], max_age: timedelta
) -> None:
    accounts = [make_account(label=str(n), requested_at=MOMENT - age) for n, age in enumerate(old)]
    result = av.Snapshot(
        taken_at=MOMENT, stale_before=MOMENT - max_age, accounts=tuple(accounts), failures=()
    )

    stale = [str(n) for n, age in enumerate(old) if age > max_age]
    assert [row.label for row in result.rows if row.state == "stale"] == stale
    assert result.to_dict()["stale"] == stale
    assert result.complete == (not stale)
    if stale:
        with pytest.raises(av.IncompleteSnapshot, match=f"^older than asked for: {', '.join(stale)};"):
            result.totals()
    (total,) = result.totals(allow_partial=True)
    assert total.oldest == MOMENT - max(old)

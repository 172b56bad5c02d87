"""Many accounts at many venues, read together: one row for each, an account or a failure, and sums by currency."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, final

import msgspec

from accountview import accounts_file, bundle, registry, spec, venues
from accountview.accounts_file import Entry
from accountview.amounts import total
from accountview.client import Adapter, AsyncClient
from accountview.drift import Counters
from accountview.errors import AnswerInvalid, IncompleteSnapshot, UsageError, VenueError
from accountview.guard import Memory, Remembered
from accountview.plan import Owner, Reading
from accountview.provenance import explanations
from accountview.recording import Exchange, Recorder, RecordingSender
from accountview.secret import Secret
from accountview.view import SCHEMA, Account, Status, builtin

FIGURES = ("equity", "unrealized_pnl", "available", "initial_margin", "maintenance_margin", "notional")
"""The figures of an account that are summed."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An account that could not be read, and why. It is a row like any other: nothing is known of its money."""

    label: str
    venue: str
    operation: str | None
    """operationId of the request that failed; None when no request was involved."""
    error: str
    """Name of the class of `accountview.errors` that says what can be done."""
    message: str
    """One line for people; it never holds a credential."""
    retryable: bool
    """Whether the same read may succeed later without a change."""


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """Exact sums over the accounts of one currency; a figure that any of them lacks is None.

    Accounts without any activity yet have no figures and are left out; they stand in `Snapshot.no_activity`.
    """

    currency: str
    accounts: int
    """How many accounts are summed."""
    missing: Mapping[str, int]
    """Figure → how many of these accounts lack it; only figures that one of them lacks."""
    equity: Decimal | None
    unrealized_pnl: Decimal | None
    available: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    notional: Decimal | None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What one reading of a portfolio found: each account is in `accounts` or in `failures`, in the file's order."""

    # A snapshot that was just read also holds where it came from, for `save`. That is no field of it: it is not
    # shown, compared or written, and a copy, which need not be what was read, does not have it.
    taken_at: datetime
    """When the reading started, UTC: no figure was asked for earlier, but for accounts with a `STALE_ANSWER`."""
    accounts: tuple[Account, ...]
    failures: tuple[Failure, ...]

    @property
    def complete(self) -> bool:
        """Whether every account was read and every list in it is whole."""
        return not self.failures and all(account.complete for account in self.accounts)

    @property
    def oldest(self) -> Account | None:
        """The account that was asked for first: a sum is as old as its oldest part. None without accounts."""
        return min(self.accounts, key=lambda account: account.requested_at, default=None)

    @property
    def no_activity(self) -> tuple[Account, ...]:
        """The accounts that their venues know nothing of yet; no total holds them."""
        return tuple([account for account in self.accounts if account.status is Status.NO_ACTIVITY])

    def totals(self, *, allow_partial: bool = False) -> tuple[Total, ...]:
        """Sums by currency, sorted by currency; amounts of different currencies are never added.

        Raises IncompleteSnapshot when rows are missing or not whole, unless `allow_partial` says that sums of what
        is there are wanted.
        """
        if not allow_partial and not self.complete:
            failed = [failure.label for failure in self.failures]
            cut = [str(account.label) for account in self.accounts if not account.complete]
            problems = [f"not read: {', '.join(failed)}"] * bool(failed) + [
                f"not whole: {', '.join(cut)}"
            ] * bool(cut)
            raise IncompleteSnapshot(f"{'; '.join(problems)}; allow_partial=True sums what is there")
        summed = [account for account in self.accounts if account.status is not Status.NO_ACTIVITY]
        currencies = sorted({account.currency for account in summed})
        return tuple(
            [
                _total(currency, [each for each in summed if each.currency == currency])
                for currency in currencies
            ]
        )

    def to_dict(self, *, explain: bool = False) -> dict[str, Any]:
        """The document of `accountview show --json`, as Python objects; `json_schema()` describes it.

        Its totals cover the accounts that are there; `complete` says whether those are all. With `explain` each
        account also holds `explanations`: of every field, rows as `positions/0/size`, what `Account.explain` says.
        """
        return {
            "schema": SCHEMA,
            "taken_at": builtin(self.taken_at),
            "complete": self.complete,
            "accounts": [_explained(each) if explain else each.to_dict() for each in self.accounts],
            "failures": builtin(self.failures),
            "totals": builtin(self.totals(allow_partial=True)),
        }

    def save(self, path: str | Path) -> None:
        """Write a bundle: the venues' answers as they came, and what was made of them here. `av.replay` reads it.

        The file holds no credential and no signature, and only its owner can read it. It is there whole or not at
        all. Raises UsageError when it cannot be written, or when this is no snapshot that was just read or replayed
        but a copy of one.
        """
        sources: tuple[Source, ...] | None = vars(self).get(_SOURCES)
        if sources is None:
            raise UsageError(
                f"{path}: a copied snapshot holds no answers; save what fetch or replay returned"
            )
        kept = bundle.Bundle(
            version=version("accountview"),
            taken_at=self.taken_at,
            rows=tuple([_row(source) for source in sources]),
            published=bundle.Published(**self.to_dict()),
        )
        bundle.write(Path(path), kept, [secret for source in sources for secret in source.secrets])

    def to_json(self, *, explain: bool = False) -> bytes:
        """The document as UTF-8 text: decimals plain, digits as received, times RFC 3339 in UTC."""
        return msgspec.json.encode(self.to_dict(explain=explain))


def _explained(account: Account) -> dict[str, Any]:
    return {**account.to_dict(), "explanations": builtin(explanations(account))}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document that `Snapshot.to_dict` makes."""
    content = files("accountview").joinpath("schema", "accountview-1.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, Any])


@final
class Portfolio:
    """A fixed set of accounts that are read together. It holds no connection between two readings.

    It remembers what it last believed of each account: a figure that falls to 0 with nothing to explain it is withheld
    (finding `SUSPECT`), and an answer older than one already seen is not taken for news: the account is shown as it was
    seen before, with its own age (finding `STALE_ANSWER`). `accountview.guard` has the rules.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Raises UsageError when there is no entry, two share a label, or one cannot be opened."""
        self.entries = tuple(entries)
        """The accounts, in the order of their rows."""
        if not self.entries:
            raise UsageError("a portfolio needs at least one account")
        labels = [entry.label for entry in self.entries]
        if len(set(labels)) != len(labels):
            raise UsageError("two accounts of a portfolio share a label; labels tell rows apart")
        self._adapters = tuple([_open(entry) for entry in self.entries])
        self._memories = {entry.label: Memory() for entry in self.entries}

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> "Portfolio":
        """The accounts of an accounts file: `path`, else ./accounts.toml, else what $ACCOUNTVIEW_FILE names.

        Raises UsageError, one line naming file, account, key and remedy.
        """
        return cls(accounts_file.load(accounts_file.find() if path is None else path))

    @property
    def drift(self) -> Mapping[str, Counters]:
        """Label → what of its answers was held against the venue's spec, over all readings; see `Client.drift`."""
        return {
            entry.label: adapter.radar.counters()
            for entry, adapter in zip(self.entries, self._adapters, strict=True)
        }

    def __repr__(self) -> str:
        return f"<Portfolio {', '.join(entry.label for entry in self.entries)}>"

    def accept(self, label: str) -> None:
        """Forget what was seen of an account, so that its next reading is news whatever it says.

        For an operator who has made sure that a `SUSPECT` zero or a `STALE_ANSWER` is right. What contradicts within
        one reading stays suspect. Raises UsageError for a label that no entry has.
        """
        own = (
            label if label in self._memories else label.partition("/")[0]
        )  # what follows is told by the venue
        if own not in self._memories:
            raise UsageError(f"no account {label!r}; there are {', '.join(self._memories)}")
        self._memories[own] = Memory()

    def fetch(self) -> Snapshot:
        """Read every account, side by side. A row that fails is a `Failure` and harms no other.

        Where an event loop runs already (a notebook), it works in a thread of its own; coroutines rather await
        `afetch`, which does not hold up their loop.
        """
        return awaited(self.afetch)

    async def afetch(self) -> Snapshot:
        """The same as `fetch`, awaited."""
        taken_at = datetime.now(UTC)
        tasks = [
            asyncio.create_task(
                read_row(entry, adapter, self._memories[entry.label], Recorder(adapter.endpoint))
            )
            for entry, adapter in zip(self.entries, self._adapters, strict=True)
        ]
        try:
            rows = await asyncio.gather(*tasks)
        finally:
            # One broke (a bug, for failures are rows) or we were cancelled: nothing is left running.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return snapshot(taken_at, rows)


def awaited(start: Callable[[], Coroutine[Any, Any, Snapshot]]) -> Snapshot:
    """What a coroutine returns; it runs in a thread of its own where an event loop runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(start())
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, start()).result()


# One row ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """What a row was made of."""

    entry: Entry
    remembered: tuple[Remembered, ...]
    """What was believed of its accounts before."""
    exchanges: tuple[Exchange, ...]
    secrets: tuple[Secret, ...]
    """What must not be seen of the exchanges."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read for one entry."""

    accounts: tuple[Account, ...]
    failures: tuple[Failure, ...]
    source: Source


_SOURCES = "sources"


def snapshot(taken_at: datetime, rows: Iterable[Read]) -> Snapshot:
    """The snapshot of these rows, with where it came from."""
    rows = tuple(rows)
    made = Snapshot(
        taken_at=taken_at,
        accounts=tuple([account for row in rows for account in row.accounts]),
        failures=tuple([failure for row in rows for failure in row.failures]),
    )
    vars(made)[_SOURCES] = tuple([row.source for row in rows])
    return made


def _open(entry: Entry) -> Adapter:
    try:
        return venues.open_adapter(entry.venue, entry.options)
    except UsageError as error:
        raise UsageError(f"account {entry.label!r}: {error}") from error


async def read_row(entry: Entry, adapter: Adapter, memory: Memory, sender: RecordingSender) -> Read:
    """Read one entry over `sender`, in the light of what `memory` knows."""
    remembered = memory.remembered
    accounts, failures = await _read(entry, adapter, memory, sender)
    return Read(accounts, failures, Source(entry, remembered, sender.exchanges, sender.secrets))


def _row(source: Source) -> bundle.Row:
    entry = source.entry
    known = venues.parameters(entry.venue)
    return bundle.Row(
        label=entry.label,
        tags=entry.tags,
        venue=entry.venue,
        options={
            name: entry.options[name]
            for name, parameter in known.items()
            if name in entry.options and not parameter.secret and name not in bundle.NOT_KEPT
        },
        secrets=tuple([name for name in known if name in entry.options and known[name].secret]),
        spec=spec.digest(entry.venue),
        remembered=tuple(
            [
                bundle.Remembered(newest=seen.newest.to_dict(), valued=seen.valued.to_dict())
                for seen in source.remembered
            ]
        ),
        exchanges=source.exchanges,
    )


async def _read(
    entry: Entry, adapter: Adapter, memory: Memory, sender: RecordingSender
) -> tuple[tuple[Account, ...], tuple[Failure, ...]]:
    try:
        async with AsyncClient(adapter, Owner(entry.label, entry.tags), sender, memory=memory) as client:
            reading = await client.read()
    except VenueError as error:
        return (), (_failure(entry, error),)
    except Exception as error:
        brought_by = registry.distribution(entry.venue)
        if brought_by is None:
            raise  # a bug of ours must be seen
        # A plugin's bug harms no other row. Its words are left out: they may hold what an answer held.
        problem = f"the plugin of {brought_by} failed ({type(error).__name__})"
        return (), (_failure(entry, AnswerInvalid(problem, venue=entry.venue, account=entry.label)),)
    if not reading.accounts and not reading.failures:
        problem = "the credential sees no account"
        return (), (_failure(entry, AnswerInvalid(problem, venue=entry.venue, account=entry.label)),)
    return _labelled(entry, reading), tuple([_failure(entry, error) for error in reading.failures])


def _labelled(entry: Entry, reading: Reading) -> tuple[Account, ...]:
    """The accounts under labels that tell them apart: a plan's own label, else the entry's, with the id if needed."""
    several = len(reading.accounts) + len(reading.failures) > 1
    accounts: list[Account] = []
    for account in reading.accounts:
        label = account.label
        if label in (None, entry.label):
            label = f"{entry.label}/{account.account_id}" if several else entry.label
        accounts.append(msgspec.structs.replace(account, label=label))
    return tuple(accounts)


def _failure(entry: Entry, error: VenueError) -> Failure:
    return Failure(
        label=error.account or entry.label,
        venue=error.venue,
        operation=error.operation,
        error=type(error).__name__,
        message=str(error),
        retryable=error.retryable,
    )


def _total(currency: str, accounts: list[Account]) -> Total:
    columns = {name: [getattr(account, name) for account in accounts] for name in FIGURES}
    absent = {name: column.count(None) for name, column in columns.items()}
    return Total(
        currency=currency,
        accounts=len(accounts),
        missing={name: count for name, count in absent.items() if count},
        **{name: total(column) for name, column in columns.items()},
    )

"""Many accounts at many venues, read together: one row for each, an account or a failure, and sums by currency."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, final

import msgspec

from accountview import accounts_file, venues
from accountview.accounts_file import Entry
from accountview.amounts import total
from accountview.client import Adapter, AsyncClient
from accountview.errors import AnswerInvalid, IncompleteSnapshot, UsageError, VenueError
from accountview.plan import Owner, Reading
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


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading of a portfolio found: each account is in `accounts` or in `failures`, in the file's order."""

    taken_at: datetime
    """When the reading started, UTC: no figure in it was asked for earlier."""
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

    def to_dict(self) -> dict[str, Any]:
        """The document of `accountview show --json`, as Python objects; `json_schema()` describes it.

        Its totals cover the accounts that are there; `complete` says whether those are all.
        """
        return {
            "schema": SCHEMA,
            "taken_at": builtin(self.taken_at),
            "complete": self.complete,
            "accounts": builtin(self.accounts),
            "failures": builtin(self.failures),
            "totals": builtin(self.totals(allow_partial=True)),
        }

    def to_json(self) -> bytes:
        """The document as UTF-8 text: decimals plain, digits as received, times RFC 3339 in UTC."""
        return msgspec.json.encode(self.to_dict())


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document that `Snapshot.to_dict` makes."""
    content = files("accountview").joinpath("schema", "accountview-1.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, Any])


@final
class Portfolio:
    """A fixed set of accounts that are read together. It holds no connection between two readings."""

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

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> "Portfolio":
        """The accounts of an accounts file: `path`, else ./accounts.toml, else what $ACCOUNTVIEW_FILE names.

        Raises UsageError, one line naming file, account, key and remedy.
        """
        return cls(accounts_file.load(accounts_file.find() if path is None else path))

    def __repr__(self) -> str:
        return f"<Portfolio {', '.join(entry.label for entry in self.entries)}>"

    def fetch(self) -> Snapshot:
        """Read every account, side by side. A row that fails is a `Failure` and harms no other.

        Where an event loop runs already (a notebook), it works in a thread of its own; coroutines rather await
        `afetch`, which does not hold up their loop.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.afetch())
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, self.afetch()).result()

    async def afetch(self) -> Snapshot:
        """The same as `fetch`, awaited."""
        taken_at = datetime.now(UTC)
        tasks = [
            asyncio.create_task(_read(entry, adapter))
            for entry, adapter in zip(self.entries, self._adapters, strict=True)
        ]
        try:
            rows = await asyncio.gather(*tasks)
        finally:
            # One broke (a bug, for failures are rows) or we were cancelled: nothing is left running.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return Snapshot(
            taken_at=taken_at,
            accounts=tuple([account for accounts, _ in rows for account in accounts]),
            failures=tuple([failure for _, failures in rows for failure in failures]),
        )


def _open(entry: Entry) -> Adapter:
    try:
        return venues.open_adapter(entry.venue, entry.options)
    except UsageError as error:
        raise UsageError(f"account {entry.label!r}: {error}") from error


async def _read(entry: Entry, adapter: Adapter) -> tuple[tuple[Account, ...], tuple[Failure, ...]]:
    try:
        async with AsyncClient(adapter, Owner(entry.label, entry.tags)) as client:
            reading = await client.read()
        if not reading.accounts and not reading.failures:
            problem = "the credential sees no account"
            raise AnswerInvalid(problem, venue=entry.venue, account=entry.label)
    except VenueError as error:
        return (), (_failure(entry, error),)
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

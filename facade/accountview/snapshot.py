"""What one reading of a portfolio found: a row for each account, and sums that hide nothing that is missing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from accountview import bundle, source
from accountview.amounts import total
from accountview.errors import IncompleteSnapshot, UsageError, closest
from accountview.exposure import By, Exposure, exposures
from accountview.provenance import explanations
from accountview.rates import Rates
from accountview.view import SCHEMA, Account, Status, builtin

FIGURES = ("equity", "unrealized_pnl", "available", "initial_margin", "maintenance_margin", "notional")
"""The figures of an account that are summed."""

SOURCES = "sources"
"""Where in `vars` of a snapshot that was just read its `source.Source`s stand."""


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


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One account of a portfolio, read or not."""

    label: str
    venue: str
    state: Literal["ok", "stale", "failed"]
    """`stale`: its figures are older than the `max_age` that was asked for."""
    account: Account | None
    """None when it failed."""
    failure: Failure | None
    """None unless it failed."""


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """Exact sums over the accounts of one currency; a figure that any of them lacks is None.

    Accounts without any activity yet have no figures and are left out; they stand in `Snapshot.no_activity`.
    """

    currency: str
    accounts: int
    """How many accounts are summed."""
    oldest: datetime
    """When the account that was asked for first was asked for, UTC: the sums are as old as their oldest part."""
    missing: Mapping[str, int]
    """Figure → how many of these accounts lack it; only figures that one of them lacks."""
    equity: Decimal | None
    unrealized_pnl: Decimal | None
    available: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    notional: Decimal | None


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """Exact sums over the accounts of all currencies, converted with rates that somebody named.

    A figure is None when any of the accounts lacks it, or when there is no account to sum.
    """

    currency: str
    """What the sums are counted in: `to` of the rates."""
    rates: str
    """Name of the rates."""
    rates_as_of: datetime
    """When the rates held."""
    accounts: int
    """How many accounts are summed."""
    oldest: datetime | None
    """When the account that was asked for first was asked for, UTC; None when there is none."""
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
    stale_before: datetime | None = None
    """An account that was asked for before this is stale: when the reading ended minus its `max_age`; None when no
    age was asked for."""
    accounts: tuple[Account, ...]
    failures: tuple[Failure, ...]

    @property
    def complete(self) -> bool:
        """Whether every account was read, every list in it is whole and none is older than was asked for."""
        return not self.failures and not self.stale and all(account.complete for account in self.accounts)

    @property
    def stale(self) -> tuple[Account, ...]:
        """The accounts that are older than the `max_age` that was asked for."""
        return tuple([account for account in self.accounts if is_stale(account, self.stale_before)])

    @property
    def rows(self) -> tuple[Row, ...]:
        """One for each account: those that were read, then those that were not."""
        return rows_of(self.accounts, self.failures, self.stale_before)

    def row(self, label: str) -> Row:
        """The row of one account, whether it was read or not. Raises UsageError when no row has this label."""
        rows = {row.label: row for row in self.rows}
        if label not in rows:
            raise UsageError(
                f"no account {label!r}; {closest(label, rows)}there are {', '.join(rows) or 'none'}"
            )
        return rows[label]

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

        Raises IncompleteSnapshot when rows are missing, stale or not whole, unless `allow_partial` says that sums of
        what is there are wanted.
        """
        self._check(allow_partial=allow_partial)
        summed = self._summed()
        currencies = sorted({account.currency for account in summed})
        return tuple(
            [
                _total(currency, [each for each in summed if each.currency == currency])
                for currency in currencies
            ]
        )

    def converted(self, rates: Rates, *, allow_partial: bool = False) -> Converted:
        """One sum over all currencies, in `rates.to`: exact, and with the name and the time of the rates.

        Raises IncompleteSnapshot like `totals`; UsageError when a currency has no rate, naming its accounts.
        """
        totals = self.totals(allow_partial=allow_partial)
        lacking = [total.currency for total in totals if not rates.knows(total.currency)]
        if lacking:
            owners = "; ".join(
                f"{currency} of {', '.join(_names(each for each in self._summed() if each.currency == currency))}"
                for currency in lacking
            )
            raise UsageError(f"rates {rates.name!r}: no rate to {rates.to} from {owners}")
        return _converted(totals, rates)

    def exposure(self, by: By = "instrument", *, allow_partial: bool = False) -> tuple[Exposure, ...]:
        """Long, short, net and gross by instrument over all venues, or by tag; sorted by name.

        By tag, an account with two tags counts under both. Raises IncompleteSnapshot like `totals`, and UsageError
        for another `by`.
        """
        if by not in ("instrument", "tag"):
            raise UsageError(f"exposure by {by!r}; there are instrument, tag")
        self._check(allow_partial=allow_partial)
        return exposures(self.accounts, by)

    def to_dict(self, *, explain: bool = False) -> dict[str, Any]:
        """The document of `accountview show --json`, as Python objects; `json_schema()` describes it.

        Its totals cover the accounts that are there; `complete` says whether those are all. With `explain` each
        account also holds `explanations`: of every field, rows as `positions/0/size`, what `Account.explain` says.
        """
        return {
            "schema": SCHEMA,
            "taken_at": builtin(self.taken_at),
            "complete": self.complete,
            "stale": list(_names(self.stale)),
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
        sources: tuple[source.Source, ...] | None = vars(self).get(SOURCES)
        if sources is None:
            raise UsageError(
                f"{path}: a copied snapshot holds no answers; save what fetch or replay returned"
            )
        kept = bundle.Bundle(
            version=version("accountview"),
            taken_at=self.taken_at,
            stale_before=self.stale_before,
            rows=tuple([source.kept(each) for each in sources]),
            published=bundle.Published(**self.to_dict()),
        )
        bundle.write(Path(path), kept, [secret for each in sources for secret in each.secrets])

    def to_json(self, *, explain: bool = False) -> bytes:
        """The document as UTF-8 text: decimals plain, digits as received, times RFC 3339 in UTC."""
        return msgspec.json.encode(self.to_dict(explain=explain))

    def _check(self, *, allow_partial: bool) -> None:
        """Raises IncompleteSnapshot when a sum would not be of all that it seems to be of."""
        if allow_partial or self.complete:
            return
        lacking = {
            "not read": [failure.label for failure in self.failures],
            "not whole": _names(account for account in self.accounts if not account.complete),
            "older than asked for": _names(self.stale),
        }
        problems = [f"{problem}: {', '.join(labels)}" for problem, labels in lacking.items() if labels]
        raise IncompleteSnapshot(f"{'; '.join(problems)}; allow_partial=True sums what is there")

    def _summed(self) -> tuple[Account, ...]:
        return tuple([account for account in self.accounts if account.status is not Status.NO_ACTIVITY])


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document that `Snapshot.to_dict` makes."""
    content = files("accountview").joinpath("schema", "accountview-1.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, Any])


# Rows ------------------------------------------------------------------------------------------------------------


def is_stale(account: Account, stale_before: datetime | None) -> bool:
    """Whether an account was asked for too early."""
    return stale_before is not None and account.requested_at < stale_before


def rows_of(
    accounts: Iterable[Account], failures: Iterable[Failure], stale_before: datetime | None
) -> tuple[Row, ...]:
    """A row for each account and each failure."""
    read = [
        Row(
            label=_name(account),
            venue=account.venue,
            state="stale" if is_stale(account, stale_before) else "ok",
            account=account,
            failure=None,
        )
        for account in accounts
    ]
    failed = [
        Row(label=failure.label, venue=failure.venue, state="failed", account=None, failure=failure)
        for failure in failures
    ]
    return (*read, *failed)


def _name(account: Account) -> str:
    return account.label or account.account_id


def _names(accounts: Iterable[Account]) -> tuple[str, ...]:
    return tuple([_name(account) for account in accounts])


def _explained(account: Account) -> dict[str, Any]:
    return {**account.to_dict(), "explanations": builtin(explanations(account))}


# Sums ------------------------------------------------------------------------------------------------------------


def _total(currency: str, accounts: Sequence[Account]) -> Total:
    columns = {name: [getattr(account, name) for account in accounts] for name in FIGURES}
    absent = {name: column.count(None) for name, column in columns.items()}
    return Total(
        currency=currency,
        accounts=len(accounts),
        oldest=min(account.requested_at for account in accounts),
        missing={name: count for name, count in absent.items() if count},
        **{name: total(column) for name, column in columns.items()},
    )


def _converted(totals: Sequence[Total], rates: Rates) -> Converted:
    absent = {name: sum(each.missing.get(name, 0) for each in totals) for name in FIGURES}
    sums = {
        name: total(rates.convert(getattr(each, name), each.currency) for each in totals)
        for name in FIGURES
        if totals and not absent[name]
    }
    return Converted(
        currency=rates.to,
        rates=rates.name,
        rates_as_of=rates.as_of,
        accounts=sum(each.accounts for each in totals),
        oldest=min((each.oldest for each in totals), default=None),
        missing={name: count for name, count in absent.items() if count},
        **{name: sums.get(name) for name in FIGURES},
    )

"""Tread.fi: an aggregator. One token sees many accounts over many exchanges, tokens and positions mixed in one list."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import msgspec

from accountview import writing
from accountview.adapter import Adapter, Writes, adapter, header_secret
from accountview.client import connector, connector_async
from accountview.errors import (
    AnswerInvalid,
    CredentialsRefused,
    RequestRefused,
    UsageError,
    VenueError,
    VenueUnavailable,
)
from accountview.mapping import known
from accountview.plan import Call, Owner, Plan, Reading, Reply, ask_both
from accountview.provenance import Declaration
from accountview.secret import Secret
from accountview.settings import Settings
from accountview.venues import _tread_declaration as declared
from accountview.venues._tread_accounts import AccountChange as AccountChange
from accountview.venues._tread_accounts import AsyncTreadClient as AsyncTreadClient
from accountview.venues._tread_accounts import TreadAccount as TreadAccount
from accountview.venues._tread_accounts import TreadClient as TreadClient
from accountview.venues._tread_calls import ask_for_accounts, listed, refusal
from accountview.venues._tread_leverage import leverage_of
from accountview.venues._tread_rows import Holdings, cached, live
from accountview.venues._tread_view import account_view
from accountview.view import Account
from accountview_clients.tread.api.accounts import get_balances, get_cached_balances
from accountview_clients.tread.models import Account as ListedAccount
from accountview_clients.tread.types import UNSET

VENUE = "tread"
DECLARATION = declared.LIVE
DECLARATIONS = (declared.LIVE, declared.CACHED)


def declaration_of(account: Account) -> Declaration:
    """How this account became a view: from the exchange's answer, or from the cache of it."""
    from_cache = any(finding.code == "CACHED" for finding in account.findings)
    return declared.CACHED if from_cache else declared.LIVE


# Opening ---------------------------------------------------------------------------------------------------------


def open_adapter(
    *,
    token: str | Secret,
    accounts: list[str] | None = None,
    source: Literal["live", "cached"] = "live",
    network: Literal["mainnet"] = "mainnet",
    **settings: Unpack[Settings],
) -> Adapter:
    """Tread.fi with one token.

    Args:
        token: the API token; it alone says whose accounts are read.
        accounts: names of the accounts that are wanted; all when left out.
        source: `live` has Tread ask the exchanges; `cached` takes what it knew last, with the time of that.
        network: which of the known hosts is asked; an instance of one's own is a `base_url`.
        **settings: what every client takes, see `accountview.client.Settings`.

    Raises:
        UsageError: an option cannot be used; the message says which and why.
    """
    secret = header_secret(VENUE, "token", token)
    wanted = None if accounts is None else _names(accounts)
    if source not in _SOURCES:
        raise UsageError(f"{VENUE}: source is {source!r}; there are {', '.join(_SOURCES)}")
    leverage = leverage_of(wanted, lambda name, owner: read(_SOURCES["live"], (name,), owner))
    return adapter(
        VENUE,
        settings,
        read=lambda owner: read(_SOURCES[source], wanted, owner),
        sign=lambda _: {"Authorization": f"Token {secret.reveal()}"},
        secrets=(secret,),
        network=network,
        open_writes=lambda: Writes(leverage),
    )


connect = connector(open_adapter)
connect_async = connector_async(open_adapter)
connect_writing = writing.connector(open_adapter, TreadClient)
connect_writing_async = writing.connector(open_adapter, AsyncTreadClient)


def _names(accounts: object) -> tuple[str, ...]:
    try:
        names = tuple(msgspec.convert(accounts, list[str]))
    except msgspec.ValidationError as error:
        raise UsageError(f"{VENUE}: accounts must be a list of names") from error
    if not names or not all(names):
        raise UsageError(f"{VENUE}: accounts holds no name, or an empty one; leave it out for all accounts")
    if len(set(names)) != len(names):
        raise UsageError(f"{VENUE}: accounts names one account twice")
    return names


# Asking ----------------------------------------------------------------------------------------------------------


_LIST_ACCOUNTS = ask_for_accounts()


def _ask_live(names: str | None) -> Call[Any]:
    return Call(
        get_balances.build_request(account_names=UNSET if names is None else names),
        get_balances.parse_response,
        refusal,
    )


def _ask_cached(names: str | None) -> Call[Any]:
    return Call(
        get_cached_balances.build_request(account_names=UNSET if names is None else names),
        get_cached_balances.parse_response,
        refusal,
    )


def _live_holdings(answer: Any) -> tuple[tuple[Holdings, ...], bool]:
    return tuple([live(name, balances) for name, balances in answer.items()]), False


def _cached_holdings(answer: Any) -> tuple[tuple[Holdings, ...], bool]:
    rows = tuple([cached(number, balance) for number, balance in enumerate(answer.balances)])
    return rows, bool(known(answer.errors))


@dataclass(frozen=True, slots=True)
class Source:
    """One of the two ways to learn what accounts hold; an account is read in one of them and never in both."""

    ask: Callable[[str | None], Call[Any]]
    """From names, joined by commas, or None for all."""
    holdings: Callable[[Any], tuple[tuple[Holdings, ...], bool]]
    """Of a parsed answer: what the accounts hold, and whether the venue tells of errors beside it."""
    declaration: Declaration


_SOURCES: Mapping[str, Source] = {
    "live": Source(_ask_live, _live_holdings, declared.LIVE),
    "cached": Source(_ask_cached, _cached_holdings, declared.CACHED),
}


def read(source: Source, wanted: tuple[str, ...] | None, owner: Owner) -> Plan[Reading]:
    """The list of accounts and what they hold, asked for side by side; every account of either is a row."""
    # A name with a comma cannot be asked for by name: then all are, and ours are picked out.
    joined = ",".join(wanted) if wanted is not None and not any("," in name for name in wanted) else None
    ask_balances = source.ask(joined)
    accounts, balances = yield from ask_both(_LIST_ACCOUNTS, ask_balances)
    holdings, errors_told = source.holdings(balances.parsed)
    replies = accounts, balances
    roll = _Roll(source, owner, ask_balances, replies, listed(accounts.parsed), holdings, errors_told)
    views: list[Account] = []
    failures: list[VenueError] = []
    for name in roll.names() if wanted is None else wanted:
        try:
            views.append(roll.view(name))
        except VenueError as failure:
            failures.append(failure)
    return Reading(tuple(views), tuple(failures))


@dataclass(frozen=True, slots=True)
class _Roll:
    """Both answers: who there is, and what they hold."""

    source: Source
    owner: Owner
    ask_balances: Call[Any]
    replies: tuple[Reply[Any], Reply[Any]]
    listed: Sequence[ListedAccount]
    holdings: tuple[Holdings, ...]
    errors_told: bool

    def names(self) -> Iterable[str]:
        """Of every account that is listed and not archived, and of every one that holds something."""
        listed = [row.name for row in self.listed if known(row.archived) is not True]
        return dict.fromkeys([*listed, *(each.name for each in self.holdings)])

    def view(self, name: str) -> Account:
        """The view of one account; raises VenueError when it cannot be known."""
        rows = [row for row in self.listed if row.name == name]
        listed = [row for row in rows if known(row.archived) is not True]
        if any(known(row.valid) is False for row in listed):
            problem = "the exchange refuses the key that Tread.fi holds for it"
            raise CredentialsRefused(problem, **self._where(name, _LIST_ACCOUNTS))
        held = [each for each in self.holdings if each.name == name]
        if not held and listed:
            problem = "the account is listed, and the answer holds nothing of it"
            raise VenueUnavailable(problem, **self._where(name, self.ask_balances))
        if not held:
            problem = "the account is archived" if rows else "the token sees no account of this name"
            raise RequestRefused(problem, **self._where(name, _LIST_ACCOUNTS))
        if len(held) > 1:
            raise self._invalid(name, held[1].place, "two accounts of one name")
        unclear = held[0].problem()
        if unclear is not None:
            raise self._invalid(name, *unclear)
        return account_view(
            self.source.declaration,
            Owner(self._label(name), self.owner.tags),
            held[0],
            listed[0] if listed else None,
            self.replies,
            errors_told=self.errors_told,
        )

    def _invalid(self, name: str, path: str, problem: str) -> AnswerInvalid:
        return AnswerInvalid(problem, path=path, **self._where(name, self.ask_balances))

    def _where(self, name: str, call: Call[Any]) -> dict[str, Any]:
        return {
            "venue": VENUE,
            "account": self._label(name) or name,
            "operation": call.request.operation.name,
        }

    def _label(self, name: str) -> str | None:
        return None if self.owner.label is None else f"{self.owner.label}/{name}"

"""The leverage of a pair at Tread.fi: it stays set at the exchange, and is shown on an open position only."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from accountview.errors import AnswerInvalid, UsageError
from accountview.leverage import LeverageOf, Seen, perpetual
from accountview.mapping import known
from accountview.plan import Call, Owner, Plan, Reading, ask
from accountview.venues import _tread_pairs
from accountview.venues._tread_calls import ask_for_accounts, listed, refusal
from accountview.view import Instrument, Kind
from accountview_clients.tread.api.accounts import set_leverage
from accountview_clients.tread.models import Account, SetLeverageRequest

VENUE = "tread"


def leverage_of(wanted: tuple[str, ...] | None, read: Callable[[str, Owner], Plan[Reading]]) -> LeverageOf:
    """How Tread.fi is told a leverage.

    `wanted` are the names of accounts that may be meant, None for all; `read` reads the account of one name, as the
    exchange has it and not as the cache has.
    """

    def look(owner: Owner, account: str | None) -> Plan[Seen]:
        reply = yield from ask(ask_for_accounts())
        there = [row for row in listed(reply.parsed) if known(row.archived) is not True]
        row = _one([each for each in there if wanted is None or each.name in wanted], account, owner)
        request_id = known(row.id)
        if request_id is None:
            raise _invalid("an account without an id", owner, row.name)
        reading = yield from read(row.name, owner)
        if reading.failures:
            raise reading.failures[0]
        (view,) = reading.accounts
        symbols = [position.venue_symbol for position in view.positions]
        return Seen(view, dict(zip(symbols, symbols, strict=True)), request_id)

    def change(seen: Seen, symbol: str, leverage: Decimal) -> Call[Any]:
        body = SetLeverageRequest(account_ids=[seen.request_id], pair=symbol, leverage=leverage)
        return Call(
            set_leverage.build_request(body=body),
            set_leverage.parse_response,
            refusal,
        )

    return LeverageOf(
        venue=VENUE,
        look=look,
        change=change,
        instrument=_tread_pairs.instrument,
        is_whole=False,
        symbols=pairs,
        not_shown="it is shown on an open position only, and not by every exchange",
    )


def pairs(wanted: Instrument | str) -> Iterable[str]:
    """The pair that is meant for certain, although no pairs are listed: the venue's page says how they are written."""
    if isinstance(wanted, str) and _is_levered(_tread_pairs.instrument(wanted)):
        yield wanted
    meant = perpetual(wanted) if isinstance(wanted, str) else wanted
    if meant is not None and meant.kind is Kind.PERPETUAL:
        pair = f"{meant.base}:PERP-{meant.quote}"
        if _tread_pairs.instrument(pair) == meant:
            yield pair


def _is_levered(instrument: Instrument | None) -> bool:
    return instrument is not None and instrument.kind in (Kind.PERPETUAL, Kind.FUTURE, Kind.OPTION)


def _one(there: list[Account], account: str | None, owner: Owner) -> Account:
    matching = [row for row in there if account is None or row.name == account]
    if len(matching) == 1:
        return matching[0]
    names = ", ".join(row.name for row in there) or "none"
    if len(matching) > 1 and account is not None:
        raise _invalid("two accounts of one name", owner, account)
    if account is None:
        raise UsageError(f"{VENUE}: this credential sees several accounts or none; name one of: {names}")
    raise UsageError(f"{VENUE}: no account {account!r}; this credential sees: {names}")


def _invalid(problem: str, owner: Owner, name: str) -> AnswerInvalid:
    return AnswerInvalid(problem, venue=VENUE, account=owner.label or name, operation="listAccounts")

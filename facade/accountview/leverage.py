"""The leverage that is set for a market: which market is meant, and the plan that sets it, one for all venues.

A market is named in one language at every venue: an `Instrument` of the view, or a text. `BTC-USD` is the perpetual of
BTC quoted in USD; any other text is the venue's own symbol. What cannot be mapped with certainty is refused.

The account is read before and after through the venue's ordinary reads. In between the change is sent, at most once.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from accountview import spec
from accountview.amounts import plain
from accountview.errors import OutcomeUnknown, RequestRefused, Resolution, UsageError, VenueError
from accountview.plan import Call, Owner, Plan, ask
from accountview.view import Account, Instrument, Kind, Position

State = Literal["already_set", "changed", "rejected", "unconfirmed"]


class LeverageSetting(msgspec.Struct, frozen=True, kw_only=True):
    """The leverage of one market as it stands."""

    account_id: str
    """The venue's own id of the account."""
    venue_symbol: str
    """The market, as the venue names it."""
    instrument: Instrument | None
    """None when the venue's symbol has no form that is known."""
    leverage: Decimal | None
    """A multiple; None where the venue does not show it (Tread.fi shows it on an open position only)."""
    positions: tuple[Position, ...]
    """What is open in this market, and so is concerned by a change."""


class LeverageChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request to set the leverage of a market.

    `already_set`: it was so before, and nothing was sent. `changed`: the account shows it. `rejected`: the venue said
    no, and why is `reason`. `unconfirmed`: the venue took it, and the account does not show it (yet).
    """

    state: State
    account_id: str
    """The venue's own id of the account."""
    venue_symbol: str
    """The market, as the venue names it."""
    instrument: Instrument | None
    """None when the venue's symbol has no form that is known."""
    wanted: Decimal
    """The leverage that was asked for, a multiple."""
    before: Decimal | None
    """What was read before; None where the venue does not show it."""
    after: Decimal | None
    """What was read afterwards; None where the venue does not show it, or could not be read."""
    reason: str | None = None
    """Why it was rejected or is unconfirmed, and what else there is to know of it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An account as it was read."""

    account: Account
    keys: Mapping[str, Any]
    """Venue symbol of every market that the answers tell of → what a request calls it."""
    request_id: str = ""
    """What a request calls the account, where that is not its `account_id`."""


@dataclass(frozen=True, slots=True)
class LeverageOf:
    """How one venue is told a leverage. Every part is pure; the plans below put them together."""

    venue: str
    look: Callable[[Owner, str | None], Plan[Seen]]
    """Reads the account of an id; None is the only one there is. Raises UsageError when it is not clear which."""
    change: Callable[[Seen, str, Decimal], Call[Any]]
    """The request that sets the leverage of the market of a venue symbol."""
    instrument: Callable[[str], Instrument | None]
    """What a venue symbol names."""
    is_whole: bool
    """Whether the venue takes whole numbers only."""
    symbols: Callable[[Instrument | str], Iterable[str]] = lambda _: ()
    """Symbols that are meant for certain although no answer tells of them; for a venue that lists no markets."""
    is_only_taken: Callable[[Any], bool] = lambda _: False
    """Of a parsed answer: whether the venue says that it has taken the request, and not that it has carried it out."""
    not_shown: str = "the account does not show it"
    """Why the account may not show a leverage that the venue took."""


# Which leverage --------------------------------------------------------------------------------------------------


def number(venue: LeverageOf, leverage: Decimal | int) -> Decimal:
    """The leverage, when it is one that can be asked for. Raises UsageError."""
    if type(leverage) not in (int, Decimal):  # a float is a rounded number, and True is none
        raise UsageError(f"{venue.venue}: leverage must be an int or a Decimal")
    wanted = Decimal(leverage)
    # A text of a million digits is no leverage, and nothing that is worth writing out.
    if not wanted.is_finite() or not Decimal("1e-9") < wanted < 100_000 or len(wanted.as_tuple().digits) > 12:
        raise UsageError(f"{venue.venue}: leverage must be a number above 0")
    if venue.is_whole and wanted != wanted.to_integral_value():
        raise UsageError(f"{venue.venue}: leverage is {plain(wanted)}; the venue takes whole numbers")
    bounds = _bounds(venue)
    if bounds is not None and not bounds.least <= wanted <= (bounds.later or bounds.most):
        shown = f"{bounds.least} to {bounds.later or bounds.most}"
        raise UsageError(f"{venue.venue}: leverage is {plain(wanted)}; it can be {shown}")
    return wanted.to_integral_value() if venue.is_whole else wanted


def check(venue: LeverageOf, leverage: Decimal | int) -> str | None:
    """What is to be known of a leverage before it is asked for; None when nothing is. Raises UsageError."""
    return beyond(venue, number(venue, leverage))


def beyond(venue: LeverageOf, wanted: Decimal) -> str | None:
    """What to say of a leverage that only the venue can decide on; None of one within the documented bounds."""
    bounds = _bounds(venue)
    if bounds is None or wanted <= bounds.most:
        return None
    return f"the documented maximum is {bounds.most}; {bounds.later} was seen later, and the venue decides"


class _Bounds(NamedTuple):
    """What a venue's pages allow, and what was seen later."""

    least: Decimal
    most: Decimal
    later: Decimal | None


def _bounds(venue: LeverageOf) -> _Bounds | None:
    """The bounds by the venue's spec; None where it has none, and the venue alone decides."""
    facts = spec.load(venue.venue)
    if "leverage_maximum" not in facts.facts:
        return None
    later = facts.amount("leverage_maximum_2025") if "leverage_maximum_2025" in facts.facts else None
    return _Bounds(facts.amount("leverage_minimum"), facts.amount("leverage_maximum"), later)


# Which market ----------------------------------------------------------------------------------------------------


def perpetual(text: str) -> Instrument | None:
    """`BTC-USD` as the perpetual that it names at every venue; None for a text of another form."""
    base, hyphen, quote = text.partition("-")
    if not (base and hyphen and quote) or not all(part.isalnum() for part in (base, quote)):
        return None
    return Instrument(base=base, quote=quote, kind=Kind.PERPETUAL)


def symbol(venue: LeverageOf, seen: Seen, wanted: Instrument | str) -> str:
    """The venue's symbol for an instrument. Raises UsageError with the closest ones when none is certain."""
    known = list(dict.fromkeys([*seen.keys, *venue.symbols(wanted)]))
    if isinstance(wanted, str) and wanted in known:
        return wanted
    meant = perpetual(wanted) if isinstance(wanted, str) else wanted
    matching = [each for each in known if meant is not None and venue.instrument(each) == meant]
    if len(matching) == 1:
        return matching[0]
    name = wanted if isinstance(wanted, str) else _name(wanted)
    if matching:
        raise UsageError(f"{venue.venue}: {name!r} may be {' or '.join(matching)}; give one of these")
    raise UsageError(f"{venue.venue}: no market is {name!r} for certain; {_closest(name, known)}")


def _name(instrument: Instrument) -> str:
    parts = (instrument.expiry, instrument.strike)
    more = "".join(f" {part}" for part in parts if part is not None)
    return f"{instrument.base}-{instrument.quote} {instrument.kind}{more}"


def _closest(name: str, known: list[str]) -> str:
    if not known:
        return "the account shows none; give the venue's own symbol"
    by_upper = {each.upper(): each for each in known}
    base = name.upper().split("-")[0].split(":")[0]
    near = difflib.get_close_matches(name.upper(), by_upper, n=3)
    near += [each for each in by_upper if each.startswith(base) and each not in near][:3]
    listed = [by_upper[each] for each in near] or known[:10]
    cut = ", …" if len(known) > len(listed) else ""
    return f"did you mean {' or '.join(listed)}?" if near else f"there are {', '.join(listed)}{cut}"


# The plans -------------------------------------------------------------------------------------------------------


def show(
    venue: LeverageOf, owner: Owner, wanted: Instrument | str, account: str | None
) -> Plan[LeverageSetting]:
    """What is set. Raises UsageError, and VenueError when the account cannot be read."""
    seen = yield from venue.look(owner, account)
    return _setting(venue, seen, symbol(venue, seen, wanted))


def change(
    venue: LeverageOf, owner: Owner, wanted: Instrument | str, leverage: Decimal | int, account: str | None
) -> Plan[LeverageChange]:
    """Set it, once. Raises UsageError before anything is sent, OutcomeUnknown, and what `show` does."""
    asked_for = number(venue, leverage)
    seen = yield from venue.look(owner, account)
    before = _setting(venue, seen, symbol(venue, seen, wanted))
    if before.leverage == asked_for:
        return _changed(before, asked_for, "already_set", before.leverage, None)
    note = beyond(venue, asked_for)
    reasons = [] if note is None else [note]
    try:
        reply = yield from ask(venue.change(seen, before.venue_symbol, asked_for))
    except RequestRefused as refused:
        after, _ = yield from _again(venue, owner, before)
        return _changed(before, asked_for, "rejected", after, "; ".join([refused.problem, *reasons]))
    except OutcomeUnknown as unknown:
        doubtful = unknown
    else:
        after, problem = yield from _again(venue, owner, before)
        if after == asked_for:
            return _changed(before, asked_for, "changed", after, note)
        taken = (
            "the venue has taken it" if venue.is_only_taken(reply.parsed) else "the venue says that it is set"
        )
        reasons.insert(0, f"{taken}; {problem or _still(venue, after)}")
        return _changed(before, asked_for, "unconfirmed", after, "; ".join(reasons))
    after, problem = yield from _again(venue, owner, before)
    reasons.insert(0, problem or _still(venue, after))
    found = _changed(before, asked_for, "unconfirmed", after, "; ".join(reasons))
    # Raised out here: an error whose context is itself would say nothing more.
    raise doubtful.resolved(_resolution(before.leverage, asked_for, after), found)


def _setting(venue: LeverageOf, seen: Seen, venue_symbol: str) -> LeverageSetting:
    account = seen.account
    positions = tuple([each for each in account.positions if each.venue_symbol == venue_symbol])
    leverage = account.leverage_by_market.get(venue_symbol)
    if leverage is None:
        shown = {position.leverage for position in positions}
        leverage = shown.pop() if len(shown) == 1 else None
    return LeverageSetting(
        account_id=account.account_id,
        venue_symbol=venue_symbol,
        instrument=venue.instrument(venue_symbol),
        leverage=leverage,
        positions=positions,
    )


def _again(
    venue: LeverageOf, owner: Owner, before: LeverageSetting
) -> Plan[tuple[Decimal | None, str | None]]:
    """What is set now, and why it could not be read."""
    try:
        seen = yield from venue.look(owner, before.account_id)
    except VenueError as error:
        return None, f"reading it back failed: {error.problem}"
    return _setting(venue, seen, before.venue_symbol).leverage, None


def _still(venue: LeverageOf, after: Decimal | None) -> str:
    return venue.not_shown if after is None else f"the account shows {plain(after)}"


def _resolution(before: Decimal | None, wanted: Decimal, after: Decimal | None) -> Resolution:
    if after is None:
        return "cannot_tell"
    if after == wanted:
        return "applied"
    # A third value is somebody else's doing: ours may have come before it, or not at all.
    return "not_applied" if after == before else "cannot_tell"


def _changed(
    before: LeverageSetting, wanted: Decimal, state: State, after: Decimal | None, reason: str | None
) -> LeverageChange:
    return LeverageChange(
        state=state,
        account_id=before.account_id,
        venue_symbol=before.venue_symbol,
        instrument=before.instrument,
        wanted=wanted,
        before=before.leverage,
        after=after,
        reason=reason,
    )

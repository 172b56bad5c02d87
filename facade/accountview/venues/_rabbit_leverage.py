"""The leverage of a market at RabbitX and BFX: one for its positions and orders, and shown for every market."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from accountview.errors import UsageError
from accountview.leverage import LeverageOf, Seen
from accountview.plan import Call, Owner, Plan, Reading
from accountview.view import Instrument


def leverage_of(
    venue: str,
    read: Callable[[Owner], Plan[Reading]],
    instrument: Callable[[str], Instrument | None],
    set_leverage: Callable[[str, int], Call[Any]],
) -> LeverageOf:
    """How one exchange of this backend is told a leverage; `set_leverage` makes the request of market and leverage."""

    def look(owner: Owner, account: str | None) -> Plan[Seen]:
        (view,) = (yield from read(owner)).accounts
        if account not in (None, view.account_id):
            raise UsageError(f"{venue}: no account {account!r}; this credential sees: {view.account_id}")
        names = [*view.leverage_by_market, *(position.venue_symbol for position in view.positions)]
        return Seen(view, {name: name for name in names})

    def change(seen: Seen, symbol: str, leverage: Decimal) -> Call[Any]:
        return set_leverage(seen.keys[symbol], int(leverage))

    return LeverageOf(venue=venue, look=look, change=change, instrument=instrument, is_whole=True)

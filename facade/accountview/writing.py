"""Clients that can change something at a venue. They exist only where they are asked for: `connect(…, writes=True)`.

Everything that changes something is a plan, run by the same two drivers as a read. It is sent at most once; when no
definite answer comes, the account is read again and `OutcomeUnknown` says what was seen.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from accountview import leverage as leverages
from accountview.adapter import Adapter, Writes
from accountview.client import AsyncClient, Client, run, run_async
from accountview.deadline import Deadline
from accountview.errors import UsageError
from accountview.leverage import LeverageChange, LeverageSetting
from accountview.plan import NOBODY, Call, Owner, Plan, Reply
from accountview.secret import seal
from accountview.view import Instrument

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")


class WritingClient(Client):
    """Reads accounts, and sets the leverage of their markets.

    `timeout` counts for each request of a change by itself, so that one that took all of its time can be read back.
    Who interrupts a call does not learn what became of it: it was sent at most once and is not sent again;
    `leverage` tells what is set.
    """

    def __init__(self, adapter: Adapter, owner: Owner = NOBODY) -> None:
        """Raises UsageError when nothing can be changed there, or what that takes is lacking."""
        self._writes = _writes(adapter)
        super().__init__(adapter, owner)

    def leverage(self, instrument: Instrument | str, account: str | None = None) -> LeverageSetting:
        """What is set for a market. Takes and raises what `set_leverage` does; nothing is changed."""
        return self._write(leverages.show(self._writes.leverage, self._owner, instrument, account))

    def check_leverage(self, leverage: Decimal | int) -> str | None:
        """What is to be known before a leverage is asked for; None when nothing is. Nothing is sent.

        Raises UsageError when it cannot be asked for.
        """
        return leverages.check(self._writes.leverage, leverage)

    def set_leverage(
        self, instrument: Instrument | str, leverage: Decimal | int, account: str | None = None
    ) -> LeverageChange:
        """Set the leverage of one market; it holds for positions and orders that are open there, and for later ones.

        Args:
            instrument: an `Instrument`; or a text, `BTC-USD` for the perpetual of BTC quoted in USD at every venue,
                else the venue's own symbol.
            leverage: a multiple; a whole number where the venue takes no other.
            account: `account_id` of the account, where the credential sees several.

        Raises:
            UsageError: before anything is sent: the market, the leverage or the account is not clear or not allowed.
            OutcomeUnknown: it was sent, and no definite answer came; `resolution` says what was read afterwards.
            VenueError: anything else; then nothing was changed.
        """
        return self._write(
            leverages.change(self._writes.leverage, self._owner, instrument, leverage, account)
        )

    def _write(self, plan: Plan[T]) -> T:
        def send(call: Call[Any]) -> Reply[Any]:
            return self._send(call, Deadline(self._adapter.timeout))

        return run(plan, send)


class AsyncWritingClient(AsyncClient):
    """The same as `WritingClient`, awaited. A call that is cancelled was sent at most once, and is not sent again."""

    def __init__(self, adapter: Adapter, owner: Owner = NOBODY) -> None:
        """Raises UsageError when nothing can be changed there, or what that takes is lacking."""
        self._writes = _writes(adapter)
        super().__init__(adapter, owner)

    async def leverage(self, instrument: Instrument | str, account: str | None = None) -> LeverageSetting:
        """See `WritingClient.leverage`."""
        return await self._write(leverages.show(self._writes.leverage, self._owner, instrument, account))

    def check_leverage(self, leverage: Decimal | int) -> str | None:
        """See `WritingClient.check_leverage`."""
        return leverages.check(self._writes.leverage, leverage)

    async def set_leverage(
        self, instrument: Instrument | str, leverage: Decimal | int, account: str | None = None
    ) -> LeverageChange:
        """See `WritingClient.set_leverage`."""
        return await self._write(
            leverages.change(self._writes.leverage, self._owner, instrument, leverage, account)
        )

    async def _write(self, plan: Plan[T]) -> T:
        async def send(call: Call[Any]) -> Reply[Any]:
            return await self._send(call, Deadline(self._adapter.timeout))

        return await run_async(plan, send)


def _writes(adapter: Adapter) -> Writes:
    if adapter.open_writes is None:
        raise UsageError(f"{adapter.venue}: nothing can be changed there; connect without writes=True")
    return adapter.open_writes()


def connector(open_adapter: Callable[P, Adapter], client: Callable[[Adapter], C]) -> Callable[P, C]:
    """`connect_writing` of a venue: the parameters of its `open_adapter`, such a client as result."""

    @wraps(open_adapter)
    def connect_writing(*args: P.args, **kwargs: P.kwargs) -> C:
        seal(open_adapter, kwargs)
        return client(open_adapter(*args, **kwargs))

    return connect_writing

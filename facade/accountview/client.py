"""Clients: they run the plans of one venue's adapter over the network.

An adapter module makes an `Adapter` of its credentials and calls `connector` and `connector_async` on that function;
it gets `connect` and `connect_async` with exactly its own parameters and their types. The network, and the event loop
of those who await, are loaded when something is asked: whoever only connects need not wait for them.
"""

import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import replace
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from accountview.adapter import Adapter
from accountview.deadline import Deadline
from accountview.drift import Counters
from accountview.errors import UsageError, VenueError
from accountview.executor import Pause, Steps, execute
from accountview.guard import Memory
from accountview.network.sending import AsyncSender, NoAnswer, Sender
from accountview.plan import NOBODY, Call, Owner, Plan, Reading, Reply
from accountview.secret import seal
from accountview.view import Account
from accountview.wire import Malformed

P = ParamSpec("P")
T = TypeVar("T")


# The two drivers of a plan ----------------------------------------------------------------------------------------


def run(plan: Plan[T], send: Callable[[Call[Any]], Reply[Any]]) -> T:
    """Run a plan, one call after another."""
    try:
        calls = next(plan)
        while True:
            try:
                replies = tuple([send(call) for call in calls])
            except VenueError as error:
                calls = plan.throw(error)
            else:
                calls = plan.send(replies)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def run_async(plan: Plan[T], send: Callable[[Call[Any]], Awaitable[Reply[Any]]]) -> T:
    """Run a plan, the calls of one step side by side."""
    try:
        calls = next(plan)
        while True:
            try:
                replies = await _together([send(call) for call in calls])
            except VenueError as error:
                calls = plan.throw(error)
            else:
                calls = plan.send(replies)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _together(awaitables: list[Awaitable[Reply[Any]]]) -> tuple[Reply[Any], ...]:
    if len(awaitables) == 1:
        return (await awaitables[0],)
    import asyncio

    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        # In order, so that of several failures it is always the first call's that is told, as in the sync driver.
        return tuple([await task for task in tasks])
    finally:
        # One failed or we were cancelled: nothing is left running, and no error is left unseen.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# The two drivers of a call ----------------------------------------------------------------------------------------


def carry_out(steps: Steps[T], sender: Sender) -> T:
    """Do what the steps of a call say."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                step = steps.send(None)
                continue
            try:
                answer = sender.send(step)
            except (NoAnswer, Malformed) as problem:
                step = steps.throw(problem)
            else:
                step = steps.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def carry_out_async(steps: Steps[T], sender: AsyncSender) -> T:
    """The same, awaited."""
    import asyncio

    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                step = steps.send(None)
                continue
            try:
                answer = await sender.send(step)
            except (NoAnswer, Malformed) as problem:
                step = steps.throw(problem)
            else:
                step = steps.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


# The clients ------------------------------------------------------------------------------------------------------


class _Connection:
    """What both clients know."""

    def __init__(self, adapter: Adapter, owner: Owner, memory: Memory | None) -> None:
        self._adapter = adapter
        self._owner = owner
        self._memory = memory or Memory()

    @property
    def venue(self) -> str:
        """Key of the venue."""
        return self._adapter.venue

    @property
    def drift(self) -> Counters:
        """How many answers were held against the venue's spec, by operation, and where they differed from it."""
        return self._adapter.radar.counters()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._adapter.venue} {self._adapter.endpoint.base_url}>"

    def _believed(self, reading: Reading) -> Reading:
        """The reading, held against what was seen before: see `accountview.guard`."""
        return replace(reading, accounts=tuple([self._memory.take(account) for account in reading.accounts]))

    def _whole(self, reading: Reading) -> tuple[Account, ...]:
        if reading.failures:
            raise reading.failures[0]
        return reading.accounts

    def _one(self, accounts: tuple[Account, ...], account_id: str | None) -> Account:
        matching = [a for a in accounts if account_id is None or a.account_id == account_id]
        if len(matching) == 1:
            return matching[0]
        ids = ", ".join(account.account_id for account in accounts) or "none"
        if account_id is None:
            raise UsageError(f"{self.venue}: this credential sees several accounts; name one of: {ids}")
        raise UsageError(f"{self.venue}: no account {account_id!r}; this credential sees: {ids}")


class Client(_Connection, AbstractContextManager["Client"]):
    """Reads the accounts that one set of credentials sees at one venue. Close it, or use it in a `with`.

    Several threads may use it at once.
    """

    def __init__(self, adapter: Adapter, owner: Owner = NOBODY, *, memory: Memory | None = None) -> None:
        """`memory` is what earlier clients of these credentials have seen; without it, this one starts anew."""
        super().__init__(adapter, owner, memory)
        self._opening = threading.Lock()
        self._opened: Sender | None = None

    def read(self) -> Reading:
        """Every account as a row: read, or failed with the reason. Raises VenueError when nothing can be listed."""
        deadline = Deadline(self._adapter.timeout)

        def send(call: Call[Any]) -> Reply[Any]:
            return self._send(call, deadline)

        return self._believed(run(self._adapter.read(self._owner), send))

    def _send(self, call: Call[T], deadline: Deadline) -> Reply[T]:
        return carry_out(execute(self._adapter, self._owner, call, deadline), self._transport())

    def _transport(self) -> Sender:
        with self._opening:
            if self._opened is None:
                from accountview.network.transport import Transport

                self._opened = Transport(self._adapter.endpoint)
            return self._opened

    def accounts(self) -> tuple[Account, ...]:
        """All accounts. Raises VenueError when one of them could not be read: a part is never shown as the whole."""
        return self._whole(self.read())

    def account(self, account_id: str | None = None) -> Account:
        """The account; `account_id` says which one, where the credential sees several. Raises VenueError."""
        return self._one(self.accounts(), account_id)

    def close(self) -> None:
        """Close all connections; may be called twice."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Connection, AbstractAsyncContextManager["AsyncClient"]):
    """The same as `Client`, awaited. Use it in one event loop; close it, or use it in an `async with`."""

    def __init__(
        self,
        adapter: Adapter,
        owner: Owner = NOBODY,
        transport: AsyncSender | None = None,
        *,
        memory: Memory | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        """`memory` as for `Client`; `deadline` is one that this reading shares with others."""
        super().__init__(adapter, owner, memory)
        self._opened = transport
        self._deadline = deadline

    async def read(self) -> Reading:
        """Every account as a row: read, or failed with the reason. Raises VenueError when nothing can be listed."""
        deadline = self._deadline or Deadline(self._adapter.timeout)

        async def send(call: Call[Any]) -> Reply[Any]:
            return await self._send(call, deadline)

        return self._believed(await run_async(self._adapter.read(self._owner), send))

    async def _send(self, call: Call[T], deadline: Deadline) -> Reply[T]:
        return await carry_out_async(execute(self._adapter, self._owner, call, deadline), self._transport())

    def _transport(self) -> AsyncSender:
        if self._opened is None:
            from accountview.network.transport import AsyncTransport

            self._opened = AsyncTransport(self._adapter.endpoint)
        return self._opened

    async def accounts(self) -> tuple[Account, ...]:
        """All accounts. Raises VenueError when one of them could not be read: a part is never shown as the whole."""
        return self._whole(await self.read())

    async def account(self, account_id: str | None = None) -> Account:
        """The account; `account_id` says which one, where the credential sees several. Raises VenueError."""
        return self._one(await self.accounts(), account_id)

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        if self._opened is not None:
            await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def connector(open_adapter: Callable[P, Adapter]) -> Callable[P, Client]:
    """`connect` of a venue: the parameters of its `open_adapter`, a `Client` as result."""

    @wraps(open_adapter)
    def connect(*args: P.args, **kwargs: P.kwargs) -> Client:
        seal(open_adapter, kwargs)
        return Client(open_adapter(*args, **kwargs))

    return connect


def connector_async(open_adapter: Callable[P, Adapter]) -> Callable[P, AsyncClient]:
    """`connect_async` of a venue: the parameters of its `open_adapter`, an `AsyncClient` as result."""

    @wraps(open_adapter)
    def connect_async(*args: P.args, **kwargs: P.kwargs) -> AsyncClient:
        seal(open_adapter, kwargs)
        return AsyncClient(open_adapter(*args, **kwargs))

    return connect_async

"""A token that expires is kept, and made anew before it does: once for all who ask, however many there are.

`Keeper` serves threads, `AsyncKeeper` the coroutines of one event loop. Whoever comes while a token is being made waits
for that one. When it cannot be made, all who waited get the same error, and the next one to come tries again: nothing
here is sent twice by itself.
"""

import asyncio
import copy
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from datetime import datetime
from typing import Generic, Protocol, TypeVar, final

from accountview.errors import AccountviewError

LEEWAY = 300.0
"""Seconds before its end that a token is made anew: more than a clock may be off (120) and a request may take."""
LARGEST_SHARE = 0.1
"""Of the life of a token, if that is shorter."""

Clock = Callable[[], float]
"""UNIX seconds by the clock of the venue, which a token expires by."""


class Expiring(Protocol):
    """A token, as far as it matters here."""

    @property
    def expires_at(self) -> datetime: ...


T = TypeVar("T", bound=Expiring)


class _Shelf(Generic[T]):
    """The token that is kept, and until when it is handed out."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._token: T | None = None
        self._until = 0.0

    def good(self, stale: T | None) -> T | None:
        """The token, unless it is the stale one or near its end."""
        if self._token is None or self._token is stale or self._now() >= self._until:
            return None
        return self._token

    def put(self, token: T) -> None:
        end = token.expires_at.timestamp()
        self._token = token
        self._until = end - min(LEEWAY, LARGEST_SHARE * (end - self._now()))


@final
class Keeper(Generic[T]):
    """Keeps the token that `make` makes. For any number of threads."""

    def __init__(self, make: Callable[[], T], now: Clock = time.time) -> None:
        self._make = make
        self._shelf = _Shelf[T](now)
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    def get(self, stale: T | None = None) -> T:
        """A token that is good for a while. `stale` is one that the venue refused: it is not handed out again.

        Raises what `make` raises.
        """
        while True:
            own: Future[T] = Future()
            with self._lock:
                flight = self._flight
                if flight is None:
                    kept = self._shelf.good(stale)
                    if kept is not None:
                        return kept
                    self._flight = own
            if flight is None:
                return self._lead(own)
            try:
                error = flight.exception()
            except CancelledError:
                continue  # who was at it has been interrupted: somebody else has to do it
            if error is not None:
                raise _own(error)
            return flight.result()

    def _lead(self, flight: Future[T]) -> T:
        try:
            token = self._make()
        except BaseException as error:
            self._land()
            if isinstance(error, Exception):
                flight.set_exception(error)
            else:
                flight.cancel()
            raise
        self._land(token)
        flight.set_result(token)
        return token

    def _land(self, token: T | None = None) -> None:
        with self._lock:
            self._flight = None
            if token is not None:
                self._shelf.put(token)


@final
class AsyncKeeper(Generic[T]):
    """Keeps the token that `make` makes. For any number of coroutines of one event loop."""

    def __init__(self, make: Callable[[], Awaitable[T]], now: Clock = time.time) -> None:
        self._make = make
        self._shelf = _Shelf[T](now)
        self._flight: asyncio.Task[T] | None = None

    async def get(self, stale: T | None = None) -> T:
        """See `Keeper.get`. Who is cancelled leaves; the token is made all the same, for the others and the next."""
        if self._flight is None:
            kept = self._shelf.good(stale)
            if kept is not None:
                return kept
            self._flight = asyncio.create_task(self._fly())
            self._flight.add_done_callback(self._landed)
        flight = self._flight
        await asyncio.wait([flight])
        if flight.cancelled():
            raise asyncio.CancelledError
        error = flight.exception()
        if error is not None:
            raise _own(error)
        return flight.result()

    async def _fly(self) -> T:
        token = await self._make()
        self._shelf.put(token)
        return token

    def _landed(self, flight: asyncio.Task[T]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # seen, also when nobody waits any longer


def _own(error: BaseException) -> BaseException:
    """The same error for one more who waited: each has a traceback of its own."""
    return copy.copy(error) if isinstance(error, AccountviewError) else error

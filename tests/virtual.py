"""Calls carried out without a network and without time: a clock that jumps, and a venue that is a function."""

import heapq
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from support import FIXTURES

from accountview.adapter import Adapter
from accountview.deadline import Deadline
from accountview.errors import VenueError
from accountview.executor import Pause, Steps, execute
from accountview.network import retry
from accountview.network.breaker import Breaker
from accountview.network.limiter import Limiter
from accountview.network.route import Route
from accountview.network.sending import Answer, Attempt, NoAnswer
from accountview.plan import NOBODY, Call, Reply
from accountview.venues import bfx, open_adapter, rabbitx
from accountview.wire import Malformed

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
CALLS: Mapping[str, Call[Any]] = {
    "bfx": bfx.EXCHANGE.get_account,
    "rabbitx": rabbitx.EXCHANGE.get_account,
}


@dataclass
class Clock:
    """Seconds, by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


Serve = Callable[[Attempt], Answer]
"""A venue: it answers an attempt, or raises what a transport does."""


@cache
def good_body() -> bytes:
    """What BFX answers to getAccount."""
    stored = json.loads((FIXTURES / "bfx" / "seed-flat" / "exchange.json").read_text())
    return json.dumps(stored["answers"][0]["body"]).encode()


def answer(attempt: Attempt, status: int = 200, **headers: str) -> Answer:
    """A good answer, or an empty one of another status; `_` in the name of a header stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = good_body() if status == 200 else b""
    return Answer(status, named, content, MOMENT, MOMENT, attempt.number)


def refused(_: Attempt) -> Answer:
    """Nobody is there."""
    raise NoAnswer("cannot connect", sent=False)


def as_long_as_can_be(_: float, longest: float) -> float:
    """For `retry.uniform`, where nothing is left to chance."""
    return longest


def venue(clock: Clock, name: str = "bfx", limiter: Limiter | None = None) -> Adapter:
    """An adapter whose host nobody has asked yet, with what its spec says of waiting."""
    options = json.loads((FIXTURES / name / "connect.json").read_text())
    opened = open_adapter(name, {**options, "base_url": "http://127.0.0.1:9", "drift": "off"})
    own = opened.route
    route = Route(
        limiter=limiter or Limiter(clock=clock),
        budget=retry.Budget(),
        breaker=Breaker(clock),
        penalty=own.penalty,
        retry_after_header=own.retry_after_header,
    )
    return replace(opened, route=route)


def steps(adapter: Adapter, deadline: Deadline) -> Steps[Reply[Any]]:
    """One call of a venue."""
    return execute(adapter, NOBODY, CALLS[adapter.venue], deadline)


@dataclass
class Run:
    """How one call went."""

    pauses: list[float] = field(default_factory=list[float])
    asked_at: list[float] = field(default_factory=list[float])
    ended_at: float = 0.0
    result: Reply[Any] | VenueError | None = None

    @property
    def error(self) -> VenueError:
        """The error that it ended with."""
        assert isinstance(self.result, VenueError), self.result
        return self.result


def run(adapter: Adapter, clock: Clock, serve: Serve, timeout: float = 10.0) -> Run:
    """Carry out one call."""
    return simulate(clock, [(clock.now, adapter, timeout)], serve)[0]


def simulate(
    clock: Clock, begun: Iterable[tuple[float, Adapter, float]], serve: Serve, latency: float = 0.0
) -> list[Run]:
    """Carry out many calls side by side; each begins at its moment and has so many seconds.

    An attempt is served at once, and its answer is there `latency` seconds later.
    """
    order = itertools.count()
    due: list[tuple[float, int, Callable[[], None]]] = []
    runs: list[Run] = []

    def at(moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(due, (moment, next(order), act))

    def after(seconds: float, act: Callable[[], None]) -> None:
        if seconds:
            at(clock.now + seconds, act)
        else:
            act()  # nobody comes between

    def begin(run: Run, adapter: Adapter, timeout: float) -> None:
        doing = steps(adapter, Deadline(timeout, clock))
        go(run, doing, partial(next, doing))

    def go(run: Run, doing: Steps[Reply[Any]], resume: Callable[[], Pause | Attempt]) -> None:
        try:
            step = resume()
        except StopIteration as stop:
            run.result, run.ended_at = stop.value, clock.now
        except VenueError as error:
            run.result, run.ended_at = error, clock.now
        else:
            do(run, doing, step)

    def do(run: Run, doing: Steps[Reply[Any]], step: Pause | Attempt) -> None:
        if isinstance(step, Pause):
            assert step.seconds >= 0
            run.pauses.append(step.seconds)
            at(clock.now + step.seconds, partial(go, run, doing, partial(doing.send, None)))
            return
        run.asked_at.append(clock.now)
        try:
            served = serve(step)
        except (NoAnswer, Malformed) as error:
            resume = partial(doing.throw, error)
        else:
            resume = partial(doing.send, served)
        after(latency, partial(go, run, doing, resume))

    for moment, adapter, timeout in begun:
        run = Run()
        runs.append(run)
        at(moment, partial(begin, run, adapter, timeout))
    while due:
        moment, _, act = heapq.heappop(due)
        clock.now = max(clock.now, moment)
        act()
    return runs

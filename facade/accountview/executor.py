"""How one call is carried out: the limit of the venue, retries, the breaker, the clock, and what the answer means.

It is a generator without any I/O: it yields what is to be done next, a `Pause` or an `Attempt`, and is sent the answer,
or thrown what went wrong. The drivers in `client` do it, one by waiting and one by awaiting; tests do it without time.
From outside to inside: the deadline covers everything; every attempt, and not only the first, asks the breaker and the
limiter; a retry needs the spec's leave, the budget's, and time that is left.
"""

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from accountview import log, outcome, spec
from accountview.adapter import Adapter
from accountview.deadline import Deadline
from accountview.errors import (
    ClockSkew,
    CredentialsRefused,
    OutcomeUnknown,
    RateLimited,
    VenueError,
    VenueUnavailable,
)
from accountview.network import retry
from accountview.network.limiter import TooBusy, Turn
from accountview.network.route import LARGEST_CORRECTION
from accountview.network.sending import Answer, Attempt, NoAnswer, NoConnectionFree
from accountview.plan import Call, Owner, Reply
from accountview.wire import Malformed

T = TypeVar("T")
E = TypeVar("E", bound=VenueError)

NOTICEABLE = 2.0
"""Seconds: for a clock that is off by less no venue refuses anything."""


REQUEST_IDS = ("request-id", "x-request-id", "x-correlation-id")
"""The headers by which a venue can find a request again."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


Steps: TypeAlias = Generator[Pause | Attempt, Answer | None, T]
"""What is to be done, one thing after another; an attempt is answered, a pause is not."""


def execute(adapter: Adapter, owner: Owner, call: Call[T], deadline: Deadline) -> Steps[Reply[T]]:
    """Ask, and ask again where that is allowed and may help. Raises VenueError.

    What may not be sent again (`x-retry`) is sent once, on a connection of its own, and raises OutcomeUnknown when it
    may have arrived and no definite answer came.
    """
    facts = spec.operation(adapter.venue, call.request.operation.name)
    number = 0
    while True:
        number += 1
        turn = adapter.route.limiter.turn(facts.cost, deadline)
        yield from _admission(adapter, owner, call, turn, deadline)
        started = time.monotonic()
        attempt = Attempt(call.request, deadline, number, alone=not facts.safe, waits=turn.waits)
        fate = yield from _attempt(adapter, owner, call, attempt)
        if not facts.safe:
            fate = _of_write(adapter, fate)
        _log(adapter, owner, call, fate, number, started)
        if isinstance(fate.result, Reply):
            adapter.route.breaker.succeed()
            adapter.route.budget.give(number)
            return fate.result
        wait = _again(adapter, fate, number, deadline) if facts.safe else None
        if wait is None:
            # Without its way so far: a traceback with all variables would show what the venue answered.
            raise fate.result.with_traceback(None)
        yield Pause(wait)


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of an attempt."""

    result: Reply[Any] | VenueError
    answer: Answer | None
    clock_corrected: bool = False
    """Whether it was refused for a clock that has been corrected since."""
    arrived: bool = True
    """Whether any of the request may have reached the venue."""


def _attempt(adapter: Adapter, owner: Owner, call: Call[Any], attempt: Attempt) -> Steps[_Fate]:
    route = adapter.route
    offset = route.offset
    answer: Answer | None = None
    error: VenueError
    try:
        answer = yield attempt
        assert answer is not None  # noqa: S101 - a driver answers an attempt or throws
        return _Fate(outcome.interpret(adapter, owner, call, answer), answer)
    except TooBusy as busy:
        error = _too_busy(adapter, owner, call, busy.wait, attempt.deadline)
        return _Fate(error, None, arrived=False)
    except (NoAnswer, Malformed) as problem:
        error = outcome.failed(adapter, owner, call, problem)
        arrived = not isinstance(problem, NoAnswer) or problem.sent
        is_down = isinstance(problem, NoAnswer) and not isinstance(problem, NoConnectionFree)
    except VenueError as told:
        error = told
        arrived = True
        is_down = isinstance(told, VenueUnavailable)
    if is_down:
        route.breaker.fail()
    elif answer is not None:
        route.breaker.succeed()
    if isinstance(error, RateLimited):
        route.limiter.hold(error.retry_after or 0.0)
    signs_time = adapter.signs_time and (adapter.signs_reads or attempt.alone)
    if isinstance(error, CredentialsRefused) and signs_time and answer is not None:
        return _of_clock(adapter, error, answer, offset)
    return _Fate(error, answer, arrived=arrived)


def _of_write(adapter: Adapter, fate: _Fate) -> _Fate:
    """What became of a request that is never sent again: without a definite answer, nobody knows."""
    error = fate.result
    if isinstance(error, CredentialsRefused) and fate.clock_corrected:
        problem = "refused, for this machine's clock is off; from now on that is allowed for, so ask again"
        return replace(fate, result=_skewed(problem, error, adapter.route.offset))
    if isinstance(error, Reply) or not fate.arrived or outcome.is_definite(error):
        return fate
    return replace(fate, result=OutcomeUnknown.after(error))


def _of_clock(adapter: Adapter, error: VenueError, answer: Answer, used: float) -> _Fate:
    """A refusal, seen in the light of the two clocks: a signature holds a time, and ours may be wrong."""
    offset = retry.clock_offset(answer.headers, answer.requested_at, answer.received_at)
    if offset is None or abs(offset - used) <= NOTICEABLE:
        return _Fate(error, answer)
    if abs(offset) <= LARGEST_CORRECTION:
        adapter.route.offset = offset
        return _Fate(error, answer, clock_corrected=True)
    side = "behind" if offset > 0 else "ahead of"
    problem = f"refused, and this machine's clock is {abs(offset):.0f} s {side} the venue's; set it right"
    return _Fate(_skewed(problem, error, offset), answer)


def _skewed(problem: str, error: VenueError, offset: float) -> ClockSkew:
    return ClockSkew(problem, offset=offset, **error.where)


def _again(adapter: Adapter, fate: _Fate, number: int, deadline: Deadline) -> float | None:
    """Seconds until a failed request is sent again; None when it is not."""
    route, error = adapter.route, fate.result
    if number >= route.attempts:
        return None
    if fate.clock_corrected:
        return 0.0
    if not isinstance(error, RateLimited | VenueUnavailable):
        return None
    headers: Mapping[str, str] = {} if fate.answer is None else fate.answer.headers
    asked_for = retry.retry_after(headers, route.retry_after_header)
    if isinstance(error, RateLimited):
        asked_for = error.retry_after  # which knows of the venue's penalty as well
    wait = retry.pause(number, asked_for, retry.uniform)
    return wait if wait < deadline.left and route.budget.take() else None


def _admission(
    adapter: Adapter, owner: Owner, call: Call[Any], turn: Turn, deadline: Deadline
) -> Steps[None]:
    """Wait until an attempt may be made. Raises VenueUnavailable, RateLimited."""
    if deadline.left <= 0:
        raise _not_asked(VenueUnavailable, "not asked: no time was left", adapter, owner, call)
    yield from _until_it_may_be_up(adapter, owner, call, deadline)
    if (yield from _until_there_is_room(adapter, owner, call, turn, deadline)):
        yield from _until_it_may_be_up(adapter, owner, call, deadline)  # it may have gone down meanwhile


def _until_it_may_be_up(adapter: Adapter, owner: Owner, call: Call[Any], deadline: Deadline) -> Steps[None]:
    breaker = adapter.route.breaker
    closed = breaker.admit()
    # Twice, for whoever was first may find out for all: the calls of one reading must not fail each other.
    for _ in range(2):
        if 0 < closed < deadline.left:
            yield Pause(closed)
            closed = breaker.admit()
    if closed:
        problem = f"not asked: the last {breaker.failures} requests to it failed; one a second tries whether it is back"
        raise _not_asked(VenueUnavailable, problem, adapter, owner, call)


def _until_there_is_room(
    adapter: Adapter, owner: Owner, call: Call[Any], turn: Turn, deadline: Deadline
) -> Steps[bool]:
    """Whether there was anything to wait for."""
    waited = False
    try:
        for seconds in turn.waits():
            yield Pause(seconds)
            waited = True
    except TooBusy as busy:
        room = busy.wait
    else:
        return waited
    raise _too_busy(adapter, owner, call, room, deadline)


def _too_busy(
    adapter: Adapter, owner: Owner, call: Call[Any], room: float, deadline: Deadline
) -> RateLimited:
    problem = (
        f"not asked: the venue's rate limit has room in {room:.1f} s, and {max(deadline.left, 0):.1f} s are "
        "left; allow more time (timeout), or ask less often (accountview budget says how often)"
    )
    error = _not_asked(RateLimited, problem, adapter, owner, call)
    error.retry_after = room
    return error


def _not_asked(kind: type[E], problem: str, adapter: Adapter, owner: Owner, call: Call[Any]) -> E:
    operation = call.request.operation.name
    return kind(problem, venue=adapter.venue, account=owner.label, operation=operation)


def _log(adapter: Adapter, owner: Owner, call: Call[Any], fate: _Fate, number: int, started: float) -> None:
    if not log.is_on():
        return
    operation, answer = call.request.operation, fate.answer
    headers: Mapping[str, str] = {} if answer is None else answer.headers
    log.attempt(
        venue=adapter.venue,
        account=owner.label,
        operation=operation.name,
        method=operation.method,
        host=urlsplit(adapter.endpoint.base_url).netloc,
        path=operation.path,
        status=None if answer is None else answer.status,
        outcome="ok" if isinstance(fate.result, Reply) else type(fate.result).__name__,
        attempt=number,
        milliseconds=round((time.monotonic() - started) * 1000),
        request_id=next((headers[name] for name in REQUEST_IDS if name in headers), None),
        secrets=adapter.endpoint.secrets,
    )

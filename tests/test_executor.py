"""How a call is carried out: what the deadline covers, what each layer is asked, and how often a venue is."""

import asyncio
import itertools
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import virtual
from faults.proxy import FaultProxy, Line, Port, pass_on, written
from virtual import Clock, answer, as_long_as_can_be, refused, run, simulate, venue

import accountview as av
from accountview import log
from accountview.network import breaker, retry, route
from accountview.network.limiter import Limiter
from accountview.network.sending import Answer, Attempt, NoAnswer, NoConnectionFree
from accountview.plan import Reply
from accountview.sandbox import Sandbox
from accountview.venues import bfx
from accountview.wire import Malformed

WAYS = ("sync", "async")


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Server:
    """A venue that fails as told, and counts what it is asked."""

    def __init__(self, fails: Any) -> None:
        self._fails = iter(fails)
        self.asked = 0

    def __call__(self, attempt: Attempt) -> Answer:
        self.asked += 1
        status = next(self._fails, 200)
        if status is None:
            raise NoAnswer("no answer in time")
        return answer(attempt, status)


# Attempts -----------------------------------------------------------------------------------------------------------


def test_a_good_answer_is_asked_for_once(clock: Clock) -> None:
    server = Server([])
    ended = run(venue(clock), clock, server)
    assert isinstance(ended.result, Reply)
    assert (server.asked, ended.result.attempts, ended.pauses) == (1, 1, [])


@pytest.mark.parametrize("failure", [None, 500, 502, 503, 504, 520, 429])
def test_what_may_pass_is_asked_for_again(failure: int | None, clock: Clock) -> None:
    server = Server([failure, failure])
    ended = run(venue(clock), clock, server)
    assert isinstance(ended.result, Reply)
    assert (server.asked, ended.result.attempts, len(ended.pauses)) == (3, 3, 2)


@pytest.mark.parametrize("failure", [None, 503, 429])
def test_three_attempts_are_all(failure: int | None, clock: Clock) -> None:
    server = Server(itertools.repeat(failure))
    ended = run(venue(clock), clock, server)
    assert ended.error.retryable
    assert server.asked == retry.ATTEMPTS == 3


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 418])
def test_what_does_not_pass_is_not_asked_for_again(status: int, clock: Clock) -> None:
    server = Server(itertools.repeat(status))
    ended = run(venue(clock), clock, server)
    assert not ended.error.retryable
    assert server.asked == 1


def test_an_answer_that_cannot_be_read_is_not_asked_for_again(clock: Clock) -> None:
    asked: list[Attempt] = []

    def serve(attempt: Attempt) -> Answer:
        asked.append(attempt)
        raise Malformed("the compressed answer is damaged")

    assert isinstance(run(venue(clock), clock, serve).error, av.AnswerInvalid)
    assert len(asked) == 1


# The deadline -------------------------------------------------------------------------------------------------------


def test_no_wait_goes_beyond_the_deadline(clock: Clock) -> None:
    choose = random.Random(0)  # noqa: S311 - so that a run can be run again
    adapter = venue(clock, limiter=Limiter(100, 5.0, clock))
    failures = (None, 503, 429, 200)
    begun = [(clock.now + choose.uniform(0, 300), adapter, choose.uniform(0.01, 8)) for _ in range(2000)]

    def serve(attempt: Attempt) -> Answer:
        status = choose.choice(failures)
        if status is None:
            raise NoAnswer("no answer in time")
        return answer(attempt, status, retry_after=str(choose.randrange(4)))

    runs = simulate(clock, begun, serve)

    waited = 0
    for (start, _, timeout), ended in zip(begun, runs, strict=True):
        assert ended.ended_at <= start + timeout + 1e-6, ended
        assert all(moment <= start + timeout + 1e-6 for moment in ended.asked_at)
        assert ended.result is not None
        waited += bool(ended.pauses)
    assert waited > 100


def test_a_retry_that_would_come_too_late_is_not_waited_for(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BASE", 10.0)
    monkeypatch.setattr(retry, "uniform", as_long_as_can_be)
    ended = run(venue(clock), clock, refused, timeout=4.0)
    assert isinstance(ended.error, av.VenueUnavailable)
    assert (ended.pauses, ended.ended_at) == ([], clock.now)


def test_attempts_share_one_deadline(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE", 2.0)
    monkeypatch.setattr(retry, "uniform", as_long_as_can_be)
    left: list[float] = []

    def serve(attempt: Attempt) -> Answer:
        left.append(attempt.deadline.left)
        return refused(attempt)

    run(venue(clock), clock, serve, timeout=10.0)
    assert left == [10.0, 8.0, 4.0]


def test_a_call_that_has_no_time_left_says_so_and_not_that_somebody_asks_too_often(clock: Clock) -> None:
    server = Server([])
    ended = run(venue(clock), clock, server, timeout=-0.5)
    assert isinstance(ended.error, av.VenueUnavailable)
    assert "no time was left" in str(ended.error)
    assert server.asked == 0


# The limit and the breaker are asked before every attempt -------------------------------------------------------------


def test_a_retry_takes_from_the_limit_as_well(clock: Clock) -> None:
    limiter = Limiter(40, 60.0, clock)  # two requests of 20
    server = Server([503, 503])
    ended = run(venue(clock, limiter=limiter), clock, server, timeout=10.0)
    assert isinstance(ended.error, av.RateLimited)
    assert "rate limit has room in" in str(ended.error)
    assert ended.error.retry_after == pytest.approx(60.5, abs=0.2)
    assert server.asked == 2


def test_a_refusal_for_the_limit_holds_everybody(clock: Clock) -> None:
    """Also the last attempt's, and whatever the asker itself can wait for."""
    adapter = venue(clock)
    first = run(adapter, clock, lambda attempt: answer(attempt, 429, retry_after="30"), timeout=5.0)
    assert first.error.retryable
    assert first.pauses == []

    second = run(adapter, clock, Server([]), timeout=5.0)
    assert isinstance(second.error, av.RateLimited)
    assert second.error.retry_after == 30.0
    assert second.asked_at == []

    third = run(adapter, clock, Server([]), timeout=40.0)
    assert isinstance(third.result, Reply)
    assert third.pauses == [30.0]


def test_the_last_attempt_holds_everybody_too(clock: Clock) -> None:
    adapter = venue(clock)
    statuses = iter(["0", "0", "7"])
    run(adapter, clock, lambda attempt: answer(attempt, 429, retry_after=next(statuses)))
    assert run(adapter, clock, Server([]), timeout=40.0).pauses == [7.0]


def test_who_waits_for_room_waits_on_when_the_venue_asks_for_it(clock: Clock) -> None:
    adapter = venue(clock, limiter=Limiter(40, 3.0, clock))
    server = Server([200, 429])
    start = clock.now
    begun = [(start, adapter, 20.0), (start + 0.5, adapter, 1.0), (start + 1, adapter, 20.0)]

    def serve(attempt: Attempt) -> Answer:
        told = server(attempt)
        return replace(told, headers={"retry-after": "9"}) if told.status == 429 else told

    first, second, third = simulate(clock, begun, serve, latency=1.0)
    assert isinstance(first.result, Reply)
    assert isinstance(second.error, av.RateLimited)
    assert isinstance(third.result, Reply)
    assert third.asked_at == [pytest.approx(start + 10.5)]


def test_a_venue_that_goes_down_while_calls_wait_for_room_is_left_alone(clock: Clock) -> None:
    limiter = Limiter(20 * 20, 10.0, clock)  # 20 requests in ten seconds
    adapter = venue(clock, limiter=limiter)
    up = True

    def serve(attempt: Attempt) -> Answer:
        return answer(attempt) if up else refused(attempt)

    asked: list[float] = []

    def counted(attempt: Attempt) -> Answer:
        asked.append(clock.now)
        nonlocal up
        up = len(asked) < 20
        return serve(attempt)

    start = clock.now
    simulate(clock, [(start, adapter, 60.0)] * 100, counted)

    dead = [moment for moment in asked if moment > start][10:]
    assert dead, "nobody asked again"
    gaps = [later - sooner for sooner, later in itertools.pairwise(dead)]
    assert all(gap >= 0.999 for gap in gaps), gaps[:5]


def test_our_own_lack_of_connections_says_nothing_of_the_venue(clock: Clock) -> None:
    adapter = venue(clock)

    def serve(_: Attempt) -> Answer:
        raise NoConnectionFree

    for _ in range(10):
        run(adapter, clock, serve)
    assert adapter.route.breaker.failures == 0


# How often a venue is asked (R14, R15) --------------------------------------------------------------------------------


def outage(_: int) -> bool:
    return True


def one_in_ten(number: int) -> bool:
    return number % 10 == 0


@pytest.mark.parametrize(("fails", "most"), [(outage, 1.10), (one_in_ten, 1.20)])
def test_retries_are_few(fails: Any, most: float, clock: Clock) -> None:
    """One after another, so that the breaker does not open: all restraint is the budget's."""
    adapter = venue(clock)
    asked = 0

    def serve(attempt: Attempt) -> Answer:
        nonlocal asked
        asked += 1
        return answer(attempt, 503 if fails(asked) else 200)

    for _ in range(1000):
        adapter.route.breaker.succeed()
        ended = run(adapter, clock, serve)
        assert len(ended.asked_at) <= retry.ATTEMPTS
    assert 1000 <= asked <= 1000 * most


def test_without_the_budget_retries_would_be_many(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def take(_: retry.Budget) -> bool:
        return True

    monkeypatch.setattr(retry.Budget, "take", take)
    with pytest.raises(AssertionError):
        test_retries_are_few(outage, 1.10, clock)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(sandbox: Sandbox) -> Iterator[FaultProxy]:
    with FaultProxy(sandbox.url) as running:
        yield running


def options(sandbox: Sandbox, port: Port, label: str = "bfx-main", **settings: Any) -> dict[str, Any]:
    entry = next(entry for entry in sandbox.entries if entry.label == label)
    url = f"http://127.0.0.1:{port.number}/{entry.venue}"
    return {**entry.options, "base_url": url, "timeout": 5, **settings}


def read(way: str, settings: dict[str, Any]) -> av.Account:
    if way == "sync":
        with bfx.connect(**settings) as client:
            return client.account()

    async def aread() -> av.Account:
        async with bfx.connect_async(**settings) as client:
            return await client.account()

    return asyncio.run(aread())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("failures", [0, 1, 2])
def test_the_account_tells_how_often_the_venue_was_asked(
    failures: int, way: str, sandbox: Sandbox, proxy: FaultProxy
) -> None:
    asked = 0

    async def fail_first(line: Line) -> None:
        nonlocal asked
        while True:
            asked += "/account" in line.target
            if "/account" in line.target and asked <= failures:
                await line.send(written(503))
            else:
                await pass_on(line)
            await line.next_request()

    port = proxy.port(fail_first)
    account = read(way, options(sandbox, port))
    assert account.attempts == asked == failures + 1
    assert len(port.asked) == asked + 1


async def test_an_outage_is_not_answered_with_a_flood(sandbox: Sandbox, proxy: FaultProxy) -> None:
    async def fail(line: Line) -> None:
        while True:
            await line.send(written(503))
            await line.next_request()

    port = proxy.port(fail)
    host = route.of("bfx", f"http://127.0.0.1:{port.number}")
    async with av.connect_async("bfx", **options(sandbox, port)) as client:
        for _ in range(
            4
        ):  # each has three failures at least; what is asked beside them may be given up earlier
            if host.breaker.failures < breaker.FAILURES:
                with pytest.raises(av.VenueUnavailable):
                    await client.account()
        assert host.breaker.failures >= breaker.FAILURES
        before = len(port.asked)
        results = await asyncio.gather(*[client.account() for _ in range(300)], return_exceptions=True)
    assert {type(result) for result in results} == {av.VenueUnavailable}
    assert len(port.asked) - before <= 30


def test_every_attempt_is_logged(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, str]] = []

    def tell(*, attempt: int, outcome: str, **_: Any) -> None:
        told.append((attempt, outcome))

    monkeypatch.setattr(log, "is_on", lambda: True)
    monkeypatch.setattr(log, "attempt", tell)
    run(venue(clock), clock, Server([503, None]))
    assert told == [(1, "VenueUnavailable"), (2, "VenueUnavailable"), (3, "ok")]


def test_threads_share_what_is_known_of_a_host(clock: Clock) -> None:
    adapter = venue(clock)
    threads = [threading.Thread(target=lambda: run(adapter, Clock(), refused)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert adapter.route.breaker.failures >= 10
    assert virtual.venue(clock).route.breaker.failures == 0


# What is told -------------------------------------------------------------------------------------------------------


def test_an_error_without_a_request_names_venue_and_operation_too(clock: Clock) -> None:
    limited = venue(clock, limiter=Limiter(1, 60.0, clock))
    assert isinstance(run(limited, clock, answer).result, Reply)
    down = venue(clock)
    for _ in range(breaker.FAILURES):
        down.route.breaker.fail()

    for adapter, kind in ((limited, av.RateLimited), (down, av.VenueUnavailable)):
        error = run(adapter, clock, answer, timeout=0.5).error
        assert type(error) is kind
        assert (error.venue, error.operation, error.status) == ("bfx", "getAccount", None)
        assert "not asked" in str(error)


def test_who_says_no_is_there(clock: Clock) -> None:
    adapter = venue(clock)
    for _ in range(breaker.FAILURES - 1):
        adapter.route.breaker.fail()
    assert isinstance(run(adapter, clock, lambda attempt: answer(attempt, 400)).error, av.RequestRefused)
    assert adapter.route.breaker.failures == 0


def test_a_lack_of_our_own_says_nothing_of_the_venue(clock: Clock) -> None:
    def serve(_: Attempt) -> Answer:
        raise NoConnectionFree

    adapter = venue(clock)
    assert isinstance(run(adapter, clock, serve).error, av.VenueUnavailable)
    assert adapter.route.breaker.failures == 0


def test_a_turn_that_passed_while_a_connection_was_waited_for_is_told_as_what_it_is(clock: Clock) -> None:
    adapter = venue(clock, limiter=Limiter(1, 60.0, clock))

    def serve(attempt: Attempt) -> Answer:
        clock.now += 1.0  # no connection is free
        for seconds in attempt.waits():
            clock.now += seconds
        return answer(attempt)

    done = run(adapter, clock, serve)
    assert isinstance(done.error, av.RateLimited)
    assert "the venue's rate limit has room in 59.5 s, and 9.0 s are left" in str(done.error)
    assert done.error.retry_after == pytest.approx(59.5, abs=0.01)
    assert len(done.asked_at) == 1
    assert adapter.route.limiter.rest(0) == 0, "it is our own limit, and nobody else is held"
    assert adapter.route.breaker.failures == 0

    enough = run(adapter, clock, serve, timeout=200.0)
    assert isinstance(enough.result, Reply)


def test_a_retry_that_helped_gives_back_what_it_took(clock: Clock) -> None:
    adapter = venue(clock)
    for _ in range(3 * retry.FULL_BUDGET // retry.RETRY_COST):
        assert isinstance(run(adapter, clock, Server([503])).result, Reply)


def test_an_attempt_is_logged_with_what_the_venue_can_find_it_by(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="accountview")
    run(venue(clock), clock, lambda attempt: answer(attempt, 404, x_request_id="a-7"))

    (record,) = caplog.records
    told = vars(record)["accountview"]
    assert told["request_id"] == "a-7"
    assert told["venue"] == "bfx"
    assert told["operation"] == "getAccount"
    assert told["path"] == "/account"
    assert told["status"] == 404
    assert told["outcome"] == "RequestRefused"
    assert told["host"] == "127.0.0.1:9"
    assert told["attempt"] == 1

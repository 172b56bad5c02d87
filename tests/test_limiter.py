"""No stretch of time holds more requests than the venue's spec allows, and whoever comes first goes first."""

# pyright: reportPrivateUsage=false

import asyncio
import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Iterator

import msgspec
import pytest
from faults.proxy import FaultProxy, Line, pass_on
from hypothesis import given
from hypothesis import strategies as st
from virtual import Clock

import accountview as av
from accountview import spec
from accountview.deadline import Deadline
from accountview.network import limiter, route
from accountview.network.limiter import Limiter, TooBusy
from accountview.sandbox import Sandbox

Sent = list[tuple[float, int]]
"""When each request went, and what it cost."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


def costs(venue: str) -> list[int]:
    """What the operations that read cost."""
    described = spec.load(venue)
    names = [each["operationId"] for methods in described.paths.values() for each in methods.values()]
    return [facts.cost for facts in (spec.operation(venue, name) for name in names) if facts.safe]


def reserved(kept: Limiter, cost: int, patience: float) -> tuple[float, bool]:
    """The seconds to wait, and whether that was too long."""
    try:
        return kept.reserve(cost, patience), False
    except TooBusy as busy:
        return busy.wait, True


def fullest(sent: Sent, window: float) -> int:
    """The most that any stretch of so many seconds, its ends included, holds."""
    sent = sorted(sent)
    most = spent = first = 0
    for moment, cost in sent:
        spent += cost
        while moment - sent[first][0] > window:
            spent -= sent[first][1]
            first += 1
        most = max(most, spent)
    return most


LIMITED = [venue for venue in ("arcus", "rabbitx", "tread", "zkx") if "rate_budget" in spec.load(venue).facts]


@pytest.mark.parametrize("venue", LIMITED)
def test_no_window_of_25000_calls_holds_more_than_the_venue_allows(venue: str) -> None:
    """Four venues: 1e5 calls. Crowds come and go; some wait, some cannot."""
    clock, choose = Clock(), random.Random(0)  # noqa: S311 - so that a run can be run again
    facts = spec.load(venue).facts
    budget, window = int(facts["rate_budget"].value), float(facts["rate_window"].value)
    kept = Limiter(budget, window, clock)
    sent: Sent = []
    refused = 0
    for _ in range(25_000):
        if choose.random() < 0.05:
            clock.now += choose.expovariate(1 / (window / 20))
        cost = choose.choice(costs(venue))
        patience = choose.uniform(0, 2 * window)
        wait, told = reserved(kept, cost, patience)
        if told:
            assert wait > patience
            refused += 1
        else:
            assert 0 <= wait <= patience
            sent.append((clock.now + wait, cost))

    assert refused > 100
    assert len(sent) > 1000
    assert fullest(sent, window) <= budget
    assert fullest(sent, window) > 0.9 * budget, "it is not so strict that nobody may go"
    assert fullest(sent, window + limiter.MARGIN - 0.001) <= budget
    moments = [moment for moment, _ in sent]
    assert moments == sorted(moments), "somebody overtook"


def test_all_venues_with_a_limit_are_tried() -> None:
    assert len(LIMITED) >= 3


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 30), st.floats(0, 20)), max_size=60),
    st.floats(0.01, 5),
)
def test_no_window_holds_more_whatever_comes(
    budget: int, calls: list[tuple[float, int, float]], window: float
) -> None:
    clock = Clock()
    kept = Limiter(budget, window, clock)
    sent: Sent = []
    for passed, cost, patience in calls:
        clock.now += passed
        wait, told = reserved(kept, cost, patience)
        if told:
            assert wait > patience
        else:
            # One that costs more than there ever is goes when nothing else does.
            sent.append((clock.now + wait, min(cost, budget)))
    assert fullest(sent, window) <= budget


@pytest.mark.parametrize("left", ["rate_budget", "rate_window"])
def test_half_of_a_limit_is_not_taken_for_none(left: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spec.load("zkx")
    facts = {name: fact for name, fact in whole.facts.items() if name == left or "rate" not in name}
    half = msgspec.structs.replace(whole, facts=facts)

    def load(_venue: str) -> spec.VenueSpec:
        return half

    monkeypatch.setattr(spec, "load", load)
    with pytest.raises(av.UsageError, match="zkx: its spec has one of rate_budget and rate_window"):
        route.of("zkx", "http://127.0.0.1:9")


def test_what_has_left_the_window_is_forgotten(clock: Clock) -> None:
    kept = Limiter(10, 1, clock)
    for _ in range(1000):
        clock.now += kept.reserve(5, 60)
    assert kept._bucket is not None
    assert kept._bucket.count() <= 20


def test_who_comes_first_goes_first(clock: Clock) -> None:
    """Also before somebody who costs less, and for whom there would be room."""
    kept = Limiter(10, 60.0, clock)
    assert kept.reserve(8, 100) == 0
    dear = kept.reserve(8, 100)
    cheap = kept.reserve(1, 100)
    assert dear == pytest.approx(60.5, abs=0.01)
    assert cheap >= dear


def test_who_cannot_wait_takes_no_room(clock: Clock) -> None:
    kept = Limiter(10, 60.0, clock)
    kept.reserve(8, 0)
    for _ in range(100):
        with pytest.raises(TooBusy) as caught:
            kept.reserve(8, 10)
        assert caught.value.wait == pytest.approx(60.5, abs=0.01)
    assert kept.reserve(2, 0) == 0
    clock.now += 60.6
    assert kept.reserve(8, 0) == 0


def test_without_a_limit_nobody_waits(clock: Clock) -> None:
    kept = Limiter(clock=clock)
    assert [kept.reserve(1000, 0) for _ in range(1000)] == [0] * 1000


# What the venue asks for --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [None, 10])
def test_a_hold_is_for_all(budget: int | None, clock: Clock) -> None:
    kept = Limiter(budget, 60.0 if budget else None, clock)
    reserved = kept.reserve(1, 0)
    kept.hold(5.0)
    kept.hold(3.0)  # the longer one counts
    assert kept.reserve(1, 10) == pytest.approx(5.0, abs=0.002)
    assert kept.rest(10) == 5.0, "also for whoever had been let in"
    with pytest.raises(TooBusy) as caught:
        kept.reserve(1, 4.9)
    assert caught.value.wait == pytest.approx(5.0, abs=0.002)
    with pytest.raises(TooBusy):
        kept.rest(4.9)
    clock.now += 5.0
    assert (reserved, kept.reserve(1, 0), kept.rest(0)) == (0, 0, 0)


def test_a_hold_ends_however_much_is_asked_for(clock: Clock) -> None:
    kept = Limiter(clock=clock)
    kept.hold(1e9)
    with pytest.raises(TooBusy) as caught:
        kept.reserve(1, 60)
    assert caught.value.wait == limiter.LONGEST_HOLD == 600
    clock.now += 600
    assert kept.reserve(1, 0) == 0


# Turns, and connections that are waited for ------------------------------------------------------------------------


Wait = float | None
"""Seconds, or None for a connection."""


def crowd(clock: Clock, callers: list[Iterator[Wait]], connections: int) -> None:
    """Let all of them go side by side; who has a connection keeps it until it is through."""
    order = itertools.count()
    due = [(clock.now, next(order), caller) for caller in callers]
    queue: deque[Iterator[Wait]] = deque()
    while due:
        moment, _, caller = heapq.heappop(due)
        clock.now = max(clock.now, moment)
        try:
            wait = next(caller)
        except StopIteration:
            connections += 1
        else:
            if wait is None:
                queue.append(caller)
            else:
                heapq.heappush(due, (clock.now + wait, next(order), caller))
        while connections and queue:
            connections -= 1
            heapq.heappush(due, (clock.now, next(order), queue.popleft()))


@pytest.mark.parametrize("asked_again", [True, False])
def test_who_waited_for_a_connection_takes_another_turn(clock: Clock, *, asked_again: bool) -> None:
    """The venue hangs for 30 seconds, and then answers all that waited as fast as it can."""
    kept = Limiter(10, 1.0, clock)
    sent: Sent = []

    def caller() -> Iterator[Wait]:
        turn = kept.turn(1, Deadline(1000, clock))
        yield from turn.waits()
        yield None
        if asked_again:
            yield from turn.waits()
        sent.append((clock.now, 1))
        yield max(1030 - clock.now, 0.01)

    crowd(clock, [caller() for _ in range(200)], 8)

    assert len(sent) == 200
    if asked_again:
        assert fullest(sent, 1.0) <= 10
        assert clock.now < 1030 + 200 / 10 * 2, "no turn is given for nothing over and over"
    else:
        assert fullest(sent, 1.0) > 100, "which is what it is there for"


def test_going_as_late_as_a_turn_allows_fills_no_window_too_much(clock: Clock) -> None:
    kept = Limiter(10, 1.0, clock)
    sent: Sent = []
    for number in range(200):
        moment = clock.now + kept.reserve(1, 1e6)
        sent.append((moment + (limiter.LATE if number // 10 % 2 == 0 else 0.0), 1))
    assert fullest(sent, 1.0) <= 10
    assert limiter.LATE >= 0.1, "a busy machine wakes up late"


def test_what_waits_for_the_venue_to_be_ready_counts_from_then(clock: Clock) -> None:
    kept = Limiter(3, 10.0, clock)
    kept.hold(20)
    assert [kept.reserve(1, 100) for _ in range(3)] == [20.0] * 3
    assert kept.reserve(1, 100) == pytest.approx(20 + 10 + limiter.MARGIN, abs=0.002)
    clock.now += 20
    assert kept.reserve(1, 100) == pytest.approx(10 + limiter.MARGIN, abs=0.002)


def test_a_turn_is_good_for_a_moment_and_waits_while_the_venue_asks_for_it(clock: Clock) -> None:
    kept = Limiter(1, 10.0, clock)
    turn = kept.turn(1, Deadline(60, clock))
    assert list(turn.waits()) == []
    clock.now += limiter.LATE
    assert list(turn.waits()) == [], "it is still good, and costs nothing more"

    other = kept.turn(1, Deadline(60, clock))
    waits = other.waits()
    first = next(waits)
    assert first == pytest.approx(10.5 - limiter.LATE, abs=0.002)
    assert next(other.waits()) == first, "nobody goes before its moment"
    clock.now += first
    kept.hold(3)
    assert next(waits) == 3
    clock.now += 3
    assert list(waits) == []
    assert next(other.waits()) > 7, "its moment has passed"

    often = Limiter(1, 0.1, clock)
    assert list(often.turn(1, Deadline(60, clock)).waits()) == []
    assert next(often.turn(1, Deadline(60, clock)).waits()) == pytest.approx(0.6, abs=0.002)

    with pytest.raises(TooBusy) as caught:
        next(kept.turn(1, Deadline(5, clock)).waits())
    assert caught.value.wait > 5
    assert not caught.value.sent


# Several at once ----------------------------------------------------------------------------------------------------


def test_threads_share_one(clock: Clock) -> None:
    kept = Limiter(50, 60.0, clock)  # whose clock stands still
    sent: Sent = []

    def ask() -> None:
        for _ in range(100):
            sent.append((kept.reserve(1, 1e6), 1))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 800
    assert fullest(sent, 60.0) == 50


async def test_coroutines_share_one_and_keep_their_order() -> None:
    kept = Limiter(50, 0.1)
    order: list[int] = []

    async def ask(number: int) -> None:
        await asyncio.sleep(kept.reserve(1, 30))
        order.append(number // 50)

    await asyncio.gather(*[ask(number) for number in range(150)])
    assert order == [0] * 50 + [1] * 50 + [2] * 50


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultProxy]:
    with Sandbox() as sandbox, FaultProxy(sandbox.url) as running:
        yield running


def test_a_server_sees_no_window_with_more(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several clients, of threads and of a loop, of one host: the server itself counts."""
    monkeypatch.setattr(limiter, "MARGIN", 2.0)  # the machine may be busy
    arrived: Sent = []

    async def count(line: Line) -> None:
        while True:
            cost = 20 if "/account" in line.target else 10
            arrived.append((time.monotonic(), cost))
            await pass_on(line)
            await line.next_request()

    port = proxy.port(count)
    with Sandbox() as sandbox:
        entry = next(entry for entry in sandbox.entries if entry.label == "rabbitx-main")
    url = f"http://127.0.0.1:{port.number}/rabbitx"
    options = {**entry.options, "base_url": url, "timeout": 30}
    route.of("rabbitx", url).limiter = Limiter(150, 0.5)  # five readings of 30

    def read() -> None:
        with av.connect("rabbitx", **options) as client:
            for _ in range(2):
                client.account()

    async def aread() -> None:
        async with av.connect_async("rabbitx", **options) as client:
            await asyncio.gather(*[client.account() for _ in range(4)])

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    asyncio.run(aread())
    for thread in threads:
        thread.join()

    assert sum(cost for _, cost in arrived) == 30 * (3 * 2 + 4)
    assert fullest(arrived, 0.5) <= 150

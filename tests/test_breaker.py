"""A host that is down is asked once a second, found again at the first answer, and no other host suffers for it."""

import itertools
from typing import Any

import pytest
from virtual import Clock, Run, answer, refused, run, simulate, venue

import accountview as av
from accountview.network import breaker, route
from accountview.network.breaker import FAILURES, Breaker
from accountview.network.sending import Answer, Attempt
from accountview.plan import Reply


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(clock: Clock) -> Breaker:
    """A breaker of a host that has just gone down."""
    found = Breaker(clock)
    for _ in range(FAILURES):
        assert found.admit() == 0
        found.fail()
    return found


def test_failures_in_a_row_close_a_host_off(clock: Clock) -> None:
    found = opened(clock)
    assert found.failures == FAILURES
    assert found.admit() == breaker.PROBE_INTERVAL


def test_ten_failures_in_a_row_are_needed_also_after_a_success(clock: Clock) -> None:
    found = Breaker(clock)
    found.succeed()
    for _ in range(9):
        found.fail()
    assert found.admit() == 0
    found.fail()
    assert found.admit() > 0


def test_failures_with_a_success_between_them_do_not(clock: Clock) -> None:
    found = Breaker(clock)
    for _ in range(5):
        for _ in range(FAILURES - 1):
            found.fail()
        found.succeed()
    assert found.admit() == 0


def test_one_caller_a_second_tries(clock: Clock) -> None:
    found = opened(clock)
    for _ in range(5):
        clock.now += found.admit()
        assert found.admit() == 0
        assert found.admit() == breaker.PROBE_INTERVAL
        found.fail()
        assert found.admit() == breaker.PROBE_INTERVAL


def test_the_first_answer_opens_it_for_all(clock: Clock) -> None:
    found = opened(clock)
    found.succeed()
    assert [found.admit() for _ in range(100)] == [0] * 100


# The venue is dead for a minute (R19) ---------------------------------------------------------------------------------


def minute(clock: Clock, every: float = 0.05) -> tuple[list[float], list[Run], list[Run]]:
    """A minute of outage and a minute after it, with calls all the time there and at another venue."""
    start = clock.now
    asked: list[float] = []
    dead, other = venue(clock), venue(clock)

    def serve(attempt: Attempt) -> Answer:
        if attempt.deadline not in elsewhere:
            asked.append(clock.now - start)
            if clock.now - start < 60:
                return refused(attempt)
        return answer(attempt)

    elsewhere: set[Any] = set()
    moments = [start + number * every for number in range(int(120 / every))]
    runs = simulate(clock, [(moment, dead, 10.0) for moment in moments], serve)
    clock.now = start
    others = simulate(clock, [(moment, other, 10.0) for moment in moments], answer)
    return asked, runs, others


def test_a_venue_that_is_dead_for_a_minute_is_left_alone(clock: Clock) -> None:
    asked, runs, others = minute(clock)

    during = [moment for moment in asked if moment < 60]
    opened_at = during[FAILURES - 1]
    assert opened_at < 1.0
    probes = during[FAILURES:]
    assert 55 <= len(probes) <= 60
    assert all(later - sooner > 0.999 for sooner, later in itertools.pairwise(probes))

    back = next(moment for moment in asked if moment >= 60)
    assert back < 61.1
    for ended in runs:
        if ended.ended_at - 1000.0 >= back:
            assert isinstance(ended.result, Reply)
        else:
            assert isinstance(ended.error, av.VenueUnavailable)
    assert sum(isinstance(ended.result, Reply) for ended in runs) > 1150

    assert all(isinstance(ended.result, Reply) and ended.pauses == [] for ended in others)


def test_without_the_breaker_it_would_be_asked_all_the_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def admit(_: Breaker) -> float:
        return 0.0

    monkeypatch.setattr(Breaker, "admit", admit)
    asked, _, _ = minute(clock)
    assert len([moment for moment in asked if moment < 60]) > 1000


def test_nobody_waits_long_for_a_venue_that_is_down(clock: Clock) -> None:
    adapter = venue(clock)
    adapter.route.breaker = opened(clock)
    runs = simulate(clock, [(clock.now, adapter, 10.0)] * 50, refused)
    assert max(ended.ended_at for ended in runs) - 1000.0 < 6.1  # who tries does so three times
    not_asked = [ended for ended in runs if not ended.asked_at]
    assert max(ended.ended_at for ended in not_asked) - 1000.0 < 2.1
    assert len(not_asked) > 40
    assert "one a second tries" in str(not_asked[0].error)


def test_who_has_no_time_to_wait_is_told_at_once(clock: Clock) -> None:
    adapter = venue(clock)
    adapter.route.breaker = opened(clock)
    ended = run(adapter, clock, answer, timeout=0.5)
    assert isinstance(ended.error, av.VenueUnavailable)
    assert (ended.pauses, ended.asked_at) == ([], [])


@pytest.mark.parametrize("latency", [0.0, 0.2, 0.9])
def test_the_calls_of_one_reading_do_not_refuse_each_other(latency: float, clock: Clock) -> None:
    """Both wait for the same moment; one of them finds out that the venue is back, and the other goes on."""
    adapter = venue(clock)
    adapter.route.breaker = opened(clock)
    runs = simulate(clock, [(clock.now, adapter, 10.0)] * 2, answer, latency)
    assert all(isinstance(ended.result, Reply) for ended in runs)


def test_hosts_are_known_apart() -> None:
    first = route.of("bfx", "https://one.invalid/api")
    assert route.of("bfx", "https://ONE.invalid") is first
    for other in (
        route.of("bfx", "https://two.invalid/api"),
        route.of("bfx", "https://one.invalid:8443/api"),
        route.of("rabbitx", "https://one.invalid/api"),
    ):
        assert other.breaker is not first.breaker
        assert other.limiter is not first.limiter
        assert other.budget is not first.budget

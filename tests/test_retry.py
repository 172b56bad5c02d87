"""When a request is sent again: what a venue asks for is obeyed if there is time, and a crowd comes back scattered."""

import math
import random
import threading
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual import MOMENT, Clock, answer, as_long_as_can_be, refused, run, simulate, venue

import accountview as av
from accountview.network import retry
from accountview.network.retry import Budget, pause, retry_after
from accountview.network.sending import Answer, Attempt
from accountview.plan import Reply


@pytest.fixture
def clock() -> Clock:
    return Clock()


def date(seconds: float = 0.0, of: timedelta = timedelta()) -> str:
    """An HTTP date so far from the moment of the tests, by a clock that is off by `of`."""
    return format_datetime(MOMENT + of + timedelta(seconds=seconds), usegmt=True)


WRONG = timedelta(days=-400)
"""How far off the clock of a server may be."""

# What an answer says → the seconds that it asks for; None: nothing that can be understood.
FORMS: dict[str, tuple[dict[str, str], float | None]] = {
    "seconds": ({"retry-after": "3"}, 3.0),
    "seconds with blanks": ({"retry-after": " 3 "}, 3.0),
    "no time": ({"retry-after": "0"}, 0.0),
    "a fraction": ({"retry-after": "1.5"}, 1.5),
    "milliseconds": ({"retry-after-ms": "2500"}, 2.5),
    "both, the longer counts": ({"retry-after": "2", "retry-after-ms": "2500"}, 2.5),
    "a date": ({"retry-after": date(4), "date": date()}, 4.0),
    "a date that is over": ({"retry-after": date(-60), "date": date()}, 0.0),
    "a date of a server whose clock is wrong": (
        {"retry-after": date(4, WRONG), "date": date(0, WRONG)},
        4.0,
    ),
    "a date in the old form": (
        {"retry-after": "Tuesday, 02-Jan-24 03:04:09 GMT", "date": date()},
        4.0,
    ),
    "a date with an offset": ({"retry-after": "Tue, 02 Jan 2024 05:04:09 +0200", "date": date()}, 4.0),
    "far away": ({"retry-after": "1000000000"}, 1e9),
    "a date far away": ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT", "date": date()}, 251698136154.0),
    "negative": ({"retry-after": "-5"}, None),
    "1e9": ({"retry-after": "1e9"}, None),
    "1e400": ({"retry-after": "1e400"}, None),
    "too many digits": ({"retry-after": "9" * 400}, None),
    "NaN": ({"retry-after": "NaN"}, None),
    "infinity": ({"retry-after": "Infinity"}, None),
    "junk": ({"retry-after": "soon"}, None),
    "a date that there is not": ({"retry-after": "Fri, 99 Foo 2024 99:99:99 GMT", "date": date()}, None),
    "a date of too many digits": (
        {"retry-after": f"Tue, 02 Jan {'9' * 30} 03:04:09 GMT", "date": date()},
        None,
    ),
    "a date of another world": (
        {"retry-after": f"Tue, 02 Jan 2024 03:04:09 +{'9' * 30}", "date": date()},
        None,
    ),
    "digits of another script": ({"retry-after": "٣"}, None),
    "empty": ({"retry-after": ""}, None),
    "absent": ({}, None),
    "two headers": ({"retry-after": "2, 3"}, 3.0),
    "two headers, one of them junk": ({"retry-after": "soon, 3"}, 3.0),
    "the venue's own": ({"x-ratelimit-retry-after": "3"}, 3.0),
    "the venue's own beside the common one": ({"x-ratelimit-retry-after": "3", "retry-after": "1"}, 3.0),
}


@pytest.mark.parametrize(("headers", "asked_for"), FORMS.values(), ids=FORMS)
def test_what_a_venue_asks_for_is_obeyed_where_there_is_time(
    headers: dict[str, str], asked_for: float | None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BASE", 0.3)
    monkeypatch.setattr(retry, "uniform", as_long_as_can_be)

    answers = iter([429, 200])
    ended = run(
        venue(clock, "rabbitx"),
        clock,
        lambda attempt: _rabbitx(attempt, next(answers), headers),
    )

    own = retry.BASE
    if asked_for is None:
        assert isinstance(ended.result, Reply)
        assert ended.pauses == [own]
    elif asked_for + own < 10.0:
        assert isinstance(ended.result, Reply)
        assert sum(ended.pauses) == pytest.approx(asked_for + own)
    else:
        assert isinstance(ended.error, av.RateLimited)
        assert ended.pauses == []
        assert ended.ended_at == 1000.0


@pytest.mark.parametrize(("headers", "asked_for"), FORMS.values(), ids=FORMS)
def test_who_cannot_wait_is_told_at_once_for_how_long(
    headers: dict[str, str], asked_for: float | None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "uniform", as_long_as_can_be)
    ended = run(
        venue(clock, "rabbitx"), clock, lambda attempt: _rabbitx(attempt, 429, headers), timeout=0.005
    )
    assert isinstance(ended.error, av.RateLimited)
    assert ended.error.retry_after == asked_for
    assert ended.error.status == 429
    assert ended.pauses == []


def _rabbitx(attempt: Attempt, status: int, headers: dict[str, str]) -> Answer:
    """RabbitX and BFX answer alike."""
    told = answer(attempt, status)
    return Answer(told.status, headers, told.content, MOMENT, MOMENT, attempt.number)


def test_a_venue_that_is_away_may_say_for_how_long(clock: Clock) -> None:
    answers = iter([503, 200])
    ended = run(venue(clock), clock, lambda attempt: answer(attempt, next(answers), retry_after="4"))
    assert isinstance(ended.result, Reply)
    assert ended.pauses == [pytest.approx(4.0, abs=retry.BASE)]

    ended = run(venue(clock), clock, lambda attempt: answer(attempt, 503, retry_after="11"))
    assert isinstance(ended.error, av.VenueUnavailable)
    assert ended.pauses == []


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_header_makes_a_wait_that_is_none(after: str, milliseconds: str, sent: str) -> None:
    headers = {"retry-after": after, "retry-after-ms": milliseconds, "date": sent, "x-own": after}
    wait = retry_after(headers, "X-Own")
    assert wait is None or (wait >= 0 and math.isfinite(wait))


DATES = st.from_regex(
    r"[A-Za-z]{0,9},? ?-?[0-9]{1,5}[ -][A-Za-z]{3}[ -]-?[0-9]{1,7} [0-9]{1,4}:[0-9]{1,3}(:[0-9]{1,3})?"
    r"( [+-]?[0-9A-Z]{1,6})?",
    fullmatch=True,
)


@given(DATES, DATES)
def test_no_date_makes_a_wait_that_is_none(until: str, sent: str) -> None:
    wait = retry_after({"retry-after": until, "date": sent})
    assert wait is None or (wait >= 0 and math.isfinite(wait))
    offset = retry.clock_offset({"date": until}, MOMENT, MOMENT)
    assert offset is None or math.isfinite(offset)


# Our own waits --------------------------------------------------------------------------------------------------------


def test_waits_grow_and_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE", 0.3)
    longest = [pause(number, None, as_long_as_can_be) for number in range(1, 9)]
    assert longest == [0.3, 0.6, 1.2, 2.4, 4.8, 5.0, 5.0, 5.0]
    assert pause(1, None, lambda shortest, _: shortest) == 0.0


def test_a_crowd_that_was_told_to_come_back_at_once_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE", 0.3)
    waits = [pause(1, 0.0, retry.uniform) for _ in range(1000)]
    assert max(waits) - min(waits) > 0.2


def crowded(moments: list[float], window: float = 0.1) -> float:
    """How many times the mean the fullest window holds, from the first moment on to the last."""
    moments = sorted(moments)
    fullest = max(bisect_left(moments, start + window) - first for first, start in enumerate(moments))
    mean = len(moments) * window / (moments[-1] - moments[0])
    return fullest / mean


@pytest.mark.parametrize("asked_for", [None, "0", "2"])
def test_a_thousand_that_fail_together_do_not_come_back_together(
    asked_for: str | None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a process of its own: they share neither budget nor breaker."""
    monkeypatch.setattr(retry, "BASE", 0.3)
    monkeypatch.setattr(retry, "uniform", random.Random(0).uniform)  # noqa: S311 - so that a run can be run again
    headers: dict[str, str] = {} if asked_for is None else {"retry_after": asked_for}
    begun = [(clock.now, venue(clock), 10.0) for _ in range(1000)]

    runs = simulate(clock, begun, lambda attempt: answer(attempt, 503, **headers))

    for number in (1, 2):
        assert crowded([ended.asked_at[number] for ended in runs]) < 3.0


def test_without_chance_they_would(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE", 0.3)
    monkeypatch.setattr(retry, "uniform", as_long_as_can_be)
    runs = simulate(clock, [(clock.now, venue(clock), 10.0) for _ in range(1000)], refused)
    assert {ended.asked_at[1] for ended in runs} == {1000.3}


def test_processes_that_were_forked_choose_each_for_itself() -> None:
    assert isinstance(retry.uniform.__self__, random.SystemRandom)  # type: ignore[attr-defined] # a bound method


# The budget -----------------------------------------------------------------------------------------------------------


def test_a_budget_is_spent_by_retries_and_filled_by_success() -> None:
    budget = Budget()
    taken = 0
    while budget.take():
        taken += 1
    assert taken == retry.FULL_BUDGET // retry.RETRY_COST == 35

    left = retry.FULL_BUDGET % retry.RETRY_COST
    for _ in range(retry.RETRY_COST - left):
        assert not budget.take()
        budget.give(1)
    assert budget.take()

    budget.give(2)  # a retry that was worth it
    assert budget.take()
    assert not budget.take()


def test_a_budget_is_never_more_than_full() -> None:
    budget = Budget()
    for _ in range(1000):
        budget.give(1)
    assert [budget.take() for _ in range(36)] == [True] * 35 + [False]


def test_a_budget_is_exact_among_threads() -> None:
    budget = Budget()
    taken: list[bool] = []

    def take() -> None:
        taken.extend([budget.take() for _ in range(100)])

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), sum(taken)) == (800, 35)


def test_an_account_is_worth_more_retries_once_the_venue_is_back(clock: Clock) -> None:
    adapter = venue(clock)

    def ask(serve: Any) -> int:
        adapter.route.breaker.succeed()
        return len(run(adapter, clock, serve).asked_at)

    while ask(refused) > 1:
        pass
    assert ask(refused) == 1
    for _ in range(retry.RETRY_COST):
        assert ask(answer) == 1
    assert ask(refused) == 2


# The venue's clock -----------------------------------------------------------------------------------------------


def test_a_clock_is_read_halfway_between_question_and_answer() -> None:
    asked = datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC)
    headers = {"date": "Fri, 02 Jan 2026 03:05:00 GMT"}

    assert retry.clock_offset(headers, asked, asked) == 60.5
    assert retry.clock_offset(headers, asked, asked + timedelta(seconds=6)) == 57.5
    assert retry.clock_offset({}, asked, asked) is None
    assert retry.clock_offset({"date": "yesterday"}, asked, asked) is None


def test_a_request_is_sent_three_times_at_most() -> None:
    assert retry.ATTEMPTS == 3

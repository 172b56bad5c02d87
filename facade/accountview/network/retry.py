"""Whether and when a request that failed is sent again: pure decisions, no clock and no waiting.

There is one layer of retries, this one. An operation is sent again only where its spec says `x-retry: safe`, at most
`ATTEMPTS` times in all, after a random wait that grows (full jitter), or after what the venue asks for; never when the
deadline comes first. All calls to one host share a budget, so that an outage is not answered with a flood.
"""

import random
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import final

ATTEMPTS = 3
"""How often a request is sent at most."""
BASE = 0.3
"""Seconds within which the first retry falls; each further one may take twice as long as the one before."""
LONGEST = 5.0
"""Seconds that a wait of our own choice takes at most."""

RETRY_COST = 14
"""What a retry takes from the budget, and gives back when it succeeds."""
FULL_BUDGET = 500
"""What a budget holds at most; every request that succeeds at once adds 1."""


def pause(number: int, asked_for: float | None, choose: Callable[[float, float], float]) -> float:
    """Seconds to wait after the attempt of this number failed.

    `asked_for` is what the venue wants; our own wait is added even then, so that not all come back at once. `choose`
    picks a number between two, as `random.uniform` does.
    """
    return (asked_for or 0.0) + choose(0.0, min(LONGEST, BASE * 2 ** (number - 1)))


uniform = random.SystemRandom().uniform
"""Processes that were forked must not choose alike."""


@final
class Budget:
    """The tokens that the retries of all calls to one host share."""

    def __init__(self) -> None:
        self._tokens = FULL_BUDGET
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take what a retry costs; False when there is too little left."""
        with self._lock:
            if self._tokens < RETRY_COST:
                return False
            self._tokens -= RETRY_COST
            return True

    def give(self, attempts: int) -> None:
        """A request has succeeded after so many attempts."""
        with self._lock:
            earned = RETRY_COST if attempts > 1 else 1
            self._tokens = min(FULL_BUDGET, self._tokens + earned)


# What a venue asks for --------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")


def retry_after(headers: Mapping[str, str], own_header: str | None = None) -> float | None:
    """Seconds that an answer asks to wait; None when it asks for nothing that can be understood.

    Read are `retry-after` (seconds, or a date, which counts from the answer's own date), `retry-after-ms`, and the
    header that the venue has for it. Of several the longest counts: it harms nobody.
    """
    waits: list[float] = []
    for name, unit in (("retry-after", 1.0), ("retry-after-ms", 0.001), (own_header or "", 1.0)):
        text = headers.get(name.lower(), "")
        until = _date(text)
        if until is not None:
            sent = _date(headers.get("date", "")) or datetime.now(UTC)
            waits.append(max(0.0, (until - sent).total_seconds()))
        else:
            numbers = [part.strip() for part in text.split(",")]
            waits += [float(number) * unit for number in numbers if _NUMBER.fullmatch(number)]
    return max(waits, default=None)


def clock_offset(headers: Mapping[str, str], requested_at: datetime, received_at: datetime) -> float | None:
    """Seconds that the venue's clock is ahead of ours by an answer's `date`; None without one. Exact to a second."""
    date = _date(headers.get("date", ""))
    if date is None:
        return None
    # A date has no fractions: on average it was half a second later.
    halfway = requested_at + (received_at - requested_at) / 2
    return (date - halfway).total_seconds() + 0.5


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)

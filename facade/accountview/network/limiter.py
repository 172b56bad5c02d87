"""The venue's rate limit, kept on our side: nobody asks more often than its spec allows.

One limiter serves all clients in the process that ask one host of one venue. Whoever comes is given the next moment at
which there is room, in the order of coming; who would have to wait longer than it can is told so at once. The window
slides, so no stretch of time as long as the window ever holds more than the budget. A turn is for its moment: who then
has to wait for a connection takes another one, or all who waited would go at once. Other processes are not counted:
what they take comes back as the venue's own 429, which `hold` makes everybody here wait for.
"""

import math
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, final

from accountview.deadline import Clock, Deadline
from accountview.network.sending import NoAnswer

if TYPE_CHECKING:
    from pyrate_limiter import InMemoryBucket

MARGIN = 0.5
"""Seconds that a window is taken to be longer: what left early may arrive late, beside what left late."""

LATE = MARGIN / 2
"""Seconds after its moment until which a turn is good."""

LONGEST_HOLD = 600.0
"""Seconds that a venue can silence all of us at most: who asks for more is asked again then, by one request or a few,
and a slip of a header does not last for ever."""


class TooBusy(NoAnswer):
    """There is no room in time. `wait`: seconds until there is."""

    def __init__(self, wait: float) -> None:
        super().__init__("the venue's rate limit has no room in time", sent=False)
        self.wait = wait


@final
class Limiter:
    """The budget of one host; without a budget there is only what `hold` asks for."""

    def __init__(
        self, budget: int | None = None, window: float | None = None, clock: Clock = time.monotonic
    ) -> None:
        """`budget`: what all requests within `window` seconds may cost together. Both are None where none is known."""
        self._budget = budget
        self._window = window
        self._clock = clock
        self._lock = threading.Lock()
        self._held_until = -math.inf
        self._bucket: InMemoryBucket | None = None

    def reserve(self, cost: int, patience: float) -> float:
        """Seconds after which a request of this cost may go; its room is taken. Raises TooBusy beyond `patience`."""
        with self._lock:
            now = self._clock()
            wait = max(0.0, self._held_until - now)
            if wait > patience:
                raise TooBusy(wait)
            if self._budget is not None and self._window is not None:
                wait = self._room(self._budget, self._window, cost, now, wait, patience)
            return wait

    def turn(self, cost: int, deadline: Deadline) -> "Turn":
        """A turn for one request of this cost."""
        return Turn(self, cost, deadline, self._clock)

    def hold(self, seconds: float) -> None:
        """Let nobody go for so long, up to `LONGEST_HOLD`: the venue has said so."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + min(seconds, LONGEST_HOLD))

    def rest(self, patience: float) -> float:
        """Seconds for which nobody may go, whatever was reserved; 0 without a hold. Raises TooBusy."""
        with self._lock:
            wait = max(0.0, self._held_until - self._clock())
        if wait > patience:
            raise TooBusy(wait)
        return wait

    def _room(
        self, budget: int, window: float, cost: int, now: float, earliest: float, patience: float
    ) -> float:
        from pyrate_limiter import InMemoryBucket, Rate, RateItem  # when first used: it takes a while to load

        if self._bucket is None:
            self._bucket = InMemoryBucket([Rate(budget, math.ceil((window + MARGIN) * 1000))])
        self._bucket.leak(math.floor(now * 1000))
        item = RateItem("", math.floor((now + earliest) * 1000), min(cost, budget))
        while True:
            wait = max(earliest, item.timestamp / 1000 - now)
            if wait > patience:
                raise TooBusy(wait)
            if self._bucket.put(item):  # which counts what goes later as well: so nobody overtakes anybody
                return wait
            later = self._bucket.waiting(item)
            assert isinstance(later, int)  # noqa: S101 - other buckets may be awaitable, this one is not
            item.timestamp += later


@final
class Turn:
    """Leave for one request, at a moment that the limiter gives."""

    def __init__(self, limiter: Limiter, cost: int, deadline: Deadline, clock: Clock) -> None:
        self._limiter = limiter
        self._cost = cost
        self._deadline = deadline
        self._clock = clock
        self._moment = -math.inf

    def waits(self) -> Iterator[float]:
        """Seconds to wait, one stretch after another, until the request may go; none when it may now.

        To be asked when there is something to send, and again when there is a connection to send it on: then there is
        something to wait for only if the turn has passed, or the venue has asked for it meanwhile. Raises TooBusy.
        """
        now = self._clock()
        if now - self._moment > LATE:
            wait = self._limiter.reserve(self._cost, self._deadline.left)
            self._moment = now + wait
        else:
            wait = max(self._moment - now, self._limiter.rest(self._deadline.left))
        while wait > 0:
            yield wait
            wait = self._limiter.rest(self._deadline.left)

"""A host that does not answer is left alone: after some failures in a row it is asked once a second, by one caller."""

import math
import threading
import time
from typing import final

from accountview.deadline import Clock

FAILURES = 10
"""So many failures in a row, with no success between them, and the host counts as down."""
PROBE_INTERVAL = 1.0
"""Seconds between two requests to a host that is down."""


@final
class Breaker:
    """What all callers in the process know of one host."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_probe = -math.inf

    def admit(self) -> float:
        """0 when a request may go; else the seconds until the next one may try whether the host is back."""
        with self._lock:
            if self._failures < FAILURES:
                return 0.0
            wait = self._next_probe - self._clock()
            if wait > 0:
                return wait
            self._next_probe = self._clock() + PROBE_INTERVAL
            return 0.0

    def succeed(self) -> None:
        """An answer came, whatever it says: somebody is there."""
        with self._lock:
            self._failures = 0

    def fail(self) -> None:
        """No answer came, or one that says that the host cannot serve."""
        with self._lock:
            self._failures += 1
            if self._failures == FAILURES:
                self._next_probe = self._clock() + PROBE_INTERVAL

    @property
    def failures(self) -> int:
        """How many requests in a row have failed."""
        return self._failures

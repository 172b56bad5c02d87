"""A moment after which nobody waits any longer, by a clock that no correction of the time of day moves."""

import time
from collections.abc import Callable
from typing import final

Clock = Callable[[], float]
"""Seconds from an unknown start, never backwards: `time.monotonic` unless a test needs another."""


@final
class Deadline:
    """So many seconds from now. One deadline covers all of a reading: every wait, every attempt, every byte."""

    __slots__ = ("_clock", "_end")

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds until it is reached; negative afterwards."""
        return self._end - self._clock()

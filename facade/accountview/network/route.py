"""What the process knows of one host of one venue: its limit, what retries are left, whether it is up, its clock.

No two hosts and no two venues share any of it: the trouble of one is never seen at another.
"""

import threading
import time
from dataclasses import dataclass, field
from functools import cache
from typing import final
from urllib.parse import urlsplit

from accountview import spec
from accountview.errors import UsageError
from accountview.network import retry
from accountview.network.breaker import Breaker
from accountview.network.limiter import Limiter

LARGEST_CORRECTION = 120.0
"""Seconds that our clock may be off a venue's: further off, the clock of this machine has to be put right."""


@final
@dataclass(slots=True)
class Route:
    """One host of one venue."""

    limiter: Limiter = field(default_factory=Limiter)
    budget: retry.Budget = field(default_factory=retry.Budget)
    breaker: Breaker = field(default_factory=Breaker)
    attempts: int = retry.ATTEMPTS
    """How often a request is sent at most."""
    penalty: float | None = None
    """Seconds that the venue refuses everything once its limit is passed, by its spec."""
    retry_after_header: str | None = None
    """The venue's own header for how long to wait, by its spec."""
    offset: float = 0.0
    """Seconds that the venue's clock was found to be ahead of ours, when that made it refuse a signature."""

    def now(self) -> float:
        """UNIX seconds by the venue's clock, as far as it is known."""
        return time.time() + self.offset


def of(venue: str, base_url: str) -> Route:
    """The route that all clients in the process share. Raises UsageError for half of a rate limit in the spec."""
    with _lock:
        return _known(venue, urlsplit(base_url).netloc.lower())


_lock = threading.Lock()


@cache
def _known(venue: str, host: str) -> Route:  # noqa: ARG001 - it is a part of the key
    facts = spec.load(venue).facts
    budget, window, penalty, header = (
        facts[name].value if name in facts else None
        for name in ("rate_budget", "rate_window", "rate_penalty", "retry_after_header")
    )
    if (budget is None) != (window is None):  # our own specs are linted for it, those of plugins are not
        raise UsageError(f"{venue}: its spec has one of rate_budget and rate_window: no limit could be kept")
    return Route(
        limiter=Limiter() if budget is None or window is None else Limiter(int(budget), float(window)),
        penalty=None if penalty is None else float(penalty),
        retry_after_header=header,
    )

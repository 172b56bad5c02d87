"""Failures on demand: which answers are replaced or held back, and how often."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from accountview.errors import UsageError


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail."""

    status: int | None
    """None leaves the answer as it is."""
    body: bytes
    headers: Mapping[str, str]
    delay: float
    """Seconds before the answer."""
    zeros: bool
    """Whether every amount of the honest answer is 0."""


@dataclass(slots=True)
class _Planned:
    fault: Fault
    times: int | None


@dataclass(slots=True)
class Faults:
    """The faults that are still to come, by operation. May be filled from another thread than the server's."""

    _planned: dict[tuple[str, str], list[_Planned]] = field(
        default_factory=dict[tuple[str, str], list[_Planned]]
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: "Future[None]" = field(default_factory=lambda: Future[None]())
    _closing_here: "asyncio.Future[None] | None" = None
    """The same for those who await it, in the loop of the server."""

    def add(
        self,
        venue: str,
        operation: str,
        *,
        status: int | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        zeros: bool = False,
        times: int | None = 1,
    ) -> None:
        """Let the next `times` answers to an operation fail; None means all from now on. Faults queue up.

        Args:
            venue: key of the venue.
            operation: operationId in its spec.
            status: HTTP status of the answer; None keeps the real answer, and only delays it or its amounts are 0.
            body: its body, sent as it is.
            headers: its headers; `content-type: application/json` unless it is given.
            delay: seconds until it is sent.
            zeros: the real answer, but every amount in it is 0: what venues answer whose account mode was switched.
            times: how often.
        """
        if status is None and not delay and not zeros:
            raise UsageError("a fault needs a status or a delay, or zeros")
        if status is not None and zeros:
            raise UsageError("a fault has a status or zeros: only an honest answer has amounts")
        fault = Fault(status, body, {"content-type": "application/json"} | dict(headers or {}), delay, zeros)
        with self._lock:
            self._planned.setdefault((venue, operation), []).append(_Planned(fault, times))

    def take(self, venue: str, operation: str) -> Fault | None:
        """The fault that the next answer to an operation has; None for an honest answer."""
        with self._lock:
            queue = self._planned.get((venue, operation), [])
            if not queue:
                return None
            first = queue[0]
            if first.times is not None:
                first.times -= 1
                if not first.times:
                    del queue[0]
            return first.fault

    def clear(self) -> None:
        """Forget all faults: every answer is honest again."""
        with self._lock:
            self._planned.clear()

    async def wait(self, fault: Fault) -> None:
        """Wait for the delay of a fault, or until the server stops."""
        if fault.delay:
            loop = asyncio.get_running_loop()
            if self._closing_here is None or self._closing_here.get_loop() is not loop:
                # Once: what is wrapped around a future hangs on it for as long as that is not done.
                self._closing_here = asyncio.wrap_future(self._closing)
            await asyncio.wait([self._closing_here], timeout=fault.delay)

    def close(self) -> None:
        """End every delay: a server that stops waits for no held-back answer."""
        if not self._closing.done():
            self._closing.set_result(None)

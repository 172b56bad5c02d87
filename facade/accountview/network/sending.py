"""What is sent and what comes back, as plain values: whoever signs, records or replays needs no network for that."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from accountview import plan
from accountview.deadline import Deadline
from accountview.secret import Secret

Signer = Callable[["Outgoing"], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a signer sees: exactly what is about to be sent."""

    method: str
    path: str
    """Of the operation, filled in, without the host and without any path of the base URL."""
    query: bytes
    content: bytes = field(repr=False)
    now: float = field(default_factory=time.time)
    """UNIX seconds by the venue's clock, as far as it is known."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a venue is and how it is spoken to."""

    base_url: str
    sign: Signer
    secrets: tuple[Secret, ...] = field(repr=False)
    now: Callable[[], float] = field(default=time.time, repr=False)
    """UNIX seconds by the venue's clock."""
    trust_env: bool = False
    """Whether proxies and certificate authorities that the environment names are used."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a request."""

    request: plan.Request
    deadline: Deadline
    number: int = 1
    alone: bool = False
    """Whether it has a connection of its own: one that was kept may be dead already, and after a request that must
    not be sent again nobody could say whether it arrived."""
    waits: Callable[[], Iterable[float]] = field(default=tuple, repr=False)
    """What is to be waited, in seconds, when there is a connection, one stretch after another; nothing by itself.
    Raises NoAnswer when that takes too long."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came, and when the request had started and the last byte had arrived (UTC)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case; of several of one name the values are joined by a comma."""
    content: bytes = field(repr=False)
    requested_at: datetime
    received_at: datetime
    attempt: int = 1
    """The number of the attempt that it answers."""


class Sender(Protocol):
    """What a `Client` asks: `Transport`, or something that stands before it or in its place."""

    def send(self, attempt: Attempt) -> Answer:
        """The answer, whatever its status. Raises NoAnswer, wire.Malformed."""
        ...

    def close(self) -> None:
        """Give back what it holds; may be called twice."""
        ...


class AsyncSender(Protocol):
    """What an `AsyncClient` asks: `AsyncTransport`, or something that stands before it or in its place."""

    async def send(self, attempt: Attempt) -> Answer:
        """The answer, whatever its status. Raises NoAnswer, wire.Malformed."""
        ...

    async def close(self) -> None:
        """Give back what it holds; may be called twice."""
        ...


class NoAnswer(Exception):
    """Nothing came back; the client, which knows the venue, makes an error of it that says what can be done."""

    def __init__(self, problem: str, *, sent: bool = True) -> None:
        """`sent`: whether any of the request may have reached the venue."""
        super().__init__(problem)
        self.sent = sent


class NoConnectionFree(NoAnswer):
    """All our own connections were in use until the deadline: that says nothing of the venue."""

    def __init__(self) -> None:
        super().__init__("no connection was free in time", sent=False)

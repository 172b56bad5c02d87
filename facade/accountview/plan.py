"""How an adapter says what to ask without asking it itself.

A read of an account is a *plan*: a generator that yields the calls it needs next (those of one tuple may run side
by side), receives their replies, and returns what it made of them. The drivers in `client` run every plan over the
network; a test or a replay can run the same plan over stored answers. A failed call is thrown into the plan where it
was yielded, so a plan that can go on without it says so with an ordinary `try`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from accountview.errors import VenueError
from accountview.view import Account, Finding

T = TypeVar("T")
Parsed = TypeVar("Parsed", covariant=True)
First = TypeVar("First")
Second = TypeVar("Second")


class Operation(Protocol):
    """Which operation of the spec a request belongs to; generated clients supply it."""

    @property
    def name(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


class Request(Protocol):
    """What `build_request` of a generated operation returns."""

    @property
    def operation(self) -> Operation: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def headers(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def content(self) -> bytes | None: ...


class Decode(Protocol):
    """The bytes of an answer and a type to a model of it. Raises `wire.Malformed`."""

    def __call__(self, content: bytes, type_: type[T], /) -> T: ...


class Parse(Protocol[Parsed]):
    """Status and body to a model, with the decoder that is to be used; generated clients supply it."""

    def __call__(self, status: int, content: bytes, /, *, decode: Decode) -> Parsed: ...


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    request: Request
    parse: Parse[T]
    """How an answer becomes a model: `parse_response` of the generated operation."""
    refusal: Callable[[T], str | None]
    """The venue's own word for an error inside a parsed answer; None when the answer is good."""
    expected: frozenset[int] = frozenset()
    """Statuses from 400 on that are no error where `refusal` finds none: a venue may say "nothing yet" with 404."""


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A good answer, and when it was asked for and had arrived (UTC)."""

    parsed: T
    requested_at: datetime
    received_at: datetime
    findings: tuple[Finding, ...] = ()
    """What the answer itself gives cause to tell, of every account that is read from it."""
    attempts: int = 1
    """How often the request was sent until it was answered."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Our own names for what is read; they appear in the view and in errors, never in a request."""

    label: str | None = None
    tags: tuple[str, ...] = ()


NOBODY = Owner()
"""No names of ours: a client that was opened by hand."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one credential sees: an account or a failure for every account there is."""

    accounts: tuple[Account, ...] = ()
    failures: tuple[VenueError, ...] = ()


Plan: TypeAlias = Generator[tuple[Call[Any], ...], tuple[Reply[Any], ...], T]


def ask(call: Call[T]) -> Plan[Reply[T]]:
    """`reply = yield from ask(call)`."""
    (reply,) = yield (call,)
    return reply


def ask_both(first: Call[First], second: Call[Second]) -> Plan[tuple[Reply[First], Reply[Second]]]:
    """`first, second = yield from ask_both(…)`: the two may run side by side."""
    reply_to_first, reply_to_second = yield (first, second)
    return reply_to_first, reply_to_second

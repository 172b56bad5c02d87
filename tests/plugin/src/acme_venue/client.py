"""The client of the Acme exchange, written by hand: the door asks only for what `accountview.plan` describes."""

from dataclasses import dataclass
from decimal import Decimal

from attrs import define
from msgspec import UNSET, UnsetType

from accountview import wire
from accountview.plan import Decode


@dataclass(frozen=True, slots=True)
class Operation:
    """Which operation of the spec a request belongs to."""

    name: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request of this venue: none has a query, a header or a body."""

    operation: Operation
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None


@define(kw_only=True)
class Position:
    """One open position."""

    market: str
    direction: str
    amount: Decimal
    entry: Decimal | UnsetType = UNSET
    mark: Decimal | UnsetType = UNSET
    gain: Decimal | UnsetType = UNSET
    stop_out: Decimal | UnsetType = UNSET
    margin: str | UnsetType = UNSET


@define(kw_only=True)
class Account:
    """One account."""

    name: str
    worth: Decimal | UnsetType = UNSET
    cash: Decimal | UnsetType = UNSET
    positions: list[Position]
    more: bool


@define(kw_only=True)
class Envelope:
    """Every answer: good ones have accounts, others a reason."""

    ok: bool
    reason: str | UnsetType = UNSET
    accounts: list[Account] | UnsetType = UNSET


GET_ACCOUNTS = Request(Operation("getAccounts", "GET", "/accounts"), "/accounts")


def parse(status: int, content: bytes, *, decode: Decode) -> Envelope:
    """The answer to getAccounts. Raises Malformed."""
    if status not in (200, 401):
        raise wire.Malformed("the spec knows no such status")
    return decode(content, Envelope)

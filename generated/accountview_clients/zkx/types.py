# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""What the modules of this client share: requests, answers, and how values become text and bytes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Generic, Protocol, Self, TypeVar
from urllib.parse import quote

import msgspec
from attrs import define, field
from msgspec import UNSET, UnsetType

T = TypeVar("T")
Scalar = str | int | Decimal


@define(frozen=True)
class Operation:
    """What a signer or a limiter needs to know of an operation.

    Attributes:
        name: the spec's operationId.
        method: upper-case.
        path: the spec's template, with its {parameters}.
    """

    name: str
    method: str
    path: str


@define(frozen=True)
class Request:
    """A request, ready to be sent. Only operation and path show in its repr: the rest may hold secrets.

    Attributes:
        operation: the operation it belongs to.
        path: filled and percent-quoted.
        query: names and values in the spec's order, not yet quoted; a list repeats its name.
        headers: the spec's header parameters, and the content's type if there is one.
        content: the exact bytes of the body, None without one.
    """

    operation: Operation
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    content: bytes | None = field(default=None, repr=False)


@define(frozen=True)
class Response(Generic[T]):
    """An answer, as received and as parsed. Its headers and content, which may hold secrets, are not in its repr."""

    status: int
    parsed: T
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    content: bytes = field(repr=False)


class Decode(Protocol):
    """A decoder of JSON: bytes and the type wanted in, a value of that type out."""

    def __call__(self, content: bytes, type_: type[T], /) -> T: ...


def decode(content: bytes, type_: type[T], /) -> T:
    """Decode JSON strictly by type; numbers that the spec calls decimals never pass through a float.

    Raises:
        msgspec.ValidationError: the content has another shape; the message ends in the JSON path.
        msgspec.DecodeError: the content is not JSON.
    """
    return msgspec.json.decode(content, type=type_)


class OpenStrEnum(StrEnum):
    """Words that the spec lists. Another word of the venue's is kept as it came; it is no member."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unlisted = str.__new__(cls, value)
        unlisted._name_ = "(unlisted)"
        unlisted._value_ = value
        return unlisted

    @property
    def known(self) -> bool:
        """Whether the spec lists this word."""
        return self._name_ != "(unlisted)"


class OpenIntEnum(IntEnum):
    """Numbers that the spec lists. Another number of the venue's is kept as it came; it is no member."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        unlisted = int.__new__(cls, value)
        unlisted._name_ = "(unlisted)"
        unlisted._value_ = value
        return unlisted

    @property
    def known(self) -> bool:
        """Whether the spec lists this number."""
        return self._name_ != "(unlisted)"


def as_text(value: Scalar) -> str:
    """A value as it stands in a path, a query or a header: true and false in lower case, no exponents."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def as_segment(value: Scalar) -> str:
    """A value as one segment of a path.

    Raises:
        ValueError: the value is empty, "." or "..", and the path would be another operation's.
    """
    text = as_text(value)
    if text in ("", ".", ".."):
        raise ValueError(f"a path parameter cannot be {text!r}")
    return quote(text, safe="")


def as_pairs(*items: tuple[str, Scalar | Iterable[Scalar] | None | UnsetType]) -> tuple[tuple[str, str], ...]:
    """Names and values as text, in order; without those that are None or UNSET, once for each item of a list."""
    pairs: list[tuple[str, str]] = []
    for name, value in items:
        if value is None or isinstance(value, UnsetType):
            continue
        values = (value,) if isinstance(value, Scalar) else value
        pairs.extend((name, as_text(one)) for one in values)
    return tuple(pairs)


def as_json(body: object) -> bytes | None:
    """A body as compact JSON, without what is UNSET and with decimals as text; None when it is UNSET itself."""
    return None if body is UNSET else msgspec.json.encode(body)


__all__ = (
    "UNSET",
    "Decode",
    "OpenIntEnum",
    "OpenStrEnum",
    "Operation",
    "Request",
    "Response",
    "UnsetType",
    "as_json",
    "as_pairs",
    "as_segment",
    "as_text",
    "decode",
)

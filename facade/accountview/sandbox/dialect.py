"""What a venue's module in `dialects` offers, and what it works with.

Such a module has one function, `dialect(clock: Clock) -> Dialect`, which makes a fresh state. Which methods, paths and
operations there are is read from the venue's spec; the dialect answers them, by operationId, and nothing else.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

Clock = Callable[[], int]
"""The time, in nanoseconds since 1970; `time.time_ns` unless a test needs another."""


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived, as it was sent."""

    method: str
    path: str
    """As signed: still quoted, without the host and without the venue's prefix."""
    parameters: Mapping[str, str]
    """Of the path template, unquoted."""
    query_text: str
    """As signed: still quoted, without the question mark."""
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query, unquoted, in the order it was sent."""
        return parse_qsl(self.query_text, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of_json(cls, status: int, document: Any) -> "Answer":
        """A JSON document; figures stand in it as the venue prints them, so none is a float."""
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
        return cls(status, text.encode(), {"content-type": "application/json"})


Handler = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One entry of an accounts file: a credential that the sandbox knows. Never a real one."""

    label: str
    options: Mapping[str, Any] = field(repr=False)
    """Options of the venue's `connect`, secrets as `Secret`, without `base_url`."""
    tags: tuple[str, ...] = ()
    in_demo: bool = True
    """Whether a demonstration shows it: not one that would leave a newcomer's first totals incomplete."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One venue."""

    handlers: Mapping[str, Handler]
    """operationId → who answers it."""
    accounts: tuple[DemoAccount, ...]
    refuse: Callable[[int, str], Answer]
    """Status and problem → an error as the venue words it; used for an unknown path (404) or method (405)."""

"""How schemathesis asks each venue of the sandbox: one module a venue, found by its name, each with `HABITS`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from requests.auth import AuthBase

from accountview.accounts_file import Entry

Document = dict[str, Any]

NOW = 1_700_000_000
"""UNIX seconds: the clock stands still, so that every run is the same."""


def unchanged(document: Document, base_url: str, auth: AuthBase) -> None:
    """The spec says it all."""


@dataclass(frozen=True)
class Habits:
    """How one venue is asked, and what it does otherwise than schemathesis expects."""

    account: str
    """Label of the demo account that asks."""
    auth: Callable[[Entry, str], AuthBase]
    """Of the account and the path of the venue's base URL: signs the bytes that are about to be sent."""
    checks_off: dict[str, str] = field(default_factory=dict[str, str])
    """Check → why it cannot hold for this venue."""
    narrow: Callable[[Document, str, AuthBase], None] = unchanged
    """Changes the copy of the spec that is tested, where the spec cannot say which values are good."""

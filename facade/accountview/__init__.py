"""One typed, exact and honest account view over trading venues whose account schemas differ.

    import accountview as av

    with av.connect("bfx", api_key=…, api_secret=…) as bfx:
        account = bfx.account()
        print(account.equity, account.explain("maintenance_margin"))

Everything here is loaded when it is first used: importing accountview opens no HTTP library and no venue.
"""

import importlib
from typing import TYPE_CHECKING

from accountview.errors import (
    AccountviewError,
    AnswerInvalid,
    ClockSkew,
    CredentialsRefused,
    IncompleteSnapshot,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    UsageError,
    VenueError,
    VenueUnavailable,
)
from accountview.secret import Secret
from accountview.view import (
    Account,
    Balance,
    Explanation,
    Finding,
    Instrument,
    Kind,
    MarginMode,
    Missing,
    Mode,
    Position,
    Side,
    Status,
)

if TYPE_CHECKING:
    from accountview.capability import Capability, capabilities
    from accountview.client import AsyncClient, Client
    from accountview.drift import Drift
    from accountview.exposure import Exposure
    from accountview.leverage import LeverageChange, LeverageSetting
    from accountview.portfolio import Portfolio
    from accountview.rates import Rates
    from accountview.replaying import replay
    from accountview.snapshot import Converted, Failure, Row, Snapshot, Total
    from accountview.venues import connect, connect_async
    from accountview.writing import AsyncWritingClient, WritingClient

__version__ = "0.1.0"

__all__ = [
    "Account",
    "AccountviewError",
    "AnswerInvalid",
    "AsyncClient",
    "AsyncWritingClient",
    "Balance",
    "Capability",
    "Client",
    "ClockSkew",
    "Converted",
    "CredentialsRefused",
    "Drift",
    "Explanation",
    "Exposure",
    "Failure",
    "Finding",
    "IncompleteSnapshot",
    "Instrument",
    "Kind",
    "LeverageChange",
    "LeverageSetting",
    "MarginMode",
    "Missing",
    "Mode",
    "OutcomeUnknown",
    "Portfolio",
    "Position",
    "RateLimited",
    "Rates",
    "RequestRefused",
    "Row",
    "Secret",
    "Side",
    "Snapshot",
    "Status",
    "Total",
    "UsageError",
    "VenueError",
    "VenueUnavailable",
    "WritingClient",
    "capabilities",
    "connect",
    "connect_async",
    "replay",
]

_LATER = {
    "AsyncClient": "client",
    "AsyncWritingClient": "writing",
    "Capability": "capability",
    "Client": "client",
    "Converted": "snapshot",
    "Drift": "drift",
    "Exposure": "exposure",
    "LeverageChange": "leverage",
    "LeverageSetting": "leverage",
    "Failure": "snapshot",
    "Portfolio": "portfolio",
    "Rates": "rates",
    "Row": "snapshot",
    "Snapshot": "snapshot",
    "Total": "snapshot",
    "WritingClient": "writing",
    "capabilities": "capability",
    "connect": "venues",
    "connect_async": "venues",
    "replay": "replaying",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'accountview' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"accountview.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

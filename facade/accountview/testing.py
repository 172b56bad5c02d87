"""For the tests of services that use accountview: a running sandbox, and accounts made to order.

With pytest, `pytest_plugins = ["accountview.testing"]` in the top `conftest.py` gives `accountview_sandbox`:

    def test_risk(accountview_sandbox):
        portfolio = Portfolio(accountview_sandbox.entries)

The sandbox needs the extra `accountview[sandbox]`; `make_account` needs nothing.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from accountview.view import (
    Account,
    Balance,
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
    from accountview.sandbox import Sandbox


@contextmanager
def running_sandbox() -> "Generator[Sandbox, None, None]":
    """A sandbox on a free port of loopback: `with running_sandbox() as sandbox:`.

    Raises UsageError when the extra `accountview[sandbox]` is not installed.
    """
    from accountview.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


def make_account(**changes: Any) -> Account:
    """A RabbitX account whose figures add up: 10,000 USDT and a long position of 2,010 that has gained 50.

    `changes` are fields of `Account`; they are taken as they are, and no other figure follows them. A figure that is
    changed to None is given a reason, unless `missing` is among the changes. Raises TypeError for an unknown field.
    """
    moment = datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    free = Decimal("9899.5")
    position = Position(
        instrument=Instrument(base="BTC", quote="USD", kind=Kind.PERPETUAL),
        venue_symbol="BTC-USD",
        side=Side.LONG,
        size=Decimal("0.1"),
        entry_price=Decimal(19600),
        mark_price=Decimal(20100),
        notional=Decimal(2010),
        leverage=Decimal(20),
        margin_mode=MarginMode.CROSS,
        initial_margin=Decimal("100.5"),
        unrealized_pnl=Decimal(50),
        missing={
            "liquidation_price": Missing.UNKNOWN_SENTINEL,
            **_unsupported("wallet", "maintenance_margin", "realized_pnl", "funding"),
        },
    )
    balance = Balance(
        asset="USDT",
        total=Decimal(10000),
        available=free,
        value=Decimal(10000),
        missing=_unsupported("borrowed", "wallet"),
    )
    never = ("net_deposits", "pending_deposits", "pending_withdrawals", "sequence")
    gone = {
        name: Missing.NOT_RETURNED for name, value in changes.items() if name not in _NAMES and value is None
    }
    fields: dict[str, Any] = {
        "label": "test",
        "venue": "rabbitx",
        "account_id": "4711",
        "currency": "USDT",
        "status": Status.ACTIVE,
        "venue_status": "active",
        "mode": Mode.CROSS,
        "equity": Decimal(10050),
        "wallet_balance": Decimal(10000),
        "unrealized_pnl": Decimal(50),
        "available": free,
        "withdrawable": free,
        "initial_margin": Decimal("100.5"),
        "position_margin": Decimal("100.5"),
        "order_margin": Decimal(0),
        "maintenance_margin": Decimal("50.25"),
        "margin_buffer": Decimal("9999.75"),
        "margin_ratio": Decimal("0.005"),
        "notional": Decimal(2010),
        "effective_leverage": Decimal("0.2"),
        "health": Decimal(1),
        "leverage_by_market": {"BTC-USD": Decimal(20)},
        "as_of": moment,
        "requested_at": moment,
        "received_at": moment,
        "missing": gone | _unsupported(*(name for name in never if changes.get(name) is None)),
        "positions": (position,),
        "balances": (balance,),
    }
    return Account(**(fields | changes))


_NAMES = ("label", "underlying_venue", "venue_status")
"""What may be None without a reason."""


def _unsupported(*names: str) -> dict[str, Missing]:
    return dict.fromkeys(names, Missing.UNSUPPORTED)


try:
    import pytest
except ModuleNotFoundError:  # the rest is of use without it
    pass
else:

    @pytest.fixture(scope="session")
    def accountview_sandbox() -> "Iterator[Sandbox]":
        """A sandbox that runs for the whole session; its state and its faults are shared by the tests."""
        with running_sandbox() as sandbox:
            yield sandbox

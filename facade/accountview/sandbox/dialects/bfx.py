"""BFX in the sandbox: an ordinary account, and one that is being liquidated."""

from decimal import Decimal

from accountview.sandbox.dialect import Clock, Dialect
from accountview.sandbox.dialects._rabbit import Account, Exchange, Holding, Market, Order, rabbit_dialect


def dialect(clock: Clock) -> Dialect:
    """A fresh BFX."""
    markets = (
        Market("BTC-USD", Decimal(65000)),
        Market("ETH-USD", Decimal("3145.2")),
        Market("SOL-USD", Decimal("152.30")),
        Market("BLAST-USD", Decimal("0.014210")),
    )
    accounts = (
        Account(
            id=815,
            label="bfx-main",
            exchange_id="bfx",
            balance=Decimal("31250.75"),
            leverage={"ETH-USD": 7},
            holdings=(
                # Bought without leverage: no price above 0 would liquidate it, and the venue says "0".
                Holding("SOL-USD", "long", Decimal(120), Decimal("131.40")),
                Holding("ETH-USD", "short", Decimal("2.5"), Decimal("3210.75")),
            ),
            orders=(Order("BLAST-USD", Decimal(50000), Decimal("0.0139")),),
            tags=("demo", "desk-a"),
        ),
        Account(
            id=816,
            label="bfx-stressed",
            exchange_id="bfx",
            # The fair price swings by 2 either way: equity stays between 2 % and 3 % of the notional.
            balance=Decimal(4000),
            leverage={"ETH-USD": 20},
            holdings=(Holding("ETH-USD", "long", Decimal(30), Decimal("3200.00")),),
            status="liquidating",
            tags=("demo", "desk-b"),
        ),
    )
    return rabbit_dialect(Exchange("bfx", markets, accounts, form_2025=False), clock)

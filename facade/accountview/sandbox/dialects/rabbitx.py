"""RabbitX in the sandbox: an ordinary account, a fresh one, one that has lost more than it had, and one with more
positions than one answer holds."""

from decimal import Decimal

from accountview.sandbox.dialect import Clock, Dialect
from accountview.sandbox.dialects._rabbit import Account, Exchange, Holding, Market, Order, rabbit_dialect

_PRICES = """
BTC 65000  ETH 3150.0  SOL 152.30  ARB 0.8125  DOGE 0.12340  LDO 1.9120  SUI 1.0730  PEPE1000 0.011960
BCH 402.50  XRP 0.51730  WLD 2.8310  TON 7.2150  STX 1.8420  MATIC 0.56120  TRB 84.320  APT 7.1450
INJ 24.180  AAVE 96.720  LINK 14.230  BNB 581.40  RNDR 7.8210  MKR 2431.5  RLB 0.06812  ORDI 39.140
STG 0.46310  SATS1000 0.0002415  TIA 6.9120  BLUR 0.21740  JTO 2.6180  MEME 0.021730  SEI 0.37420  YES 2.9310
WIF 2.1840  STRK 0.71230  SHIB1000 0.017840  BOME 0.0093120  SLERF 0.21840  W 0.31720  ENA 0.53210  PAC 0.0028310
MAGA 6.2310  TRUMP 5.1820  DYM 1.6120  NEAR 5.3210  AVAX 28.410  ATOM 6.8120  DOT 6.2140  FIL 4.4310
OP 1.8410  CRV 0.29310  UNI 9.3120  LTC 74.210  ADA 0.39120  ETC 23.410
"""


def _markets() -> tuple[Market, ...]:
    words = _PRICES.split()
    return tuple(
        Market(f"{base}-USD", Decimal(price)) for base, price in zip(words[::2], words[1::2], strict=True)
    )


def dialect(clock: Clock) -> Dialect:
    """A fresh RabbitX."""
    markets = _markets()
    accounts = (
        Account(
            id=4711,
            label="rabbitx-main",
            exchange_id="rbx",
            balance=Decimal("25000.50"),
            leverage={"BTC-USD": 10, "ETH-USD": 20, "SOL-USD": 3},
            holdings=(
                Holding("BTC-USD", "long", Decimal("0.5"), Decimal("64012.5")),
                Holding("ETH-USD", "short", Decimal("8.4"), Decimal("3188.195")),
            ),
            orders=(Order("SOL-USD", Decimal(20), Decimal("148.75")),),
            tags=("demo", "desk-a"),
        ),
        Account(
            id=4712,
            label="rabbitx-fresh",
            exchange_id="rbx_arbitrum",
            balance=Decimal(5000),
            leverage={},
            tags=("demo", "desk-b"),
        ),
        Account(
            id=4714,
            label="rabbitx-sunk",
            exchange_id="rbx",
            balance=Decimal("2400.25"),
            leverage={"ETH-USD": 20},
            holdings=(Holding("ETH-USD", "long", Decimal(12), Decimal("3361.80")),),
            status="liquidating",
            tags=("demo", "desk-b"),
        ),
        Account(
            id=4713,
            label="rabbitx-wide",
            exchange_id="rbx",
            balance=Decimal(40000),
            leverage={market.id: 5 for market in markets},
            in_demo=False,
            # One position in every market, about 1,000 each: the last few stand on a page that nobody can ask for.
            holdings=tuple(
                Holding(
                    market.id,
                    "short" if number % 3 else "long",
                    (1000 / market.price).quantize(Decimal("0.001")),
                    market.price,
                )
                for number, market in enumerate(markets)
            ),
            tags=("test",),
        ),
    )
    return rabbit_dialect(Exchange("rabbitx", markets, accounts, form_2025=True), clock)

"""ZKX in the sandbox: signatures on the Stark curve, and accounts whose figures are computed from moving marks.

The figures follow the identities of the documented example: totals and margins come from the chain, a moment behind;
profits and liquidation prices come from the prices of now. What is signed is worked out here from the documented
rule, on purpose without the code that the client does it with. The form of an error is not documented; here it is an
object with a `message`, and a bad credential is a 401.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from hashlib import blake2b
from typing import Any

from accountview import spec
from accountview.amounts import unit_in_last_place
from accountview.sandbox.dialect import Answer, Clock, DemoAccount, Dialect, Handler, Request
from accountview.secret import Secret
from accountview.venues import _zkx_stark as stark

CLOCK_TOLERANCE = 300_000
"""Milliseconds that x-timestamp may be off, either way. The venue documents no bound; this one is the sandbox's own."""
MAINTENANCE_FRACTION = Decimal("0.03")
LIQUIDATION_FRACTION = Decimal("0.05")
"""What the liquidation prices of the documented example were computed with."""
_DIGITS = Context(prec=60, rounding=ROUND_HALF_EVEN)
_MICRO = Decimal("0.000001")
_SECOND = 1_000_000_000
_ZERO = Decimal(0)
_BARE = frozenset(b"*-._,0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_PRICES = """
BTC 65000  ETH 3150.0  SOL 152.30  ARB 0.8125  DOGE 0.12340  LDO 1.9120  SUI 1.0730  XRP 0.51730
TIA 6.9120  AAVE 96.720  LINK 14.230  BNB 581.40  AVAX 28.410  STRK 0.71230
"""


class Refused(Exception):
    """The venue says no, with a status and in these words."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


@dataclass(frozen=True, slots=True)
class Holding:
    """An open position; `size` is unsigned, in base units."""

    market: str
    direction: str
    size: Decimal
    entry_price: Decimal
    leverage: Decimal
    realized: Decimal = _ZERO

    @property
    def value(self) -> Decimal:
        """At the entry price."""
        return self.size * self.entry_price

    @property
    def margin(self) -> Decimal:
        """What it locks."""
        return (self.value / self.leverage).quantize(_MICRO)

    @property
    def maintenance(self) -> Decimal:
        """What it requires, by the entry price."""
        return MAINTENANCE_FRACTION * self.value

    def profit(self, price: Decimal) -> Decimal:
        """At a price; a loss is negative."""
        return self.size * (
            (price - self.entry_price) if self.direction == "LONG" else (self.entry_price - price)
        )


@dataclass(frozen=True, slots=True)
class Account:
    """One demo trading account."""

    label: str
    owner: int
    """Its private key and its address are made of this small number: for everyone to see that they are none."""
    balance: Decimal
    index: int = 0
    holdings: tuple[Holding, ...] = ()
    behind: int = 0
    """Seconds that the chain's prices are older than those of the profits."""
    stale: bool = False
    """A mark price is too old: the venue computes no profit at all then."""
    tags: tuple[str, ...] = ()
    in_demo: bool = True

    @property
    def address(self) -> str:
        """The owner's Starknet address."""
        return f"0x{self.owner:064x}"

    @property
    def id(self) -> str:
        """BLAKE2b-256 of the address, last byte first, and the index."""
        text = bytes.fromhex(self.address[2:])[::-1] + bytes([self.index])
        return "0x" + blake2b(text, digest_size=32).hexdigest()


def price(market: str, now: int) -> Decimal:
    """The price at a time in nanoseconds: a triangle of 20 units in the last digit, up and down, one each second."""
    middle = _MARKETS[market]
    steps = (now // _SECOND + sum(market.encode())) % 80
    offset = steps if steps <= 20 else 40 - steps if steps <= 60 else steps - 80
    return middle + offset * unit_in_last_place(middle)


def _markets() -> dict[str, Decimal]:
    words = _PRICES.split()
    return {f"{base}USDC": Decimal(text) for base, text in zip(words[::2], words[1::2], strict=True)}


_MARKETS = _markets()


def _holding(market: str, direction: str, size: str, entry: str, leverage: str, realized: str) -> Holding:
    return Holding(market, direction, Decimal(size), Decimal(entry), Decimal(leverage), Decimal(realized))


def _accounts() -> tuple[Account, ...]:
    return (
        Account(
            label="zkx-main",
            owner=0x2A01,
            balance=Decimal("3627.894177"),
            holdings=(
                _holding("SOLUSDC", "SHORT", "17.6", "149.566", "6", "-1.931"),
                _holding("ETHUSDC", "SHORT", "0.22", "3193.99", "6", "1.4279"),
            ),
            behind=3,  # an odd number: the triangle is never as high twice that far apart
            tags=("demo", "desk-a"),
        ),
        Account(
            label="zkx-hedge",
            owner=0x2A01,
            index=1,
            balance=Decimal(12500),
            holdings=(
                _holding("ETHUSDC", "LONG", "2", "3098.45", "12", "-0.6"),
                _holding("ETHUSDC", "SHORT", "1.25", "3201.7", "15", "-0.25"),
                _holding("BTCUSDC", "LONG", "0.1", "63990", "7.5", "12.25"),
            ),
            tags=("demo", "desk-a"),
        ),
        Account(
            label="zkx-stale",
            owner=0x2A02,
            balance=Decimal("940.5"),
            holdings=(_holding("DOGEUSDC", "LONG", "8000", "0.1187", "4", "0"),),
            stale=True,
            tags=("demo", "desk-b"),
        ),
        Account(
            label="zkx-stressed",
            owner=0x2A03,
            balance=Decimal(700),
            holdings=(_holding("ETHUSDC", "LONG", "2", "3350.5", "12", "-0.67"),),
            tags=("demo", "desk-b"),
        ),
        Account(label="zkx-fresh", owner=0x2A04, balance=Decimal(1250), tags=("demo", "desk-b")),
        Account(
            label="zkx-wide",
            owner=0x2A05,
            balance=Decimal(60000),
            # Long and short in every market; the longs are larger and were bought low, so that they always gain.
            holdings=tuple(
                Holding(market, direction, (worth / middle).quantize(Decimal("0.001")), entry, Decimal(5))
                for market, middle in _MARKETS.items()
                for direction, worth, entry in (
                    ("LONG", 1500, middle - 50 * unit_in_last_place(middle)),
                    ("SHORT", 1000, middle),
                )
            ),
            tags=("test",),
            in_demo=False,  # for who lists positions by the call that cuts them
        ),
    )


def dialect(clock: Clock) -> Dialect:
    """A fresh ZKX."""
    return zkx_dialect(_accounts(), clock)


def zkx_dialect(accounts: tuple[Account, ...], clock: Clock) -> Dialect:
    """A ZKX with these accounts."""
    venue = _Venue(accounts, clock)
    return Dialect(
        handlers={
            "getAccountInfo": venue.handler(venue.account_info),
            "getPositions": venue.handler(venue.positions),
        },
        accounts=tuple(_demo_account(account) for account in accounts),
        refuse=_refuse,
    )


def _demo_account(account: Account) -> DemoAccount:
    options: dict[str, Any] = {"private_key": Secret(hex(account.owner)), "address": account.address}
    if account.index:
        options["index"] = account.index
    return DemoAccount(account.label, options, account.tags, account.in_demo)


def _refuse(status: int, problem: str) -> Answer:
    return Answer.of_json(status, {"message": problem})


class _Venue:
    """The accounts, and how they are answered."""

    def __init__(self, accounts: tuple[Account, ...], clock: Clock) -> None:
        self._accounts = {account.id: account for account in accounts}
        self._spec = spec.load("zkx")
        self._clock = clock

    def handler(self, act: Callable[[Account, Mapping[str, str]], Any]) -> Handler:
        """Whoever answers an operation: `act` gets the account and the query, once both are in order."""

        def handle(request: Request) -> Answer:
            try:
                query = dict(request.query)
                account = self._signer(request, query)
                self._check_query(request, query)
                return Answer.of_json(200, act(account, query))
            except Refused as refused:
                return _refuse(refused.status, str(refused))

        return handle

    # Who asks

    def _signer(self, request: Request, query: dict[str, str]) -> Account:
        public_key = _header(request, "x-public-key", r"0x0[23][0-9a-fA-F]{64}")
        account_id = _header(request, "x-account-id", r"0x[0-9a-fA-F]{1,64}")
        timestamp = _header(request, "x-timestamp", r"[0-9]{1,15}")
        signature = (
            int(_header(request, "x-signature-1", r"0x[0-9a-fA-F]{1,64}"), 16),
            int(_header(request, "x-signature-2", r"0x[0-9a-fA-F]{1,64}"), 16),
        )
        if abs(int(timestamp) - self._clock() // 1_000_000) > CLOCK_TOLERANCE:
            raise Refused(401, "x-timestamp is too far from the venue's clock")
        if not stark.verifies(_signed_text(query, timestamp), signature, public_key):
            raise Refused(401, "the signature does not verify")
        account = self._accounts.get(account_id.lower())
        if account is None or stark.public_key(account.owner) != public_key.lower():
            raise Refused(401, "this key has no such trading account")
        return account

    def _check_query(self, request: Request, query: Mapping[str, str]) -> None:
        if len(query) < len(request.query):
            raise Refused(400, "a parameter stands twice")
        if "collateralId" not in query:
            raise Refused(400, "collateralId is required")
        if query["collateralId"] != self._spec.fact("collateral"):
            raise Refused(404, "there is no such collateral")

    # Operations

    def account_info(self, account: Account, query: Mapping[str, str]) -> dict[str, Any]:
        now = self._clock()
        with localcontext(_DIGITS):
            worth = account.balance + _profit(account, account.holdings, now - account.behind * _SECOND)
            locked = sum((holding.margin for holding in account.holdings), _ZERO)
            return {
                "collateralId": query["collateralId"],
                "collateralBalance": _text(account.balance),
                "availableMargin": _text(worth - locked),
                "totalInvested": _text(sum((holding.value for holding in account.holdings), _ZERO)),
                "totalMargin": _text(worth),
                "totalUnrealizedPnl": _text(_profit(account, account.holdings, now)),
                "positions": [_position(account, holding, now) for holding in account.holdings],
            }

    def positions(self, account: Account, query: Mapping[str, str]) -> list[dict[str, Any]]:
        limit = query.get("limit", self._spec.fact("positions_page"))
        if not re.fullmatch(r"[1-9][0-9]{0,99}", limit):
            raise Refused(400, "limit must be a whole number above 0")
        now = self._clock()
        market = query.get("marketId")
        with localcontext(_DIGITS):
            rows = [
                _position(account, holding, now)
                for holding in account.holdings
                if market in (None, holding.market)
            ]
        return rows[: int(limit)]


def _header(request: Request, name: str, form: str) -> str:
    value = request.headers.get(name, "")
    if not re.fullmatch(form, value):
        raise Refused(401, f"{name} is missing or has another form")
    return value


def _signed_text(query: dict[str, str], timestamp: str) -> str:
    signed = {**query, "timestamp": timestamp}
    return "&".join(f"{_form(name)}={_form(signed[name])}" for name in sorted(signed))


def _form(text: str) -> str:
    """As a browser writes a form, but with commas left bare."""
    return "".join(
        chr(byte) if byte in _BARE else "+" if byte == 0x20 else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogatepass")
    )


# Figures ---------------------------------------------------------------------------------------------------------


def _profit(account: Account, holdings: tuple[Holding, ...], now: int) -> Decimal:
    if account.stale:
        return _ZERO
    return sum((holding.profit(price(holding.market, now)) for holding in holdings), _ZERO)


def _position(account: Account, holding: Holding, now: int) -> dict[str, Any]:
    return {
        "marketId": holding.market,
        "direction": holding.direction,
        "avgExecutionPrice": _text(holding.entry_price),
        "size": _text(holding.size),
        "marginAmount": _text(holding.margin),
        "borrowedAmount": _text((holding.value - holding.margin).quantize(_MICRO)),
        "leverage": _text(holding.leverage),
        "realizedPnl": _text(holding.realized),
        "liquidationPrice": _text(_liquidation_price(account, holding, now)),
        "maintenanceMargin": _text(holding.maintenance),
    }


def _liquidation_price(account: Account, holding: Holding, now: int) -> Decimal:
    """The price at which this position alone would use up what the others leave of the account; 0 for none above it."""
    others = tuple(other for other in account.holdings if other is not holding)
    left = (
        account.balance + _profit(account, others, now) - sum((other.maintenance for other in others), _ZERO)
    )
    at_stake = holding.value - left if holding.direction == "LONG" else holding.value + left
    return max(_ZERO, (at_stake / (holding.size * (1 - LIQUIDATION_FRACTION))).quantize(_MICRO))


def _text(value: Decimal) -> str:
    """Figures as the venue sends them: text, without zeros at the end."""
    return format(value.normalize(_DIGITS) if value else _ZERO, "f")

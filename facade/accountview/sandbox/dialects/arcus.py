"""Arcus in the sandbox: one address with two accounts, one that was never used, one that is not on the access list.

Every figure follows the documented formulas from an oracle price that moves and a mark price beside it, exactly; so
equity and the sum over the positions are apart by what the two prices are apart, as they are at the venue.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any, cast

from accountview import spec
from accountview.amounts import unit_in_last_place
from accountview.sandbox.dialect import Answer, Clock, DemoAccount, Dialect, Handler, Request
from accountview.sandbox.dialects import _ed25519
from accountview.sandbox.schema import body_problem
from accountview.secret import Secret

_DIGITS = Context(prec=38, rounding=ROUND_HALF_EVEN)
_SECOND = 1_000_000_000
_MILLISECOND = 1_000_000
_ZERO = Decimal(0)

MAIN = "0x00000000000000000000000000000000000a11ce"
UNUSED = "0x0000000000000000000000000000000000000b0b"
NOT_ENROLLED = "0x0000000000000000000000000000000000000ca7"


def private_key(address: str) -> bytes:
    """The Ed25519 private key of an address, for everyone to know. It is good for account 0."""
    return hashlib.sha256(f"no secret: the demo key of {address}".encode()).digest()


class Refused(Exception):
    """The venue says no, with a status and in these words."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


@dataclass(frozen=True, slots=True)
class Market:
    """A perpetual whose oracle price swings around `price`, one `step` a second."""

    number: int
    name: str
    price: Decimal
    basis: Decimal | None
    """How far the mark price is above the oracle price; None where there is no mark price now."""
    leverage_limit: int
    """It is also the leverage where none was set."""

    def oracle(self, now: int) -> Decimal:
        """The oracle price at a time in nanoseconds: a triangle of 20 units in the last digit, up and down."""
        steps = (now // _SECOND + 7 * self.number) % 80
        offset = steps if steps <= 20 else 40 - steps if steps <= 60 else steps - 80
        return self.price + offset * unit_in_last_place(self.price)

    def mark(self, now: int) -> Decimal | None:
        """The mark price at a time in nanoseconds; None where there is none."""
        return None if self.basis is None else self.oracle(now) + self.basis


@dataclass(frozen=True, slots=True)
class Holding:
    """An open position; `size` is below zero for a short."""

    market: int
    size: Decimal
    entry_price: Decimal
    funding: tuple[str, str, str] | None = None
    """Of all time, since it was opened, since it changed."""
    pool: Decimal | None = None
    """What an isolated position has for itself; None for one that shares the account's cash."""


@dataclass(slots=True)
class Account:
    """One account of an address."""

    deposited: Decimal
    settled: Decimal
    """Cash with nothing open: deposits less fees, funding and realised losses."""
    sequence: int
    holdings: tuple[Holding, ...] = ()
    pending_deposits: Decimal = _ZERO
    pending_withdrawals: Decimal = _ZERO
    loan: Decimal | None = None
    """Told in a member that no page describes."""


MARKETS = (
    Market(1, "BTC-USD", Decimal(65010), Decimal(12), 40),
    Market(2, "ETH-USD", Decimal("3150.5"), Decimal("-0.4"), 25),
    Market(3, "SOL-USD", Decimal("152.30"), Decimal("0.05"), 20),
    Market(9, "NVDA-USD", Decimal("131.40"), None, 10),  # its exchange is closed: no mark price
)


def _accounts() -> dict[tuple[str, int], Account]:
    main = Account(
        deposited=Decimal(20000),
        settled=Decimal("19871.3375"),
        sequence=2**53 + 1,  # more than a float can tell
        holdings=(
            Holding(1, Decimal("0.75"), Decimal("64012.4"), ("-31.2075", "-12.4", "-0.8125")),
            Holding(3, Decimal(-40), Decimal("155.25"), ("4.9", "4.9", "1.1")),
        ),
        pending_withdrawals=Decimal(500),
    )
    second = Account(
        deposited=Decimal(8000),
        settled=Decimal("7312.5"),
        sequence=118,
        holdings=(
            Holding(2, Decimal("-1.5"), Decimal("3188.2"), ("0.75", "0.75", "0.75"), pool=Decimal(600)),
            Holding(9, Decimal(25), Decimal("129.88")),
        ),
        loan=Decimal("1250.5"),
    )
    return {(MAIN, 0): main, (MAIN, 1): second}


def dialect(clock: Clock) -> Dialect:
    """A fresh Arcus."""
    venue = _Venue(clock)
    return Dialect(
        handlers={
            "getAccount": _handler(venue.get_account),
            "getPositions": _handler(venue.get_positions),
            "getLeverages": _handler(venue.get_leverages),
            "setLeverage": _handler(venue.set_leverage),
        },
        accounts=(
            DemoAccount("arcus-main", {"address": MAIN, "private_key": _secret(MAIN)}, ("demo", "desk-a")),
            DemoAccount("arcus-second", {"address": MAIN, "account_index": 1}, ("demo", "desk-b")),
            DemoAccount(
                "arcus-unused", {"address": UNUSED, "private_key": _secret(UNUSED)}, ("demo", "desk-b")
            ),
            DemoAccount("arcus-all", {"address": MAIN, "account_index": "all"}, ("demo",), in_demo=False),
            DemoAccount("arcus-not-enrolled", {"address": NOT_ENROLLED}, ("demo",), in_demo=False),
        ),
        refuse=_refuse,
    )


def _secret(address: str) -> Secret:
    return Secret(private_key(address).hex())


def _refuse(status: int, problem: str) -> Answer:
    return Answer.of_json(status, {"error": problem})


def _handler(act: Handler) -> Handler:
    def handle(request: Request) -> Answer:
        try:
            return act(request)
        except Refused as refused:
            return _refuse(refused.status, str(refused))

    return handle


def _asked(query: dict[str, str]) -> tuple[str, int]:
    """Address and index of a query. A name that is not known, or misspelt, is ignored without a word."""
    address = query.get("address", "")
    if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{40}", address):
        raise Refused(400, "address must be 20 bytes of hex")
    if not re.fullmatch(r"[0-9]", query.get("accountIndex", "0")):
        raise Refused(400, "accountIndex must be 0 to 9")
    if address[-40:].lower() == NOT_ENROLLED[2:]:
        raise Refused(403, "address not on access whitelist")
    return "0x" + address[-40:].lower(), int(query.get("accountIndex", "0"))


def _query(request: Request) -> dict[str, str]:
    return dict(reversed(request.query))  # of a name that stands twice the first counts


class _Venue:
    """The state of the venue, and how it answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spec = spec.load("arcus")
        self._accounts = _accounts()
        self._set: dict[tuple[str, int, int], tuple[int, bool]] = {}
        """Address, index and market → the leverage that was set, and whether isolated."""
        self._keys = {_ed25519.public_key(private_key(each)).hex(): each for each in (MAIN, UNUSED)}

    # Operations

    def get_account(self, request: Request) -> Answer:
        asked = _asked(_query(request))
        account = self._accounts.get(asked)
        if account is None:
            raise Refused(404, self._spec.fact("no_activity_error"))
        return Answer.of_json(200, self._summary(asked, account))

    def get_positions(self, request: Request) -> Answer:
        query = _query(request)
        asked = _asked(query)
        account = self._accounts.get(asked)
        rows = self._positions(asked, account) if account else {}
        if "market" in query:
            market = self._market(query["market"])
            rows = {key: row for key, row in rows.items() if key == str(market.number)}
        return Answer.of_json(200, {"positions": _wire(rows), "total": len(rows)})

    def get_leverages(self, request: Request) -> Answer:
        asked = _asked(_query(request))
        rows = [
            {
                "marketId": market.number,
                "marketDisplayName": market.name,
                "leverage": self._leverage_of(asked, market),
                "isolated": self._is_isolated(asked, market.number),
                "marginMode": "ISOLATED" if self._is_isolated(asked, market.number) else "CROSS",
            }
            for market in MARKETS
        ]
        return Answer.of_json(200, {"address": asked[0], "accountIndex": asked[1], "leverages": rows})

    def _market(self, text: str) -> Market:
        for market in MARKETS:
            if text == str(market.number) or text.upper() == market.name:
                return market
        raise Refused(400, "unknown market")

    def _held(self, asked: tuple[str, int], market: int) -> Holding | None:
        account = self._accounts.get(asked)
        return next((each for each in account.holdings if each.market == market), None) if account else None

    def _is_isolated(self, asked: tuple[str, int], market: int) -> bool:
        held = self._held(asked, market)
        return self._set.get((*asked, market), (0, False))[1] if held is None else held.pool is not None

    def set_leverage(self, request: Request) -> Answer:
        body = self._signed_body(request)
        problem = body_problem(self._spec, "setLeverage", body)
        if problem is not None:
            raise Refused(400, problem)
        asked = _asked({"address": body["address"], "accountIndex": str(body.get("accountIndex", 0))})
        if (self._keys[request.headers["x-api-key"].lower()], 0) != asked:
            raise Refused(403, "address does not match api key")
        reason = self._obstacle(asked, body)
        if reason is None:
            isolated = body.get("isolated", self._is_isolated(asked, body["marketId"]))
            self._set[(*asked, body["marketId"])] = (body["leverage"], isolated)
            if asked in self._accounts:
                self._accounts[asked].sequence += 1
        result = {
            "requestId": hashlib.sha256(request.content).hexdigest()[:32],
            "address": asked[0],
            "accountIndex": asked[1],
            "marketId": body["marketId"],
            "leverage": body["leverage"],
            "marginMode": "ISOLATED" if self._is_isolated(asked, body["marketId"]) else "CROSS",
            "status": "APPLIED" if reason is None else "REJECTED",
        }
        rejected = {} if reason is None else {"rejectReason": reason}
        return Answer.of_json(422 if rejected else 200, result | rejected)

    def _signed_body(self, request: Request) -> Any:
        key = request.headers.get("x-api-key", "").lower()
        if key not in self._keys:
            raise Refused(401, "unknown api key")
        timestamp = request.headers.get("x-timestamp", "")
        window = int(self._spec.fact("signature_window")) * _MILLISECOND
        if not re.fullmatch(r"[0-9]{1,20}", timestamp) or abs(int(timestamp) - self._clock()) > window:
            raise Refused(401, "X-Timestamp must be nanoseconds, near the time of the venue")
        try:
            body = json.loads(request.content, parse_constant=_refuse_constant)
            text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            message = f"{timestamp}setLeverage{text}".encode()
        except (ValueError, RecursionError) as error:
            raise Refused(400, "the request is not JSON") from error
        signature = request.headers.get("x-signature", "")
        if not re.fullmatch(r"[0-9a-f]{128}", signature) or not _ed25519.verify(
            bytes.fromhex(key), message, bytes.fromhex(signature)
        ):
            raise Refused(401, "bad signature")
        return body

    def _obstacle(self, asked: tuple[str, int], body: dict[str, Any]) -> str | None:
        """Why the engine refuses; None when it does not."""
        market = next((each for each in MARKETS if each.number == body["marketId"]), None)
        if market is None:
            return "UNKNOWN_MARKET"
        if body["leverage"] > market.leverage_limit:
            return "INVALID_LEVERAGE"
        held = self._held(asked, market.number)
        if held is None:
            return None
        if body.get("isolated", held.pool is not None) != (held.pool is not None):
            return "HAS_OPEN_POSITION"
        account = self._accounts[asked]
        before = self._leverage_of(asked, market)
        price = market.mark(self._clock()) or held.entry_price
        with localcontext(_DIGITS):
            more = held.size.copy_abs() * price * (1 / Decimal(body["leverage"]) - 1 / Decimal(before))
            free = Decimal(str(self._summary(asked, account)["freeCollateral"]))
            return "UNDERCOLLATERALIZED" if held.pool is None and more > max(free, _ZERO) else None

    # Figures

    def _leverage_of(self, asked: tuple[str, int], market: Market) -> int:
        return self._set.get((*asked, market.number), (market.leverage_limit, False))[0]

    def _positions(self, asked: tuple[str, int], account: Account) -> dict[str, dict[str, Any]]:
        now = self._clock()
        with localcontext(_DIGITS):
            return {str(each.market): self._position(asked, each, now) for each in account.holdings}

    def _position(self, asked: tuple[str, int], holding: Holding, now: int) -> dict[str, Any]:
        market = self._market(str(holding.market))
        mark = market.mark(now)
        price = holding.entry_price if mark is None else mark
        leverage = self._leverage_of(asked, market)
        quantity = holding.size.copy_abs()
        required = quantity * price / leverage
        row: dict[str, Any] = {
            "address": asked[0],
            "accountIndex": asked[1],
            "marketId": market.number,
            "marketDisplayName": market.name,
            "side": "SHORT" if holding.size < 0 else "LONG",
            "size": holding.size,
            "averageEntryPrice": holding.entry_price,
            "leverage": str(leverage),
            "marginMode": "CROSS" if holding.pool is None else "ISOLATED",
            "borrowedCapital": -holding.size * holding.entry_price,
            "marginUsed": required if holding.pool is None else holding.pool,
            "positionValueNotional": holding.size * price,
            "unrealizedPnl": quantity * holding.entry_price / leverage - required,
            "markPx": _ZERO if mark is None else mark,
        }
        if holding.funding is not None:
            names = ("allTime", "sinceOpen", "sinceChange")
            row["cumulativeFunding"] = dict(zip(names, holding.funding, strict=True))
        return row

    def _summary(self, asked: tuple[str, int], account: Account) -> dict[str, Any]:
        now = self._clock()
        rows = self._positions(asked, account)
        with localcontext(_DIGITS):
            cash = account.settled + sum((row["borrowedCapital"] for row in rows.values()), _ZERO)
            worth = sum(
                (each.size * self._market(str(each.market)).oracle(now) for each in account.holdings), _ZERO
            )
            locked = sum((row["marginUsed"] for row in rows.values()), _ZERO)
            summary: dict[str, Any] = {
                "accountIndex": asked[1],
                "address": asked[0],
                "netQuoteBalance": cash,
                "equity": cash + worth,
                "freeCollateral": cash + worth - locked,
                "netDeposits": account.deposited,
                "pendingDeposits": account.pending_deposits,
                "pendingWithdrawals": account.pending_withdrawals,
                "positions": rows,
                "sequenceNumber": account.sequence,
            }
        if account.loan is not None:
            summary["loanBalance"] = account.loan
        wire: dict[str, Any] = _wire(summary)
        return wire


def _wire(value: Any) -> Any:
    """Figures as the venue sends them: text, without an exponent."""
    if isinstance(value, dict):
        return {name: _wire(inner) for name, inner in cast("dict[str, Any]", value).items()}
    return format(value, "f") if isinstance(value, Decimal) else value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")

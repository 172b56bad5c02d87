"""The backend that RabbitX and BFX share: keys, signatures, accounts whose figures are computed from moving marks.

Every figure follows the venue's documented formula in 38-digit decimals, so an answer always adds up. Signatures are
recomputed here from the documented rule, on purpose without the code that the client signs with.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any

from accountview import spec
from accountview.amounts import unit_in_last_place
from accountview.sandbox.dialect import Answer, Clock, DemoAccount, Dialect, Handler, Request
from accountview.sandbox.schema import body_problem
from accountview.secret import Secret

PAGE = 50
"""Rows of a list that one answer holds."""
TOKEN_LIFETIME = 48 * 3600
"""Seconds that a JWT is good for, by the sandbox's clock: a test that sets it forward need not wait."""
_TOKEN_KEY = b"the sandbox signs for show"
_DIGITS = Context(prec=38, rounding=ROUND_HALF_EVEN)
_SECOND = 1_000_000_000


class Refused(Exception):
    """The venue says no, in these words."""


@dataclass(frozen=True, slots=True)
class Market:
    """A perpetual whose fair price swings around `price`, one `step` a second."""

    id: str
    price: Decimal

    def mark(self, now: int) -> Decimal:
        """The fair price at a time in nanoseconds: a triangle of 20 steps up and down, each market at its own phase.

        A step is one unit in the last digit of `price`, so the digits of every figure are known beforehand.
        """
        steps = (now // _SECOND + sum(self.id.encode())) % 80
        offset = steps if steps <= 20 else 40 - steps if steps <= 60 else steps - 80
        return self.price + offset * unit_in_last_place(self.price)


@dataclass(frozen=True, slots=True)
class Holding:
    """An open position; `size` is unsigned, in base units."""

    market: str
    side: str
    size: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """An open order; it locks size × price / leverage."""

    market: str
    size: Decimal
    price: Decimal


@dataclass(slots=True)
class Account:
    """One demo account, and the leverage that is set in it."""

    id: int
    label: str
    exchange_id: str
    balance: Decimal
    leverage: dict[str, int]
    holdings: tuple[Holding, ...] = ()
    orders: tuple[Order, ...] = ()
    status: str = "active"
    tags: tuple[str, ...] = ()
    in_demo: bool = True
    changed_at: int = field(default=0, init=False)
    """When its leverage was last set, in nanoseconds."""
    sessions: int = field(default=0, init=False)
    """How often the token of its session in the web application was made anew."""

    @property
    def key(self) -> str:
        """The API key: for everyone to see that it is none."""
        return f"demo-key-of-{self.label}"

    @property
    def secret(self) -> bytes:
        """The API secret: zeros and the account's number."""
        return self.id.to_bytes(32)

    @property
    def refresh_token(self) -> str:
        """That of its session in the web application: good for one call, after which there is another."""
        return f"demo-refresh-token-{self.sessions}-of-{self.label}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One of the exchanges of this backend."""

    venue: str
    markets: tuple[Market, ...]
    accounts: tuple[Account, ...]
    form_2025: bool
    """RabbitX answers as captured in 2025; BFX as its pages show it."""


def rabbit_dialect(exchange: Exchange, clock: Clock) -> Dialect:
    """The dialect of one exchange."""
    backend = _Backend(exchange, clock)
    return Dialect(
        handlers={
            "getAccount": backend.handler(backend.get_account),
            "getPositions": backend.handler(backend.get_positions),
            "setLeverage": backend.handler(backend.set_leverage, "setLeverage"),
            "refreshJwt": backend.handler(backend.refresh_jwt, "refreshJwt"),
        },
        accounts=tuple(_demo_account(account) for account in exchange.accounts),
        refuse=backend.refuse,
    )


def _demo_account(account: Account) -> DemoAccount:
    options: dict[str, Any] = {
        "api_key": Secret(account.key),
        "api_secret": Secret("0x" + account.secret.hex()),
    }
    if account.exchange_id not in ("rbx", "bfx"):  # what `connect` takes anyway
        options["exchange_id"] = account.exchange_id
    return DemoAccount(account.label, options, account.tags, account.in_demo)


class _Backend:
    """The state of one exchange, and how it answers."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._form_2025 = exchange.form_2025
        self._markets = {market.id: market for market in exchange.markets}
        self._accounts = {account.key: account for account in exchange.accounts}
        self._spec = spec.load(exchange.venue)
        self._clock = clock
        self._requests = 0
        for account in exchange.accounts:
            account.changed_at = clock()

    # Answers

    def handler(
        self, act: Callable[[Account, dict[str, Any]], Answer], operation: str | None = None
    ) -> Handler:
        """Whoever answers an operation: `act` gets the account of the key and the body, once both are in order.

        `operation` names the one whose body the spec describes; None for one without a body.
        """

        def handle(request: Request) -> Answer:
            try:
                account = self._holder_of_key(request)
                members = {} if operation is None else _members(request.content)
                self._check_signature(request, account, members)
                body = {name: json.loads(text) for name, text in members.items()}
                problem = None if operation is None else body_problem(self._spec, operation, body)
                return act(account, body) if problem is None else self.refuse(400, problem)
            except Refused as refused:
                return self.refuse(400, str(refused))

        return handle

    def refuse(self, status: int, problem: str) -> Answer:
        return Answer.of_json(
            status, {"success": False, "error": problem, **self._request_id(), "result": []}
        )

    def _accept(self, result: list[Any], **more: Any) -> Answer:
        error = {} if self._form_2025 else {"error": ""}
        return Answer.of_json(200, {"success": True, **error, **self._request_id(), "result": result, **more})

    def _request_id(self) -> dict[str, str]:
        self._requests += 1
        return {"request_id": f"{self._requests:032x}"} if self._form_2025 else {}

    # Who asks

    def _holder_of_key(self, request: Request) -> Account:
        key = request.headers.get("rbt-api-key", "")
        token = request.headers.get("rbt-jwt", "")
        if not key and not token:
            raise Refused("API-KEY header required")
        exchange_id = request.headers.get("eid", "rbx").lower()
        account = self._accounts.get(key) if key else self._holder_of_token(token)
        # A key belongs to one exchange, and is unknown to the others.
        if account is None or account.exchange_id != exchange_id:
            raise Refused("NO_SUCH_KEY")
        return account

    def _holder_of_token(self, token: str) -> Account | None:
        """Whose JWT it is: in place of the key, as the SDK of 2025 sends it. The request is signed all the same."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_token_signature(signed).encode(), signature.encode()):
            raise Refused("invalid token")
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        if claims["exp"] <= self._clock() // _SECOND:
            raise Refused("token expired")
        return next((each for each in self._accounts.values() if str(each.id) == claims["sub"]), None)

    def _check_signature(self, request: Request, account: Account, members: dict[str, str]) -> None:
        expires = request.headers.get("rbt-ts", "")
        if not re.fullmatch(r"[0-9]{1,15}", expires):
            raise Refused("Invalid payload signature: RBT-TS must be whole UNIX seconds")
        ahead = int(expires) - self._clock() // _SECOND
        limit = int(self._spec.fact("signature_lifetime_limit"))
        if ahead <= 0:
            raise Refused("signature is expired")
        if ahead > limit:
            raise Refused(f"Invalid payload signature: RBT-TS is more than {limit} s ahead")
        signed = {name: text[1:-1] if text.startswith('"') else text for name, text in members.items()}
        signed |= {"method": request.method, "path": request.path}
        payload = "".join(f"{name}={signed[name]}" for name in sorted(signed)) + expires
        # A name may hold half a surrogate pair: no reason to fall over.
        digest = hashlib.sha256(payload.encode("utf-8", "surrogatepass")).digest()
        expected = "0x" + hmac.new(account.secret, digest, hashlib.sha256).hexdigest()
        given = request.headers.get("rbt-signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise Refused("Invalid payload signature")

    # Operations

    def get_account(self, account: Account, _: dict[str, Any]) -> Answer:
        return self._accept([self._summary(account)])

    def get_positions(self, account: Account, _: dict[str, Any]) -> Answer:
        rows = self._positions(account, self._clock())
        page: dict[str, Any] = {"page": 0, "limit": PAGE, "order": "DESC"}
        more = {"has_next_page": len(rows) > PAGE} if self._form_2025 else {"total": len(rows)}
        return self._accept([_wire(row) for row in rows[:PAGE]], pagination=page | more)

    def set_leverage(self, account: Account, body: dict[str, Any]) -> Answer:
        market = body["market_id"]
        if market not in self._markets:
            raise Refused("WRONG_MARKET_ID")
        account.leverage[market] = int(body["leverage"])
        account.changed_at = self._clock()
        return self._accept([self._summary(account)])

    def refresh_jwt(self, account: Account, body: dict[str, Any]) -> Answer:
        token = _token({"sub": str(account.id), "exp": self._clock() // _SECOND + TOKEN_LIFETIME})
        if not body["is_client"]:
            return self._accept([{"jwt": token}])
        if body["refresh_token"] != account.refresh_token:
            raise Refused("REFRESH_TOKEN_NOT_FOUND")
        if not self._form_2025:
            return self._accept([token])  # as the page shows it: nothing tells a new refresh token
        account.sessions += 1
        # A session would sign with this; here the API secret goes on to be the one that counts.
        random_secret = "0x" + hashlib.sha256(account.refresh_token.encode()).hexdigest()
        return self._accept(
            [{"jwt": token, "refresh_token": account.refresh_token, "random_secret": random_secret}]
        )

    # Figures

    def _leverage(self, account: Account, market: str) -> int:
        return account.leverage.get(market, 1)

    def _positions(self, account: Account, now: int) -> list[dict[str, Any]]:
        with localcontext(_DIGITS):
            rows = [self._position(account, holding, now) for holding in account.holdings]
            for row, holding in zip(rows, account.holdings, strict=True):
                row["liquidation_price"] = self._liquidation_price(account, holding, row, rows)
        return rows

    def _position(self, account: Account, holding: Holding, now: int) -> dict[str, Any]:
        mark = self._markets[holding.market].mark(now)
        gain = mark - holding.entry_price if holding.side == "long" else holding.entry_price - mark
        notional = holding.size * mark
        return {
            "id": f"pos-{holding.market}-tr-{account.id}",
            "market_id": holding.market,
            "profile_id": account.id,
            "size": holding.size,
            "side": holding.side,
            "entry_price": holding.entry_price,
            "fair_price": mark,
            "notional": notional,
            "unrealized_pnl": gain * holding.size,
            "margin": notional / self._leverage(account, holding.market),
        }

    def _liquidation_price(
        self, account: Account, holding: Holding, row: dict[str, Any], rows: list[dict[str, Any]]
    ) -> Decimal:
        direction = 1 if holding.side == "long" else -1
        leverage = self._leverage(account, holding.market)
        if self._form_2025:
            # The price at which the whole account would hold no more than its maintenance requirement.
            others = sum((other["margin"] / 2 for other in rows if other is not row), Decimal(0))
            equity = account.balance + sum((other["unrealized_pnl"] for other in rows), Decimal(0))
            rate = 1 / Decimal(2 * leverage)
            price: Decimal = (others - equity + direction * row["notional"]) / (
                holding.size * (direction - rate)
            )
        else:
            # As if the position stood alone, with 3 % kept.
            price = (
                holding.entry_price * (1 - direction / Decimal(leverage)) / (1 - direction * Decimal("0.03"))
            )
        return max(price, Decimal(0))  # "0" says that there is none

    def _summary(self, account: Account) -> dict[str, Any]:
        now = self._clock()
        rows = self._positions(account, now)
        with localcontext(_DIGITS):
            profit = sum((row["unrealized_pnl"] for row in rows), Decimal(0))
            notional = sum((row["notional"] for row in rows), Decimal(0))
            position_margin = sum((row["margin"] for row in rows), Decimal(0))
            order_margin = sum(
                (
                    order.size * order.price / self._leverage(account, order.market)
                    for order in account.orders
                ),
                Decimal(0),
            )
            traded = sum((holding.size * holding.entry_price for holding in account.holdings), Decimal(0))
            equity = account.balance + profit
            margin = equity / notional if notional else Decimal(1)
            maintenance = {"mmf_total": position_margin / 2, "acmf_total": position_margin / 4}
            summary = {
                "id": account.id,
                "profile_type": "trader",
                "status": account.status,
                "wallet": f"0x{account.id:040x}",
                "last_update": (max(account.changed_at, now - now % _SECOND) if rows else account.changed_at)
                // 1000,
                "last_liq_check": 0,
                "balance": account.balance,
                "account_equity": equity,
                "account_margin": margin,
                "account_leverage": notional / equity if notional else Decimal(1),
                "health": max(Decimal(0), min(Decimal(1), margin)),
                "cum_unrealized_pnl": profit,
                "cum_trading_volume": traded,
                "total_notional": notional,
                "total_position_margin": position_margin,
                "total_order_margin": order_margin,
                "withdrawable_balance": min(equity, account.balance) - position_margin - order_margin,
                **(maintenance if self._form_2025 else {}),
                "leverage": {market: str(self._leverage(account, market)) for market in self._markets},
            }
        return _wire(summary)


def _wire(row: dict[str, Any]) -> dict[str, Any]:
    """Figures as the venue sends them: text, without an exponent."""
    return {name: format(value, "f") if isinstance(value, Decimal) else value for name, value in row.items()}


def _members(content: bytes) -> dict[str, str]:
    """The top-level members of a JSON object, each with its text exactly as it was sent: that text is signed."""
    try:
        text = content.decode("utf-8")
        if not isinstance(json.loads(text, parse_constant=_refuse_constant), dict):
            raise Refused("the request is not a JSON object")
    except (ValueError, RecursionError) as error:
        raise Refused("the request is not JSON") from error
    return dict(_top_level(text))


def _top_level(text: str) -> Iterator[tuple[str, str]]:
    decoder = json.JSONDecoder()
    position = _next(text, text.index("{") + 1)
    while text[position] != "}":
        name, position = decoder.raw_decode(text, position)
        start = _next(text, position)
        _, end = decoder.raw_decode(text, start)
        yield name, text[start:end]
        position = _next(text, end)


def _next(text: str, position: int) -> int:
    """Where the next token is; only the separators of well-formed JSON are between."""
    while text[position] in " \t\r\n,:":
        position += 1
    return position


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _token(claims: dict[str, Any]) -> str:
    """A JWT, signed with HS256 and a key that is no secret."""
    parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = ".".join(parts)
    return f"{signed}.{_token_signature(signed)}"


def _token_signature(signed: str) -> str:
    return _base64(hmac.new(_TOKEN_KEY, signed.encode(), hashlib.sha256).digest())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

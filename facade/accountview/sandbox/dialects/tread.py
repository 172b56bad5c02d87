"""Tread.fi in the sandbox: tokens that see several accounts at several exchanges, live and from a cache.

Requirements follow what the documented examples show of each exchange, tokens hold the sums over the positions that
they settle, and an answer adds up to its last digit, unless an account is there to show what does not.
"""

import hmac
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any
from uuid import UUID

import msgspec

from accountview import spec
from accountview.sandbox.dialect import Answer, Clock, DemoAccount, Dialect, Handler, Request
from accountview.sandbox.schema import body_problem
from accountview.secret import Secret

POLL = 13
"""Seconds between two looks that the cache takes at an exchange."""
_DIGITS = Context(prec=60, rounding=ROUND_HALF_EVEN)
_SECOND = 1_000_000_000
_EXCHANGES = {
    *("Binance", "BinancePM", "Bybit", "OKX", "Bitget", "Gate", "Deribit", "Coinbase"),
    *("Hyperliquid", "Aster", "Pacifica", "Paradex"),
}
"""Exchanges that accounts can be of."""
_PASSPHRASE = ("OKX", "Coinbase", "Bitget")
"""Those whose keys have a passphrase."""

_PRICES = {
    "BTC": Decimal("65000.5"),
    "ETH": Decimal("3145.20"),
    "SOL": Decimal("152.300"),
    "XYZ100": Decimal("20150.0"),
}
_STABLE = {"USDT": Decimal(1), "USDC": Decimal("0.9998")}


class Refused(Exception):
    """The venue says no, with a status and in these words."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


@dataclass(frozen=True, slots=True)
class Holding:
    """An open position; `size` is signed, in coins or in contracts of `contract` coins."""

    pair: str
    size: Decimal
    entry_price: Decimal
    settled_in: str
    contract: Decimal = Decimal(1)
    shown: bool = True
    """Whether the venue lists it; its requirement is in the token's figures all the same."""

    @property
    def base(self) -> str:
        return re.split("[:-]", self.pair.rpartition("_")[2] if self.pair[0].islower() else self.pair)[0]


@dataclass(slots=True)
class Account:
    """One account at one exchange."""

    name: str
    exchange: str
    coins: dict[tuple[str, str], Decimal]
    """Coin and wallet → how many."""
    holdings: tuple[Holding, ...] = ()
    margin_wallet: str = "unified"
    """The wallet whose coins settle positions."""
    leverage: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    margin_mode: str | None = None
    valid: bool = True
    archived: bool = False
    answers: bool = True
    """Whether the exchange answers Tread at all."""
    cached_at: int | None = None
    """When the cache last saw it, in nanoseconds; None when it is polled."""
    id: str = ""


@dataclass(slots=True)
class User:
    """Whose token it is, and the accounts that it sees."""

    label: str
    accounts: list[Account]
    source: str = "live"
    suspended: bool = False
    in_demo: bool = True
    tags: tuple[str, ...] = ("demo",)

    @property
    def token(self) -> str:
        """The token: for everyone to see that it is none."""
        return f"demo-token-of-{self.label}"


def dialect(clock: Clock) -> Dialect:
    """A fresh Tread.fi."""
    backend = _Backend(_users(clock()), clock)
    return Dialect(
        handlers={
            "getBalances": backend.handler(backend.get_balances),
            "getCachedBalances": backend.handler(backend.get_cached_balances),
            "listAccounts": backend.handler(backend.list_accounts),
            "createAccount": backend.handler(backend.create_account, "createAccount"),
            "updateAccount": backend.handler(backend.update_account, "updateAccount"),
            "archiveAccount": backend.handler(backend.archive_account, "archiveAccount"),
            "setLeverage": backend.handler(backend.set_leverage, "setLeverage"),
        },
        accounts=tuple([_demo_account(user) for user in backend.users]),
        refuse=lambda status, problem: _answer(status, {"detail": problem}),
    )


def _demo_account(user: User) -> DemoAccount:
    options: dict[str, Any] = {"token": Secret(user.token)}
    if user.source != "live":  # what `connect` takes anyway
        options["source"] = user.source
    return DemoAccount(user.label, options, user.tags, user.in_demo)


class _Backend:
    """The state of the venue, and how it answers."""

    def __init__(self, users: tuple[User, ...], clock: Clock) -> None:
        self.users = users
        self._clock = clock
        self._spec = spec.load("tread")
        self._made = 0
        for user in users:
            for account in user.accounts:
                self._name(account)

    def handler(self, act: Callable[[User, Request, Any], Answer], operation: str | None = None) -> Handler:
        """Whoever answers an operation; `operation` names the one whose body the spec describes, if any."""

        def handle(request: Request) -> Answer:
            try:
                user = self._user(request)
                return act(user, request, None if operation is None else self._body(operation, request))
            except Refused as refused:
                key = "detail" if refused.status in (401, 403) else "message"
                return _answer(refused.status, {key: str(refused)})

        return handle

    def _user(self, request: Request) -> User:
        given = request.headers.get("authorization", "")
        if not given.startswith("Token "):
            raise Refused(401, "Authentication credentials were not provided.")
        for user in self.users:
            if hmac.compare_digest(user.token.encode(), given.removeprefix("Token ").encode()):
                if user.suspended:
                    raise Refused(403, "You do not have permission to perform this action.")
                return user
        raise Refused(401, "Invalid token.")

    def _body(self, operation: str, request: Request) -> dict[str, Any]:
        try:
            body: dict[str, Any] = json.loads(request.content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise Refused(400, "the body is not JSON") from error
        problem = body_problem(self._spec, operation, body)
        if problem is not None:
            raise Refused(400, problem)
        return body

    def _name(self, account: Account) -> None:
        self._made += 1
        account.id = str(UUID(int=self._made))

    # Reading

    def list_accounts(self, user: User, request: Request, _: Any) -> Answer:
        wanted = dict(request.query).get("include_archived", "false")
        if wanted not in ("true", "false"):
            raise Refused(400, "include_archived must be true or false")
        listed = [account for account in user.accounts if wanted == "true" or not account.archived]
        return _answer(
            200,
            [
                {
                    "id": account.id,
                    "name": account.name,
                    "exchange": account.exchange,
                    "margin_mode": account.margin_mode,
                    "archived": account.archived,
                    "valid": account.valid,
                    "api_key": "****",
                }
                for account in listed
            ],
        )

    def get_balances(self, user: User, request: Request, _: Any) -> Answer:
        now = self._clock()
        return _answer(
            200,
            {
                account.name: {
                    "exchange": account.exchange,
                    "assets": [_numbers(row) for row in _rows(account, now)],
                }
                for account in _asked(user, request)
            },
        )

    def get_cached_balances(self, user: User, request: Request, _: Any) -> Answer:
        now = self._clock()
        return _answer(
            200, {"balances": [_cached(account, now) for account in _asked(user, request)], "errors": []}
        )

    # Changing

    def create_account(self, user: User, _: Request, body: dict[str, Any]) -> Answer:
        if not body["name"] or body["exchange"] not in _EXCHANGES:
            raise Refused(400, "name must not be empty, and exchange must be one that is known")
        if any(not isinstance(value, bool) for value in body.get("credential_options", {}).values()):
            raise Refused(400, "credential_options must be true or false")
        if any(account.name == body["name"] for account in user.accounts):
            raise Refused(409, "an account of this name exists")
        if body["exchange"] in _PASSPHRASE and not body.get("password"):
            raise Refused(400, f"{body['exchange']} needs a password")
        account = Account(body["name"], body["exchange"], {})
        self._name(account)
        user.accounts.append(account)
        return _answer(201, {"message": "Account created."})

    def update_account(self, user: User, _: Request, body: dict[str, Any]) -> Answer:
        account = _one(user, "id", body["id"])
        account.margin_mode = body["margin_mode"]
        return _answer(200, {"message": "Account updated."})

    def archive_account(self, user: User, _: Request, body: dict[str, Any]) -> Answer:
        account = _one(user, "name", body["name"])
        account.archived = True
        return _answer(200, {"message": "Account archived."})

    def set_leverage(self, user: User, _: Request, body: dict[str, Any]) -> Answer:
        if not re.fullmatch(r"[1-9][0-9]{0,2}", body["leverage"]):
            raise Refused(400, "leverage must be a whole number from 1 to 999")
        if not body["account_ids"]:
            raise Refused(400, "account_ids must not be empty")
        accounts = [_one(user, "id", each) for each in body["account_ids"]]
        if not any(holding.pair == body["pair"] for account in user.accounts for holding in account.holdings):
            raise Refused(404, "unknown pair")
        for account in accounts:
            account.leverage[body["pair"]] = Decimal(body["leverage"])
        return _answer(200, {"message": "Leverage changed successfully."})


def _one(user: User, key: str, value: str) -> Account:
    if not value:
        raise Refused(400, f"{key} must not be empty")
    for account in user.accounts:
        if getattr(account, key) == value and not account.archived:
            return account
    raise Refused(404, "no such account")


def _asked(user: User, request: Request) -> Iterator[Account]:
    """The accounts whose balances are wanted, and whose exchange answers."""
    query = dict(request.query)
    names = [name for name in query.get("account_names", "").split(",") if name]
    exchanges = [name for name in query.get("exchange_names", "").split(",") if name]
    for account in user.accounts:
        if account.archived or not account.valid or not account.answers:
            continue
        if (not names or account.name in names) and (not exchanges or account.exchange in exchanges):
            yield account


# Figures ---------------------------------------------------------------------------------------------------------


def price(base: str, now: int) -> Decimal:
    """The mark price of a coin: up and down by 20 units of its last digit, one each second, at its own phase."""
    middle = _PRICES[base]
    steps = (now // _SECOND + sum(base.encode())) % 80
    offset = steps if steps <= 20 else 40 - steps if steps <= 60 else steps - 80
    return middle + offset * Decimal((0, (1,), int(middle.as_tuple().exponent)))


def requirements(exchange: str, notional: Decimal, leverage: Decimal) -> tuple[Decimal, Decimal]:
    """Initial and maintenance margin of a position, as the documented examples have them."""
    if exchange == "OKX":  # a portfolio margin, which knows no leverage
        maintenance = notional * Decimal("0.00085")
        return maintenance * Decimal("1.3"), maintenance
    if exchange == "Binance":
        return notional / leverage, notional * Decimal("0.004")
    closing = notional * (1 - 1 / leverage) * Decimal("0.0006")
    return notional / leverage + closing, notional * Decimal("0.005") + closing


Figures = dict[str, Any]


def _rows(account: Account, now: int) -> list[Figures]:
    """Tokens and positions as the venue lists them, figures as decimals."""
    with localcontext(_DIGITS):
        positions = [(holding, _position(account, holding, now)) for holding in account.holdings]
        tokens = [
            _token(coin, wallet, size, account, positions, now)
            for (coin, wallet), size in account.coins.items()
        ]
        if account.exchange != "Binance":
            for holding, row in positions:
                row["margin_balance"] = next(
                    (token["margin_balance"] for token in tokens if token["symbol"] == holding.settled_in),
                    None,
                )
        every = [row for _, row in positions] + tokens
        for row in every:
            pool = sum(
                (abs(other["notional"]) for other in every if other["market_type"] == row["market_type"]),
                Decimal(0),
            )
            share = abs(row["notional"]) / pool if pool else Decimal(0)
            row["notional_pct_total"] = share.quantize(Decimal("0.000001"))
    shown = [row for holding, row in positions if holding.shown]
    return [*shown, *tokens]


def _position(account: Account, holding: Holding, now: int) -> Figures:
    leverage = account.leverage.get(holding.pair, Decimal(10))
    mark = price(holding.base, now)
    coins = holding.size * holding.contract
    notional = (coins * mark).quantize(Decimal("0.000001"))
    profit = coins * (mark - holding.entry_price)
    if holding.pair.endswith("-USD"):  # inverse: sized in dollars, settled in its base
        notional = holding.size
        profit = holding.size * (1 / holding.entry_price - 1 / mark)
    initial, maintenance = requirements(account.exchange, abs(notional), leverage)
    if holding.settled_in in _PRICES:
        initial, maintenance = initial / mark, maintenance / mark
    return {
        "symbol": holding.pair,
        "size": holding.size,
        "notional": notional,
        "market_type": "perp",
        "asset_type": "position",
        "unrealized_profit": _coins(profit),
        "initial_margin": _coins(initial),
        "maint_margin": _coins(maintenance),
        "margin_balance": None,
        "leverage": Decimal("0.0") if account.exchange == "OKX" else leverage,
    }


def _token(
    coin: str,
    wallet: str,
    size: Decimal,
    account: Account,
    positions: list[tuple[Holding, Figures]],
    now: int,
) -> Figures:
    worth = _STABLE[coin] if coin in _STABLE else price(coin, now)
    settled = [
        row for holding, row in positions if holding.settled_in == coin and wallet == account.margin_wallet
    ]

    def over_positions(name: str) -> Decimal:
        return sum((row[name] for row in settled), Decimal("0.0"))

    profit = over_positions("unrealized_profit")
    return {
        "symbol": coin,
        "size": size,
        "notional": (size * worth).quantize(Decimal("0.000001")),
        "market_type": wallet,
        "asset_type": "token",
        "unrealized_profit": profit,
        "initial_margin": over_positions("initial_margin"),
        "maint_margin": over_positions("maint_margin"),
        "margin_balance": size + profit,
        "leverage": None,
    }


def _coins(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.00000001"))


def _cached(account: Account, now: int) -> Figures:
    """An account as the cache has it: of the last look, under the names that it uses."""
    seen = now - now % (POLL * _SECOND) if account.cached_at is None else account.cached_at
    rows = _rows(account, seen)
    tokens = [row for row in rows if row["asset_type"] == "token"]
    wallets: dict[str, Decimal] = {}
    with localcontext(_DIGITS):
        for row in tokens:
            worth = row["margin_balance"] * row["notional"] / row["size"] if row["size"] else Decimal(0)
            wallets[row["market_type"]] = wallets.get(row["market_type"], Decimal(0)) + worth
        equities = {wallet: worth.quantize(Decimal("0.000001")) for wallet, worth in wallets.items()}
        equity = sum(equities.values(), Decimal(0))
    return {
        "account_id": account.id,
        "account_name": account.name,
        "exchange_name": account.exchange,
        "equity": _number(equity),
        "equities": [
            {"market_type": wallet, "total_equity": _number(worth)} for wallet, worth in equities.items()
        ],
        "assets": [_cached_row(row) for row in rows],
        "timestamp_millis": seen // 1_000_000,
    }


def _cached_row(row: Figures) -> Figures:
    renamed = {"size": "amount", "market_type": "wallet_type"}
    kept = {renamed.get(name, name): value for name, value in row.items() if name != "notional_pct_total"}
    if row["asset_type"] == "token":
        kept |= {
            "borrowed": Decimal("0.0"),
            "available_balance": row["margin_balance"] - row["initial_margin"],
        }
    return _numbers(kept)


def _numbers(row: Figures) -> Figures:
    return {name: _number(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _number(value: Decimal) -> msgspec.Raw:
    """A figure as this venue sends it: a JSON number, here without an exponent."""
    return msgspec.Raw(format(value, "f").encode())


def _answer(status: int, document: Any) -> Answer:
    return Answer(status, msgspec.json.encode(document), {"content-type": "application/json"})


# Who there is ----------------------------------------------------------------------------------------------------


def _users(now: int) -> tuple[User, ...]:
    desk = User(
        "tread",
        [
            Account(
                "Bybit main",
                "Bybit",
                {
                    ("USDT", "unified"): Decimal("12500.25"),
                    ("USDC", "unified"): Decimal("3000.0"),
                    ("BTC", "unified"): Decimal("0.15"),
                },
                (
                    Holding("ETH:PERP-USDT", Decimal("4.2"), Decimal("3120.55"), "USDT"),
                    Holding("SOL:PERP-USDC", Decimal("-85.0"), Decimal("155.4"), "USDC"),
                    # Both sides of one pair.
                    Holding("BTC:PERP-USDT", Decimal("0.05"), Decimal("63800.0"), "USDT"),
                    Holding("BTC:PERP-USDT", Decimal("-0.02"), Decimal("66120.5"), "USDT"),
                ),
                leverage={"SOL:PERP-USDC": Decimal(5)},
            ),
            Account(
                "alice/perps",
                "Binance",
                {("USDT", "perp"): Decimal("1414.06039641"), ("USDT", "spot"): Decimal("950.5")},
                (
                    Holding("BTC:PERP-USDT", Decimal("0.021"), Decimal("64810.2"), "USDT"),
                    Holding("ETH:FUTURE_2027.03.26-USDT", Decimal("-0.4"), Decimal("3210.0"), "USDT"),
                ),
                margin_wallet="perp",
                leverage={"BTC:PERP-USDT": Decimal(5)},
            ),
            Account(
                "OKX pm",
                "OKX",
                {("BTC", "unified"): Decimal("0.8"), ("USDT", "unified"): Decimal("8930.5901255465")},
                (
                    Holding(
                        "ETH:PERP-USDT", Decimal("-181.0"), Decimal("3142.6"), "USDT", contract=Decimal("0.1")
                    ),
                ),
                margin_mode="CROSS",
            ),
            Account(
                "xyz",
                "Hyperliquid",
                {("USDC", "perp"): Decimal("2500.75")},
                (Holding("xyz_XYZ100:PERP-USDC", Decimal("0.4"), Decimal("20190.0"), "USDC"),),
                margin_wallet="perp",
            ),
            Account("Old Bitget", "Bitget", {("USDT", "spot"): Decimal("10.0")}, archived=True),
        ],
        tags=("demo", "desk-a"),
    )
    cached = User(
        "tread-cache",
        [
            Account(
                "hedge",
                "Bybit",
                {("USDT", "unified"): Decimal("4200.5")},
                (Holding("SOL:PERP-USDT", Decimal("-40.0"), Decimal("150.25"), "USDT"),),
            ),
            Account(
                "asleep",
                "Gate",
                {("USDT", "unified"): Decimal("310.25")},
                cached_at=now - 6 * 3600 * _SECOND,
            ),
        ],
        source="cached",
        tags=("demo", "desk-b"),
    )
    troubled = User(
        "tread-troubled",
        [
            Account(
                "Bybit cut",
                "Bybit",
                {("USDT", "unified"): Decimal("900.0")},
                (
                    Holding("ETH:PERP-USDT", Decimal("0.5"), Decimal("3101.0"), "USDT"),
                    Holding("SOL:PERP-USDT", Decimal("30.0"), Decimal("149.0"), "USDT", shown=False),
                ),
            ),
            Account(
                "Deribit inverse",
                "Deribit",
                {("BTC", "unified"): Decimal("0.25")},
                (Holding("BTC:PERP-USD", Decimal("-5000.0"), Decimal("65210.0"), "BTC"),),
            ),
            Account(
                "OKX deep",
                "OKX",
                {("USDT", "unified"): Decimal("120.0")},
                (
                    Holding(
                        "BTC:PERP-USDT", Decimal("30.0"), Decimal("66500.0"), "USDT", contract=Decimal("0.01")
                    ),
                ),
            ),
            Account("Gate revoked", "Gate", {("USDT", "unified"): Decimal("75.0")}, valid=False),
            Account("Coinbase silent", "Coinbase", {("USDT", "spot"): Decimal("60.0")}, answers=False),
            Account("Bitget empty", "Bitget", {}),
        ],
        in_demo=False,
    )
    suspended = User("tread-suspended", [], suspended=True, in_demo=False)
    return desk, cached, troubled, suspended

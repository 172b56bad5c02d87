"""Answers of any length, in each venue's own shape: figures with the usual digits, and sums that agree.

Accounts whose figures agree are what users read all day; a finding is built only when they do not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec

ADDRESS = "0x00000000000000000000000000000000000000a1"
MARKETS = 400
"""No venue lists more; an account with more positions holds some of them twice, in other wallets or sub-accounts."""


@dataclass(frozen=True, slots=True)
class Held:
    """One position, from which the row of any venue is made."""

    number: int
    base: str
    is_long: bool
    size: Decimal
    entry: Decimal
    mark: Decimal
    leverage: int

    @property
    def notional(self) -> Decimal:
        """Unsigned, at the mark price."""
        return self.size * self.mark

    @property
    def profit(self) -> Decimal:
        """A loss is negative."""
        return self.size * (self.mark - self.entry) * self.sign

    @property
    def sign(self) -> int:
        """1 for a long, -1 for a short."""
        return 1 if self.is_long else -1

    @property
    def margin(self) -> Decimal:
        """What is locked for it, at the mark price."""
        return _cut(self.notional / self.leverage)


def held(count: int) -> list[Held]:
    """So many positions, longs and shorts."""
    return [
        Held(
            number=number,
            base=f"C{number}",
            is_long=number % 3 != 0,
            size=Decimal(number * 7919 % 90_000 + 1_003) / 1000,
            entry=Decimal(number * 104_729 % 6_000_000 + 120_007) / 100,
            mark=Decimal(number * 104_729 % 6_000_000 + 120_007 + number * 31 % 997 - 450) / 100,
            leverage=(5, 10, 20)[number % 3],
        )
        for number in range(1, count + 1)
    ]


def bodies(venue: str, count: int) -> dict[str, bytes]:
    """Request, as in `GET /account`, to what is answered for one account with so many positions."""
    shaped = _SHAPES[venue](held(count))
    return {request: _json(body) for request, body in shaped.items()}


def hyperliquid(count: int) -> bytes:
    """The answer that ccxt's `hyperliquid.parse_position` reads."""
    rows = [
        {
            "position": {
                "coin": row.base,
                "cumFunding": {"allTime": "-1.5", "sinceChange": "0.0", "sinceOpen": "-0.25"},
                "entryPx": str(row.entry),
                "leverage": {"rawUsd": "-475.23904", "type": "isolated", "value": row.leverage},
                "liquidationPx": str(_cut(row.entry / 2)),
                "marginUsed": str(row.margin),
                "maxLeverage": 50,
                "positionValue": str(row.notional),
                "returnOnEquity": "0.0125",
                "szi": str(row.size * row.sign),
                "unrealizedPnl": str(row.profit),
            },
            "type": "oneWay",
        }
        for row in held(count)
    ]
    return _json({"assetPositions": rows, "time": 1704261007014, "withdrawable": "100.0"})


def binance(count: int) -> bytes:
    """The answer that ccxt's `binance.parse_position_risk` reads."""
    return _json(
        [
            {
                "symbol": f"{row.base}USDT",
                "positionSide": "BOTH",
                "positionAmt": str(row.size * row.sign),
                "entryPrice": str(row.entry),
                "breakEvenPrice": str(row.entry),
                "markPrice": str(row.mark),
                "unRealizedProfit": str(row.profit),
                "liquidationPrice": str(_cut(row.entry / 2)),
                "isolatedMargin": "0",
                "notional": str(row.notional * row.sign),
                "marginAsset": "USDT",
                "isolatedWallet": "0",
                "initialMargin": str(row.margin),
                "maintMargin": str(_cut(row.margin / 2)),
                "positionInitialMargin": str(row.margin),
                "openOrderInitialMargin": "0",
                "adl": "2",
                "bidNotional": "0",
                "askNotional": "0",
                "updateTime": 1722062678998,
            }
            for row in held(count)
        ]
    )


# The venues ------------------------------------------------------------------------------------------------------


def _rabbit(rows: list[Held]) -> Mapping[str, object]:
    profit, notional, margin = _sums(rows)
    balance = 2 * margin + abs(profit) + 1000
    equity = balance + profit
    account = {
        "id": 4711,
        "status": "active",
        "wallet": "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
        "last_update": 1700000000123456,
        "balance": str(balance),
        "account_equity": str(equity),
        "cum_unrealized_pnl": str(profit),
        "total_notional": str(notional),
        "total_position_margin": str(margin),
        "total_order_margin": "0",
        "withdrawable_balance": str(min(balance, equity) - margin),
        "account_leverage": str(notional / equity),
        "health": "1",
        "leverage": {f"{row.base}-USD": str(row.leverage) for row in rows[:MARKETS]},
    }
    positions = [
        {
            "id": f"pos-{row.base}-USD-tr-4711",
            "market_id": f"{row.base}-USD",
            "profile_id": 4711,
            "size": str(row.size),
            "side": "long" if row.is_long else "short",
            "entry_price": str(row.entry),
            "fair_price": str(row.mark),
            "notional": str(row.notional),
            "unrealized_pnl": str(row.profit),
            "margin": str(row.margin),
            "liquidation_price": str(_cut(row.entry / 2)),
        }
        for row in rows
    ]
    return {
        "GET /account": {"success": True, "error": "", "result": [account]},
        "GET /positions": {"success": True, "error": "", "result": positions},
    }


def _zkx(rows: list[Held]) -> Mapping[str, object]:
    profit, _, _ = _sums(rows)
    margins = [_cut(row.size * row.entry / row.leverage) for row in rows]
    balance = 2 * sum(margins) + abs(profit) + 1000
    return {
        "GET /v1/private/account-info": {
            "collateralId": "USDC",
            "collateralBalance": str(balance),
            "availableMargin": str(balance + profit - sum(margins)),
            "totalInvested": str(sum(row.size * row.entry for row in rows)),
            "totalMargin": str(balance + profit),
            "totalUnrealizedPnl": str(profit),
            "positions": [
                {
                    "marketId": f"{row.base}USDC",
                    "direction": "LONG" if row.is_long else "SHORT",
                    "avgExecutionPrice": str(row.entry),
                    "size": str(row.size),
                    "marginAmount": str(margin),
                    "borrowedAmount": str(row.size * row.entry - margin),
                    "leverage": str(row.leverage),
                    "realizedPnl": str(_cut(row.profit / 7)),
                    "liquidationPrice": str(_cut(row.entry / 2)),
                    "maintenanceMargin": str(_cut(margin / 5)),
                }
                for row, margin in zip(rows, margins, strict=True)
            ],
        }
    }


def _arcus(rows: list[Held]) -> Mapping[str, object]:
    _, _, margin = _sums(rows)
    cash = 3 * sum(row.notional for row in rows) + 1000
    equity = cash + sum(row.notional * row.sign for row in rows)
    own = {"address": ADDRESS, "accountIndex": 0}
    positions = {
        str(row.number): {
            **own,
            "marketId": row.number,
            "marketDisplayName": f"{row.base}-USD",
            "side": "LONG" if row.is_long else "SHORT",
            "size": str(row.size * row.sign),
            "averageEntryPrice": str(row.entry),
            "leverage": str(row.leverage),
            "marginMode": "CROSS",
            "borrowedCapital": str(-row.size * row.entry * row.sign),
            "marginUsed": str(row.margin),
            "positionValueNotional": str(row.notional * row.sign),
            "unrealizedPnl": str(_cut(row.profit / 3)),
            "markPx": str(row.mark),
            "cumulativeFunding": {"allTime": "-3.5", "sinceOpen": "-1.25", "sinceChange": "0"},
        }
        for row in rows
    }
    leverages = [
        {
            "marketId": row.number,
            "marketDisplayName": f"{row.base}-USD",
            "leverage": row.leverage,
            "isolated": False,
            "marginMode": "CROSS",
        }
        for row in rows
    ]
    return {
        "GET /v1/account": {
            **own,
            "netQuoteBalance": str(cash),
            "equity": str(equity),
            "freeCollateral": str(equity - margin),
            "netDeposits": "10000",
            "pendingDeposits": "0",
            "pendingWithdrawals": "0",
            "positions": positions,
            "sequenceNumber": 4821,
        },
        "GET /v1/leverages": {**own, "leverages": leverages},
    }


def _tread(rows: list[Held]) -> Mapping[str, object]:
    profit, notional, margin = _sums(rows)
    maintenance = [_cut(row.margin / 2) for row in rows]
    size = 2 * margin + abs(profit) + 1000
    token = {
        "symbol": "USDT",
        "size": size,
        "notional": size,
        "market_type": "unified",
        "asset_type": "token",
        "unrealized_profit": profit,
        "initial_margin": margin,
        "maint_margin": sum(maintenance),
        "margin_balance": size + profit,
        "leverage": None,
        "notional_pct_total": 1,
    }
    positions = [
        {
            "symbol": f"{row.base}:PERP-USDT",
            "size": row.size * row.sign,
            "notional": row.notional * row.sign,
            "market_type": "perp",
            "asset_type": "position",
            "unrealized_profit": row.profit,
            "initial_margin": row.margin,
            "maint_margin": maintained,
            "margin_balance": None,
            "leverage": row.leverage,
            "notional_pct_total": (row.notional / notional).quantize(Decimal("1e-9")),
        }
        for row, maintained in zip(rows, maintenance, strict=True)
    ]
    account = {
        "id": "00000000-0000-4000-8000-000003080491",
        "name": "Main",
        "exchange": "Bybit",
        "margin_mode": None,
        "archived": False,
        "valid": True,
    }
    return {
        "GET /api/accounts/": [account],
        "GET /api/balances/": {"Main": {"exchange": "Bybit", "assets": [token, *positions]}},
    }


_SHAPES: Mapping[str, Callable[[list[Held]], Mapping[str, object]]] = {
    "arcus": _arcus,
    "bfx": _rabbit,
    "rabbitx": _rabbit,
    "tread": _tread,
    "zkx": _zkx,
}
VENUES = tuple(_SHAPES)


def _sums(rows: list[Held]) -> tuple[Decimal, Decimal, Decimal]:
    """Of the profits, the notionals and the margins."""
    zero = Decimal(0)
    return (
        sum((row.profit for row in rows), zero),
        sum((row.notional for row in rows), zero),
        sum((row.margin for row in rows), zero),
    )


def _cut(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.000001"))


_json = msgspec.json.Encoder(decimal_format="number").encode

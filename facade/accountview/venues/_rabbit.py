"""What RabbitX and Blast Futures Exchange share: they are one backend behind two names.

The `EID` header chooses the exchange; signing, envelope, plan and mapping are the same. What differs (currency,
maintenance requirement, evidence) comes from each venue's own module and spec.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from sys import intern
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from accountview import identities, spec
from accountview.adapter import Adapter, adapter, header_secret
from accountview.amounts import EXACT, ZERO, add, divide, multiply, subtract
from accountview.errors import AnswerInvalid, UsageError
from accountview.mapping import known, sum_over, time_from_microseconds, without_duplicates
from accountview.network.sending import Outgoing
from accountview.plan import Call, Owner, Plan, Reading, Reply, ask_both
from accountview.provenance import Declaration, Derived, Fields, Never, Origin, Reported
from accountview.secret import Secret
from accountview.settings import Settings
from accountview.venues._rabbit_jwt import RabbitWrites, RefreshJwt
from accountview.venues._rabbit_leverage import leverage_of
from accountview.view import (
    Account,
    Balance,
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

SIGNATURE_LIFETIME = 300
"""Seconds until a signature expires: what the official client uses; it leaves room for a clock that is off."""


# Signing ---------------------------------------------------------------------------------------------------------


def signature(outgoing: Outgoing, secret: Secret, expires: int) -> str:
    """RBT-SIGNATURE: `0x` and the HMAC-SHA-256 of the SHA-256 of the sorted `key=value` pairs and the expiry.

    Signed are the method, the path and the top-level members of a JSON body, each as the text that is sent; the
    query is not. `secret` is hexadecimal; `expires` is RBT-TS: UNIX seconds after which the request is void.
    """
    signed = {"method": outgoing.method, "path": outgoing.path}
    if outgoing.content:
        body = msgspec.json.decode(outgoing.content, type=dict[str, msgspec.Raw])
        signed = {name: _signed_text(bytes(raw)) for name, raw in body.items()} | signed
    text = "".join(f"{name}={signed[name]}" for name in sorted(signed)) + str(expires)
    digest = hashlib.sha256(text.encode()).digest()
    # No variable holds the secret: a traceback may be shown with all variables on its way.
    return "0x" + hmac.digest(bytes.fromhex(secret.reveal().removeprefix("0x")), digest, "sha256").hex()


def _signed_text(raw: bytes) -> str:
    text = raw.decode()
    return text[1:-1] if text.startswith('"') else text


# Rows of the wire, as both generated clients declare them ----------------------------------------------------------


class AccountRow(Protocol):
    """One element of `result` of getAccount."""

    @property
    def id(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def balance(self) -> Decimal | UnsetType: ...
    @property
    def account_equity(self) -> Decimal | UnsetType: ...
    @property
    def account_leverage(self) -> Decimal | UnsetType: ...
    @property
    def cum_unrealized_pnl(self) -> Decimal | UnsetType: ...
    @property
    def health(self) -> Decimal | UnsetType: ...
    @property
    def last_update(self) -> int | UnsetType: ...
    @property
    def leverage(self) -> dict[str, Decimal] | UnsetType: ...
    @property
    def total_notional(self) -> Decimal | UnsetType: ...
    @property
    def total_order_margin(self) -> Decimal | UnsetType: ...
    @property
    def total_position_margin(self) -> Decimal | UnsetType: ...
    @property
    def withdrawable_balance(self) -> Decimal | UnsetType: ...


class PositionRow(Protocol):
    """One element of `result` of getPositions."""

    @property
    def market_id(self) -> str: ...
    @property
    def profile_id(self) -> int | UnsetType: ...
    @property
    def side(self) -> str: ...
    @property
    def size(self) -> Decimal: ...
    @property
    def entry_price(self) -> Decimal | UnsetType: ...
    @property
    def fair_price(self) -> Decimal | UnsetType: ...
    @property
    def liquidation_price(self) -> Decimal | UnsetType: ...
    @property
    def notional(self) -> Decimal | UnsetType: ...
    @property
    def margin(self) -> Decimal | UnsetType: ...
    @property
    def unrealized_pnl(self) -> Decimal | UnsetType: ...


@dataclass(frozen=True, slots=True)
class Rows:
    """The two answers, unwrapped."""

    account: AccountRow
    positions: Sequence[PositionRow]
    more_positions: bool
    """The venue itself says that there is another page."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What tells the two exchanges of this backend apart."""

    venue: str
    declaration: Declaration
    get_account: Call[Any]
    get_positions: Call[Any]
    maintenance_margin: Callable[[Any], Decimal | None]
    """Of an account row: the requirement, None when it cannot be known."""
    set_leverage: Callable[[str, int], Call[Any]]
    """The request that sets the leverage of a market."""
    refresh_jwt: RefreshJwt


def open_exchange(
    exchange: Exchange,
    *,
    api_key: str | Secret,
    api_secret: str | Secret,
    exchange_id: str,
    network: str,
    settings: Settings,
) -> Adapter:
    """The adapter of one exchange of this backend. Raises UsageError."""
    venue = exchange.venue
    ids = spec.load(venue).fact("exchange_ids").split()
    if exchange_id not in ids:
        raise UsageError(f"{venue}: exchange_id is {exchange_id!r}; there are {', '.join(ids)}")
    key = header_secret(venue, "api_key", api_key)
    secret = Secret.of(api_secret)
    if not secret.passes(re.compile(r"(0x)?([0-9a-fA-F]{2})+").fullmatch):
        raise UsageError(f"{venue}: api_secret must be hexadecimal, with or without 0x")

    leverage = leverage_of(venue, partial(read, exchange), instrument, exchange.set_leverage)

    def sign(outgoing: Outgoing) -> dict[str, str]:
        expires = int(outgoing.now) + SIGNATURE_LIFETIME
        return {
            "RBT-API-KEY": key.reveal(),
            "RBT-TS": str(expires),
            "RBT-SIGNATURE": signature(outgoing, secret, expires),
            "EID": exchange_id,
        }

    return adapter(
        venue,
        settings,
        read=lambda owner: read(exchange, owner),
        sign=sign,
        secrets=(key, secret),
        network=network,
        open_writes=lambda: RabbitWrites(leverage, exchange.refresh_jwt),
        signs_time=True,
    )


def refusal(envelope: Any) -> str | None:
    """The venue's word for an error: every answer says `success`, and `error` when it is false."""
    return None if envelope.success else known(envelope.error) or ""


# The plan --------------------------------------------------------------------------------------------------------


def read(exchange: Exchange, owner: Owner) -> Plan[Reading]:
    """Account and positions, asked for side by side."""
    account, positions = yield from ask_both(exchange.get_account, exchange.get_positions)
    rows = _unwrap(exchange, owner, account, positions)
    return Reading((account_view(exchange, owner, rows, account, positions),))


def _unwrap(exchange: Exchange, owner: Owner, account: Reply[Any], positions: Reply[Any]) -> Rows:
    accounts: Sequence[AccountRow] = account.parsed.result
    listed: Sequence[PositionRow] = positions.parsed.result
    if len(accounts) != 1:
        problem = f"expected one account, got {len(accounts)}"
        raise _invalid(exchange, owner, exchange.get_account, problem, "$.result")
    own = {accounts[0].id, UNSET}
    if not {row.profile_id for row in listed} <= own or not {row.side for row in listed} <= _SIDES.keys():
        number = next(
            n for n, row in enumerate(listed) if row.profile_id not in own or row.side not in _SIDES
        )
        is_ours = listed[number].profile_id in own
        problem = "a side that the spec does not list" if is_ours else "a position of another account"
        path = f"$.result[{number}].{'side' if is_ours else 'profile_id'}"
        raise _invalid(exchange, owner, exchange.get_positions, problem, path)
    page = known(positions.parsed.pagination)
    return Rows(accounts[0], listed, page is not None and known(page.has_next_page) is True)


def _invalid(exchange: Exchange, owner: Owner, call: Call[Any], problem: str, path: str) -> AnswerInvalid:
    operation = call.request.operation.name
    return AnswerInvalid(problem, venue=exchange.venue, account=owner.label, operation=operation, path=path)


# The mapping -----------------------------------------------------------------------------------------------------


def account_view(
    exchange: Exchange, owner: Owner, rows: Rows, account: Reply[Any], positions: Reply[Any]
) -> Account:
    """The view of one account. Pure: everything it needs is in its arguments and the venue's spec."""
    row = rows.account
    leverage_by_market = known(row.leverage)
    listed, findings = without_duplicates(position_views(exchange, rows.positions, leverage_by_market or {}))
    currency = spec.load(exchange.venue).fact("collateral")
    equity = known(row.account_equity)
    notional = known(row.total_notional)
    position_margin = known(row.total_position_margin)
    order_margin = known(row.total_order_margin)
    withdrawable = known(row.withdrawable_balance)
    maintenance_margin = exchange.maintenance_margin(row)
    flat = notional is not None and not notional
    underwater = equity is not None and equity <= 0
    updated = known(row.last_update)
    view = Account(
        label=owner.label,
        tags=owner.tags,
        venue=exchange.venue,
        account_id=str(row.id),
        currency=currency,
        status=_STATUS.get(row.status, Status.UNKNOWN),
        venue_status=str(row.status),
        mode=Mode.CROSS,
        equity=equity,
        wallet_balance=known(row.balance),
        unrealized_pnl=known(row.cum_unrealized_pnl),
        available=withdrawable,
        withdrawable=withdrawable,
        initial_margin=add(position_margin, order_margin),
        position_margin=position_margin,
        order_margin=order_margin,
        maintenance_margin=maintenance_margin,
        margin_buffer=subtract(equity, maintenance_margin),
        margin_ratio=None if underwater else divide(maintenance_margin, equity),
        notional=notional,
        effective_leverage=None if flat or underwater else known(row.account_leverage),
        health=known(row.health),
        leverage_by_market=leverage_by_market or {},
        as_of=None if updated is None else time_from_microseconds(updated),
        requested_at=min(account.requested_at, positions.requested_at),
        received_at=max(account.received_at, positions.received_at),
        positions=listed,
        balances=(_balance(exchange, currency, row),),
    )
    listed_notional = sum_over(listed, "notional")
    cut = _cut(exchange, rows, view, listed_notional)
    reasons: dict[str, Missing] = {}
    if flat:
        reasons["effective_leverage"] = Missing.UNKNOWN_SENTINEL  # a flat account is sent as "1"
    elif underwater:
        reasons["effective_leverage"] = Missing.NOT_DERIVABLE
    if updated is not None and view.as_of is None:
        reasons["as_of"] = Missing.UNKNOWN_SENTINEL
    if leverage_by_market is None:
        reasons["leverage_by_market"] = Missing.NOT_RETURNED
    if cut is not None:
        reasons["positions"] = Missing.NOT_RETURNED
    return msgspec.structs.replace(
        exchange.declaration.account.with_reasons(view, reasons),
        findings=identities.found(
            *findings, cut, *_checks(exchange, view, listed_notional, whole=cut is None), *_unlisted(view)
        ),
    )


def position_views(
    exchange: Exchange, rows: Sequence[PositionRow], leverage_by_market: Mapping[str, Decimal]
) -> tuple[Position, ...]:
    """The views of all positions."""
    declared = exchange.declaration.position
    views = [_position_view(row, leverage_by_market, declared.never) for row in rows]

    def reasons(number: int) -> dict[str, Missing]:
        absent = known(rows[number].liquidation_price) is not None and views[number].liquidation_price is None
        return {"liquidation_price": Missing.UNKNOWN_SENTINEL} if absent else {}

    return declared.all_with_reasons(views, reasons)


def _position_view(
    row: PositionRow, leverage_by_market: Mapping[str, Decimal], never: Mapping[str, Missing]
) -> Position:
    symbol = intern(row.market_id)
    liquidation_price = None if row.liquidation_price is UNSET else row.liquidation_price
    return Position(
        instrument=instrument(symbol),
        venue_symbol=symbol,
        side=_SIDES[row.side],
        size=row.size,
        entry_price=None if row.entry_price is UNSET else row.entry_price,
        mark_price=None if row.fair_price is UNSET else row.fair_price,
        liquidation_price=liquidation_price or None,  # "0" says that there is none
        notional=None if row.notional is UNSET else row.notional,
        leverage=leverage_by_market.get(symbol),
        margin_mode=_CROSS,
        initial_margin=None if row.margin is UNSET else row.margin,
        unrealized_pnl=None if row.unrealized_pnl is UNSET else row.unrealized_pnl,
        missing=never,
    )


_STATUS = {"active": Status.ACTIVE, "liquidating": Status.LIQUIDATING, "blocked": Status.RESTRICTED}
_CROSS = MarginMode.CROSS
_SIDES = {"long": Side.LONG, "short": Side.SHORT}


@lru_cache(maxsize=4096)
def instrument(market_id: str) -> Instrument | None:
    """`BTC-USD` is the BTC perpetual quoted in USD; None for any other form."""
    parts = market_id.split("-")
    if len(parts) != 2 or not all(parts):
        return None
    return Instrument(base=parts[0], quote=parts[1], kind=Kind.PERPETUAL)


def _balance(exchange: Exchange, currency: str, row: AccountRow) -> Balance:
    balance = known(row.balance)
    view = Balance(asset=currency, total=balance, available=known(row.withdrawable_balance), value=balance)
    return exchange.declaration.balance.with_reasons(view, {})


def _cut(exchange: Exchange, rows: Rows, view: Account, listed: Decimal | None) -> Finding | None:
    """A finding when the list of positions may not be whole.

    It is not when the venue says that there is more, or when its notional, `listed`, does not reach the account's own
    total. When the total cannot be compared, a list as long as a page may have been cut.
    """
    facts = spec.load(exchange.venue)
    beyond = subtract(listed, view.notional)
    tolerance = EXACT.multiply(facts.amount("tolerance_sum_of_positions"), view.notional or ZERO)
    full_page = len(rows.positions) >= int(facts.fact("positions_page"))
    too_short = full_page if beyond is None else beyond < tolerance.copy_negate()
    if not rows.more_positions and not too_short:
        return None
    return Finding(
        code="POSITIONS_CUT",
        fields=("positions", "notional"),
        difference=beyond,
        tolerance=None if beyond is None else tolerance,
        message=f"the list of {len(view.positions)} positions may not be whole",
    )


def _checks(
    exchange: Exchange, view: Account, listed_notional: Decimal | None, *, whole: bool
) -> list[Finding | None]:
    facts = spec.load(exchange.venue)
    limit = facts.amount("tolerance_relative_recomputed")
    free = None
    if view.equity is not None and view.wallet_balance is not None:
        free = subtract(min(view.equity, view.wallet_balance), view.initial_margin)
    checks = [
        identities.equity_is_wallet_plus_pnl(view.equity, view.wallet_balance, view.unrealized_pnl, limit),
        identities.available_within_equity(view.available, view.equity, limit),
        identities.underwater(view.equity),
        identities.compare(
            "WITHDRAWABLE_MISMATCH",
            ("withdrawable", "equity", "wallet_balance", "position_margin", "order_margin"),
            view.withdrawable,
            free,
            partial(
                identities.rounding,
                view.withdrawable,
                view.equity,
                view.wallet_balance,
                view.position_margin,
                view.order_margin,
                limit=limit,
            ),
            "withdrawable is not min(equity, wallet_balance) − position_margin − order_margin",
        ),
        identities.compare(
            "LEVERAGE_MISMATCH",
            ("effective_leverage", "notional", "equity"),
            view.effective_leverage,
            divide(view.notional, view.equity),
            multiply(limit, view.effective_leverage) or ZERO,
            "effective_leverage is not notional / equity",
        ),
    ]
    if whole and view.notional is not None:
        # The two answers are of different moments: marks may have moved between them.
        moved = EXACT.multiply(facts.amount("tolerance_sum_of_positions"), view.notional)
        checks += [
            identities.compare(
                code,
                (field, "positions"),
                getattr(view, field),
                listed,
                moved,
                f"{field} is not the sum over the positions",
            )
            for code, field, listed in (
                ("NOTIONAL_MISMATCH", "notional", listed_notional),
                ("POSITION_MARGIN_MISMATCH", "position_margin", sum_over(view.positions, "initial_margin")),
                ("UNREALIZED_PNL_MISMATCH", "unrealized_pnl", sum_over(view.positions, "unrealized_pnl")),
            )
        ]
    return checks


def _unlisted(view: Account) -> list[Finding]:
    """Words and symbols that the spec does not list: passed through, and told."""
    findings = [
        Finding(
            code="INSTRUMENT_UNKNOWN",
            fields=(f"positions/{number}/instrument",),
            message=f"the market {position.venue_symbol[:40]!r} has no form that is known",
        )
        for number, position in enumerate(view.positions)
        if position.instrument is None
    ]
    if view.status is Status.UNKNOWN:
        message = f"the spec does not list the status {(view.venue_status or '')[:40]!r}"
        findings.append(Finding(code="UNLISTED_WORD", fields=("status",), message=message))
    return findings


# What each figure is ---------------------------------------------------------------------------------------------


def declaration(maintenance_margin: Origin) -> Declaration:
    """The declaration of both exchanges; they differ in the maintenance requirement."""

    def account(name: str, note: str = "", gaps: dict[Missing, str] | None = None) -> Reported:
        return Reported("getAccount", f"/result/0/{name}", note, gaps or {})

    def position(name: str, note: str = "", gaps: dict[Missing, str] | None = None) -> Reported:
        return Reported("getPositions", f"/result/{{row}}/{name}", note, gaps or {})

    cross = Derived("cross, for every account of this exchange", facts=("margin_mode",))
    no_ledger = "the venue lists transfers one by one; no sum of them is reported"
    return Declaration(
        account=Fields(
            account_id=account("id"),
            currency=Derived("the exchange's collateral", facts=("collateral",)),
            status=account("status", "active, liquidating, blocked → restricted; any other word → unknown"),
            venue_status=account("status"),
            mode=cross,
            equity=account("account_equity"),
            wallet_balance=account("balance"),
            unrealized_pnl=account("cum_unrealized_pnl"),
            available=account(
                "withdrawable_balance",
                "an order is refused when this would fall below 0, so it is what is free",
            ),
            withdrawable=account(
                "withdrawable_balance", "unrealised profit is not in it, unrealised loss is"
            ),
            initial_margin=Derived("position_margin + order_margin", ("position_margin", "order_margin")),
            position_margin=account("total_position_margin"),
            order_margin=account("total_order_margin"),
            maintenance_margin=maintenance_margin,
            margin_buffer=Derived("equity − maintenance_margin", ("equity", "maintenance_margin")),
            margin_ratio=Derived(
                "maintenance_margin / equity",
                ("maintenance_margin", "equity"),
                note="the venue's account_margin is equity / notional, another figure",
                gaps={Missing.NOT_DERIVABLE: "maintenance_margin is missing, or equity is not positive"},
            ),
            notional=account("total_notional"),
            effective_leverage=account(
                "account_leverage",
                gaps={
                    Missing.UNKNOWN_SENTINEL: 'the account is flat: the venue sends "1" then, which is no leverage',
                    Missing.NOT_DERIVABLE: "equity is not positive: a ratio to it has no meaning",
                },
            ),
            net_deposits=Never(Missing.UNSUPPORTED, no_ledger),
            pending_deposits=Never(Missing.UNSUPPORTED, no_ledger),
            pending_withdrawals=Never(Missing.UNSUPPORTED, no_ledger),
            health=account("health", "min(1, equity / notional): it stays at 1 above that"),
            leverage_by_market=account("leverage"),
            as_of=account(
                "last_update",
                "when the venue computed this summary; it stands still on a quiet account",
                {Missing.UNKNOWN_SENTINEL: "the venue sent a number that is no time"},
            ),
            sequence=Never(Missing.UNSUPPORTED, "the venue counts no account events in this answer"),
            positions=Reported(
                "getPositions",
                "/result",
                gaps={Missing.NOT_RETURNED: "the list may be cut: it is shown as far as it came"},
            ),
            balances=account("balance", "one collateral, so one balance"),
        ),
        position=Fields(
            instrument=position("market_id", "BASE-QUOTE, a perpetual"),
            venue_symbol=position("market_id"),
            side=position("side"),
            size=position("size"),
            entry_price=position("entry_price"),
            mark_price=position("fair_price"),
            liquidation_price=position(
                "liquidation_price", gaps={Missing.UNKNOWN_SENTINEL: 'the venue sent "0": there is none'}
            ),
            notional=position("notional"),
            leverage=Reported(
                "getAccount", "/result/0/leverage/{symbol}", "set for the market, not for this position"
            ),
            margin_mode=cross,
            wallet=Never(Missing.UNSUPPORTED, "an account has one wallet"),
            initial_margin=position("margin", "at the mark price: it moves"),
            maintenance_margin=Never(
                Missing.UNSUPPORTED, "the requirement is told for the account, not by position"
            ),
            unrealized_pnl=position("unrealized_pnl"),
            realized_pnl=Never(Missing.UNSUPPORTED, "booked to the balance at once"),
            funding=Never(Missing.UNSUPPORTED, "booked to the balance at once"),
        ),
        balance=Fields(
            asset=Derived("the exchange's collateral", facts=("collateral",)),
            total=account("balance"),
            available=account("withdrawable_balance"),
            borrowed=Never(Missing.UNSUPPORTED, "the exchange lends nothing"),
            value=account("balance", "the asset is the account's currency"),
            wallet=Never(Missing.UNSUPPORTED, "an account has one wallet"),
        ),
    )

"""The Acme exchange: one token, one account. A plugin of accountview as somebody else would write it."""

from decimal import Decimal
from importlib.resources import files
from typing import Unpack

import msgspec
from msgspec import UnsetType

from accountview import identities, spec
from accountview.adapter import Adapter, adapter, header_secret
from accountview.amounts import divide, multiply, total
from accountview.client import connector, connector_async
from accountview.errors import AnswerInvalid
from accountview.mapping import known, without_duplicates
from accountview.plan import Call, Decode, Owner, Plan, Reading, ask
from accountview.provenance import Declaration, Derived, Fields, Never, Reported
from accountview.secret import Secret
from accountview.settings import Settings
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

from . import client

VENUE = "acme"
SPEC = files(__name__).joinpath("spec.json")
NEVER = Never(Missing.UNSUPPORTED, "the exchange has no such figure")
SIDES = {"long": Side.LONG, "short": Side.SHORT}
MARGINS = {"cross": MarginMode.CROSS, "isolated": MarginMode.ISOLATED}


def _account(name: str) -> Reported:
    return Reported("getAccounts", f"/accounts/0/{name}")


def _position(name: str, gaps: dict[Missing, str] | None = None) -> Reported:
    return Reported("getAccounts", f"/accounts/0/positions/{{row}}/{name}", gaps=gaps or {})


DECLARATION = Declaration(
    account=Fields(
        account_id=_account("name"),
        currency=Derived("the collateral", facts=("collateral",)),
        status=Derived("active, for the exchange has no word for it"),
        venue_status=NEVER,
        mode=Derived("unknown: told by position"),
        equity=_account("worth"),
        wallet_balance=_account("cash"),
        unrealized_pnl=Derived("Σ over the positions", ("positions/*/unrealized_pnl",)),
        notional=Derived("Σ over the positions", ("positions/*/notional",)),
        effective_leverage=Derived("notional / equity", ("notional", "equity")),
        positions=_account("positions"),
        balances=Derived("the cash", ("wallet_balance",)),
        **dict.fromkeys(
            (
                "available", "withdrawable", "initial_margin", "position_margin", "order_margin",
                "maintenance_margin", "margin_buffer", "margin_ratio", "net_deposits", "pending_deposits",
                "pending_withdrawals", "health", "leverage_by_market", "as_of", "sequence",
            ),
            NEVER,
        ),
    ),
    position=Fields(
        instrument=_position("market"),
        venue_symbol=_position("market"),
        side=_position("direction"),
        size=_position("amount"),
        entry_price=_position("entry"),
        mark_price=_position("mark"),
        liquidation_price=_position("stop_out", {Missing.UNKNOWN_SENTINEL: '"0" says that there is none'}),
        notional=Derived("size × mark_price", ("size", "mark_price")),
        margin_mode=_position("margin"),
        unrealized_pnl=_position("gain"),
        **dict.fromkeys(
            ("leverage", "wallet", "initial_margin", "maintenance_margin", "realized_pnl", "funding"), NEVER
        ),
    ),
    balance=Fields(
        asset=Derived("the collateral", facts=("collateral",)),
        total=_account("cash"),
        value=_account("cash"),
        **dict.fromkeys(("available", "borrowed", "wallet"), NEVER),
    ),
)  # fmt: skip


def refusal(envelope: client.Envelope) -> str | None:
    """The exchange's word for an error."""
    return None if envelope.ok else known(envelope.reason) or ""


def parse(status: int, content: bytes, *, decode: Decode) -> client.Envelope:
    """The answer as the client reads it."""
    return client.parse(status, content, decode=decode)


def invalid(owner: Owner, problem: str, path: str) -> AnswerInvalid:
    """The error for an answer that says what cannot be."""
    return AnswerInvalid(problem, venue=VENUE, account=owner.label, operation="getAccounts", path=path)


def only_account(owner: Owner, envelope: client.Envelope) -> client.Account:
    """The one account of the token."""
    accounts = known(envelope.accounts) or []
    if len(accounts) != 1:
        raise invalid(owner, f"expected one account, got {len(accounts)}", "$.accounts")
    return accounts[0]


def side(owner: Owner, word: str) -> Side:
    """The direction of a position."""
    if word not in SIDES:
        raise invalid(owner, "a direction that the spec does not list", "$.accounts[0].positions")
    return SIDES[word]


def margin_mode(word: str | None) -> MarginMode | None:
    """How a position is margined; None for a word that is not listed."""
    return None if word is None else MARGINS.get(word)


def figure(value: Decimal | UnsetType) -> Decimal | None:
    """A figure as it was received."""
    return known(value)


def price(value: Decimal | UnsetType) -> Decimal | None:
    """A price, of which 0 says that there is none."""
    return known(value) or None


def position_view(owner: Owner, row: client.Position) -> Position:
    """The view of one position."""
    mark = figure(row.mark)
    word = known(row.margin)
    base, _, quote = row.market.partition("/")
    view = Position(
        instrument=Instrument(base=base, quote=quote, kind=Kind.PERPETUAL),
        venue_symbol=row.market,
        side=side(owner, row.direction),
        size=figure(row.amount),
        entry_price=figure(row.entry),
        mark_price=mark,
        liquidation_price=price(row.stop_out),
        notional=multiply(figure(row.amount), mark),
        margin_mode=margin_mode(word),
        unrealized_pnl=figure(row.gain),
    )
    reasons: dict[str, Missing] = {}
    if view.liquidation_price is None and known(row.stop_out) is not None:
        reasons["liquidation_price"] = Missing.UNKNOWN_SENTINEL
    if view.margin_mode is None and word is not None:
        reasons["margin_mode"] = Missing.UNLISTED
    return DECLARATION.position.with_reasons(view, reasons)


def opened(owner: Owner, rows: list[client.Position]) -> tuple[tuple[Position, ...], tuple[Finding, ...]]:
    """The positions, and what is to be said of them."""
    return without_duplicates(tuple([position_view(owner, row) for row in rows]))


def is_cut(row: client.Account) -> bool:
    """Whether the exchange has more positions than it sent."""
    return row.more


def leverage(notional: Decimal | None, equity: Decimal | None) -> Decimal | None:
    """notional / equity, where that has a meaning."""
    return divide(notional, equity) if notional and equity is not None and equity > 0 else None


def read(owner: Owner) -> Plan[Reading]:
    """The account."""
    call = Call(client.GET_ACCOUNTS, parse, lambda each: refusal(each))
    reply = yield from ask(call)
    row = only_account(owner, reply.parsed)
    positions, findings = opened(owner, row.positions)
    cut = is_cut(row)
    equity, cash = figure(row.worth), figure(row.cash)
    notional = None if cut else total(each.notional for each in positions)
    currency = spec.load(VENUE).fact("collateral")
    balance = DECLARATION.balance.with_reasons(Balance(asset=currency, total=cash, value=cash), {})
    view = Account(
        label=owner.label,
        tags=owner.tags,
        venue=VENUE,
        account_id=row.name,
        currency=currency,
        status=Status.ACTIVE,
        mode=Mode.UNKNOWN,
        equity=equity,
        wallet_balance=cash,
        unrealized_pnl=None if cut else total(each.unrealized_pnl for each in positions),
        notional=notional,
        effective_leverage=leverage(notional, equity),
        requested_at=reply.requested_at,
        received_at=reply.received_at,
        positions=positions,
        balances=(balance,),
    )
    reasons: dict[str, Missing] = {}
    if cut:
        reasons = dict.fromkeys(("positions", "notional", "unrealized_pnl"), Missing.NOT_RETURNED)
    told = Finding(code="POSITIONS_CUT", fields=("positions",), message="the exchange has more positions")
    unlisted = Finding(code="UNLISTED_WORD", fields=("positions",), message="a margin mode is not listed")
    whole = msgspec.structs.replace(
        DECLARATION.account.with_reasons(view, reasons),
        findings=identities.found(
            *findings,
            told if cut else None,
            unlisted if any(Missing.UNLISTED in each.missing.values() for each in positions) else None,
            identities.underwater(equity),
        ),
    )
    return Reading((whole,))


def open_adapter(*, token: str | Secret, **settings: Unpack[Settings]) -> Adapter:
    """The Acme exchange with one token."""
    secret = header_secret(VENUE, "token", token)
    return adapter(
        VENUE,
        settings,
        read=read,
        sign=lambda _: {"Authorization": f"Bearer {secret.reveal()}"},
        secrets=(secret,),
    )


connect = connector(open_adapter)
connect_async = connector_async(open_adapter)

"""ZKX: perpetuals on Starknet against a USDC collateral. One key and one account id see one trading account.

One call says it all: the account with its positions. Its figures are of two moments and its maintenance margins rest
on entry prices; what does not add up, or must not be relied on, is told as a finding and never mended.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache, lru_cache, partial
from hashlib import blake2b
from sys import intern
from typing import Unpack
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import UNSET

from accountview import identities, spec
from accountview.adapter import Adapter, adapter
from accountview.amounts import ZERO, add, divide, pairwise, subtract, total
from accountview.client import connector, connector_async
from accountview.errors import AnswerInvalid, UsageError
from accountview.mapping import known, sum_over, without_duplicates
from accountview.network.sending import Outgoing
from accountview.plan import Call, Owner, Plan, Reading, Reply, ask
from accountview.provenance import Declaration, Derived, Fields, Never, Reported
from accountview.secret import NoCredential, Secret
from accountview.settings import Settings
from accountview.venues import _zkx_stark as stark
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
from accountview_clients.zkx.api.account import get_account_info
from accountview_clients.zkx.models import AccountInfo, PositionDirection
from accountview_clients.zkx.models import Position as PositionRow

VENUE = "zkx"


# Signing ---------------------------------------------------------------------------------------------------------


def signed_text(parameters: Mapping[str, str], timestamp: int) -> str:
    """The text whose hash is signed: the parameters and `timestamp`, sorted by name, as a browser encodes a form.

    A browser leaves `*` bare and quotes `~`; Python does the opposite. A comma stays as it is. `timestamp` is
    x-timestamp: UNIX milliseconds.
    """
    pairs = sorted({**parameters, "timestamp": str(timestamp)}.items())
    return urlencode(pairs, safe="*,").replace("~", "%7E")


def signed_parameters(outgoing: Outgoing) -> dict[str, str]:
    """What of a request is signed: its query and the top-level members of its JSON body; not its method or path."""
    body = msgspec.json.decode(outgoing.content, type=dict[str, msgspec.Raw]) if outgoing.content else {}
    members = {name: _text_of_member(bytes(raw)) for name, raw in body.items()}
    return dict(parse_qsl(outgoing.query.decode(), keep_blank_values=True)) | members


def _text_of_member(raw: bytes) -> str:
    return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()


def account_id_of(address: str, index: int) -> str:
    """The id of the trading account `index` of a Starknet address (`0x` and hexadecimal).

    It is the BLAKE2b-256 of the address as 32 bytes little-endian and the index as one byte.
    """
    owner = int(address, 16).to_bytes(32, "little")
    return "0x" + blake2b(owner + index.to_bytes(1), digest_size=32).hexdigest()


# Options ---------------------------------------------------------------------------------------------------------


def open_adapter(
    *,
    private_key: str | Secret,
    address: str | None = None,
    index: int | None = None,
    account_id: str | None = None,
    collateral: str = "USDC",
    **settings: Unpack[Settings],
) -> Adapter:
    """One ZKX trading account. No server of ZKX is documented, so `base_url` must be among the settings.

    Needs the extra `accountview[stark]`.

    Args:
        private_key: the Stark private key of the owner, `0x` and hexadecimal.
        address: the owner's Starknet address, `0x` and hexadecimal.
        index: which of the owner's trading accounts: 0, the basic one, unless it is given, to 255.
        account_id: the trading account's own id instead of address and index, `0x` and hexadecimal.
        collateral: the collateral that is asked about.
        **settings: what every client takes, see `accountview.client.Settings`.

    Raises:
        UsageError: an option cannot be used, or the extra is not installed; the message says which and why.
    """
    secret = Secret.of(private_key)
    if not secret.passes(_is_private_key):
        raise UsageError(
            f"{VENUE}: private_key must be 0x and hexadecimal, above 0 and below the order of the Stark curve"
        )
    account_id = _account_id(address, index, account_id)
    if not re.fullmatch(r"[!-~]+", collateral):
        raise UsageError(f"{VENUE}: collateral must be visible ASCII text without spaces, such as USDC")

    @cache
    def keys() -> tuple[Callable[[str], tuple[int, int]], str]:
        sign_text = stark.signer(lambda: int(secret.reveal(), 16))
        return sign_text, stark.public_key(int(secret.reveal(), 16))

    with suppress(NoCredential):  # here, so that a missing extra is told before anything is asked
        keys()

    def sign(outgoing: Outgoing) -> dict[str, str]:
        sign_text, public_key = keys()
        timestamp = int(outgoing.now * 1000)
        r, s = sign_text(signed_text(signed_parameters(outgoing), timestamp))
        return {
            "x-public-key": public_key,
            "x-account-id": account_id,
            "x-timestamp": str(timestamp),
            "x-signature-1": hex(r),
            "x-signature-2": hex(s),
        }

    return adapter(
        VENUE,
        settings,
        read=partial(read, account_id, collateral),
        sign=sign,
        secrets=(secret,),
        signs_time=True,
    )


def _is_private_key(text: str) -> bool:
    return re.fullmatch(r"0[xX][0-9a-fA-F]{1,64}", text) is not None and 0 < int(text, 16) < stark.ORDER


def _account_id(address: str | None, index: int | None, account_id: str | None) -> str:
    if (address is None) == (account_id is None):
        raise UsageError(f"{VENUE}: give either address (with index, unless it is 0) or account_id")
    if account_id is not None:
        if index is not None:
            raise UsageError(f"{VENUE}: index goes with address; an account_id holds it already")
        return _hexadecimal("account_id", account_id)
    last = int(spec.load(VENUE).fact("account_index_maximum"))
    if not 0 <= (index or 0) <= last:
        raise UsageError(f"{VENUE}: index is {index}; give one from 0 to {last}")
    return account_id_of(_hexadecimal("address", address or ""), index or 0)


def _hexadecimal(name: str, text: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", text):
        # Told without the value: a private key looks the same and may have been put here.
        raise UsageError(f"{VENUE}: {name} must be 0x and 1 to 64 hexadecimal digits")
    return text


connect = connector(open_adapter)
connect_async = connector_async(open_adapter)


# The plan --------------------------------------------------------------------------------------------------------


def _refusal(_: AccountInfo | None) -> None:
    """No form of an error is documented: the status alone says that there is one."""


def read(account_id: str, collateral: str, owner: Owner) -> Plan[Reading]:
    """The account with its positions, in one call: the list of the other call may be cut."""
    request = get_account_info.build_request(collateral_id=collateral)
    reply = yield from ask(Call(request, get_account_info.parse_response, _refusal))
    row = _checked(reply.parsed, collateral, owner)
    return Reading((account_view(account_id, collateral, row, reply, owner),))


def _checked(row: AccountInfo | None, collateral: str, owner: Owner) -> AccountInfo:
    """The row, once nothing in it contradicts what was asked or what a position is."""
    if row is None:  # a status without an answer ends in an error before this
        raise _invalid(owner, "the answer is empty", "$")
    if known(row.collateralId) not in (None, collateral):
        raise _invalid(owner, "the answer is about another collateral", "$.collateralId")
    listed = {position.direction for position in row.positions} <= _SIDES.keys()
    if listed and not any(position.size.is_signed() for position in row.positions):
        return row
    for number, position in enumerate(row.positions):
        if position.direction not in _SIDES:
            problem = "a direction that the spec does not list"
            raise _invalid(owner, problem, f"$.positions[{number}].direction")
        if position.size < 0:
            raise _invalid(owner, "a size with a sign", f"$.positions[{number}].size")
    return row


def _invalid(owner: Owner, problem: str, path: str) -> AnswerInvalid:
    operation = get_account_info.OPERATION.name
    return AnswerInvalid(problem, venue=VENUE, account=owner.label, operation=operation, path=path)


# The mapping -----------------------------------------------------------------------------------------------------


def account_view(
    account_id: str, collateral: str, row: AccountInfo, reply: Reply[AccountInfo | None], owner: Owner
) -> Account:
    """The view of one account. Pure: everything it needs is in its arguments and the venue's spec."""
    listed, findings = without_duplicates(position_views(row.positions, collateral))
    at_entry = total(
        pairwise(operator.mul, [each.size for each in listed], [each.entry_price for each in listed])
    )
    cut = _cut(row, listed, at_entry)
    equity = known(row.totalMargin)
    available = known(row.availableMargin)
    reported_pnl = known(row.totalUnrealizedPnl)
    stale = _stale(reported_pnl, listed)
    unrealized_pnl = None if stale else reported_pnl
    notional = None if cut else _notional(known(row.totalInvested), unrealized_pnl, listed)
    maintenance_margin = None if cut else sum_over(listed, "maintenance_margin")
    # Liquidation goes by mark prices, the requirement by entry prices; only without positions the two agree.
    requirement = None if listed else maintenance_margin
    has_worth = equity is not None and equity > 0
    view = Account(
        label=owner.label,
        tags=owner.tags,
        venue=VENUE,
        account_id=account_id,
        currency=collateral,
        status=Status.UNKNOWN,
        mode=Mode.CROSS,
        equity=equity,
        wallet_balance=known(row.collateralBalance),
        unrealized_pnl=unrealized_pnl,
        available=available,
        initial_margin=subtract(equity, available),
        position_margin=None if cut else sum_over(listed, "initial_margin"),
        maintenance_margin=maintenance_margin,
        margin_buffer=subtract(equity, requirement),
        margin_ratio=divide(requirement, equity) if has_worth else None,
        notional=notional,
        effective_leverage=divide(notional, equity) if has_worth and notional else None,
        requested_at=reply.requested_at,
        received_at=reply.received_at,
        positions=listed,
        balances=(_balance(row, collateral),),
    )
    reasons: dict[str, Missing] = {}
    if stale:
        reasons["unrealized_pnl"] = Missing.UNKNOWN_SENTINEL
    if cut:
        reasons["positions"] = Missing.NOT_RETURNED
    return msgspec.structs.replace(
        DECLARATION.account.with_reasons(view, reasons),
        findings=identities.found(*findings, cut, stale, *_checks(row, view, at_entry), *_unlisted(view)),
    )


def position_views(rows: Sequence[PositionRow], collateral: str) -> tuple[Position, ...]:
    """The views of all positions."""
    declared = DECLARATION.position
    views = [_position_view(row, collateral, declared.never) for row in rows]

    def reasons(number: int) -> dict[str, Missing]:
        absent = known(rows[number].liquidationPrice) is not None and views[number].liquidation_price is None
        return {"liquidation_price": Missing.UNKNOWN_SENTINEL} if absent else {}

    return declared.all_with_reasons(views, reasons)


def _position_view(row: PositionRow, collateral: str, never: Mapping[str, Missing]) -> Position:
    symbol = intern(row.marketId)
    liquidation_price = None if row.liquidationPrice is UNSET else row.liquidationPrice
    no_price = liquidation_price is not None and liquidation_price <= 0
    return Position(
        instrument=instrument(symbol, collateral),
        venue_symbol=symbol,
        side=_SIDES[row.direction],
        size=row.size,
        entry_price=None if row.avgExecutionPrice is UNSET else row.avgExecutionPrice,
        liquidation_price=None if no_price else liquidation_price,
        leverage=None if row.leverage is UNSET else row.leverage,
        margin_mode=_CROSS_MARGIN,
        initial_margin=None if row.marginAmount is UNSET else row.marginAmount,
        maintenance_margin=None if row.maintenanceMargin is UNSET else row.maintenanceMargin,
        realized_pnl=None if row.realizedPnl is UNSET else row.realizedPnl,
        missing=never,
    )


_CROSS_MARGIN = MarginMode.CROSS
_SIDES: Mapping[str, Side] = {PositionDirection.LONG: Side.LONG, PositionDirection.SHORT: Side.SHORT}


@lru_cache(maxsize=4096)
def instrument(market: str, collateral: str) -> Instrument | None:
    """`SOLUSDC` is the SOL perpetual quoted in the collateral USDC; None for any other form."""
    base = market.removesuffix(collateral)
    if base in ("", market):
        return None
    return Instrument(base=base, quote=collateral, kind=Kind.PERPETUAL)


def _balance(row: AccountInfo, collateral: str) -> Balance:
    balance = known(row.collateralBalance)
    return DECLARATION.balance.with_reasons(Balance(asset=collateral, total=balance, value=balance), {})


def _notional(
    invested: Decimal | None, unrealized_pnl: Decimal | None, positions: tuple[Position, ...]
) -> Decimal | None:
    """Exposure at mark prices, from that at entry prices: longs are worth more by what they gained, shorts less.

    None when both sides are open: what each of them gained is not told.
    """
    sides = {position.side for position in positions}
    if len(sides) > 1:
        return None
    return subtract(invested, unrealized_pnl) if Side.SHORT in sides else add(invested, unrealized_pnl)


# What must be told -----------------------------------------------------------------------------------------------


def _stale(unrealized_pnl: Decimal | None, positions: tuple[Position, ...]) -> Finding | None:
    """A finding when the profit of open positions is exactly 0: the venue computes nothing from a stale mark."""
    if unrealized_pnl is None or unrealized_pnl or not positions:
        return None
    return Finding(
        code="STALE_MARK",
        fields=("unrealized_pnl", "equity", "available"),
        message=(
            "the venue reports a profit of exactly 0 with open positions, as it does when a mark price is stale: "
            "the profit is unknown, and equity and available may lack it"
        ),
    )


def _cut(row: AccountInfo, positions: tuple[Position, ...], at_entry: Decimal | None) -> Finding | None:
    """A finding when the list of positions does not reach the account's own totals, so that it may not be whole."""
    invested = known(row.totalInvested)
    beyond = subtract(at_entry, invested)
    tolerance = identities.rounding(invested, limit=_limit()) if beyond else ZERO
    if beyond is None or beyond >= tolerance.copy_negate():
        # Without a total to reach, a profit still needs a position that makes it.
        if positions or not known(row.totalUnrealizedPnl):
            return None
        beyond = None
    return Finding(
        code="POSITIONS_CUT",
        fields=("positions",),
        difference=beyond,
        tolerance=None if beyond is None else tolerance,
        message=f"the list of {len(positions)} positions does not account for the account's own totals",
    )


def _limit() -> Decimal:
    return spec.load(VENUE).amount("tolerance_relative_recomputed")


def _checks(row: AccountInfo, view: Account, at_entry: Decimal | None) -> list[Finding | None]:
    limit = _limit()
    invested = known(row.totalInvested)
    margins = [position.initial_margin for position in view.positions]
    return [
        identities.equity_is_wallet_plus_pnl(view.equity, view.wallet_balance, view.unrealized_pnl, limit),
        identities.available_within_equity(view.available, view.equity, limit),
        identities.underwater(view.equity),
        identities.compare(
            "POSITION_MARGIN_MISMATCH",
            ("initial_margin", "position_margin"),
            view.initial_margin,
            view.position_margin,
            partial(identities.rounding, view.equity, view.available, *margins, limit=limit),
            "what equity and available leave is not the sum of the positions' margins",
        ),
        identities.not_above(
            "INVESTED_MISMATCH",
            ("notional", "positions"),
            at_entry,
            invested,
            partial(identities.rounding, invested, limit=limit),
            "the positions at their entry prices are more than the account's own total of them",
        ),
        _entry_based(view),
    ]


def _entry_based(view: Account) -> Finding | None:
    if all(position.maintenance_margin is None for position in view.positions):
        return None
    basis = spec.load(VENUE).fact("maintenance_margin_basis")
    return Finding(
        code="BASIS_ENTRY",
        fields=("maintenance_margin", "margin_buffer", "margin_ratio"),
        message=(
            f"the venue reports maintenance margins at the {basis} but liquidates by the mark price: "
            "how near liquidation is cannot be told from them"
        ),
    )


def _unlisted(view: Account) -> list[Finding]:
    return [
        Finding(
            code="INSTRUMENT_UNKNOWN",
            fields=(f"positions/{number}/instrument",),
            message=f"the market {position.venue_symbol[:40]!r} has no form that is known",
        )
        for number, position in enumerate(view.positions)
        if position.instrument is None
    ]


# What each figure is ---------------------------------------------------------------------------------------------


def _of_account(name: str, note: str = "", gaps: dict[Missing, str] | None = None) -> Reported:
    return Reported("getAccountInfo", f"/{name}", note, gaps or {})


def _of_position(name: str, note: str = "", gaps: dict[Missing, str] | None = None) -> Reported:
    return Reported("getAccountInfo", f"/positions/{{row}}/{name}", note, gaps or {})


_ASKED = Derived("the collateral that was asked for; an answer that names another one is refused")
_CROSS = Derived("cross, for every account of this exchange", facts=("margin_mode",))
_NO_LEDGER = "this answer holds no history; no sum of transfers is reported"
_ONE_WALLET = "an account has one wallet"
_CUT = "the list of positions may be cut, so nothing is summed over it"
_BASIS = "with open positions the maintenance margin rests on entry prices, liquidation on mark prices"

DECLARATION = Declaration(
    account=Fields(
        account_id=Derived("the id that was asked with: the one given, or made of address and index"),
        currency=_ASKED,
        status=Never(Missing.UNSUPPORTED, "the venue reports no state of an account"),
        venue_status=Never(Missing.UNSUPPORTED, "the venue reports no state of an account"),
        mode=_CROSS,
        equity=_of_account("totalMargin"),
        wallet_balance=_of_account("collateralBalance"),
        unrealized_pnl=_of_account(
            "totalUnrealizedPnl",
            "of another moment than equity",
            {
                Missing.UNKNOWN_SENTINEL: "exactly 0 with open positions: a mark was stale, nothing was computed"
            },
        ),
        available=_of_account("availableMargin"),
        withdrawable=Never(
            Missing.UNSUPPORTED, "what can be withdrawn is less than available, and not reported"
        ),
        initial_margin=Derived("equity − available", ("equity", "available")),
        position_margin=Derived(
            "Σ initial_margin of the positions",
            ("positions/*/initial_margin",),
            gaps={Missing.NOT_DERIVABLE: f"a position's margin is missing, or {_CUT}"},
        ),
        order_margin=Never(Missing.UNSUPPORTED, "no figure of open orders is reported"),
        maintenance_margin=Derived(
            "Σ maintenance_margin of the positions",
            ("positions/*/maintenance_margin",),
            facts=("maintenance_margin_basis",),
            gaps={Missing.NOT_DERIVABLE: f"a position's requirement is missing, or {_CUT}"},
        ),
        margin_buffer=Derived(
            "equity − maintenance_margin",
            ("equity", "maintenance_margin"),
            gaps={Missing.NOT_DERIVABLE: f"{_BASIS}; without any, an input is missing"},
        ),
        margin_ratio=Derived(
            "0 without positions, for nothing is required then",
            ("maintenance_margin",),
            gaps={
                Missing.NOT_DERIVABLE: f"{_BASIS}; without any, an input is missing or equity is not positive"
            },
        ),
        notional=Derived(
            "value at entry prices + unrealized_pnl where all positions are long, − where all are short",
            (_of_account("totalInvested"), "unrealized_pnl", "positions/*/side"),
            gaps={
                Missing.NOT_DERIVABLE: (
                    "longs and shorts are both open and their profits are not told apart, or an input is missing, "
                    f"or {_CUT}"
                )
            },
        ),
        effective_leverage=Derived(
            "notional / equity",
            ("notional", "equity"),
            gaps={Missing.NOT_DERIVABLE: "notional is missing or 0, or equity is not positive"},
        ),
        net_deposits=Never(Missing.UNSUPPORTED, _NO_LEDGER),
        pending_deposits=Never(Missing.UNSUPPORTED, _NO_LEDGER),
        pending_withdrawals=Never(Missing.UNSUPPORTED, _NO_LEDGER),
        health=Never(Missing.UNSUPPORTED, "the venue has no such figure"),
        leverage_by_market=Never(Missing.UNSUPPORTED, "leverage is chosen with each order, not by market"),
        as_of=Never(Missing.UNSUPPORTED, "the answer holds no time"),
        sequence=Never(Missing.UNSUPPORTED, "the venue counts no account events in this answer"),
        positions=_of_account(
            "positions", gaps={Missing.NOT_RETURNED: "the list may be cut: it is shown as far as it came"}
        ),
        balances=_of_account("collateralBalance", "one collateral, so one balance"),
    ),
    position=Fields(
        instrument=_of_position("marketId", "base and collateral, a perpetual"),
        venue_symbol=_of_position("marketId"),
        side=_of_position("direction"),
        size=_of_position("size"),
        entry_price=_of_position("avgExecutionPrice"),
        mark_price=Never(Missing.UNSUPPORTED, "no mark price is in this answer"),
        liquidation_price=_of_position(
            "liquidationPrice",
            "an estimate; in the documented example a favourable one",
            {Missing.UNKNOWN_SENTINEL: "the venue sent no price above 0: there is none"},
        ),
        notional=Never(Missing.NOT_DERIVABLE, "neither a mark price nor the position's profit is reported"),
        leverage=_of_position("leverage"),
        margin_mode=_CROSS,
        wallet=Never(Missing.UNSUPPORTED, _ONE_WALLET),
        initial_margin=_of_position("marginAmount", "at entry prices: it does not move with the mark"),
        maintenance_margin=_of_position("maintenanceMargin", "at the entry price"),
        unrealized_pnl=Never(Missing.UNSUPPORTED, "the profit is told for the account, not by position"),
        realized_pnl=_of_position("realizedPnl"),
        funding=Never(Missing.UNSUPPORTED, "booked to the balance at once"),
    ),
    balance=Fields(
        asset=_ASKED,
        total=_of_account("collateralBalance"),
        available=Never(
            Missing.NOT_DERIVABLE,
            "the account's available margin counts unrealised profit, which is no asset yet",
        ),
        borrowed=Never(
            Missing.UNSUPPORTED, "the venue lends nothing: what a position borrows is its leverage"
        ),
        value=_of_account("collateralBalance", "the asset is the account's currency"),
        wallet=Never(Missing.UNSUPPORTED, _ONE_WALLET),
    ),
)

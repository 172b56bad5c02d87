"""Arcus: perpetuals against USDG. Accounts are read by address, without a credential; an address has ten of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from sys import intern
from typing import Any, Literal, NoReturn, TypeAlias, Unpack

import msgspec
from msgspec import UNSET

from accountview import identities, spec, writing
from accountview.adapter import Adapter, Writes, adapter
from accountview.amounts import EXACT, ZERO, add, divide, multiply, subtract, total
from accountview.client import connector, connector_async
from accountview.errors import AnswerInvalid, UsageError, VenueError, Where
from accountview.leverage import LeverageOf, Seen
from accountview.mapping import known, sum_over, sums_over
from accountview.network.sending import Outgoing
from accountview.plan import Call, Decode, Owner, Plan, Reading, Reply, ask_both
from accountview.provenance import Declaration, Derived, Fields, Never, Reported
from accountview.secret import Secret
from accountview.settings import Settings
from accountview.venues import _arcus_signing
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
from accountview_clients.arcus import models
from accountview_clients.arcus.api.account import get_account, get_leverages, set_leverage
from accountview_clients.arcus.models import (
    ErrorBody,
    LeverageList,
    SetLeverageRequest,
    SetLeverageResult,
    SetLeverageResultStatus,
)

VENUE = "arcus"


def open_adapter(
    *,
    address: str,
    account_index: int | Literal["all"] = 0,
    private_key: str | Secret | None = None,
    network: Literal["mainnet", "testnet"] = "mainnet",
    **settings: Unpack[Settings],
) -> Adapter:
    """Arcus with one address. Reading takes no credential: whoever knows an address can read its accounts.

    Args:
        address: 40 hexadecimal digits in any case, with or without 0x.
        account_index: which account of the address, 0 to 9; `"all"` reads the ten of them, each as an account of
            its own that is called `<label>/<index>`.
        private_key: Ed25519, 64 hexadecimal digits, of an API key of the address. Only changes are signed with it,
            which takes the extra `accountview[ed25519]`; reads neither need nor use it.
        network: which of the documented hosts is asked.
        **settings: what every client takes, see `accountview.client.Settings`.

    Raises:
        UsageError: an option cannot be used; the message says which and why.
    """
    if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{40}", address):
        raise UsageError(
            f"{VENUE}: address must be 40 hexadecimal digits, with or without 0x; is it cut or a name?"
        )
    wallet = "0x" + address[-40:].lower()
    last = int(spec.load(VENUE).fact("account_index_maximum"))
    indices = range(last + 1) if account_index == "all" else [account_index]
    if any(type(index) is not int or not 0 <= index <= last for index in indices):
        raise UsageError(f'{VENUE}: account_index is {account_index!r}; give 0 to {last}, or "all"')
    asked = tuple([Asked(wallet, index) for index in indices])
    key = None if private_key is None else _arcus_signing.private_key(VENUE, private_key)

    def sign(outgoing: Outgoing) -> Mapping[str, str]:
        return {} if key is None or outgoing.method == "GET" else _arcus_signing.headers(outgoing, key)

    def open_writes() -> Writes:
        if key is None:
            raise UsageError(f"{VENUE}: missing option private_key, which changes are signed with")
        _arcus_signing.check_extra(VENUE)
        return Writes(_leverage_of(asked))

    return adapter(
        VENUE,
        settings,
        read=lambda owner: read(asked, owner),
        sign=sign,
        secrets=() if key is None else (key,),
        network=network,
        open_writes=open_writes,
        signs_time=True,
        signs_reads=False,
    )


# The plan --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """Which account is asked for; the answers must be about the same."""

    address: str
    """In lower case with 0x, as answers show it."""
    index: int

    @property
    def account_id(self) -> str:
        """What tells the accounts of all addresses apart."""
        return f"{self.address}/{self.index}"


Summary: TypeAlias = models.Account | ErrorBody | None
"""The answer of getAccount; None when the venue says that the account was never used."""
Leverages: TypeAlias = LeverageList | ErrorBody


def read(asked: tuple[Asked, ...], owner: Owner) -> Plan[Reading]:
    """Each account that is asked for, one after another; of several, one that fails leaves the others."""
    if len(asked) == 1:
        return Reading(((yield from _read_one(asked[0], owner)),))
    accounts: list[Account] = []
    failures: list[VenueError] = []
    for each in asked:
        own = owner if owner.label is None else Owner(f"{owner.label}/{each.index}", owner.tags)
        try:
            accounts.append((yield from _read_one(each, own)))
        except VenueError as error:
            failures.append(_of_account(error, own.label or each.account_id))
    return Reading(tuple(accounts), tuple(failures))


def _read_one(asked: Asked, owner: Owner) -> Plan[Account]:
    account, leverages = yield from ask_both(_account_call(asked), _leverages_call(asked))
    return account_view(asked, owner, account, leverages)


def _account_call(asked: Asked) -> Call[Summary]:
    return Call(
        get_account.build_request(address=asked.address, account_index=asked.index),
        _parse_account,
        _refusal,
        expected=frozenset({_NEVER_USED}),
    )


def _leverages_call(asked: Asked) -> Call[Leverages]:
    return Call(
        get_leverages.build_request(address=asked.address, account_index=asked.index),
        get_leverages.parse_response,
        _refusal,
    )


_NEVER_USED = 404
"""The status of an account that was never used, with the words of x-facts; alone it may mean anything."""


def _parse_account(status: int, content: bytes, *, decode: Decode) -> Summary:
    row = get_account.parse_response(status, content, decode=decode)
    never_used = spec.load(VENUE).fact("no_activity_error")
    return None if isinstance(row, ErrorBody) and (status, row.error) == (_NEVER_USED, never_used) else row


def _refusal(answer: object) -> str | None:
    """The venue's words for an error."""
    if not isinstance(answer, ErrorBody):
        return None
    code = known(answer.code)
    return f"{code}: {answer.error}" if code else answer.error


def _leverage_of(asked: tuple[Asked, ...]) -> LeverageOf:
    """How Arcus is told a leverage; it shows one for every market."""

    def look(owner: Owner, account: str | None) -> Plan[Seen]:
        each = _one(asked, account)
        replies = yield from ask_both(_account_call(each), _leverages_call(each))
        answer = replies[1].parsed
        assert isinstance(answer, LeverageList)  # noqa: S101 - an error has been raised by now; for the type checker
        numbers = {row.marketDisplayName: row.marketId for row in answer.leverages}
        return Seen(account_view(each, owner, *replies), numbers)

    def change(seen: Seen, symbol: str, leverage: Decimal) -> Call[LeverageSet]:
        each = _one(asked, seen.account.account_id)
        body = SetLeverageRequest(
            address=each.address,
            accountIndex=each.index,
            marketId=seen.keys[symbol],
            leverage=int(leverage),
        )
        return Call(
            set_leverage.build_request(body=body),
            set_leverage.parse_response,
            _why_not_set,
        )

    return LeverageOf(
        venue=VENUE,
        look=look,
        change=change,
        instrument=instrument,
        is_whole=True,
        is_only_taken=lambda answer: answer.status != SetLeverageResultStatus.APPLIED,
    )


LeverageSet: TypeAlias = SetLeverageResult | ErrorBody


def _why_not_set(answer: LeverageSet) -> str | None:
    if isinstance(answer, SetLeverageResult) and answer.status == SetLeverageResultStatus.REJECTED:
        return str(known(answer.rejectReason) or "")
    return _refusal(answer)


def _one(asked: tuple[Asked, ...], account: str | None) -> Asked:
    matching = [each for each in asked if account in (None, each.account_id, str(each.index))]
    if len(matching) == 1:
        return matching[0]
    ids = ", ".join(each.account_id for each in asked)
    if account is None:
        raise UsageError(f"{VENUE}: several accounts are asked for; name one of: {ids}")
    raise UsageError(f"{VENUE}: no account {account!r}; asked for: {ids}")


def _of_account(error: VenueError, account: str) -> VenueError:
    """The same error, told of one of several accounts: the client knows only the label of them all."""
    details: dict[str, Any] = {
        name: value for name, value in vars(error).items() if name in ("code", "retry_after")
    }
    where: Where = {**error.where, "account": account}
    again = type(error)(error.problem, **where, **details)
    if isinstance(error, AnswerInvalid) and isinstance(again, AnswerInvalid):
        again.path = error.path  # it stands in `problem` already
    return again


# What the answers must agree on ------------------------------------------------------------------------------------


def _check_echo(asked: Asked, owner: Owner, row: models.Account | LeverageList, operation: str) -> None:
    """The venue ignores a parameter that it does not know, and answers for another account."""
    if row.address.lower() != asked.address:
        _invalid(owner, operation, "another address than was asked for", "$.address")
    if row.accountIndex != asked.index:
        _invalid(owner, operation, "another account index than was asked for", "$.accountIndex")


def _check_positions(asked: Asked, owner: Owner, rows: dict[str, models.Position]) -> None:
    address, index = asked.address, asked.index
    for key, row in rows.items():
        is_ours = row.address == address and row.accountIndex == index and key == str(row.marketId)
        if is_ours and row.size and (row.side in _SHORTS if row.size.is_signed() else row.side in _OPEN):
            continue  # as nearly all are
        problem = _contradiction(asked, key, row)
        if problem is not None:
            _invalid(owner, "getAccount", problem[1], f"$.positions[...].{problem[0]}")
    if len({row.marketDisplayName for row in rows.values()}) < len(rows):
        _invalid(owner, "getAccount", "two markets share one name", "$.positions[...].marketDisplayName")


def _contradiction(asked: Asked, key: str, row: models.Position) -> tuple[str, str] | None:
    """The member of a row that cannot be, and why; None when the row can be read."""
    if key != str(row.marketId):
        return "marketId", "a position under the number of another market"
    if row.address != asked.address and row.address is not UNSET and row.address.lower() != asked.address:
        return "address", "a position of another address"
    if row.accountIndex != asked.index and row.accountIndex is not UNSET:
        return "accountIndex", "a position of another account"
    if row.side not in _SIDES:
        return "side", "a side that the spec does not list"
    side = _SIDES[row.side]
    if not row.size:
        is_empty = not any((known(row.positionValueNotional), known(row.marginUsed)))
        return None if is_empty else ("size", "a position without a size that is not empty")
    if side is None:
        return "side", "a flat position that has a size"
    if row.size.is_signed() and side is not _SHORT:
        return "size", "a size below zero that is no short position"
    return None


def _invalid(owner: Owner, operation: str, problem: str, path: str) -> NoReturn:
    raise AnswerInvalid(problem, venue=VENUE, account=owner.label, operation=operation, path=path)


# Sizes come with a sign or without one; the side says the direction either way.
_SIDES: dict[str, Side | None] = {
    models.PositionSide.LONG: Side.LONG,
    models.PositionSide.BUY: Side.LONG,
    models.PositionSide.SHORT: Side.SHORT,
    models.PositionSide.SELL: Side.SHORT,
    models.PositionSide.FLAT: None,
}
_LONG, _SHORT = Side.LONG, Side.SHORT
_SHORTS = frozenset({word for word, side in _SIDES.items() if side is _SHORT})
_OPEN = frozenset({word for word, side in _SIDES.items() if side is not None})
_CROSS = MarginMode.CROSS
_MARGIN_MODES = {
    models.PositionMarginMode.CROSS: _CROSS,
    models.PositionMarginMode.ISOLATED: MarginMode.ISOLATED,
}


# The mapping -----------------------------------------------------------------------------------------------------


def account_view(asked: Asked, owner: Owner, account: Reply[Summary], leverages: Reply[Leverages]) -> Account:
    """The view of one account. Pure: everything it needs is in its arguments and the venue's spec.

    Raises AnswerInvalid when an answer is about another account, or contradicts itself.
    """
    facts = spec.load(VENUE)
    view = Account(
        label=owner.label,
        tags=owner.tags,
        venue=VENUE,
        account_id=asked.account_id,
        currency=facts.fact("collateral"),
        status=Status.ACTIVE,
        mode=Mode(facts.fact("margin_mode")),
        leverage_by_market=_leverage_by_market(asked, owner, leverages.parsed),
        requested_at=min(account.requested_at, leverages.requested_at),
        received_at=max(account.received_at, leverages.received_at),
    )
    row = account.parsed
    if row is None:
        return _without_activity(view)
    assert not isinstance(row, ErrorBody)  # noqa: S101 - it has been raised by now; for the type checker
    _check_echo(asked, owner, row, "getAccount")
    _check_positions(asked, owner, row.positions)
    return _with_figures(view, row)


def _leverage_by_market(asked: Asked, owner: Owner, answer: Leverages) -> dict[str, Decimal]:
    assert isinstance(answer, LeverageList)  # noqa: S101 - an error has been raised by now; for the type checker
    _check_echo(asked, owner, answer, "getLeverages")
    by_market = {intern(each.marketDisplayName): _multiple(each.leverage) for each in answer.leverages}
    if len(by_market) != len(answer.leverages):
        _invalid(owner, "getLeverages", "two markets share one name", "$.leverages")
    return by_market


_multiple = lru_cache(maxsize=256)(Decimal)
"""An account has hundreds of leverages, and there are few to choose from."""


def _without_activity(view: Account) -> Account:
    """An account that the venue knows nothing of: it is flat, and no figure of it is known."""
    finding = Finding(
        code="NO_ACTIVITY",
        fields=("status",),
        message=f"the venue has seen nothing of {view.account_id} yet; a mistyped address looks the same",
    )
    view = msgspec.structs.replace(view, status=Status.NO_ACTIVITY, findings=(finding,))
    origins = DECLARATION.account.origins
    told = [name for name, origin in origins.items() if not isinstance(origin, Never)]
    reasons = {name: Missing.NO_ACTIVITY for name in told if getattr(view, name) is None}
    return DECLARATION.account.with_reasons(view, reasons)


def _with_figures(view: Account, row: models.Account) -> Account:
    opened = [each for each in row.positions.values() if each.size]
    flat = (
        [each for each in row.positions.values() if not each.size] if len(opened) < len(row.positions) else []
    )
    listed = position_views(opened)
    worths = _signed_notionals(listed)
    equity = row.equity
    available = known(row.freeCollateral)
    comparable = _are_comparable(listed)
    cut = _equity_against_positions(equity, row.netQuoteBalance, listed, worths) if comparable else None
    # A part of the positions has no sum that says anything of the account.
    sums: dict[str, Decimal | None] = sums_over(listed, _SUMMED) if cut is None else dict.fromkeys(_SUMMED)
    notional = sums["notional"]
    balance = DECLARATION.balance.with_reasons(Balance(asset=view.currency, available=available), {})
    view = msgspec.structs.replace(
        view,
        equity=equity,
        unrealized_pnl=sums["unrealized_pnl"],
        available=available,
        withdrawable=available,
        initial_margin=subtract(equity, available),
        position_margin=sums["initial_margin"],
        notional=notional,
        effective_leverage=divide(notional, equity) if notional and equity > 0 else None,
        net_deposits=known(row.netDeposits),
        pending_deposits=known(row.pendingDeposits),
        pending_withdrawals=known(row.pendingWithdrawals),
        sequence=known(row.sequenceNumber),
        positions=listed,
        balances=(balance,),
    )
    reasons: dict[str, Missing] = (
        {} if cut is None else dict.fromkeys(("positions", *_SUMS), Missing.NOT_RETURNED)
    )
    return msgspec.structs.replace(
        DECLARATION.account.with_reasons(view, reasons),
        findings=identities.found(
            cut,
            *[_flat(each) for each in flat],
            *_position_findings(opened, listed, worths, view.leverage_by_market),
            *_checks(view, comparable=comparable),
        ),
    )


_SUMMED = ("unrealized_pnl", "initial_margin", "notional")
_SUMS = ("unrealized_pnl", "position_margin", "notional")


def position_views(rows: Sequence[models.Position]) -> tuple[Position, ...]:
    """The views of positions that are all open."""
    declared = DECLARATION.position
    never = declared.never
    views: list[Position] = []
    with localcontext(EXACT):
        for row in rows:
            side = _SIDES[row.side]
            assert side is not None  # noqa: S101 - a flat row has no size and was taken out; for the type checker
            symbol = intern(row.marketDisplayName)
            size = row.size.copy_abs()
            entry_price = None if row.averageEntryPrice is UNSET else row.averageEntryPrice
            mark_price = None if row.markPx is UNSET else row.markPx or None  # "0" says that there is none
            profit: Decimal | None = None
            if entry_price is not None and mark_price is not None:
                profit = size * (mark_price - entry_price if side is _LONG else entry_price - mark_price)
            notional = None if row.positionValueNotional is UNSET else row.positionValueNotional
            mode = None if row.marginMode is UNSET else row.marginMode
            funding = None if row.cumulativeFunding is UNSET else row.cumulativeFunding.sinceOpen
            view = Position(
                instrument=instrument(symbol),
                venue_symbol=symbol,
                side=side,
                size=size,
                entry_price=entry_price,
                mark_price=mark_price,
                notional=None if notional is None else notional.copy_abs(),
                leverage=None if row.leverage is UNSET else row.leverage,
                margin_mode=None if mode is None else _MARGIN_MODES.get(mode),
                initial_margin=None if row.marginUsed is UNSET else row.marginUsed,
                unrealized_pnl=profit,
                funding=None if funding is UNSET else funding,
                missing=never,
            )
            views.append(view)

    def reasons(number: int) -> dict[str, Missing]:
        row, view = rows[number], views[number]
        found: dict[str, Missing] = {}
        if known(row.markPx) is not None and view.mark_price is None:
            found["mark_price"] = Missing.UNKNOWN_SENTINEL
        if known(row.marginMode) is not None and view.margin_mode is None:
            found["margin_mode"] = Missing.UNLISTED
        return found

    return declared.all_with_reasons(views, reasons)


def _signed_notionals(positions: Sequence[Position]) -> list[Decimal | None]:
    """What each position is worth without its cash leg: below zero for a short."""
    return [
        each.notional
        if each.side is _LONG
        else None
        if each.notional is None
        else each.notional.copy_negate()
        for each in positions
    ]


@lru_cache(maxsize=4096)
def instrument(market: str) -> Instrument | None:
    """`BTC-USD` is the BTC perpetual quoted in USD; None for any other form, such as the `BTC-PERP` of old pages."""
    quote = spec.load(VENUE).fact("market_quote")
    base = market.removesuffix(f"-{quote}")
    if base == market or not base or "-" in base:
        return None
    return Instrument(base=base, quote=quote, kind=Kind.PERPETUAL)


# Findings --------------------------------------------------------------------------------------------------------


def _flat(row: models.Position) -> Finding:
    message = f"{row.marketDisplayName[:40]!r} is listed with a size of 0: it is closed, and no position"
    return Finding(code="FLAT_ROW", fields=("positions",), message=message)


def _position_findings(
    rows: Sequence[models.Position],
    views: Sequence[Position],
    worths: Sequence[Decimal | None],
    leverage_by_market: Mapping[str, Decimal],
) -> list[Finding | None]:
    never = DECLARATION.position.never
    findings: list[Finding | None] = []
    with localcontext(EXACT):
        for number, (row, view, worth) in enumerate(zip(rows, views, worths, strict=True)):
            leg = None if row.borrowedCapital is UNSET else row.borrowedCapital
            size, mark_price = view.size, view.mark_price
            notional = None if size is None or mark_price is None else size * mark_price
            profit = None if worth is None or leg is None else worth + leg
            set_leverage = leverage_by_market.get(view.venue_symbol)
            if (
                notional != view.notional
                or profit != view.unrealized_pnl
                or set_leverage != view.leverage
                or view.missing is not never
            ):
                findings += _findings_of(number, row, view, notional, profit, set_leverage)
    return findings


def _findings_of(
    number: int,
    row: models.Position,
    view: Position,
    worth: Decimal | None,
    profit: Decimal | None,
    set_leverage: Decimal | None,
) -> list[Finding | None]:
    def of(*names: str) -> tuple[str, ...]:
        return tuple([f"positions/{number}/{name}" for name in names])

    market = f"{view.venue_symbol[:40]!r}"
    tolerance = multiply(spec.load(VENUE).amount("tolerance_recomputed"), view.notional) or ZERO
    findings = [
        identities.compare(
            "NOTIONAL_MISMATCH",
            of("notional", "size", "mark_price"),
            view.notional,
            worth,
            tolerance,
            f"{market}: notional is not size × mark_price",
        ),
        identities.compare(
            "UNREALIZED_PNL_MISMATCH",
            of("unrealized_pnl", "size", "entry_price", "mark_price"),
            view.unrealized_pnl,
            profit,
            tolerance,
            f"{market}: size × price move is not the position's value plus its cash leg",
        ),
        identities.compare(
            "LEVERAGE_MISMATCH",
            (*of("leverage"), "leverage_by_market"),
            view.leverage,
            set_leverage,
            ZERO,
            f"{market}: the two answers tell different leverages",
        ),
    ]
    if view.missing.get("mark_price") is Missing.UNKNOWN_SENTINEL:
        findings.append(
            Finding(
                code="MARK_UNKNOWN",
                fields=(*of("mark_price", "notional", "initial_margin"), "notional", "position_margin"),
                message=f"{market} has no mark price now: its notional and margin rest on the entry price",
            )
        )
    if view.instrument is None:
        findings.append(
            Finding(
                code="INSTRUMENT_UNKNOWN",
                fields=of("instrument"),
                message=f"the market {market} has no form that is known",
            )
        )
    if view.missing.get("margin_mode") is Missing.UNLISTED:
        findings.append(
            Finding(
                code="UNLISTED_WORD",
                fields=of("margin_mode"),
                message=f"the spec does not list the margin mode {str(row.marginMode)[:40]!r}",
            )
        )
    return findings


def _equity_against_positions(
    equity: Decimal, cash: Decimal, positions: Sequence[Position], worths: Sequence[Decimal | None]
) -> Finding | None:
    """A finding when equity is not cash plus the positions: then some of them may not be listed.

    Without any position the two must be equal. Otherwise equity rests on the oracle prices and the positions, which
    must be comparable, on mark prices.
    """
    facts = spec.load(VENUE)

    def tolerance() -> Decimal:
        exposed = sum_over(positions, "notional") or ZERO
        between = EXACT.multiply(facts.amount("tolerance_between_prices"), exposed)
        return EXACT.add(
            between, identities.rounding(equity, cash, limit=facts.amount("tolerance_recomputed"))
        )

    return identities.compare(
        "EQUITY_MISMATCH",
        ("equity", "positions"),
        equity,
        add(cash, total(worths)),
        tolerance,
        "equity is not cash plus the positions that are listed; some may not be",
    )


def _are_comparable(positions: Sequence[Position]) -> bool:
    """Whether the account's figures follow from its positions.

    They do not where one has no mark price, or is isolated: how its pool counts is not documented.
    """
    return not [each for each in positions if each.margin_mode is not _CROSS or each.mark_price is None]


def _checks(view: Account, *, comparable: bool) -> list[Finding | None]:
    facts = spec.load(VENUE)
    limit = facts.amount("tolerance_recomputed")
    checks = [
        identities.available_within_equity(view.available, view.equity, limit),
        identities.underwater(view.equity),
    ]
    if comparable:

        def tolerance() -> Decimal:
            between = multiply(facts.amount("tolerance_between_prices"), view.position_margin) or ZERO
            return EXACT.add(between, identities.rounding(view.equity, view.available, limit=limit))

        checks.append(
            identities.compare(
                "POSITION_MARGIN_MISMATCH",
                ("position_margin", "equity", "available"),
                view.position_margin,
                view.initial_margin,
                tolerance,
                "the margins of the positions are not equity − available",
            )
        )
    return checks


# What each figure is ---------------------------------------------------------------------------------------------


def _declaration() -> Declaration:
    def account(name: str, note: str = "", gaps: dict[Missing, str] | None = None) -> Reported:
        return Reported("getAccount", f"/{name}", note, gaps or {})

    def position(name: str, note: str = "", gaps: dict[Missing, str] | None = None) -> Reported:
        return Reported("getAccount", f"/positions/*/{name}", note, gaps or {})

    def of_all(name: str) -> Derived:
        gaps = {
            Missing.NOT_RETURNED: "some positions may not be listed, and a part of them has no sum",
            Missing.NOT_DERIVABLE: "a position lacks it",
        }
        return Derived(f"Σ {name} of the positions", (f"positions/*/{name}",), gaps=gaps)

    collateral = Derived("the venue's collateral", facts=("collateral",))
    no_requirement = "the venue tells fractions by market, and no requirement of an account"
    cash_leg = "netQuoteBalance holds the cash leg of every position, so it is no wallet balance"
    return Declaration(
        account=Fields(
            account_id=Derived("the address that was asked for, a slash, and the index of the account"),
            currency=collateral,
            status=Derived(
                "active when getAccount answers, no_activity when it says so",
                facts=("no_activity_error",),
                note="the venue tells no other state",
            ),
            venue_status=Never(Missing.UNSUPPORTED, "no documented member tells a state"),
            mode=Derived("cross; a position says when it is isolated", facts=("margin_mode",)),
            equity=account(
                "equity", "at oracle prices, which are not told; positions are valued at mark prices"
            ),
            wallet_balance=Never(Missing.NOT_DERIVABLE, cash_leg),
            unrealized_pnl=of_all("unrealized_pnl"),
            available=account("freeCollateral"),
            withdrawable=account("freeCollateral", "the venue refuses a withdrawal above it"),
            initial_margin=Derived(
                "equity − available",
                ("equity", "available"),
                note="the venue computes what is free as equity less the initial margins",
            ),
            position_margin=of_all("initial_margin"),
            order_margin=Never(
                Missing.UNSUPPORTED, "the documented formula of what is free has no orders in it"
            ),
            maintenance_margin=Never(Missing.NOT_DERIVABLE, no_requirement),
            margin_buffer=Never(Missing.NOT_DERIVABLE, no_requirement),
            margin_ratio=Never(Missing.NOT_DERIVABLE, no_requirement),
            notional=of_all("notional"),
            effective_leverage=Derived(
                "notional / equity",
                ("notional", "equity"),
                gaps={
                    Missing.NOT_DERIVABLE: "the account is flat, equity is not positive, or notional is missing"
                },
            ),
            net_deposits=account("netDeposits"),
            pending_deposits=account("pendingDeposits"),
            pending_withdrawals=account("pendingWithdrawals"),
            health=Never(Missing.UNSUPPORTED, "the venue has no such figure"),
            leverage_by_market=Reported(
                "getLeverages", "/leverages", "what is set, or the market's default where nothing was set"
            ),
            as_of=Never(Missing.UNSUPPORTED, "the answer holds no time; equity is computed when it is read"),
            sequence=account("sequenceNumber"),
            positions=account(
                "positions", "a row with a size of 0 is a closed position, and told in a finding"
            ),
            balances=account("freeCollateral", "one collateral, so one balance"),
        ),
        position=Fields(
            instrument=position("marketDisplayName", "BASE-USD, a perpetual"),
            venue_symbol=position("marketDisplayName", "the row's key is the market's number"),
            side=Derived("LONG for LONG or BUY, SHORT for SHORT or SELL", (position("side"),)),
            size=position("size", "without its sign, which is the side"),
            entry_price=position("averageEntryPrice"),
            mark_price=position(
                "markPx", gaps={Missing.UNKNOWN_SENTINEL: 'the venue sent "0": it has no mark price now'}
            ),
            liquidation_price=Never(
                Missing.UNSUPPORTED, "the venue tells none; what applications show is theirs"
            ),
            notional=position("positionValueNotional", "without its sign, which is the side"),
            leverage=position("leverage", "set for the market, else the market's default"),
            margin_mode=position("marginMode"),
            wallet=Never(Missing.UNSUPPORTED, "an account has one wallet"),
            initial_margin=position(
                "marginUsed", "at the mark price; the whole pool of an isolated position"
            ),
            maintenance_margin=Never(Missing.NOT_DERIVABLE, no_requirement),
            unrealized_pnl=Derived(
                "size × (mark_price − entry_price) where side is LONG, else size × (entry_price − mark_price)",
                ("side", "size", "mark_price", "entry_price"),
                note="the venue's unrealizedPnl is a difference of margins, another figure",
            ),
            realized_pnl=Never(Missing.UNSUPPORTED, "it is told by fill, not by position"),
            funding=position("cumulativeFunding/sinceOpen"),
        ),
        balance=Fields(
            asset=collateral,
            total=Never(Missing.NOT_DERIVABLE, cash_leg),
            available=account("freeCollateral"),
            borrowed=Never(
                Missing.NOT_RETURNED, "loans are not documented; a member that may tell one is a finding"
            ),
            value=Never(Missing.NOT_DERIVABLE, cash_leg),
            wallet=Never(Missing.UNSUPPORTED, "an account has one wallet"),
        ),
    )


DECLARATION = _declaration()

connect = connector(open_adapter)
connect_async = connector_async(open_adapter)
connect_writing = writing.connector(open_adapter, writing.WritingClient)
connect_writing_async = writing.connector(open_adapter, writing.AsyncWritingClient)

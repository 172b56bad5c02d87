"""From the rows of one account at Tread.fi to its view.

Wealth is in the token rows, exposure in the position rows, and neither counts what the other says. Margin figures and
profits are in coins; a token row itself says what its coin is worth: notional over size.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache, partial
from sys import intern
from typing import Any, TypeAlias

import msgspec

from accountview import identities, spec
from accountview.amounts import EXACT, QUOTIENT, ZERO, add, divide, multiply, subtract, total
from accountview.mapping import known, sum_over, without_duplicates
from accountview.plan import Owner, Reply
from accountview.provenance import Declaration, Fields
from accountview.venues._tread_pairs import instrument
from accountview.venues._tread_rows import Holdings, Row, holds_nothing
from accountview.view import (
    Account,
    Balance,
    Finding,
    Kind,
    Missing,
    Mode,
    Position,
    Side,
    Status,
    time_text,
)
from accountview_clients.tread.models import Account as ListedAccount
from accountview_clients.tread.models import AccountMarginMode, AssetType

VENUE = "tread"

_TOKEN, _POSITION = AssetType.TOKEN, AssetType.POSITION


def account_view(
    declaration: Declaration,
    owner: Owner,
    holdings: Holdings,
    listed: ListedAccount | None,
    replies: Sequence[Reply[Any]],
    *,
    errors_told: bool,
) -> Account:
    """The view of one account; each row has been found to be a token, or a position with a side.

    `listed` is its row in the list of accounts, if it has one. Pure: all else it needs is in the venue's spec.
    """
    rows, doubled = _without_doubles(holdings.rows)
    tokens = [row for row in rows if row.kind is _TOKEN]
    exposures = [row for row in rows if row.kind is _POSITION]
    exchange = holdings.exchange or (None if listed is None else known(listed.exchange))
    priced = [(row, _worth_of(row)) for row in tokens]
    settling = _settling(exchange, priced)
    positions, conflicts = without_duplicates(
        tuple([_position(declaration.position, settling, row) for row in exposures if row.size])
    )
    sums = {name: _sum(priced, figure) for name, figure in _SUMMED.items()}
    spot_left_out = _spot_left_out(holdings, exchange, tokens)
    equity = sums["equity"] if holdings.cache is None else holdings.cache.equity
    if spot_left_out is not None:
        equity = None
    maintenance_margin = sums["maintenance_margin"]
    one_wallet = len({row.wallet for row in tokens if not holds_nothing(row)}) < 2
    above_water = equity is not None and equity > 0
    of_positions = {name: sum_over(positions, name) for name in _EXPOSED}
    doubts = identities.found(
        _errors_beside(told=errors_told),
        None if tokens else _NO_TOKENS,
        _cut(sums, of_positions, len(positions)),
    )
    notional = None if doubts else of_positions["notional"]
    view = Account(
        label=owner.label,
        tags=owner.tags,
        venue=VENUE,
        underlying_venue=exchange,
        account_id=holdings.name,
        currency=spec.load(VENUE).fact("currency"),
        status=Status.UNKNOWN if listed is None else Status.ACTIVE,
        mode=_mode(tokens, listed),
        equity=equity,
        wallet_balance=sums["wallet_balance"],
        unrealized_pnl=sums["unrealized_pnl"],
        initial_margin=sums["initial_margin"],
        maintenance_margin=maintenance_margin,
        margin_buffer=subtract(equity, maintenance_margin) if one_wallet else None,
        margin_ratio=divide(maintenance_margin, equity) if one_wallet and above_water else None,
        notional=notional,
        effective_leverage=divide(notional, equity) if notional and above_water else None,
        as_of=None if holdings.cache is None else holdings.cache.time,
        requested_at=min(reply.requested_at for reply in replies),
        received_at=max(reply.received_at for reply in replies),
        positions=positions,
        balances=tuple([_balance(declaration, row, worth) for row, worth in priced]),
    )
    reasons = _reasons(view, holdings, tokens)
    if doubts:
        reasons["positions"] = Missing.NOT_RETURNED
    if errors_told or not tokens:
        reasons["balances"] = Missing.NOT_RETURNED
    findings = identities.found(
        _from_cache(holdings),
        *doubts,
        *doubled,
        *conflicts,
        *_conflicting_tokens(tokens),
        *_flat_rows(exposures),
        spot_left_out,
        None if one_wallet else _SEVERAL_WALLETS,
        identities.underwater(equity),
        *_checks(view, rows, sums, None if doubts else of_positions, from_cache=holdings.cache is not None),
        *_unlisted(view, rows, listed),
    )
    return msgspec.structs.replace(declaration.account.with_reasons(view, reasons), findings=findings)


# What a coin is worth --------------------------------------------------------------------------------------------


Worth: TypeAlias = Callable[[Decimal | None], Decimal | None]
"""From coins of a token to currency."""


def _worth_of(token: Row) -> Worth:
    """At the price that the token's row implies: notional over size; None when it implies none."""
    size, notional, borrowed = token.size, token.notional, token.borrowed

    def worth(coins: Decimal | None) -> Decimal | None:
        if not coins:
            return coins
        if not size or borrowed:  # whether a loan is taken off the notional is not told
            return None
        if coins == size:
            return notional  # exact, and right too for dust whose notional is printed as 0
        return QUOTIENT.divide(EXACT.multiply(coins, notional), size) if notional else None

    # The same digits, and not only as much, so that the quotient would have just those of the coins.
    is_at_par = size and notional and not borrowed and size.compare_total(notional) == 0
    return _at_par if is_at_par else worth


def _at_par(coins: Decimal | None) -> Decimal | None:
    return coins


def _unknown(_: Decimal | None) -> None:
    return None


_SUMMED: Mapping[str, Callable[[Row], Decimal | None]] = {
    "equity": lambda row: row.size if row.margin_balance is None else row.margin_balance,
    "wallet_balance": lambda row: row.size,
    "unrealized_pnl": lambda row: row.unrealized_profit,
    "initial_margin": lambda row: row.initial_margin,
    "maintenance_margin": lambda row: row.maintenance_margin,
}
"""Figure of the account → the coins of a token row whose worth is summed for it."""


_EXPOSED = ("notional", "initial_margin", "maintenance_margin", "unrealized_pnl")
"""The figures of positions that are summed."""


def _sum(priced: Sequence[tuple[Row, Worth]], figure: Callable[[Row], Decimal | None]) -> Decimal | None:
    # Nothing listed is nothing known, and no 0.
    return total(worth(figure(row)) for row, worth in priced) if priced else None


def _reasons(view: Account, holdings: Holdings, tokens: Sequence[Row]) -> dict[str, Missing]:
    """Why figures are None that the declaration alone does not tell."""
    reasons = {
        name: Missing.NOT_RETURNED
        for name, figure in _SUMMED.items()
        if getattr(view, name) is None and (not tokens or any(_not_sent(row, figure(row)) for row in tokens))
    }
    if view.notional is None:
        reasons["notional"] = Missing.NOT_RETURNED
    if holdings.cache is not None:
        if view.equity is None:
            derivable = holdings.cache.equity is None
            reasons["equity"] = Missing.NOT_RETURNED if derivable else Missing.NOT_DERIVABLE
        if view.as_of is None and holdings.cache.time_sent:
            reasons["as_of"] = Missing.UNKNOWN_SENTINEL
    return reasons


def _not_sent(row: Row, coins: Decimal | None) -> bool:
    return coins is None or (bool(coins) and row.notional is None)


# Rows ------------------------------------------------------------------------------------------------------------


Settling: TypeAlias = Callable[[str | None, str | None], tuple[bool, Worth]]
"""From the quote of an instrument and a wallet to whether the size of a position counts base units, and what the coins
are worth that it is settled in."""


def _settling(exchange: str | None, priced: Sequence[tuple[Row, Worth]]) -> Settling:
    """What the positions of one account are sized and settled in.

    They are settled in the quote, by the token row of their own wallet if there is one; unless it is a quote that
    inverse contracts have too: then no answer tells.
    """
    facts = spec.load(VENUE)
    in_contracts = facts.fact("contract_sized_exchanges").casefold().split()
    inverse_quotes = frozenset(facts.fact("inverse_quotes").split())
    in_base = exchange is not None and exchange.casefold() not in in_contracts
    # Of several rows of a coin, the first.
    of_any_wallet = {token.symbol: worth for token, worth in reversed(priced)}
    of_wallet = {(token.symbol, token.wallet): worth for token, worth in reversed(priced)}

    @cache
    def of(quote: str | None, wallet: str | None) -> tuple[bool, Worth]:
        if quote is None or quote in inverse_quotes:
            return in_base and quote is None, _unknown
        return in_base, of_wallet.get((quote, wallet)) or of_any_wallet.get(quote, _unknown)

    return of


_LONG, _SHORT = Side.LONG, Side.SHORT
_HAVE_PRICES = (Kind.PERPETUAL, Kind.FUTURE)


def _position(declared: Fields, settling: Settling, row: Row) -> Position:
    """The view of a position of a size other than 0."""
    symbol = intern(row.symbol)
    traded = instrument(symbol)
    in_base, worth = settling(None if traded is None else traded.quote, row.wallet)
    size = row.size.copy_abs() if row.size is not None and in_base else None
    notional = None if row.notional is None else row.notional.copy_abs()
    has_price = traded is not None and traded.kind in _HAVE_PRICES
    view = Position(
        instrument=traded,
        venue_symbol=symbol,
        side=_LONG if row.size is not None and row.size > 0 else _SHORT,
        size=size,
        # A notional of 0 is too little to be printed: it says no price.
        mark_price=divide(notional, size) if has_price and notional else None,
        notional=notional,
        leverage=row.leverage or None,
        wallet=row.wallet,
        initial_margin=worth(row.initial_margin),
        maintenance_margin=worth(row.maintenance_margin),
        unrealized_pnl=worth(row.unrealized_profit),
        missing=declared.never,
    )
    if not declared.has_gap(view):
        return view
    reasons: dict[str, Missing] = {}
    for name, sent in (
        ("notional", row.notional),
        ("initial_margin", row.initial_margin),
        ("maintenance_margin", row.maintenance_margin),
        ("unrealized_pnl", row.unrealized_profit),
    ):
        if sent is None:
            reasons[name] = Missing.NOT_RETURNED
    if traded is None:
        reasons["instrument"] = Missing.UNLISTED
    if row.leverage is not None and not row.leverage:
        reasons["leverage"] = Missing.UNKNOWN_SENTINEL
    return declared.with_reasons(view, reasons)


def _balance(declaration: Declaration, row: Row, worth: Worth) -> Balance:
    view = Balance(
        asset=row.symbol,
        total=row.size,
        available=row.available,
        borrowed=row.borrowed,
        value=worth(row.size) if row.size else row.notional,
        wallet=row.wallet,
    )
    reasons: dict[str, Missing] = {}
    if view.value is None:
        reasons["value"] = Missing.NOT_DERIVABLE if row.borrowed else Missing.NOT_RETURNED
    return declaration.balance.with_reasons(view, reasons)


def _without_doubles(rows: Sequence[Row]) -> tuple[list[Row], list[Finding]]:
    """The rows with identical ones taken once, and a finding for each that stood more than once."""
    if len({(row.symbol, row.wallet) for row in rows}) == len(rows):
        return list(rows), []
    kept: dict[Row, Row] = {}
    findings: list[Finding] = []
    for row in rows:
        said = msgspec.structs.replace(row, number=0)
        if said not in kept:
            kept[said] = row
            continue
        findings.append(
            Finding(
                code="DUPLICATE_ROW",
                fields=("balances" if row.kind is _TOKEN else "positions",),
                message=f"{row.symbol[:40]} {row.wallet}: the same row stands twice; it is counted once",
            )
        )
    return list(kept.values()), findings


def _conflicting_tokens(tokens: Sequence[Row]) -> Iterator[Finding]:
    seen: set[tuple[str, str | None]] = set()
    for row in tokens:
        if (row.symbol, row.wallet) in seen:
            message = (
                f"{row.symbol[:40]} {row.wallet}: two different rows describe one balance; both are counted"
            )
            yield Finding(code="CONFLICTING_ROWS", fields=("balances",), message=message)
        seen.add((row.symbol, row.wallet))


def _flat_rows(exposures: Sequence[Row]) -> Iterator[Finding]:
    flat = sum(not row.size for row in exposures)
    if flat:
        message = f"{flat} rows are of positions that hold nothing any more; they are no positions"
        yield Finding(code="FLAT_ROWS", fields=("positions",), message=message)


# The account -----------------------------------------------------------------------------------------------------


def _mode(tokens: Sequence[Row], listed: ListedAccount | None) -> Mode:
    if any(row.wallet == "unified" for row in tokens):
        return Mode.UNIFIED
    word = None if listed is None else known(listed.margin_mode)
    return Mode.UNKNOWN if word is None else _MODES.get(word, Mode.UNKNOWN)


_MODES = {AccountMarginMode.CROSS: Mode.CROSS, AccountMarginMode.ISOLATED: Mode.ISOLATED}


def _spot_left_out(holdings: Holdings, exchange: str | None, tokens: Sequence[Row]) -> Finding | None:
    """A finding when a cached equity was added up from wallets, and spot holdings are not in it."""
    if holdings.cache is None or not holdings.cache.from_wallets or holdings.cache.equity is None:
        return None
    without_spot = spec.load(VENUE).fact("equities_without_spot").casefold().split()
    if (exchange or "").casefold() not in without_spot:
        return None
    if not any(row.wallet == "spot" and not holds_nothing(row) for row in tokens):
        return None
    return Finding(
        code="EQUITY_WITHOUT_SPOT",
        fields=("equity",),
        message="the venue tells what the wallets are worth without spot, and there are spot holdings",
    )


def _cut(
    sums: Mapping[str, Decimal | None], of_positions: Mapping[str, Decimal | None], count: int
) -> Finding | None:
    """A finding when the positions do not reach what the tokens say of all of them: some may not be listed."""
    limit = spec.load(VENUE).amount("tolerance_sum_of_positions")
    compared = (
        ("maintenance_margin", sums["maintenance_margin"]),
        ("unrealized_pnl", of_positions["notional"]),
    )
    for name, base in compared:
        beyond = subtract(of_positions[name], sums[name])
        tolerance = multiply(limit, base)
        if beyond is None or tolerance is None:
            continue
        apart = beyond.copy_negate() if name == "maintenance_margin" else beyond.copy_abs()
        if apart > tolerance:
            return Finding(
                code="POSITIONS_CUT",
                fields=("positions", name),
                difference=beyond,
                tolerance=tolerance,
                message=f"{name} of the {count} positions does not reach that of the tokens",
            )
    return None


def _errors_beside(*, told: bool) -> Finding | None:
    if not told:
        return None
    return Finding(
        code="VENUE_ERRORS",
        fields=("positions", "balances"),
        message="the venue tells of errors beside its balances and does not say where: any row may be missing",
    )


def _from_cache(holdings: Holdings) -> Finding | None:
    if holdings.cache is None:
        return None
    moment = "an unknown time" if holdings.cache.time is None else time_text(holdings.cache.time)
    return Finding(code="CACHED", fields=("as_of",), message=f"the figures are the venue's cache of {moment}")


_NO_TOKENS = Finding(
    code="NO_BALANCES",
    fields=("positions", "balances"),
    message="no token is listed: an empty account and one that could not be read look the same",
)
_SEVERAL_WALLETS = Finding(
    code="SEVERAL_WALLETS",
    fields=("margin_buffer", "margin_ratio"),
    message="the tokens are in several wallets, and what is in one does not back the positions of another",
)


# Checks ----------------------------------------------------------------------------------------------------------


def _checks(
    view: Account,
    rows: Sequence[Row],
    sums: Mapping[str, Decimal | None],
    of_positions: Mapping[str, Decimal | None] | None,
    *,
    from_cache: bool,
) -> Iterator[Finding | None]:
    """What must be true among the figures; `of_positions` is None where some positions may not be listed."""
    facts = spec.load(VENUE)
    for row in rows:
        if row.kind is _TOKEN:
            yield _equity_of_token(row, facts.amount("tolerance_relative_recomputed"))
    if from_cache:
        yield identities.compare(
            "EQUITY_MISMATCH",
            ("equity", "balances"),
            view.equity,
            sums["equity"],
            EXACT.multiply(facts.amount("tolerance_cached_equity"), (view.equity or ZERO).copy_abs()),
            "equity is not the worth of the tokens",
        )
    pools: defaultdict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        pools[row.wallet].append(row)
    for wallet, pool in pools.items():
        if any(row.notional for row in pool):
            yield identities.compare(
                "SHARES_MISMATCH",
                ("balances", "positions"),
                total([row.share for row in pool]),
                Decimal(1),
                facts.amount("tolerance_shares"),
                f"the shares of the rows of {(wallet or '')[:40]!r} do not add up to 1: some may not be listed",
            )
    if of_positions is None:
        return
    moved = facts.amount("tolerance_sum_of_positions")
    for code, name in (
        ("INITIAL_MARGIN_MISMATCH", "initial_margin"),
        ("MAINTENANCE_MARGIN_MISMATCH", "maintenance_margin"),
    ):
        # Open orders may be in the tokens' figures, so these may be more.
        yield identities.not_above(
            code,
            (name, "positions"),
            of_positions[name],
            sums[name],
            EXACT.multiply(moved, sums[name] or ZERO),
            f"{name} of the positions is more than that of the tokens",
        )


def _equity_of_token(row: Row, limit: Decimal) -> Finding | None:
    """A finding when the coins that a token is worth are not its size and its unrealised profit."""
    coins = row.size if row.margin_balance is None else row.margin_balance
    expected = add(row.size, row.unrealized_profit)
    missed = identities.compare(
        "EQUITY_MISMATCH",
        ("equity", "wallet_balance", "unrealized_pnl"),
        coins,
        expected,
        partial(identities.rounding, row.margin_balance, row.size, row.unrealized_profit, limit=limit),
        f"{row.symbol[:40]}: what counts for equity is not size + unrealised profit, in coins",
    )
    if missed is None:
        return None
    # The fields are in currency, so the distances are too.
    worth = _worth_of(row)
    return msgspec.structs.replace(
        missed, difference=worth(missed.difference), tolerance=worth(missed.tolerance)
    )


def _unlisted(view: Account, rows: Sequence[Row], listed: ListedAccount | None) -> Iterator[Finding]:
    """Words, pairs and accounts that the venue does not list elsewhere: passed through, and told."""
    if listed is None:
        message = "the account holds something and is not in the list of accounts"
        yield Finding(code="NOT_LISTED", fields=("status",), message=message)
    for number, position in enumerate(view.positions):
        if position.instrument is None:
            message = f"the pair {position.venue_symbol[:40]!r} has no form that is known"
            yield Finding(
                code="INSTRUMENT_UNKNOWN", fields=(f"positions/{number}/instrument",), message=message
            )
    for wallet in dict.fromkeys(row.wallet for row in rows if not row.wallet_listed):
        message = f"the spec does not list the wallet {(wallet or '')[:40]!r}"
        yield Finding(code="UNLISTED_WORD", fields=("balances", "positions"), message=message)
    word = None if listed is None else known(listed.margin_mode)
    if word is not None and not word.known:
        message = f"the spec does not list the margin mode {word[:40]!r}"
        yield Finding(code="UNLISTED_WORD", fields=("mode",), message=message)

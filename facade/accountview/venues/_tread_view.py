"""From the rows of one account at Tread.fi to its view.

Wealth is in the token rows, exposure in the position rows, and neither counts what the other says. Margin figures and
profits are in coins; a token row itself says what its coin is worth: notional over size.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from functools import lru_cache, partial
from itertools import compress, groupby
from operator import attrgetter, itemgetter, not_
from sys import intern
from typing import Any, NamedTuple, TypeAlias

import msgspec

from accountview import identities, spec
from accountview.amounts import (
    EXACT,
    QUOTIENT,
    ZERO,
    add,
    divide,
    multiply,
    subtract,
    total,
    totals,
)
from accountview.mapping import known, sums_over, without_duplicates
from accountview.plan import Owner, Reply
from accountview.provenance import Declaration, Fields
from accountview.venues._tread_pairs import instrument
from accountview.venues._tread_rows import NOTIONAL, SHARE, SIZE, SYMBOL, WALLET, Holdings, PositionRow, Token
from accountview.view import (
    Account,
    Balance,
    Finding,
    Instrument,
    Kind,
    Missing,
    Mode,
    Position,
    Side,
    Status,
    time_text,
)
from accountview_clients.tread.models import Account as ListedAccount
from accountview_clients.tread.models import AccountMarginMode

VENUE = "tread"


def account_view(
    declaration: Declaration,
    owner: Owner,
    holdings: Holdings,
    listed: ListedAccount | None,
    replies: Sequence[Reply[Any]],
    *,
    errors_told: bool,
) -> Account:
    """The view of one account; `holdings` has no problem: each position has a side.

    `listed` is its row in the list of accounts, if it has one. Pure: all else it needs is in the venue's spec.
    """
    tokens, doubled_tokens = _tokens_once(holdings.tokens)
    rows, doubled_positions = _positions_once(holdings.positions)
    exchange = holdings.exchange or (None if listed is None else known(listed.exchange))
    priced = [(token, _worth_of(token)) for token in tokens]
    listed_positions = _position_views(declaration.position, _settling(exchange, priced), rows)
    positions, conflicts = without_duplicates(listed_positions)
    sums = _sums(priced)
    spot_left_out = _spot_left_out(holdings, exchange, tokens)
    equity = sums["equity"] if holdings.cache is None else holdings.cache.equity
    if spot_left_out is not None:
        equity = None
    maintenance_margin = sums["maintenance_margin"]
    one_wallet = len({token.wallet for token in tokens if not token.holds_nothing}) < 2
    above_water = equity is not None and equity > 0
    of_positions = sums_over(positions, _EXPOSED)
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
        balances=tuple([_balance(declaration, token, worth) for token, worth in priced]),
    )
    reasons = _reasons(view, holdings, tokens)
    if doubts:
        reasons["positions"] = Missing.NOT_RETURNED
    if errors_told or not tokens:
        reasons["balances"] = Missing.NOT_RETURNED
    findings = identities.found(
        _from_cache(holdings),
        *doubts,
        *doubled_tokens,
        *doubled_positions,
        *conflicts,
        *_conflicting_tokens(tokens),
        _flat_rows(len(rows) - len(listed_positions)),
        spot_left_out,
        None if one_wallet else _SEVERAL_WALLETS,
        identities.underwater(equity),
        *_checks(view, tokens, sums, None if doubts else of_positions, from_cache=holdings.cache is not None),
        *_shares(tokens, rows),
        *_unlisted(view, holdings.unlisted_wallets, listed),
    )
    return msgspec.structs.replace(declaration.account.with_reasons(view, reasons), findings=findings)


# What a coin is worth --------------------------------------------------------------------------------------------


Worth: TypeAlias = Callable[[Decimal | None], Decimal | None]
"""From coins of a token to currency."""


def _worth_of(token: Token) -> Worth:
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


_SUMMED: Mapping[str, Callable[[Token], Decimal | None]] = {
    "equity": lambda token: token.size if token.margin_balance is None else token.margin_balance,
    "wallet_balance": attrgetter("size"),
    "unrealized_pnl": attrgetter("unrealized_profit"),
    "initial_margin": attrgetter("initial_margin"),
    "maintenance_margin": attrgetter("maintenance_margin"),
}
"""Figure of the account → the coins of a token row whose worth is summed for it."""


_EXPOSED = ("notional", "initial_margin", "maintenance_margin", "unrealized_pnl")
"""The figures of positions that are summed."""


def _sums(priced: Sequence[tuple[Token, Worth]]) -> dict[str, Decimal | None]:
    if not priced:
        return dict.fromkeys(_SUMMED)  # nothing listed is nothing known, and no 0
    columns = [[worth(figure(token)) for token, worth in priced] for figure in _SUMMED.values()]
    return dict(zip(_SUMMED, totals(columns), strict=True))


def _reasons(view: Account, holdings: Holdings, tokens: Sequence[Token]) -> dict[str, Missing]:
    """Why figures are None that the declaration alone does not tell."""
    reasons = {
        name: Missing.NOT_RETURNED
        for name, figure in _SUMMED.items()
        if getattr(view, name) is None
        and (not tokens or any(_not_sent(token, figure(token)) for token in tokens))
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


def _not_sent(token: Token, coins: Decimal | None) -> bool:
    return coins is None or (bool(coins) and token.notional is None)


# Tokens ----------------------------------------------------------------------------------------------------------


def _balance(declaration: Declaration, token: Token, worth: Worth) -> Balance:
    view = Balance(
        asset=token.symbol,
        total=token.size,
        available=token.available,
        borrowed=token.borrowed,
        value=worth(token.size) if token.size else token.notional,
        wallet=token.wallet,
    )
    reasons: dict[str, Missing] = {}
    if view.value is None:
        reasons["value"] = Missing.NOT_DERIVABLE if token.borrowed else Missing.NOT_RETURNED
    return declaration.balance.with_reasons(view, reasons)


def _tokens_once(tokens: Sequence[Token]) -> tuple[Sequence[Token], list[Finding]]:
    """Identical rows taken once, and a finding for each that stood more than once."""
    if len({(token.symbol, token.wallet) for token in tokens}) == len(tokens):
        return tokens, []
    is_new = _first_time(tokens)
    doubled = compress(tokens, map(not_, is_new))
    findings = [_stands_twice("balances", token.symbol, token.wallet) for token in doubled]
    return list(compress(tokens, is_new)), findings


def _first_time(rows: Iterable[Hashable]) -> list[bool]:
    """Of each row whether none like it came before."""
    seen: set[Hashable] = set()
    is_new: list[bool] = []
    for row in rows:
        is_new.append(row not in seen)
        seen.add(row)
    return is_new


def _conflicting_tokens(tokens: Sequence[Token]) -> Iterator[Finding]:
    seen: set[tuple[str, str | None]] = set()
    for token in tokens:
        if (token.symbol, token.wallet) in seen:
            message = f"{token.symbol[:40]} {token.wallet}: two different rows describe one balance; both are counted"
            yield Finding(code="CONFLICTING_ROWS", fields=("balances",), message=message)
        seen.add((token.symbol, token.wallet))


def _stands_twice(field: str, symbol: str, wallet: str | None) -> Finding:
    return Finding(
        code="DUPLICATE_ROW",
        fields=(field,),
        message=f"{symbol[:40]} {wallet}: the same row stands twice; it is counted once",
    )


# Positions -------------------------------------------------------------------------------------------------------


class Settled(NamedTuple):
    """What a position is sized and settled in."""

    in_base: bool
    """Whether its size counts base units, and no contracts."""
    worth: Worth
    """Of the coins that its margins and its profit are counted in."""


Settling: TypeAlias = Callable[[str | None, str | None], Settled]
"""From the quote of an instrument and a wallet."""


def _settling(exchange: str | None, priced: Sequence[tuple[Token, Worth]]) -> Settling:
    """What the positions of one account are sized and settled in.

    They are settled in the quote, by the token row of their own wallet if there is one; unless it is a quote that
    inverse contracts have too: then no answer tells.
    """
    facts = spec.load(VENUE)
    in_contracts = facts.fact("contract_sized_exchanges").casefold().split()
    inverse_quotes = facts.fact("inverse_quotes").split()
    in_base = exchange is not None and exchange.casefold() not in in_contracts
    # Of several rows of a coin, the first.
    of_any_wallet = {token.symbol: worth for token, worth in reversed(priced)}
    of_wallet = {(token.symbol, token.wallet): worth for token, worth in reversed(priced)}

    def settled(quote: str | None, wallet: str | None) -> Settled:
        if quote is None or quote in inverse_quotes:
            return Settled(in_base and quote is None, _unknown)
        return Settled(in_base, of_wallet.get((quote, wallet)) or of_any_wallet.get(quote, _unknown))

    return settled


_LONG, _SHORT = Side.LONG, Side.SHORT
_HAVE_PRICES = (Kind.PERPETUAL, Kind.FUTURE)


@lru_cache(maxsize=4096)
def _traded(symbol: str) -> tuple[str, Instrument | None, str | None, bool]:
    """A symbol, what it names, its quote, and whether notional over size is a price; texts are shared by all rows."""
    each = instrument(symbol)
    if each is None:
        return intern(symbol), None, None, False
    return intern(symbol), each, intern(each.quote), each.kind in _HAVE_PRICES


def _position_views(
    declared: Fields, settling: Settling, rows: Sequence[PositionRow]
) -> tuple[Position, ...]:
    """The views of all positions that have a size other than 0."""
    views: list[Position] = []
    never = declared.never
    opened = [row for row in rows if row[SIZE]]
    settled_quote, settled_wallet = None, None
    in_base, worth = settling(None, None)
    with localcontext(QUOTIENT):
        for symbol, wallet, signed, value, profit, initial_margin, maintenance_margin, leverage, _ in opened:
            assert signed is not None  # noqa: S101 - none was taken in; for the type checker
            symbol, traded, quote, has_price = _traded(symbol)
            if quote is not settled_quote or wallet is not settled_wallet:  # as for few rows
                settled_quote, settled_wallet = quote, wallet
                in_base, worth = settling(quote, wallet)
            is_short = signed.is_signed()
            size = (signed.copy_negate() if is_short else signed) if in_base else None
            notional = None if value is None else value.copy_abs()
            if worth is not _at_par:
                initial_margin, maintenance_margin, profit = map(
                    worth, (initial_margin, maintenance_margin, profit)
                )
            view = Position(
                instrument=traded,
                venue_symbol=symbol,
                side=_SHORT if is_short else _LONG,
                size=size,
                # A notional of 0 is too little to be printed: it says no price.
                mark_price=notional / size if notional and size and has_price else None,
                notional=notional,
                leverage=leverage or None,
                wallet=wallet,
                initial_margin=initial_margin,
                maintenance_margin=maintenance_margin,
                unrealized_pnl=profit,
                missing=never,
            )
            views.append(view)
    return declared.all_with_reasons(views, lambda number: _reasons_of_position(opened[number]))


def _reasons_of_position(row: PositionRow) -> dict[str, Missing]:
    symbol, _, _, notional, unrealized_profit, initial_margin, maintenance_margin, leverage, _ = row
    reasons = {
        name: Missing.NOT_RETURNED
        for name, sent in (
            ("notional", notional),
            ("initial_margin", initial_margin),
            ("maintenance_margin", maintenance_margin),
            ("unrealized_pnl", unrealized_profit),
        )
        if sent is None
    }
    if instrument(symbol) is None:
        reasons["instrument"] = Missing.UNLISTED
    if leverage is not None and not leverage:
        reasons["leverage"] = Missing.UNKNOWN_SENTINEL
    return reasons


def _positions_once(rows: Sequence[PositionRow]) -> tuple[Sequence[PositionRow], list[Finding]]:
    """Identical rows taken once, and a finding for each that stood more than once."""
    if len({row[SYMBOL] for row in rows}) == len(rows):
        return rows, []
    is_new = _first_time(rows)
    doubled = compress(rows, map(not_, is_new))
    findings = [_stands_twice("positions", symbol, wallet) for symbol, wallet, *_ in doubled]
    return list(compress(rows, is_new)), findings


def _flat_rows(count: int) -> Finding | None:
    message = f"{count} rows are of positions that hold nothing any more; they are no positions"
    return Finding(code="FLAT_ROWS", fields=("positions",), message=message) if count else None


# The account -----------------------------------------------------------------------------------------------------


def _mode(tokens: Sequence[Token], listed: ListedAccount | None) -> Mode:
    if any(token.wallet == "unified" for token in tokens):
        return Mode.UNIFIED
    word = None if listed is None else known(listed.margin_mode)
    return Mode.UNKNOWN if word is None else _MODES.get(word, Mode.UNKNOWN)


_MODES = {AccountMarginMode.CROSS: Mode.CROSS, AccountMarginMode.ISOLATED: Mode.ISOLATED}


def _spot_left_out(holdings: Holdings, exchange: str | None, tokens: Sequence[Token]) -> Finding | None:
    """A finding when a cached equity was added up from wallets, and spot holdings are not in it."""
    if holdings.cache is None or not holdings.cache.from_wallets or holdings.cache.equity is None:
        return None
    without_spot = spec.load(VENUE).fact("equities_without_spot").casefold().split()
    if (exchange or "").casefold() not in without_spot:
        return None
    if not any(token.wallet == "spot" and not token.holds_nothing for token in tokens):
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
    tokens: Sequence[Token],
    sums: Mapping[str, Decimal | None],
    of_positions: Mapping[str, Decimal | None] | None,
    *,
    from_cache: bool,
) -> Iterator[Finding | None]:
    """What must be true among the figures; `of_positions` is None where some positions may not be listed."""
    facts = spec.load(VENUE)
    for token in tokens:
        yield _equity_of_token(token, facts.amount("tolerance_relative_recomputed"))
    if from_cache:
        yield identities.compare(
            "EQUITY_MISMATCH",
            ("equity", "balances"),
            view.equity,
            sums["equity"],
            EXACT.multiply(facts.amount("tolerance_cached_equity"), (view.equity or ZERO).copy_abs()),
            "equity is not the worth of the tokens",
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


def _shares(tokens: Sequence[Token], positions: Sequence[PositionRow]) -> Iterator[Finding | None]:
    """The shares of the rows of one wallet, tokens and positions, are of all that it holds."""
    pools: defaultdict[str | None, tuple[list[Token], list[PositionRow]]] = defaultdict(lambda: ([], []))
    for token in tokens:
        pools[token.wallet][0].append(token)
    for wallet, rows in groupby(positions, itemgetter(WALLET)):
        pools[wallet][1].extend(rows)
    tolerance = spec.load(VENUE).amount("tolerance_shares")
    for wallet, (held, exposed) in pools.items():
        if any(token.notional for token in held) or any(row[NOTIONAL] for row in exposed):
            yield identities.compare(
                "SHARES_MISMATCH",
                ("balances", "positions"),
                total([token.share for token in held] + [row[SHARE] for row in exposed]),
                _WHOLE,
                tolerance,
                f"the shares of the rows of {(wallet or '')[:40]!r} do not add up to 1: some may not be listed",
            )


_WHOLE = Decimal(1)


def _equity_of_token(token: Token, limit: Decimal) -> Finding | None:
    """A finding when the coins that a token is worth are not its size and its unrealised profit."""
    coins = token.size if token.margin_balance is None else token.margin_balance
    expected = add(token.size, token.unrealized_profit)
    missed = identities.compare(
        "EQUITY_MISMATCH",
        ("equity", "wallet_balance", "unrealized_pnl"),
        coins,
        expected,
        partial(identities.rounding, token.margin_balance, token.size, token.unrealized_profit, limit=limit),
        f"{token.symbol[:40]}: what counts for equity is not size + unrealised profit, in coins",
    )
    if missed is None:
        return None
    # The fields are in currency, so the distances are too.
    worth = _worth_of(token)
    return msgspec.structs.replace(
        missed, difference=worth(missed.difference), tolerance=worth(missed.tolerance)
    )


def _unlisted(view: Account, wallets: Sequence[str], listed: ListedAccount | None) -> Iterator[Finding]:
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
    for wallet in wallets:
        message = f"the spec does not list the wallet {wallet[:40]!r}"
        yield Finding(code="UNLISTED_WORD", fields=("balances", "positions"), message=message)
    word = None if listed is None else known(listed.margin_mode)
    if word is not None and not word.known:
        message = f"the spec does not list the margin mode {word[:40]!r}"
        yield Finding(code="UNLISTED_WORD", fields=("mode",), message=message)

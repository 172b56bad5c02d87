"""What must be true among figures that a venue reports apart from each other. Checked, never forced.

A miss is a finding that shows exactly how far the figures are apart; no figure is ever corrected. Only figures that
are reported independently are held against each other: what we derived ourselves would hold by construction.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import TypeAlias

from accountview.amounts import EXACT, add, plain, unit_in_last_place
from accountview.view import Finding

_COARSEST = Decimal("0.01")

Tolerance: TypeAlias = Decimal | Callable[[], Decimal]
"""How far figures may be apart; of those that agree to the last digit, a function is not even asked."""


def rounding(*figures: Decimal | None, limit: Decimal) -> Decimal:
    """How far a sum of figures may be off because each was rounded or cut in its last printed digit.

    A figure printed as a whole number has dropped its zeros: no venue prints money coarser than 0.01. And never more
    than `limit` (a ratio, stated by the venue's spec) of the largest figure.
    """
    known = [figure for figure in figures if figure is not None]
    digits = Decimal(0)
    for figure in known:
        digits = EXACT.add(digits, min(unit_in_last_place(figure), _COARSEST))
    largest = max((figure.copy_abs() for figure in known), default=Decimal(0))
    return min(digits, EXACT.multiply(limit, largest))


def compare(
    code: str,
    fields: tuple[str, ...],
    left: Decimal | None,
    right: Decimal | None,
    tolerance: Tolerance,
    statement: str,
) -> Finding | None:
    """A finding when `left` and `right` are further apart than `tolerance`; `difference` is left − right.

    None when they agree, and when either is missing: what is not known is not checked.
    """
    if left is None or right is None:
        return None
    difference = EXACT.subtract(left, right)
    if not difference:
        return None
    allowed = tolerance if isinstance(tolerance, Decimal) else tolerance()
    if difference.copy_abs() <= allowed:  # abs() would round to the caller's context
        return None
    return Finding(
        code=code,
        fields=fields,
        difference=difference,
        tolerance=allowed,
        message=f"{statement}: {plain(left)} against {plain(right)}, apart by {plain(difference)}",
    )


def not_above(
    code: str,
    fields: tuple[str, ...],
    figure: Decimal | None,
    bound: Decimal | None,
    tolerance: Tolerance,
    statement: str,
) -> Finding | None:
    """A finding when `figure` is above `bound` by more than `tolerance`; None when either is missing."""
    if figure is None or bound is None or figure <= bound:
        return None
    return compare(code, fields, figure, bound, tolerance, statement)


def equity_is_wallet_plus_pnl(
    equity: Decimal | None, wallet_balance: Decimal | None, unrealized_pnl: Decimal | None, limit: Decimal
) -> Finding | None:
    """equity ≈ wallet_balance + unrealized_pnl, to the digits that were printed."""
    return compare(
        "EQUITY_MISMATCH",
        ("equity", "wallet_balance", "unrealized_pnl"),
        equity,
        add(wallet_balance, unrealized_pnl),
        partial(rounding, equity, wallet_balance, unrealized_pnl, limit=limit),
        "equity is not wallet_balance + unrealized_pnl",
    )


def available_within_equity(
    available: Decimal | None, equity: Decimal | None, limit: Decimal
) -> Finding | None:
    """available ≤ equity."""
    return not_above(
        "AVAILABLE_ABOVE_EQUITY",
        ("available", "equity"),
        available,
        equity,
        partial(rounding, available, equity, limit=limit),
        "available is more than equity",
    )


def underwater(equity: Decimal | None) -> Finding | None:
    """A finding when nothing is left: a ratio to equity has no meaning then."""
    if equity is None or equity > 0:
        return None
    return Finding(
        code="UNDERWATER",
        fields=("equity", "margin_ratio", "effective_leverage"),
        message=f"equity is {plain(equity)}: ratios to it have no meaning",
    )


def found(*findings: Finding | None) -> tuple[Finding, ...]:
    """The findings among the results of checks, in order."""
    return tuple(finding for finding in findings if finding is not None)

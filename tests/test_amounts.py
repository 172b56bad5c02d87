"""Exact arithmetic: nothing is rounded away, nothing becomes a zero."""

from decimal import Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accountview import amounts, identities
from accountview.amounts import add, divide, multiply, plain, subtract, total, unit_in_last_place

FIGURES = st.decimals(allow_nan=False, allow_infinity=False, places=30, min_value=-(10**30), max_value=10**30)


@given(FIGURES, FIGURES)
def test_sums_differences_and_products_are_exact(left: Decimal, right: Decimal) -> None:
    with localcontext() as context:
        context.prec = 300
        context.traps[Inexact] = True
        assert add(left, right) == left + right
        assert subtract(left, right) == left - right
        assert multiply(left, right) == left * right


@given(st.lists(FIGURES))
def test_a_total_does_not_depend_on_the_order_or_on_the_callers_context(values: list[Decimal]) -> None:
    with localcontext() as context:
        context.prec = 3
        assert total(values) == total(reversed(values))
        assert total([*values, None]) is None


def test_none_in_none_out_and_no_division_by_zero() -> None:
    one = Decimal(1)
    for operation in (add, subtract, multiply, divide):
        assert operation(None, one) is None
        assert operation(one, None) is None
    assert divide(one, Decimal(0)) is None
    assert divide(Decimal(1), Decimal(3)) == Decimal("0." + "3" * 60)
    assert total([]) == 0


def test_a_sum_that_would_be_rounded_raises() -> None:
    with pytest.raises(Inexact):
        add(Decimal("1e600"), Decimal("1e-600"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E-7", "0.0000001"),
        ("0.10", "0.10"),
        ("1E+3", "1000"),
        ("-0.00", "-0.00"),
        ("25532.188679245283018867924528301886794",) * 2,
    ],
)
def test_text_is_plain_with_the_digits_as_received(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize(("value", "unit"), [("12.30", "0.01"), ("42", "1"), ("4E+2", "1"), ("0", "1")])
def test_the_unit_in_the_last_place(value: str, unit: str) -> None:
    assert unit_in_last_place(Decimal(value)) == Decimal(unit)


LIMIT = Decimal("0.0001")


def figure(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@pytest.mark.parametrize(
    ("equity", "wallet", "pnl", "difference"),
    [
        ("10", "4", "6", None),
        ("3634.378226", "3627.894177", "6.662591", "-0.178542"),  # the example on ZKX's own page
        ("1.000002", "0.5", "0.5", None),  # what rounding in the last digits can explain
        ("7000.25", "10000", "-3000", "0.25"),
        ("10000001", "10000000", "0", "1"),
        (None, "1", "1", None),
        ("0", "0", "0", None),
        ("0.01", "0", "0", "0.01"),
    ],
)
def test_equity_is_held_against_its_parts(
    equity: str | None, wallet: str | None, pnl: str | None, difference: str | None
) -> None:
    finding = identities.equity_is_wallet_plus_pnl(figure(equity), figure(wallet), figure(pnl), LIMIT)

    if difference is None:
        assert finding is None
    else:
        assert finding is not None
        assert finding.difference == Decimal(difference)
        assert finding.code == "EQUITY_MISMATCH"


@given(FIGURES, FIGURES)
def test_what_adds_up_is_never_found(wallet: Decimal, pnl: Decimal) -> None:
    assert identities.equity_is_wallet_plus_pnl(add(wallet, pnl), wallet, pnl, LIMIT) is None


@given(FIGURES, FIGURES, st.sampled_from(["1", "-1", "0.04", "-12345678901234567890.5"]).map(Decimal))
def test_a_miss_of_more_than_the_tolerance_is_always_found_and_exact(
    wallet: Decimal, pnl: Decimal, miss: Decimal
) -> None:
    equity = add(add(wallet, pnl), miss)
    finding = identities.equity_is_wallet_plus_pnl(equity, wallet, pnl, LIMIT)

    assert finding is not None
    assert finding.difference == miss
    assert finding.tolerance is not None
    assert finding.tolerance <= Decimal("0.03")


def test_the_underwater_finding() -> None:
    assert identities.underwater(Decimal("0.01")) is None
    assert identities.underwater(None) is None
    for equity in ("0", "-5"):
        finding = identities.underwater(Decimal(equity))
        assert finding is not None
        assert finding.code == "UNDERWATER"


def test_available_may_not_pass_equity() -> None:
    assert identities.available_within_equity(Decimal(5), Decimal(5), LIMIT) is None
    finding = identities.available_within_equity(Decimal(6), Decimal(5), LIMIT)
    assert finding is not None
    assert finding.difference == 1


def test_the_exact_context_traps_what_would_lose_a_digit() -> None:
    assert amounts.EXACT.traps[Inexact]

"""Exact arithmetic: nothing is rounded away, nothing becomes a zero."""

import operator
from decimal import Decimal, Inexact, Underflow, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accountview import amounts, identities
from accountview.amounts import (
    add,
    divide,
    multiply,
    pairwise,
    plain,
    subtract,
    total,
    unit_in_last_place,
)
from accountview.view import Finding

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


@given(st.lists(st.tuples(FIGURES, FIGURES)), st.integers(0, 5))
def test_columns_come_to_what_their_pairs_come_to(pairs: list[tuple[Decimal, Decimal]], gap: int) -> None:
    left: list[Decimal | None] = [one for one, _ in pairs]
    right: list[Decimal | None] = [other for _, other in pairs]
    for column in (left, right):
        for of_columns, of_pair in ((operator.add, add), (operator.sub, subtract), (operator.mul, multiply)):
            with localcontext() as context:
                context.prec = 3
                assert pairwise(of_columns, left, right) == list(map(of_pair, left, right))
        if gap < len(column):
            column[gap] = None


def test_columns_are_exact_or_raise_and_are_of_one_length() -> None:
    with pytest.raises(Inexact):
        pairwise(operator.add, [Decimal("1e600")], [Decimal("1e-600")])
    with pytest.raises(ValueError, match="zip"):
        pairwise(operator.add, [Decimal(1)], [])


def test_what_is_no_figure_is_never_taken_for_one_that_is_missing() -> None:
    no_figure: Any = 0.5
    for figures in ([Decimal(1), no_figure], [no_figure]):
        with pytest.raises(TypeError):
            total(figures)
        with pytest.raises(TypeError):
            pairwise(operator.mul, figures, [Decimal(1)] * len(figures))


def test_none_in_none_out_and_no_division_by_zero() -> None:
    one = Decimal(1)
    for operation in (add, subtract, multiply, divide):
        assert operation(None, one) is None
        assert operation(one, None) is None
    assert divide(one, Decimal(0)) is None
    assert divide(Decimal(1), Decimal(3)) == Decimal("0." + "3" * 60)
    assert total([]) == 0
    assert total([Decimal(1), Decimal("0.20"), Decimal(-3)]) == Decimal("-1.80")


def test_a_sum_that_would_be_rounded_raises() -> None:
    with pytest.raises(Inexact):
        add(Decimal("1e600"), Decimal("1e-600"))
    with pytest.raises(Inexact):
        total([Decimal("1e600"), Decimal("1e-600")])


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


def test_a_quotient_that_is_too_small_to_be_told_raises() -> None:
    with pytest.raises(Underflow):
        divide(Decimal("1e-999990"), Decimal(f"3{'0' * 30}"))


@pytest.mark.parametrize(
    ("figures", "tolerance"),
    [
        ((), "0"),
        ((None,), "0"),
        (("12.30", "4.567"), "0.00123"),  # the limit of the largest: the digits alone would allow 0.011
        (("100000", "-100000.5"), "0.02"),  # a whole number may have dropped its zeros: no coarser than 0.01
        (("1000.001", None, "0.00001"), "0.00101"),
        (("-12.30", "1"), "0.00123"),
    ],
)
def test_the_tolerance_of_rounding(figures: tuple[str | None, ...], tolerance: str) -> None:
    assert identities.rounding(*map(figure, figures), limit=LIMIT) == Decimal(tolerance)


def test_two_figures_agree_up_to_the_tolerance_and_no_further() -> None:
    def held(left: str | None, right: str | None) -> Finding | None:
        return identities.compare(
            "CODE", ("a", "b"), figure(left), figure(right), Decimal("0.5"), "a is not b"
        )

    for left, right in (("1.5", "1"), ("1", "1.5"), (None, "1"), ("1", None), (None, None)):
        assert held(left, right) is None
    for left, right, difference in (("1.51", "1", "0.51"), ("1", "1.51", "-0.51")):
        assert held(left, right) == Finding(
            code="CODE",
            fields=("a", "b"),
            difference=Decimal(difference),
            tolerance=Decimal("0.5"),
            message=f"a is not b: {left} against {right}, apart by {difference}",
        )


def test_a_figure_may_be_below_its_bound_but_not_above_it() -> None:
    def held(left: str | None, right: str | None) -> Finding | None:
        return identities.not_above(
            "CODE", ("a", "b"), figure(left), figure(right), Decimal("0.5"), "a is more than b"
        )

    for left, right in (("1.5", "1"), ("-9", "1"), (None, "1"), ("1", None), (None, None)):
        assert held(left, right) is None
    finding = held("1.51", "1")
    assert finding is not None
    assert (finding.difference, finding.tolerance) == (Decimal("0.51"), Decimal("0.5"))


def test_each_identity_names_its_figures() -> None:
    ten, one = Decimal(10), Decimal(1)
    equity = identities.equity_is_wallet_plus_pnl(ten, one, one, LIMIT)
    available = identities.available_within_equity(ten, one, LIMIT)
    underwater = identities.underwater(Decimal(-1))

    assert identities.found(None, equity, None, available, underwater) == (equity, available, underwater)
    told = [
        (each.code, each.fields, each.tolerance) for each in identities.found(equity, available, underwater)
    ]
    assert told == [
        ("EQUITY_MISMATCH", ("equity", "wallet_balance", "unrealized_pnl"), Decimal("0.0010")),
        ("AVAILABLE_ABOVE_EQUITY", ("available", "equity"), Decimal("0.0010")),
        ("UNDERWATER", ("equity", "margin_ratio", "effective_leverage"), None),
    ]

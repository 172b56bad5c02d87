"""Sums over several currencies: only with rates that somebody named, exact, and with their name and time."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

import accountview as av
from accountview.snapshot import FIGURES
from accountview.testing import make_account

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def rates(**changes: Any) -> av.Rates:
    fields: dict[str, Any] = {
        "name": "treasury",
        "as_of": MOMENT,
        "to": "USD",
        "rates": {"USDT": Decimal("0.9998"), "USDB": Decimal("1.0001")},
    }
    return av.Rates(**(fields | changes))


def snapshot(*accounts: av.Account, failures: tuple[av.Failure, ...] = ()) -> av.Snapshot:
    return av.Snapshot(taken_at=MOMENT, accounts=accounts, failures=failures)


def test_one_sum_with_the_name_and_the_time_of_its_rates() -> None:
    later = MOMENT + timedelta(minutes=1)
    result = snapshot(
        make_account(label="a", equity=Decimal("100.5"), requested_at=later),
        make_account(label="b", currency="USDB", equity=Decimal(-3), requested_at=MOMENT),
        make_account(label="c", currency="USD", equity=Decimal("0.00000001"), requested_at=later),
    ).converted(rates())

    assert (result.currency, result.rates, result.rates_as_of) == ("USD", "treasury", MOMENT)
    assert (result.accounts, result.oldest, result.missing) == (3, MOMENT, {})
    assert result.equity == Decimal("100.4799") - Decimal("3.0003") + Decimal("0.00000001")


def test_what_one_account_lacks_has_no_sum() -> None:
    result = snapshot(
        make_account(label="a"), make_account(label="b", currency="USD", equity=None)
    ).converted(rates())
    assert (result.equity, result.missing) == (None, {"equity": 1})
    assert all(getattr(result, name) is not None for name in FIGURES if name != "equity")


def test_nothing_to_sum_is_no_zero() -> None:
    figures = dict.fromkeys(FIGURES)
    quiet = make_account(status=av.Status.NO_ACTIVITY, positions=(), balances=(), **figures)
    result = snapshot(quiet).converted(rates())

    assert (result.accounts, result.oldest) == (0, None)
    assert all(getattr(result, name) is None for name in FIGURES)


def test_a_rate_that_is_not_there_is_named_with_its_accounts() -> None:
    result = snapshot(
        make_account(label="a", currency="USDG"),
        make_account(label="b", currency="USDG"),
        make_account(label="c"),
        make_account(label="d", currency="USDC"),
    )
    with pytest.raises(
        av.UsageError, match=r"^rates 'treasury': no rate to USD from USDC of d; USDG of a, b$"
    ):
        result.converted(rates())


def test_an_incomplete_snapshot_is_refused_first() -> None:
    cut = make_account(label="cut", currency="USDG", missing={"positions": av.Missing.NOT_RETURNED})

    with pytest.raises(av.IncompleteSnapshot, match=r"^not whole: cut"):
        snapshot(cut).converted(rates())
    with pytest.raises(av.UsageError, match="USDG of cut"):
        snapshot(cut).converted(rates(), allow_partial=True)
    assert snapshot(cut).converted(rates(rates={"USDG": Decimal(1)}), allow_partial=True).accounts == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": " "}, "name must be text"),
        ({"to": ""}, "to must be text"),
        ({"as_of": MOMENT.replace(tzinfo=None)}, "as_of must be a datetime with a time zone"),
        ({"as_of": "2024-01-02T03:04:05Z"}, "as_of must be a datetime with a time zone"),
        ({"rates": [("USDT", Decimal(1))]}, "rates must be a mapping"),
        ({"rates": {1: Decimal(1)}}, "a currency is text"),
        ({"rates": {"USDT": 0.9998}}, "USDT: is a float; give a Decimal"),
        ({"rates": {"USDT": 1}}, "USDT: is a int; give a Decimal"),
        ({"rates": {"USDT": "0.9998"}}, "USDT: is a str; give a Decimal"),
        ({"rates": {"USDT": None}}, "USDT: is a NoneType; give a Decimal"),
        ({"rates": {"USDT": Decimal(0)}}, "USDT: is 0; a rate is above 0"),
        ({"rates": {"USDT": Decimal(-1)}}, "USDT: is -1; a rate is above 0"),
        ({"rates": {"USDT": Decimal("NaN")}}, "USDT: is NaN; a rate is above 0"),
        ({"rates": {"USDT": Decimal("sNaN")}}, "USDT: is sNaN; a rate is above 0"),
        ({"rates": {"USDT": Decimal("Infinity")}}, "USDT: is Infinity; a rate is above 0"),
        ({"rates": {"USDT": Decimal("1e-101")}}, "USDT: has too many digits"),
        ({"rates": {"USDT": Decimal("1" * 101)}}, "USDT: has too many digits"),
        ({"rates": {"USD": Decimal("1.1")}}, "one USD is worth 1 USD, not 1.1"),
    ],
)
def test_what_is_no_rate_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(av.UsageError, match=says):
        rates(**changes)


def test_rates_cannot_be_changed_after_they_were_looked_at() -> None:
    given: dict[str, Decimal] = {"USDT": Decimal(1)}
    held = rates(rates=given)
    given["USDT"] = Decimal(0)

    assert held.rates == {"USDT": Decimal(1)}
    with pytest.raises(AttributeError):
        held.to = "USDT"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] # what is refused
    assert pickle.loads(pickle.dumps(held)) == held  # noqa: S301 - our own bytes


def test_convert_knows_its_own_currency() -> None:
    assert rates().convert(Decimal("-0.10"), "USD") == Decimal("-0.10")
    with pytest.raises(av.UsageError, match="no rate from USDC to USD"):
        rates().convert(Decimal(1), "USDC")


digits: Callable[..., st.SearchStrategy[Decimal]] = st.decimals


@given(
    st.lists(
        st.tuples(st.sampled_from(["USDT", "USDB", "USD"]), digits(-(10**30), 10**30, places=30)), min_size=1
    ),
    digits(Decimal("1e-30"), 10**30, places=30),
    digits(Decimal("1e-30"), 10**30, places=30),
)
def test_sums_are_exact_to_the_last_digit(
    held: list[tuple[str, Decimal]], usdt: Decimal, usdb: Decimal
) -> None:
    worth = {"USDT": usdt, "USDB": usdb, "USD": Decimal(1)}
    result = snapshot(
        *[
            make_account(label=str(n), currency=currency, equity=equity)
            for n, (currency, equity) in enumerate(held)
        ]
    ).converted(rates(rates={"USDT": usdt, "USDB": usdb}))

    assert result.equity is not None
    assert Fraction(result.equity) == sum(
        Fraction(equity) * Fraction(worth[currency]) for currency, equity in held
    )

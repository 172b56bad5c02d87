"""The view by itself: exact, frozen, and the same after any trip through its JSON form."""

import copy
import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accountview as av
from accountview.view import Reasons, time_text

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
FIGURES = st.decimals(allow_nan=False, allow_infinity=False, places=30, min_value=-(10**30), max_value=10**30)


def account(**changes: Any) -> av.Account:
    given: dict[str, Any] = {
        "venue": "bfx", "account_id": "1", "currency": "USDB", "status": av.Status.ACTIVE, "mode": av.Mode.CROSS,
        "requested_at": MOMENT, "received_at": MOMENT,
    }  # fmt: skip
    return av.Account(**{**given, **changes})


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        account().equity = Decimal(1)  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] # the point


@given(FIGURES)
def test_any_figure_comes_back_from_json_digit_by_digit(value: Decimal) -> None:
    before = account(equity=value, leverage_by_market={"BTC-USD": value})
    after = av.Account.from_json(before.to_json())

    assert after == before
    assert after.equity is not None
    assert after.equity.as_tuple() == value.as_tuple()


@pytest.mark.parametrize(
    ("value", "text"), [("1E-7", "0.0000001"), ("0.10", "0.10"), ("1E+30", "1" + "0" * 30)]
)
def test_figures_are_text_without_an_exponent(value: str, text: str) -> None:
    assert json.loads(account(equity=Decimal(value)).to_json())["equity"] == text


def test_a_whole_account_comes_back() -> None:
    instrument = av.Instrument(
        base="BTC", quote="USD", kind=av.Kind.OPTION, expiry=date(2026, 3, 27), strike=Decimal("90000.5")
    )
    position = av.Position(
        instrument=instrument, venue_symbol="X", side=av.Side.SHORT, size=Decimal("1.0"),
        margin_mode=av.MarginMode.ISOLATED, missing={"mark_price": av.Missing.UNLISTED},
    )  # fmt: skip
    balance = av.Balance(asset="BTC", total=Decimal("0.1"), wallet="spot")
    finding = av.Finding(code="X", fields=("equity",), difference=Decimal("-0.5"), message="apart")
    whole = account(
        label="a/b", tags=("x",), positions=(position,), balances=(balance,), findings=(finding,),
        missing={"equity": av.Missing.NOT_RETURNED}, sequence=2**64 - 1, as_of=MOMENT,
    )  # fmt: skip

    assert av.Account.from_json(whole.to_json()) == whole
    assert pickle.loads(pickle.dumps(whole)) == whole  # noqa: S301 - our own bytes
    assert json.loads(whole.to_json())["sequence"] == "18446744073709551615"
    assert json.loads(whole.to_json())["positions"][0]["instrument"]["expiry"] == "2026-03-27"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"venue": 1}', account().to_json().replace(b'"active"', b'"asleep"'),
     account().to_json().replace(b'"sequence":null', b'"sequence":"1e3"')],
)  # fmt: skip
def test_what_is_no_account_is_refused(content: bytes) -> None:
    with pytest.raises(av.UsageError, match="not an accountview account"):
        av.Account.from_json(content)


def test_times_are_utc_with_six_digits() -> None:
    assert time_text(datetime(2022, 12, 7, 7, 3, tzinfo=UTC)) == "2022-12-07T07:03:00.000000Z"
    assert (
        time_text(datetime(2022, 12, 7, 9, 3, tzinfo=timezone(timedelta(hours=2))))
        == "2022-12-07T07:03:00.000000Z"
    )


def test_age_counts_from_the_start_of_the_request() -> None:
    old = account(
        requested_at=MOMENT, received_at=MOMENT + timedelta(seconds=5), as_of=MOMENT + timedelta(seconds=9)
    )

    assert old.age(MOMENT + timedelta(seconds=7)) == timedelta(seconds=7)
    assert account(requested_at=datetime.now(UTC)).age() < timedelta(minutes=1)


def test_an_empty_list_means_flat_only_when_it_is_whole() -> None:
    assert account().complete
    assert not account(missing={"positions": av.Missing.NOT_RETURNED}).complete
    assert not account(missing={"balances": av.Missing.NOT_RETURNED}).complete


def test_the_key_of_a_position_keeps_both_sides_of_a_hedge() -> None:
    row = av.Position(instrument=None, venue_symbol="BTC-USD", side=av.Side.LONG, size=Decimal(1))
    other = msgspec.structs.replace(row, side=av.Side.SHORT)

    assert row.key != other.key
    assert row.key == msgspec.structs.replace(row, size=Decimal(2)).key


def test_the_reasons_that_rows_share_cannot_be_changed() -> None:
    """One set of reasons stands in many rows, of many accounts."""
    reasons = Reasons({"equity": av.Missing.NOT_RETURNED})
    shared: Any = reasons

    for change in (
        lambda: shared.update(equity=av.Missing.SUSPECT),
        lambda: shared.pop("equity"),
        lambda: shared.setdefault("notional", av.Missing.SUSPECT),
        shared.clear,
        shared.popitem,
        lambda: shared.__setitem__("equity", av.Missing.SUSPECT),
        lambda: shared.__delitem__("equity"),
        lambda: shared.__ior__({}),
    ):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    whole = account(missing=reasons)
    assert whole == account(missing={"equity": av.Missing.NOT_RETURNED})
    assert pickle.loads(pickle.dumps(whole)) == whole  # noqa: S301 - our own bytes
    assert copy.deepcopy(whole) == whole
    assert av.Account.from_json(whole.to_json()) == whole
    assert av.Account.from_json(msgspec.json.encode(whole)) == whole

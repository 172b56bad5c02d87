"""The small steps that several mappings share, and the checks that one backend's mapping makes of its figures."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from msgspec import UNSET
from support import Case, read_stored

from accountview.mapping import known, sum_over, time_from_microseconds, without_duplicates
from accountview.view import MarginMode, Missing, Position, Side

LONG = Position(
    instrument=None,
    venue_symbol="BTC-USD",
    side=Side.LONG,
    size=Decimal(1),
    missing={"entry_price": Missing.NOT_RETURNED},
)


def like(row: Position, **changes: object) -> Position:
    return msgspec.structs.replace(row, **changes)


@pytest.mark.parametrize("value", [Decimal(0), 0, "", False, Decimal("-1.50"), "a word"])
def test_what_is_there_is_known_though_it_be_nothing(value: object) -> None:
    assert known(value) is value


def test_what_is_absent_or_null_is_not_known() -> None:
    assert known(UNSET) is None
    assert known(None) is None


@pytest.mark.parametrize(
    ("count", "moment"),
    [
        (1, datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        (1_670_396_580_648_597, datetime(2022, 12, 7, 7, 3, 0, 648597, tzinfo=UTC)),
        (253_402_300_799_999_999, datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        (0, None),
        (-1, None),
        (253_402_300_800_000_000, None),
        (2**63, None),
    ],
)
def test_microseconds_are_a_time_or_nothing(count: int, moment: datetime | None) -> None:
    assert time_from_microseconds(count) == moment


def test_a_sum_over_rows_is_exact_and_lacks_what_one_row_lacks() -> None:
    rows = (LONG, like(LONG, size=Decimal("0.10")), like(LONG, size=Decimal("1e-40")))

    assert sum_over(rows, "size") == Decimal(f"1.1{'0' * 38}1")
    assert sum_over((*rows, like(LONG, size=None)), "size") is None
    assert sum_over(rows, "notional") is None
    assert sum_over((), "size") == 0


def test_rows_that_differ_in_their_keys_are_all_kept() -> None:
    rows = (
        LONG,
        like(LONG, side=Side.SHORT),
        like(LONG, wallet="other"),
        like(LONG, margin_mode=MarginMode.ISOLATED),
        like(LONG, venue_symbol="ETH-USD"),
    )

    assert without_duplicates(rows) == (rows, ())
    assert without_duplicates(()) == ((), ())


def test_a_row_that_stands_twice_is_counted_once_and_told() -> None:
    other = like(LONG, venue_symbol="ETH-USD", side=Side.SHORT)
    kept, findings = without_duplicates((LONG, other, like(LONG), like(other), like(LONG)))

    assert kept == (LONG, other)
    assert [(each.code, each.fields, each.message) for each in findings] == [
        ("DUPLICATE_ROW", ("positions",), "BTC-USD LONG: the same row stands twice; it is counted once"),
        ("DUPLICATE_ROW", ("positions",), "ETH-USD SHORT: the same row stands twice; it is counted once"),
        ("DUPLICATE_ROW", ("positions",), "BTC-USD LONG: the same row stands twice; it is counted once"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"size": Decimal(2)},
        {"size": None},
        {"notional": Decimal(0)},
        {"funding": Decimal(1)},
        {"missing": {"entry_price": Missing.UNSUPPORTED}},
    ],
)
def test_rows_of_one_key_that_differ_contradict_each_other_and_are_all_kept(
    changes: dict[str, object],
) -> None:
    other = like(LONG, **changes)
    kept, findings = without_duplicates((LONG, other, like(LONG)))

    assert kept == (LONG, other)
    assert [(each.code, each.message) for each in findings] == [
        ("CONFLICTING_ROWS", "BTC-USD LONG: two different rows describe one position"),
        ("DUPLICATE_ROW", "BTC-USD LONG: the same row stands twice; it is counted once"),
    ]


OF_SUMS = ("equity", "wallet_balance", "unrealized_pnl")
WITHDRAWABLE = ("withdrawable", "equity", "wallet_balance", "position_margin", "order_margin")


@pytest.mark.parametrize("venue", ["bfx", "rabbitx"])
@pytest.mark.parametrize(
    ("name", "value", "findings"),
    [
        ("account_leverage", "0.5", {"LEVERAGE_MISMATCH": ("effective_leverage", "notional", "equity")}),
        (
            "total_notional",
            "9000",
            {
                "LEVERAGE_MISMATCH": ("effective_leverage", "notional", "equity"),
                "NOTIONAL_MISMATCH": ("notional", "positions"),
            },
        ),
        (
            "total_position_margin",
            "1000",
            {
                "POSITION_MARGIN_MISMATCH": ("position_margin", "positions"),
                "WITHDRAWABLE_MISMATCH": WITHDRAWABLE,
            },
        ),
        (
            "cum_unrealized_pnl",
            "-500",
            {"EQUITY_MISMATCH": OF_SUMS, "UNREALIZED_PNL_MISMATCH": ("unrealized_pnl", "positions")},
        ),
        ("withdrawable_balance", "3621", {"WITHDRAWABLE_MISMATCH": WITHDRAWABLE}),
        (
            "withdrawable_balance",
            "20000",
            {"AVAILABLE_ABOVE_EQUITY": ("available", "equity"), "WITHDRAWABLE_MISMATCH": WITHDRAWABLE},
        ),
    ],
)
def test_a_figure_that_the_others_contradict_is_told_with_their_names(
    venue: str, name: str, value: str, findings: dict[str, tuple[str, ...]]
) -> None:
    case = Case(venue, "long-and-short")
    account, positions = case.exchange.answers
    body = json.loads(account.content)
    body["result"][0][name] = value
    changed = msgspec.structs.replace(account, body=msgspec.Raw(json.dumps(body).encode()))

    (before,) = read_stored(case, [account, positions]).accounts
    (after,) = read_stored(case, [changed, positions]).accounts

    assert not before.findings
    assert {each.code: each.fields for each in after.findings} == findings

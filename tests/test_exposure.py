"""What is held long and short: nothing is added that does not add up, and nothing that is unknown is a zero."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

import accountview as av
from accountview.exposure import Gap, exposures
from accountview.testing import make_account

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
BTC = av.Instrument(base="BTC", quote="USD", kind=av.Kind.PERPETUAL)
ETH = av.Instrument(base="ETH", quote="USD", kind=av.Kind.PERPETUAL)


def position(
    instrument: av.Instrument | None,
    side: av.Side,
    notional: str | None,
    size: str | None = "1",
    symbol: str = "S",
) -> av.Position:
    return av.Position(
        instrument=instrument,
        venue_symbol=symbol,
        side=side,
        size=None if size is None else Decimal(size),
        notional=None if notional is None else Decimal(notional),
    )


def snapshot(*accounts: av.Account, failures: tuple[av.Failure, ...] = ()) -> av.Snapshot:
    return av.Snapshot(taken_at=MOMENT, accounts=accounts, failures=failures)


def figures(exposure: av.Exposure) -> list[tuple[str | Decimal | None, ...]]:
    return [(each.currency, each.long, each.short, each.net, each.gross) for each in exposure.notionals]


LONG, SHORT = av.Side.LONG, av.Side.SHORT


def test_an_instrument_is_one_over_all_venues_and_currencies_stay_apart() -> None:
    here = make_account(label="here", venue="bfx", currency="USDB", positions=(position(BTC, LONG, "10.5"),))
    there = make_account(
        label="there",
        currency="USDT",
        positions=(
            position(BTC, SHORT, "30", "3"),
            position(BTC, LONG, "1.5", "0.25"),
            position(ETH, SHORT, "7"),
        ),
    )
    bitcoin, ether = snapshot(here, there).exposure()

    assert (bitcoin.name, bitcoin.instrument, bitcoin.tag) == ("BTC-USD perpetual", BTC, None)
    assert figures(bitcoin) == [
        ("USDB", Decimal("10.5"), Decimal(0), Decimal("10.5"), Decimal("10.5")),
        ("USDT", Decimal("1.5"), Decimal(30), Decimal("-28.5"), Decimal("31.5")),
    ]
    assert (bitcoin.positions, [each.positions for each in bitcoin.notionals]) == (3, [1, 2])
    assert bitcoin.net_size == Decimal("-1.75")
    assert figures(ether) == [("USDT", Decimal(0), Decimal(7), Decimal(-7), Decimal(7))]


def test_a_figure_that_one_row_lacks_is_no_zero_and_the_row_is_named() -> None:
    account = make_account(
        label="desk",
        positions=(position(BTC, LONG, "5"), position(BTC, LONG, None), position(BTC, SHORT, "2", None)),
    )
    (exposure,) = snapshot(account).exposure()
    (sums,) = exposure.notionals

    assert (sums.long, sums.short, sums.net, sums.gross) == (None, Decimal(2), None, None)
    assert sums.gaps == (Gap(label="desk", field="positions/1/notional"),)
    assert (exposure.net_size, exposure.gaps) == (None, (Gap(label="desk", field="positions/2/size"),))


def test_a_symbol_that_is_not_understood_is_of_its_own_venue_only() -> None:
    rows = (position(None, LONG, "1", symbol="ODD"),)
    found = snapshot(
        make_account(label="a", venue="bfx", positions=rows), make_account(label="b", positions=rows)
    ).exposure()

    assert [(each.name, each.instrument) for each in found] == [("bfx ODD", None), ("rabbitx ODD", None)]


def test_expiries_and_strikes_are_instruments_of_their_own() -> None:
    dated = msgspec.structs.replace(BTC, kind=av.Kind.OPTION, expiry=date(2027, 3, 26), strike=Decimal(70000))
    found = snapshot(
        make_account(positions=(position(BTC, LONG, "1"), position(dated, LONG, "1")))
    ).exposure()

    assert [each.name for each in found] == ["BTC-USD option 2027-03-26 70000", "BTC-USD perpetual"]


def test_by_tag_an_account_counts_under_each_of_its_tags_and_none_is_left_out() -> None:
    both = make_account(label="both", tags=("b", "a"), positions=(position(BTC, LONG, "1"),))
    one = make_account(label="one", tags=("a",), positions=(position(ETH, SHORT, "2", None),))
    bare = make_account(label="bare", tags=(), positions=(position(BTC, LONG, "4"),))
    found = snapshot(both, one, bare).exposure(by="tag")

    assert [(each.tag, each.name) for each in found] == [("a", "a"), ("b", "b"), (None, "without a tag")]
    assert [each.notionals[0].gross for each in found] == [Decimal(3), Decimal(1), Decimal(4)]
    # Units of different things do not add up, so nothing is lacking for that either.
    assert all(each.net_size is None and each.gaps == () and each.instrument is None for each in found)


def test_an_incomplete_snapshot_has_no_exposure_unless_asked() -> None:
    cut = make_account(label="cut", missing={"positions": av.Missing.NOT_RETURNED})

    with pytest.raises(av.IncompleteSnapshot, match=r"^not whole: cut; allow_partial=True"):
        snapshot(cut).exposure()
    assert len(snapshot(cut).exposure(allow_partial=True)) == 1
    with pytest.raises(av.UsageError, match="exposure by 'venue'; there are instrument, tag"):
        snapshot(cut).exposure(by="venue")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # what is refused
    assert snapshot(make_account(positions=())).exposure() == ()


amounts = st.decimals(min_value=0, max_value=Decimal(10) ** 30, places=30)
maybe = st.none() | amounts


@st.composite
def accounts(draw: st.DrawFn) -> tuple[av.Account, ...]:
    rows = st.builds(
        av.Position,
        instrument=st.sampled_from([None, BTC, ETH]),
        venue_symbol=st.sampled_from("AB"),
        side=st.sampled_from(av.Side),
        size=maybe,
        notional=maybe,
    )
    return tuple(
        [
            make_account(
                label=f"account-{number}",
                currency=draw(st.sampled_from(["USDT", "USDB"])),
                tags=tuple(draw(st.sets(st.sampled_from(["x", "y"])))),
                positions=tuple(draw(st.lists(rows, max_size=4))),
            )
            for number in range(draw(st.integers(0, 4)))
        ]
    )


def exact(values: Iterable[Decimal | None]) -> Fraction | None:
    """A sum by other means; None when a value is."""
    known = [None if value is None else Fraction(value) for value in values]
    return None if None in known else sum((value for value in known if value is not None), Fraction())


@given(accounts())
def test_every_position_counts_once_and_every_sum_is_exact(held: tuple[av.Account, ...]) -> None:
    found = exposures(held, "instrument")

    assert sum(each.positions for each in found) == sum(len(account.positions) for account in held)
    for each in found:
        assert each.positions == sum(sums.positions for sums in each.notionals)
        for sums in each.notionals:
            rows = [
                row
                for account in held
                for row in account.positions
                if account.currency == sums.currency
                and row.instrument == each.instrument
                and (row.instrument is not None or each.name == f"{account.venue} {row.venue_symbol}")
            ]
            long = exact(row.notional for row in rows if row.side is LONG)
            short = exact(row.notional for row in rows if row.side is SHORT)
            net, gross = (None, None) if long is None or short is None else (long - short, long + short)
            shown = (sums.long, sums.short, sums.net, sums.gross)
            assert [None if value is None else Fraction(value) for value in shown] == [
                long,
                short,
                net,
                gross,
            ]
            assert len(sums.gaps) == sum(row.notional is None for row in rows)


# The command -----------------------------------------------------------------------------------------------------


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "accountview", *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env=os.environ | {"COLUMNS": "300"},
        timeout=60,
    )


def test_the_command_shows_every_instrument_and_names_what_is_lacking() -> None:
    done = command("exposure", "--demo", "--json")
    document: dict[str, Any] = json.loads(done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert list(document) == ["schema", "taken_at", "complete", "stale", "by", "exposures", "failures"]
    assert (document["complete"], document["by"]) == (True, "instrument")
    shown = command("exposure", "--demo")
    assert (shown.returncode, shown.stderr) == (0, "")
    for each in document["exposures"]:
        assert each["name"] in shown.stdout
        for gap in (*each["gaps"], *(gap for sums in each["notionals"] for gap in sums["gaps"])):
            assert f"{gap['label']} {gap['field']}" in shown.stdout
    assert "--demo and --file are both given" in command("exposure", "--demo", "--file", "a.toml").stderr


def test_the_command_shows_tags() -> None:
    shown = command("exposure", "--demo", "--by", "tag")

    assert shown.returncode == 0
    assert shown.stdout.startswith("tag ")
    assert "net size" not in shown.stdout

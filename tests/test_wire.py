"""What the decoder accepts, and the many things that it must not."""

import json
from decimal import Decimal

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from accountview import wire


@attrs.define(kw_only=True)
class Row:
    amount: Decimal
    other: Decimal | UnsetType = UNSET
    text: str | UnsetType = UNSET
    many: dict[str, Decimal] | UnsetType = UNSET
    levels: list[list[Decimal]] | UnsetType = UNSET
    nullable: Decimal | UnsetType | None = UNSET


@attrs.define(kw_only=True)
class Envelope:
    result: list[Row]


def envelope(row: str) -> bytes:
    return f'{{"result": [{row}]}}'.encode()


def amount(text: str) -> bytes:
    return envelope(f'{{"amount": {text}}}')


@pytest.mark.parametrize(
    "text",
    [
        '"0"',
        '"-1.50"',
        '"0.13022857567255437197804012528243472907"',
        "1414.06039641000000000000001",
        "12",
        '"1E-7"',
    ],
)
def test_figures_arrive_exactly(text: str) -> None:
    row = wire.decode(amount(text), Envelope).result[0]

    assert row.amount == Decimal(text.strip('"'))
    assert row.amount.as_tuple() == Decimal(text.strip('"')).as_tuple()


@pytest.mark.parametrize(
    "text",
    [
        '"1_0"', '" 1"', '"1 "', '"\\u0661"', '"١"', '"NaN"', '"sNaN"', '"Infinity"', '"-inf"', '""', '"abc"', '"+1"',
        '".5"', '"5."', '"1e999999"', '"1e100"', '"0x10"', '"1,000"', '"--1"', "true", "null", "[]", "{}", "NaN",
        "Infinity", "1e999999", "1e-999", "9" * 101, f'"{"9" * 101}"', "1" + "0" * 5000, f'"1.{"0" * 101}"', '"1\\n"',
    ],
)  # fmt: skip
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode(amount(text), Envelope)


def test_the_path_is_told_and_the_value_is_not() -> None:
    with pytest.raises(wire.Malformed) as caught:
        wire.decode(envelope('{"amount": "1", "other": "77_7"}'), Envelope)

    assert caught.value.path == "$.result[0].other"
    assert "77" not in str(caught.value)


@pytest.mark.parametrize(
    "row",
    [
        '{"amount": "1", "many": {"BTC-USD": "1_0"}}',
        '{"amount": "1", "levels": [["1", "2"], ["3", " 4"]]}',
        '{"amount": "1", "nullable": "1_0"}',
    ],
)
def test_figures_in_maps_lists_and_nullable_fields_are_held_to_the_same_form(row: str) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode(envelope(row), Envelope)


def test_ordinary_text_may_look_like_a_bad_number() -> None:
    row = wire.decode(
        envelope('{"amount": "1", "text": "1_0", "unknown": " 7", "nullable": null}'), Envelope
    ).result[0]

    assert row == Row(amount=Decimal(1), text="1_0", nullable=None)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"<html>", "not JSON"),
        (b'\xef\xbb\xbf{"result": []}', "not JSON"),
        (b'{"result": [], "x": "\xff"}', "not UTF-8"),
        ('{"result": []}'.encode("utf-16"), "not UTF-8"),
        (b'{"result": [], "result": []}', "twice"),
        (b'{"result": [], "x": {"a": 1, "b": 2, "\\u0061": 3}}', "twice"),
        (b'{"result": [], "x": NaN}', "not JSON"),
        (b'{"result": [], "x": -Infinity}', "not JSON"),
        (b'{"result": [], "x": 1e999999}', "exponent"),
        (b'{"result": [], "x": ' + b"9" * 5000 + b"}", "too long"),
        (b"[" * 100_000 + b"]" * 100_000, "deeper"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper"),
        (b'{"result": []} {}', "not JSON"),
        (b'{"result": [' + b"0," * 400_001 + b"0]}", "more than"),
        (b" " * (8 * 1024 * 1024 + 1), "larger"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_holds_of_any_answer(content: bytes, problem: str) -> None:
    with pytest.raises(wire.Malformed, match=problem):
        wire.decode(content, Envelope)


def test_brackets_inside_text_are_not_depth() -> None:
    content = json.dumps({"result": [], "x": "[{" * 500 + '"'}).encode()

    assert wire.decode(content, Envelope) == Envelope(result=[])


@given(st.decimals(allow_nan=False, allow_infinity=False, places=30, min_value=-(10**30), max_value=10**30))
def test_any_figure_survives_as_text_and_as_number(value: Decimal) -> None:
    plain = format(value, "f")

    assert (
        wire.decode(amount(f'"{plain}"'), Envelope).result[0].amount.as_tuple() == Decimal(plain).as_tuple()
    )
    assert wire.decode(amount(plain), Envelope).result[0].amount.as_tuple() == Decimal(plain).as_tuple()


@given(st.text())
def test_text_is_a_figure_only_in_one_form(text: str) -> None:
    content = amount(json.dumps(text))
    try:
        value = wire.decode(content, Envelope).result[0].amount
    except wire.Malformed:
        return
    assert text.isascii()
    assert value.is_finite()
    assert set(text) <= set("0123456789-+.eE")


def test_the_stock_decoder_lets_pass_what_ours_refuses() -> None:
    """Why `wire` exists: should msgspec ever refuse these itself, a part of our check can go."""
    for text in ('"1_0"', '" 1 "', '"١"', '"NaN"'):
        assert isinstance(msgspec.json.decode(amount(text), type=Envelope).result[0].amount, Decimal)
    assert msgspec.json.decode(b'{"result": [], "result": []}', type=Envelope) == Envelope(result=[])

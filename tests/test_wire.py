"""What the decoder accepts, and the many things that it must not."""

import json
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import attrs
import msgspec
import pytest
from benchmarks import payloads
from benchmarks.reading import Case
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from accountview import outline, wire


@attrs.define(kw_only=True)
class Inner:
    amount: Decimal | UnsetType = UNSET
    text: str | UnsetType | None = UNSET


@attrs.define(kw_only=True)
class Row:
    amount: Decimal
    other: Decimal | UnsetType = UNSET
    text: str | UnsetType = UNSET
    many: dict[str, Decimal] | UnsetType = UNSET
    levels: list[list[Decimal]] | UnsetType = UNSET
    nullable: Decimal | UnsetType | None = UNSET
    count: int | UnsetType = UNSET
    inner: Inner | UnsetType = UNSET
    either: list[Inner] | Inner | UnsetType | None = UNSET


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


# The quick look ----------------------------------------------------------------------------------------------------

FIGURES_AND_NOT = st.sampled_from(
    [
        '"0"', '"-1.50"', '"1e5"', '"1E-07"', "0", "-12.50", "1e5", "0.00", '"007"', '"-0"', "null", '"null"', '""',
        '"1_0"', '"_1"', '"1_"', '" 1"', '"1 "', '"+1"', '".5"', '"-.5"', '"5."', '"5.e3"', '"1.2.3"', '"1-2"', '"-"',
        '"NaN"', '"nan1"', '"sNaN"', '"-Infinity"', '"inf"', '"١"', '"１"', '"\\u0031"', '"1\\n"', '"1\t"', "1e999",
        "1e-999", '"1e100"', "9" * 101, f'"{"9" * 101}"', f'"0.{"0" * 101}"', "9" * 30, "true", "[]", '["1"]', "{}",
        '{"a":1}', "01", "1.", "NaN", '"0x10"', '"a:b"', '"\\":"',
    ]
)  # fmt: skip
KEYS = st.sampled_from(
    ['"amount"', '"other"', '"text"', '"count"', '"nullable"', '"\\u0061mount"', '"unknown"', '"unk:nown"']
)
SPACES = st.sampled_from(["", "", "", " ", "\n  ", "\t"])


@st.composite
def objects(draw: st.DrawFn, *, of: tuple[str, ...] = ("inner", "either")) -> str:
    member = st.tuples(SPACES, KEYS, SPACES, FIGURES_AND_NOT, SPACES)
    parts = [f"{a}{key}{b}:{c}{value}" for a, key, b, value, c in draw(st.lists(member, max_size=3))]
    if draw(st.booleans()):
        parts.append('"amount":"1"')
    entry = st.tuples(st.sampled_from(['"BTC"', '"a:b"', '"\\u003a"']), FIGURES_AND_NOT)
    entries = draw(st.lists(entry, max_size=2))
    if entries:
        parts.append(f'"many":{{{",".join(f"{key}:{value}" for key, value in entries)}}}')
    for name in of:
        inner = draw(st.lists(objects(of=()), max_size=2))
        if len(inner) == 1:
            parts.append(f'"{name}":{inner[0]}')
        elif inner:
            parts.append(f'"{name}":[{",".join(inner)}]')
    return f"{{{','.join(parts)}}}"


def told(content: bytes) -> object:
    """What decoding comes to: the model, or what is wrong and where."""
    try:
        return wire.decode(content, Envelope)
    except wire.Malformed as malformed:
        return malformed.problem, malformed.path


@settings(max_examples=150)
@given(st.lists(objects(), max_size=2))
def test_the_quick_look_never_changes_what_decoding_comes_to(rows: list[str]) -> None:
    content = f'{{"result":[{",".join(rows)}]}}'.encode()
    quick = told(content)
    with patch.object(outline, "is_sound", return_value=False):
        assert told(content) == quick


@settings(max_examples=150)
@given(FIGURES_AND_NOT, st.sampled_from(["amount", "count", "text", "many", "levels", "inner", "either"]))
def test_one_bad_value_anywhere_comes_to_the_same(value: str, name: str) -> None:
    shapes = {
        "many": '{"a:b":%s}',
        "levels": '[["1",%s]]',
        "inner": '{"amount":%s}',
        "either": '[{"amount":%s},{}]',
    }
    content = envelope('{"amount":"1"' + f',"{name}":{shapes.get(name, "%s") % value}}}')
    quick = told(content)
    with patch.object(outline, "is_sound", return_value=False):
        assert told(content) == quick


PLAIN = (
    '{"amount":"-1.50","other":0.25,"text":"1_0 a:b","many":{"BTC-USD":"7"},"levels":[["1","2"],[]],'
    '"nullable":null,"count":12,"inner":{"amount":"0"},"either":[{"amount":"1"},{"text":null}]}'
)


@pytest.mark.parametrize("row", [PLAIN, PLAIN.replace(",", " ,\n"), '{"amount":"1","either":{"amount":"2"}}'])
def test_the_quick_look_is_enough_for_an_ordinary_answer(row: str) -> None:
    assert outline.is_sound(envelope(f"{row},{row}"), Envelope)


@pytest.mark.parametrize(
    ("ordinary", "doubtful"),
    [
        ('"-1.50"', '"-1_50"'), ('"-1.50"', '" 1.50"'), ('"-1.50"', '"-.50"'), ('"-1.50"', '"1."'),
        ('"-1.50"', '"NaN"'), ('"-1.50"', '"1e400"'), ('"-1.50"', f'"{"1" * 101}"'), ("0.25", "0.25e1"),
        ("12", "1" * 101), ('"7"', '"7_0"'), ('"2"', '"+2"'), ('"0"', '"0_0"'), ('"text":null', '"text":null,"x":0'),
        ('"count"', '"amount"'), ('"amount":"0"', '"amount":"0","amount":"0"'), ("a:b", "a\\u003ab"), ("a:b", "ä"),
        ('"BTC-USD":"7"', '"BTC-USD":"7","BTC-USD":"7"'), ('"7"}', '"7"'), ("[]", "[[]]"),
    ],
)  # fmt: skip
def test_the_quick_look_leaves_what_is_doubtful_to_the_full_one(ordinary: str, doubtful: str) -> None:
    assert ordinary in PLAIN

    assert not outline.is_sound(envelope(PLAIN.replace(ordinary, doubtful)), Envelope)


@pytest.mark.parametrize("ending", ["", "\n", " \r\n"])
@pytest.mark.parametrize("row", [PLAIN, PLAIN.replace(",", " ,\n")])
def test_what_the_decoder_saw_is_told(row: str, ending: str) -> None:
    known = envelope(row) + ending.encode()
    unknown = envelope(row.replace('"text"', '"x":0,"text"', 1)) + ending.encode()
    decoding = wire.Decoding()

    assert not decoding.knew_all_keys
    assert decoding.decode(known, Envelope) == wire.decode(unknown, Envelope)
    assert decoding.knew_all_keys
    decoding.decode(unknown, Envelope)
    assert not decoding.knew_all_keys


def test_what_cannot_be_decoded_has_no_known_keys() -> None:
    decoding = wire.Decoding()
    decoding.decode(envelope(PLAIN), Envelope)
    for content in (amount('"1_0"'), amount("[]"), envelope('{"count":1}'), b"", b"{"):
        with pytest.raises(wire.Malformed):
            decoding.decode(content, Envelope)
        assert not decoding.knew_all_keys


@pytest.mark.parametrize("text", ["9" * 20_000, "-" * 20_000, "0." + "0" * 20_000])
def test_a_figure_far_too_long_is_refused_before_a_decimal_is_made_of_it(text: str) -> None:
    with pytest.raises(wire.Malformed) as caught:
        wire.decode(envelope(PLAIN.replace('"7"', f'"{text}"')), Envelope)

    # The words are those of the look at the texts; who makes decimals says "Invalid decimal string" of dashes.
    assert (caught.value.problem, caught.value.path) == ("Expected a plain decimal", "$.result[0].many[...]")


def test_a_long_text_that_is_no_figure_may_be_as_long_as_it_is() -> None:
    text = "-" * 20_000
    content = envelope(PLAIN.replace('"1_0 a:b"', f'"{text}"').replace('"count"', '"x":0,"count"'))

    assert wire.decode(content, Envelope).result[0].text == text


@pytest.mark.parametrize("venue", payloads.VENUES)
def test_the_quick_look_knows_the_answers_of_every_venue(venue: str) -> None:
    for content, model in Case(venue, 3).typed:
        assert outline.is_sound(content, model)


def test_a_type_that_leaves_open_what_it_holds_has_no_outline() -> None:
    for open_type in (Any, dict[str, Any], list[msgspec.Raw], str | list[str], float):
        assert not outline.is_sound(b"{}", open_type)

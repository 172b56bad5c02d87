"""Answers that are made to hurt: each is refused as the venue's broken answer, at its place, without its value."""

import json
from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest
from support import Case, StoredAnswer, read_stored, venues

from accountview.errors import AnswerInvalid
from accountview.wire import MAX_BYTES, MAX_DEPTH

CASE = Case("bfx", "long-and-short")
MARK = '"THE PLACE"'


def answers_with(text: str, name: str = "balance") -> list[StoredAnswer]:
    """The answers of the case with one figure of the account replaced by a text that need not be JSON."""
    account, *others = CASE.exchange.answers
    body = json.loads(account.content)
    body["result"][0][name] = "THE PLACE"
    return [changed(account, json.dumps(body).replace(MARK, text).encode()), *others]


def changed(stored: StoredAnswer, content: bytes) -> StoredAnswer:
    """A stored answer with another body, byte by byte."""
    return msgspec.structs.replace(stored, body=msgspec.Raw(), text=None, base64=b64encode(content).decode())


# Numbers --------------------------------------------------------------------------------------------------------------

TEXTS = (
    "", " ", "1_0", "1__0", "_1", " 1", "1 ", "\t1", "1\n", "1\u00a0", "\u20091", "\ufeff1", "1\u200b",  # blanks
    "\u0661\u0662", "\u06f1", "\u0967", "\uff11", "\u00b2", "\u2160", "\u22121", "1\u066b5",  # other scripts
    "NaN", "nan", "sNaN", "NaN123", "-NaN", "Infinity", "inf", "-Infinity", "+inf",  # no numbers
    "1e100", "1e-100", "1e999999", "1e400", "1e-400", "1E+1000", "1e", "e5", "1e1.5", "1e1_0", "1e++1", "1e+-1",
    "+1", "--1", "+-1", "-", "+", ".", ".5", "5.", "-.5", "1..2", "1.2.3", "1,000", "1.000,5", "1'000", "1 000",
    "0x10", "0b1", "0o7", "1f", "1d", "1L", "1j", "$1", "1 USD", "1%", "1/2", "(1)", "=1+1", "1;", "null", "true",
    "9" * 101, "9" * 5_000, "9" * 300_000, "0." + "1" * 101, "0." + "0" * 300_000 + "1", "-" * 300_000,
    "\x001", "1\x00",
)  # fmt: skip
"""Texts that no figure has. `Decimal` reads a good part of them, and some cost it seconds."""

NUMBERS = (
    "NaN", "-NaN", "Infinity", "-Infinity", "1e100", "1e999999", "-1e999999", "1e400", "1E400", "1e-400", "1e-999999",
    "1e309", "9" * 101, "9" * 5_000, "9" * 300_000, "0." + "1" * 101, "0." + "0" * 300_000 + "1", "1." + "0" * 101,
    "+1", "--1", ".5", "5.", "01", "-01", "-", "0x10", "1_0", "1e", "1e+", "1,0", "\uff11", "\u0661", "1 2", "1L",
    "1.e5",
)  # fmt: skip
"""The same as bare JSON numbers; many are no JSON at all."""

OTHERS = ("true", "false", "null", "[]", "{}", '["1"]', '{"value": "1"}', '[["1"]]')


def refused(answers: list[StoredAnswer]) -> AnswerInvalid:
    with pytest.raises(AnswerInvalid) as caught:
        read_stored(CASE, answers)
    assert caught.value.venue == "bfx"
    assert caught.value.operation in ("getAccount", "getPositions")
    assert len(str(caught.value)) < 300
    return caught.value


def short(text: str) -> str:
    return ascii(text if len(text) < 20 else f"{text[:8]}… of {len(text)}")


@pytest.mark.parametrize("text", TEXTS, ids=short)
def test_a_text_that_is_no_figure_is_refused_at_its_place(text: str) -> None:
    error = refused(answers_with(json.dumps(text)))

    assert error.path == "$.result[0].balance"
    if len(text) > 3:
        assert text not in str(error).replace("$.result", "")


@pytest.mark.parametrize("text", NUMBERS, ids=short)
def test_a_number_that_is_no_figure_is_refused(text: str) -> None:
    """Its place is not told: it is refused before anything is decoded."""
    assert text not in str(refused(answers_with(text)))


@pytest.mark.parametrize("text", OTHERS)
def test_another_type_is_refused_at_its_place(text: str) -> None:
    assert (refused(answers_with(text)).path or "").startswith("$.result[0].balance")


@pytest.mark.parametrize("text", ["0", "-0.0", "1E5", "1e-7", "0.10", "-1.50", "9" * 100, f"0.{'1' * 100}"])
def test_what_a_venue_may_print_is_read(text: str) -> None:
    for form in (text, f'"{text}"'):
        (account,) = read_stored(CASE, answers_with(form)).accounts
        assert account.wallet_balance is not None
        assert account.wallet_balance.as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize("venue", venues())
def test_every_venue_refuses_a_hostile_figure_wherever_it_reads_one(venue: str) -> None:
    """A figure where the venue puts one, in each answer that its plan asks for and that holds one."""
    case = Case(venue, "long-and-short")
    tried = 0
    for index, stored in enumerate(case.exchange.answers):
        body = json.loads(stored.content, parse_float=Decimal)
        for holder, key in figures_in(body):
            before = holder[key]
            for hostile in ("1_0", "\u0661", "NaN", "1e999999"):
                holder[key] = hostile
                text = msgspec.json.Encoder(decimal_format="number").encode(body)
                answers = list(case.exchange.answers)
                answers[index] = changed(stored, text)
                tried += 1
                with pytest.raises(AnswerInvalid) as caught:
                    read_stored(case, answers)
                # The decoder names no key of a map.
                assert (caught.value.path or "").endswith((f".{key}", "[...]")), f"{key}: {caught.value}"
            holder[key] = before
    assert tried > 20


NO_FIGURES = {"cum_trading_volume", "notional_pct_total", "allTime", "sinceChange", "last_liq_check"}
"""Figures of the answers that no spec of ours describes, for no plan reads them."""


def figures_in(node: Any) -> Iterator[tuple[Any, Any]]:
    """Where in an answer a figure stands, as the venue writes figures: a text of digits, or a number with a point."""
    keys = list(node) if hasattr(node, "keys") else range(len(node))
    for key in keys:
        value = node[key]
        if isinstance(value, dict | list):
            yield from figures_in(value)
        elif key not in NO_FIGURES and (
            isinstance(value, Decimal) or (isinstance(value, str) and value.replace(".", "").isdecimal())
        ):
            yield node, key


# JSON -----------------------------------------------------------------------------------------------------------------

GOOD = CASE.exchange.answers[0].content
SPACE = GOOD.index(b"{") + 1
"""Where another member of the outermost object may stand."""


def with_member(member: bytes) -> bytes:
    return GOOD[:SPACE] + member + b"," + GOOD[SPACE:]


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return with_member(b'"deep":' + opening * depth + b"1" + closing * depth)


def twice(keys: bytes, times: int = 1) -> bytes:
    return with_member(b'"deep":' + b'{"a":' * times + b"{" + keys + b"}" + b"}" * times)


DOCUMENTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "blanks": (b"  \n", "not JSON"),
    "a word": (b"OK", "not JSON"),
    "too large": (GOOD + b" " * (MAX_BYTES - len(GOOD) + 1), "larger"),
    "lists too deep": (nested(MAX_DEPTH), "deeper"),
    "objects too deep": (nested(MAX_DEPTH, b'{"a":', b"}"), "deeper"),
    "very deep": (nested(200_000), "deeper"),
    "very deep and open": (b"[" * 1_000_000, "deeper"),
    "too many values in a list": (with_member(b'"many":[' + b"0," * 400_001 + b"0]"), "more than"),
    "too many empty lists": (with_member(b'"many":[' + b"[]," * 400_001 + b"[]]"), "more than"),
    "too many members": (with_member(b'"many":{' + b'"":0,' * 200_001 + b'"":0}'), "more than"),
    "a key twice": (with_member(b'"success":true'), "twice"),
    "a key twice, as an escape": (with_member(b'"succes\\u0073":true'), "twice"),
    "a key twice, one with escapes only": (
        twice(b'"ab":1,"\\u0061\\u0062":1'),
        "twice",
    ),
    "a key twice, escapes in two cases": (twice(b'"\\u00e9":1,"\\u00E9":1'), "twice"),
    "a key twice, an escape and its UTF-8": (twice(b'"\\u00e9":1,"\xc3\xa9":1'), "twice"),
    "a key twice, a slash and its escape": (twice(b'"/":1,"\\/":1'), "twice"),
    "a key twice, a pair of surrogates": (twice(b'"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":1'), "twice"),
    "a key twice, far down": (twice(b'"a":1,"a":1', 60), "twice"),
    "a key twice, empty": (twice(b'"":1,"":1'), "twice"),
    "a key twice, with one value": (twice(b'"a":{},"b":2,"a":{}'), "twice"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "not JSON"),
    "UTF-16, little end first": (GOOD.decode().encode("utf-16-le"), "not"),
    "UTF-16, big end first": (GOOD.decode().encode("utf-16-be"), "not"),
    "UTF-16 with its mark": (GOOD.decode().encode("utf-16"), "not UTF-8"),
    "UTF-32": (GOOD.decode().encode("utf-32"), "not UTF-8"),
    "UTF-7": (GOOD.decode().replace('"', "+ACI-").encode(), "not JSON"),
    "latin-1": (with_member('"name":"caf\u00e9"'.encode("latin-1")), "not UTF-8"),
    "a surrogate as UTF-8": (with_member(b'"name":"\xed\xa0\x80"'), "not UTF-8"),
    "too long a form of a slash": (with_member(b'"name":"\xc0\xaf"'), "not UTF-8"),
    "too long a form of NUL": (with_member(b'"name":"\xc0\x80"'), "not UTF-8"),
    "beyond the last character": (with_member(b'"name":"\xf4\x90\x80\x80"'), "not UTF-8"),
    "half a character": (with_member(b'"name":"\xe2\x82"'), "not UTF-8"),
    "NUL in a text": (with_member(b'"name":"a\x00b"'), "not JSON"),
    "NUL between": (with_member(b'"name":\x001'), "not JSON"),
    "NUL at the end": (GOOD + b"\x00", "not JSON"),
    "a line break in a text": (with_member(b'"name":"a\nb"'), "not JSON"),
    "a wrong escape": (with_member(b'"name":"\\x41"'), "not JSON"),
    "half an escape": (with_member(b'"name":"\\u00"'), "not JSON"),
    "a comma too many": (with_member(b'"a":[1,]'), "not JSON"),
    "a comment": (with_member(b'/* a */"a":1'), "not JSON"),
    "single quotes": (with_member(b"'a':1"), "not JSON"),
    "a key without quotes": (with_member(b"a:1"), "not JSON"),
    "True": (with_member(b'"a":True'), "not JSON"),
    "NaN in an unknown field": (with_member(b'"a":NaN'), "not JSON"),
    "Infinity in an unknown field": (with_member(b'"a":-Infinity'), "not JSON"),
    "a huge exponent in an unknown field": (with_member(b'"a":1e999999'), "exponent"),
    "a huge exponent in capitals": (with_member(b'"a":1E999999'), "exponent"),
    "a huge number in an unknown field": (with_member(b'"a":' + b"9" * 300_000), "too long"),
    "cut": (GOOD[:-20], "not JSON"),
    "cut in a text": (GOOD[: GOOD.index(b'"active"') + 3], "not JSON"),
    "two documents": (GOOD + GOOD, "not JSON"),
    "two lines": (GOOD + b"\n" + GOOD, "not JSON"),
    "a guard before it": (b")]}',\n" + GOOD, "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "problem"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_an_answer_that_is_no_sound_json_is_refused(content: bytes, problem: str) -> None:
    account, *others = CASE.exchange.answers

    error = refused([changed(account, content), *others])

    assert problem in str(error)


def test_what_is_sound_is_read() -> None:
    account, *others = CASE.exchange.answers
    before = read_stored(CASE, CASE.exchange.answers).accounts[0]
    for content in (
        GOOD,
        b" \r\n\t" + GOOD + b"\n",
        GOOD + b" " * (MAX_BYTES - len(GOOD)),
        nested(MAX_DEPTH - 1),
        nested(MAX_DEPTH - 1, b'{"a":', b"}"),
        with_member(b'"many":[' + b"0," * 399_000 + b"0]"),
        twice(b'"a":1,"A":1,"\\u0062":1'),
        with_member(json.dumps({"name": "[{" * 500 + '\\"'}).encode()[1:-1]),
        with_member(b'"name":"\\u0000"'),
        with_member('"name":"caf\u00e9 \u65e5\u672c \U0001f600"'.encode()),
    ):
        (after,) = read_stored(CASE, [changed(account, content), *others]).accounts
        assert after.equity == before.equity
        assert after.positions == before.positions


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\\udc00\\ud800"', b'"a\\ud83d"'])
def test_a_lone_surrogate_never_reaches_the_view(text: bytes) -> None:
    """An escape may spell half a character: no UTF-8 can hold it, so the JSON form of the view could not be written."""
    account, positions = CASE.exchange.answers
    body = cast("dict[str, Any]", json.loads(positions.content))
    body["result"][0]["market_id"] = "THE PLACE"
    hostile = changed(positions, json.dumps(body).encode().replace(MARK.encode(), text))

    refused([account, hostile])

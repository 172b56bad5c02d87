"""Whatever text a venue sends, it steers no terminal, ends no line, and adds no field to a log."""

import io
import json
import logging
import unicodedata
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest
from rich.console import Console
from support import Case, ReplayServer, StoredAnswer, cases, read_stored, venues

import accountview as av
from accountview import log
from accountview.cli import sheet
from accountview.cli.commands import say
from accountview.cli.text import neutral
from accountview.snapshot import Failure, Snapshot
from accountview.testing import make_account
from accountview.view import Finding

CONTROLS = [chr(number) for number in [*range(0x20), *range(0x7F, 0xA0)]]
INVISIBLE = [
    *"\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062",
    *"\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206f\ufeff\ufff9\ufffa\ufffb\U000e0001\U000e0041\U000e007f\ud800",
]
SEQUENCES = [
    *(f"\x1b[{code}" for code in ("31m", "2J", "H", "1A", "2K", "?1049h", "6n", "5i", "8m", "0c")),
    *(
        f"\x1b]{code}\x07"
        for code in ("0;title", "52;c;ZXZpbA==", "8;;http://evil.example", "4;1;rgb:0/0/0", "777;x")
    ),
    *(
        f"\x1b{code}"
        for code in ("c", "7", "8", "(0", "#8", "P1;2|x\x1b\\", "_x\x1b\\", "^x\x1b\\", "Zx", "=")
    ),
    *(f"\x9b{code}" for code in ("31m", "2J", "6n")),
    *("\x9d0;title\x9c", "\x90q\x9c", "\x1b\x1b[31m", "\x1b[\n31m", "\x1b[38;2;1;2;3m"),
]
LINES = [
    *(
        f"x{end}accountview: all good"
        for end in ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\n\n")
    ),
    *(f"x{end}attempt venue=bfx status=200" for end in ("\n", "\r", " ", "\t", "\u2028")),
    *(
        "BTC\b\b\b",
        "\x1b[1A\x1b[2Kequity 0.00",
        "a\rb",
        "\x7f\x7f",
        "\0",
        "a\0b",
        "\x1a",
        "\x04",
        "\x03",
        "\x07",
    ),
]
MARKUP = [
    *(
        "[red]x[/red]",
        "[/]",
        "[bold",
        "[link=http://evil.example]x[/link]",
        "\\[x]",
        "[@click=app.bell]x[/]",
        ":smile:",
    ),
    *(
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        '=HYPERLINK("x")',
        "%s%s%n",
        "{0}",
        "{venue}",
    ),
    *(
        "<script>",
        "&lt;",
        "'; DROP TABLE x;--",
        '"',
        "'",
        "\\",
        "$(id)",
        "`id`",
        "a=b",
        "status=200",
        "x y",
        " ",
        "",
    ),
]
BIDI = [
    *(f"{mark}BTC-USD" for mark in "\u202e\u202d\u2066\u2067\u200f"),
    *(
        "user\u202egnp.exe",
        "a\u2066b\u2069c",
        "\u202e\u202e",
        "pay\u200bpal",
        "B\u200dTC",
        "x\ufeffy",
        "e\u0301",
        "\u0430pi",
        "\u202a\u202b\u202c",
        "\u2069",
        "\u061c1",
        "\u200d\u200d",
        "\u2028\u2029",
        "\u202e=cmd|x",
        "\u200f\x1b[31m",
        "\u2066\r\u2069",
    ),
]
PAYLOADS = list(
    dict.fromkeys([*CONTROLS, *(f"a{each}b" for each in INVISIBLE), *SEQUENCES, *LINES, *MARKUP, *BIDI])
)


def steers(text: str) -> list[str]:
    """The characters that may stand on no terminal, but the line ends that are ours."""
    return [
        each for each in text if each != "\n" and unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]


def test_there_are_enough_payloads() -> None:
    assert len(PAYLOADS) >= 200
    assert sum(bool(steers(each)) or "\n" in each for each in PAYLOADS) >= 130


def poisoned(payload: str) -> Snapshot:
    """A snapshot with a payload in every text that a venue can send."""
    account = make_account(label=payload or "-", venue_status=payload, account_id=payload, currency=payload)
    position = msgspec.structs.replace(account.positions[0], venue_symbol=payload)
    balance = msgspec.structs.replace(account.balances[0], asset=payload)
    finding = Finding(code=payload, fields=(), message=payload)
    account = msgspec.structs.replace(
        account,
        positions=(position,),
        balances=(balance,),
        findings=(finding,),
        leverage_by_market={payload: Decimal(2)},
        equity=None,
        missing={**account.missing, "equity": av.Missing.NOT_RETURNED},
    )
    failure = Failure(
        label=payload,
        venue="bfx",
        operation="getAccount",
        error="RequestRefused",
        message=payload,
        retryable=False,
    )
    return Snapshot(taken_at=datetime.now(UTC), accounts=(account,), failures=(failure,))


def printed(snapshot: Snapshot) -> str:
    console = Console(file=io.StringIO(), width=1000, force_terminal=False, highlight=False)
    sheet.show(
        console, snapshot, datetime.now(UTC), lambda label, field: f"accountview explain {label} {field}"
    )
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_a_table_is_not_steered(payload: str) -> None:
    harmless = printed(poisoned("BTC"))
    shown = printed(poisoned(payload))

    assert steers(shown) == []
    assert shown.count("\n") <= harmless.count("\n")


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_a_line_of_words_stays_one_line(payload: str) -> None:
    with redirect_stderr(io.StringIO()) as shown:
        say(f"the venue says {payload}")

    assert shown.getvalue().startswith("accountview: the venue says")
    assert steers(shown.getvalue()) == []
    assert shown.getvalue().count("\n") == 1


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_a_log_line_keeps_its_fields(
    payload: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(log.LABELS, "1")
    with caplog.at_level(logging.INFO, "accountview"):
        log.attempt(
            venue=payload,
            account=payload,
            operation=payload,
            method=payload,
            host=payload,
            path=payload,
            status=200,
            outcome=payload,
            attempt=1,
            milliseconds=1,
            request_id=payload,
        )
    (record,) = caplog.records
    line = record.getMessage()

    assert line.isascii()
    assert line.isprintable()
    fields = [word.partition("=")[0] for word in line.split(" ")[1:]]
    assert fields == [name for name in vars(record)["accountview"] if name != "event"]
    assert all(str(value).isprintable() for value in vars(record)["accountview"].values())


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_a_message_of_an_error_is_neutral(payload: str) -> None:
    error = av.RequestRefused(f"the venue says {neutral(payload)!r}", venue="bfx", account=payload)
    if not payload.isprintable():
        assert payload not in str(error)
    assert steers(str(error)) == []
    assert "\n" not in str(error)


# From the wire ---------------------------------------------------------------------------------------------------

FEW = ["\x1b[31mred", "a\r\nb", "\u202eDSU-CTB", "\0", "[red]x[/red]", "x\u200by", "=cmd|x", "\x9b2J"]


def texts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where texts stand that are no numbers: container and key."""
    if not isinstance(value, dict | list):
        return
    held = cast("Any", value)
    members: Any = held.items() if hasattr(held, "items") else enumerate(held)
    for key, inner in members:
        if isinstance(inner, str) and not inner.replace(".", "").replace("-", "").isdecimal():
            yield value, key
        yield from texts(inner)


@pytest.mark.parametrize("venue", venues())
def test_no_text_of_any_answer_steers(venue: str) -> None:
    """Each text of an answer in its turn, and all of them, whether the answer is then refused or read."""
    seen = 0
    for case in (Case(venue, "long-and-short"), Case(venue, "underwater")):
        stored = case.exchange.answers
        for index, answer in enumerate(stored):
            places = list(texts(json.loads(answer.content)))
            for number in range(len(places) + 1):
                tree = json.loads(answer.content)
                payload = FEW[number % len(FEW)]
                for container, key in list(texts(tree))[number : number + 1] or list(texts(tree)):
                    container[key] = payload
                changed = StoredAnswer(request=answer.request, status=answer.status, text=json.dumps(tree))
                try:
                    reading = read_stored(case, [*stored[:index], changed, *stored[index + 1 :]])
                except av.VenueError as error:
                    shown, lines = str(error), str(error)
                else:
                    accounts = tuple(
                        [msgspec.structs.replace(a, label=a.account_id) for a in reading.accounts]
                    )
                    snapshot = Snapshot(taken_at=datetime.now(UTC), accounts=accounts, failures=())
                    shown = printed(snapshot)
                    lines = "".join(str(error) for error in reading.failures)
                assert steers(shown) == steers(lines) == []
                assert "\n" not in lines
                seen += 1
    assert seen >= 10


@pytest.mark.parametrize("payload", FEW)
@pytest.mark.parametrize("venue", venues())
def test_no_refusal_steers(venue: str, payload: str, replay: ReplayServer) -> None:
    case = Case(venue, "long-and-short")
    body = {"success": False, **dict.fromkeys(("error", "errors", "message", "detail"), f"no {payload} no")}
    refusals = [
        StoredAnswer(request=each.request, status=400, text=json.dumps(body))
        for each in case.exchange.answers
    ]
    base_url = replay.serve(f"injection-{venue}-{FEW.index(payload)}", refusals)
    with (
        av.connect(venue, **case.options, base_url=base_url) as client,
        pytest.raises(av.VenueError) as caught,
    ):
        client.read()

    assert steers(str(caught.value)) == []
    assert "\n" not in str(caught.value)
    assert caught.value.account is None


def test_steering_would_be_found() -> None:
    for each in (*INVISIBLE[:-1], "\x1b", "\0", "\r", "\x9b"):
        assert steers(f"a{each}b")
    assert cases()

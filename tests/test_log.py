"""What a log is told: nothing unless asked, only listed fields, each of them one harmless word, accounts by a mark."""

import io
import logging
import subprocess
import sys
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Case, ReplayServer

import accountview as av
from accountview import log
from accountview.secret import Secret

ATTEMPT: dict[str, Any] = {
    "venue": "bfx",
    "account": "desk-one",
    "operation": "getAccount",
    "method": "GET",
    "host": "api.bfx.trade",
    "path": "/account",
    "status": 200,
    "outcome": "answered",
    "attempt": 1,
    "milliseconds": 12,
    "request_id": "4c6a-77",
}


@pytest.fixture(autouse=True)
def as_at_the_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The logger and the environment as a process finds them; so they are left."""
    monkeypatch.delenv(log.LEVEL, raising=False)
    monkeypatch.delenv(log.LABELS, raising=False)
    logger = logging.getLogger("accountview")
    handlers, level, propagates = list(logger.handlers), logger.level, logger.propagate
    log.begin.cache_clear()
    yield
    logger.handlers[:], logger.propagate = handlers, propagates
    logger.setLevel(level)
    log.begin.cache_clear()


def alone(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """The logger without the handlers that pytest gives to each test."""
    logger = logging.getLogger("accountview")
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "handlers", [logging.NullHandler()])
    return logger


def told(caplog: pytest.LogCaptureFixture, **changes: Any) -> logging.LogRecord:
    with caplog.at_level(logging.INFO, "accountview"):
        log.attempt(**(ATTEMPT | changes))
    return caplog.records[-1]


# What is told ------------------------------------------------------------------------------------------------------


def test_an_attempt_is_one_line_of_the_listed_fields(caplog: pytest.LogCaptureFixture) -> None:
    record = told(caplog)

    mark = vars(record)["accountview"]["account"]
    assert record.levelname == "INFO"
    assert record.getMessage() == (
        f"attempt venue=bfx account={mark} operation=getAccount method=GET host=api.bfx.trade path=/account "
        "status=200 outcome=answered attempt=1 milliseconds=12 request_id=4c6a-77"
    )
    assert vars(record)["accountview"] == {"event": "attempt"} | ATTEMPT | {"account": mark}


def test_what_is_not_there_is_a_dash_in_the_line_and_none_in_the_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    record = told(caplog, account=None, status=None, request_id=None)

    assert "account=- " in record.getMessage()
    assert "status=- " in record.getMessage()
    assert record.getMessage().endswith("request_id=-")
    assert [vars(record)["accountview"][name] for name in ("account", "status", "request_id")] == [None] * 3


@pytest.mark.parametrize("field", ["query", "body", "headers", "url", "api_key", "message"])
def test_no_other_field_can_get_in(field: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TypeError, match=field):
        told(caplog, **{field: "x"})


def test_the_record_holds_nothing_else_that_was_told(caplog: pytest.LogCaptureFixture) -> None:
    plain = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

    assert set(vars(told(caplog))) - plain == {"accountview"}


def test_a_slip_tells_its_class_and_its_place_and_not_its_words(caplog: pytest.LogCaptureFixture) -> None:
    answer = "private words of an answer"
    try:
        {"known": 1}[answer]
    except KeyError as error:
        log.slip(venue="bfx", operation="getAccount", doing="looking_for_drift", error=error)

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith(
        "slip venue=bfx operation=getAccount doing=looking_for_drift error=KeyError at=test_log.py:"
    )
    assert record.exc_info is None
    assert "private" not in caplog.text + repr(vars(record))
    assert str(Path(__file__).parent) not in record.getMessage()


# Who is told -------------------------------------------------------------------------------------------------------


def test_an_account_has_one_mark_from_which_its_name_cannot_be_guessed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    marks = [vars(told(caplog, account=name))["accountview"]["account"] for name in ("a", "b", "a")]

    assert marks[0] == marks[2] != marks[1]
    assert "desk-one" not in told(caplog).getMessage() + repr(vars(told(caplog)))
    script = (
        "import logging, sys; from accountview import log; logging.basicConfig(level=20);"
        f"log.attempt(**{ATTEMPT | {'account': 'a'}!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "account=" in done.stderr
    assert marks[0] not in done.stderr  # another process has another key: nobody can try names beforehand


def test_labels_are_shown_when_they_are_asked_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(log.LABELS, "1")

    assert " account=desk-one " in told(caplog).getMessage()


def test_a_request_id_that_is_a_credential_is_struck_out(caplog: pytest.LogCaptureFixture) -> None:
    key = "canary-key-not-real"

    record = told(caplog, request_id=f"id-{key.upper()}-7", secrets=(Secret(key), Secret("00ff")))

    assert key not in (record.getMessage() + repr(vars(record))).lower()
    assert record.getMessage().endswith("request_id=id-\\u2026-7")


# Whether anything is shown -----------------------------------------------------------------------------------------


def run(script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A process of its own: what is shown there is what users see."""
    return subprocess.run(
        [sys.executable, "-c", f"import logging\nfrom accountview import log\n{script}"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )


TELL = f"log.begin(); log.attempt(**{ATTEMPT!r})\n"
SLIP = "log.slip(venue='bfx', operation='o', doing='d', error=ValueError())\n"


def test_nothing_is_shown_unless_somebody_asks() -> None:
    assert run(TELL + SLIP).stderr == ""


def test_the_environment_asks_for_a_level() -> None:
    shown = run(TELL + SLIP, ACCOUNTVIEW_LOG="info").stderr.splitlines()
    assert [line.split()[1:4] for line in shown] == [
        ["INFO", "accountview", "attempt"],
        ["ERROR", "accountview", "slip"],
    ]
    assert shown[0].split()[0].endswith("Z")
    assert (
        len(run(TELL * 3 + SLIP, ACCOUNTVIEW_LOG="Debug").stderr.splitlines()) == 4
    )  # one handler, not three
    assert [line.split()[1] for line in run(TELL + SLIP, ACCOUNTVIEW_LOG="error").stderr.splitlines()] == [
        "ERROR"
    ]


def test_only_our_logger_is_shown() -> None:
    others = "\n".join(f"logging.getLogger({name!r}).error('theirs')" for name in ("httpx", "httpcore", "x"))
    quiet = "logging.lastResort = None\n"
    assert "theirs" not in run(quiet + TELL + others, ACCOUNTVIEW_LOG="debug").stderr


def test_where_the_application_shows_it_nothing_is_shown_twice() -> None:
    configured = "logging.basicConfig(level=logging.WARNING)\n"
    assert run(configured + TELL).stderr == ""
    assert run(configured + TELL, ACCOUNTVIEW_LOG="info").stderr.count("attempt venue=bfx") == 1


def test_a_level_that_is_none_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(log.LEVEL, "loud")
    with pytest.raises(
        av.UsageError, match=r"\$ACCOUNTVIEW_LOG is 'loud'; there are debug, info, warning, error"
    ):
        log.begin()


def test_a_library_that_is_not_asked_attaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = alone(monkeypatch)
    log.begin()
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]


def test_stderr_is_where_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch)
    monkeypatch.setenv(log.LEVEL, "info")
    monkeypatch.setattr(sys, "stderr", shown := io.StringIO())
    log.begin()
    log.attempt(**ATTEMPT)
    assert shown.getvalue().count("\n") == 1


def test_it_costs_next_to_nothing_where_nothing_is_shown() -> None:
    logging.getLogger("accountview").setLevel(logging.WARNING)
    best = min(timeit.repeat(lambda: log.attempt(**ATTEMPT), number=1000, repeat=5)) / 1000
    assert best < 20e-6  # measured: 0.5 µs; a machine that is busy is slower


def test_reading_accounts_is_silent_by_default(
    replay: ReplayServer, capfd: pytest.CaptureFixture[str]
) -> None:
    case = Case("bfx", "seed-flat")
    with av.connect(
        "bfx", **case.options, base_url=replay.serve("log-silent", case.exchange.answers)
    ) as client:
        client.account()
    assert capfd.readouterr() == ("", "")

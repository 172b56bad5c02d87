"""The command as people run it: a process of its own, real loopback HTTP, its output and its exit code."""

import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

import accountview as av
from accountview.cli import sheet
from accountview.cli.text import age, amount, multiple, neutral
from accountview.sandbox import Sandbox
from accountview.snapshot import json_schema
from accountview.testing import make_account

_STEERING = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "ACCOUNTVIEW_FILE", "UV_RUN_RECURSION_DEPTH")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name not in _STEERING},
    "DEMO_KEY": "no-such-key",
    "DEMO_SECRET": "00ff",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.recover()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in: no accounts file lies about."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "accountview", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=ENVIRONMENT | environment,
        timeout=60,
    )


def written(here: Path, *accounts: str) -> Path:
    """An accounts file of these tables."""
    path = here / "books.toml"
    path.write_text("\n".join(accounts))
    return path


def account(label: str, base_url: str) -> str:
    """One table of an accounts file, with a key that nobody knows."""
    return (
        f'[accounts.{label}]\nvenue = "bfx"\nbase_url = "{base_url}"\n'
        'api_key = "env:DEMO_KEY"\napi_secret = "env:DEMO_SECRET"\n'
    )


def one_line(done: "subprocess.CompletedProcess[str]", *parts: str) -> None:
    """The refusal of a usage error: one line on stderr, nothing on stdout."""
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("accountview: ")
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


def document(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """The one document on stdout, held against the schema."""
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    shown: dict[str, Any] = json.loads(done.stdout)
    jsonschema.Draft202012Validator(json_schema()).validate(shown)  # pyright: ignore[reportUnknownMemberType] # its stub leaves a parameter open
    return shown


def cut_account(sandbox: Sandbox, here: Path) -> str:
    """The table of the account whose list of positions is longer than a page."""
    (entry,) = [each for each in sandbox.all_entries if each.label == "rabbitx-wide"]
    lines = [f"[accounts.{entry.label}]", 'venue = "rabbitx"', f'base_url = "{entry.options["base_url"]}"']
    for name in ("api_key", "api_secret"):
        (here / name).write_text(entry.options[name].reveal())
        (here / name).chmod(0o600)
        lines.append(f'{name} = "file:{name}"')
    return "\n".join(lines) + "\n"


def labels(sandbox: Sandbox) -> list[str]:
    return [entry.label for entry in sandbox.entries]


def shown_entries(document: dict[str, Any]) -> list[str]:
    """The entries whose accounts are shown: one that sees several shows each as `label/account`."""
    return list(dict.fromkeys(row["label"].partition("/")[0] for row in document["accounts"]))


# demo, and the way it leads on --------------------------------------------------------------------------------


def test_demo_shows_every_venue_and_the_command_that_explains_a_dash(sandbox: Sandbox) -> None:
    done = run("demo", COLUMNS="200")

    assert (done.returncode, done.stderr) == (0, "")
    head = done.stdout[: done.stdout.index("─")]
    for word in (
        *("label", "venue", "currency", "equity", "wallet", "uPnL", "available", "initial", "maintenance"),
        *("buffer", "leverage", "positions", "age", "findings"),
    ):
        assert word in head
    for label in labels(sandbox):
        assert label in done.stdout
    assert {"USDB", "USDT"} <= set(done.stdout.partition("Totals by currency")[2].split())
    assert "--json has every digit" in done.stdout
    assert "\x1b" not in done.stdout

    (hint,) = re.findall(r"^  python -m accountview (explain .+)$", done.stdout, re.MULTILINE)
    _, label, field, _ = shlex.split(hint)
    explained = run(*shlex.split(hint))

    assert (explained.returncode, explained.stderr) == (0, "")
    assert f"{field} = —  missing: " in explained.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith(f"{label} "))
    assert "—" in row


def test_demo_gives_one_document(sandbox: Sandbox) -> None:
    done = run("demo", "--json")

    shown = document(done)
    assert done.returncode == 0
    assert shown_entries(shown) == labels(sandbox)
    assert shown["failures"] == []


def test_the_command_is_installed() -> None:
    script = Path(sys.executable).parent / "accountview"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, f"accountview, version {av.__version__}\n")


def test_the_hint_can_be_copied_as_the_command_was_started() -> None:
    script = str(Path(sys.executable).parent / "accountview")
    for environment, start in (
        (ENVIRONMENT, "  "),
        (ENVIRONMENT | {"UV_RUN_RECURSION_DEPTH": "1"}, "  uv run "),
    ):
        done = subprocess.run(
            [script, "demo"], capture_output=True, text=True, encoding="utf-8", check=True, env=environment
        )
        assert f"\n{start}accountview explain " in done.stdout


# show and its exit codes ---------------------------------------------------------------------------------------


def test_all_good_is_0(sandbox: Sandbox, here: Path) -> None:
    sandbox.write_accounts(here / "all.toml")

    done = run("show", "--file", str(here / "all.toml"), "--json")

    assert done.returncode == 0
    assert document(done)["complete"] is True


def test_the_default_file_is_the_one_here_then_the_named_one(sandbox: Sandbox, here: Path) -> None:
    one_line(run("show"), "no accounts file", "./accounts.toml", "$ACCOUNTVIEW_FILE", "--file")
    sandbox.write_accounts(here / "elsewhere.toml")
    assert shown_entries(document(run("show", "--json", ACCOUNTVIEW_FILE="elsewhere.toml"))) == labels(
        sandbox
    )
    (here / "accounts.toml").write_text("")
    one_line(run("show", ACCOUNTVIEW_FILE="elsewhere.toml"), "accounts.toml: no accounts")


def test_a_list_that_is_not_whole_is_3(sandbox: Sandbox, here: Path) -> None:
    (here / "accounts.toml").write_text(cut_account(sandbox, here))

    done = run("show", COLUMNS="200")

    assert (done.returncode, done.stderr) == (3, "")
    assert "≥50" in done.stdout
    assert "POSITIONS_CUT" in done.stdout
    assert "Not complete: 1 with a list that is not whole" in done.stdout


def test_rows_beside_failures_are_3(sandbox: Sandbox, here: Path) -> None:
    sandbox.write_accounts(here / "all.toml")
    astray = account("astray", sandbox.base_url("bfx"))
    path = written(here, (here / "all.toml").read_text(), astray, cut_account(sandbox, here))

    done = run("show", "--file", str(path), COLUMNS="200")

    assert (done.returncode, done.stderr) == (3, "")
    assert "not read  astray  bfx\n" in done.stdout
    assert "NO_SUCH_KEY" in done.stdout
    assert "CredentialsRefused: check the key" in done.stdout
    assert "Not complete: 1 not read, 1 with a list that is not whole" in done.stdout
    shown = document(run("show", "--file", str(path), "--json"))
    assert shown["complete"] is False
    assert [row["label"] for row in shown["failures"]] == ["astray"]
    assert len(shown_entries(shown)) == len(labels(sandbox)) + 1


def nobody() -> str:
    """An address at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def test_no_row_and_refused_credentials_is_4(sandbox: Sandbox, here: Path) -> None:
    url = sandbox.base_url("bfx")
    done = run("show", "--file", str(written(here, account("a", url), account("b", url))))

    assert (done.returncode, done.stderr) == (4, "")
    assert done.stdout.count("not read") == 3  # each, and the sum of it
    assert "no-such-key" not in done.stdout


def test_no_row_and_nobody_there_is_5(here: Path) -> None:
    done = run("show", "--file", str(written(here, account("a", nobody()))), "--json")

    assert done.returncode == 5
    (row,) = document(done)["failures"]
    assert (row["error"], row["retryable"]) == ("VenueUnavailable", True)


def test_no_row_and_broken_answers_is_6(sandbox: Sandbox, here: Path) -> None:
    for operation in ("getAccount", "getPositions"):
        sandbox.fail("bfx", operation, status=200, body=b"<html>", times=None)

    done = run("show", "--file", str(written(here, account("a", sandbox.base_url("bfx")))))

    assert (done.returncode, done.stderr) == (6, "")
    assert "AnswerInvalid: the venue does not answer as its spec says" in done.stdout


def test_no_row_and_several_reasons_is_3(sandbox: Sandbox, here: Path) -> None:
    path = written(here, account("a", nobody()), account("b", sandbox.base_url("bfx")))
    assert run("show", "--file", str(path)).returncode == 3


def test_no_row_and_another_reason_is_3(sandbox: Sandbox, here: Path) -> None:
    for operation in ("getAccount", "getPositions"):
        sandbox.fail("bfx", operation, status=429, body=b"{}", times=None)

    done = run("show", "--file", str(written(here, account("a", sandbox.base_url("bfx")))))

    assert done.returncode == 3
    assert "RateLimited: wait a little" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shwo"], "shwo"),
        (["show", "--fiel", "x"], "--fiel"),
        (["show", "--file", "absent.toml"], "absent.toml: cannot be read: No such file"),
        (["explain", "main"], "FIELD"),
        (["explain", "main", "equity", "--demo", "--file", "x"], "--demo and --file"),
        (["sandbox", "--port", "70000"], "70000"),
    ],
)
@pytest.mark.usefixtures("here")
def test_usage_errors_are_one_line_and_2(arguments: list[str], says: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    one_line(done, says)


def test_a_literal_secret_is_2_and_is_not_shown(here: Path) -> None:
    text = account("a", nobody()).replace("env:DEMO_SECRET", "c0ffee0123456789")
    done = run("show", "--file", str(written(here, text)), "--json")

    assert done.returncode == 2
    one_line(done, "books.toml: account 'a', api_secret", '"env:NAME" or "file:PATH"')
    assert "c0ffee" not in done.stderr


def test_no_command_shows_the_help_and_is_2() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run("--help").stdout
    assert "accountview demo" in done.stderr


# explain ---------------------------------------------------------------------------------------------------------


def test_explain_reads_the_one_account_only(sandbox: Sandbox, here: Path) -> None:
    sandbox.write_accounts(here / "all.toml")
    path = written(here, (here / "all.toml").read_text(), account("astray", nobody()))

    done = run("explain", "bfx-main", "maintenance_margin", "--file", str(path))

    assert (done.returncode, done.stderr) == (0, "")
    assert "formula: maintenance_margin_rate × notional" in done.stdout
    astray = run("explain", "astray", "equity", "--file", str(path))
    assert astray.returncode == 5
    one_line(astray, "cannot connect")


def test_explain_gives_one_document(sandbox: Sandbox, here: Path) -> None:
    sandbox.write_accounts(here / "accounts.toml")

    done = run("explain", "bfx-main", "positions/SOL-USD/liquidation_price", "--json")

    shown = json.loads(done.stdout)
    assert (done.returncode, done.stderr, list(shown)) == (0, "", ["schema", "label", "explanation"])
    assert (shown["schema"], shown["label"]) == ("accountview/1", "bfx-main")
    assert shown["explanation"]["reason"] == "UNKNOWN_SENTINEL"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["bfx-mian", "equity"], "no account 'bfx-mian'; did you mean bfx-main or "),
        (["bfx-main/7", "equity"], "no account 'bfx-main/7'; did you mean bfx-main? there are bfx-main"),
        (["bfx-main", "eqity"], "did you mean equity? no field 'eqity' to explain; there are: account_id, "),
        (
            ["bfx-main", "positions/SOL-USD/sise"],
            "did you mean size or side? no field 'sise' to explain; there are: entry_price, ",
        ),
        (["bfx-main", "positions/9/size"], "there are: SOL-USD, ETH-USD"),
    ],
)
def test_an_unknown_label_or_field_is_2_with_the_choices(
    sandbox: Sandbox, here: Path, arguments: list[str], says: str
) -> None:
    sandbox.write_accounts(here / "accounts.toml")
    done = run("explain", *arguments)
    assert done.returncode == 2
    one_line(done, says)


# sandbox, and being interrupted ----------------------------------------------------------------------------------


def test_sandbox_serves_until_it_is_interrupted(here: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "accountview", "sandbox", "--write-accounts", "demo/accounts.toml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert re.fullmatch(
            r"accountview: sandbox at http://127\.0\.0\.1:\d+, accounts file demo/accounts\.toml; Ctrl-C ends it\n",
            said,
        )
        assert run("show", "--file", "demo/accounts.toml", "--json").returncode == 0
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)

    assert (process.returncode, stdout, stderr.strip()) == (130, "", "")
    assert (here / "demo" / "accounts.toml").exists()


def test_sandbox_takes_no_port_that_is_taken_and_no_file_that_is_not_its_own(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("sandbox", "--port", port)
    assert done.returncode == 2
    one_line(done, port)
    (here / "accounts.toml").write_text("mine")
    done = run("sandbox", "--write-accounts", "accounts.toml")
    assert done.returncode == 2
    one_line(done, "accounts.toml")
    assert (here / "accounts.toml").read_text() == "mine"


def test_an_interrupted_reading_is_130(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path = written(here, account("a", f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with subprocess.Popen(
            [sys.executable, "-m", "accountview", "show", "--file", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        ) as process:
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)  # it asks, and waits for an answer that does not come
                process.send_signal(signal.SIGINT)
                stdout, stderr = process.communicate(timeout=20)

    assert (process.returncode, stdout, stderr.strip()) == (130, "", "")


def test_a_reader_that_leaves_is_no_trouble(sandbox: Sandbox, here: Path) -> None:
    sandbox.write_accounts(here / "accounts.toml")
    for options in ([], ["--json"]):
        command = shlex.join([sys.executable, "-m", "accountview", "show", *options])
        done = subprocess.run(
            ["/bin/sh", "-c", f"{command} | true"],
            capture_output=True,
            text=True,
            check=True,
            env=ENVIRONMENT,
        )
        assert done.stderr == ""


# Without the extras, and light --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("absent", "arguments", "says"),
    [
        ("rich", ["--help"], "needs rich; pip install 'accountview[cli]'"),
        ("click", ["show"], "needs click; pip install 'accountview[cli]'"),
        ("starlette", ["demo"], "pip install 'accountview[sandbox]'"),
        ("uvicorn", ["sandbox"], "pip install 'accountview[sandbox]'"),
    ],
)
def test_without_an_extra_one_line_says_which(absent: str, arguments: list[str], says: str) -> None:
    code = (
        f"import sys; sys.modules[{absent!r}] = None; from accountview.cli import main; main({arguments!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 2
    one_line(done, says)


def test_help_loads_no_http_library_and_no_tables() -> None:
    code = "import sys, atexit; atexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))\n"
    code += "from accountview.cli import main; main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}

    assert "click" in loaded
    assert not loaded & {"httpx", "rich", "starlette", "uvicorn", "accountview_clients"}


# The sheet -------------------------------------------------------------------------------------------------------

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def shown(
    *accounts: av.Account, width: int, failures: tuple[av.Failure, ...] = (), colour: bool = False
) -> str:
    screen = io.StringIO()
    console = Console(
        file=screen,
        width=width,
        highlight=False,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    snapshot = av.Snapshot(taken_at=MOMENT, accounts=accounts, failures=failures)
    sheet.show(
        console, snapshot, MOMENT + timedelta(seconds=90), lambda label, field: f"explain {label} {field}"
    )
    return screen.getvalue()


def wide_account() -> av.Account:
    """An account whose every figure is long and distinct."""
    return make_account(
        label="treasury-desk-with-a-long-name",
        **{name: Decimal(f"-{number}234567890.12") for number, name in enumerate(sheet.FIGURES, start=1)},
    )


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160, 240])
def test_no_figure_is_cut_at_any_width(width: int) -> None:
    screen = shown(make_account(), wide_account(), width=width)

    assert "…" not in screen
    for number in range(1, len(sheet.FIGURES) + 1):
        assert f"-{number},234,567,890.12" in screen
    for name in (*sheet.FIGURES.values(), "positions", "age"):
        assert set(name.split()) <= set(screen.split())
    assert "treasury-desk-with-a-long-name" in screen
    assert max(len(line) for line in screen.splitlines() if "explain" not in line) <= max(width, 57)


def test_the_table_is_whole_at_160_and_blocks_at_80(sandbox: Sandbox) -> None:
    accounts = av.Portfolio(sandbox.entries).fetch().accounts

    table, blocks = shown(*accounts, width=160), shown(*accounts, width=80)

    row = next(line for line in table.splitlines() if line.startswith("bfx-main"))
    assert len(re.findall(r"[\d,]+\.\d\d", row)) == len(sheet.FIGURES)
    summed = {account.currency for account in accounts if account.status is not av.Status.NO_ACTIVITY}
    assert blocks.count("maintenance margin") == len(accounts) + len(summed)
    assert max(len(line) for line in blocks.splitlines() if "explain" not in line) <= 80


def test_a_pipe_has_no_edge(here: Path) -> None:
    done = run("demo")

    assert re.search(r"^label +venue +currency +equity ", done.stdout, re.MULTILINE)

    failed = run("show", "--file", str(written(here, account("a", nobody()))))
    assert "  VenueUnavailable: try again later" in failed.stdout
    assert max(map(len, failed.stdout.splitlines())) < 200


def test_figures_are_for_reading() -> None:
    assert amount(Decimal("-1234567.895")) == "-1,234,567.90"
    assert amount(Decimal("1" * 60 + ".005")).replace(",", "") == "1" * 60 + ".00"
    assert (amount(Decimal("-0.00")), amount(Decimal("0.001")), amount(Decimal("-1E-9"))) == (
        "0.00",
        "<0.01",
        ">-0.01",
    )
    assert (amount(None), multiple(None), multiple(Decimal("2.5"))) == ("—", "—", "2.50×")
    assert [age(timedelta(seconds=s)) for s in (-1, 0.9, 59, 60, 7200, 200_000)] == [
        *("0 s", "0 s", "59 s", "1 min", "2 h", "2 d"),
    ]


def test_colours_warn_only_on_a_terminal() -> None:
    stressed = make_account(
        unrealized_pnl=Decimal(-5), margin_buffer=Decimal(0), status=av.Status.LIQUIDATING, equity=None
    )
    screen = shown(stressed, width=200, colour=True)

    assert re.search(r"\x1b\[31m *-5\.00", screen)
    assert re.search(r"\x1b\[1;31m *0\.00", screen)
    assert re.search(r"\x1b\[1;31mliquidating", screen)
    assert "\x1b" not in shown(stressed, width=200)
    assert "\x1b[31m" in run("demo", FORCE_COLOR="1", COLUMNS="200").stdout
    assert "\x1b[31m" not in run("demo", FORCE_COLOR="1", NO_COLOR="1", COLUMNS="200").stdout


def test_the_text_of_others_cannot_steer_the_terminal() -> None:
    bad = "x\x1b[31m\x9b\u202e\nz [red]y[/red] :smile:"
    finding = av.Finding(code=bad, fields=("equity",), message=bad)
    failure = av.Failure(
        label=bad, venue=bad, operation=None, error="VenueUnavailable", message=bad, retryable=True
    )
    evil = make_account(label=bad, currency=bad, findings=(finding,), equity=None)

    assert neutral(bad) == "x�[31m���z [red]y[/red] :smile:"
    for width in (80, 300):
        screen = shown(evil, width=width, failures=(failure,))
        assert not set(screen) & set("\x1b\x9b\u202e")
        assert "[red]y[/red] :smile:" in screen


def test_what_is_unknown_is_a_dash_in_rows_and_sums() -> None:
    screen = shown(make_account(), make_account(label="b", equity=None), width=200)

    assert "1 of 2 lack it" in screen
    assert "— means not known, which is not zero." in screen
    assert screen.endswith("explain b equity\n")
    assert "explain" not in shown(make_account(), width=200)


def test_without_activity_is_told_apart() -> None:
    figures: dict[str, Any] = dict.fromkeys(sheet.FIGURES)
    quiet = make_account(label="quiet", status=av.Status.NO_ACTIVITY, positions=(), **figures)

    assert "Without any activity yet, so in no total: 1." in shown(quiet, width=200)
    assert "Totals" not in shown(quiet, width=200)


def test_the_age_counts_from_the_request() -> None:
    account = make_account(requested_at=MOMENT, received_at=MOMENT + timedelta(seconds=80))
    assert "1 min" in shown(account, width=200)

"""What `accountview` can do. Data goes to stdout, words to stderr; what goes wrong is one line and an exit code."""

import os
import shlex
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

import accountview
from accountview.cli.accounts import accounts
from accountview.cli.budget import budget
from accountview.cli.capabilities import capabilities
from accountview.cli.drift import drift
from accountview.cli.exposure import exposure
from accountview.cli.jwt import jwt
from accountview.cli.leverage import leverage
from accountview.cli.replay import replay
from accountview.cli.text import neutral
from accountview.errors import UsageError, closest

# The library is imported where a command uses it: help and usage errors need neither HTTP nor tables.
if TYPE_CHECKING:
    from rich.console import Console

    from accountview.snapshot import Failure, Snapshot
    from accountview.view import Account

_FILE_WIDTH = 1000
"""A file or a pipe has no edge: the table stays one table there."""

EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_INTERRUPTED = 130
EXIT_ALL_FAILED = {"CredentialsRefused": 4, "VenueUnavailable": 5, "AnswerInvalid": 6}
"""Exit code when there is no row at all and every failure is of this class."""


def run(arguments: Sequence[str] | None) -> int:
    """Run the command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no "—" must not end us
    try:
        code: int = command.main(args=arguments, prog_name="accountview", standalone_mode=False)
    except click.Abort:
        return EXIT_INTERRUPTED
    except (click.ClickException, UsageError) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        say(text)
        return EXIT_USAGE
    return code


def exit_code(snapshot: "Snapshot") -> int:
    """What a snapshot means to the shell."""
    if snapshot.complete:
        return 0
    if snapshot.accounts:
        return EXIT_PARTIAL
    return _exit_code_of(snapshot.failures)


def _exit_code_of(failures: "Sequence[Failure]") -> int:
    kinds = {failure.error for failure in failures}
    return EXIT_ALL_FAILED.get(kinds.pop(), EXIT_PARTIAL) if len(kinds) == 1 else EXIT_PARTIAL


def say(text: str) -> None:
    """One line on stderr."""
    click.echo(f"accountview: {neutral(' '.join(text.split()))}", err=True)


# The commands ----------------------------------------------------------------------------------------------------

_JSON = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document with every digit, and nothing else."
)
_EXPLAIN = click.option(
    "--explain",
    "explained",
    is_flag=True,
    help="With --json: of every figure where it comes from, or why it is missing.",
)
_FILE = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="The accounts file; without it ./accounts.toml, else what $ACCOUNTVIEW_FILE names.",
)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(accountview.__version__, prog_name="accountview")
@click.pass_context
def command(context: click.Context) -> int:
    """Show what your accounts at several venues are worth, what is free, what is at risk.

    Start with: accountview demo
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
    return EXIT_USAGE


@command.command()
@_JSON
@_EXPLAIN
def demo(*, as_json: bool, explained: bool) -> int:
    """Show demonstration accounts, read from a sandbox of the venues on this machine."""
    check_explained(as_json=as_json, explained=explained)
    with _sandbox_file() as path:
        return exit_code(_show(path, as_json=as_json, explained=explained, options="--demo"))


@command.command()
@_FILE
@_JSON
@_EXPLAIN
def show(*, file: Path | None, as_json: bool, explained: bool) -> int:
    """Show the accounts of an accounts file.

    Exit code: 0 all good; 2 usage; 3 some rows are missing or not whole; with no row at all 4 credentials refused,
    5 venues unreachable, 6 answers broken; 130 interrupted.
    """
    check_explained(as_json=as_json, explained=explained)
    options = "" if file is None else f"--file {shlex.quote(str(file))}"
    return exit_code(_show(file, as_json=as_json, explained=explained, options=options))


@command.command()
@click.argument("label")
@click.argument("field")
@click.option("--demo", "is_demo", is_flag=True, help="Of the demonstration accounts.")
@click.option("--replay", "saved", type=click.Path(path_type=Path), help="Of a snapshot that was saved.")
@_FILE
@_JSON
def explain(
    *, label: str, field: str, is_demo: bool, saved: Path | None, file: Path | None, as_json: bool
) -> int:
    """Say where a figure comes from, or why it is missing.

    LABEL is an account's, FIELD a figure of it (margin_buffer) or of a row (positions/BTC-USD/liquidation_price).
    """
    given = {"--demo": is_demo, "--replay": saved is not None, "--file": file is not None}
    named = [name for name, is_given in given.items() if is_given]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} are both given; keep one of them")
    if saved is not None:
        from accountview.replaying import replay as replayed

        return _explain_row(replayed(saved), label, label, field, as_json=as_json)
    with accounts_file_of(file, is_demo=is_demo) as path:
        return _explain(path, label, field, as_json=as_json)


@command.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Where it listens; without it any free port.")
@click.option(
    "--write-accounts", "path", type=click.Path(path_type=Path), help="Write an accounts file for it here."
)
def sandbox(*, port: int | None, path: Path | None) -> NoReturn:
    """Serve the venues on this machine, with demonstration accounts, until interrupted."""
    from accountview.sandbox import Sandbox

    with Sandbox(port=port or 0) as running:
        if path is not None:
            running.write_accounts(path)
        say(f"sandbox at {running.url}{'' if path is None else f', accounts file {path}'}; Ctrl-C ends it")
        while True:
            time.sleep(3600)


# Their work ------------------------------------------------------------------------------------------------------


@contextmanager
def _sandbox_file() -> Generator[Path]:
    """The accounts file of a sandbox that runs meanwhile."""
    from accountview.sandbox import Sandbox

    with tempfile.TemporaryDirectory() as folder, Sandbox() as running:
        path = Path(folder) / "accounts.toml"
        running.write_accounts(path)
        yield path


def accounts_file_of(file: Path | None, *, is_demo: bool) -> AbstractContextManager[Path | None]:
    """The accounts file that is meant, or one of a sandbox that runs meanwhile. Raises UsageError for both."""
    if is_demo and file is not None:
        raise UsageError("--demo and --file are both given; keep one of them")
    return _sandbox_file() if is_demo else nullcontext(file)


def check_explained(*, as_json: bool, explained: bool) -> None:
    """Raises UsageError when explanations are asked for where they are not shown."""
    if explained and not as_json:
        raise UsageError(
            "--explain goes with --json; for one figure on a terminal: accountview explain LABEL FIELD"
        )


def read(path: Path | None) -> "Snapshot":
    """The accounts of a file, with a bar for who waits at a terminal."""
    from accountview.cli.progress import progress
    from accountview.portfolio import Portfolio

    portfolio = Portfolio.from_file(path)
    with progress([entry.label for entry in portfolio.entries]) as on_row:
        return portfolio.fetch(on_row=on_row)


def _show(path: Path | None, *, as_json: bool, explained: bool, options: str) -> "Snapshot":
    snapshot = read(path)
    print_snapshot(snapshot, as_json=as_json, explained=explained, options=options)
    return snapshot


def print_snapshot(snapshot: "Snapshot", *, as_json: bool, explained: bool, options: str) -> None:
    """A table, or the document. `options` are those of `accountview explain` that lead to the same accounts."""
    if as_json:
        click.echo(snapshot.to_json(explain=explained))
        return

    from accountview.cli import sheet

    def explanation(label: str, field: str) -> str:
        return f"{_invocation()} explain {shlex.quote(label)} {field} {options}".rstrip()

    sheet.show(console(), snapshot, datetime.now(UTC), explanation)


def console() -> "Console":
    """Where tables are printed."""
    from rich.console import Console

    made = Console(highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _FILE_WIDTH
    return made


def _invocation() -> str:
    """How this very command was started, so that what we print can be copied."""
    if Path(sys.argv[0]).name == "__main__.py":
        return "python -m accountview"
    return "uv run accountview" if "UV_RUN_RECURSION_DEPTH" in os.environ else "accountview"


def _explain(path: Path | None, label: str, field: str, *, as_json: bool) -> int:
    from accountview import accounts_file
    from accountview.portfolio import Portfolio

    entries = accounts_file.load(accounts_file.find() if path is None else path)
    own, _, _ = label.partition("/")  # labels of the file hold no "/"; what follows is told by the venue
    meant = [entry for entry in entries if entry.label == own]
    if not meant:
        raise _unknown(label, [entry.label for entry in entries])
    return _explain_row(Portfolio(meant).fetch(), own, label, field, as_json=as_json)


def _explain_row(snapshot: "Snapshot", own: str, label: str, field: str, *, as_json: bool) -> int:
    accounts = {account.label or own: account for account in snapshot.accounts}
    if label not in accounts:
        failures = [failure for failure in snapshot.failures if failure.label in (label, own)]
        if not failures:
            raise _unknown(label, list(accounts))
        for failure in failures:
            say(failure.message)
        return _exit_code_of(failures)
    return _print_explanation(accounts[label], label, field, as_json=as_json)


def _print_explanation(account: "Account", label: str, field: str, *, as_json: bool) -> int:
    import msgspec

    from accountview.view import SCHEMA

    explanation = account.explain(field)
    if as_json:
        click.echo(msgspec.json.encode({"schema": SCHEMA, "label": label, "explanation": explanation}))
    else:
        click.echo("\n".join(neutral(line) for line in str(explanation).split("\n")))
    return 0


def _unknown(label: str, labels: list[str]) -> UsageError:
    return UsageError(f"no account {label!r}; {closest(label, labels)}there are {', '.join(labels)}")


# Commands with a module of their own -------------------------------------------------------------------------------

command.add_command(capabilities)
command.add_command(replay)
command.add_command(drift)
command.add_command(exposure)
command.add_command(budget)
command.add_command(leverage)
command.add_command(accounts)
command.add_command(jwt)

"""`accountview leverage`: what is set for a market, and setting it: shown first, then asked, then sent once."""

import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accountview.errors import (
    AnswerInvalid,
    ClockSkew,
    CredentialsRefused,
    OutcomeUnknown,
    RateLimited,
    UsageError,
    VenueError,
    VenueUnavailable,
)

if TYPE_CHECKING:
    from accountview.accounts_file import Entry
    from accountview.leverage import LeverageChange, LeverageSetting
    from accountview.view import Position
    from accountview.writing import WritingClient

EXIT_UNCONFIRMED = 3
EXIT_REJECTED = 7
EXIT_UNKNOWN = 8

_FILE = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="The accounts file; without it ./accounts.toml, else what $ACCOUNTVIEW_FILE names.",
)
_DEMO = click.option("--demo", "is_demo", is_flag=True, help="Of the demonstration accounts.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document, and nothing else on stdout.")


@click.group()
def leverage() -> None:
    """Show or set the leverage of a market.

    LABEL is an account's, as show has it. INSTRUMENT is BTC-USD for the perpetual of BTC quoted in USD, at every venue;
    any other text is the venue's own symbol.
    """


@leverage.command()
@click.argument("label")
@click.argument("instrument")
@_DEMO
@_FILE
@_JSON
def show(*, label: str, instrument: str, is_demo: bool, file: Path | None, as_json: bool) -> int:
    """Show what is set for a market, and what is open in it. Nothing is changed."""
    from accountview.cli.commands import accounts_file_of, say

    with accounts_file_of(file, is_demo=is_demo) as path:
        entry, account = entry_of(path, label)
        with _client(entry) as client:
            try:
                setting = client.leverage(instrument, account)
            except VenueError as error:
                say(str(error))
                return exit_code_of(error)
    if as_json:
        _print_json(label, entry.venue, "setting", setting)
    else:
        click.echo("\n".join(_lines(label, entry.venue, setting, _multiple(setting.leverage))))
    return 0


@leverage.command(name="set")
@click.argument("label")
@click.argument("instrument")
@click.argument("wanted", metavar="LEVERAGE")
@_DEMO
@_FILE
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask: for scripts.")
@_JSON
def set_it(
    *,
    label: str,
    instrument: str,
    wanted: str,
    is_demo: bool,
    file: Path | None,
    is_agreed: bool,
    as_json: bool,
) -> int:
    """Set the leverage of a market; it holds for what is open there too. What will change is shown, and asked for.

    Exit code: 0 set, now or before; 2 usage, or not agreed to; 3 taken by the venue, but not seen; 4 credentials
    refused; 5 venue unreachable or busy, nothing was sent; 6 an answer broken, nothing was sent; 7 the venue says no;
    8 sent, and not known whether it was carried out.
    """
    from accountview.cli.commands import accounts_file_of, say

    asked_for = _number(wanted)
    with accounts_file_of(file, is_demo=is_demo) as path:
        entry, account = entry_of(path, label)
        with _client(entry) as client:
            try:
                note = client.check_leverage(asked_for)
                setting = client.leverage(instrument, account)
                if setting.leverage != asked_for:
                    arrow = f"{_multiple(setting.leverage)} → {_multiple(asked_for)}"
                    shown = [
                        *_lines(label, entry.venue, setting, arrow),
                        *([f"note: {note}"] if note else []),
                    ]
                    check_agreed("\n".join(shown), "Set it?", is_agreed=is_agreed)
                change = client.set_leverage(setting.venue_symbol, asked_for, account)
            except OutcomeUnknown as unknown:
                say(str(unknown))
                if as_json:
                    _print_json(label, entry.venue, "change", unknown.found, resolution=unknown.resolution)
                return EXIT_UNKNOWN
            except VenueError as error:
                say(str(error))
                return exit_code_of(error)
    if as_json:
        _print_json(label, entry.venue, "change", change)
    else:
        click.echo(_sentence(label, change))
    return {"rejected": EXIT_REJECTED, "unconfirmed": EXIT_UNCONFIRMED}.get(change.state, 0)


# What commands that change something share -------------------------------------------------------------------------


def entry_of(path: Path | None, label: str) -> "tuple[Entry, str | None]":
    """The entry of the accounts file that a label means, and which of its accounts; None is its only one.

    Raises UsageError.
    """
    from accountview import accounts_file
    from accountview.errors import closest

    entries = accounts_file.load(accounts_file.find() if path is None else path)
    own, slash, account = label.partition(
        "/"
    )  # labels of the file hold no "/"; what follows is told by the venue
    for entry in entries:
        if entry.label == own:
            return entry, account if slash else None
    labels = [entry.label for entry in entries]
    raise UsageError(f"no account {label!r}; {closest(own, labels)}there are {', '.join(labels)}")


def check_agreed(shown: str, question: str, *, is_agreed: bool) -> None:
    """Show what will be done, and ask for it, unless that has been agreed to. Raises UsageError when it is not."""
    from accountview.cli.text import neutral

    click.echo("\n".join(neutral(line) for line in shown.split("\n")), err=True)
    if is_agreed:
        return
    if not sys.stdin.isatty():
        raise UsageError("nothing was changed: there is no terminal to ask at; --yes agrees beforehand")
    if not click.confirm(question, err=True):
        raise UsageError("nothing was changed")


def exit_code_of(error: VenueError) -> int:
    """What an error of a change means to the shell."""
    match error:
        case OutcomeUnknown():
            return EXIT_UNKNOWN
        case CredentialsRefused() | ClockSkew():
            return 4
        case VenueUnavailable() | RateLimited():
            return 5
        case AnswerInvalid():
            return 6
        case _:
            return EXIT_REJECTED


# Words -----------------------------------------------------------------------------------------------------------


def _client(entry: "Entry") -> "WritingClient":
    from accountview import venues

    return venues.connect(entry.venue, writes=True, **entry.options)


def _number(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII):
        raise UsageError(f"leverage is {text!r}; give a number such as 5")
    return Decimal(text)


def _multiple(value: Decimal | None) -> str:
    from accountview.amounts import plain

    return "not shown" if value is None else f"{plain(value)}×"


def _lines(label: str, venue: str, setting: "LeverageSetting", leverage: str) -> list[str]:
    opened = [_opened(position) for position in setting.positions]
    return [
        f"account: {label} ({venue} {setting.account_id})",
        f"market: {setting.venue_symbol}",
        f"leverage: {leverage}",
        *(opened or ["open: no position"]),
    ]


def _opened(position: "Position") -> str:
    from accountview.cli.text import amount

    return f"open: {position.side} {amount(position.size)}, notional {amount(position.notional)}"


def _sentence(label: str, change: "LeverageChange") -> str:
    from accountview.cli.text import neutral

    market = f"{label} {change.venue_symbol}"
    span = f"{_multiple(change.before)} → {_multiple(change.wanted)}"
    text = {
        "already_set": f"{market}: {_multiple(change.wanted)} was set already; nothing was sent",
        "changed": f"{market}: changed, {span}",
        "rejected": f"{market}: the venue refused {span}",
        "unconfirmed": f"{market}: {span} is not confirmed",
    }[change.state]
    return neutral(text if change.reason is None else f"{text} ({change.reason})")


def _print_json(label: str, venue: str, name: str, value: object, **more: str) -> None:
    import msgspec

    from accountview.view import SCHEMA, builtin

    document = {"schema": SCHEMA, "label": label, "venue": venue, name: builtin(value), **more}
    click.echo(msgspec.json.encode(document))

"""`accountview jwt`: a new JWT of RabbitX or BFX, written where only its owner can read it."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from accountview.cli.leverage import check_agreed, entry_of, exit_code_of
from accountview.errors import UsageError, VenueError

if TYPE_CHECKING:
    from accountview.venues._rabbit_jwt import RabbitClient

CAUTION = (
    "caution: one unconfirmed source says that asking for a token also moves the end of the API key itself to that of "
    "the token, 48 hours from now"
)


@click.command()
@click.argument("label")
@click.option("--demo", "is_demo", is_flag=True, help="Of the demonstration accounts.")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="The accounts file; without it ./accounts.toml, else what $ACCOUNTVIEW_FILE names.",
)
@click.option(
    "--write", "target", type=click.Path(path_type=Path), help="Write the token to a new file, mode 0600."
)
@click.option("--reveal", "is_revealed", is_flag=True, help="Print the token on stdout.")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask: for scripts.")
def jwt(
    *,
    label: str,
    is_demo: bool,
    file: Path | None,
    target: Path | None,
    is_revealed: bool,
    is_agreed: bool,
) -> int:
    """Make a new JWT, the token of the WebSocket of RabbitX and BFX.

    Caution: one unconfirmed source says that asking for a token also moves the end of the API key itself to that of
    the token, so that a key made for 30 days would end after 48 hours. Make one when it is needed, and not before.

    The token is a credential: it goes to a new file (--write) or to stdout (--reveal), and nowhere else.

    Exit code: 0 made; 2 usage, or not agreed to; 4 credentials refused; 5 venue unreachable or busy, nothing was sent;
    6 an answer broken; 7 the venue says no; 8 asked for, and not known whether there is a new one.
    """
    from accountview.cli.commands import accounts_file_of, say

    if (target is None) is not is_revealed:
        raise UsageError("say where the token goes: --write FILE or --reveal, one of them")
    with accounts_file_of(file, is_demo=is_demo) as path, _client(path, label) as client:
        check_agreed(f"new token: {label} ({client.venue})\n{CAUTION}", "Make it?", is_agreed=is_agreed)
        try:
            with _place(target) as place:
                made = client.new_jwt()
                click.echo(made.token.reveal(), file=place)
        except VenueError as error:
            say(str(error))
            return exit_code_of(error)
    source = "as the token says" if made.expiry_is_claimed else "by the documented lifetime"
    say(f"{label}: the token ends at {made.expires_at:%Y-%m-%d %H:%M:%S} UTC, {source}")
    return 0


def _client(path: Path | None, label: str) -> "RabbitClient":
    from accountview import venues
    from accountview.venues._rabbit_jwt import RabbitClient

    entry, _ = entry_of(path, label)
    client = venues.connect(entry.venue, writes=True, **entry.options)
    if not isinstance(client, RabbitClient):
        raise UsageError(f"{label!r} is an entry of {entry.venue}, which has no such token")
    return client


@contextmanager
def _place(target: Path | None) -> Generator[TextIO]:
    """Where the token is written: there before it is asked for, so that one that was made is not lost."""
    if target is None:
        yield sys.stdout
        return
    try:
        place = os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}; name a new file") from error
    try:
        with place:
            yield place
    except VenueError:
        target.unlink()  # there is none to write
        raise

"""`accountview accounts`: the accounts that Tread.fi holds: listed; or changed, after showing and asking, once."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from accountview.cli.leverage import (
    EXIT_REJECTED,
    EXIT_UNCONFIRMED,
    EXIT_UNKNOWN,
    check_agreed,
    entry_of,
    exit_code_of,
)
from accountview.errors import OutcomeUnknown, UsageError, VenueError

if TYPE_CHECKING:
    from accountview.venues._tread_accounts import AccountChange, TreadAccount, TreadClient

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--demo", "is_demo", is_flag=True, help="Of the demonstration accounts."),
    click.option(
        "--file",
        "file",
        type=click.Path(path_type=Path),
        help="The accounts file; without it ./accounts.toml, else what $ACCOUNTVIEW_FILE names.",
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON document, and nothing else on stdout."),
)
_YES = click.option("--yes", "is_agreed", is_flag=True, help="Do not ask: for scripts.")


def _with_options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def accounts() -> None:
    """List or change the accounts that Tread.fi holds.

    LABEL is that of an entry of the accounts file, NAME an account as it is listed.

    Exit code of a change: 0 done, now or before; 2 usage, or not agreed to; 3 taken by the venue, but not seen;
    4 credentials refused; 5 venue unreachable or busy, nothing was sent; 6 an answer broken, nothing was sent; 7 the
    venue says no; 8 sent, and not known whether it was carried out.
    """


@accounts.command(name="list")
@click.argument("label")
@click.option("--archived", "with_archived", is_flag=True, help="Those too that are archived.")
@_with_options
def list_them(*, label: str, with_archived: bool, is_demo: bool, file: Path | None, as_json: bool) -> int:
    """List the accounts, without what they hold."""

    def act(client: "TreadClient") -> int:
        from accountview.cli.text import neutral

        listed = client.list_accounts(include_archived=with_archived)
        if as_json:
            _print_json(label, "accounts", listed)
        else:
            for account in listed:
                click.echo(neutral(_line(account)))
        return 0

    return _with_client(label, act, is_demo=is_demo, file=file, as_json=as_json)


@accounts.command()
@click.argument("label")
@click.argument("name")
@click.argument("exchange")
@click.option("--api-key", required=True, metavar="REF", help="The exchange's key: env:NAME or file:PATH.")
@click.option("--api-secret", required=True, metavar="REF", help="Its secret: env:NAME or file:PATH.")
@click.option(
    "--password", metavar="REF", help="Its passphrase, where the exchange has one (OKX, Coinbase, Bitget)."
)
@click.option(
    "--use",
    "uses",
    multiple=True,
    metavar="MARKET=yes|no",
    help="Whether the key is used for a market; repeatable.",
)
@click.option("--vault-address", metavar="ADDRESS", help="A vault of Hyperliquid.")
@_YES
@_with_options
def create(
    *,
    label: str,
    name: str,
    exchange: str,
    api_key: str,
    api_secret: str,
    password: str | None,
    uses: tuple[str, ...],
    vault_address: str | None,
    is_agreed: bool,
    is_demo: bool,
    file: Path | None,
    as_json: bool,
) -> int:
    """Hand Tread.fi the key of an account at EXCHANGE (Bybit, Binance, OKX, …). The key is given by reference only."""
    from accountview.accounts_file import secret

    key, its_secret = secret("--api-key", api_key), secret("--api-secret", api_secret)
    passphrase = None if password is None else secret("--password", password)
    options = _options(uses)

    def act(client: "TreadClient") -> int:
        check_agreed(
            f"entry: {label} (tread)\nnew account: {name} at {exchange}\nits key is sent to Tread.fi",
            "Create it?",
            is_agreed=is_agreed,
        )
        change = client.create_account(
            name,
            exchange,
            api_key=key,
            api_secret=its_secret,
            password=passphrase,
            credential_options=options,
            vault_address=vault_address,
        )
        return _tell(label, name, change, as_json=as_json)

    return _with_client(label, act, is_demo=is_demo, file=file, as_json=as_json)


@accounts.command(name="margin-mode")
@click.argument("label")
@click.argument("name")
@click.argument("mode", type=click.Choice(["ISOLATED", "CROSS", "CASH", "SPOT_ISOLATED"]))
@_YES
@_with_options
def margin_mode(
    *, label: str, name: str, mode: Any, is_agreed: bool, is_demo: bool, file: Path | None, as_json: bool
) -> int:
    """Set the margin mode of an account. Known to work at OKX; elsewhere the venue decides."""

    def act(client: "TreadClient") -> int:
        account = _named(client, name)
        if account.margin_mode != mode:
            before = account.margin_mode or "not shown"
            shown = f"entry: {label} (tread)\naccount: {_line(account)}\nmargin mode: {before} → {mode}"
            check_agreed(shown, "Set it?", is_agreed=is_agreed)
        return _tell(label, name, client.set_margin_mode(name, mode), as_json=as_json)

    return _with_client(label, act, is_demo=is_demo, file=file, as_json=as_json)


@accounts.command()
@click.argument("label")
@click.argument("name")
@_YES
@_with_options
def archive(
    *, label: str, name: str, is_agreed: bool, is_demo: bool, file: Path | None, as_json: bool
) -> int:
    """Take an account out of Tread.fi's list. Positions and money stay at the exchange, unseen from here.

    Only the web application brings it back, and it needs the key of the exchange again.
    """

    def act(client: "TreadClient") -> int:
        account = _named(client, name)
        if account.archived is not True:
            check_agreed(
                f"entry: {label} (tread)\naccount: {_line(account)}\n"
                "archived: Tread.fi no longer trades or shows it; what is open stays open at the exchange\n"
                "to bring it back, the web application needs its key again",
                "Archive it?",
                is_agreed=is_agreed,
            )
            if not is_agreed and click.prompt("Type its name to archive it", err=True) != name:
                raise UsageError("nothing was changed: that is another name")
        return _tell(label, name, client.archive_account(name), as_json=as_json)

    return _with_client(label, act, is_demo=is_demo, file=file, as_json=as_json)


# Their work ------------------------------------------------------------------------------------------------------


def _with_client(
    label: str, act: "Callable[[TreadClient], int]", *, is_demo: bool, file: Path | None, as_json: bool
) -> int:
    from accountview.cli.commands import accounts_file_of, say
    from accountview.venues import tread

    with accounts_file_of(file, is_demo=is_demo) as path:
        entry, account = entry_of(path, label)
        if entry.venue != tread.VENUE or account is not None:
            problem = f"is an entry of {entry.venue}" if account is None else "names an account of an entry"
            raise UsageError(f"{label!r} {problem}; give the label of an entry of {tread.VENUE}")
        with tread.connect_writing(**entry.options) as client:
            try:
                return act(client)
            except OutcomeUnknown as unknown:
                say(str(unknown))
                if as_json:
                    _print_json(label, "change", unknown.found, resolution=unknown.resolution)
                return EXIT_UNKNOWN
            except VenueError as error:
                say(str(error))
                return exit_code_of(error)


def _named(client: "TreadClient", name: str) -> "TreadAccount":
    listed = client.list_accounts(include_archived=True)
    called = sorted((each for each in listed if each.name == name), key=lambda each: each.archived is True)
    if called:
        return called[0]
    names = ", ".join(each.name for each in listed if each.archived is not True) or "none"
    raise UsageError(f"no account {name!r}; there are: {names}")


def _options(uses: tuple[str, ...]) -> dict[str, bool] | None:
    options: dict[str, bool] = {}
    for use in uses:
        market, _, word = use.partition("=")
        if not market or word not in ("yes", "no"):
            raise UsageError(f"--use is {use!r}; write MARKET=yes or MARKET=no")
        options[market] = word == "yes"
    return options or None


# Words -----------------------------------------------------------------------------------------------------------


def _line(account: "TreadAccount") -> str:
    remarks = (
        account.exchange,
        account.margin_mode,
        "archived" if account.archived else None,
        "the exchange refuses its key" if account.valid is False else None,
    )
    return f"{account.name} ({', '.join(remark for remark in remarks if remark)})"


def _tell(label: str, name: str, change: "AccountChange", *, as_json: bool) -> int:
    from accountview.cli.text import neutral

    if as_json:
        _print_json(label, "change", change)
    else:
        text = {
            "already_set": "it was so already; nothing was sent",
            "changed": "done",
            "rejected": "the venue refused it",
            "unconfirmed": "the venue has taken it, and it is not confirmed",
        }[change.state]
        shown = "" if change.after is None else f": {_line(change.after)}"
        reason = "" if change.reason is None else f" ({change.reason})"
        click.echo(neutral(f"{label} {name}: {text}{reason}{shown}"))
    return {"rejected": EXIT_REJECTED, "unconfirmed": EXIT_UNCONFIRMED}.get(change.state, 0)


def _print_json(label: str, key: str, value: object, **more: str) -> None:
    import msgspec

    from accountview.view import SCHEMA, builtin

    document = {"schema": SCHEMA, "label": label, "venue": "tread", key: builtin(value), **more}
    click.echo(msgspec.json.encode(document))

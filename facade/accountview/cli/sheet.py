"""A snapshot as people read it: its accounts, what could not be read, totals, and how to learn more."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from accountview.amounts import ZERO
from accountview.cli.layout import Column, Row, print_rows
from accountview.cli.text import DASH, age, amount, multiple, neutral
from accountview.snapshot import FIGURES as SUMMED
from accountview.snapshot import Failure, Snapshot, Total
from accountview.view import Account, Status

FIGURES = {
    "equity": "equity",
    "wallet_balance": "wallet",
    "unrealized_pnl": "uPnL",
    "available": "available",
    "initial_margin": "initial margin",
    "maintenance_margin": "maintenance margin",
    "margin_buffer": "buffer",
    "effective_leverage": "leverage",
}
"""The figures of an account that are shown, and what their columns are called."""

REMEDIES = {
    "CredentialsRefused": "check the key, its rights and its exchange, then try again",
    "RateLimited": "wait a little, then try again",
    "VenueUnavailable": "try again later; if it stays so, check the address and the venue's status page",
    "RequestRefused": "the venue's own word says why; correct that and try again",
    "AnswerInvalid": "the venue does not answer as its spec says: report that; no figure was guessed",
}
"""Class of a failure → what can be done about it."""

Explain = Callable[[str, str], str]
"""From a label and a field to the command that explains it."""


def show(console: Console, snapshot: Snapshot, now: datetime, explain: Explain) -> None:
    """Print the accounts, the failures, the totals, and how to learn more."""
    if snapshot.accounts:
        print_rows(console, _ACCOUNT_COLUMNS, [_account(account, now) for account in snapshot.accounts])
    for failure in snapshot.failures:
        _print_failure(console, failure)
    totals = snapshot.totals(allow_partial=True)
    if totals:
        console.print(Text("Totals by currency", style="bold"))
        print_rows(console, _TOTAL_COLUMNS, [_total(total) for total in totals])
    for note in _notes(snapshot, explain):
        console.print(note, soft_wrap=True)


def first_dash(snapshot: Snapshot) -> tuple[str, str] | None:
    """Label and field of the first figure that is shown as a dash; None when all are known."""
    for account in snapshot.accounts:
        for name in FIGURES:
            if getattr(account, name) is None:
                return account.label or account.account_id, name
    return None


def _print_failure(console: Console, failure: Failure) -> None:
    """Print one account that could not be read: which, why, and what to do."""
    label = Text(neutral(failure.label), style="bold")
    console.print(Text.assemble(("not read", "bold red"), "  ", label, f"  {neutral(failure.venue)}"))
    console.print(_indented(neutral(failure.message)))
    remedy = f"{failure.error}: {REMEDIES.get(failure.error, 'the message says why')}"
    console.print(_indented(remedy))
    console.print()


def _indented(text: str) -> Padding:
    return Padding(
        Text(text), (0, 0, 0, 2), expand=False
    )  # not filled up to an edge that a pipe does not have


# What stands in a row ----------------------------------------------------------------------------------------------


_ACCOUNT_COLUMNS = [
    *[Column(name, "name") for name in ("label", "venue", "currency")],
    *[Column(name, "figure") for name in FIGURES.values()],
    *[Column(name, "head") for name in ("positions", "age")],
    Column("findings", "note"),
]

_TOTAL_COLUMNS = [
    Column("currency", "name"),
    Column("accounts", "head"),
    *[Column(FIGURES.get(name, name), "figure") for name in SUMMED],
]


def _account(account: Account, now: datetime) -> Row:
    label = Text(neutral(account.label or account.account_id), style="bold")
    if account.status is not Status.ACTIVE:
        label.append(f"\n{account.status}", style="red" if account.status is Status.LIQUIDATING else "yellow")
    count = f"{'≥' if 'positions' in account.missing else ''}{len(account.positions)}"
    codes = dict.fromkeys(neutral(finding.code) for finding in account.findings)
    return [
        label,
        Text(neutral(account.venue)),
        Text(neutral(account.currency)),
        *[_figure(name, getattr(account, name)) for name in FIGURES],
        Text(count),
        Text(age(account.age(now))),
        Text("\n".join(codes), style="yellow"),
    ]


def _total(total: Total) -> Row:
    sums: list[Text] = []
    for name in SUMMED:
        absent = total.missing.get(name)
        lacking = Text(f"{DASH}\n{absent} of {total.accounts} lack it", style="dim")
        sums.append(lacking if absent else _figure(name, getattr(total, name)))
    return [Text(neutral(total.currency), style="bold"), Text(str(total.accounts)), *sums]


def _figure(name: str, value: Decimal | None) -> Text:
    shown = multiple(value) if name == "effective_leverage" else amount(value)
    if value is None:
        return Text(shown, style="dim")
    if name == "margin_buffer" and value <= ZERO:
        return Text(shown, style="bold red")
    return Text(shown, style="red" if value < ZERO else "")


def _notes(snapshot: Snapshot, explain: Explain) -> list[Text]:
    notes: list[Text] = []
    if snapshot.accounts:
        notes.append(Text("Amounts are rounded for reading; --json has every digit.", style="dim"))
    cut = sum(not account.complete for account in snapshot.accounts)
    problems = [f"{len(snapshot.failures)} not read"] if snapshot.failures else []
    problems += [f"{cut} with a list that is not whole"] if cut else []
    if problems:
        notes.append(
            Text(f"Not complete: {', '.join(problems)}. Totals cover what is shown.", style="yellow")
        )
    if snapshot.no_activity:
        notes.append(Text(f"Without any activity yet, so in no total: {len(snapshot.no_activity)}."))
    dash = first_dash(snapshot)
    if dash is not None:
        notes.append(Text(f"{DASH} means not known, which is not zero. To see why:"))
        notes.append(Text(f"  {neutral(explain(*dash))}", style="bold"))
    return notes

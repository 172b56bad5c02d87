"""The states of an account, and of an answer, that every venue meets, and what must come of each.

`accountview.conformance` runs them. A scenario knows no venue: it reads the view, the venue's declaration and the
stored answers.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, get_type_hints

from accountview.amounts import plain
from accountview.errors import AnswerInvalid, UsageError, VenueError
from accountview.provenance import Declaration, Derived, Fields, Reported, declaration, declaration_of
from accountview.view import Account, Balance, MarginMode, Missing, Mode, Position, Side, Status

DUST = Decimal("0.000001")
DIGITS = 40

Row: TypeAlias = Account | Position | Balance
Json: TypeAlias = "dict[str, Json] | list[Json] | str | bool | None"


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation that was asked, and what was answered."""

    operation: str
    status: int
    content: bytes
    document: Json
    """The content, numbers as their text; None when it is no JSON."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case came to."""

    venue: str
    accounts: tuple[Account, ...]
    failures: tuple[VenueError, ...]
    asked: tuple[Asked, ...]


def as_json(content: bytes) -> Json:
    """An answer as JSON, numbers as their text; None when it is no JSON."""
    try:
        document: Json = json.loads(content, parse_float=str, parse_int=str)
    except ValueError:
        return None
    return document


def _figures(kind: type[Row]) -> tuple[str, ...]:
    """The fields of a kind of row that are amounts."""
    return tuple([name for name, hint in get_type_hints(kind).items() if hint == Decimal | None])


FIGURES: Mapping[type[Row], tuple[str, ...]] = {kind: _figures(kind) for kind in (Account, Position, Balance)}


def rows(account: Account) -> Iterator[tuple[str, Row, Fields]]:
    """The account and its rows, with what stands before their fields, and where these come from."""
    declared = declaration_of(account)
    yield "", account, declared.account
    for number, position in enumerate(account.positions):
        yield f"positions/{number}/", position, declared.position
    for number, balance in enumerate(account.balances):
        yield f"balances/{number}/", balance, declared.balance


def codes(account: Account) -> set[str]:
    return {finding.code for finding in account.findings}


# Values of the answers -----------------------------------------------------------------------------------------------


def as_step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def nodes(outcome: Outcome, operation: str, pointer: str) -> list[Json]:
    """What the answers of an operation hold at a pointer: of a list any row, for a row of the view need not have the
    number that it has in the answer."""
    found = [asked.document for asked in outcome.asked if asked.operation == operation]
    for step in pointer.split("/")[1:]:
        found = [inner for node in found for inner in _inside(node, step)]
    return found


def _inside(node: Json, step: str) -> list[Json]:
    if isinstance(node, list):
        wanted = re.findall(r"([^\[\],=]+)=([^\[\],=]+)", step)
        return [row for row in node if all(_holds(row, name, value) for name, value in wanted)]
    if isinstance(node, dict):
        if _plain_step(step) in node:
            return [node[_plain_step(step)]]
        return list(node.values()) if step in ("*", "[]") or step.startswith("{") else []
    return []


def _holds(row: Json, name: str, value: str) -> bool:
    """Whether a row has a value, where `{symbol}` and the like stand for any."""
    return isinstance(row, dict) and (value.startswith("{") or row.get(name) == _plain_step(value))


def _plain_step(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def texts_at(outcome: Outcome, operation: str, pointer: str) -> list[str]:
    """Every text that the answers hold at a pointer or below it."""
    return [text for node in nodes(outcome, operation, pointer) for text in texts_in(node)]


def texts_in(node: Json) -> Iterator[str]:
    """Every text of an answer, numbers too."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from texts_in(inner)


def _sent(outcome: Outcome) -> set[str]:
    """Every figure of the answers."""
    found = {digits(text) for asked in outcome.asked for text in texts_in(asked.document)}
    return {text for text in found if text is not None}


@dataclass(frozen=True, slots=True)
class Claim:
    """An amount of the view that is declared as reported."""

    field: str
    value: Decimal
    place: str
    """Operation and pointer."""
    wire: list[str]
    """What the answers hold there."""


def claims(outcome: Outcome, account: Account) -> Iterator[Claim]:
    """Every amount that is declared as reported, and can be explained."""
    for prefix, row, fields in rows(account):
        for name in fields.origins:
            value = getattr(row, name)
            if not isinstance(value, Decimal):
                continue
            with suppress(UsageError, KeyError):
                told = account.explain(prefix + name)
                if told.how == "reported" and told.operation is not None and told.pointer is not None:
                    wire = texts_at(outcome, told.operation, told.pointer)
                    yield Claim(prefix + name, value, f"{told.operation} at {told.pointer}", wire)


def digits(text: str) -> str | None:
    """A figure of an answer without its sign, as the view shows it; None when it is no figure."""
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text) is None:
        return None
    return plain(Decimal(text).copy_abs())


def is_long(text: str | None) -> bool:
    """Whether a figure has forty significant digits or more."""
    return text is not None and len(Decimal(text).as_tuple().digits) >= DIGITS


def _declared_figures(declared: Declaration) -> Iterator[Reported]:
    """Wherever in the answers a figure of the view is declared to stand, or an input of one."""
    for kind, fields in (
        (Account, declared.account),
        (Position, declared.position),
        (Balance, declared.balance),
    ):
        for name in FIGURES[kind]:
            origin = fields.origins.get(name)
            parts = [origin, *(origin.inputs if isinstance(origin, Derived) else ())]
            yield from [part for part in parts if isinstance(part, Reported)]


# The scenarios -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scenario:
    """A state of an account, or of an answer, that every venue meets sooner or later."""

    holds: str
    """What is shown, and what must come of it."""
    check: Callable[[Outcome], Iterable[str]]
    """What is wrong with the outcome of a case that shows it."""


def _flat(outcome: Outcome) -> Iterator[str]:
    flat = [
        account
        for account in outcome.accounts
        if not account.positions and "positions" not in account.missing
    ]
    if not flat:
        yield "no account has an empty list of positions that is whole"
    for account in flat:
        if account.notional:
            yield f"notional is {plain(account.notional)} without a position"
        if account.effective_leverage is not None:
            yield f"effective_leverage is {plain(account.effective_leverage)}: nothing is at risk, so it is None"


def _side(side: Side, outcome: Outcome) -> Iterator[str]:
    positions = [each for account in outcome.accounts for each in account.positions if each.side is side]
    if not positions:
        yield f"no position is {side}"
    for position in positions:
        where = f"{position.venue_symbol} {side}"
        if position.size is not None and position.size <= 0:
            yield f"{where}: its size is {plain(position.size)}; it is unsigned and not 0"
        entry, mark, gain = position.entry_price, position.mark_price, position.unrealized_pnl
        if entry is None or mark is None or entry == mark or not gain:
            continue
        if (gain > 0) != ((mark > entry) is (side is Side.LONG)):
            yield f"{where}: unrealized_pnl is {plain(gain)} with entry {plain(entry)} and mark {plain(mark)}"


def _hedge(outcome: Outcome) -> Iterator[str]:
    for account in outcome.accounts:
        markets = {
            side: {each.venue_symbol for each in account.positions if each.side is side} for side in Side
        }
        if markets[Side.LONG] & markets[Side.SHORT]:
            if codes(account) & {"DUPLICATE_ROW", "CONFLICTING_ROWS"}:
                yield "the two sides of one market are taken for one row"
            return
    yield "no market has a long and a short row"


def _margin(mode: MarginMode, outcome: Outcome) -> Iterator[str]:
    by_row = any(each.margin_mode is mode for account in outcome.accounts for each in account.positions)
    if not by_row and not any(account.mode is Mode(mode.value) for account in outcome.accounts):
        yield f"neither a position nor an account is margined {mode}"


def _underwater(outcome: Outcome) -> Iterator[str]:
    accounts = [account for account in outcome.accounts if account.equity is not None and account.equity < 0]
    if not accounts:
        yield "no account has an equity below 0"
    for account in accounts:
        if "UNDERWATER" not in codes(account):
            yield "there is no finding UNDERWATER"
        for name in ("margin_ratio", "effective_leverage"):
            if getattr(account, name) is not None:
                yield f"{name} is {getattr(account, name)}: a ratio to such an equity has no meaning"


def _dust(outcome: Outcome) -> Iterator[str]:
    sizes = [each.size for account in outcome.accounts for each in account.positions]
    totals = [each.total for account in outcome.accounts for each in account.balances]
    sent = _sent(outcome)
    tiny = [each for each in (*sizes, *totals) if each is not None and 0 < each < DUST]
    if not [each for each in tiny if plain(each) in sent]:
        yield f"no position and no balance is above 0 and below {plain(DUST)} with the digits of the answer"


def _forty_digits(outcome: Outcome) -> Iterator[str]:
    for account in outcome.accounts:
        for claim in claims(outcome, account):
            wire = [digits(text) for text in claim.wire]
            if any(map(is_long, wire)) and plain(claim.value.copy_abs()) not in wire:
                yield f"{claim.field} is {plain(claim.value)}, and the answer holds {', '.join(claim.wire)}"
    shown = {
        plain(value.copy_abs())
        for account in outcome.accounts
        for _, row, _ in rows(account)
        for value in [getattr(row, name) for name in FIGURES[type(row)]]
        if isinstance(value, Decimal)
    }
    if not any(map(is_long, shown & _sent(outcome))):
        yield f"no figure of the view has {DIGITS} digits of the answer"


def _sentinel(outcome: Outcome) -> Iterator[str]:
    reasons = {
        reason
        for account in outcome.accounts
        for _, row, _ in rows(account)
        for reason in row.missing.values()
    }
    if Missing.UNKNOWN_SENTINEL not in reasons:
        yield "no figure is missing as UNKNOWN_SENTINEL"


def _empty_string(outcome: Outcome) -> Iterator[str]:
    places = list(_declared_figures(declaration(outcome.venue)))
    if not any("" in texts_at(outcome, each.operation, _anywhere(each.pointer)) for each in places):
        yield "no answer holds an empty text where a figure is declared to stand"
    if not outcome.accounts and not _invalid(outcome):
        yield "what failed is no AnswerInvalid"
    for account in outcome.accounts:
        for claim in claims(outcome, account):
            if claim.wire == [""]:
                yield f"{claim.field} is {plain(claim.value)}, and the answer holds an empty text"


def _anywhere(pointer: str) -> str:
    return re.sub(r"/\{[a-z]+\}", "/*", pointer)


def _unlisted(outcome: Outcome) -> Iterator[str]:
    reasons = {
        reason
        for account in outcome.accounts
        for _, row, _ in rows(account)
        for reason in row.missing.values()
    }
    told = Missing.UNLISTED in reasons or any(
        code.startswith("UNLISTED") for account in outcome.accounts for code in codes(account)
    )
    if not told and not _invalid(outcome):
        yield "neither a finding UNLISTED…, nor a reason UNLISTED, nor an AnswerInvalid tells it"


def _error_200(outcome: Outcome) -> Iterator[str]:
    if any(asked.status != 200 for asked in outcome.asked):
        yield "an answer has another status than 200"
    if outcome.accounts:
        yield "an account came of it"
    if not outcome.failures:
        yield "no failure came of it"


def _body_cut(outcome: Outcome) -> Iterator[str]:
    if not any(asked.status == 200 and asked.document is None for asked in outcome.asked):
        yield "no answer with status 200 ends before its JSON does"
    if outcome.accounts or not outcome.failures or not _invalid(outcome):
        yield "it did not come to AnswerInvalid and nothing else"


def _list_cut(outcome: Outcome) -> Iterator[str]:
    partial = [account for account in outcome.accounts if not account.complete]
    if not partial and not outcome.failures:
        yield "the list counts as whole"
    for account in partial:
        lists = {name for name in ("positions", "balances") if name in account.missing}
        if not any(lists & set(finding.fields) for finding in account.findings):
            yield "no finding tells that the list is not whole"


def _duplicate_row(outcome: Outcome) -> Iterator[str]:
    if not any(_repeats(asked.content) for asked in outcome.asked):
        yield "no answer holds a row, or a key, twice"
    if not outcome.accounts and not _invalid(outcome):
        yield "what failed is no AnswerInvalid"
    if outcome.accounts and not any("DUPLICATE_ROW" in codes(account) for account in outcome.accounts):
        yield "there is no finding DUPLICATE_ROW"
    for account in outcome.accounts:
        for rows in (account.positions, account.balances):
            if any(rows.count(row) > 1 for row in rows):
                yield "the row is counted twice"


def _repeats(content: bytes) -> bool:
    """Whether a list holds one object twice, or an object one key."""
    repeated: list[str] = []

    def members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        keys = [key for key, _ in pairs]
        repeated.extend(key for key in keys if keys.count(key) > 1)
        for key, value in pairs:
            if isinstance(value, list) and any(
                isinstance(row, dict) and value.count(row) > 1 for row in value
            ):
                repeated.append(key)
        return dict(pairs)

    try:
        # The list may be the whole answer, so it is put into an object.
        json.loads(b'{"":' + content + b"}", object_pairs_hook=members, parse_float=str)
    except ValueError:
        return False
    return bool(repeated)


def _vanished(outcome: Outcome) -> Iterator[str]:
    if not outcome.failures:
        yield "no failure tells that the account is gone"
    labels = {account.label for account in outcome.accounts}
    for failure in outcome.failures:
        if failure.account is None or failure.account not in str(failure):
            yield f"the failure does not name the account: {failure}"
        elif failure.account in labels:
            yield f"{failure.account} is a failure and an account"
    yield from (
        f"{account.label} is shown as empty"
        for account in outcome.accounts
        if account.status is Status.NO_ACTIVITY and not outcome.failures
    )


def _invalid(outcome: Outcome) -> bool:
    return any(isinstance(failure, AnswerInvalid) for failure in outcome.failures)


SCENARIOS: Mapping[str, Scenario] = {
    "flat": Scenario(
        "no open position: the list is empty and whole, notional is 0 or missing, effective_leverage is missing",
        _flat,
    ),
    "long": Scenario(
        "a long position: size unsigned, a rise of the mark above the entry is a gain",
        lambda outcome: _side(Side.LONG, outcome),
    ),
    "short": Scenario(
        "a short position: size unsigned, a rise of the mark above the entry is a loss",
        lambda outcome: _side(Side.SHORT, outcome),
    ),
    "hedge": Scenario("one market long and short at once: two rows, and neither is a duplicate", _hedge),
    "cross": Scenario(
        "a position, or the account, on cross margin", lambda outcome: _margin(MarginMode.CROSS, outcome)
    ),
    "isolated": Scenario(
        "a position, or the account, on isolated margin",
        lambda outcome: _margin(MarginMode.ISOLATED, outcome),
    ),
    "underwater": Scenario(
        "equity below 0: not clamped, finding UNDERWATER, no ratio to it is shown", _underwater
    ),
    "dust": Scenario(f"a position or balance below {plain(DUST)}: there, and with every digit", _dust),
    "forty-digits": Scenario(f"figures of {DIGITS} digits: every digit arrives", _forty_digits),
    "sentinel": Scenario(
        "a placeholder that means none or unknown: the figure is missing as UNKNOWN_SENTINEL", _sentinel
    ),
    "empty-string": Scenario(
        "an empty text for a figure: AnswerInvalid, or missing with a reason; never 0", _empty_string
    ),
    "unlisted-word": Scenario(
        "a word that the spec does not list: AnswerInvalid where it changes the meaning, else told", _unlisted
    ),
    "error-200": Scenario("an error with status 200: a failure, and no account", _error_200),
    "body-cut": Scenario("a body that ends too early: AnswerInvalid, and no account", _body_cut),
    "list-cut": Scenario(
        "a list that is not whole: it says so, with a finding; or the account fails", _list_cut
    ),
    "duplicate-row": Scenario(
        "a row that stands twice: counted once with finding DUPLICATE_ROW, or AnswerInvalid", _duplicate_row
    ),
    "vanished-account": Scenario(
        "an account that the venue no longer tells of: a failure that names it, never an empty account",
        _vanished,
    ),
}
"""What each venue shows or says why it cannot: name → what must hold."""

"""Throw broken answers at the decoder and the mappings: `uv run scripts/fuzz.py [--seconds N] [--venue V] [--seed S]`.

The stored answers of the tests are damaged at random, byte by byte and member by member, and read in this process as
a client reads them. Whatever the damage, a reading must end with one of our errors, or as a view that keeps its
promises: every figure a finite decimal, every gap with its reason, no reported zero that the answer does not hold
there, the same again after its JSON form.

Prints what came of it, the slowest reading and the memory. The first answer that breaks a promise is saved, exit 1:
`uv run scripts/fuzz.py --again FILE` reads it once more. The same seed damages the same way.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import resource
import sys
import time
import traceback
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec

from accountview import conformance, provenance
from accountview.conformance import Exchange, StoredAnswer
from accountview.errors import VenueError
from accountview.plan import Reading
from accountview.scenarios import Asked, Outcome, as_json, claims, digits, rows
from accountview.view import Account

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
SLOW = 0.1
"""Seconds of this process: a reading that takes longer is counted."""

Random = random.Random


class Broken(Exception):
    """A promise of the view that does not hold."""


# Damage by bytes ------------------------------------------------------------------------------------------------------

TOKENS = tuple(
    token.encode()
    for token in (
        *(
            "null",
            "true",
            "false",
            "NaN",
            "-Infinity",
            "{}",
            "[]",
            '""',
            '"',
            "\\",
            "\\u0000",
            "\\ud800",
            "[" * 70,
        ),
        *(
            "-1",
            "1e5",
            "1e99",
            "1e999999",
            "-0.0",
            "9" * 40,
            "9" * 120,
            "0.1",
            "1_0",
            "\u0661",
            '"1"',
            '" 1"',
            "+1",
        ),
        *(",", ":", "{", "}", "[", "]", "\x00", "\ufeff", "\n", "/**/", '{"a":1,"a":1}', "e", "."),
    )
)


def flip(content: bytearray, chance: Random, _other: bytes) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def overwrite(content: bytearray, chance: Random, _other: bytes) -> None:
    content[chance.randrange(len(content))] = chance.randrange(256)


def insert(content: bytearray, chance: Random, _other: bytes) -> None:
    place = chance.randrange(len(content) + 1)
    content[place:place] = chance.choice(TOKENS)


def replace(content: bytearray, chance: Random, _other: bytes) -> None:
    place = chance.randrange(len(content))
    content[place : place + chance.randrange(1, 12)] = chance.choice(TOKENS)


def remove(content: bytearray, chance: Random, _other: bytes) -> None:
    place = chance.randrange(len(content))
    del content[place : place + chance.choice((1, 1, 2, 8, 64))]


def repeat(content: bytearray, chance: Random, _other: bytes) -> None:
    place = chance.randrange(len(content))
    part = content[place : place + chance.choice((1, 8, 64))]
    content[place:place] = part * chance.choice((1, 2, 50))


def splice(content: bytearray, chance: Random, other: bytes) -> None:
    content[chance.randrange(len(content)) :] = other[chance.randrange(len(other)) :]


BYTEWISE: tuple[Callable[[bytearray, Random, bytes], None], ...] = (
    *(flip, overwrite, insert, replace, remove, repeat, splice),
)


def damaged_bytes(content: bytes, chance: Random, other: bytes) -> bytes:
    """The answer with one to four of its parts broken."""
    broken = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if broken:
            chance.choice(BYTEWISE)(broken, chance, other or b" ")
    return bytes(broken)


# Damage by members ----------------------------------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    *(None, True, False, "", " ", "1", "-1", "1_0", "NaN", "\u0661", "a word", "0x10", "1e5", "x" * 300, "\x00"),
    *([], {}, [[]], {"": {}}, ["1"], {"a": "1"}, -1, 1, 7, 2**53 + 1, -(2**63), 2**64, 10**30),
    *(Decimal("0.1"), Decimal("-0.5"), Decimal("1e5"), Decimal("1e-99"), Decimal("9" * 60), Decimal("1." + "3" * 60)),
)  # fmt: skip
"""What may stand anywhere. No zero is among them: so every zero that is shown must have been in the answer."""


def members(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document: its holder and its key or number."""
    for key in list(node) if hasattr(node, "keys") else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from members(node[key])


def damaged_members(content: bytes, chance: Random, other: bytes) -> bytes:
    """The answer with one to four of its members gone, renamed, doubled, swapped or of another type."""
    try:
        document = json.loads(content, parse_float=Decimal)
        donor = json.loads(other, parse_float=Decimal)
    except ValueError:
        return damaged_bytes(content, chance, other)
    for _ in range(chance.choice((1, 1, 2, 4))):
        places = list(members(document)) if isinstance(document, dict | list) else []
        if not places:
            break
        _damage_member(*chance.choice(places), places, chance, donor)
    return msgspec.json.Encoder(decimal_format="number").encode(document)


def _damage_member(holder: Any, key: Any, places: list[tuple[Any, Any]], chance: Random, donor: Any) -> None:
    is_object = hasattr(holder, "keys")
    match chance.randrange(7):
        case 0:
            del holder[key]
        case 1:
            holder[key] = copy.deepcopy(chance.choice(VALUES))  # what is put in may be damaged next
        case 2:  # the same in another type
            value = holder[key]
            if isinstance(value, str):
                holder[key] = Decimal(value) if digits(value) is not None else [value]
            else:
                holder[key] = str(value)
        case 3 if is_object:
            holder[f"{key}{chance.choice(('_', ' ', 's', 'X'))}"] = holder.pop(key)
        case 4 if not is_object:
            holder.extend([holder[key]] * chance.choice((1, 2, 200)))
        case 5:
            holder[key] = chance.choice(
                [given[at] for given, at in places if not isinstance(given[at], dict | list)] or [None]
            )
        case _:
            foreign = list(members(donor)) if isinstance(donor, dict | list) else []
            if foreign:
                given, at = chance.choice(foreign)
                holder[key] = copy.deepcopy(given[at])


# Promises -------------------------------------------------------------------------------------------------------------


def check(venue: str, reading: Reading, heard: Sequence[tuple[str, StoredAnswer]]) -> None:
    """Raise Broken when the view of a reading breaks a promise."""
    asked = [Asked(name, each.status, each.content, as_json(each.content)) for name, each in heard]
    outcome = Outcome(venue, reading.accounts, reading.failures, tuple(asked))
    if not reading.accounts and not reading.failures and not heard:
        raise Broken("nothing was asked and nothing is told")
    for account in reading.accounts:
        _check_rows(account)
        for claim in claims(outcome, account):
            if not claim.value and not any(_is_zero(text) for text in claim.wire):
                raise Broken(f"{claim.field} is 0, and the answer holds no zero: {claim.place}")
        if Account.from_json(account.to_json()) != account:
            raise Broken("the account is another one after its JSON form")


def _check_rows(account: Account) -> None:
    for prefix, row, fields in rows(account):
        for name in row.__struct_fields__:
            value = getattr(row, name)
            if isinstance(value, float) or (isinstance(value, Decimal) and not value.is_finite()):
                raise Broken(f"{prefix}{name} is {value!r}")
            if value is None and name in fields.origins and name not in row.missing:
                raise Broken(f"{prefix}{name} is None without a reason")


def _is_zero(text: str) -> bool:
    figure = digits(text)
    return figure is not None and not Decimal(figure)


# Running --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """One set of answers, damaged or not."""

    venue: str
    options: Mapping[str, Any]
    answers: tuple[StoredAnswer, ...]

    def read(self) -> str:
        """Read it and check the view; the name of what came of it. Raises whatever must not happen."""
        heard: list[tuple[str, StoredAnswer]] = []

        def hear(operation: str, stored: StoredAnswer) -> None:
            heard.append((operation, stored))

        try:
            reading = conformance.read(self.venue, self.options, self.answers, heard=hear)
        except VenueError as error:
            if len(str(error)) > 4096:
                raise Broken("the message of an error is longer than 4 KB") from error
            return type(error).__name__
        check(self.venue, reading, heard)
        return "read" if not reading.failures else "read in part"

    def document(self) -> bytes:
        """What `--again` reads."""
        return msgspec.json.encode(
            {
                "venue": self.venue,
                "options": self.options,
                "answers": [
                    {
                        "request": each.request,
                        "status": each.status,
                        "query": each.query,
                        "headers": each.headers,
                        "base64": b64encode(each.content).decode(),
                    }
                    for each in self.answers
                ],
            }
        )


def corpus(venue: str) -> list[Trial]:
    """The stored cases of a venue."""
    shared = json.loads((FIXTURES / venue / "connect.json").read_bytes())
    found: list[Trial] = []
    for path in sorted((FIXTURES / venue).glob("*/exchange.json")):
        exchange = msgspec.json.decode(path.read_bytes(), type=Exchange)
        found.append(Trial(venue, {**shared, **exchange.options}, tuple(exchange.answers)))
    return found


@dataclass
class Tally:
    """What came of the trials of a venue."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    slowest: float = 0.0
    slow: int = 0

    @property
    def trials(self) -> int:
        return self.outcomes.total()


def damaged(trial: Trial, chance: Random, other: bytes) -> Trial:
    """The trial with one of its answers damaged, or its status changed."""
    answers = list(trial.answers)
    number = chance.randrange(len(answers))
    stored = answers[number]
    damage = chance.choice((damaged_bytes, damaged_members, damaged_members))
    content = damage(stored.content, chance, other)
    status = chance.choice((200, 404, 429, 500, 520)) if chance.random() < 0.02 else stored.status
    answers[number] = msgspec.structs.replace(
        stored, status=status, body=msgspec.Raw(), text=None, base64=b64encode(content).decode()
    )
    return Trial(trial.venue, trial.options, tuple(answers))


def fuzz(
    venue: str, seconds: float, seed: int, *, most: int | None = None
) -> tuple[Tally, Trial | None, str]:
    """Try damaged answers of a venue for some seconds, or `most` of them.

    Returns what came of them, and the first trial that broke a promise with what is wrong, if one did.
    """
    chance = Random(f"{venue} {seed}")
    trials = corpus(venue)
    readable = [trial for trial in trials if trial.read().startswith("read")]
    contents = [each.content for trial in trials for each in trial.answers]
    tally = Tally()
    until = time.monotonic() + seconds
    while time.monotonic() < until and (most is None or tally.trials < most):
        trial = damaged(
            chance.choice(readable if chance.random() < 0.8 else trials), chance, chance.choice(contents)
        )
        started = time.process_time()
        try:
            outcome = trial.read()
        except Exception:  # noqa: BLE001 - that anything else comes out is what is looked for
            return tally, trial, traceback.format_exc(limit=-4)
        took = time.process_time() - started
        tally.outcomes[outcome] += 1
        tally.slowest = max(tally.slowest, took)
        tally.slow += took > SLOW
    return tally, None, ""


def again(path: Path) -> int:
    """Read a saved trial once more."""
    document = json.loads(path.read_bytes())
    answers = msgspec.convert(document["answers"], list[StoredAnswer])
    print(Trial(document["venue"], document["options"], tuple(answers)).read())
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the venues that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
    parser.add_argument("--seconds", type=float, default=60.0, help="for all venues together (default 60)")
    parser.add_argument(
        "--venue", choices=known, action="append", help="may be given several times; without: all"
    )
    parser.add_argument("--seed", type=int, default=1, help="which damage (default 1)")
    parser.add_argument(
        "--save", type=Path, default=Path("fuzz-crash.json"), help="where what breaks is kept"
    )
    parser.add_argument(
        "--again", type=Path, metavar="FILE", help="read what was kept once more, and nothing else"
    )
    options = parser.parse_args(arguments)
    if options.again is not None:
        return again(cast("Path", options.again))
    venues: list[str] = options.venue or known
    for venue in venues:
        provenance.declaration(venue)  # what is loaded once is no part of the first reading
        tally, crashed, problem = fuzz(venue, options.seconds / len(venues), options.seed)
        outcomes = ", ".join(f"{count} {name}" for name, count in tally.outcomes.most_common())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{venue}: {tally.trials} trials ({outcomes}); slowest {tally.slowest * 1000:.1f} ms, "
            f"{tally.slow} above {SLOW * 1000:.0f} ms; memory up to {peak} MB",
            flush=True,
        )
        if crashed is not None:
            options.save.write_bytes(crashed.document())
            print(
                f"{problem}\n{venue}: kept as {options.save}; see it again: scripts/fuzz.py --again {options.save}"
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Whether a venue still answers as its spec says, so that a change of the venue is news and not a surprise.

An answer is held against the response schema of its operation. What differs is a `Drift`: what kind, where, how
grave, and never the value itself. Nothing here ever breaks a read or changes a figure.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from types import GenericAlias
from typing import Any, Literal, TypeAlias, TypeGuard, cast, final

import msgspec

from accountview import log, spec, wire
from accountview.provenance import Derived, Reported, declarations
from accountview.secret import Secret
from accountview.view import Finding

Kind: TypeAlias = Literal[
    "unknown_key",
    "missing_key",
    "changed_type",
    "null",
    "malformed",
    "unlisted_word",
    "undocumented_status",
    "unreadable",
]
"""How an answer differs from its spec.

`null` is one where none may stand, `malformed` a text that is no decimal or no time where one is due, `unreadable`
a body that is no JSON (or none that can be trusted); the others say it themselves.
"""

Severity: TypeAlias = Literal["high", "low"]
Mode: TypeAlias = Literal["off", "sample", "always"]

MODES: tuple[Mode, ...] = ("off", "sample", "always")
SAMPLE = 1000
"""With `sample`, the first answer and then one in so many is looked at, for each operation and status."""

_MOST_PLACES = 1000
_LONGEST_MESSAGE = 300
_ELSEWHERE = "…"
_SHORTEST_SECRET = 6
"""A shorter one, as a test may have, would be found in any text."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which an answer differs from its spec. It tells no value, only its JSON type and if it is zero."""

    venue: str
    operation: str
    """operationId of the spec."""
    kind: Kind
    pointer: str
    """JSON pointer into the answer: the first place that differs in this way; empty for the answer as a whole."""
    pattern: str
    """The same with `*` for the number of a row and for the key of a map: what stays equal from read to read."""
    places: int = 1
    """How many places of the answer differ in this way."""
    severity: Severity
    """`high` where a figure of the view rests on it, where the answer cannot be read for it, and for an unknown key
    that holds an amount other than zero; else `low`."""
    message: str
    """One sentence for people."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What a client has looked at and found since it was made; a copy that stays as it is."""

    looked: Mapping[str, int]
    """Operation → how many answers were held against the spec."""
    found: Mapping[tuple[str, Kind, str], int]
    """(operation, kind, pattern) → in how many answers. Only so many patterns are kept apart; `…` counts the rest."""


# Comparing -------------------------------------------------------------------------------------------------------


def compare(venue: str, operation: str, status: int, content: bytes) -> tuple[Drift, ...]:
    """How an answer differs from the venue's spec; empty when it does not. Pure, and safe on any bytes.

    Raises KeyError when the spec has no such operation.
    """
    return tuple([_shortened(each.drift) for each in _compare(venue, operation, status, content)])


def operation_of(venue: str, method: str, path: str) -> str | None:
    """The operation that a request belongs to, by its operationId; None when the spec has none such."""
    for template, methods in sorted(spec.load(venue).paths.items(), key=lambda item: item[0].count("{")):
        pattern = "[^/]+".join(re.escape(part) for part in re.split(r"{[^}]*}", template))
        if method.lower() in methods and re.fullmatch(pattern, path):
            return str(methods[method.lower()]["operationId"])
    return None


@dataclass(slots=True)
class _Found:
    drift: Drift
    holds_amount: bool
    """It is an unknown key that holds an amount other than zero in at least one place."""


def _compare(venue: str, operation: str, status: int, content: bytes) -> list[_Found]:
    expected = expected_of(venue, operation)
    fine = 200 <= status < 300
    known, schema = expected.answer(status)
    differences: Iterable[_Difference]
    if not known:
        message = f"the spec documents no answer with status {status}"
        # An undocumented error is still an error; an undocumented success cannot be read.
        differences = [_Difference("undocumented_status", _ROOT, message, fatal=status < 400)]
    elif schema is None:
        return []
    else:
        differences = _of_body(expected, schema, content, fine=fine)
    found: dict[tuple[Kind, str], _Found] = {}
    for difference in differences:
        place = difference.place
        # Only an answer that is no error carries figures.
        grave = difference.fatal and (fine or not known)
        grave = grave or (fine and (difference.holds_amount or difference.touches))
        key = (difference.kind, place.pattern)
        before = found.get(key)
        if before is None:
            drift = Drift(
                venue=venue,
                operation=operation,
                kind=difference.kind,
                pointer=place.pointer,
                pattern=place.pattern,
                severity="high" if grave else "low",
                message=difference.message,
            )
            found[key] = _Found(drift, fine and difference.holds_amount)
        elif grave and before.drift.severity == "low":
            # Of many rows that differ in one way, the gravest is told.
            before.drift = msgspec.structs.replace(
                before.drift,
                pointer=place.pointer,
                severity="high",
                message=difference.message,
                places=before.drift.places + 1,
            )
            before.holds_amount = fine and difference.holds_amount
        else:
            before.drift = msgspec.structs.replace(before.drift, places=before.drift.places + 1)
            before.holds_amount = before.holds_amount or (fine and difference.holds_amount)
    return list(found.values())


class _Number(str):
    """The text of a JSON number: a float would lose digits, an int of any length would cost time."""

    __slots__ = ()


def _of_body(
    expected: "Expected", schema: dict[str, Any], content: bytes, *, fine: bool
) -> "Iterator[_Difference]":
    try:
        wire.check(content)
    except wire.Malformed as malformed:
        yield _Difference("unreadable", _ROOT, malformed.problem, fatal=True)
        return
    tree: Any = json.loads(content, parse_float=_Number, parse_int=_Number)
    yield from _differences(expected, schema, tree, _ROOT, mapped=fine)


@dataclass(frozen=True, slots=True)
class _Place:
    pointer: str
    pattern: str

    def key(self, name: str) -> "_Place":
        """A member of an object."""
        step = _step(name)
        return _Place(f"{self.pointer}/{step}", f"{self.pattern}/{step}")

    def entry(self, name: str) -> "_Place":
        """A row of a list, or a value of a map."""
        return _Place(f"{self.pointer}/{_step(name)}", f"{self.pattern}/*")


_ROOT = _Place("", "")


def _step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True, slots=True)
class _Difference:
    kind: Kind
    place: _Place
    message: str
    fatal: bool = False
    """The decoder refuses the whole answer for it, and every figure with it."""
    touches: bool = False
    """A figure of the view rests on the place."""
    holds_amount: bool = False


def _differences(
    expected: "Expected", schema: dict[str, Any], value: object, place: _Place, *, mapped: bool
) -> Iterator[_Difference]:
    schema = expected.resolve(schema)
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        yield from _closest(expected, alternatives, value, place, mapped=mapped)
        return
    types = _types(schema)
    found = _type(value)
    if types and not _fits(found, value, types):
        if found == "null":
            yield _Difference("null", place, f"null where the spec has {_listed(types)}", fatal=True)
            return
        # The decoder takes a decimal as text and as a number.
        readable = _is_decimal(schema) and _is_figure(value) and found in ("string", "number")
        message = f"{_described(found, value)} where the spec has {_listed(types)}"
        touches = mapped and expected.touches(place.pattern)
        yield _Difference("changed_type", place, message, fatal=not readable, touches=touches)
        return
    if _is_object(value):
        yield from _of_object(expected, schema, value, place, mapped=mapped)
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict) and items:
            inner = cast("dict[str, Any]", items)
            for number, row in enumerate(cast("list[object]", value)):
                yield from _differences(expected, inner, row, place.entry(str(number)), mapped=mapped)
    else:
        yield from _of_scalar(expected, schema, value, place, mapped=mapped)


def _closest(
    expected: "Expected", alternatives: list[dict[str, Any]], value: object, place: _Place, *, mapped: bool
) -> Iterator[_Difference]:
    """Against the alternative that fits best: the one with the fewest differences."""
    tried = [list(_differences(expected, each, value, place, mapped=mapped)) for each in alternatives]
    best = min(
        tried, key=lambda found: (any(each.place == place and each.fatal for each in found), len(found))
    )
    if best and all(each.kind == "changed_type" and each.place == place for found in tried for each in found):
        stated = [name for each in alternatives for name in _types(expected.resolve(each))]
        message = f"{_described(_type(value), value)} where the spec has {_listed(stated)}"
        best = [_Difference("changed_type", place, message, fatal=True)]
    yield from best


def _of_object(
    expected: "Expected", schema: dict[str, Any], value: dict[str, Any], place: _Place, *, mapped: bool
) -> Iterator[_Difference]:
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name in schema.get("required", ()):
        if name not in value:
            message = f"{_quoted(name)} is missing; the spec has it always"
            yield _Difference("missing_key", place.key(name), message, fatal=True)
    for name, inner in value.items():
        if name in properties:
            yield from _differences(expected, properties[name], inner, place.key(name), mapped=mapped)
        elif isinstance(others, dict):
            entry = cast("dict[str, Any]", others)
            yield from _differences(expected, entry, inner, place.entry(name), mapped=mapped)
        elif properties and others is not True:
            yield _unknown(expected, properties, value, name, place, mapped=mapped)


def _unknown(
    expected: "Expected",
    properties: dict[str, dict[str, Any]],
    value: dict[str, Any],
    name: str,
    place: _Place,
    *,
    mapped: bool,
) -> _Difference:
    inner = value[name]
    amount = _holds_amount(inner)
    renamed = [
        absent
        for absent, schema in properties.items()
        if mapped
        and absent not in value
        and expected.touches(place.key(absent).pattern)
        and not any(_differences(expected, schema, inner, place.key(absent), mapped=False))
    ]
    message = f"the spec knows no {_quoted(name)}; it holds {_described(_type(inner), inner)}"
    if amount and isinstance(inner, dict | list):
        message += " with an amount that is not zero"
    if renamed:
        message += f"; it may be the new name of {' or '.join(renamed)}, which is not there"
    return _Difference("unknown_key", place.key(name), message, touches=bool(renamed), holds_amount=amount)


def _of_scalar(
    expected: "Expected", schema: dict[str, Any], value: object, place: _Place, *, mapped: bool
) -> Iterator[_Difference]:
    if value is None:
        return
    listed = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if listed and value not in [str(each) if isinstance(value, _Number) else each for each in listed]:
        message = f"a word that the spec does not list; it lists {', '.join(str(each) for each in listed)}"
        touches = mapped and expected.touches(place.pattern)
        # A single word (const) is insisted on; of several, the decoder keeps one that is not listed.
        yield _Difference("unlisted_word", place, message, fatal="const" in schema, touches=touches)
    elif _is_decimal(schema) and not _is_figure(value):
        yield _Difference("malformed", place, f"{_WORDS[_type(value)]} that is no plain decimal", fatal=True)
    elif schema.get("format") == "date-time" and not _is_time(value):
        yield _Difference(
            "malformed", place, f"{_WORDS[_type(value)]} that is no time (RFC 3339)", fatal=True
        )


# What a value is -------------------------------------------------------------------------------------------------


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _types(schema: dict[str, Any]) -> list[str]:
    stated = schema.get("type")
    if stated is None:
        return ["object"] if "properties" in schema else []
    return [stated] if isinstance(stated, str) else list(stated)


def _type(value: object) -> str:
    """The JSON type of a value, by its name in JSON Schema."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case _Number():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _fits(found: str, value: object, types: list[str]) -> bool:
    if found == "number" and "number" not in types:
        return "integer" in types and _is_whole(str(value))
    return found in types


def _is_whole(number: str) -> bool:
    whole, _, fraction = number.partition(".")
    return whole.lstrip("-").isdecimal() and not fraction.strip("0")


def _is_decimal(schema: dict[str, Any]) -> bool:
    return schema.get("format") == "decimal"


def _is_figure(value: object) -> bool:
    return isinstance(value, str) and wire.is_figure(value)


def _is_time(value: object) -> bool:
    try:
        msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return False
    return True


def _holds_amount(value: object) -> bool:
    """Whether a number or a decimal text other than zero stands anywhere in a value."""
    if _is_object(value):
        return any(_holds_amount(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_holds_amount(inner) for inner in cast("list[object]", value))
    if not _is_figure(value):
        return False
    digits = str(value).lower().partition("e")[0]
    return any(digit in "123456789" for digit in digits)


_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "number": "a number",
    "integer": "a whole number",
    "string": "a text",
    "array": "a list",
    "object": "an object",
}


def _listed(types: list[str]) -> str:
    return " or ".join(_WORDS.get(name, name) for name in dict.fromkeys(types))


def _described(found: str, value: object) -> str:
    if not _is_figure(value):
        return _WORDS[found]
    form = "a number" if found == "number" else "a decimal text"
    return f"{form} that is {'not zero' if _holds_amount(value) else 'zero'}"


def _quoted(name: str) -> str:
    return f'"{"".join(character if character.isprintable() else "�" for character in name)}"'


def _shortened(drift: Drift) -> Drift:
    """The drift without the middle of a message that a venue has made long with a key."""
    if len(drift.message) <= _LONGEST_MESSAGE:
        return drift
    half = _LONGEST_MESSAGE // 2
    return msgspec.structs.replace(drift, message=f"{drift.message[:half]}…{drift.message[-half:]}")


# What is expected ------------------------------------------------------------------------------------------------


class Expected:
    """What the spec says of the answers of one operation, and where the view looks in them."""

    def __init__(self, venue: str, operation: str) -> None:
        venue_spec = spec.load(venue)
        self._schemas: dict[str, dict[str, Any]] = venue_spec.components.get("schemas", {})
        described = next(
            (
                each
                for methods in venue_spec.paths.values()
                for each in methods.values()
                if each.get("operationId") == operation
            ),
            None,
        )
        if described is None:
            raise KeyError(f"{venue}: the spec has no operation {operation}")
        self._responses: dict[str, dict[str, Any]] = described["responses"]
        self._mapped = {
            tuple(reported.pointer.split("/"))
            for reported in _reported(venue)
            if reported.operation == operation
        }
        self._shapes: dict[int, msgspec.json.Decoder[Any] | None] = {}

    def answer(self, status: int) -> tuple[bool, dict[str, Any] | None]:
        """Whether the spec documents a status, and the schema of its body; None where it documents none."""
        for stated in (str(status), f"{status // 100}XX", "default"):
            if stated in self._responses:
                content: dict[str, dict[str, Any]] = self._responses[stated].get("content", {})
                return True, content.get("application/json", {}).get("schema")
        return False, None

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema that a reference leads to."""
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def touches(self, pattern: str) -> bool:
        """Whether a figure of the view rests on the value at a place, or on one inside it."""
        steps = pattern.split("/")
        return any(self._touches(mapped, steps) for mapped in self._mapped)

    def _touches(self, mapped: tuple[str, ...], steps: list[str]) -> bool:
        # What a field rests on as a whole covers the entries of a map, and not what stands inside the rows of a list:
        # those have fields of their own.
        if any(step != "*" for step in steps[len(mapped) :]):
            return False
        # `{row}`, `{symbol}` and the like, and `[name=value]`, stand for a row or a key that is known later.
        return all(
            stated == step or step == "*" or stated == "*" or "{" in stated or stated.startswith("[")
            for stated, step in zip(mapped, steps, strict=False)
        )

    def knows_all_keys(self, status: int, content: bytes) -> bool:
        """Whether it is certain, and quickly found, that an answer holds no unknown key."""
        if status not in self._shapes:
            _, schema = self.answer(status)
            shape = None if schema is None else _shape(self, schema)
            self._shapes[status] = _decoder(shape)
        decoder = self._shapes[status]
        if decoder is None:
            return False
        try:
            decoder.decode(content)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        return True


def _reported(venue: str) -> Iterator[Reported]:
    """What the venue reports of any field, in whatever way it reads accounts."""
    for declared in declarations(venue):
        for fields in (declared.account, declared.position, declared.balance):
            for origin in fields.origins.values():
                inputs = origin.inputs if isinstance(origin, Derived) else (origin,)
                yield from (each for each in inputs if isinstance(each, Reported))


@cache
def expected_of(venue: str, operation: str) -> Expected:
    """What is expected of an operation's answers. Raises KeyError when the spec has no such operation."""
    return Expected(venue, operation)


def _decoder(shape: Any) -> "msgspec.json.Decoder[Any] | None":
    try:
        return None if shape is None else msgspec.json.Decoder(shape)
    except TypeError:  # two objects side by side, which msgspec cannot tell apart
        return None


def _shape(expected: Expected, schema: dict[str, Any], within: tuple[str, ...] = ()) -> Any:
    """A type that msgspec refuses when a key is unknown, and that looks at little else.

    `msgspec.Raw` where no key can be unknown; None where there is no such type.
    """
    if "$ref" in schema:
        if schema["$ref"] in within:
            return None
        within = (*within, schema["$ref"])
        schema = expected.resolve(schema)
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        shapes = [_shape(expected, each, within) for each in alternatives]
        if any(shape is None for shape in shapes):
            return None
        if all(shape is msgspec.Raw for shape in shapes):
            return msgspec.Raw
        # Raw stands in no union: the types are told one by one.
        parts = [
            part
            for shape, each in zip(shapes, alternatives, strict=True)
            for part in (_plain_types(expected, each) if shape is msgspec.Raw else [shape])
        ]
        return None if None in parts else reduce(_either, parts)
    types = _types(schema)
    closed = _closed_part(expected, schema, types, within)
    if closed is None or closed is msgspec.Raw or len(types) == 1:
        return closed
    return reduce(_either, [_PLAIN[each] for each in types if each not in ("object", "array")], closed)


def _either(one: Any, other: Any) -> Any:
    return one | other


_PLAIN: dict[str, Any] = {
    "null": type(None),
    "boolean": bool,
    "integer": int | float,
    "number": int | float,
    "string": str,
    "array": list[msgspec.Raw],
    "object": dict[str, msgspec.Raw],
}


def _plain_types(expected: Expected, schema: dict[str, Any]) -> list[Any]:
    types = _types(expected.resolve(schema))
    return [_PLAIN[each] for each in types] if types else [None]


def _closed_part(
    expected: Expected, schema: dict[str, Any], types: list[str], within: tuple[str, ...]
) -> Any:
    """The shape of a schema's object or list, whichever it has; Raw when it has neither."""
    others = schema.get("additionalProperties")
    if {"object", "array"} <= set(types):
        return None
    if "object" in types and "properties" in schema:
        return None if others else _closed(expected, schema, within)
    if "object" in types and isinstance(others, dict):
        inner = _shape(expected, cast("dict[str, Any]", others), within)
        return inner if inner is None or inner is msgspec.Raw else GenericAlias(dict, (str, inner))
    if "array" in types and schema.get("items"):
        inner = _shape(expected, schema["items"], within)
        return inner if inner is None or inner is msgspec.Raw else GenericAlias(list, (inner,))
    return msgspec.Raw


def _closed(expected: Expected, schema: dict[str, Any], within: tuple[str, ...]) -> Any:
    names: dict[str, dict[str, Any]] = schema["properties"]
    shapes = [_shape(expected, inner, within) for inner in names.values()]
    if any(shape is None for shape in shapes):
        return None
    return msgspec.defstruct(
        "Known",
        [(f"field_{number}", shape, None) for number, shape in enumerate(shapes)],
        rename={f"field_{number}": name for number, name in enumerate(names)},
        forbid_unknown_fields=True,
        gc=False,  # it lives for one look, and nothing in it refers back
    )


# Looking ---------------------------------------------------------------------------------------------------------


@final
class Radar:
    """Looks at the answers to one credential as they come, counts what drifted and tells it. Any thread may use it."""

    def __init__(
        self,
        mode: Mode = "sample",
        *,
        tell: Callable[[Drift], object] | None = None,
        secrets: tuple[Secret, ...] = (),
    ) -> None:
        """Each drift that is looked for is told to `tell`; nothing that is told repeats one of the secrets."""
        self._mode = mode
        self._tell = tell
        self._secrets = secrets
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._looked: Counter[str] = Counter()
        self._found: Counter[tuple[str, Kind, str]] = Counter()

    def counters(self) -> Counters:
        """What was looked at and found so far."""
        with self._lock:
            return Counters(dict(self._looked), dict(self._found))

    def look(
        self, venue: str, operation: str, status: int, content: bytes, *, knew_all_keys: bool = False
    ) -> tuple[Finding, ...]:
        """Look at an answer; what a reader of its figures must know: amounts under keys that the spec does not know.

        Those are looked for in every answer, whatever is sampled, but not where the decoder `knew_all_keys` already.
        Never raises.
        """
        if self._mode == "off":
            return ()
        try:
            return self._look(venue, operation, status, content, knew_all_keys=knew_all_keys)
        except Exception as error:  # noqa: BLE001 - a slip of ours must not cost the read
            log.slip(venue=venue, operation=operation, doing="looking_for_drift", error=error)
            return ()

    def _look(
        self, venue: str, operation: str, status: int, content: bytes, *, knew_all_keys: bool
    ) -> tuple[Finding, ...]:
        due = self._due(operation, status)
        quiet = (
            not 200 <= status < 300
            or knew_all_keys
            or expected_of(venue, operation).knows_all_keys(status, content)
        )
        if quiet and not due:
            return ()
        found = _compare(venue, operation, status, content)
        for each in found:
            texts = (each.drift.pointer, each.drift.pattern, each.drift.message)
            pointer, pattern, message = map(self._without_secrets, texts)
            replaced = msgspec.structs.replace(each.drift, pointer=pointer, pattern=pattern, message=message)
            each.drift = _shortened(replaced)  # not before: a part of a secret would not be found
        findings = _finding(operation, [each.drift for each in found if each.holds_amount])
        if due:
            self._count(operation, found)
            self._tell_all([each.drift for each in found])
        return findings

    def _tell_all(self, drifts: list[Drift]) -> None:
        if self._tell is None:
            return
        for each in drifts:
            try:
                self._tell(each)
            except Exception as error:  # noqa: BLE001 - the caller's function must cost neither read nor findings
                log.slip(venue=each.venue, operation=each.operation, doing="telling_of_drift", error=error)

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:  # a venue can echo anything as the name of a key
            text = secret.strike(text, shortest=_SHORTEST_SECRET)
        return text

    def _due(self, operation: str, status: int) -> bool:
        with self._lock:
            before = self._answers[operation, status]
            self._answers[operation, status] += 1
        return self._mode == "always" or before % SAMPLE == 0

    def _count(self, operation: str, found: list[_Found]) -> None:
        with self._lock:
            self._looked[operation] += 1
            for each in found:
                key = (operation, each.drift.kind, each.drift.pattern)
                # A venue can send ever new keys; what is counted must stay small.
                full = len(self._found) >= _MOST_PLACES and key not in self._found
                self._found[(operation, each.drift.kind, _ELSEWHERE) if full else key] += 1


def _finding(operation: str, unknown: list[Drift]) -> tuple[Finding, ...]:
    if not unknown:
        return ()
    shown = [drift.pointer for drift in unknown[:5]]
    rest = sum(drift.places for drift in unknown) - len(shown)
    where = ", ".join(shown) + (f" and {rest} more" if rest else "")
    message = (
        f"{operation} holds an amount under a key that its spec does not know, so no figure has it: {where}"
    )
    return (Finding(code="UNKNOWN_AMOUNT", fields=(), message=message),)

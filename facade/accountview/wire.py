"""From the bytes of an answer to a typed model, trusting nothing.

The decoder alone lets too much pass: of a key that stands twice it takes the last, it reads `"1_0"`, `" 1 "` and
Arabic digits as decimals, it skips over broken UTF-8 in fields it does not need, and deep nesting ends it with a
RecursionError. So the bytes are read once for what must hold of any answer, then decoded, then the text of every
decimal is held against the one form that a figure may have. Of most answers a quick look tells that all of that would
find nothing (`outline`); the full look alone says what is wrong, and where.
"""

import json
import re
import types
from collections.abc import Hashable
from contextlib import suppress
from decimal import Decimal
from functools import cache, reduce
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec

from accountview import outline

T = TypeVar("T")

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 400_000

_LONG_STRETCH = 5_000

_FIGURE = rf"^{outline.FIGURE}\Z"
_NUMBER = re.compile(_FIGURE)
_FigureText = Annotated[str, msgspec.Meta(pattern=_FIGURE)]
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Malformed(Exception):
    """An answer that cannot be read; the client, which knows the venue, makes an AnswerInvalid of it.

    `path` is its place in the JSON, where known; the value is never told."""

    def __init__(self, problem: str, path: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path


def decode(content: bytes, type_: type[T], /) -> T:
    """`content` as `type_`, every figure exact. Raises Malformed."""
    return Decoding().decode(content, type_)


class Decoding:
    """The decoding of one answer, and what was seen on the way."""

    __slots__ = ("knew_all_keys",)

    def __init__(self) -> None:
        self.knew_all_keys = False
        """Whether it is certain that the answer held no key that its model does not have."""

    def decode(self, content: bytes, type_: type[T], /) -> T:
        """`content` as `type_`, every figure exact. Raises Malformed."""
        kind: Any = type_
        model: T
        self.knew_all_keys = False
        has_long_text = _has_long_text(content)
        if not has_long_text and _is_within_limits(content) and outline.is_sound(content, kind):
            with suppress(Malformed):  # the full look tells what is wrong
                model = _decode(content, kind)
                self.knew_all_keys = True
                return model
        check(content)
        if has_long_text:
            # Before there is a Decimal of it: one of 300,000 digits takes milliseconds.
            _check_figures(content, kind)
        model = _decode(content, kind)
        _check_figures(content, kind)
        return model


def is_figure(text: str) -> bool:
    """Whether a text has the one form that a figure may have: a plain decimal."""
    return _NUMBER.match(text) is not None


def check(content: bytes) -> None:
    """What must hold of any answer: size, UTF-8, depth, one value a key, numbers of a sane length.

    Raises Malformed.
    """
    if len(content) > MAX_BYTES:
        raise Malformed(f"the answer is larger than {MAX_BYTES} bytes")
    if not content:
        raise Malformed("the answer is empty")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("the answer is not UTF-8") from error
    if not _is_within_limits(content):
        raise Malformed(f"the answer holds more than {MAX_NODES} values")
    if _depth(content) > MAX_DEPTH:
        raise Malformed(f"the answer is nested deeper than {MAX_DEPTH}")
    # The hooks are C methods that only collect: no Python code runs a row.
    objects: list[list[tuple[str, Any]]] = []
    numbers: list[str] = []
    try:
        json.loads(
            text,
            object_pairs_hook=objects.append,
            parse_float=numbers.append,
            parse_int=numbers.append,
            parse_constant=_refuse_constant,
        )
    except ValueError as error:
        raise Malformed("the answer is not JSON") from error
    for members in objects:
        if len(dict(members)) != len(members):
            raise Malformed("a key stands twice in one object")
    for number in numbers:
        if len(number) > 20 and not _NUMBER.match(number):
            raise Malformed("a number is too long to be a figure")
        if ("e" in number or "E" in number) and not _NUMBER.match(number):
            raise Malformed("a number has an exponent that no figure has")


def _is_within_limits(content: bytes) -> bool:
    """Whether an answer is not too large, and does not hold too many values."""
    if len(content) <= MAX_NODES:
        return True
    return len(content) <= MAX_BYTES and content.count(b",") + content.count(b":") <= MAX_NODES


def _refuse_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _depth(content: bytes) -> int:
    brackets = content.translate(None, _NOT_BRACKETS)
    deepest = _deepest(brackets)
    if deepest > MAX_DEPTH:  # brackets inside strings may have been counted: look again without the strings
        deepest = _deepest(_STRING.sub(b"", content).translate(None, _NOT_BRACKETS))
    return deepest


def _deepest(brackets: bytes) -> int:
    depth = deepest = 0
    for bracket in brackets:
        if bracket in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _has_long_text(content: bytes) -> bool:
    """Whether one text surely is longer than any that a venue has cause to send: a stretch of it has no quote."""
    last = len(content) - _LONG_STRETCH
    return any(
        content.find(b'"', start, start + _LONG_STRETCH) < 0 for start in range(0, last, _LONG_STRETCH)
    )


def _check_figures(content: bytes, type_: Any) -> None:
    """Raises Malformed when the text of a decimal has not the one form that it may have."""
    figures = _with_text_for_decimals(type_)
    if figures is not None:
        _decode(content, figures)


def _decode(content: bytes, type_: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=type_)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `")
        if "regex" in problem:
            problem = "Expected a plain decimal"
        raise Malformed(problem.replace("`", ""), path.rstrip("`") or "$") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed("the answer is not JSON") from error


@cache
def _with_text_for_decimals(type_: Hashable) -> Any:
    """A type like `type_` that sees only its decimals, as the text they must be; None where there are none."""
    if type_ is Decimal:
        return (
            _FigureText | int | float | None
        )  # a figure that came as a JSON number was checked by its number text
    origin = get_origin(type_)
    arguments = get_args(type_)
    if origin in (Union, types.UnionType):
        parts = [(part, _with_text_for_decimals(part)) for part in arguments if part is not msgspec.UnsetType]
        if all(figures is None for _, figures in parts):
            return None
        alternatives: list[Any] = [part if figures is None else figures for part, figures in parts]
        return reduce(lambda left, right: left | right, alternatives)
    if origin is list:
        inner: Any = _with_text_for_decimals(arguments[0])
        return None if inner is None else types.GenericAlias(list, (inner,))
    if origin is dict:
        inner = _with_text_for_decimals(arguments[1])
        return None if inner is None else types.GenericAlias(dict, (str, inner))
    if isinstance(type_, type) and attrs.has(type_):
        return _struct(type_)
    return None


def _struct(type_: type[Any]) -> Any:
    fields: list[tuple[str, Any, Any]] = []
    for name, hint in get_type_hints(type_).items():
        figures = _with_text_for_decimals(hint)
        if figures is not None:
            fields.append((name, figures | msgspec.UnsetType, msgspec.UNSET))
    return msgspec.defstruct(f"{type_.__name__}Figures", fields) if fields else None

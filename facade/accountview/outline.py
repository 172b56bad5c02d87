"""The quick look at an answer: whether it is certain that nothing is wrong with its bytes.

`wire` looks at every answer in full unless this says that it need not; it then finds nothing, and takes three times as
long. What makes it quick: the answer is decoded into the outline of its model, which has the same keys and leaves
every value as the text that it is, and from there on it is looked at as a whole and not row by row.
"""

import types
from collections.abc import Callable, Hashable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from itertools import chain
from operator import attrgetter, methodcaller
from typing import Any, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec

FIGURE = r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?(?:[eE][+-]?[0-9]{1,2})?"
"""The one form that a figure may have. Venues print up to 38 digits; 100 leaves room and keeps arithmetic cheap."""

_LONGEST_RUN = 100
_EVERY_DIGIT_AS_0 = bytes.maketrans(b"123456789", b"000000000")
_encode = msgspec.json.Encoder().encode

Texts: TypeAlias = list[msgspec.Raw]


class Outline(NamedTuple):
    """A type that has all the keys of another one, and leaves its values as the text that they are."""

    type: Any
    add_numbers: "Add | None"
    """Adds the texts of all decimals and whole numbers in values of this type; None where there can be none."""


Add: TypeAlias = Callable[[list[Any], Texts], object]
"""Of many values at once, so that no Python code runs a row."""


def is_sound(content: bytes, type_: Any) -> bool:
    """Whether a full look would surely find nothing wrong with the bytes, if they can be decoded as this type at all,
    and are not too many.

    An outline is written again with the colons that were read, less those of keys that its model does not have and of
    keys that stood twice (and a backslash could hide one). So as many colons as before mean: all that was sent is in
    the model and nothing is deeper than it, no key stood twice, and all numbers are among those that are looked at.
    As many bytes mean the same, for there are never more, and need no counting.
    """
    if not content.isascii() or b"\\" in content:
        return False
    found = _decoder(type_)
    if found is None:
        return False
    decoder, add_numbers = found
    try:
        outlined = decoder.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    again = _encode(outlined)
    if len(again) != len(content.rstrip()) and again.count(b":") != content.count(b":"):
        return False
    texts: Texts = []
    if add_numbers is not None:
        add_numbers([outlined], texts)
    return _are_plain(texts)


def _are_plain(texts: Texts) -> bool:
    """Whether texts have the one form of a figure, and no exponent, if a Decimal or an int can be made of each.

    Which of them does not matter, so they are looked at together: what can be made a Decimal, has only these
    characters, and no point at its end, is a plain decimal; unless it is too long.
    """
    numbers = b"\n".join(texts)
    if len(numbers) > _LONGEST_RUN * len(texts):
        return False  # one is too long: how it looks need not be looked for
    numbers = numbers.translate(_EVERY_DIGIT_AS_0)
    return (
        not numbers.translate(None, b'0-."\nnul')  # of null
        and numbers.count(b".") == numbers.count(b"0.0")
        and b"0" * (_LONGEST_RUN + 1) not in numbers
    )


@cache
def _decoder(type_: Hashable) -> tuple[msgspec.json.Decoder[Any], Add | None] | None:
    outline = _outline(type_)
    return None if outline is None else (msgspec.json.Decoder(outline.type), outline.add_numbers)


# The outline of a type -------------------------------------------------------------------------------------------

_ABSENT = msgspec.Raw(b"")
_TEXTS = (str, bool, type(None), date, datetime)
_NUMBERS = (Decimal, int)


def _outline(type_: Any) -> Outline | None:
    """The outline of a type; None where it leaves open what may stand in it."""
    origin, arguments = get_origin(type_), get_args(type_)
    if origin in (Union, types.UnionType):
        return _of_union([part for part in arguments if part not in (msgspec.UnsetType, type(None))])
    if origin is list or origin is dict:
        return _of_many(origin, arguments[-1])
    if isinstance(type_, type) and attrs.has(type_):
        return _of_model(type_)
    if type_ in _NUMBERS:
        return Outline(msgspec.Raw, _add)
    if type_ in _TEXTS or (isinstance(type_, type) and issubclass(type_, StrEnum)):
        return Outline(msgspec.Raw, None)
    return None


def _add(values: list[msgspec.Raw], texts: Texts) -> None:
    texts += values


_values = methodcaller("values")


def _of_many(container: type[Any], entry: Any) -> Outline | None:
    """Of a list, or of an object that is a map."""
    inner = _outline(entry)
    if inner is None:
        return None
    add = inner.add_numbers
    is_list = container is list
    type_ = types.GenericAlias(container, (inner.type,) if is_list else (str, inner.type))
    if add is None:
        return Outline(type_, None)

    def add_all(values: list[Any], texts: Texts) -> None:
        add(list(chain.from_iterable(values if is_list else map(_values, values))), texts)

    return Outline(type_, add_all)


def _of_union(parts: list[Any]) -> Outline | None:
    """Of several texts and numbers, or of a list, of an object, or of one of each: nothing else can be told apart."""
    outlines = [_outline(part) for part in parts]
    known = [each for each in outlines if each is not None]
    if len(known) < len(parts):
        return None
    adding = [each for each in known if each.add_numbers is not None]
    if all(each.type is msgspec.Raw for each in known):
        return (adding or known)[0]
    lists = [each for each in known if get_origin(each.type) is list]
    objects = [each for each in known if each.type is not msgspec.Raw and each not in lists]
    if len(lists) + len(objects) < len(known) or len(lists) > 1 or len(objects) > 1:
        return None
    type_: Any = msgspec.UnsetType | None
    for each in known:
        type_ = type_ | each.type
    return Outline(type_, _of_either(lists, objects) if adding else None)


def _of_either(lists: list[Outline], objects: list[Outline]) -> Add:
    def add(values: list[Any], texts: Texts) -> None:
        there = [value for value in values if value is not None and value is not msgspec.UNSET]
        for outlines, are_lists in ((lists, True), (objects, False)):
            for each in outlines:
                if each.add_numbers is not None:
                    each.add_numbers(
                        [value for value in there if isinstance(value, list) is are_lists], texts
                    )

    return add


def _of_model(model: type[Any]) -> Outline | None:
    outlines = {name: _outline(hint) for name, hint in get_type_hints(model).items()}
    known = {name: each for name, each in outlines.items() if each is not None}
    if len(known) < len(outlines):
        return None
    type_ = msgspec.defstruct(
        f"{model.__name__}Outline",
        [
            (name, each.type, _ABSENT)
            if each.type is msgspec.Raw
            else (name, each.type | msgspec.UnsetType, msgspec.UNSET)
            for name, each in known.items()
        ],
        omit_defaults=True,
        gc=False,  # it lives for one look, and nothing in it refers back
    )
    numbers = [name for name, each in known.items() if each.type is msgspec.Raw and each.add_numbers]
    nested = [
        (attrgetter(name), each.add_numbers)
        for name, each in known.items()
        if each.type is not msgspec.Raw and each.add_numbers is not None
    ]
    # Of one name it would not get a tuple.
    own = attrgetter(*(numbers if len(numbers) > 1 else numbers * 2)) if numbers else None
    if own is None and not nested:
        return Outline(type_, None)

    def add(rows: list[Any], texts: Texts) -> None:
        if own is not None:
            texts += chain.from_iterable(map(own, rows))
        for get, add_inner in nested:
            add_inner([inner for inner in map(get, rows) if inner is not msgspec.UNSET], texts)

    return Outline(type_, add)

"""Hold a spec of ours against a vendor's own OpenAPI file: `uv run scripts/diff_spec.py OURS THEIRS`.

Both may be YAML or JSON, OpenAPI 3.0 or 3.1. What differs is told line by line: operations, parameters, fields,
types, words (enums), what is required. Descriptions and what only we say (`x-`) are not compared. A spec of ours
holds only what something of ours reads, so what only theirs has is a line to judge, not always an error to mend.

Exit code: 0 they say the same, 1 they differ, 2 a file cannot be read.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeGuard
from urllib.parse import urlsplit

import yaml

Kind: TypeAlias = Literal["only_ours", "only_theirs", "type", "words", "required"]
Tree: TypeAlias = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


@dataclass(frozen=True)
class Difference:
    """One thing that the two files say differently."""

    kind: Kind
    operation: str
    """Method and path, with `{}` for every parameter of the path."""
    pointer: str
    """`/parameters/<in>/<name>`, or `/request` or `/<status>` and the way to a field, `*` for rows and map values.

    Empty for the operation itself.
    """
    ours: str
    theirs: str

    def __str__(self) -> str:
        place = f" {self.pointer}" if self.pointer else ""
        return (
            f"{self.operation}{place}: {self.kind.replace('_', ' ')}: ours {self.ours}, theirs {self.theirs}"
        )


class Unreadable(Exception):
    """A file is no OpenAPI document that can be compared; the message names it."""


def compare(ours: Tree, theirs: Tree) -> list[Difference]:
    """All differences, in the order of our spec, then of theirs. Raises Unreadable."""
    return list(_documents(Document(ours), Document(theirs)))


# Documents ---------------------------------------------------------------------------------------------------------


def is_tree(value: object) -> TypeGuard[Tree]:
    """Whether a value is a mapping; in an OpenAPI document its keys are texts."""
    return isinstance(value, dict)


class Document:
    """An OpenAPI document, its references followed when they are met."""

    def __init__(self, tree: Tree) -> None:
        if not str(tree.get("openapi", "")).startswith(("3.0", "3.1")):
            raise Unreadable(f"openapi is {tree.get('openapi')!r}; 3.0 and 3.1 can be compared")
        self._tree = tree

    def resolve(self, node: Tree) -> tuple[Tree, frozenset[str]]:
        """What a reference leads to, and the references that were followed."""
        followed: set[str] = set()
        while "$ref" in node:
            reference = str(node["$ref"])
            if reference in followed or not reference.startswith("#/"):
                raise Unreadable(f"the reference {reference} leads nowhere inside the file")
            followed.add(reference)
            node = self._at(reference)
        return node, frozenset(followed)

    def _at(self, reference: str) -> Tree:
        node: Any = self._tree
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if not is_tree(node) or step not in node:
                raise Unreadable(f"the reference {reference} leads nowhere inside the file")
            node = node[step]
        if not is_tree(node):
            raise Unreadable(f"the reference {reference} leads to no object")
        return node

    def operations(self) -> dict[str, Tree]:
        """Method and path → operation, with the parameters of its path among its own."""
        servers: list[Tree] = self._tree.get("servers") or [{"url": ""}]
        prefix = urlsplit(str(servers[0]["url"])).path.rstrip("/")
        found: dict[str, Tree] = {}
        for path, item in self._tree.get("paths", {}).items():
            item, _ = self.resolve(item)
            for method in METHODS:
                if method in item:
                    parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
                    name = f"{method.upper()} {re.sub('{[^}]*}', '{}', prefix + path)}"
                    found[name] = {**item[method], "parameters": parameters, "path": path}
        return found

    def parameters(self, operation: Tree) -> dict[str, Tree]:
        """`<in>/<name>` → parameter; those of the path by their number, for their names are each side's own."""
        in_path = re.findall("{([^}]*)}", operation["path"])
        found: dict[str, Tree] = {}
        for each in operation["parameters"]:
            parameter, _ = self.resolve(each)
            place, name = str(parameter["in"]), str(parameter["name"])
            if place == "path":
                name = str(in_path.index(name) + 1) if name in in_path else name
            found[f"{place}/{name.lower() if place == 'header' else name}"] = parameter
        return found

    def json_schema(self, node: Tree | None) -> Tree | None:
        """The schema of the JSON body of a request or of an answer; None where there is none."""
        if node is None:
            return None
        content: dict[str, Tree] = self.resolve(node)[0].get("content", {})
        for media, described in content.items():
            if re.fullmatch(r"application/([^;]*\+)?json(;.*)?", media):
                schema: Tree = described.get("schema", {})
                return schema
        return None

    def answers(self, operation: Tree) -> dict[str, Tree]:
        """Status → schema of the answer's JSON body."""
        schemas = {str(status): self.json_schema(each) for status, each in operation["responses"].items()}
        return {status: schema for status, schema in schemas.items() if schema is not None}


# Schemas, flattened ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """What a schema says, its references, `allOf`, alternatives and `nullable` worked in."""

    types: frozenset[str] = frozenset()
    """Empty where any type may stand."""
    properties: Tree = field(default_factory=dict[str, Any])
    required: frozenset[str] = frozenset()
    items: Tree | None = None
    values: Tree | None = None
    words: frozenset[str] | None = None
    followed: frozenset[str] = frozenset()


_NULL = frozenset({"null"})


def shape(document: Document, schema: Tree) -> Shape:
    """A schema as a shape. Raises Unreadable for a reference that cannot be followed."""
    node, followed = document.resolve(schema)
    own = _own(node, followed)
    for part in node.get("allOf", ()):
        own = _both(own, shape(document, part))
    alternatives = [*node.get("anyOf", ()), *node.get("oneOf", ())]
    if alternatives:
        own = _both(own, _either([shape(document, each) for each in alternatives]))
    if node.get("nullable") is True and own.types:  # OpenAPI 3.0; an allOf beside it does not take it back
        own = _with(own, types=own.types | _NULL)
    return own


def _own(node: Tree, followed: frozenset[str]) -> Shape:
    stated = node.get("type", [])
    types = {stated} if isinstance(stated, str) else {str(each) for each in stated}
    words = node.get("enum", [node["const"]] if "const" in node else None)
    if words is not None and None in words:
        types |= {"null"} if types else set()
    if not types and "properties" in node:
        types = {"object"}
    items, values = node.get("items"), node.get("additionalProperties")
    return Shape(
        types=frozenset(types),
        properties=dict(node.get("properties", {})),
        required=frozenset(node.get("required", ())),
        items=items if is_tree(items) else None,
        values=values if is_tree(values) and values else None,
        words=None if words is None else frozenset(str(each) for each in words if each is not None),
        followed=followed,
    )


def _with(before: Shape, *, types: frozenset[str]) -> Shape:
    return Shape(
        types, before.properties, before.required, before.items, before.values, before.words, before.followed
    )


def _both(one: Shape, other: Shape) -> Shape:
    """What must hold of both."""
    words = (
        one.words if other.words is None else other.words if one.words is None else one.words & other.words
    )
    return Shape(
        types=one.types & other.types if one.types and other.types else one.types | other.types,
        properties=_merged(one.properties, other.properties, "allOf"),
        required=one.required | other.required,
        items=one.items or other.items,
        values=one.values or other.values,
        words=words,
        followed=one.followed | other.followed,
    )


def _either(shapes: list[Shape]) -> Shape:
    """What may hold: all types, the fields of every alternative, required only what all objects require."""
    some = [each for each in shapes if each.types != _NULL] or shapes
    result = some[0]
    for each in some[1:]:
        both_listed = result.words is not None and each.words is not None
        result = Shape(
            types=result.types | each.types if result.types and each.types else frozenset(),
            properties=_merged(result.properties, each.properties, "anyOf"),
            required=result.required & each.required,
            items=result.items or each.items,
            values=result.values or each.values,
            words=(result.words or frozenset()) | (each.words or frozenset()) if both_listed else None,
            followed=result.followed | each.followed,
        )
    if len(some) < len(shapes) and result.types:
        result = _with(result, types=result.types | _NULL)
    return result


def _merged(one: Tree, other: Tree, how: str) -> Tree:
    shared = {
        name: {how: [one[name], other[name]]} for name in one if name in other and one[name] != other[name]
    }
    return {**one, **other, **shared}


# Comparing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sides:
    """The two documents, and the operation of both that is being compared."""

    ours: Document
    theirs: Document
    operation: str

    def difference(self, kind: Kind, pointer: str, ours: str, theirs: str) -> Difference:
        """A difference at a place of this operation."""
        return Difference(kind, self.operation, pointer, ours, theirs)

    def only_one(self, pointer: str, *, theirs: bool, said: str = "has it") -> Difference:
        """One side has something that the other lacks: theirs, or ours."""
        if theirs:
            return self.difference("only_theirs", pointer, "lacks it", said)
        return self.difference("only_ours", pointer, said, "lacks it")


def _documents(ours: Document, theirs: Document) -> Iterator[Difference]:
    our_operations, their_operations = ours.operations(), theirs.operations()
    for name in _union(our_operations, their_operations):
        sides = Sides(ours, theirs, name)
        one, other = our_operations.get(name), their_operations.get(name)
        if one is None or other is None:
            yield sides.only_one("", theirs=one is None)
            continue
        yield from _parameters(sides, ours.parameters(one), theirs.parameters(other))
        our_body, their_body = one.get("requestBody"), other.get("requestBody")
        yield from _body(sides, our_body, their_body)
        yield from _answers(sides, ours.answers(one), theirs.answers(other))


def _parameters(sides: Sides, ours: dict[str, Tree], theirs: dict[str, Tree]) -> Iterator[Difference]:
    for name in _union(ours, theirs):
        pointer = f"/parameters/{name}"
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None:
            is_required = (one or other or {}).get("required") is True
            said = "requires it" if is_required else "has it, not required"
            yield sides.only_one(pointer, theirs=one is None, said=said)
            continue
        yield from _requiredness(sides, pointer, one.get("required") is True, other.get("required") is True)
        yield from _schemas(sides, pointer, one.get("schema", {}), other.get("schema", {}))


def _body(sides: Sides, ours: Tree | None, theirs: Tree | None) -> Iterator[Difference]:
    one, other = sides.ours.json_schema(ours), sides.theirs.json_schema(theirs)
    if one is not None and other is not None:
        yield from _schemas(sides, "/request", one, other)
    elif one is not other:
        yield sides.only_one("/request", theirs=one is None)


def _answers(sides: Sides, ours: dict[str, Tree], theirs: dict[str, Tree]) -> Iterator[Difference]:
    for status in _union(ours, theirs):
        one, other = ours.get(status), theirs.get(status)
        if one is not None and other is not None:
            yield from _schemas(sides, f"/{status}", one, other)
        elif status.startswith("2"):  # which errors are told apart is each side's own way of writing
            yield sides.only_one(f"/{status}", theirs=one is None)


def _schemas(
    sides: Sides, pointer: str, ours: Tree, theirs: Tree, within: tuple[tuple[frozenset[str], ...], ...] = ()
) -> Iterator[Difference]:
    one, other = shape(sides.ours, ours), shape(sides.theirs, theirs)
    if one.followed and other.followed:
        pair = (one.followed, other.followed)
        if pair in within:  # both lead into themselves: it was compared further up
            return
        within = (*within, pair)
    if one.types and other.types and one.types != other.types:
        yield sides.difference("type", pointer, _listed(one.types), _listed(other.types))
    if one.words is not None and other.words is not None and one.words != other.words:
        yield sides.difference("words", pointer, _listed(one.words), _listed(other.words))
    elif (one.words is None) != (other.words is None):
        listed = [_listed(each.words) if each.words is not None else "any" for each in (one, other)]
        yield sides.difference("words", pointer, *listed)
    for name in _union(one.properties, other.properties):
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        our_field, their_field = one.properties.get(name), other.properties.get(name)
        if our_field is None or their_field is None:
            # A map has every key; that a side names some of them takes nothing away.
            if not (one.values if our_field is None else other.values):
                required = name in (one.required if their_field is None else other.required)
                said = "requires it" if required else "has it, not required"
                yield sides.only_one(place, theirs=our_field is None, said=said)
            continue
        yield from _requiredness(sides, place, name in one.required, name in other.required)
        yield from _schemas(sides, place, our_field, their_field, within)
    for our_entry, their_entry in ((one.items, other.items), (one.values, other.values)):
        if our_entry is not None and their_entry is not None:
            yield from _schemas(sides, f"{pointer}/*", our_entry, their_entry, within)


def _requiredness(sides: Sides, pointer: str, ours: bool, theirs: bool) -> Iterator[Difference]:  # noqa: FBT001
    if ours != theirs:
        said = ["required" if each else "not required" for each in (ours, theirs)]
        yield sides.difference("required", pointer, *said)


def _union(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))


def _listed(words: frozenset[str]) -> str:
    return " or ".join(sorted(words)) or "none"


# The command -------------------------------------------------------------------------------------------------------


def load(path: Path) -> Tree:
    """A YAML or JSON file. Raises Unreadable."""
    try:
        text = path.read_text("utf-8")
        # PyYAML reads most JSON, but not that which is indented with tabs.
        tree: object = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise Unreadable(f"{path}: is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    if not is_tree(tree):
        raise Unreadable(f"{path}: holds no object")
    return tree


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; returns its exit code."""
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ours", type=Path, help="a spec of ours, such as specs/<venue>.yaml")
    parser.add_argument("theirs", type=Path, help="the vendor's OpenAPI file, YAML or JSON, 3.0 or 3.1")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON list, and nothing else")
    options = parser.parse_args(arguments)
    try:
        differences = compare(load(options.ours), load(options.theirs))
    except Unreadable as error:
        print(f"diff_spec: {error}", file=sys.stderr)
        return 2
    except (AttributeError, KeyError, TypeError) as error:
        print(
            f"diff_spec: a file is no valid OpenAPI document ({type(error).__name__}: {error})",
            file=sys.stderr,
        )
        return 2
    if options.as_json:
        print(json.dumps([asdict(each) for each in differences], indent=2, ensure_ascii=False))
    else:
        for each in differences:
            print(each)
    return 1 if differences else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Write the JSON Schema of the portfolio document: the types of the view become accountview-1.json.

uv run scripts/write_schema.py            write facade/accountview/schema/accountview-1.json
uv run scripts/write_schema.py --check    write nothing; exit 1 when the file is not what the types say
"""

import argparse
import ast
import inspect
import json
import sys
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from accountview.snapshot import Failure, Snapshot, Total
from accountview.view import SCHEMA, Account, Explanation

TARGET = Path(__file__).resolve().parent.parent / "facade" / "accountview" / "schema" / "accountview-1.json"

SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    date: {"type": "string", "format": "date"},
    datetime: {"$ref": "#/$defs/Time"},
    Decimal: {"$ref": "#/$defs/Amount"},
}
TEXTS = {
    "Amount": {
        "description": "A decimal in plain digits, as received: never an exponent, never rounded.",
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
    },
    "Time": {
        "description": "RFC 3339, UTC, always six digits.",
        "type": "string",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
    },
}


def document_schema() -> dict[str, Any]:
    """The schema of what `Snapshot.to_dict` makes."""
    definitions: dict[str, Any] = dict(TEXTS)
    rows = {
        # A portfolio names every row, although an account that is read alone may have no label.
        "accounts": {**_of(Account, definitions), "properties": {"label": SCALARS[str]}},
        "failures": _of(Failure, definitions),
        "totals": _of(Total, definitions),
    }
    # Only there when it is asked for, so not required.
    definitions["Account"]["properties"]["explanations"] = {
        "type": "object",
        "additionalProperties": _of(Explanation, definitions),
        "description": "With --explain: field, or positions/<n>/<field>, or balances/<n>/<field> → its explanation.",
    }
    # Past 2**53 many readers of JSON lose digits, so the counter travels as text.
    definitions["Account"]["properties"]["sequence"].update(
        anyOf=[{"type": "string", "pattern": "^-?[0-9]+$"}, {"type": "null"}]
    )
    properties = {
        "schema": {"const": SCHEMA},
        "taken_at": {**SCALARS[datetime], "description": _notes(Snapshot)["taken_at"]},
        "complete": {**SCALARS[bool], "description": inspect.getdoc(Snapshot.complete)},
        "stale": {
            "type": "array",
            "items": SCALARS[str],
            "description": f"Labels: {inspect.getdoc(Snapshot.stale)}",
        },
        **{name: {"type": "array", "items": items} for name, items in rows.items()},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "What one reading of a portfolio found: each account is in `accounts` or in `failures`.",
        **_closed(properties),
        "$defs": dict(sorted(definitions.items())),
    }


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; structs and enums are put into `definitions` and referred to."""
    if kind in SCALARS:
        return dict(SCALARS[kind])
    arguments = get_args(kind)
    match get_origin(kind):
        case None:
            if kind.__name__ not in definitions:
                definitions[kind.__name__] = {}  # taken, should it hold itself
                definitions[kind.__name__].update(_definition(kind, definitions))
            return {"$ref": f"#/$defs/{kind.__name__}"}
        case origin if origin is tuple:
            return {"type": "array", "items": _of(arguments[0], definitions)}
        case origin if origin is Mapping:
            return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
        case origin if origin in (Union, UnionType):
            return {
                "anyOf": [
                    {"type": "null"} if each is NoneType else _of(each, definitions) for each in arguments
                ]
            }
        case _:
            raise TypeError(f"no schema is known for {kind}")


def _definition(kind: type[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    description = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")
    if issubclass(kind, StrEnum):
        return {"description": description, "enum": [member.value for member in kind]}
    if not issubclass(kind, msgspec.Struct):
        raise TypeError(f"no schema is known for {kind}")
    notes = _notes(kind)
    properties: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        properties[name] = _of(hint, definitions)
        if name in notes:
            properties[name]["description"] = notes[name]
    return {"description": description, **_closed(properties)}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    # Every key is always written, and no other: absent and null would be two ways to say one thing.
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _notes(kind: type[Any]) -> dict[str, str]:
    """Attribute → the text that stands below it in the source."""
    (body,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - the source of a class; for the type checker
    notes: dict[str, str] = {}
    for attribute, text in zip(body.body, body.body[1:], strict=False):
        match attribute, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(note))):
                notes[name] = " ".join(note.split())
            case _:
                pass
    return notes


def main() -> int:
    """Write or check the file; the exit code."""
    parser = argparse.ArgumentParser(description="Write the JSON Schema of the portfolio document.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    text = json.dumps(document_schema(), indent=2, ensure_ascii=False) + "\n"
    if not parser.parse_args().check:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text, "utf-8")
    elif not TARGET.exists() or TARGET.read_text("utf-8") != text:
        print(f"{TARGET.name} is not what the types say: run scripts/write_schema.py and commit the result")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

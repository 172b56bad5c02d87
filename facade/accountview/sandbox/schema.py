"""What a venue's spec says of its requests: the operations, and the part of JSON Schema that request bodies use."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from accountview.spec import VenueSpec

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a spec."""

    name: str
    """Its operationId."""
    method: str
    path: str
    described: dict[str, Any]


def operations(venue_spec: VenueSpec) -> Iterator[Operation]:
    """All operations of a spec."""
    for path, item in venue_spec.paths.items():
        for method in ("get", "put", "post", "delete", "patch"):
            if method in item:
                described: dict[str, Any] = item[method]
                yield Operation(described["operationId"], method.upper(), path, described)


def body_problem(venue_spec: VenueSpec, operation: str, body: Any) -> str | None:
    """What is wrong with a decoded JSON body; None when nothing is. Values are not told, names are."""
    described = next(each.described for each in operations(venue_spec) if each.name == operation)
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    return _problem(venue_spec.components["schemas"], schema, body, "body")


def zeroed(venue_spec: VenueSpec, operation: str, status: int, content: bytes) -> bytes:
    """A JSON answer in which every amount is 0, but for leverage that is set; anything else is as it was.

    An answer that the spec does not describe, such as an error, stays untouched.
    """
    described = next(each.described for each in operations(venue_spec) if each.name == operation)
    answer: dict[str, Any] = described["responses"].get(str(status), {})
    if not 200 <= status < 300 or "application/json" not in answer.get("content", {}):
        return content
    schema = answer["content"]["application/json"]["schema"]
    document = _zeroed(venue_spec.components["schemas"], schema, json.loads(content))
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _zeroed(schemas: dict[str, Any], schema: dict[str, Any], value: object) -> object:
    if "$ref" in schema:
        return _zeroed(schemas, schemas[schema["$ref"].rpartition("/")[2]], value)
    if schema.get("format") == "decimal":
        if value is None or schema.get("x-unit") == "leverage":
            return value
        return "0" if isinstance(value, str) else 0
    if isinstance(value, list):
        entries = cast("list[object]", value)
        return [_zeroed(schemas, schema.get("items", {}), entry) for entry in entries]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {name: _zeroed(schemas, _of_member(schema, name), entry) for name, entry in members.items()}
    return value


def _of_member(schema: dict[str, Any], name: str) -> dict[str, Any]:
    inner: dict[str, Any] | bool = schema.get("properties", {}).get(
        name, schema.get("additionalProperties", {})
    )
    if not isinstance(inner, dict):
        return {}
    # The unit of a map is that of its values.
    return {"x-unit": schema["x-unit"], **inner} if "x-unit" in schema else inner


def _problem(schemas: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> str | None:
    if "$ref" in schema:
        return _problem(schemas, schemas[schema["$ref"].rpartition("/")[2]], value, where)
    if "type" in schema and not _has_type(schema["type"], value):
        return f"{where} must be {schema['type']}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} must be one of {', '.join(schema['enum'])}"
    if "minimum" in schema and value < schema["minimum"]:
        return f"{where} must be at least {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        return f"{where} must be at most {schema['maximum']}"
    for name in schema.get("required", ()):
        if name not in value:
            return f"{name} is required"
    return next(
        (
            problem
            for inner, part, name in _parts(schema, value, where)
            if (problem := _problem(schemas, inner, part, name)) is not None
        ),
        None,
    )


def _parts(schema: dict[str, Any], value: Any, where: str) -> Iterator[tuple[dict[str, Any], Any, str]]:
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            yield inner, value[name], name
    if "items" in schema:
        for number, entry in enumerate(value):
            yield schema["items"], entry, f"{where}[{number}]"


def _has_type(stated: str | list[str], value: Any) -> bool:
    names = [stated] if isinstance(stated, str) else stated
    if isinstance(value, bool):  # Python counts True as an integer; JSON does not
        return "boolean" in names
    if isinstance(value, float) and value.is_integer():  # in JSON Schema, 20.0 is an integer too
        return "integer" in names or "number" in names
    return any(isinstance(value, _TYPES[name]) for name in names)

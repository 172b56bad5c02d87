"""Refuse what is wrong in a spec, before the generator loses it without a word.

`uv run scripts/lint_specs.py [FILE…]` (by default all of specs/) prints `path: rule: place: message` for each fault
and exits with 1 if there is one. What the rules are for stands in specs/README.md.

A rule is a function from a spec to its faults; its name is the rule's name. Rules run in four stages and a faulty
stage ends the run, so that a later rule can rely on what an earlier one has checked.
"""

import argparse
import keyword
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, cast

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

Node = dict[str, Any]
Place = tuple[str | int, ...]

SPECS = Path(__file__).parent.parent / "specs"

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
STATES = ("live", "sunset", "dead")
EVIDENCE = ("documented", "captured", "inferred")
OUTCOMES = ("credentials_refused", "rate_limited", "unavailable", "request_refused")
UNITS = ("collateral", "base", "quote", "price", "ratio", "leverage", "contracts", "coin")
TIME_UNITS = ("s", "ms", "us", "ns")
FORMATS = ("decimal", "int32", "int64", "uint64", "date-time", "password")
OF_NAMES = ("properties", "schemas", "parameters", "x-facts", "x-sources", "codes")
EXTENSIONS = (
    "x-sources", "x-lifecycle", "x-facts", "x-outcomes", "x-network", "x-evidence",
    "x-rate-cost", "x-retry", "x-unit", "x-time-unit",
)  # fmt: skip

KEYWORDS = {
    "$ref", "type", "format", "description", "enum", "const", "items", "properties", "required",
    "additionalProperties", "anyOf", "oneOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties",
    "maxProperties", "deprecated", "readOnly", "writeOnly", "example", "examples",
}  # fmt: skip
LOST = {
    "allOf": "beside a single $ref the schema's own properties vanish; write the properties out",
    "discriminator": "it is ignored; a `const` in each branch tells them apart",
    "title": "two titles that fold to one class lose a response; the schema's key is its name",
    "default": "an absent key is UNSET, never the default; say the default in the description",
    "nullable": "it is OpenAPI 3.0 and ignored; write `type: [string, \"null\"]`",
    "prefixItems": "positions are not kept",
    "patternProperties": "it is ignored; a map is `additionalProperties`",
    "propertyNames": "it is ignored",
    "not": "it is ignored",
    "if": "it is ignored",
    "then": "it is ignored",
    "else": "it is ignored",
    "dependentSchemas": "it is ignored",
    "$defs": "schemas stand in components/schemas",
}  # fmt: skip

# The generator's own names, then those that hide what an attrs class needs to be decoded.
FORBIDDEN_PROPERTIES = {
    "d", "cls", "cast", "field_dict", "from_dict", "to_dict", "src_dict", "additional_properties", "additional_keys",
    "self", "field", "str", "int", "bool", "list", "dict",
}  # fmt: skip
FORBIDDEN_PARAMETERS = {
    "params", "headers", "cookies", "client", "body", "decode", "content", "status", "url", "kwargs",
    "as_pairs", "as_json", "as_segment",
}  # fmt: skip
FORBIDDEN_SCHEMAS = {
    "Client", "Response", "Request", "Operation", "Decode", "UnsetType", "UnexpectedStatus", "Decimal", "Literal",
    "Raw", "File", "Unset",
}  # fmt: skip


class Fault(NamedTuple):
    """One thing wrong in one spec."""

    path: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Spec:
    """A spec as it is written."""

    path: Path
    text: str

    @cached_property
    def older(self) -> object:
        """As PyYAML (YAML 1.1) has it, or the error that it ended with."""
        reader: Any = yaml
        return attempt(reader.safe_load, self.text)

    @cached_property
    def newer(self) -> object:
        """As ruamel (YAML 1.2) has it, which the generator reads with, or the error that it ended with."""
        reader: Any = YAML(typ="safe", pure=True)
        return attempt(reader.load, self.text)

    @property
    def tree(self) -> Node:
        """What the spec says; to be relied on after the rules on the text."""
        return mapping(self.newer)


Problem = tuple[Place, str]
Rule = Callable[[Spec], Iterator[Problem]]
STAGES: dict[str, list[Rule]] = {"text": [], "references": [], "openapi": [], "meaning": []}


def rule(stage: str) -> Callable[[Rule], Rule]:
    """Have the function run in a stage."""

    def register(function: Rule) -> Rule:
        STAGES[stage].append(function)
        return function

    return register


def rules() -> dict[str, str]:
    """What each rule says, by its name, in the order they run."""
    return {name_of(each): each.__doc__ or "" for stage in STAGES.values() for each in stage}


def name_of(function: Rule) -> str:
    return function.__name__.replace("_", "-")


def lint(path: Path, text: str) -> list[Fault]:
    """The faults of a spec; of the first stage that finds any."""
    spec = Spec(path, text)
    for stage in STAGES.values():
        faults = [
            Fault(str(path), name_of(each), f"{pointer(place)}: {message}")
            for each in stage
            for place, message in each(spec)
        ]
        if faults:
            return faults
    return []


# Reading and walking ---------------------------------------------------------------------------------------------


def attempt(read: Callable[[str], object], text: str) -> object:
    """What a reader makes of the text, or the error that it ended with."""
    try:
        return read(text)
    except (YAMLError, yaml.YAMLError, ValueError) as error:
        return error


def is_mapping(value: object) -> TypeGuard[Node]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def mapping(value: object) -> Node:
    """The value where it is a mapping, else an empty one: what is no mapping there is another rule's fault."""
    return value if is_mapping(value) else {}


def listed(value: object) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if is_list(value) else []


def pointer(place: Place) -> str:
    """A place as a JSON pointer."""
    return "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)


def fold(name: str) -> str:
    """What is left of a name when case and separators are gone: two that are equal end in one module or member."""
    return re.sub(r"[\W_]", "", name).casefold()


def words_of(name: str) -> list[str]:
    """The words of a snake_case or camelCase name, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def is_name(value: object, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def nodes(value: object, place: Place = ()) -> Iterator[tuple[Place, Node]]:
    """Every mapping of the document but those inside examples, which are data."""
    if is_mapping(value):
        yield place, value
    for key, inner in mapping(value).items():
        if key not in ("example", "examples"):
            yield from nodes(inner, (*place, key))
    for number, inner in enumerate(listed(value)):
        yield from nodes(inner, (*place, number))


def operations(tree: Node) -> Iterator[tuple[Place, Node]]:
    for path, item in mapping(tree.get("paths")).items():
        for method in METHODS:
            if method in mapping(item):
                yield ("paths", path, method), mapping(item[method])


def parameters(tree: Node) -> Iterator[tuple[Place, Node]]:
    """Every parameter where it is written, not where it is referred to."""
    for place, node in nodes(tree):
        if place and place[-1] == "parameters" and "components" in place:
            yield from (((*place, name), mapping(each)) for name, each in node.items())
        for number, each in enumerate(listed(node.get("parameters"))):
            if "$ref" not in mapping(each):
                yield (*place, "parameters", number), mapping(each)


def within(schema: Node, place: Place) -> Iterator[tuple[Place, Node]]:
    """A schema and all schemas in it; references are not followed."""
    yield place, schema
    for key in ("properties", "patternProperties", "$defs"):
        for name, inner in mapping(schema.get(key)).items():
            yield from within(mapping(inner), (*place, key, name))
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), dict):
            yield from within(schema[key], (*place, key))
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for number, inner in enumerate(listed(schema.get(key))):
            yield from within(mapping(inner), (*place, key, number))


def components(tree: Node, kind: str) -> Node:
    return mapping(mapping(tree.get("components")).get(kind))


def schemas(tree: Node) -> Iterator[tuple[Place, Node]]:
    """Every schema of the document."""
    for name, schema in components(tree, "schemas").items():
        yield from within(mapping(schema), ("components", "schemas", name))
    for place, node in nodes(tree):
        if "schema" in node and place[:2] != ("components", "schemas"):
            yield from within(mapping(node["schema"]), (*place, "schema"))


def values(tree: Node) -> Iterator[tuple[Place, Node]]:
    """Every property and every value of a map: what a user of the view may ask the origin of."""
    for place, schema in schemas(tree):
        for name, inner in mapping(schema.get("properties")).items():
            yield (*place, "properties", name), mapping(inner)
        of_map = schema.get("additionalProperties")
        if is_mapping(of_map) and "$ref" not in of_map:
            yield (*place, "additionalProperties"), of_map


def target(tree: Node, reference: str) -> object:
    """What a reference leads to, None where it leads nowhere."""
    node: object = tree
    for step in reference.removeprefix("#/").split("/"):
        node = mapping(node).get(step.replace("~1", "/").replace("~0", "~"))
    return node if reference.startswith("#/") else None


def resolved(tree: Node, schema: Node) -> Node:
    """The schema itself, or the component it refers to."""
    return mapping(target(tree, schema["$ref"])) if "$ref" in schema else schema


def references(value: object) -> Iterator[tuple[Place, str]]:
    return ((place, node["$ref"]) for place, node in nodes(value) if isinstance(node.get("$ref"), str))


def types_of(schema: Node) -> list[Any]:
    """The words of `type`, whether it is one or a list."""
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else listed(kinds)


# The text --------------------------------------------------------------------------------------------------------


@rule("text")
def file_name(spec: Spec) -> Iterator[Problem]:
    """The name of the file is the venue's key, which becomes a package."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*\.yaml", spec.path.name) or keyword.iskeyword(spec.path.stem):
        yield (), "a spec is named <venue>.yaml: lower-case letters, digits and _, and no Python keyword"


@rule("text")
def readable(spec: Spec) -> Iterator[Problem]:
    """Both YAML readers can read it, and it is one mapping with text for keys."""
    for reading in (spec.older, spec.newer):
        if isinstance(reading, Exception) and not isinstance(reading, DuplicateKeyError):
            yield (), " ".join(str(reading).split())
    if not is_mapping(spec.newer) and not isinstance(spec.newer, Exception):
        yield (), "a spec is one mapping"
    for place, node in nodes(spec.newer):
        for key in cast("dict[object, object]", node):
            if not isinstance(key, str):
                yield place, f"the key {key!r} is no text: quote it"


@rule("text")
def duplicate_keys(spec: Spec) -> Iterator[Problem]:
    """No key stands twice in a mapping: one reader fails, the other takes the last."""
    if isinstance(spec.newer, DuplicateKeyError):
        yield (), " ".join(str(spec.newer).split(" To suppress")[0].split())


@rule("text")
def readers_agree(spec: Spec) -> Iterator[Problem]:
    """PyYAML (YAML 1.1) and ruamel (YAML 1.2) see the same."""
    if not isinstance(spec.older, Exception) and not isinstance(spec.newer, Exception):
        yield from apart(spec.older, spec.newer, ())


def apart(older: object, newer: object, place: Place) -> Iterator[Problem]:
    """Where two readings differ."""
    if is_mapping(older) and is_mapping(newer) and older.keys() == newer.keys():
        for key, inner in older.items():
            yield from apart(inner, newer[key], (*place, key))
    elif is_list(older) and is_list(newer) and len(older) == len(newer):
        for number, inner in enumerate(older):
            yield from apart(inner, newer[number], (*place, number))
    elif type(older) is not type(newer) or older != newer:
        yield place, f"PyYAML reads {older!r}, ruamel reads {newer!r}: quote it"


@rule("text")
def quoted_scalars(spec: Spec) -> Iterator[Problem]:
    """What is not plainly a word, a whole number, true or false is quoted: a bare 0x1f or 2023-02-22 is no text."""
    scanner: Any = yaml
    for token in () if isinstance(spec.older, Exception) else scanner.scan(spec.text):
        plain = isinstance(token, yaml.ScalarToken) and token.plain
        if plain and not is_name(token.value, r"[A-Za-z_$/][^\s:#]*|0|-?[1-9][0-9]*"):
            yield (), f"line {token.start_mark.line + 1}: quote {token.value!r}"


# References, and OpenAPI itself ----------------------------------------------------------------------------------


@rule("references")
def references_resolve(spec: Spec) -> Iterator[Problem]:
    """Every $ref leads to something in the same file that is no $ref itself; a named security scheme is there."""
    for place, reference in references(spec.tree):
        found = target(spec.tree, reference)
        if found is None or "$ref" in mapping(found):
            yield place, f"{reference} leads {'nowhere' if found is None else 'to another $ref'}"
    for number, scheme in enumerate(listed(spec.tree.get("security"))):
        for name in mapping(scheme):
            if name not in components(spec.tree, "securitySchemes"):
                yield ("security", number), f"there is no security scheme {name}"


@rule("openapi")
def valid_openapi(spec: Spec) -> Iterator[Problem]:
    """openapi-spec-validator passes, and the version is 3.1.0."""
    if spec.tree.get("openapi") != "3.1.0":
        yield ("openapi",), 'write "3.1.0"'
        return
    validator = OpenAPIV31SpecValidator(spec.tree)
    # Its later checks fail where the document has not even the right shape.
    try:
        errors = list(validator.schema_validator.iter_errors(spec.tree)) or list(validator.iter_errors())
    except (LookupError, TypeError) as failure:
        yield (), f"openapi-spec-validator cannot make sense of it: {failure!r}"
        return
    for error in errors:
        yield tuple(error.absolute_path), error.message.splitlines()[0]


# Names -----------------------------------------------------------------------------------------------------------


@rule("meaning")
def operation_names(spec: Spec) -> Iterator[Problem]:
    """Every operation has an operationId in lowerCamelCase, and one tag in lower case: its module and its folder."""
    for place, operation in operations(spec.tree):
        if not is_name(operation.get("operationId"), r"[a-z][A-Za-z0-9]*"):
            yield place, "it needs an operationId in lowerCamelCase"
        tags = listed(operation.get("tags"))
        if len(tags) != 1 or not is_name(tags[0], r"[a-z][a-z0-9_]*"):
            yield place, "it needs exactly one tag, in lower case"


@rule("meaning")
def distinct_names(spec: Spec) -> Iterator[Problem]:
    """Operations, schemas, and the parameters of one operation, differ in more than case and separators."""
    named = [(place, str(operation.get("operationId"))) for place, operation in operations(spec.tree)]
    yield from same_names(named)
    yield from same_names(
        (("components", "schemas", name), name) for name in components(spec.tree, "schemas")
    )
    for place, operation in operations(spec.tree):
        item = mapping(target(spec.tree, pointer(place[:2])))
        used = [*listed(item.get("parameters")), *listed(operation.get("parameters"))]
        names = [str(resolved(spec.tree, mapping(each)).get("name")) for each in used]
        yield from same_names(((*place, "parameters", name), name) for name in names)


def same_names(named: Iterable[tuple[Place, str]]) -> Iterator[Problem]:
    """Names that fold to that of an earlier one."""
    seen: dict[str, str] = {}
    for place, name in named:
        if fold(name) in seen:
            yield place, f"{seen[fold(name)]} and {name} become one name; the last wins without a word"
        seen.setdefault(fold(name), name)


@rule("meaning")
def property_names(spec: Spec) -> Iterator[Problem]:
    """A property becomes an attribute under its own name: an identifier, no keyword, no name that a model needs."""
    for place, schema in schemas(spec.tree):
        for name in mapping(schema.get("properties")):
            if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
                yield place, f"{name!r} is no name of an attribute"
            elif name in FORBIDDEN_PROPERTIES:
                yield place, f"an attribute {name!r} breaks the generated class"


@rule("meaning")
def parameter_names(spec: Spec) -> Iterator[Problem]:
    """A parameter is not named like something that the generated function has already."""
    forbidden = {fold(name) for name in FORBIDDEN_PARAMETERS}
    for place, parameter in parameters(spec.tree):
        if fold(str(parameter.get("name"))) in forbidden:
            yield place, f"an argument {parameter.get('name')!r} breaks the generated function"


@rule("meaning")
def schema_names(spec: Spec) -> Iterator[Problem]:
    """A schema is named in UpperCamelCase, and not like something that the generated modules import."""
    for name in components(spec.tree, "schemas"):
        if not is_name(name, r"[A-Z][A-Za-z0-9]*"):
            yield ("components", "schemas"), f"{name!r} is not UpperCamelCase"
        elif name in FORBIDDEN_SCHEMAS:
            yield ("components", "schemas"), f"a schema {name!r} hides an import of the generated modules"


# What the generator loses ----------------------------------------------------------------------------------------


@rule("meaning")
def known_keywords(spec: Spec) -> Iterator[Problem]:
    """No keyword of a schema and no x- key is misspelt: unknown ones are ignored without a word."""
    for place, schema in schemas(spec.tree):
        for key in schema:
            if key not in KEYWORDS and key not in LOST and not key.startswith("x-"):
                yield place, f"there is no keyword {key!r}"
    for place, node in nodes(spec.tree):
        for key in node:
            if key.startswith("x-") and key not in EXTENSIONS and not holds_names(place):
                yield place, f"there is no extension {key!r}"


def holds_names(place: Place) -> bool:
    """Whether the keys there are names of the spec's own choice, not keywords."""
    return place[-1:] in {(key,) for key in OF_NAMES}


@rule("meaning")
def kept_keywords(spec: Spec) -> Iterator[Problem]:
    """No keyword that the generator loses or ignores, although the meaning hangs on it."""
    for place, schema in schemas(spec.tree):
        for key in schema:
            if key in LOST:
                yield place, f"{key}: {LOST[key]}"


@rule("meaning")
def kept_sections(spec: Spec) -> Iterator[Problem]:
    """Nothing stands where the generator does not look: security, servers, callbacks, links, webhooks, headers."""
    if "webhooks" in spec.tree:
        yield ("webhooks",), "nothing is generated for webhooks"
    for path, item in mapping(spec.tree.get("paths")).items():
        if "servers" in mapping(item):
            yield ("paths", path), "servers of a path are ignored"
    for place, operation in operations(spec.tree):
        for key in ("security", "servers", "callbacks"):
            if key in operation:
                yield place, f"{key} of an operation is ignored; it stands at the root or nowhere"
    for place, response in responses(spec.tree):
        for key in ("links", "headers"):
            if key in response:
                yield place, f"{key} of a response are ignored"


def responses(tree: Node) -> Iterator[tuple[Place, Node]]:
    for name, response in components(tree, "responses").items():
        yield ("components", "responses", name), mapping(response)
    for place, operation in operations(tree):
        for status, response in mapping(operation.get("responses")).items():
            yield (*place, "responses", status), mapping(response)


@rule("meaning")
def no_default_response(spec: Spec) -> Iterator[Problem]:
    """No response `default`: it would take an undocumented status for a documented one."""
    for place, _ in responses(spec.tree):
        if place[-1] == "default":
            yield place, "say the statuses, or 4XX and 5XX"


@rule("meaning")
def json_only(spec: Spec) -> Iterator[Problem]:
    """A body is application/json and nothing else: of several types the first is taken, whatever arrives."""
    for place, node in nodes(spec.tree):
        content = node.get("content")
        if is_mapping(content) and list(content) != ["application/json"] and not holds_names(place):
            yield place, f"content is {', '.join(content)}; write application/json alone"


@rule("meaning")
def plain_parameters(spec: Spec) -> Iterator[Problem]:
    """A parameter is a scalar or a list in path, query or header: no content, style, explode, object or cookie."""
    for place, parameter in parameters(spec.tree):
        for key in ("content", "style", "explode", "allowReserved"):
            if key in parameter:
                yield place, f"{key} is lost without a word"
        if parameter.get("in") == "cookie":
            yield place, "a cookie is not sent"
        if "object" in types_of(resolved(spec.tree, mapping(parameter.get("schema")))):
            yield place, "an object is flattened into parameters of its own"


@rule("meaning")
def typed_schemas(spec: Spec) -> Iterator[Problem]:
    """A schema says its type, or is {} where anything may stand."""
    for place, schema in schemas(spec.tree):
        if schema and not schema.keys() & {"type", "$ref", "anyOf", "oneOf", "allOf", "const"}:
            yield place, "it has no type, so it would take anything"


@rule("meaning")
def lone_references(spec: Spec) -> Iterator[Problem]:
    """Beside a $ref stand only a description and x-evidence: the rest is lost."""
    for place, schema in schemas(spec.tree):
        extra = schema.keys() - {"$ref", "description", "x-evidence"}
        if "$ref" in schema and extra:
            yield place, f"{', '.join(sorted(extra))} beside a $ref is lost"


@rule("meaning")
def objects_in_components(spec: Spec) -> Iterator[Problem]:
    """An object is a schema of components/schemas, so that its class has a name of our choice."""
    for place, schema in schemas(spec.tree):
        is_component = len(place) == 3 and place[:2] == ("components", "schemas")
        if "object" in types_of(schema) and not is_component:
            yield place, "give it a name in components/schemas"


@rule("meaning")
def objects_or_maps(spec: Spec) -> Iterator[Problem]:
    """An object has properties and is open, or it is a map: additionalProperties is a schema, without properties."""
    for place, schema in schemas(spec.tree):
        if "object" in types_of(schema):
            if types_of(schema) != ["object"]:
                yield place, 'write a nullable object as anyOf: [$ref, {type: "null"}] where it is used'
            if ("properties" in schema) == ("additionalProperties" in schema):
                yield place, "it has either properties or additionalProperties"
            elif "additionalProperties" in schema and not is_mapping(schema["additionalProperties"]):
                yield place, "the values of a map have a schema"
        elif schema.keys() & {"properties", "additionalProperties"}:
            yield place, "it has properties and is no object"


@rule("meaning")
def required_properties(spec: Spec) -> Iterator[Problem]:
    """What is required is a property of the schema."""
    for place, schema in schemas(spec.tree):
        for name in listed(schema.get("required")):
            if name not in mapping(schema.get("properties")):
                yield place, f"{name} is required and no property"


@rule("meaning")
def arrays_have_items(spec: Spec) -> Iterator[Problem]:
    """An array says what it holds."""
    for place, schema in schemas(spec.tree):
        if "array" in types_of(schema) and "items" not in schema:
            yield place, "an array needs items"


@rule("meaning")
def distinct_enum_values(spec: Spec) -> Iterator[Problem]:
    """The words of an enum differ in more than case: two that fold to one member break the generator."""
    for place, schema in schemas(spec.tree):
        enum = [value for value in listed(schema.get("enum")) if isinstance(value, str)]
        if len({value.casefold() for value in enum}) < len(enum):
            yield place, "two words of the enum differ only in case, or not at all"


@rule("meaning")
def nullable_enums(spec: Spec) -> Iterator[Problem]:
    """An enum that may be null lists null; one that lists null may be null."""
    for place, schema in schemas(spec.tree):
        if "enum" in schema and ("null" in types_of(schema)) != (None in listed(schema["enum"])):
            yield place, "null stands in both, type and enum, or in neither"


@rule("meaning")
def decodable_unions(spec: Spec) -> Iterator[Problem]:
    """Of the branches of a union, one at most is a text, one an object, one an array: more cannot be told apart."""
    for place, schema in schemas(spec.tree):
        for key in ("anyOf", "oneOf"):
            branches = [resolved(spec.tree, mapping(each)) for each in listed(schema.get(key))]
            kinds = [kind for branch in branches for kind in forms(branch)]
            yield from ((place, f"two branches are {kind}s") for kind in same(kinds))
        if "enum" not in schema:
            yield from ((place, f"two types are {kind}s") for kind in same(forms(schema)))


def forms(schema: Node) -> list[str]:
    """What a schema is to the decoder; an exact decimal is read like a text even where it comes as a number."""
    exact = schema.get("format") == "decimal"
    return ["text" if kind == "string" or (kind == "number" and exact) else kind for kind in types_of(schema)]


def same(kinds: list[str]) -> list[str]:
    return sorted({kind for kind in kinds if kinds.count(kind) > 1})


# Amounts and times -----------------------------------------------------------------------------------------------


@rule("meaning")
def known_formats(spec: Spec) -> Iterator[Problem]:
    """A format is one that somebody reads: a misspelt one is ignored."""
    for place, schema in schemas(spec.tree):
        if "format" in schema and schema["format"] not in FORMATS:
            yield place, f"format {schema['format']!r} is none of {', '.join(FORMATS)}"


@rule("meaning")
def exact_amounts(spec: Spec) -> Iterator[Problem]:
    """What is a number or has a unit is a decimal; a decimal is a text or a number."""
    for place, schema in schemas(spec.tree):
        exact = schema.get("format") == "decimal"
        if ("number" in types_of(schema) or "x-unit" in schema) and not exact:
            yield place, "an amount is `format: decimal`; anything else passes through a float or stays text"
        if exact and not set(types_of(schema)) & {"string", "number"}:
            yield place, "a decimal is a text or a number"


@rule("meaning")
def amounts_have_units(spec: Spec) -> Iterator[Problem]:
    """A decimal says what it counts."""
    for place, schema in schemas(spec.tree):
        if schema.get("format") == "decimal" and schema.get("x-unit") not in UNITS:
            yield place, f"x-unit is one of {', '.join(UNITS)}"


@rule("meaning")
def amounts_sent_as_text(spec: Spec) -> Iterator[Problem]:
    """A decimal in a request is a text: a decimal is never sent as a JSON number."""
    for place, operation in operations(spec.tree):
        body = resolved(spec.tree, mapping(operation.get("requestBody")))
        for name, schema in reachable(spec.tree, body).items():
            for inner, each in within(schema, ()):
                if "number" in types_of(each):
                    yield (*place, "requestBody"), f"{name}{pointer(inner)} is sent as a number"


def reachable(tree: Node, start: object) -> Node:
    """The components that a part of the document refers to, directly or not, by reference."""
    found: Node = {}
    waiting = [reference for _, reference in references(start)]
    while waiting:
        reference = waiting.pop()
        if reference not in found:
            found[reference] = mapping(target(tree, reference))
            waiting += [inner for _, inner in references(found[reference])]
    return found


@rule("meaning")
def times_have_units(spec: Spec) -> Iterator[Problem]:
    """A whole number that is a time says its unit, and nothing else has one."""
    for place, schema in schemas(spec.tree):
        unit = schema.get("x-time-unit")
        if unit is not None and (unit not in TIME_UNITS or "integer" not in types_of(schema)):
            yield place, f"x-time-unit is one of {', '.join(TIME_UNITS)}, on an integer"
        of_property = place[-2:-1] == ("properties",)
        if unit is None and of_property and "integer" in types_of(schema) and is_time(str(place[-1])):
            yield place, "a time as an integer needs x-time-unit"


def is_time(name: str) -> bool:
    words = words_of(name)
    return (
        bool({"time", "timestamp", "ts"} & set(words))
        or words[-1:] == ["at"]
        or words[:2] in (["last", "update"], ["last", "updated"])
    )


# What is said about it -------------------------------------------------------------------------------------------


@rule("meaning")
def described(spec: Spec) -> Iterator[Problem]:
    """Every property, value of a map, parameter, object, operation and server has a description."""
    tree = spec.tree
    for place, node in [*values(tree), *parameters(tree), *servers(tree), *operations(tree)]:
        if not is_name(node.get("description"), r"(?s).*\S.*"):
            yield place, "it needs a description"
    for place, operation in operations(tree):
        if not is_name(operation.get("summary"), r".*\S.*"):
            yield place, "it needs a summary"
    for name, schema in components(tree, "schemas").items():
        if "description" not in mapping(schema):
            yield ("components", "schemas", name), "it needs a description"


def servers(tree: Node) -> Iterator[tuple[Place, Node]]:
    return ((("servers", number), mapping(each)) for number, each in enumerate(listed(tree.get("servers"))))


@rule("meaning")
def operation_facts(spec: Spec) -> Iterator[Problem]:
    """Every operation says what it costs and whether it may be sent again."""
    for place, operation in operations(spec.tree):
        cost = operation.get("x-rate-cost")
        if type(cost) is not int or cost < 0:
            yield place, "x-rate-cost is a whole number"
        if operation.get("x-retry") not in ("safe", "never"):
            yield place, "x-retry is safe or never"


@rule("meaning")
def safe_servers(spec: Spec) -> Iterator[Problem]:
    """A server is https, has no variables, no query and no slash at its end, and says which network it is."""
    for place, server in servers(spec.tree):
        if not is_name(server.get("url"), r"https://[a-z0-9.-]+(:[0-9]+)?(/[^\s?#{}]*[^\s?#{}/])?"):
            yield place, "url is https://host, without a slash at the end"
        if server.get("x-network") not in ("mainnet", "testnet"):
            yield place, "x-network is mainnet or testnet"


@rule("meaning")
def lifecycle(spec: Spec) -> Iterator[Problem]:
    """x-lifecycle says whether the venue is still there."""
    stated = mapping(spec.tree.get("x-lifecycle"))
    if stated.keys() - {"x-evidence"} != {"state", "note"} or stated["state"] not in STATES:
        yield ("x-lifecycle",), f"it has a note and a state, one of {', '.join(STATES)}"
    elif not is_name(stated["note"], r"(?s).*\S.*"):
        yield ("x-lifecycle", "note"), "it is a text"


@rule("meaning")
def facts_are_text(spec: Spec) -> Iterator[Problem]:
    """A fact has a value, a unit and a description, and all are texts: a text is exact."""
    for name, fact in mapping(spec.tree.get("x-facts")).items():
        stated = mapping(fact)
        if stated.keys() - {"x-evidence"} != {"value", "unit", "description"}:
            yield ("x-facts", name), "it has a value, a unit and a description"
        for key in ("value", "unit", "description"):
            if key in stated and not is_name(stated[key], r"(?s).*\S.*"):
                yield ("x-facts", name, key), "it is a text: quote it"


@rule("meaning")
def whole_rate_limit(spec: Spec) -> Iterator[Problem]:
    """A rate_budget has its rate_window, and both are whole numbers: else no limit would be kept."""
    facts = mapping(spec.tree.get("x-facts"))
    pair = ("rate_budget", "rate_window")
    for name, other in (pair, pair[::-1]):
        if name in facts and other not in facts:
            yield ("x-facts", name), f"without {other} it says nothing"
        if name in facts and not is_name(mapping(facts[name]).get("value"), r"[1-9][0-9]*"):
            yield ("x-facts", name, "value"), "it is a whole number above 0"


@rule("meaning")
def known_outcomes(spec: Spec) -> Iterator[Problem]:
    """An error code or a status ends in one of the outcomes that the reader knows."""
    stated = mapping(spec.tree.get("x-outcomes"))
    for kind, entries in stated.items():
        if kind not in ("codes", "statuses"):
            yield ("x-outcomes",), f"there are codes and statuses, no {kind}"
        for name, entry in mapping(entries).items():
            known = mapping(entry).get("outcome") in OUTCOMES
            if not known or mapping(entry).keys() - {"x-evidence"} != {"outcome"}:
                yield ("x-outcomes", kind, name), f"outcome is one of {', '.join(OUTCOMES)}"
            if kind == "statuses" and not is_name(name, r"[1-5]([0-9]{2}|XX)"):
                yield ("x-outcomes", kind, name), "a status is three digits, or a digit and XX"


@rule("meaning")
def evidence_given(spec: Spec) -> Iterator[Problem]:
    """Every server, operation, property, value of a map, parameter, fact, outcome and the lifecycle has x-evidence."""
    tree = spec.tree
    facts = [(("x-facts", name), mapping(each)) for name, each in mapping(tree.get("x-facts")).items()]
    outcomes = [
        (("x-outcomes", kind, name), mapping(each))
        for kind, entries in mapping(tree.get("x-outcomes")).items()
        for name, each in mapping(entries).items()
    ]
    state = [(("x-lifecycle",), mapping(tree["x-lifecycle"]))] if "x-lifecycle" in tree else []
    told = [*servers(tree), *operations(tree), *values(tree), *parameters(tree)]
    for place, node in [*told, *facts, *outcomes, *state]:
        if "x-evidence" not in node:
            yield place, "it needs x-evidence"


@rule("meaning")
def evidence_names_sources(spec: Spec) -> Iterator[Problem]:
    """x-evidence is one of documented, captured or inferred, with the keys of its sources."""
    sources = mapping(spec.tree.get("x-sources"))
    for place, node in nodes(spec.tree):
        if "x-evidence" in node and not holds_names(place):
            evidence = mapping(node["x-evidence"])
            if len(evidence) != 1 or not evidence.keys() <= set(EVIDENCE):
                yield place, f"x-evidence has one key: {', '.join(EVIDENCE)}"
                continue
            keys = listed(next(iter(evidence.values())))
            if not keys:
                yield place, "x-evidence names at least one source, in a list"
            for key in keys:
                if str(key) not in sources:
                    yield place, f"x-sources has no {key}"


@rule("meaning")
def sources_are_used(spec: Spec) -> Iterator[Problem]:
    """Every source has a title, an https url if any, and stands in some x-evidence."""
    used = {
        str(key)
        for _, node in nodes(spec.tree)
        for keys in mapping(node.get("x-evidence")).values()
        for key in listed(keys)
    }
    for name, source in mapping(spec.tree.get("x-sources")).items():
        stated = mapping(source)
        if "title" not in stated or not stated.keys() <= {"title", "url", "date", "note"}:
            yield ("x-sources", name), "it is {title, url, date, note}, of which only the title must be"
        if "url" in stated and not is_name(stated["url"], r"https://\S+"):
            yield ("x-sources", name), "url is https"
        if name not in used:
            yield ("x-sources", name), "no x-evidence names it"


@rule("meaning")
def components_are_used(spec: Spec) -> Iterator[Problem]:
    """Every component is reached from a path, every security scheme from the root's security."""
    used = reachable(spec.tree, spec.tree.get("paths"))
    schemes = {name for each in listed(spec.tree.get("security")) for name in mapping(each)}
    for kind, entries in mapping(spec.tree.get("components")).items():
        for name in mapping(entries):
            if (
                name not in schemes
                if kind == "securitySchemes"
                else f"#/components/{kind}/{name}" not in used
            ):
                yield ("components", kind, name), "nothing uses it"


def main() -> int:
    parser = argparse.ArgumentParser(description="Refuse what is wrong in a spec.")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="specs (by default all of specs/)"
    )
    files = parser.parse_args().files or sorted(SPECS.glob("*.y*ml"))
    if not files:
        print(f"{SPECS}: there is no spec")
        return 1
    faults = [fault for path in files for fault in lint(path, path.read_text("utf-8"))]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

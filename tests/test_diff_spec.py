"""A spec of ours against a vendor's OpenAPI file: what differs is named, how it is written is not."""

import copy
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT

pytestmark = pytest.mark.repository

_path = ROOT / "scripts" / "diff_spec.py"
_found = importlib.util.spec_from_file_location("diff_spec", _path)
assert _found is not None
assert _found.loader is not None
diff_spec: Any = importlib.util.module_from_spec(_found)
sys.modules["diff_spec"] = diff_spec  # dataclasses look their module up
_found.loader.exec_module(diff_spec)

DATA = ROOT / "tests" / "drift"
OURS: dict[str, Any] = yaml.safe_load((DATA / "ours.yaml").read_text())
VENDOR: dict[str, Any] = yaml.safe_load((DATA / "vendor.yaml").read_text())
GET, PUT = "GET /v1/accounts/{}", "PUT /v1/leverage"

Change = Callable[[dict[str, Any]], object]
Named = set[tuple[str, str, str]]


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> Named:
    return {(each.kind, each.operation, each.pointer) for each in diff_spec.compare(ours, theirs)}


def schema(tree: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = tree["components"]["schemas"][name]
    return found


def account(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema(tree, "AccountOut")["allOf"][1]
    return found


def renamed(properties: dict[str, Any], old: str, new: str) -> None:
    properties[new] = properties.pop(old)


def in_both(kind: str, pointer: str) -> Named:
    """Both operations answer with the account."""
    return {(kind, GET, f"/200{pointer}"), (kind, PUT, f"/200{pointer}")}


BODY = ["components", "requestBodies", "Leverage", "content", "application/json; charset=utf-8", "schema"]


def body(tree: dict[str, Any]) -> dict[str, Any]:
    for step in BODY:
        tree = tree[step]
    return tree


SEEDED: dict[str, tuple[Change, Named]] = {
    "a field is removed": (
        lambda tree: account(tree)["properties"].pop("note"),
        in_both("only_ours", "/note"),
    ),
    "a field is renamed": (
        lambda tree: renamed(schema(tree, "PositionOut")["properties"], "mark", "mark_price"),
        in_both("only_ours", "/positions/*/mark") | in_both("only_theirs", "/positions/*/mark_price"),
    ),
    "a field is new": (
        lambda tree: account(tree)["properties"].update(loan={"type": "string"}),
        in_both("only_theirs", "/loan"),
    ),
    "a field is retyped": (
        lambda tree: schema(tree, "PositionOut")["properties"].update(size={"type": "number"}),
        in_both("type", "/positions/*/size"),
    ),
    "a shared schema is retyped": (
        lambda tree: schema(tree, "Amount").update(type="number"),
        in_both("type", "/equity")
        | in_both("type", "/positions/*/size")
        | in_both("type", "/positions/*/mark")
        | in_both("type", "/leverage/*"),
    ),
    "an array becomes an object": (
        lambda tree: account(tree)["properties"].update(positions={"type": "object"}),
        in_both("type", "/positions"),
    ),
    "a field may be null": (
        lambda tree: schema(tree, "PositionOut")["properties"].update(
            size={"allOf": [{"$ref": "#/components/schemas/Amount"}], "nullable": True}
        ),
        in_both("type", "/positions/*/size"),
    ),
    "a field may no longer be null": (
        lambda tree: account(tree)["properties"].update(note={"type": "string"}),
        in_both("type", "/note"),
    ),
    "a field is no longer required": (
        lambda tree: account(tree)["required"].remove("equity"),
        in_both("required", "/equity"),
    ),
    "a field is required, behind allOf": (
        lambda tree: schema(tree, "Identified")["required"].append("note"),
        in_both("required", "/note"),
    ),
    "a word is new": (
        lambda tree: schema(tree, "Status")["enum"].append("frozen"),
        in_both("words", "/status"),
    ),
    "words are no longer listed": (
        lambda tree: schema(tree, "Status").pop("enum"),
        in_both("words", "/status"),
    ),
    "the values of a map are retyped": (
        lambda tree: account(tree)["properties"].update(
            leverage={"type": "object", "additionalProperties": {"type": "integer"}}
        ),
        in_both("type", "/leverage/*"),
    ),
    "a required parameter is new": (
        lambda tree: tree["paths"]["/v1/leverage"]["put"].update(
            parameters=[{"name": "nonce", "in": "query", "required": True, "schema": {"type": "string"}}]
        ),
        {("only_theirs", PUT, "/parameters/query/nonce")},
    ),
    "a parameter becomes required": (
        lambda tree: tree["paths"]["/v1/accounts/{accountAddress}"]["get"]["parameters"][0].update(
            required=True
        ),
        {("required", GET, "/parameters/query/depth")},
    ),
    "a parameter is retyped": (
        lambda tree: tree["components"]["parameters"]["Address"].update(schema={"type": "integer"}),
        {("type", GET, "/parameters/path/1")},
    ),
    "a parameter is removed": (
        lambda tree: tree["paths"]["/v1/accounts/{accountAddress}"]["get"].pop("parameters"),
        {("only_ours", GET, "/parameters/query/depth")},
    ),
    "a field of the request is new and required": (
        lambda tree: (
            body(tree)["properties"].update(mode={"type": "string"}),
            body(tree)["required"].append("mode"),
        ),
        {("only_theirs", PUT, "/request/mode")},
    ),
    "the request has no body": (
        lambda tree: tree["paths"]["/v1/leverage"]["put"].pop("requestBody"),
        {("only_ours", PUT, "/request")},
    ),
    "an operation is removed": (
        lambda tree: tree["paths"].pop("/v1/leverage"),
        {("only_ours", PUT, "")},
    ),
    "an operation is new": (
        lambda tree: tree["paths"].update({"/v1/loans": {"get": {"responses": {}}}}),
        {("only_theirs", "GET /v1/loans", "")},
    ),
    "the path has another version": (
        lambda tree: renamed(tree["paths"], "/v1/leverage", "/v2/leverage"),
        {("only_ours", PUT, ""), ("only_theirs", "PUT /v2/leverage", "")},
    ),
    "a success answers with another status": (
        lambda tree: renamed(tree["paths"]["/v1/leverage"]["put"]["responses"], 200, 202),  # type: ignore[arg-type]
        {("only_ours", PUT, "/200"), ("only_theirs", PUT, "/202")},
    ),
}


def test_two_ways_of_writing_the_same_are_no_difference() -> None:
    assert differences(OURS, VENDOR) == set()


@pytest.mark.parametrize("name", SEEDED)
def test_what_a_vendor_changes_is_named_exactly(name: str) -> None:
    change, named = SEEDED[name]
    theirs = copy.deepcopy(VENDOR)
    change(theirs)

    assert differences(OURS, theirs) == named
    # It is named from the other side as well, with the sides exchanged.
    mirrored = {"only_ours": "only_theirs", "only_theirs": "only_ours"}
    assert differences(theirs, OURS) == {(mirrored.get(kind, kind), *rest) for kind, *rest in named}


def test_a_difference_says_what_each_side_has() -> None:
    theirs = copy.deepcopy(VENDOR)
    schema(theirs, "PositionOut")["properties"]["size"] = {"type": "number", "nullable": True}
    schema(theirs, "PositionOut")["required"].append("liquidation")
    schema(theirs, "PositionOut")["properties"]["liquidation"] = {"type": "string"}

    told = [str(each) for each in diff_spec.compare(OURS, theirs) if each.operation == GET]
    assert told == [
        f"{GET} /200/positions/*/size: type: ours string, theirs null or number",
        f"{GET} /200/positions/*/liquidation: only theirs: ours lacks it, theirs requires it",
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_our_specs_agree_with_themselves_as_json(path: Path) -> None:
    shipped = ROOT / "generated" / "accountview_clients" / path.stem / "spec.json"

    assert diff_spec.compare(diff_spec.load(path), diff_spec.load(shipped)) == []


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(_path), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command(tmp_path: Path) -> None:
    same = run(DATA / "ours.yaml", DATA / "vendor.yaml")
    assert (same.returncode, same.stdout, same.stderr) == (0, "", "")

    theirs = copy.deepcopy(VENDOR)
    schema(theirs, "Status")["enum"].append("frozen")
    vendor = tmp_path / "vendor.json"
    vendor.write_text(json.dumps(theirs, indent="\t"))
    differ = run(DATA / "ours.yaml", vendor)
    assert differ.returncode == 1
    assert differ.stdout.splitlines()[0] == (
        f"{GET} /200/status: words: ours active or blocked, theirs active or blocked or frozen"
    )
    listed = run(DATA / "ours.yaml", vendor, "--json")
    assert listed.returncode == 1
    assert json.loads(listed.stdout)[0] == {
        "kind": "words",
        "operation": GET,
        "pointer": "/200/status",
        "ours": "active or blocked",
        "theirs": "active or blocked or frozen",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "neither YAML nor JSON"),
        ("[]", "holds no object"),
        ("swagger: '2.0'", "3.0 and 3.1 can be compared"),
        ("{openapi: 3.0.0, paths: {/a: {$ref: 'other.yaml#/a'}}}", "leads nowhere inside the file"),
        ("{openapi: 3.0.0, paths: {/a: {get: {}}}}", "no valid OpenAPI document"),
        (
            "{openapi: 3.0.0, paths: {/a: {$ref: '#/b'}}, b: {$ref: '#/b'}}",
            "leads nowhere inside the file",
        ),
    ],
)
def test_a_file_that_cannot_be_compared_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "vendor.yaml"
    path.write_text(text)
    done = run(path, path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = run(DATA / "ours.yaml", tmp_path / "absent.yaml")

    assert done.returncode == 2
    assert "absent.yaml: cannot be read" in done.stderr

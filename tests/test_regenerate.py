"""scripts/regenerate.py, run as its users run it."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import attrs
import msgspec
import pytest
import yaml

import accountview_clients

pytestmark = pytest.mark.repository

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ROOT / "generated" / "accountview_clients"
TORTURE = Path(__file__).parent / "torture" / "torture.yaml"
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def regenerate(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "the README's commands install uv"
    return subprocess.run(
        [uv, "run", "scripts/regenerate.py", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two specs: what happens to one must leave the other alone."""
    folder = tmp_path_factory.mktemp("specs")
    shutil.copy(TORTURE, folder / "torture.yaml")
    shutil.copy(TORTURE, folder / "second.yaml")
    return folder


@pytest.fixture(scope="module")
def built(specs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("built") / "clients"
    done = regenerate("--specs", specs, "--output", output, PYTHONHASHSEED="1")
    assert done.returncode == 0, done.stderr
    return output


def test_the_committed_package_is_what_the_specs_say() -> None:
    done = regenerate("--check")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_check_names_every_difference_and_writes_nothing(specs: Path, built: Path, tmp_path: Path) -> None:
    output = tmp_path / "clients"
    shutil.copytree(built, output)
    (output / "torture" / "errors.py").write_text("changed")
    (output / "second" / "models" / "account.py").unlink()
    (output / "old_venue").mkdir()
    (output / "old_venue" / "client.py").write_text("extra")
    (output / "__pycache__").mkdir()
    (output / "__pycache__" / "client.pyc").write_text("nobody minds")
    before = contents(tmp_path)
    done = regenerate("--check", "--specs", specs, "--output", output)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "changed: torture/errors.py",
        "extra: old_venue/client.py",
        "missing: second/models/account.py",
    ]
    assert contents(tmp_path) == before


def test_another_run_and_another_hash_seed_give_the_same_bytes(
    specs: Path, built: Path, tmp_path: Path
) -> None:
    done = regenerate("--specs", specs, "--output", tmp_path / "clients", PYTHONHASHSEED="2")
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "clients") == contents(built)
    assert {path.name for path in tmp_path.iterdir()} == {"clients"}


def test_an_edit_of_one_field_changes_its_model_its_spec_and_the_lock(
    specs: Path, built: Path, tmp_path: Path
) -> None:
    shutil.copytree(specs, tmp_path / "specs")
    shutil.copytree(built, tmp_path / "clients")
    (tmp_path / "clients" / "left_over.py").write_text("the package is replaced whole")
    spec = tmp_path / "specs" / "torture.yaml"
    text = spec.read_text("utf-8")
    field = '        absent: {type: "string", format: "decimal"'
    assert field in text
    spec.write_text(text.replace(field, field.replace("absent", "gone")), "utf-8")
    done = regenerate("--specs", tmp_path / "specs", "--output", tmp_path / "clients")
    assert done.returncode == 0, done.stderr
    old, new = contents(built), contents(tmp_path / "clients")
    assert {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)} == {
        "torture/models/account.py",
        "torture/spec.json",
        "sources.lock",
    }


ONE_OPERATION = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "paths": {"/a": {"get": {"operationId": "getA", "responses": {"200": {"description": "d"}}}}},
}


def spec_with(path: str, value: object) -> str:
    """ONE_OPERATION with a value put somewhere; `path` is its keys, spaced."""
    document = cast("dict[str, Any]", json.loads(json.dumps(ONE_OPERATION)))
    *parents, last = path.split(" ")
    node = document
    for key in parents:
        node = node.setdefault(key, {})
    node[last] = value
    return json.dumps(document)


REFUSED = {
    "a warning of the generator": (
        "bad.yaml",
        spec_with("components schemas A", {"type": "object", "properties": {"a": {"type": "array"}}}),
        "bad.yaml: openapi_python_client refused it",
    ),
    "a schema that is itself": (
        "bad.yaml",
        spec_with(
            "components schemas",
            {
                "A": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/B"}}},
                "B": {"$ref": "#/components/schemas/B"},
            },
        ),
        "bad.yaml: openapi_python_client refused it",
    ),
    "a list of itself": (
        "bad.yaml",
        spec_with(
            "components schemas",
            {
                "A": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/B"}}},
                "B": {"type": "array", "items": {"$ref": "#/components/schemas/B"}},
            },
        ),
        "bad.yaml: openapi_python_client refused it",
    ),
    "no operationId": (
        "bad.yaml",
        spec_with("paths /a get", {"responses": {}}),
        "bad.yaml: GET /a has no operationId",
    ),
    "a cookie": (
        "bad.yaml",
        spec_with("paths /a get parameters", [{"name": "c", "in": "cookie", "schema": {"type": "string"}}]),
        "bad.yaml: GET /a: a parameter is in the path, the query or a header, and has a schema",
    ),
    "a form": (
        "bad.yaml",
        spec_with("paths /a get requestBody", {"content": {"application/x-www-form-urlencoded": {}}}),
        "bad.yaml: GET /a: only a body of application/json can be sent",
    ),
    "a key that is a number": ("bad.yaml", "{200: a}", "bad.yaml: the key 200 is not text: quote it"),
    "a value that is a date": ("bad.yaml", "{a: 2020-01-01}", "bad.yaml: Object of type date is not JSON"),
    "a key that comes twice": ("bad.yaml", "{a: 1, a: 2}", "bad.yaml: while constructing a mapping"),
    "no mapping": ("bad.yaml", "[]", "bad.yaml: it holds no mapping"),
    "a name that is no package's": ("Bad-one.yaml", "{}", "Bad-one.yaml: a spec is named <venue>.yaml"),
    "another ending": ("bad.yml", "{}", "bad.yml: a spec is named <venue>.yaml"),
    "no spec at all": ("readme.md", "", "there is no spec (<venue>.yaml) to generate from"),
}


@pytest.mark.parametrize(("name", "text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_generated_is_named_and_the_old_package_stays(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / name).write_text(text, "utf-8")
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "sources.lock").write_text("old")
    before = contents(tmp_path)
    done = regenerate("--specs", tmp_path / "specs", "--output", tmp_path / "clients")
    assert done.returncode == 1
    assert done.stderr.startswith("regenerate: "), done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(tmp_path) == before


def test_the_base_of_the_refused_specs_is_itself_accepted(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(json.dumps(ONE_OPERATION), "utf-8")
    done = regenerate("--specs", tmp_path, "--output", tmp_path / "clients")
    assert done.returncode == 0, done.stderr


def test_a_folder_that_was_not_generated_is_not_replaced(specs: Path, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    done = regenerate("--specs", specs, "--output", tmp_path)
    assert done.returncode == 1
    assert "is no generated package" in done.stderr
    assert contents(tmp_path) == {"diary.txt": b"dear diary"}


def test_every_module_says_where_it_comes_from(built: Path) -> None:
    modules = sorted(built.glob("torture/**/*.py"))
    assert modules
    for module in modules:
        assert module.read_text("utf-8").splitlines()[0] == (
            "# Generated from specs/torture.yaml by `uv run scripts/regenerate.py`: do not edit."
        )
    assert (built / "__init__.py").read_text("utf-8").startswith("# Generated from specs/ by")


def test_the_spec_is_shipped_whole() -> None:
    assert accountview_clients.VENUES
    for venue in accountview_clients.VENUES:
        shipped = (GENERATED / venue / "spec.json").read_text("utf-8")
        document = yaml.safe_load((ROOT / "specs" / f"{venue}.yaml").read_text("utf-8"))
        assert shipped == json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def test_the_lock_holds_the_digest_of_every_source() -> None:
    lock = json.loads((GENERATED / "sources.lock").read_text("utf-8"))
    sources = {
        "specs": sorted((ROOT / "specs").glob("*.yaml")),
        "templates": sorted((ROOT / "scripts" / "templates").glob("**/*.jinja")),
    }
    for kind, paths in sources.items():
        assert lock[kind] == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    script = (ROOT / "scripts" / "regenerate.py").read_text("utf-8")
    for tool in ("generator", "formatter"):
        assert f'"{lock[tool].replace(" ", "==")}"' in script


@pytest.mark.parametrize("venue", accountview_clients.VENUES)
def test_every_operation_of_a_spec_has_its_module(venue: str) -> None:
    spec = msgspec.json.decode((GENERATED / venue / "spec.json").read_bytes())
    documented = {
        (operation["operationId"], method.upper(), path)
        for path, item in spec["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    api = importlib.import_module(f"accountview_clients.{venue}.api")
    found: list[tuple[str, str, str]] = []
    for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        if not module.ispkg:
            operation = importlib.import_module(module.name).OPERATION
            found.append((operation.name, operation.method, operation.path))
    assert sorted(found) == sorted(documented)


@pytest.mark.parametrize("venue", accountview_clients.VENUES)
def test_every_model_of_a_venue_can_be_decoded(venue: str) -> None:
    models = importlib.import_module(f"accountview_clients.{venue}.models")
    for name in models.__all__:
        model = getattr(models, name)
        msgspec.json.Decoder(model)  # raises when msgspec cannot tell the types of a union apart
        if attrs.has(model):
            assert "float" not in {part for field in attrs.fields(model) for part in str(field.type).split()}

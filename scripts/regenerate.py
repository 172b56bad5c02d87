# /// script
# requires-python = ">=3.11"
# dependencies = [
#     # Its templates promise nothing between patch releases, so ours are tried with this one only.
#     "openapi-python-client==0.29.1",
#     # The formatter's rules and layout change with minor releases; the same as in the project's dev group.
#     "ruff==0.17.6",
#     # Both come with the generator. They shape what is read and written, so they do not float either.
#     "jinja2==3.1.6",
#     "ruamel.yaml==0.19.1",
# ]
# ///
"""Generate the low-level clients: specs/*.yaml become generated/accountview_clients/.

uv run scripts/regenerate.py            replace the package by what the specs say
uv run scripts/regenerate.py --check    write nothing; name every difference, exit 1 if there is one
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "scripts" / "templates"
PACKAGE = "accountview_clients"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
RUFF_SETTINGS = (
    "--isolated",
    "--no-cache",
    "--config=line-length=110",
    "--config=target-version='py311'",
    # The templates end every item with a comma; what fits on a line stays on it.
    "--config=format.skip-magic-trailing-comma=true",
    "--config=lint.isort.split-on-trailing-comma=false",
)
HEADER = "# Generated from specs/{venue}.yaml by `uv run scripts/regenerate.py`: do not edit.\n"
PACKAGE_INIT = '''\
# Generated from specs/ by `uv run scripts/regenerate.py`: do not edit.
"""Low-level clients, one package per venue; importing this one imports none of them."""

from typing import Literal

Venue = Literal[{names}]
VENUES: tuple[Venue, ...] = ({names},)


class UnexpectedStatus(Exception):
    """A venue answered with a status that its spec does not document. The content is not kept.

    Attributes:
        status: the HTTP status, any integer.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    def __str__(self) -> str:
        return f"the spec documents no answer with status {{self.status}}"


__all__ = ("VENUES", "UnexpectedStatus", "Venue")
'''

Node = dict[str, Any]


class RegenerationError(Exception):
    """A spec that cannot be generated; the text names it and says why."""


def find_specs(folder: Path) -> list[Path]:
    """Every spec of the folder, by name. The stem is the venue's key and its package's name."""
    specs = sorted(folder.glob("*.y*ml"))
    if not specs:
        raise RegenerationError(f"{folder}: there is no spec (<venue>.yaml) to generate from")
    for spec in specs:
        if not re.fullmatch(r"[a-z][a-z0-9_]*\.yaml", spec.name):
            raise RegenerationError(
                f"{spec.name}: a spec is named <venue>.yaml, the venue as [a-z][a-z0-9_]*"
            )
    return specs


def read_spec(spec: Path) -> Node:
    """The spec as the generator's own YAML reader sees it, with nothing in it that JSON cannot say."""
    reader: Any = YAML(typ="safe", pure=True)
    try:
        document: object = reader.load(spec.read_text("utf-8"))
        canonical_json(document)
    except (YAMLError, TypeError, ValueError) as error:  # ValueError: also text that is not UTF-8
        raise RegenerationError(f"{spec.name}: {error}") from error
    if not isinstance(document, dict):
        raise RegenerationError(f"{spec.name}: it holds no mapping")
    return cast("Node", document)


def canonical_json(document: object) -> str:
    """The whole document, x- keys and all, in the one form it is shipped in."""

    def check_keys(node: object) -> None:
        if isinstance(node, dict):
            for key, value in cast("dict[object, object]", node).items():
                if not isinstance(key, str):
                    raise TypeError(f"the key {key!r} is not text: quote it")
                check_keys(value)
        elif isinstance(node, list):
            for value in cast("list[object]", node):
                check_keys(value)

    check_keys(document)  # json.dumps would turn 200 and true into text without a word
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True) + "\n"


def mapping(value: object) -> Node:
    """The value, if it is a mapping; an empty one for anything else."""
    return cast("Node", value) if isinstance(value, dict) else {}


def resolve(node: Node, document: Node) -> Node:
    """The node that a `$ref` leads to; one to nowhere, or back to itself, is left for the generator to refuse."""
    passed: list[Node] = []
    while isinstance(node.get("$ref"), str) and not any(node is each for each in passed):
        passed.append(node)
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = mapping(target.get(part))
        node = target
    return node


def is_secret(schema: Node, document: Node, within: tuple[Node, ...] = ()) -> bool:
    """Whether a value of this schema is a secret, or a list, a map or a choice of secrets.

    `within`: what it is a part of; a tree is a list of itself, and no more a secret for that.
    """
    schema = resolve(schema, document)
    if any(schema is each for each in within):
        return False
    if "properties" in schema:
        return False  # a class of its own: its attributes hide themselves
    parts = [schema.get("items"), schema.get("additionalProperties")]
    parts += [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    return schema.get("format") == "password" or any(
        is_secret(mapping(part), document, (*within, schema)) for part in parts if part
    )


def for_generator(document: Node) -> Node:
    """The document in the few words that reach the templates.

    The generator forgets the formats it does not know, the operationId as it is written and the descriptions
    of parameters. So, in the copy it is given:
    * a decimal, sent as text or as a number, is a `number` (the templates know no float), other formats go;
    * an object lists its secret properties (`format: password`) as `x-secrets`;
    * an operation's summary is its operationId, its description is both texts;
    * a parameter's description is its schema's.
    """

    def translate(node: object) -> Any:
        if isinstance(node, list):
            return [translate(item) for item in cast("list[object]", node)]
        if not isinstance(node, dict):
            return node
        words: Node = {key: translate(value) for key, value in cast("Node", node).items()}
        if isinstance(words.get("format"), str) and words.pop("format") == "decimal":
            kinds = words.get("type")
            if isinstance(kinds, list):
                words["type"] = ["number" if kind == "string" else kind for kind in cast("list[str]", kinds)]
            else:
                words["type"] = "number"
        if "properties" in words:
            properties = mapping(cast("Node", node)["properties"])
            words["x-secrets"] = [key for key in properties if is_secret(mapping(properties[key]), document)]
        return words

    translated: Node = translate(document)
    for path, item in mapping(translated.get("paths")).items():
        for method in METHODS:
            if method in mapping(item):
                describe_operation(f"{method.upper()} {path}", item, item[method], translated)
    return translated


def describe_operation(name: str, item: Node, operation: Node, document: Node) -> None:
    """Put an operation's texts where the templates find them; refuse what the templates cannot say."""
    if "operationId" not in operation:
        raise RegenerationError(f"{name} has no operationId")
    texts = [operation.get("summary", ""), operation.get("description", "")]
    operation["description"] = "\n\n".join(text.strip() for text in texts if text)
    operation["summary"] = operation["operationId"]
    for node in [*item.get("parameters", ()), *operation.get("parameters", ())]:
        parameter = resolve(node, document)
        if parameter.get("in") not in ("path", "query", "header") or "schema" not in parameter:
            raise RegenerationError(
                f"{name}: a parameter is in the path, the query or a header, and has a schema"
            )
        if "description" in parameter and "$ref" not in parameter["schema"]:
            parameter["schema"].setdefault("description", parameter["description"])
    body = resolve(mapping(operation.get("requestBody")), document)
    if body and list(body.get("content", ())) != ["application/json"]:
        raise RegenerationError(f"{name}: only a body of application/json can be sent")


def generate(spec: Path, document: Node, package: Path) -> None:
    """Run the generator on one spec; `package` is made, complete but not yet formatted."""
    with tempfile.TemporaryDirectory() as scratch:
        source, config = Path(scratch, "spec.json"), Path(scratch, "config.json")
        try:
            source.write_text(json.dumps(for_generator(document)), "utf-8")
        except RegenerationError as error:
            raise RegenerationError(f"{spec.name}: {error}") from error
        config.write_text(json.dumps({"post_hooks": []}), "utf-8")
        command = ["generate", "--meta=none", "--fail-on-warning", f"--path={source}", f"--config={config}"]
        command += [f"--custom-template-path={TEMPLATES}", f"--output-path={package}"]
        run("openapi_python_client", command, subject=spec.name)
    for module in package.rglob("*.py"):
        module.write_text(HEADER.format(venue=spec.stem) + module.read_text("utf-8"), "utf-8")
    (package / "spec.json").write_text(canonical_json(document), "utf-8")


def run(tool: str, arguments: list[str], *, subject: str) -> None:
    command = [sys.executable, "-m", tool, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RegenerationError(f"{subject}: {tool} refused it\n{done.stdout}{done.stderr}".rstrip())


def build(specs: list[Path], package: Path) -> None:
    """Make the whole package, as it is committed."""
    documents = [read_spec(spec) for spec in specs]
    package.mkdir()
    with ThreadPoolExecutor() as pool:
        list(pool.map(generate, specs, documents, [package / spec.stem for spec in specs]))
    names = ", ".join(f'"{spec.stem}"' for spec in specs)
    (package / "__init__.py").write_text(PACKAGE_INIT.format(names=names), "utf-8")
    (package / "py.typed").touch()
    # F401: the templates import what a module might need; I: in one order. No other rule may touch the code.
    run("ruff", ["check", "--fix", "--select=F401,I", *RUFF_SETTINGS, str(package)], subject=PACKAGE)
    run("ruff", ["format", *RUFF_SETTINGS, str(package)], subject=PACKAGE)
    templates = sorted(TEMPLATES.rglob("*.jinja"))
    lock = {
        "formatter": f"ruff {version('ruff')}",
        "generator": f"openapi-python-client {version('openapi-python-client')}",
        "specs": {spec.name: digest(spec) for spec in specs},
        "templates": {template.relative_to(TEMPLATES).as_posix(): digest(template) for template in templates},
    }
    (package / "sources.lock").write_text(canonical_json(lock), "utf-8")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def differences(expected: Path, actual: Path) -> list[str]:
    """What must change in `actual` to be `expected`, one line per file."""

    def contents(folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    wanted, found = contents(expected), contents(actual)
    kinds = {
        "missing": wanted.keys() - found.keys(),
        "extra": found.keys() - wanted.keys(),
        "changed": {name for name in wanted.keys() & found.keys() if wanted[name] != found[name]},
    }
    return sorted(f"{kind}: {name}" for kind, names in kinds.items() for name in names)


def replace(output: Path, built: Path) -> None:
    """Put the built package in the place of the old one; until the last step the old one stands."""
    if output.exists() and not (output / "sources.lock").is_file():
        raise RegenerationError(
            f"{output} is no generated package (it has no sources.lock): remove it yourself"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".regenerate-") as staging:
        fresh, old = Path(staging, "fresh"), Path(staging, "old")
        shutil.copytree(built, fresh)
        try:
            if output.exists():
                output.rename(old)
            fresh.rename(output)
        finally:
            if old.exists() and not output.exists():
                old.rename(output)


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate the low-level clients from the specs.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if anything would change")
    parser.add_argument("--specs", type=Path, default=ROOT / "specs", help="folder of the specs")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "generated" / PACKAGE, help="where the package goes"
    )
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            built = Path(scratch, PACKAGE)
            build(find_specs(options.specs), built)
            if not options.check:
                replace(options.output, built)
                return 0
            stale = differences(built, options.output)
    except RegenerationError as error:
        print(f"regenerate: {error}", file=sys.stderr)
        return 1
    for line in stale:
        print(line)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

"""No credential is ever seen: not in what is shown, logged, written, pickled or raised, and not by the wrong server."""

import base64
import copy
import dataclasses
import inspect
import json
import pickle
import re
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
from canaries import CREDENTIALS, disguises, seen, sightings
from canaries.paths import FAULTS, LABEL, World, all_paths, capturing_logs, run_command
from support import ROOT, Case, ReplayServer

import accountview as av
from accountview import venues
from accountview.accounts_file import Entry, load
from accountview.sandbox import Sandbox
from accountview.secret import NoCredential, Secret
from accountview_clients import VENUES

PATHS = all_paths()
TEXT = "CANARY-not-real-0123456789"


@pytest.fixture(scope="module", params=VENUES)
def shared(
    request: pytest.FixtureRequest, replay: ReplayServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    venue: str = request.param
    world = World(venue, replay, tmp_path_factory.mktemp(venue), pytest.MonkeyPatch())
    yield world
    world.close()


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    yield shared
    shared.patch.undo()


# What is seen ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_no_credential_is_seen(path: str, world: World) -> None:
    for captured in PATHS[path](world):
        assert sightings(world.venue, captured) == set()


def test_there_are_enough_paths_and_secrets() -> None:
    assert len(PATHS) >= 64
    assert set(CREDENTIALS) == set(VENUES)
    for venue in VENUES:
        named = {name for name, each in venues.parameters(venue).items() if each.secret}
        assert set(CREDENTIALS[venue]) == named


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_an_error_of_ours(fault: str, world: World) -> None:
    """Else what is shown of it would be shown of something else."""
    assert isinstance(world.error(fault), av.VenueError)


# Whether it would be seen ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [text for each in CREDENTIALS.values() for text in each.values()])
def test_every_disguise_is_seen_through(secret: str) -> None:
    for form, written in disguises(secret).items():
        assert form in seen(secret, f'noise {written} noise"')
        assert form in seen(secret, f"noise {written}".encode("latin-1"))
    assert "plain" in seen(secret, secret.swapcase())
    bare = secret.removeprefix("0x")
    for start in range(len(bare) - 17):
        assert "plain" in seen(secret, f"…{bare[start : start + 17]}…")
    assert "plain" in seen(secret, bare.encode("utf-16"))
    assert [form for form in seen(secret, base64.b64encode(f"x{secret}".encode())) if "base64" in form]
    assert seen(secret, "an innocent text, and 0x00112233445566778899aabbccddeeff") == []


LEAKS: dict[str, Callable[[str], object]] = {
    "text": str,
    "error": ValueError,
    "pickle": lambda text: pickle.dumps({"key": text}),
    "traceback": lambda text: traceback.format_exception(RuntimeError(text)),
    "Authorization": lambda text: base64.b64encode(f"user:{text}".encode()),
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_planted_leak_is_seen(leak: Callable[[str], object]) -> None:
    for venue, secrets in CREDENTIALS.items():
        for name, text in secrets.items():
            leaked = leak(text)
            captured = leaked if isinstance(leaked, bytes) else str(leaked)
            assert any(each.startswith(name) for each in sightings(venue, captured))


def test_a_path_that_leaks_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the guard gone, the same paths find it."""
    monkeypatch.setattr(Secret, "__repr__", Secret.reveal)

    (captured,) = PATHS["repr of entry"](world)

    assert sightings(world.venue, captured)


# Who sees it -----------------------------------------------------------------------------------------------------

IN_HEADERS: dict[str, set[str]] = {
    "api_key": {"rbt-api-key"},
    "token": {"authorization"},
    "api_secret": set(),
    "private_key": set(),
}
"""Secret → the header that it travels in; what only signs never travels."""


def test_the_venue_sees_it_in_its_header_only(world: World) -> None:
    world.replay.asked.clear()
    world.client.read()

    assert world.replay.asked
    for method, path, headers, body in world.replay.asked:
        for name, secret in CREDENTIALS[world.venue].items():
            assert seen(secret, method + path) == seen(secret, body) == []
            where = {header.lower() for header, value in headers.items() if seen(secret, value)}
            assert where == IN_HEADERS[name]


def test_logs_do_not_name_the_account(world: World) -> None:
    ids = [
        LABEL,
        str(world.options().get("address", LABEL)),
        *(each.account_id for each in world.snapshot.accounts),
    ]
    with capturing_logs() as shown:
        snapshot = av.Portfolio([Entry(LABEL, world.venue, world.options())]).fetch()
    assert snapshot.accounts
    ours = "\n".join(line for line in shown.getvalue().splitlines() if line.startswith("attempt "))

    assert f"venue={world.venue}" in ours
    for each in ids:
        if len(each) > 4:
            assert each.lower() not in ours.lower()


# The type --------------------------------------------------------------------------------------------------------

REFUSED: dict[str, Callable[[Any], object]] = {
    "str": str,
    "format": lambda secret: format(secret),
    "f-string": lambda secret: f"{secret}",
    "f-string with a format": lambda secret: f"{secret:>40}",
    "percent": lambda secret: "%s" % secret,  # noqa: UP031 - the way that is tried
    "join": lambda secret: "".join([secret]),
    "bytes": lambda secret: bytes(secret),
    "iteration": lambda secret: list(secret),
    "length": lambda secret: len(secret),
    "index": lambda secret: secret[0],
    "in": lambda secret: "C" in secret,
    "sum": lambda secret: secret + "",
    "sum from the left": lambda secret: "" + secret,
    "order": lambda secret: secret < secret,
    "pickle": pickle.dumps,
    "json": json.dumps,
    "msgspec": msgspec.json.encode,
    "msgspec builtins": msgspec.to_builtins,
    "vars": vars,
    "asdict of dataclasses": dataclasses.asdict,
    "asdict of attrs": attrs.asdict,
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_secret_refuses_every_way_to_its_text(way: str) -> None:
    kinds = attrs.exceptions.NotAnAttrsClassError if way == "asdict of attrs" else TypeError
    with pytest.raises(kinds) as caught:
        REFUSED[way](Secret(TEXT))
    assert seen(TEXT, "".join(traceback.format_exception(caught.value))) == []


def test_what_a_secret_does_not_refuse_is_harmless() -> None:
    secret = Secret(TEXT)
    held = {"secret": secret}

    assert repr(secret) == "Secret(…)"
    assert bool(secret) is bool(Secret("")) is True  # else whether it is empty would be told
    assert secret != Secret(
        TEXT
    )  # else it could be guessed by comparing, and two accounts be found to share one
    assert hash(secret) != hash(TEXT)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    assert copy.deepcopy(held)["secret"] is secret
    for shown in (inspect.getmembers(secret), secret.__getstate__(), dir(secret), [secret], held, {secret}):
        assert seen(TEXT, repr(shown)) == []
    assert secret.reveal() == TEXT


def test_an_absent_credential_is_not_an_empty_one() -> None:
    with pytest.raises(NoCredential):
        Secret.absent().reveal()
    assert Secret("").reveal() == ""


@pytest.mark.parametrize("secret", ['a/b~c"d\\e-0123456789', "0xCA4A0000ca4a0001"])
def test_a_secret_is_struck_out_however_it_is_escaped(secret: str) -> None:
    bare = secret.removeprefix("0x")
    pointer = "/".join(["", "x", bare.replace("~", "~0").replace("/", "~1")])
    for text in (secret, secret.upper(), bare, json.dumps({bare: bare}), pointer, f"?key={bare}"):
        struck = Secret(secret).strike(text)
        assert bare.lower() not in struck.lower()
        assert "…" in struck
    assert "b~1c" not in Secret("a/b~c").strike("/a~1b~0c")


@pytest.mark.repository
def test_secrets_are_revealed_by_signers_only() -> None:
    """And by the sandbox, which writes the secret files of its demonstration, and by the command that makes a JWT."""
    facade = ROOT / "facade" / "accountview"
    found = {
        path.relative_to(facade): len(re.findall(r"\.reveal\b", path.read_text()))
        for path in facade.rglob("*.py")
        if path.name != "secret.py"
    }
    revealing = {path: count for path, count in found.items() if count}
    allowed = ["cli/jwt.py", "sandbox/server.py"]
    assert sorted(path.as_posix() for path in revealing if path.parent.name != "venues") == allowed
    assert max(revealing.values()) <= 3
    assert sum(revealing.values()) <= 16


def test_an_entry_holds_what_it_is_given_as_secrets() -> None:
    entry = Entry(
        "a", "bfx", {"api_key": TEXT, "api_secret": Secret(TEXT), "timeout": 5, "network": "testnet"}
    )

    assert {name: type(value) for name, value in entry.options.items()} == {
        "api_key": Secret,
        "api_secret": Secret,
        "timeout": int,
        "network": str,
    }
    assert entry.options["api_key"].reveal() == TEXT
    for venue, name in (("no-such-venue", "token"), ("bfx", "api_scret")):
        assert seen(TEXT, repr(Entry("a", venue, {name: TEXT}))) == []


# Command, files, processes ---------------------------------------------------------------------------------------


def _options(command: Any) -> Iterator[tuple[str, str]]:
    for name, each in getattr(command, "commands", {}).items():
        for parameter in each.params:
            yield name, " ".join([str(parameter.name), *parameter.opts])


def test_no_option_of_the_command_takes_a_secret() -> None:
    from accountview.cli.commands import command

    secret = {name for venue in VENUES for name in CREDENTIALS[venue]}
    found = list(_options(command))
    assert len(found) > 10
    for _, named in found:
        words = set(re.split(r"[^a-z]+", named.lower()))
        assert not words & {"key", "secret", "token", "password", "credential", "private"}
        assert not secret & set(named.split())


def test_a_secret_behind_an_option_is_refused_and_not_repeated() -> None:
    for arguments in (["--api-secret", TEXT], [f"--api-secret={TEXT}"], [f"--token={TEXT}"]):
        shown = run_command("show", *arguments)
        assert "No such option" in shown
        assert seen(TEXT, shown) == []


def test_no_secret_stands_in_what_ps_shows(tmp_path: Path, replay: ReplayServer) -> None:
    world = World("bfx", replay, tmp_path, pytest.MonkeyPatch())
    script = (
        "import sys, accountview.cli as c\ntry: c.main()\nfinally: print(open('/proc/self/cmdline').read())"
    )
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("no /proc here")
    done = subprocess.run(
        [sys.executable, "-c", script, "show", "--file", str(world.accounts_file)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "accounts.toml" in done.stdout
    assert sightings("bfx", done.stdout + done.stderr) == set()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666, 0o611, 0o777])
def test_a_secret_file_that_others_can_open_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text('[accounts.a]\nvenue = "tread"\ntoken = "file:token"\n')
    (tmp_path / "token").write_text(TEXT)
    (tmp_path / "token").chmod(mode)
    with pytest.raises(
        av.UsageError, match=rf"'a', token: .*token' is open to others .*{mode:04o}.*chmod 600"
    ) as caught:
        load(path)
    assert seen(TEXT, str(caught.value)) == []

    for own in (0o600, 0o400):
        (tmp_path / "token").chmod(own)
        assert load(path)[0].options["token"].reveal() == TEXT


def test_files_of_the_sandbox_hold_secrets_in_secret_files_only(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        sandbox.write_accounts(tmp_path / "demo.toml")
        secrets = [
            each for entry in sandbox.entries for each in entry.options.values() if isinstance(each, Secret)
        ]
    plain = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "demo.secrets"]
    assert secrets
    assert [path.name for path in plain] == ["demo.toml"]
    for secret in secrets:
        assert secret.reveal() not in plain[0].read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "demo.secrets").iterdir()} == {0o600}


def test_a_log_strikes_a_credential_that_is_a_request_id(world: World) -> None:
    with capturing_logs() as shown:
        world._fail("401 echo")  # pyright: ignore[reportPrivateUsage]
    ours = "\n".join(line for line in shown.getvalue().splitlines() if line.startswith("attempt "))
    assert "request_id=" in ours
    assert sightings(world.venue, ours) == set()


def test_a_fixture_is_read_with_credentials_that_are_obviously_fake() -> None:
    for venue in VENUES:
        for name in CREDENTIALS[venue]:
            text = str(Case(venue, "long-and-short").options.get(name, "not-real"))
            assert "not-real" in text or text == "0x" + "00112233445566778899aabbccddeeff" * 2

"""The accounts file: what it may hold, and one line for everything else, which never shows a secret."""

from pathlib import Path
from typing import Literal

import pytest

import accountview as av
from accountview import venues
from accountview.accounts_file import Entry, find, load
from accountview.adapter import Adapter
from accountview.secret import Secret
from accountview.venues import rabbitx
from accountview_clients import VENUES

SECRET = "c0ffee0123456789c0ffee0123456789"
URL = "http://127.0.0.1:9/bfx"
GOOD = 'venue = "bfx"\napi_key = "env:DEMO_KEY"\napi_secret = "env:DEMO_SECRET"\n'


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEMO_KEY", "demo-key")
    monkeypatch.setenv("DEMO_SECRET", SECRET)
    monkeypatch.setenv("DEMO_EMPTY", "")
    monkeypatch.delenv("ACCOUNTVIEW_FILE", raising=False)
    monkeypatch.delenv("DEMO_ABSENT", raising=False)
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "books.toml"
    path.write_text(text, "utf-8")
    return path


def options(entry: Entry) -> dict[str, object]:
    return {
        name: value.reveal() if isinstance(value, Secret) else value for name, value in entry.options.items()
    }


def refusal(path: Path) -> str:
    with pytest.raises(av.UsageError) as caught:
        load(path)
    line = str(caught.value)
    assert "\n" not in line
    assert SECRET not in line
    chain = [caught.value.__cause__, caught.value.__context__]
    assert SECRET not in "".join(repr(vars(error)) + str(error) for error in chain if error)
    assert line.startswith(str(path))
    return line


# What it may hold ------------------------------------------------------------------------------------------------


def test_accounts_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f'[accounts.zeta]\n{GOOD}tags = ["desk-a", "live"]\n[accounts."Alpha 2"]\n{GOOD}timeout = 5\n',
    )

    zeta, alpha = load(path)

    assert (zeta.label, zeta.venue, zeta.tags) == ("zeta", "bfx", ("desk-a", "live"))
    assert options(zeta) == {"api_key": "demo-key", "api_secret": SECRET}
    assert (alpha.label, alpha.tags, alpha.options["timeout"]) == ("Alpha 2", (), 5)
    assert SECRET not in repr((zeta, alpha))


@pytest.mark.parametrize("network", ["mainnet", "testnet"])
def test_a_network_or_a_base_url_is_passed_on(tmp_path: Path, network: str) -> None:
    (entry,) = load(written(tmp_path, f'[accounts.a]\n{GOOD}network = "{network}"\n'))
    assert entry.options["network"] == network
    (entry,) = load(written(tmp_path, f'[accounts.a]\n{GOOD}base_url = "{URL}"\n'))
    assert entry.options["base_url"] == URL


@pytest.mark.parametrize(
    ("stored", "read"), [(SECRET, SECRET), (f"{SECRET}\n", SECRET), (f"0x{SECRET}\n", f"0x{SECRET}")]
)
def test_a_secret_file_is_relative_to_the_toml_and_loses_one_newline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str, read: str
) -> None:
    folder = tmp_path / "books"
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "bfx").write_text(stored)
    (folder / "keys" / "bfx").chmod(0o600)
    path = written(folder, f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "file:keys/bfx"))

    assert options(load(path)[0])["api_secret"] == read
    monkeypatch.chdir(folder)
    assert options(load("books.toml")[0])["api_secret"] == read


def test_only_one_newline_is_taken_from_a_secret_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n\n")
    (tmp_path / "key").chmod(0o600)
    path = written(tmp_path, f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "file:key"))

    assert "api_secret must be hexadecimal" in refusal(path)


def test_the_default_is_the_file_here_then_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(av.UsageError, match=r"no \./accounts\.toml and \$ACCOUNTVIEW_FILE is not set"):
        find()
    monkeypatch.setenv("ACCOUNTVIEW_FILE", "elsewhere.toml")
    assert find() == Path("elsewhere.toml")
    (tmp_path / "accounts.toml").touch()
    assert find() == Path("accounts.toml")


# What it may not -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        # of the file
        ("", ["no accounts", "[accounts.<label>]"]),
        ("[accounts]", ["no accounts"]),
        ("accounts = 3", ["no accounts"]),
        (f"api_key = {SECRET}", ["is not TOML", "line 1", "correct it"]),
        (f'[settings]\nkey = "{SECRET}"\n[accounts.a]\n{GOOD}', ["unknown top-level name 'settings'"]),
        # of an account
        ("[accounts]\nmain = 3", ["'main'", "must be a table", "[accounts.<label>]"]),
        (f'[accounts."a/b"]\n{GOOD}', ["'a/b'", 'without "/"', "rename"]),
        (f'[accounts.""]\n{GOOD}', ["''", "visible text", "rename"]),
        (f'[accounts."a\\u202eb"]\n{GOOD}', ["'a\\u202eb'", "visible text", "rename"]),
        (f"[accounts.a]\n{GOOD}tags = 3", ["'a', tags", "list of text", 'tags = ["…"]']),
        (f'[accounts.a]\n{GOOD}tags = ["x", 3]', ["'a', tags", "list of text"]),
        # of a venue
        ('[accounts.a]\napi_key = "env:DEMO_KEY"', ["'a', venue", "is missing", "bfx, rabbitx"]),
        ("[accounts.a]\nvenue = 3", ["'a', venue", "must be text", "bfx, rabbitx"]),
        (
            f"[accounts.a]\n{GOOD}".replace("bfx", "bfz"),
            ["'a', venue", "'bfz'", "did you mean bfx?", "rabbitx"],
        ),
        # of a key
        (
            f"[accounts.a]\n{GOOD}".replace("api_key", "api_kye"),
            ["'a', 'api_kye'", "unknown key", "did you mean api_key?", "venue, tags, api_key, api_secret"],
        ),
        (
            f'[accounts.a]\n{GOOD}exchange_id = "rbx"',  # RabbitX has it, BFX has not
            ["'a', 'exchange_id'", "unknown key", "bfx takes"],
        ),
        (
            f'[accounts.a]\n{GOOD}base_url = "{URL}"\nnetwork = "mainnet"',
            ["'a', base_url", "both base_url and network", "keep one"],
        ),
        (
            '[accounts.a]\nvenue = "bfx"\napi_key = "env:DEMO_KEY"',
            ["'a', api_secret", "is missing", '"env:NAME" or "file:PATH"'],
        ),
        (f'[accounts.a]\n{GOOD}network = "mainet"', ["'a', network", "one of mainnet, testnet"]),
        (f"[accounts.a]\n{GOOD}base_url = 3", ["'a', base_url", "must be text"]),
        (f'[accounts.a]\n{GOOD}timeout = "{SECRET}"', ["'a', timeout", "must be a number"]),
        (f'[accounts.a]\n{GOOD}network = "{SECRET}"', ["'a', network", "one of mainnet, testnet"]),
        (f"[accounts.a]\n{GOOD}timeout = true", ["'a', timeout", "must be a number"]),
        (f"[accounts.a]\n{GOOD}timeout = 0", ["'a'", "timeout is 0", "seconds above 0"]),
        (f"[accounts.a]\n{GOOD}timeout = inf", ["'a'", "timeout is inf", "seconds above 0"]),
        (
            f'[accounts.a]\n{GOOD}base_url = "http://example.com"',
            ["'a'", "base_url must start with https://"],
        ),
        # of a secret
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", SECRET),
            ["'a', api_secret", "must not stand in the file", '"env:NAME" or "file:PATH"'],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", f"hex:{SECRET}"),
            ["'a', api_secret", "must not stand in the file"],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace('"env:DEMO_SECRET"', f'["{SECRET}"]'),
            ["'a', api_secret", "must not stand in the file"],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "env:"),
            ["'a', api_secret", "names nothing", '"env:NAME" or "file:PATH"'],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "env:DEMO_ABSENT"),
            ["'a', api_secret", "'DEMO_ABSENT' is not set", "set it"],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "env:DEMO_EMPTY"),
            ["'a', api_secret", "'DEMO_EMPTY' is empty", "set it"],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "file:absent"),
            ["'a', api_secret", "absent' cannot be read: No such file", "put the secret there"],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "file:empty"),
            ["'a', api_secret", "empty' is empty", "put the secret there"],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "file:binary"),
            ["'a', api_secret", "binary' is not UTF-8", "put the secret there"],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "file:."),
            ["'a', api_secret", "cannot be read", "put the secret there"],
        ),
        (
            f"[accounts.a]\n{GOOD}".replace("env:DEMO_SECRET", "file:prose"),
            ["'a'", "api_secret must be hexadecimal"],
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_file_account_key_and_remedy(
    tmp_path: Path, text: str, says: list[str]
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(SECRET.encode() + b"\xff")
    (tmp_path / "prose").write_text(f"{SECRET}, the secret")
    for name in ("empty", "binary", "prose"):
        (tmp_path / name).chmod(0o600)

    line = refusal(written(tmp_path, text))

    for part in says:
        assert part in line


def test_one_bad_account_refuses_the_whole_file(tmp_path: Path) -> None:
    assert "'b', venue" in refusal(written(tmp_path, f"[accounts.a]\n{GOOD}[accounts.b]\n"))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "absent.toml")
    assert "cannot be read: Is a directory" in refusal(tmp_path)
    path = tmp_path / "latin.toml"
    path.write_bytes(SECRET.encode() + b"\xff")
    assert "is not TOML" in refusal(path)


def test_options_are_held_to_the_types_of_the_venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def open_adapter(
        *,
        count: int,
        strict: bool = False,
        wallets: list[str] | None = None,
        index: int | Literal["all"] = 0,
    ) -> Adapter:
        seen.append((count, strict, wallets, index))
        return rabbitx_adapter

    rabbitx_adapter = rabbitx.open_adapter(api_key="demo-key", api_secret="00")
    monkeypatch.setattr(rabbitx, "open_adapter", open_adapter)

    def account(text: str) -> Path:
        return written(tmp_path, f'[accounts.a]\nvenue = "rabbitx"\n{text}')

    load(account('count = 3\nstrict = true\nwallets = ["spot"]\nindex = "all"'))
    assert seen == [(3, True, ["spot"], "all")]
    for text, says in (
        ('count = "3"', "count: must be an integer"),
        ("count = 1.5", "count: must be an integer"),
        ("count = true", "count: must be an integer"),
        ("count = 1\nstrict = 1", "strict: must be true or false"),
        ('count = 1\nwallets = "spot"', "wallets: must be a list"),
        ("count = 1\nwallets = [1]", "wallets: must be a list"),
        ('count = 1\nindex = "some"', "index: must be an integer or one of all"),
        ("strict = true", "count: is missing; add it: an integer"),
    ):
        assert says in refusal(account(text))


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_names_what_is_missing(tmp_path: Path, venue: str) -> None:
    required = [name for name, parameter in venues.parameters(venue).items() if parameter.required]
    assert required
    assert f"'a', {required[0]}: is missing" in refusal(written(tmp_path, f'[accounts.a]\nvenue = "{venue}"'))

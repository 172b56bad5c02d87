"""The public surface: complete, sorted, and light to import."""

import subprocess
import sys

import accountview as av


def loaded_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_all_is_complete_and_sorted() -> None:
    assert av.__all__ == sorted(av.__all__)
    for name in av.__all__:
        assert getattr(av, name).__name__ == name
    assert set(av.__all__) <= set(dir(av))


def test_importing_the_names_loads_no_http_library_and_no_venue() -> None:
    loaded = loaded_after("from accountview import Account, connect, Portfolio")

    assert "httpx" not in loaded - loaded_after("from accountview import connect")
    assert not {name for name in loaded if name.startswith(("accountview.venues.", "accountview_clients."))}
    assert "httpx" not in loaded_after("from accountview import Account, UsageError")


def test_connecting_loads_one_venue_only() -> None:
    loaded = loaded_after(
        "import accountview; accountview.connect('bfx', api_key='k', api_secret='00').close()"
    )

    assert {name for name in loaded if name.startswith("accountview_clients.")} >= {"accountview_clients.bfx"}
    assert not {name for name in loaded if name.startswith("accountview_clients.rabbitx")}


def test_no_public_name_comes_from_httpx() -> None:
    for name in av.__all__:
        assert getattr(av, name).__module__.startswith("accountview")

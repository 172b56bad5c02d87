"""What is loaded, and what is not, until it is needed: seen in a fresh interpreter, and without a clock."""

import json
import subprocess
import sys


def loaded(program: str) -> set[str]:
    """The modules that are there after a program has run."""
    shown = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", shown], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


CONNECT = "from accountview import connect\nconnect('bfx', api_key='not-a-key', api_secret='00')"


def test_the_view_alone_loads_no_venue_and_no_network() -> None:
    there = loaded("from accountview import Account, Finding, Missing")

    assert "accountview.view" in there
    assert not there & {"httpx", "httpcore", "asyncio", "accountview.venues", "importlib.metadata"}


def test_a_venue_loads_its_own_client_alone() -> None:
    there = loaded(CONNECT)

    clients = {name.split(".")[1] for name in there if name.startswith("accountview_clients.")}
    assert "bfx" in clients
    assert not clients & {"arcus", "rabbitx", "tread", "zkx"}
    assert not there & {f"accountview.venues.{venue}" for venue in ("arcus", "rabbitx", "tread", "zkx")}
    assert not there & {"ecdsa", "Crypto", "cryptography", "starlette", "uvicorn"}


def test_the_library_needs_nothing_of_its_extras() -> None:
    there = loaded("from accountview import Account, Portfolio, connect, replay")

    # rich and click are loaded by httpx itself, where they are installed.
    assert not there & {"ecdsa", "Crypto", "cryptography", "starlette", "uvicorn", "platformdirs", "yaml"}

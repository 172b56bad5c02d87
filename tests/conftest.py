"""Fixtures and switches that all tests share."""

# pyright: reportPrivateUsage=false

from collections.abc import Iterator

import hypothesis
import pytest
from support import ReplayServer

from accountview.network import retry, route

# Time never decides a test; and a run that fails can be run again as it was.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what is read as what is expected; then read the diff",
    )


@pytest.fixture(autouse=True)
def _strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows what another one has learned of a host, for all of them ask the same one; and retries come soon."""
    route._known.cache_clear()
    monkeypatch.setattr(retry, "BASE", 0.01)


@pytest.fixture(scope="session")
def replay() -> Iterator[ReplayServer]:
    """A loopback server that replays stored answers."""
    with ReplayServer().running() as server:
        yield server

"""Fixtures and switches that all tests share."""

from collections.abc import Iterator

import hypothesis
import pytest
from support import ReplayServer

# Time never decides a test; and a run that fails can be run again as it was.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what is read as what is expected; then read the diff",
    )


@pytest.fixture(scope="session")
def replay() -> Iterator[ReplayServer]:
    """A loopback server that replays stored answers."""
    with ReplayServer().running() as server:
        yield server

"""Fixtures and switches that all tests share."""

from collections.abc import Iterator

import pytest
from support import ReplayServer


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

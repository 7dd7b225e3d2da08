"""What every test may ask for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import HOME, Databases, TestServer, new_home


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-browser", action="store_true", help="fail, not skip, where a browser is missing"
    )
    parser.addoption(
        "--require-tools", action="store_true", help="fail, not skip, where a tool of the contract is missing"
    )


def pytest_configure(config: pytest.Config) -> None:
    # set before the workers are started, so that they inherit it and share one server
    if not hasattr(config, "workerinput"):
        os.environ[HOME] = str(new_home())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # begun last, one of these would keep everybody waiting at the end
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_unconfigure(config: pytest.Config) -> None:
    home = None if hasattr(config, "workerinput") else os.environ.pop(HOME, None)
    if home is not None:
        TestServer(Path(home)).end()


@pytest.fixture(scope="session")
def server() -> TestServer:
    """The PostgreSQL of this run, started by the first test that asks."""
    server = TestServer(Path(os.environ[HOME]))
    server.start()
    return server


@pytest.fixture
def databases(server: TestServer) -> Iterator[Databases]:
    """A fresh, migrated pair of databases for this test alone."""
    with server.databases() as pair:
        yield pair


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> str:
    """Where Debian's Chromium is; without it a test is skipped, unless a browser is required."""
    found = shutil.which("chromium")
    if found is None:
        assert not pytestconfig.getoption("--require-browser"), "apt install chromium fonts-noto-cjk"
        pytest.skip("no Chromium here: apt install chromium fonts-noto-cjk")
    return found

"""What every test may ask for."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.database import HOME, Databases, TestServer, new_home

SERVER_PROGRAMS = {"postgres", "pg_ctl", "initdb", "pg_ctlcluster"}


class ServerStarted(Exception):
    """A test of a run without PostgreSQL starts a server."""


def needs_server(item: pytest.Item) -> bool:
    """Whether a test asks for the run's PostgreSQL, directly or through another fixture."""
    return "server" in getattr(item, "fixturenames", ())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-browser", action="store_true", help="fail, not skip, where a browser is missing"
    )
    parser.addoption(
        "--require-tools", action="store_true", help="fail, not skip, where a tool of the contract is missing"
    )
    parser.addoption(
        "--without-postgres",
        action="store_true",
        help="leave out every test that asks for a database, and fail one that starts a server all the same",
    )


def pytest_configure(config: pytest.Config) -> None:
    # set before the workers are started, so that they inherit it and share one server
    if not hasattr(config, "workerinput"):
        os.environ[HOME] = str(new_home())
    if config.getoption("--without-postgres"):
        sys.addaudithook(refuse_servers)


def refuse_servers(event: str, arguments: tuple[Any, ...]) -> None:
    """Stop this process from starting one of PostgreSQL's programs (an audit hook of Python)."""
    if event == "subprocess.Popen":
        executable, command = arguments[:2]
        words = [command] if isinstance(command, str | bytes) else list(command)
        for word in [executable, *words]:
            if word is not None and Path(os.fsdecode(word)).name in SERVER_PROGRAMS:
                raise ServerStarted(f"{os.fsdecode(word)} is started in a run without PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--without-postgres"):
        left_out = [item for item in items if needs_server(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not needs_server(item)]
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

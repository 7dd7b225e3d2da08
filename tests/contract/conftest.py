"""What the tests of the API's contract ask for: its document, a town behind a real socket, the tools around it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli.dev import api_document
from tests.contract.town import Town, opened_town
from tests.database import TestServer


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The OpenAPI document, as an app says it that is never asked anything."""
    return api_document()


@pytest.fixture(scope="session")
def document_file(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, in a file."""
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    return file


@pytest.fixture(scope="module")
def town(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """An office with households at every step, served on a socket; shared by the tests of a module."""
    with server.databases() as databases, opened_town(databases, tmp_path_factory.mktemp("keys")) as opened:
        yield opened


@pytest.fixture(scope="session")
def npx(pytestconfig: pytest.Config) -> str:
    """Where npx is; without it a test is skipped, unless tools are required."""
    return _tool(shutil.which("npx"), "apt install nodejs npm", pytestconfig)


@pytest.fixture(scope="session")
def client_python(pytestconfig: pytest.Config) -> Path:
    """The Python beside the generator of API clients; without it a test is skipped, unless tools are required."""
    python = Path(sys.prefix) / "client" / "bin" / "python"
    found = str(python) if (python.parent / "openapi-python-client").exists() else None
    return Path(_tool(found, "make .venv/.stamp-client", pytestconfig))


def _tool(found: str | None, way: str, config: pytest.Config) -> str:
    if found is None:
        assert not config.getoption("--require-tools"), way
        pytest.skip(f"missing here: {way}")
    return found

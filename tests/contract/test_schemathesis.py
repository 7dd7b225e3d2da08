"""Schemathesis: every operation with what the document allows and forbids, on a real store with real households."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import pytest
from fastapi import Body, FastAPI
from fastapi.responses import JSONResponse, Response

from api.access.identity import Role
from api.serve import serving
from samples.office_people import VILLAGES
from tests.contract.town import Town

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = int(os.environ.get("HULIAN_FUZZ_EXAMPLES", "5"))
"""How many requests are made up for each operation, beside the examples and the edges of each field."""

MOST_SECONDS: Final = 180

EVERY_ROLE: Final = (Role.CASEWORKER, Role.AUDITOR, Role.SUPERVISOR, Role.FINANCE, Role.OPERATOR)
CONFIGURATION: Final = """
workers = 2
continue-on-failure = true
max-stream-events = 1
request-timeout = 20.0

[cache]
enabled = false

[generation]
max-examples = {examples}
deterministic = true
database = "none"

[phases.stateful]
enabled = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "308", "401", "403", "404", "409", "410", "412", "422"]

[checks.missing_required_header]
expected-statuses = ["400", "428"]

[dictionaries.households]
values = {households}

[parameters]
"path.household" = {{ dictionary = "households", probability = 0.8 }}
"""

LEAK: Final = "试验某某某"


def test_every_operation_keeps_to_the_document_and_says_nothing_of_anybody(
    town: Town, document: dict[str, Any], tmp_path: Path
) -> None:
    households = [str(household) for household in town.households]
    known = {
        "tokens": [
            town.token(*EVERY_ROLE),
            town.token(Role.SYSTEM),
            *(town.token(role) for role in EVERY_ROLE),
            town.token(region="370786"),
        ],
        "versions": {str(household): town.version(household) for household in town.households},
        "secrets": town.secrets,
    }
    ran = _schemathesis(tmp_path, town.url, _of_town(document, households), households, known)
    if ran.returncode:
        pytest.fail(ran.stdout + ran.stderr, pytrace=False)
    assert f"Tested: {len(_operations(document))}" in ran.stdout


def test_an_api_that_does_not_would_be_found_out(tmp_path: Path) -> None:
    app = FastAPI(responses={"default": {"description": "另外的"}})

    def search(
        asked: Annotated[dict[str, str], Body(examples=[{"name": LEAK, "phone": "13800138000"}])],
    ) -> Response:
        return JSONResponse({"title": f"没有{asked.get('phone')}", "name": LEAK}, 418)

    app.add_api_route("/search", search, methods=["POST"])
    known: dict[str, Any] = {"tokens": ["t", "s"], "versions": {}, "secrets": [LEAK]}
    with socket.create_server(("127.0.0.1", 0)) as listening, serving(app, listening):
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        ran = _schemathesis(tmp_path, url, app.openapi(), [str(UUID(int=1))], known)
    assert ran.returncode == 1, ran.stderr
    for check in ("says_each_status_it_answers", "shows_nobody_in_clear", "repeats_nothing_it_refuses"):
        assert f"`{check}`" in ran.stdout


def _schemathesis(
    folder: Path, url: str, document: dict[str, Any], households: Sequence[str], known: dict[str, Any]
) -> subprocess.CompletedProcess[str]:
    files = {
        "openapi.json": json.dumps(document, ensure_ascii=False),
        "schemathesis.toml": CONFIGURATION.format(examples=EXAMPLES, households=json.dumps(households)),
        "known.json": json.dumps({**known, "words": sorted(set(_words(document)))}, ensure_ascii=False),
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")),
            *("run", str(folder / "openapi.json"), "--url", url, "--output-sanitize", "false"),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.contract.fuzzing",
            "HULIAN_FUZZED": str(folder / "known.json"),
        },
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def _of_town(document: dict[str, Any], households: Sequence[str]) -> dict[str, Any]:
    """The document with households and the area of the town in its examples: those of the API are nowhere."""
    told = deepcopy(document)
    for operation, household in zip(_operations(told), cycle(households), strict=False):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "household":
                parameter["schema"]["examples"] = [household]
    told["components"]["schemas"]["RegisterHousehold"]["examples"][0]["region"] = next(iter(VILLAGES))
    return told


def _words(said: object) -> Iterator[str]:
    """Words of the API's own: the names of fields, and the codes they may hold."""
    if isinstance(said, dict):
        for key, value in said.items():
            yield str(key)
            if key == "name" and isinstance(value, str):
                yield value
            elif key == "enum":
                yield from (each for each in value if isinstance(each, str))
            elif key not in ("examples", "example", "default"):
                yield from _words(value)
    elif isinstance(said, list):
        for each in said:
            yield from _words(each)

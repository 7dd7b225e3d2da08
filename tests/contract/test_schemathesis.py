"""Schemathesis: every operation with what the document allows and forbids, on a real store with real households."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest

from api.identity import Role
from samples.office_people import VILLAGES
from tests.contract.town import Town

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = int(os.environ.get("HULIAN_FUZZ_EXAMPLES", "5"))
"""How many requests are made up for each operation, beside the examples and the edges of each field."""

SEED: Final = 20261122
MOST_SECONDS: Final = 180

EVERY_ROLE: Final = (Role.CASEWORKER, Role.AUDITOR, Role.SUPERVISOR, Role.FINANCE, Role.OPERATOR)
CONFIGURATION: Final = """
workers = 2
continue-on-failure = true
max-stream-events = 1
request-timeout = 20.0

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


def test_every_operation_keeps_to_the_document_and_says_nothing_of_anybody(
    town: Town, document: dict[str, Any], tmp_path: Path
) -> None:
    households = [str(household) for household in town.households]
    document_file = tmp_path / "openapi.json"
    document_file.write_text(json.dumps(_of_town(document, households), ensure_ascii=False), "utf-8")
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(
        CONFIGURATION.format(examples=EXAMPLES, households=json.dumps(households)), "utf-8"
    )
    known = {
        "tokens": [
            town.token(*EVERY_ROLE),
            town.token(Role.SYSTEM),
            *(town.token(role) for role in EVERY_ROLE),
            town.token(region="370786"),
        ],
        "versions": {str(household): town.version(household) for household in town.households},
        "secrets": town.secrets,
        "words": sorted(set(_words(document))),
    }
    knowledge = tmp_path / "known.json"
    knowledge.write_text(json.dumps(known, ensure_ascii=False), "utf-8")
    schemathesis = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run"),
            *(str(document_file), "--url", town.url, "--seed", str(SEED), "--output-sanitize", "false"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.contract.fuzzing",
            "HULIAN_FUZZED": str(knowledge),
        },
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    if schemathesis.returncode:
        pytest.fail(schemathesis.stdout + schemathesis.stderr, pytrace=False)


def _of_town(document: dict[str, Any], households: Sequence[str]) -> dict[str, Any]:
    """The document with households and the area of the town in its examples: those of the API are nowhere."""
    told = deepcopy(document)
    operations = [operation for path in told["paths"].values() for operation in path.values()]
    for operation, household in zip(operations, cycle(households), strict=False):
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

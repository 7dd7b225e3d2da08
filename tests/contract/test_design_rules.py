"""The design rules (.spectral.yaml): the API keeps to them, and each of our own is able to find something."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / ".spectral.yaml"
SPECTRAL: Final = "@stoplight/spectral-cli@6.16.3"

Document = dict[str, Any]
Found = dict[str, list[dict[str, Any]]]

WELL: Final[Document] = {
    "openapi": "3.1.0",
    "info": {
        "title": "试",
        "version": "1.0.0",
        "description": "试",
        "contact": {"name": "试", "url": "https://hulian.example", "email": "support@hulian.example"},
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "servers": [{"url": "/v1", "description": "试"}],
    "tags": [{"name": "试", "description": "试"}],
    "paths": {
        "/v1/households/{household}/apply": {
            "post": {
                "operationId": "apply",
                "tags": ["试"],
                "summary": "试",
                "description": "试",
                "security": [{"token": []}],
                "parameters": [
                    {
                        "name": "household",
                        "in": "path",
                        "required": True,
                        "description": "试",
                        "schema": {"type": "string"},
                    },
                    {"name": "validAt", "in": "query", "description": "试", "schema": {"type": "string"}},
                    {
                        "name": "Idempotency-Key",
                        "description": "试",
                        "in": "header",
                        "required": True,
                        "schema": {"type": "string"},
                    },
                ],
                "responses": {
                    "200": {"description": "试"},
                    "400": {
                        "description": "试",
                        "content": {
                            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                        },
                    },
                },
            }
        }
    },
    "components": {
        "schemas": {"Problem": {"type": "object", "properties": {"requestId": {"type": "string"}}}},
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    },
}
"""A document no rule finds anything in; each violation is one change to it."""

_PATH: Final = "/v1/households/{household}/apply"


def _renamed(path: str) -> Callable[[Document], None]:
    def rename(document: Document) -> None:
        document["paths"][path] = document["paths"].pop(_PATH)

    return rename


def _operation(document: Document) -> Document:
    operation: Document = document["paths"][_PATH]["post"]
    return operation


def _snake_query(document: Document) -> None:
    _operation(document)["parameters"][1]["name"] = "valid_at"


def _snake_property(document: Document) -> None:
    document["components"]["schemas"]["Problem"]["properties"]["request_id"] = {"type": "string"}


def _head(document: Document) -> None:
    document["paths"][_PATH]["head"] = {**_operation(document), "operationId": "headApply"}


def _without_security(document: Document) -> None:
    del _operation(document)["security"]


def _framework_error(document: Document) -> None:
    document["components"]["schemas"]["HTTPValidationError"] = {"type": "object"}
    content = _operation(document)["responses"]["400"]["content"]
    content["application/problem+json"]["schema"] = {"$ref": "#/components/schemas/HTTPValidationError"}


def _plain_problem(document: Document) -> None:
    answer = _operation(document)["responses"]["400"]
    answer["content"] = {"application/json": answer["content"].pop("application/problem+json")}


def _without_key(document: Document) -> None:
    del _operation(document)["parameters"][2]


def _optional_key(document: Document) -> None:
    _operation(document)["parameters"][2]["required"] = False


def _twice(document: Document) -> None:
    document["paths"]["/v1/households/{household}/withdraw"] = document["paths"][_PATH]


def _without_tags(document: Document) -> None:
    del _operation(document)["tags"]


def _wrong_type(document: Document) -> None:
    _operation(document)["responses"]["200"] = {}


VIOLATIONS: Final[Mapping[str, tuple[str, Callable[[Document], None]]]] = {
    "capital": ("paths-are-kebab-case", _renamed("/v1/households/{household}/Apply")),
    "underscore": ("paths-are-kebab-case", _renamed("/v1/house_holds/{household}/apply")),
    "slash": ("paths-have-no-trailing-slash", _renamed(f"{_PATH}/")),
    "unversioned": ("paths-carry-the-major-version", _renamed("/households/{household}/apply")),
    "snake-query": ("query-keys-are-camel-case", _snake_query),
    "snake-property": ("properties-are-camel-case", _snake_property),
    "head": ("only-known-methods", _head),
    "open": ("every-operation-names-its-security", _without_security),
    "framework-error": ("invalid-input-is-400", _framework_error),
    "plain-problem": ("problems-are-problem-json", _plain_problem),
    "without-key": ("commands-want-their-headers", _without_key),
    "optional-key": ("commands-want-their-headers", _optional_key),
    "twice": ("operation-operationId-unique", _twice),
    "without-tags": ("operation-tags", _without_tags),
    "wrong-type": ("oas3-schema", _wrong_type),
}
"""A change to `WELL` by name, with the rule that finds it."""


@pytest.fixture(scope="module")
def found(npx: str, document: Document, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What spectral finds in each of the documents, by their names; run once, since Node is slow to start."""
    folder = tmp_path_factory.mktemp("linted")
    documents = {"api": document, "well": WELL}
    for name, (_, violate) in VIOLATIONS.items():
        documents[name] = deepcopy(WELL)
        violate(documents[name])
    for name, each in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(each, ensure_ascii=False, indent=1), "utf-8")
    ran = subprocess.run(
        [
            *(npx, "--yes", SPECTRAL, "lint", *(f"{name}.json" for name in documents)),
            *("--ruleset", str(RULES), "--format", "json", "--output", "found.txt", "--quiet"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # 1: something was found; anything else but 0: it did not run
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    found: Found = {name: [] for name in documents}
    for each in json.loads((folder / "found.txt").read_text("utf-8")):
        found[Path(each["source"]).stem].append(each)
    return found


def test_the_api_keeps_to_every_rule(found: Found) -> None:
    assert [_told(each) for each in found["api"]] == []


def test_a_document_in_order_has_no_findings(found: Found) -> None:
    assert [_told(each) for each in found["well"]] == []


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_found(name: str, found: Found) -> None:
    assert VIOLATIONS[name][0] in {each["code"] for each in found[name]}


def test_every_rule_of_ours_has_its_violation() -> None:
    rules = yaml.safe_load(RULES.read_text("utf-8"))["rules"]
    ours = {name for name, rule in rules.items() if rule is not False}
    assert ours == {rule for rule, _ in VIOLATIONS.values()}


def _told(finding: Mapping[str, Any]) -> str:
    return f"{finding['code']} at {'.'.join(map(str, finding['path']))}: {finding['message']}"

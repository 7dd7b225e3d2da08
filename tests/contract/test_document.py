"""The OpenAPI document: what is served is what is checked in, and every example in it fits its own schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tests.contract.town import Town

CHINESE: Final = re.compile(r"[一-鿿]")


def test_the_served_document_is_the_one_that_is_checked_in(town: Town, document: dict[str, Any]) -> None:
    # `tests/test_schemas.py` compares the file in schemas/ with the same document
    assert httpx2.get(f"{town.url}/openapi.json").json() == document


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    examples = list(_examples(document))
    assert len(examples) > 150
    for where, schema, example in examples:
        try:
            _validator(document, schema).validate(example)
        except ValidationError as error:
            pytest.fail(f"{where}: {error.message}")


def test_an_example_that_does_not_fit_would_be_found(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["AcceptApplication"]
    assert not _validator(document, schema).is_valid({"on": "2026-02-30"})
    assert not _validator(document, schema).is_valid({"on": "2026-07-01", "other": 1})


def test_every_answer_is_described_in_chinese_and_every_shape_at_all(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    for path, operation in _operations(document):
        for status, response in operation["responses"].items():
            said = shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
            assert CHINESE.search(said["description"]), (path, status)
    for name, schema in document["components"]["schemas"].items():
        if "enum" not in schema and "properties" in schema:
            assert schema.get("description"), name


def test_every_shared_answer_is_referred_to(document: dict[str, Any]) -> None:
    said = str(document["paths"])
    for name in document["components"]["responses"]:
        assert f"'#/components/responses/{name}'" in said


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/households", "GET, POST"),
        ("GET", "/v1/households/_search", "POST"),
        ("PUT", "/v1/households/_search", "POST"),
        ("POST", "/v1/work-items", "GET"),
    ],
)
def test_another_method_is_told_all_those_there_are(town: Town, method: str, path: str, allowed: str) -> None:
    answer = httpx2.request(method, f"{town.url}{path}", headers={"Authorization": f"Bearer {town.token()}"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.json()["code"] == "method-not-allowed"


def test_a_whole_number_is_read_as_json_writes_it_and_no_other(town: Town) -> None:
    faults = {step: _faults_of_step(town, step) for step in ("3", "3.0", "3e0", "3.5")}
    assert faults == {"3": set(), "3.0": set(), "3e0": set(), "3.5": {"/step"}}


def test_advice_on_codes_is_chinese(town: Town) -> None:
    headers = {"Authorization": f"Bearer {town.token()}", "X-Purpose": "curiosity"}
    (fault,) = httpx2.get(f"{town.url}/v1/households", headers=headers).json()["errors"]
    assert fault["detail"] == "须为以下之一：'case-handling'、'recertification'、'remedy'、'audit'。"


def _faults_of_step(town: Town, step: str) -> set[str]:
    """The places of a correction found faulty where its step is written like this; it is not carried out."""
    answer = httpx2.post(
        f"{town.url}/v1/households/{town.households[0]}/correct-income",
        content=f'{{"on": "2026-11-20", "step": {step}, "why": "录入错误", "income": []}}',
        headers={
            "Authorization": f"Bearer {town.token()}",
            "Content-Type": "application/json",
            "Idempotency-Key": "k" * 8,
            "If-Match": '"v999"',
        },
    )
    assert answer.status_code in (400, 412, 422), answer.text
    return {fault["pointer"] for fault in answer.json().get("errors", ())}


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def _examples(document: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Every example, with where it stands and the schema it belongs to."""
    for name, schema in document["components"]["schemas"].items():
        yield from _inside(name, schema)
    for name, header in document["components"]["headers"].items():
        yield from _beside(name, header)
    for path, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            yield from _beside(f"{path} {parameter['name']}", parameter)
        for status, response in operation["responses"].items():
            for name, header in response.get("headers", {}).items():
                yield from _beside(f"{path} {status} {name}", header)


def _beside(where: str, holder: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    if "example" in holder:
        yield where, holder["schema"], holder["example"]
    yield from _inside(where, holder.get("schema", {}))


def _inside(where: str, schema: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(schema, dict):
        for example in schema.get("examples", ()):
            yield where, schema, example
        for each in schema.get("properties", {}).values():
            yield from _inside(where, each)


def _validator(document: dict[str, Any], schema: Any) -> Draft202012Validator:
    whole = {**schema, "components": document["components"]}
    return Draft202012Validator(whole, format_checker=FormatChecker(["date", "uuid"]))

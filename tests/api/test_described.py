"""The API's description of itself: complete, in Chinese, with examples that read; and no read without a record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from api.access.identity import Role
from api.acts.command_schemas import shape_of
from api.http.problems import Problem
from api.reads.history import STEP_WORDS
from api.reads.household_schemas import step_title
from domain.catalogue import COMMANDS, EVENTS
from domain.household.as_of import STEPS
from domain.values.refusals import Refusal
from tests import stories
from tests.api.office import Office

CHINESE = re.compile(r"[一-鿿]")
OPEN = {("get", "/healthz"), ("get", "/readyz")}
METHODS = {"get", "post", "put", "patch", "delete"}


def described(office: Office) -> dict[str, Any]:
    app: FastAPI = office.app()
    return app.openapi()


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            shared = document["components"]["responses"]
            responses = {
                status: shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
                for status, response in operation["responses"].items()
            }
            yield method, path, {**operation, "responses": responses}


def test_every_command_is_one_operation_under_its_chapter(office: Office) -> None:
    document = described(office)
    tags = {tag["name"] for tag in document["tags"]}
    for name in COMMANDS:
        path = "/v1/households" if name == "register-household" else f"/v1/households/{{household}}/{name}"
        operation = document["paths"][path]["post"]
        assert CHINESE.search(operation["summary"]), name
        assert set(operation["tags"]) <= tags
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{shape_of(name).component}"}


def test_operations_are_named_once_secured_and_say_their_problems(office: Office) -> None:
    document = described(office)
    names = []
    for method, path, operation in operations(document):
        names.append(operation["operationId"])
        assert CHINESE.search(operation["summary"]), path
        assert CHINESE.search(operation["description"]), path
        assert "HTTPValidationError" not in str(operation)
        assert re.fullmatch(r"(/_?[a-z0-9]+(-[a-z0-9]+)*|/\{[a-z][a-zA-Z]*\})+", path), path
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query":
                assert re.fullmatch(r"[a-z][a-zA-Z0-9]*", parameter["name"])
            assert CHINESE.search(parameter.get("description", "")), (path, parameter["name"])
        for response in operation["responses"].values():
            assert "API-Version" in response["headers"]
        if (method, path) in OPEN:
            continue
        assert operation["security"] == [{"token": []}], path
        for status, response in operation["responses"].items():
            if status == "default" or int(status) >= 300:
                assert "application/problem+json" in response["content"], (path, status)
        assert {"401", "403"} <= operation["responses"].keys(), path
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)


def test_the_document_says_whose_it_is_and_every_reference_leads_somewhere(office: Office) -> None:
    document = described(office)
    assert document["openapi"].startswith("3.1")
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"])
    assert document["info"]["contact"].keys() == {"name", "url", "email"}
    assert document["info"]["license"]["name"] == "Apache-2.0"
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for reference in _references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_fits_its_schema_and_reads(name: str) -> None:
    shape = shape_of(name)
    document = {"components": {"schemas": dict(shape.schemas)}}
    schema = {"$ref": f"#/components/schemas/{shape.component}", **document}
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(shape.example)
    assert type(shape.read(shape.example)) is COMMANDS[name]
    assert "_" not in "".join(shape.schemas[shape.component]["properties"])


async def test_a_command_says_that_it_needs_the_version_and_the_key(office: Office) -> None:
    operation = described(office)["paths"]["/v1/households/{household}/apply"]["post"]
    needed = {each["name"]: each["required"] for each in operation["parameters"]}
    assert needed == {"household": True, "Idempotency-Key": True, "If-Match": True}
    assert {"200", "308", "404", "409", "412", "422", "428"} <= operation["responses"].keys()
    assert {"API-Version", "ETag", "X-Position", "Idempotent-Replayed"} <= operation["responses"]["200"][
        "headers"
    ].keys()


async def test_the_pages_of_the_api_need_no_network(office: Office) -> None:
    async with office.client() as client:
        page = await client.get("/docs")
        parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        answers = [await client.get(urljoin("/docs", part)) for part in parts]
        document = await client.get("/openapi.json")
    assert page.status_code == 200
    assert len(parts) >= 3
    assert {answer.status_code for answer in answers} == {200}
    assert "//" not in "".join(parts)
    assert "url: 'openapi.json'" in page.text
    assert '"validatorUrl": null' in page.text
    assert document.headers["API-Version"] == document.json()["info"]["version"]


# What answers about no person at all. Whatever else there is has to leave a record.
IMPERSONAL = {
    "alive", "ready", "getMetrics", "countWorkItems", "reportDurations", "reportFigures", "reportHeadcount",
}  # fmt: skip
STREAM = "streamWorkItemEvents"
"""Listened to in `test_work_events`: each household told is on record."""


@cache
def _commands() -> frozenset[str]:
    return frozenset(
        first + "".join(word.capitalize() for word in rest)
        for first, *rest in (name.split("-") for name in COMMANDS)
    )


async def test_every_operation_that_shows_somebody_leaves_a_record_before(office: Office) -> None:
    """Each operation of the document is asked; a new one is asked, too, and fails here until it records."""
    life = stories.yu_confirmed()
    household = office.tell(life)
    papers = {"Content-Type": "application/pdf", "Idempotency-Key": "k" * 8}
    bodies: dict[str, Any] = {
        "searchHouseholds": {"json": {"name": "于某"}},
        "revealHousehold": {"json": {"kinds": ["name"], "reason": "核对证件"}},
        "createAttachment": {"content": b"%PDF-", "headers": papers},
    }
    asked = 0
    both = (Role.CASEWORKER, Role.AUDITOR)
    async with office.client(office.token(roles=both)) as client:
        stored = await client.post(
            f"/v1/households/{household}/attachments", content=b"%PDF-", headers=papers
        )
        for method, path, operation in operations(described(office)):
            name = operation["operationId"]
            if name in IMPERSONAL | _commands() | {STREAM, "getDocument"}:
                continue
            url = path.format(household=household, attachment=stored.json()["id"])
            before = len(office.looks())
            answer = await client.request(method, url, **bodies.get(name, {}))
            assert answer.status_code in (200, 201), (name, answer.text)
            records = office.looks()[before:]
            if name == "createAttachment":
                # nothing about anybody is shown but what the caller just handed in
                assert records == []
                continue
            assert household in {record[0] for record in records}, name
            assert {record[3].partition(":")[0] for record in records} == {"case-handling"}, name
            asked += 1
    assert asked >= 12


async def test_every_operation_about_one_household_denies_a_stranger_on_record(office: Office) -> None:
    household = office.tell(stories.yu_confirmed())
    bodies: dict[str, Any] = {
        "revealHousehold": {"json": {"kinds": ["name"], "reason": "核对证件"}},
        "createAttachment": {
            "content": b"%PDF-",
            "headers": {"Content-Type": "application/pdf", "Idempotency-Key": "k" * 8},
        },
    }
    every = tuple(role for role in Role if role is not Role.SYSTEM)
    async with office.client(office.token("990301", roles=every)) as client:
        for method, path, operation in operations(described(office)):
            if "{household}" not in path:
                continue
            name, more = operation["operationId"], {}
            if name in _commands():
                if operation["x-rule"] == "P-SYSTEM":
                    continue
                example = shape_of(path.rpartition("/")[2]).example
                more = {"json": example, "headers": {"Idempotency-Key": "k" * 8, "If-Match": '"v1"'}}
            url = path.format(household=household, attachment=uuid4(), document=uuid4())
            before = len(office.looks(household))
            answer = await client.request(method, url, **{**more, **bodies.get(name, {})})
            assert (answer.status_code, answer.json()["code"]) == (404, "household-unknown"), (
                name,
                answer.text,
            )
            assert [record[-1] for record in office.looks(household)[before:]] == [["refused"]], name


def _kinds(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


TYPED = {"member", "cause", "code", "region", "seed", "household"}
"""Facts a caller may have typed: left out of the sentence, or told only as a region code."""


def test_every_fact_of_a_refusal_is_known_to_be_ours_or_the_callers() -> None:
    """A new word in a refusal's sentence is not told before somebody has said which it is."""
    from api.http.problems import _OURS

    unknown = {
        (kind.__name__, fact)
        for kind in _kinds(Refusal)
        if kind.__module__.startswith("domain.")
        for fact in re.findall(r"\{(\w+)\}", kind.__doc__ or "")
        if fact not in _OURS | TYPED
    }
    assert unknown == set()


ENGLISH = re.compile(r"(?!JSON Pointer|hulian work)\b[A-Za-z]{2,}(?: [A-Za-z]{2,})+")


def test_what_people_read_of_the_document_is_chinese(office: Office) -> None:
    """Words of the program (a header, a code) stand in it; two of them in a row are an English sentence."""
    document = described(office)
    texts = [document["info"]["description"], *(tag["description"] for tag in document["tags"])]
    for _, path, operation in operations(document):
        assert not re.search(r"[a-z]", operation["summary"].replace("Prometheus", "")), path
        texts += [operation["summary"], operation["description"]]
        texts += [parameter["description"] for parameter in operation.get("parameters", ())]
        texts += [response["description"] for response in operation["responses"].values()]
    texts += list(_descriptions(document["components"]["schemas"]))
    assert [text for text in texts if ENGLISH.search(text) or not CHINESE.search(text)] == []


def _descriptions(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _descriptions(each)
    elif isinstance(part, Mapping):
        if isinstance(part.get("description"), str):
            yield part["description"]
        for each in part.values():
            yield from _descriptions(each)


def test_every_event_and_every_step_has_words_for_people() -> None:
    assert all(CHINESE.search(step_title(name)) for name in EVENTS)
    assert {step for _, step in STEPS} | {"started"} == STEP_WORDS.keys()


def test_every_problem_is_a_chinese_sentence_that_ends() -> None:
    for kind in _problems(Problem):
        if kind.__module__.startswith("api."):
            sentence = (kind.__doc__ or "").strip()
            assert CHINESE.search(sentence), kind
            assert sentence.endswith(("。", "{reason}")), kind
            assert not ENGLISH.search(sentence), kind


def _problems(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _problems(each)

"""What a request is answered that is not done: one shape, stable codes, nothing personal in answer or log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import structlog
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from api.http.problems import faults
from api.http.request_log import BrokenAnswer
from domain.guards.registered import HouseholdUnknown
from domain.members.registration import HouseholdAlreadyRegistered, NotOneHead, SamePersonTwice
from eventstore import errors
from tests import stories
from tests.api.office import Office

SECRETS = ("于某", stories.A1, stories.A1[6:14])

UNKNOWN = UUID("00000000-0000-4000-8000-00000000000a")


class Said(BaseModel):
    """A body such as later chapters take."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str
    age: int


def breaking(office: Office, fault: Exception) -> FastAPI:
    """The API with one more endpoint, which raises."""
    app = office.app()

    def broken() -> None:
        raise fault

    def said(said: Said) -> Said:
        return said

    app.add_api_route("/broken", broken)
    app.add_api_route("/said", said, methods=["POST"])
    return app


def assert_nothing_personal(*texts: str) -> None:
    for secret in SECRETS:
        assert not any(secret in text for text in texts)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("DELETE", "/v1/households", 405, "method-not-allowed"),
        ("GET", "/v1/households/x", 400, "invalid-request"),
        ("GET", "/v1/households?limit=101", 400, "invalid-request"),
        ("GET", "/v1/households?limit=0", 400, "invalid-request"),
        ("GET", "/v1/households?category=RICH", 400, "invalid-request"),
        ("GET", "/v1/households?region=370786%27", 400, "invalid-request"),
        ("GET", f"/v1/households/{UNKNOWN}", 404, "household-unknown"),
    ],
)
async def test_every_refusal_is_a_problem(
    office: Office, method: str, path: str, status: int, code: str
) -> None:
    async with office.client(office.token()) as client:
        answer = await client.request(method, path, headers={"X-Request-ID": "a" * 32})
    told = answer.json()
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == told["requestId"] == "a" * 32
    assert (told["type"], told["code"], told["status"]) == (f"/problems/{code}", code, status)
    assert any("一" <= sign <= "鿿" for sign in told["title"])


async def test_a_wrong_field_is_named_with_advice_and_without_its_value(office: Office) -> None:
    async with office.client(office.token()) as client:
        answer = await client.get(f"/v1/households/{stories.A1}/chain?limit=500")
    assert answer.json()["errors"] == [
        {"in": "path", "pointer": "/household", "code": "uuid-parsing", "detail": "不是有效的编号。"},
        {"in": "query", "pointer": "/limit", "code": "less-than-equal", "detail": "不能大于 100。"},
    ]
    assert_nothing_personal(answer.text)


@pytest.mark.parametrize(
    ("fault", "status", "code", "rule"),
    [
        (HouseholdUnknown(), 404, "household-unknown", None),
        (HouseholdAlreadyRegistered(), 409, "household-already-registered", None),
        (NotOneHead(heads=2), 422, "not-one-head", "M57 art.4"),
        (SamePersonTwice(member="于某"), 422, "same-person-twice", "M57 art.7"),
        (errors.VersionConflict(current=7, expected=5), 412, "version-conflict", None),
        (errors.ClaimConflict(kind="category", holder=uuid4()), 409, "claim-conflict", None),
        (errors.OwnerErased(owner=uuid4()), 410, "owner-erased", None),
        (errors.ChangedCommand(command="c"), 422, "changed-command", None),
        (errors.WrongKey(what="name"), 500, "unexpected", None),
        (psycopg.OperationalError("connection lost: 于某"), 503, "database-unavailable", None),
        (psycopg.DataError(f"value {stories.A1}"), 500, "unexpected", None),
        (RuntimeError(f"于某 {stories.A1}"), 500, "unexpected", None),
    ],
)
async def test_what_is_raised_is_told_by_its_code_and_nothing_more(
    office: Office, log: io.StringIO, fault: Exception, status: int, code: str, rule: str | None
) -> None:
    async with office.client(app=breaking(office, fault)) as client:
        answer = await client.get("/broken")
    told = answer.json()
    assert (answer.status_code, told["code"], told.get("ruleId")) == (status, code, rule)
    assert answer.headers["X-Request-ID"] == told["requestId"]
    assert_nothing_personal(answer.text, log.getvalue())
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (request,) = [line for line in lines if line["event"] == "request"]
    assert (request["route"], request["status"], request["request_id"]) == (
        "/broken",
        status,
        told["requestId"],
    )
    if code == "unexpected" and not isinstance(fault, errors.StoreError):
        (failed,) = [line for line in lines if line["event"] == "failed"]
        assert failed["error"] == type(fault).__name__
        assert any("test_problems.py" in frame for frame in failed["at"])


async def test_a_conflict_tells_the_version_there_is(office: Office) -> None:
    app = breaking(office, errors.VersionConflict(current=7, expected=5))
    async with office.client(app=app) as client:
        answer = await client.get("/broken")
    assert (answer.json()["currentVersion"], answer.headers["ETag"]) == (7, '"v7"')


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"name": "于某", "age": "于某"}', [("/age", "int-parsing")]),
        ('{"name": "于某", "age": 1, "于某": 1}', [("", "extra-forbidden")]),
        ('{"name": "于某"}', [("/age", "missing")]),
        ('{"name": 于某', [("", "json-invalid")]),
    ],
)
async def test_a_wrong_body_is_never_repeated(
    office: Office, log: io.StringIO, body: str, found: list[tuple[str, str]]
) -> None:
    async with office.client(app=breaking(office, RuntimeError())) as client:
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/said", content=body.encode(), headers=headers)
    assert answer.status_code == 400
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == found
    assert_nothing_personal(answer.text, log.getvalue())


def test_advice_names_the_limit_and_unknown_faults_have_advice_too() -> None:
    told = faults(
        [
            {"type": "less_than_equal", "loc": ("query", "limit"), "ctx": {"le": 100}, "input": "于某"},
            {"type": "some_new_kind", "loc": ("query", "x"), "input": "于某", "msg": "于某"},
        ]
    )
    assert [each["detail"] for each in told] == ["不能大于 100。", "不合要求。"]


async def test_the_log_of_reading_holds_nothing_personal(office: Office, log: io.StringIO) -> None:
    household = office.tell(stories.yu_confirmed())
    async with office.client(office.token()) as client:
        for path in (
            f"/v1/households/{household}",
            f"/v1/households/{household}/chain",
            "/v1/households",
            f"/v1/households/{stories.A1}",
            f"/v1/households?region={stories.A1}",
            "/v1/households?category=于某",
            "/于某",
        ):
            assert_nothing_personal((await client.get(path)).text)
    assert_nothing_personal(log.getvalue())
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["route"] for line in requests] == [
        "/v1/households/{household}",
        "/v1/households/{household}/chain",
        "/v1/households",
        "/v1/households/{household}",
        "/v1/households",
        "/v1/households",
        "-",
    ]
    assert {line["officer"] for line in requests[:3]} == {"c1"}


async def test_log_lines_within_a_request_carry_its_id(office: Office, log: io.StringIO) -> None:
    app = office.app()

    def speaking() -> None:
        structlog.get_logger("hulian.test").info("spoken")
        logging.getLogger("library").warning("heard")

    app.add_api_route("/speaking", speaking)
    async with office.client(app=app) as client:
        answer = await client.get("/speaking")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    said = [line for line in lines if line["event"] in ("spoken", "heard", "request")]
    assert len(said) == 3
    assert {line["request_id"] for line in said} == {answer.headers["X-Request-ID"]}


async def test_an_answer_that_breaks_off_is_broken_without_a_word_of_why(
    office: Office, log: io.StringIO
) -> None:
    app = office.app()

    def halves() -> Iterator[bytes]:
        yield b"first"
        raise RuntimeError(f"于某 {stories.A1}")

    def half() -> StreamingResponse:
        return StreamingResponse(halves())

    app.add_api_route("/half", half)
    async with office.client(app=app) as client:
        with pytest.raises(BrokenAnswer) as broken:
            await client.get("/half")
    assert broken.value.__suppress_context__
    assert_nothing_personal(str(broken.value), log.getvalue())
    assert '"event": "failed"' in log.getvalue()

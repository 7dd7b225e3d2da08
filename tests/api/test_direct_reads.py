"""Plain reads go straight to their endpoints, and nobody can tell it by the answer; what is not plain does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from httpx2 import Response
from starlette.requests import Request

from api.access.identity import Role
from api.reads.direct_reads import Ready
from api.reads.household_schemas import ChainShape
from eventstore.postgres.libpq_client import Call, run_pipeline
from projections.chain import chain_call
from projections.engine.row_security import reading_as
from projections.household_location import placing
from tests import stories
from tests.api.office import OTHER_COUNTY, YU_COUNTY, YU_TOWNSHIP, Office

OF_ONE = ("", "/chain", "/work-items", "/benefit-statement", "/status", "/durations", "/documents")
OF_AREA = ("/v1/households", "/v1/work-items", "/v1/work-items/counts")
THE_LONG_WAY = {"Content-Length": "0"}
"""What no plain read has; it changes nothing else."""


@pytest.fixture
def went(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of requests that went straight."""
    paths: list[str] = []

    def noted(run: Callable[[], Any], soon: bool, request: Request) -> Ready:
        paths.append(request.url.path)
        return Ready(run, soon, request)

    monkeypatch.setattr("api.reads.direct_reads.Ready", noted)
    return paths


async def both(office: Office, path: str, token: str | None = None, **headers: str) -> list[Response]:
    """The answers of a request that may go straight, and of the same that may not."""
    async with office.client(token) as client:
        return [await client.get(path, headers={**headers, **more}) for more in ({}, THE_LONG_WAY)]


def alike(answers: Sequence[Response]) -> Response:
    """One of the answers, after they were found to differ in the request's number only."""
    straight, long = [
        (answer.status_code, {k: v for k, v in answer.headers.items() if k != "x-request-id"})
        for answer in answers
    ]
    assert straight == long
    assert answers[0].headers.keys() == answers[1].headers.keys()
    bodies = [answer.text.replace(answer.headers["X-Request-ID"], "…") for answer in answers]
    assert bodies[0] == bodies[1]
    return answers[0]


async def test_a_plain_read_is_answered_as_on_the_long_way(office: Office, went: list[str]) -> None:
    household = office.tell(stories.yu_confirmed())
    paths = [f"/v1/households/{household}{rest}" for rest in OF_ONE]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    paths += [f"/v1/households/{household}/history?validAt=2021-07-26&knownAt={now}"]
    paths += [
        *OF_AREA,
        f"/v1/households/{household}/chain?limit=2",
        "/v1/work-items?whose=office&overdue=true",
    ]
    for path in paths:
        answer = alike(await both(office, path, office.token(YU_TOWNSHIP), **{"X-Min-Position": "0:0"}))
        assert answer.status_code == 200, answer.text
        assert answer.headers["API-Version"]
    assert went == [path.partition("?")[0] for path in paths]
    # each of the two left its record
    assert len(office.looks(household)) == 2 * (len(paths) - 1)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/households/{}/chain", {"X-Purpose": "curiosity"}),
        ("/v1/households/{}/chain", {"X-Purpose": "audit"}),
        ("/v1/households/{}/chain", {"X-Min-Position": "300:1"}),
        ("/v1/households/{}/chain?limit=0", {}),
        ("/v1/households/{}/chain", {"Authorization": "Bearer nonsense"}),
        ("/v1/households/{}/chain", {"Authorization": "Basic c1"}),
        ("/v1/households/{}/nothing", {}),
        ("/v1/households/x/chain", {}),
        ("/healthz", {}),
    ],
)
async def test_what_is_not_right_goes_the_long_way(
    office: Office, went: list[str], path: str, headers: dict[str, str]
) -> None:
    household = office.register(1)
    async with office.client(office.token()) as client:
        await client.get(path.format(household), headers=headers)
    assert went == []


async def test_what_is_refused_is_refused_alike(office: Office, went: list[str]) -> None:
    household = office.tell(stories.yu_accepted())
    chain = f"/v1/households/{household}/chain"
    outside = alike(await both(office, chain, office.token(OTHER_COUNTY)))
    unknown = alike(await both(office, f"/v1/households/{uuid4()}/chain", office.token()))
    cursor = alike(await both(office, f"{chain}?cursor=abc", office.token()))
    region = alike(await both(office, "/v1/households?region=990301", office.token()))
    role = alike(await both(office, chain, office.token(role=Role.FINANCE)))
    assert [each.status_code for each in (outside, unknown, cursor, region, role)] == [
        404,
        404,
        400,
        403,
        403,
    ]
    assert len(went) == 4
    assert [record[-1] for record in office.looks(household)] == [["refused"]] * 4


async def test_a_fault_of_ours_is_told_as_such(office: Office, went: list[str]) -> None:
    with psycopg.connect(office.databases.store) as connection:
        connection.execute("DROP SCHEMA read_chain CASCADE")
    household = office.register(1)
    chain = alike(await both(office, f"/v1/households/{household}/chain", office.token()))
    assert (chain.status_code, chain.json()["code"]) == (503, "read-models-missing")
    assert len(went) == 1


async def test_the_chain_is_written_as_its_shape_says(office: Office) -> None:
    household = office.tell(stories.yu_exited())
    async with office.client(office.token()) as client:
        text = (await client.get(f"/v1/households/{household}/chain?limit=100")).content
    shape = ChainShape.model_validate_json(text)
    assert len(shape.items) > 20
    assert shape.model_dump_json().encode() == text


@pytest.mark.parametrize(
    ("area", "found"), [(YU_COUNTY, True), ("cn", True), (OTHER_COUNTY, False), ("37078", False), ("", False)]
)
async def test_the_wall_stands_also_where_all_is_asked_at_once(
    office: Office, area: str, found: bool
) -> None:
    household = office.tell(stories.yu_accepted())
    steps = chain_call(household, after=0, limit=50)

    def asked(*calls: Call) -> list[list[Any]]:
        return run_pipeline(office.pool, [reading_as(area), *calls], writes=False)[1:]

    place, rows = asked(placing(household, ("card",), "chain", None), steps)
    assert (bool(place), bool(rows)) == (found, found)
    # not found first, a household is not read at all, unless everything may be
    assert bool(asked(steps)[0]) == (area == "cn")
    # and whoever asks next sees nothing by what was found before
    assert not run_pipeline(office.pool, [reading_as(OTHER_COUNTY), steps], writes=False)[1]

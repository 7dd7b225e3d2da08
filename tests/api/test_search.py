"""Search by direct identifiers and clear text: limited, with a reason, and always on record."""

from __future__ import annotations

import io
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from httpx2 import ASGITransport, AsyncClient

from api.access.identity import Role
from api.http.limits import Limited, RateLimits
from application.reference.reference import jurisdiction_stream
from tests import stories
from tests.api.office import HERE, OTHER_COUNTY, YU_COUNTY, Office, Watched

SEARCH = "/v1/households/_search"
BY = ("c1", f"{YU_COUNTY}/civil-affairs")
REASON = "核对证件原件"


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"idNumber": stories.A2}, "id-number"),
        ({"idNumber": f" {stories.A2[:6]} {stories.A2[6:]}"}, "id-number"),
        ({"name": "于某某"}, "name"),
    ],
)
async def test_a_member_is_found_masked_and_every_look_is_on_record(
    office: Office, asked: dict[str, str], kind: str
) -> None:
    household = office.tell(stories.yu_accepted())
    async with office.client(office.token()) as client:
        answer = await client.post(SEARCH, json=asked, headers={"X-Purpose": "remedy"})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["items"]
    assert (found["household"], answer.json()["more"]) == (str(household), False)
    assert [member["name"] for member in found["members"]] == ["于*", "于**"]
    assert found["persons"] == [found["members"][1]["person"]]
    assert stories.A2 not in answer.text
    assert office.looks() == [
        (jurisdiction_stream(YU_COUNTY), *BY, "remedy", [f"search:{kind}"]),
        (household, *BY, "remedy", ["id-number", "name"]),
    ]


async def test_a_search_that_finds_nothing_is_on_record_too(office: Office) -> None:
    office.tell(stories.yu_accepted())
    async with office.client(office.token(OTHER_COUNTY)) as client:
        beside = await client.post(SEARCH, json={"idNumber": stories.A2})
        nobody = await client.post(SEARCH, json={"name": "无此人"})
    assert beside.json() == nobody.json() == {"items": [], "more": False}
    assert [(record[0], record[4]) for record in office.looks()] == [
        (jurisdiction_stream(OTHER_COUNTY), ["search:id-number"]),
        (jurisdiction_stream(OTHER_COUNTY), ["search:name"]),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"name": "于某", "phone": "13800000000"},
        {"name": None},
        {"name": ""},
        {"于某": 1},
        [],
        {"name": 1},
    ],
)
async def test_a_search_says_one_thing_and_its_faults_repeat_nothing(
    office: Office, log: io.StringIO, asked: Any
) -> None:
    async with office.client(office.token()) as client:
        answer = await client.post(SEARCH, json=asked)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")
    assert "于某" not in answer.text + log.getvalue()
    assert office.looks() == []


async def test_clear_text_is_shown_for_a_reason_that_is_on_record_first(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    watched = Watched(office.app(), office)
    headers = {"Authorization": f"Bearer {office.token()}"}
    asked = {"kinds": ["id-number", "address"], "reason": REASON}
    async with AsyncClient(transport=ASGITransport(watched), base_url=HERE, headers=headers) as client:
        answer = await client.post(f"/v1/households/{household}/_reveal", json=asked)
    assert {(each["kind"], each["value"]) for each in answer.json()["items"]} == {
        ("id-number", stories.A1),
        ("id-number", stories.A2),
        ("address", "于家福宁村1号"),
    }
    assert watched.seen == [1]
    assert office.looks() == [(household, *BY, f"case-handling: {REASON}", ["address", "id-number"])]
    assert "no-store" in answer.headers["Cache-Control"]


async def test_only_the_persons_and_kinds_asked_for_are_shown(office: Office) -> None:
    life = stories.yu_accepted()
    household = office.tell(life)
    daughter = stories.person(life, 1)
    asked = {"kinds": ["name"], "reason": REASON, "persons": [str(daughter)]}
    async with office.client(office.token()) as client:
        answer = await client.post(f"/v1/households/{household}/_reveal", json=asked)
    assert answer.json()["items"] == [{"owner": str(daughter), "kind": "name", "value": "于某某"}]


async def test_an_erased_person_stays_erased_when_revealed(office: Office) -> None:
    life = stories.yu_accepted()
    household = office.tell(life)
    office.store.erase(stories.person(life, 0))
    async with office.client(office.token()) as client:
        asked = {"kinds": ["id-number"], "reason": REASON}
        answer = await client.post(f"/v1/households/{household}/_reveal", json=asked)
    assert stories.A1 not in answer.text
    assert stories.A2 in answer.text


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"kinds": ["id-number"]}, "/reason"),
        ({"kinds": ["id-number"], "reason": "看"}, "/reason"),
        ({"kinds": ["id-number"], "reason": f"核对{stories.A1}"}, "/reason"),
        ({"kinds": [], "reason": REASON}, "/kinds"),
        ({"kinds": ["text"], "reason": REASON}, "/kinds/0"),
    ],
)
async def test_without_a_fit_reason_nothing_is_shown(
    office: Office, asked: dict[str, Any], pointer: str
) -> None:
    household = office.tell(stories.yu_accepted())
    async with office.client(office.token()) as client:
        answer = await client.post(f"/v1/households/{household}/_reveal", json=asked)
    assert answer.status_code == 400
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert stories.A1 not in answer.text
    assert office.looks() == []


async def test_nothing_is_revealed_or_searched_when_that_cannot_be_recorded(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    with psycopg.connect(office.databases.store) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION es_record_access FROM hulian_app")
    async with office.client(office.token()) as client:
        asked = {"kinds": ["id-number"], "reason": REASON}
        answers = [
            await client.post(f"/v1/households/{household}/_reveal", json=asked),
            await client.post(SEARCH, json={"idNumber": stories.A1}),
            await client.get(f"/v1/households/{uuid4()}"),
        ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (503, "look-not-recorded")
    ] * 3


async def test_a_foreign_household_reveals_nothing(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    async with office.client(office.token(OTHER_COUNTY)) as client:
        asked = {"kinds": ["id-number"], "reason": REASON}
        answer = await client.post(f"/v1/households/{household}/_reveal", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (404, "household-unknown")
    assert [record[-1] for record in office.looks(household)] == [["refused"]]


async def test_who_asks_too_often_is_told_when_to_come_back(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    app = office.app(limits=RateLimits({Limited.SEARCH: 2, Limited.REVEAL: 1, Limited.LOGIN: 2}))
    asked = {"kinds": ["name"], "reason": REASON}
    async with office.client(office.token(), app) as client:
        searched = [(await client.post(SEARCH, json={"name": "某"})) for _ in range(3)]
        revealed = [await client.post(f"/v1/households/{household}/_reveal", json=asked) for _ in range(2)]
        allowed = await client.get(f"/v1/households/{household}")
    async with office.client(office.token("3707"), app) as client:
        another = await client.post(SEARCH, json={"name": "某"})
    async with office.client("bad.token", app) as client:
        guessed = [await client.get("/v1/households") for _ in range(3)]
    async with office.client(office.token(), app) as client:
        still = await client.get("/v1/households")
    assert [answer.status_code for answer in searched] == [200, 200, 429]
    assert [answer.status_code for answer in revealed] == [200, 429]
    assert [answer.status_code for answer in guessed] == [401, 401, 429]
    assert (allowed.status_code, another.status_code, still.status_code) == (200, 200, 200)
    for late in (searched[-1], revealed[-1], guessed[-1]):
        assert late.json()["code"] == "too-many-requests"
        assert 1 <= int(late.headers["Retry-After"]) <= 60


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.FINANCE, Role.OPERATOR, Role.SYSTEM])
async def test_who_may_not_look_may_not_search(office: Office, role: Role) -> None:
    async with office.client(office.token(role=role)) as client:
        answer = await client.post(SEARCH, json={"name": "于某"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-allowed")

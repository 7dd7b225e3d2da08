"""Reads of households: what is shown, to whom, and that each is on record first."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from httpx2 import ASGITransport, AsyncClient, Response

from api.access.identity import Role
from eventstore.lanes import lane_of
from tests import stories
from tests.api.office import (
    HERE,
    OTHER_COUNTY,
    OTHER_VILLAGE,
    YU_COUNTY,
    YU_TOWNSHIP,
    YU_VILLAGE,
    Office,
    Watched,
)

SECRETS = (stories.A1, stories.A2, stories.A1[6:14], "于某", "于家福宁村1号")


def assert_masked(answer: Response) -> None:
    for secret in SECRETS:
        assert secret not in answer.text


async def test_a_household_is_shown_whole_and_masked(office: Office) -> None:
    household = office.tell(stories.yu_confirmed())
    async with office.client(office.token()) as client:
        answer = await client.get(f"/v1/households/{household}")
    assert answer.status_code == 200
    assert_masked(answer)
    shown = answer.json()
    assert [(m["name"], m["idNumber"], m["relation"], m["birthYear"]) for m in shown["members"]] == [
        ("于*", "990101********0013", "head", 1973),
        ("于**", "990101********0025", "daughter", 2001),
    ]
    assert [(c["subject"], c["category"], c["from"], c["to"]) for c in shown["categories"]] == [
        (None, "DIBAO", "2021-07-26", None)
    ]
    assert [(b["kind"], b["firstMonth"], b["lastMonth"]) for b in shown["benefits"]] == [
        ("DIBAO", "2021-08", None)
    ]
    assert (shown["cycle"], shown["region"], shown["case"]) == (1, YU_VILLAGE, None)
    assert answer.headers["ETag"] == f'"v{shown["version"]}"'
    assert answer.headers["X-Position"] == f"{lane_of(household)}:{shown['version']}"
    assert "no-store" in answer.headers["Cache-Control"]


async def test_running_deadlines_are_shown_with_their_rule(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    async with office.client(office.token()) as client:
        shown = (await client.get(f"/v1/households/{household}")).json()
    due = {each["what"]: each for each in shown["due"]}
    assert due["DL-DIB-INV"]["day"] == "2021-07-06"
    assert due["DL-DIB-INV"]["openedOn"] == "2021-07-01"
    assert due["DL-DIB-INV"]["rule"]
    assert due["DL-DIB-INV"]["title"] == "启动家庭经济状况调查"
    assert (shown["case"]["category"], shown["case"]["categoryWord"]) == ("DIBAO", "低保")
    assert (shown["case"]["step"], shown["case"]["stepTitle"]) == ("household.application-accepted.1", "受理")


async def test_the_chain_tells_every_step_in_order_without_names(office: Office) -> None:
    life = stories.yu_confirmed()
    household = office.tell(life)
    async with office.client(office.token()) as client:
        answer = await client.get(f"/v1/households/{household}/chain?limit=100")
    assert_masked(answer)
    steps = answer.json()["items"]
    assert [step["title"] for step in steps] == [type(event).title for event in life.events]
    assert [step["version"] for step in steps] == list(range(1, len(steps) + 1))
    accepted = next(step for step in steps if step["name"] == "household.application-accepted.1")
    assert (accepted["on"], accepted["actor"], accepted["organ"]) == (
        "2021-07-01",
        "w1",
        f"{YU_TOWNSHIP}/township",
    )
    started = next(step for step in steps if step["name"] == "household.investigation-started.1")
    assert (started["due"], started["inTime"]) == ("2021-07-06", True)
    assert answer.json()["next"] is None


async def test_a_chain_read_page_by_page_is_the_chain_also_while_it_grows(office: Office) -> None:
    life = stories.yu_reported()
    household = office.tell(life)
    seen: list[int] = []
    async with office.client(office.token()) as client:
        url: str | None = f"/v1/households/{household}/chain?limit=4"
        while url is not None:
            answer = await client.get(url)
            seen += [step["version"] for step in answer.json()["items"]]
            next_link = answer.headers.get("Link")
            assert (next_link is None) == (answer.json()["next"] is None)
            url = next_link.partition("<")[2].partition(">")[0] if next_link else None
    assert seen == list(range(1, len(life.events) + 1))


async def test_a_read_is_on_record_before_its_answer_begins(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    watched = Watched(office.app(), office)
    headers = {"Authorization": f"Bearer {office.token()}", "X-Purpose": "remedy"}
    async with AsyncClient(transport=ASGITransport(watched), base_url=HERE, headers=headers) as client:
        await client.get(f"/v1/households/{household}")
        await client.get(f"/v1/households/{household}/chain")
        await client.get("/v1/households")
    assert watched.seen == [1, 2, 3]
    by = ("c1", f"{YU_COUNTY}/civil-affairs", "remedy")
    assert office.looks() == [
        (household, *by, ["id-number", "name"]),
        (household, *by, ["chain"]),
        (household, *by, ["name"]),
    ]


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/households/{}", "/v1/households/{}/chain", "/v1/households/{}/history", "/v1/households"),
        *("/v1/work-items", "/v1/households/{}/work-items"),
    ],
)
async def test_nothing_is_shown_when_the_read_cannot_be_recorded(office: Office, path: str) -> None:
    household = office.tell(stories.yu_accepted())
    with psycopg.connect(office.databases.store) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION es_record_access FROM hulian_app")
    async with office.client(office.token()) as client:
        answer = await client.get(path.format(household))
    assert answer.status_code == 503
    assert answer.json()["code"] == "look-not-recorded"
    assert set(answer.json()) == {"type", "title", "status", "code", "requestId"}
    assert "于" not in answer.text
    assert office.looks() == []


async def test_an_unknown_and_a_foreign_household_answer_alike(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    async with office.client(office.token(OTHER_COUNTY)) as client:
        answers = [
            await client.get(f"/v1/households/{each}{part}")
            for part in ("", "/chain")
            for each in (household, uuid4())
        ]
    told = [{**answer.json(), "requestId": None} for answer in answers]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert told == [told[0]] * 4
    assert told[0]["type"] == "/problems/household-unknown"
    assert [record[1:] for record in office.looks(household)] == [
        ("c1", f"{OTHER_COUNTY}/civil-affairs", "case-handling", ["refused"])
    ] * 2
    assert len(office.looks()) == 4


@pytest.mark.parametrize("region", ["cn", "37", "3707", YU_COUNTY, YU_TOWNSHIP, YU_VILLAGE])
async def test_every_office_above_the_village_sees_the_household(office: Office, region: str) -> None:
    household = office.tell(stories.yu_registered())
    async with office.client(office.token(region)) as client:
        one = await client.get(f"/v1/households/{household}")
        listed = await client.get("/v1/households")
    assert one.status_code == 200
    assert [each["id"] for each in listed.json()["items"]] == [str(household)]


@pytest.mark.parametrize("region", ["370786101216", "370786001", "990301", "99"])
async def test_no_office_beside_sees_it(office: Office, region: str) -> None:
    household = office.tell(stories.yu_registered())
    async with office.client(office.token(region)) as client:
        one = await client.get(f"/v1/households/{household}")
        listed = await client.get("/v1/households")
    assert one.status_code == 404
    assert listed.json()["items"] == []


async def test_a_list_shows_what_holds_today_and_filters_by_category(office: Office) -> None:
    dibao = office.tell(stories.ling_confirmed())
    known = office.register(1, OTHER_VILLAGE)
    async with office.client(office.token(OTHER_COUNTY)) as client:
        everyone = (await client.get("/v1/households")).json()["items"]
        answer = await client.get("/v1/households", params={"category": "DIBAO"})
        nobody = await client.get("/v1/households", params={"category": "TEKUN"})
        below = await client.get("/v1/households", params={"region": OTHER_VILLAGE})
    assert {each["id"] for each in everyone} == {str(dibao), str(known)}
    (item,) = answer.json()["items"]
    assert (item["id"], item["category"], item["members"]) == (str(dibao), "DIBAO", 3)
    assert item["categoryWord"] == "低保"
    assert item["head"]["name"] == "岭*"
    assert item["monthlyFen"] > 0
    assert nobody.json() == {"items": [], "next": None}
    assert len(below.json()["items"]) == 2


async def test_a_list_tells_the_case_and_what_comes_next_in_words(office: Office) -> None:
    office.tell(stories.yu_accepted())
    async with office.client(office.token()) as client:
        (item,) = (await client.get("/v1/households")).json()["items"]
    assert (item["caseStep"], item["caseStepTitle"]) == ("household.application-accepted.1", "受理")
    assert (item["caseCategory"], item["caseCategoryWord"]) == ("DIBAO", "低保")
    assert item["nextTitle"] not in (None, item["nextWhat"])
    assert item["lastTitle"] == "受理"


async def test_lists_and_searches_stand_behind_the_second_wall(office: Office) -> None:
    """Whatever the questions before it let through, the database shows an office its own households only."""
    household = office.tell(stories.ling_confirmed())
    with psycopg.connect(office.databases.store) as connection:
        # the application itself may not read the cards now: only who reads for an area may
        connection.execute("REVOKE ALL ON ALL TABLES IN SCHEMA read_card FROM hulian_app")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA read_card TO hulian_reader")
    answers = {}
    for region in (OTHER_COUNTY, YU_COUNTY):
        async with office.client(office.token(region)) as client:
            listed = await client.get("/v1/households")
            found = await client.post("/v1/households/_search", json={"name": "岭某"})
            answers[region] = ([each["id"] for each in listed.json()["items"]], len(found.json()["items"]))
    assert answers[OTHER_COUNTY][0] == [str(household)]
    assert answers[YU_COUNTY] == ([], 0)


async def test_a_list_of_another_area_is_refused(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        upper = await client.get("/v1/households", params={"region": YU_COUNTY})
        beside = await client.get("/v1/households", params={"region": OTHER_COUNTY})
        unknown = await client.get("/v1/households", params={"region": "888888"})
    assert [(a.status_code, a.json()["code"]) for a in (upper, beside, unknown)] == [
        (403, "region-outside"),
        (403, "region-outside"),
        (422, "unknown-region"),
    ]


async def test_pages_neither_repeat_nor_lose_households_while_others_are_added(office: Office) -> None:
    there = {office.register(n, project=False) for n in range(23)}
    office.project()
    seen: list[UUID] = []
    added: set[UUID] = set()
    async with office.client(office.token()) as client:
        cursor: str | None = None
        while True:
            query = {"limit": "5"} | ({"cursor": cursor} if cursor else {})
            answer = await client.get("/v1/households", params=query)
            assert len(answer.json()["items"]) <= 5
            seen += [UUID(each["id"]) for each in answer.json()["items"]]
            cursor = answer.json()["next"]
            if cursor is None:
                break
            added |= {office.register(100 + len(added) + n) for n in range(2)}
    assert len(seen) == len(set(seen))
    assert there <= set(seen) <= there | added
    assert sorted(record[0] for record in office.looks()) == sorted(seen)


async def test_a_cursor_is_good_for_its_own_query_only(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    for n in range(3):
        office.register(n)
    async with office.client(office.token()) as client:
        cursor = (await client.get("/v1/households", params={"limit": 1})).json()["next"]
        of_chain = (await client.get(f"/v1/households/{household}/chain?limit=1")).json()["next"]
        swapped = "A" if cursor[-3] != "A" else "B"
        refused = [
            await client.get("/v1/households", params=query)
            for query in (
                {"cursor": cursor[:-3] + swapped + cursor[-2:]},
                {"cursor": "B" + cursor[1:] if cursor[0] != "B" else "C" + cursor[1:]},
                {"cursor": cursor, "category": "DIBAO"},
                {"cursor": cursor, "region": YU_TOWNSHIP},
                {"cursor": of_chain},
                {"cursor": ""},
                {"cursor": "十"},
                {"cursor": "e30"},
            )
        ]
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        refused.append(await client.get("/v1/households", params={"cursor": cursor}))
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (400, "cursor-invalid")
    ] * len(refused)


async def test_a_reader_waits_for_what_was_just_written(office: Office) -> None:
    household = office.register(1, project=False)
    position = office.store.heads()[lane_of(household)]
    headers = {"X-Min-Position": f"{lane_of(household)}:{position}"}
    async with office.client(office.token()) as client:
        waiting = asyncio.create_task(client.get(f"/v1/households/{household}", headers=headers))
        await asyncio.to_thread(office.project)
        answer = await waiting
        wrong = await client.get("/v1/households", headers={"X-Min-Position": "999:1"})
    assert answer.status_code == 200
    assert answer.headers["X-Position"] == headers["X-Min-Position"]
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/X-Min-Position")


async def test_a_reader_is_told_when_it_cannot_wait_any_longer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.freshness.WAIT_SECONDS", 0.05)
    household = office.register(1, project=False)
    headers = {"X-Min-Position": f"{lane_of(household)}:1"}
    async with office.client(office.token()) as client:
        answer = await client.get(f"/v1/households/{household}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-seen-yet")
    assert answer.headers["Retry-After"] == "1"


async def test_many_ask_at_once_and_each_is_on_record(office: Office) -> None:
    household = office.tell(stories.yu_confirmed())
    async with office.client(office.token()) as client:
        answers = await asyncio.gather(
            *(client.get(f"/v1/households/{household}{part}") for part in ("", "/chain") for _ in range(30))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 2
    assert len(office.looks(household)) == 60


async def test_an_erased_person_reads_as_erased(office: Office) -> None:
    life = stories.yu_registered()
    household = office.tell(life)
    office.store.erase(stories.person(life, 0))
    async with office.client(office.token()) as client:
        shown = (await client.get(f"/v1/households/{household}")).json()
    assert [(m["name"], m["idNumber"]) for m in shown["members"]] == [
        ("（信息已抹除）", "（信息已抹除）"),
        ("于**", "990101********0025"),
    ]


async def test_the_purpose_is_one_the_role_may_have(office: Office) -> None:
    household = office.tell(stories.yu_registered())
    asked: list[Any] = []
    for role, purpose in (
        (Role.CASEWORKER, "audit"),
        (Role.AUDITOR, "case-handling"),
        (Role.SUPERVISOR, None),
        (Role.CASEWORKER, "curiosity"),
        (Role.AUDITOR, None),
    ):
        headers = {"X-Purpose": purpose} if purpose else {}
        async with office.client(office.token(role=role)) as client:
            answer = await client.get(f"/v1/households/{household}", headers=headers)
        asked.append((answer.status_code, answer.json().get("code")))
    assert asked == [
        (403, "purpose-not-allowed"),
        (403, "purpose-not-allowed"),
        (403, "role-not-allowed"),
        (400, "invalid-request"),
        (200, None),
    ]
    assert [record[3:] for record in office.looks()] == [
        ("audit", ["refused"]),
        ("case-handling", ["refused"]),
        ("not-stated", ["refused"]),
        ("audit", ["id-number", "name"]),
    ]

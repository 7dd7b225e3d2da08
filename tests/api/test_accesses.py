"""Who looked at a household: told to auditors, page by page, the question itself among the looks."""

from __future__ import annotations

from uuid import uuid4

from api.access.identity import Role
from tests import stories
from tests.api.office import OTHER_COUNTY, YU_COUNTY, Office, Watched
from tests.api.test_search import REASON


async def test_an_auditor_sees_who_looked_what_for_and_at_what(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    here = f"/v1/households/{household}"
    async with office.client(office.token()) as clerk:
        await clerk.get(here)
        await clerk.get(f"{here}/chain", headers={"X-Purpose": "remedy"})
        await clerk.post(f"{here}/_reveal", json={"kinds": ["phone", "name"], "reason": REASON})
    async with office.client(office.token(OTHER_COUNTY)) as stranger:
        await stranger.get(here)
    async with office.client(office.token(role=Role.AUDITOR)) as auditor:
        answer = await auditor.get(f"{here}/accesses")
    assert answer.status_code == 200
    items = answer.json()["items"]
    organ = f"{YU_COUNTY}/civil-affairs"
    assert [
        (each["organ"], each["purpose"], each["reason"], each["seenWords"], each["refused"]) for each in items
    ] == [
        (organ, "audit", None, ["查阅记录"], False),
        (f"{OTHER_COUNTY}/civil-affairs", "case-handling", None, [], True),
        (organ, "case-handling", REASON, ["姓名"], False),
        (organ, "remedy", None, ["救助链"], False),
        (organ, "case-handling", None, ["身份证号", "姓名"], False),
    ]
    assert {each["officer"] for each in items} == {"c1"}
    assert items[0]["purposeWord"] == "审计监督"
    assert [each["at"] for each in items] == sorted((each["at"] for each in items), reverse=True)
    assert "于某" not in answer.text


async def test_nobody_but_an_auditor_is_told_and_asking_is_on_record(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    for role in (Role.CASEWORKER, Role.SUPERVISOR):
        async with office.client(office.token(role=role)) as client:
            answer = await client.get(f"/v1/households/{household}/accesses")
        assert answer.status_code == 403
    assert answer.json()["code"] == "role-not-allowed"
    async with office.client(office.token(OTHER_COUNTY, Role.AUDITOR)) as client:
        foreign = await client.get(f"/v1/households/{household}/accesses")
        unknown = await client.get(f"/v1/households/{uuid4()}/accesses")
    assert [(each.status_code, each.json()["code"]) for each in (foreign, unknown)] == [
        (404, "household-unknown")
    ] * 2
    assert [record[-1] for record in office.looks(household)] == [["refused"]] * 3


async def test_the_question_is_on_record_before_its_answer_begins(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    watched = Watched(office.app(), office)
    async with office.client(office.token(role=Role.AUDITOR), watched) as client:  # type: ignore[arg-type]
        await client.get(f"/v1/households/{household}/accesses")
    assert watched.seen == [1]


async def test_pages_of_accesses_neither_repeat_nor_lose_any_while_others_look(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    here = f"/v1/households/{household}"
    async with office.client(office.token()) as clerk:
        for _ in range(7):
            await clerk.get(f"{here}/chain")
    told: list[str] = []
    async with office.client(office.token(role=Role.AUDITOR)) as auditor:
        url = f"{here}/accesses?limit=3"
        while url:
            answer = await auditor.get(url)
            told += [each["id"] for each in answer.json()["items"] if each["seen"] == ["chain"]]
            url = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
        first = (await auditor.get(f"{here}/accesses?limit=1")).json()["next"]
        other = office.register(1)
        wrong = await auditor.get(f"/v1/households/{other}/accesses", params={"cursor": first})
    assert len(told) == len(set(told)) == 7
    assert (wrong.status_code, wrong.json()["code"]) == (400, "cursor-invalid")

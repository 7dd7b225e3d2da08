"""What else is read of households: work, statements, history, durations; and counts for supervisors."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from api.access.identity import Role
from tests import stories
from tests.api.clerk import FAMILY, give, register
from tests.api.office import OTHER_COUNTY, OTHER_VILLAGE, YU_COUNTY, YU_TOWNSHIP, YU_VILLAGE, Office


async def test_the_work_list_tells_who_must_do_what_by_when(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    other = office.register(1)
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        answer = await client.get("/v1/work-items")
        counts = await client.get("/v1/work-items/counts")
        one = await client.get(f"/v1/households/{household}/work-items")
    items = [item for item in answer.json()["items"] if item["household"] == str(household)]
    assert items == one.json()["items"]
    begin = next(item for item in items if item["step"] == "start-investigation")
    assert (begin["office"], begin["due"], begin["overdue"]) == ("township", "2021-07-06", True)
    assert begin["title"] == "启动家庭经济状况调查"
    assert (begin["what"], begin["whatTitle"]) == ("DL-DIB-INV", "启动家庭经济状况调查")
    assert (begin["category"], begin["categoryWord"]) == ("DIBAO", "低保")
    assert begin["head"]["name"] == "于*"
    assert "于某" not in answer.text + one.text
    assert {count["step"]: count["open"] for count in counts.json()["items"]}["start-investigation"] == 1
    # one look at each household of the page, however many duties it has
    assert [record[-1] for record in office.looks(household)] == [["name", "work-items"]] * 2
    assert other not in {record[0] for record in office.looks()}


async def test_work_is_listed_by_area_office_and_officer(office: Office) -> None:
    household = office.tell(stories.yu_accepted())

    async def asked(region: str, query: str = "") -> set[str]:
        async with office.client(office.token(region)) as client:
            answer = await client.get(f"/v1/work-items?{query}")
        assert answer.status_code == 200, answer.text
        return {item["office"] for item in answer.json()["items"] if item["household"] == str(household)}

    everyone = await asked(YU_COUNTY)
    assert "township" in everyone
    assert await asked(YU_TOWNSHIP, "whose=office") == {"township"}
    assert await asked(YU_COUNTY, "whose=office") <= {"county"}
    assert await asked(YU_COUNTY, "whose=mine") == set()
    assert await asked(OTHER_COUNTY) == set()
    assert await asked(YU_COUNTY, "overdue=true&step=start-investigation") == {"township"}
    assert await asked(YU_COUNTY, "category=MARGINAL") == set()


async def test_pages_of_work_neither_repeat_nor_lose_anything(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        for number in range(5):
            body = {**FAMILY, "members": [{"key": "A", "name": f"测试{number}", "relation": "head"}]}
            told = (await register(client, body)).json()
            alert = {"on": "2021-06-28", "code": "E-EXP-01", "level": "RED"}
            await give(client, told["household"], "raise-alert", told["version"], **alert)
        office.project()
        whole = (await client.get("/v1/work-items?limit=100")).json()["items"]
        paged, url = [], "/v1/work-items?limit=2"
        while url:
            answer = await client.get(url)
            paged += answer.json()["items"]
            url = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
        first = (await client.get("/v1/work-items?limit=1")).json()["next"]
        wrong = await client.get("/v1/work-items", params={"cursor": first, "overdue": "true"})
    assert len(whole) >= 5
    assert paged == whole
    assert (wrong.status_code, wrong.json()["code"]) == (400, "cursor-invalid")


async def test_the_whole_country_is_not_listed_at_once(office: Office) -> None:
    async with office.client(office.token("cn")) as client:
        answer = await client.get("/v1/work-items")
        below = await client.get("/v1/work-items", params={"region": YU_COUNTY})
    assert (answer.status_code, answer.json()["code"]) == (400, "region-needed")
    assert below.status_code == 200


async def test_the_benefit_statement_and_the_status_tell_the_family_what_it_has(office: Office) -> None:
    household = office.tell(stories.yu_confirmed())
    async with office.client(office.token()) as client:
        statement = await client.get(f"/v1/households/{household}/benefit-statement")
        status = await client.get(f"/v1/households/{household}/status")
    held = {(each["kind"], each["code"]): each for each in statement.json()["holdings"]}
    assert held["category", "DIBAO"]["from"] == "2021-07-26"
    assert statement.json()["monthlyFen"] == held["benefit", "DIBAO"]["fen"] > 0
    (aid,) = statement.json()["aids"]
    assert (aid["fen"], aid["state"]) == (553_700, "settled")
    assert (status.json()["category"], status.json()["case"]["stage"]) == ("DIBAO", "confirmed")
    assert status.json()["lastPaid"]["fen"] == 553_700
    assert [record[-1] for record in office.looks(household)] == [["benefit-statement"], ["status"]]


async def test_history_tells_what_held_on_a_day_and_what_was_known_then(office: Office) -> None:
    household = office.tell(stories.yu_confirmed())
    recorded = office.store.load(household).rows[-1].recorded_at
    async with office.client(office.token()) as client:
        path = f"/v1/households/{household}/history"
        before = await client.get(path, params={"validAt": "2021-07-25"})
        after = await client.get(path, params={"validAt": "2021-07-26"})
        then = await client.get(path, params={"knownAt": recorded.isoformat()})
        early = await client.get(path, params={"knownAt": (recorded - timedelta(days=1)).isoformat()})
        naive = await client.get(path, params={"knownAt": "2026-01-01T00:00:00"})
        future = await client.get(path, params={"knownAt": "2999-01-01T00:00:00Z"})
        nothing = await client.get(path, params={"validAt": "2021-06-27"})
    assert (before.json()["category"], before.json()["case"]["category"]) == (None, "DIBAO")
    assert (after.json()["category"], after.json()["case"]) == ("DIBAO", None)
    assert [member["relation"] for member in after.json()["members"]] == ["head", "daughter"]
    assert then.json()["version"] == office.store.load(household).version
    assert then.headers["ETag"] == f'"v{then.json()["version"]}"'
    assert (early.status_code, early.json()["code"]) == (404, "not-known-yet")
    assert (naive.status_code, naive.json()["errors"][0]["pointer"]) == (400, "/knownAt")
    assert (future.status_code, future.json()["code"]) == (400, "known-in-future")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "not-registered-then")
    assert "2021-06-28" in nothing.json()["title"]
    shown = [["history", "name"]] * 3
    assert [record[-1] for record in office.looks(household)] == [*shown, ["history"], ["history"]]


async def test_history_names_its_members_masked_and_says_codes_in_words(office: Office) -> None:
    household = office.tell(stories.yu_confirmed())
    async with office.client(office.token()) as client:
        path = f"/v1/households/{household}/history"
        before = (await client.get(path, params={"validAt": "2021-07-20"})).json()
        answer = await client.get(path, params={"validAt": "2021-07-26"})
    after = answer.json()
    assert [(member["name"], member["relationWord"]) for member in after["members"]] == [
        ("于*", "户主"), ("于**", "女"),
    ]  # fmt: skip
    assert "于某" not in answer.text
    assert (after["category"], after["categoryWord"]) == ("DIBAO", "低保")
    assert before["case"]["categoryWord"] == "低保"
    assert before["case"]["stepTitle"] != before["case"]["step"]
    assert all(due["title"] != due["what"] for due in (*before["due"], *after["due"]))


async def test_what_was_recorded_later_does_not_change_what_was_known(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        told = (await register(client)).json()
        path = f"/v1/households/{told['household']}/history"
        known = datetime.now(UTC)
        answer = await give(
            client,
            told["household"],
            "raise-alert",
            told["version"],
            on="2021-06-28",
            code="E-EXP-01",
            level="RED",
        )
        office.project()
        then = await client.get(path, params={"knownAt": known.isoformat(), "validAt": "2021-06-30"})
        now = await client.get(path, params={"validAt": "2021-06-30"})
    assert (then.json()["version"], now.json()["version"]) == (3, answer.json()["version"])
    assert then.json()["due"] == []
    assert [due["what"] for due in now.json()["due"]] == ["DL-ALERT-R"]


async def test_durations_of_a_household_are_told_in_days_of_each_kind(office: Office) -> None:
    household = office.tell(stories.yu_confirmed())
    async with office.client(office.token()) as client:
        answer = await client.get(f"/v1/households/{household}/durations")
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert items
    for item in items:
        assert item["title"]
        assert item["days"]["calendar"] == sum(days["calendar"] for days in item["byHolder"].values())
    assert [record[-1] for record in office.looks(household)] == [["durations"]]


REPORTS = (
    "/v1/reports/durations?stage=decision&firstMonth=2021-01&lastMonth=2021-12",
    "/v1/reports/figures?what=accepted&firstMonth=2021-01&lastMonth=2021-12",
    "/v1/reports/headcount?firstMonth=2021-01&lastMonth=2021-12",
)


@pytest.mark.parametrize("path", REPORTS)
async def test_reports_say_when_nothing_was_merged_and_who_may_ask(office: Office, path: str) -> None:
    async with office.client(office.token(role=Role.SUPERVISOR)) as client:
        answer = await client.get(path)
        outside = await client.get(f"{path}&area={OTHER_COUNTY}")
        reversed_months = await client.get(path.replace("lastMonth=2021-12", "lastMonth=2020-12"))
    async with office.client(office.token(role=Role.FINANCE)) as client:
        refused = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing-counted")
    assert (outside.status_code, outside.json()["code"]) == (403, "region-outside")
    assert (reversed_months.status_code, reversed_months.json()["code"]) == (400, "months-reversed")
    assert (refused.status_code, refused.json()["code"]) == (403, "reports-not-allowed")


async def test_a_report_counts_on_the_cut_it_names(office: Office) -> None:
    from projections.merging import merge
    from tests.scenario import reference

    office.tell(stories.yu_confirmed())
    office.register(1, OTHER_VILLAGE)
    cut = office.store.cut(uuid4(), "test")
    with psycopg.connect(office.databases.app) as connection:
        merge(connection, cut, lambda county: reference().ground(county, date(2021, 7, 1)).calendar)
    async with office.client(office.token(role=Role.SUPERVISOR)) as client:
        accepted = await client.get(REPORTS[1])
        heads = await client.get(REPORTS[2])
        long = await client.get(REPORTS[0])
        known = await client.get(f"{REPORTS[1]}&cut={cut.id}")
        unknown = await client.get(f"{REPORTS[1]}&cut={uuid4()}")
        villages = await client.get(f"{REPORTS[0]}&level=village")
    assert accepted.json()["ground"]["cut"] == str(cut.id)
    assert [(each["area"], each["month"], each["homes"]) for each in accepted.json()["items"]] == [
        (YU_COUNTY, "2021-07", 1)
    ]
    assert {(each["month"], each["heads"]) for each in heads.json()["items"]} == {
        (f"2021-{month:02d}", 2) for month in range(7, 13)
    }
    # a single case is no statistic
    assert all(each["n"] is None for each in long.json()["items"])
    assert known.json() == accepted.json()
    assert unknown.status_code == 404
    assert (villages.status_code, villages.json()["code"]) == (422, "level-not-counted")


async def test_a_household_that_went_on_in_another_shows_the_way(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        single = {**FAMILY, "members": [{"key": "B", "name": "于某兰", "relation": "head"}]}
        old, new = (await register(client, single)).json(), (await register(client)).json()
        office.project()
        shown = (await client.get(f"/v1/households/{old['household']}")).json()
        body = {
            "on": "2021-06-29",
            "into": new["household"],
            "members": [{"person": shown["members"][0]["person"], "relation": "other"}],
        }
        joined = await give(client, old["household"], "join-household", old["version"], "join-key", **body)
        assert joined.status_code == 200, joined.text
        office.project()
        here, there = f"/v1/households/{old['household']}", f"/v1/households/{new['household']}"
        again = await give(client, old["household"], "join-household", old["version"], "join-key", **body)
        ways = [
            await client.get(f"{here}?x=1"),
            await client.get(f"{here}/status"),
            await client.get(f"{here}/work-items"),
            await give(
                client, old["household"], "raise-alert", 9, on="2021-07-01", code="E-EXP-01", level="RED"
            ),
        ]
        chain = await client.get(f"{here}/chain")
        history = await client.get(f"{here}/history", params={"validAt": "2021-06-28"})
        since = await client.get(f"{here}/history", params={"validAt": "2021-06-29"})
        other = await client.get(ways[1].headers["Location"])
    assert [way.status_code for way in ways] == [308] * 4
    assert [way.headers["Location"] for way in ways] == [
        f"{there}?x=1", f"{there}/status", f"{there}/work-items", f"{there}/raise-alert",
    ]  # fmt: skip
    assert {way.json()["household"] for way in ways} == {new["household"]}
    # what was is still to be read, and who repeats the joining is told what it did
    assert (chain.status_code, history.status_code, other.status_code) == (200, 200, 200)
    assert history.json()["joinedInto"] == new["household"]
    # from the day of the joining on its history is the other's
    assert (since.status_code, since.headers["Location"]) == (308, f"{there}/history?validAt=2021-06-29")
    assert (again.status_code, again.json()) == (200, joined.json())
    assert [each["household"] for each in joined.json()["others"]] == [new["household"]]


async def test_a_household_split_off_has_a_place_of_its_own(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        told = (await register(client)).json()
        office.project()
        shown = (await client.get(f"/v1/households/{told['household']}")).json()
        body = {
            "on": "2021-06-29",
            "region": YU_VILLAGE,
            "members": [{"person": shown["members"][1]["person"], "relation": "head"}],
        }
        split = await give(client, told["household"], "split-household", told["version"], "split-me", **body)
        assert split.status_code == 201, split.text
        again = await give(client, told["household"], "split-household", told["version"], "split-me", **body)
        office.project()
        apart = await client.get(
            split.headers["Location"], headers={"X-Min-Position": split.headers["X-Position"]}
        )
    (other,) = split.json()["others"]
    assert split.headers["Location"] == f"/v1/households/{other['household']}"
    assert apart.json()["version"] == other["version"]
    assert (again.status_code, again.json(), again.headers["Location"]) == (
        201, split.json(), split.headers["Location"],
    )  # fmt: skip

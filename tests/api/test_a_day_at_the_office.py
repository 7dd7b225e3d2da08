"""A day at the sample office, driven through the API alone: what every road of the law comes to when people walk it.

The office is the sample's, of sixty households, on a real store behind a real socket, its projector beside it. The
clock on the wall goes from 3 August 2026 on, as far as one family's application needs.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import psycopg

from api.access.identity import Role
from projections.engine.proof import digest_of
from projections.registry import ALL
from tests import stories
from tests.api import day_application as application
from tests.api import day_households as households
from tests.api.clerk import FAMILY
from tests.api.day import COUNTY, ELSEWHERE, OTHER_TOWNSHIP, TOWNSHIP, Day, Listener, opened_day
from tests.api.day_clerk import Clerk
from tests.database import Databases
from workers.statistics import cut_of, merge_cut

ELSEWHERE_TOWNSHIP = f"{ELSEWHERE}101"


def test_a_day_at_the_sample_office(databases: Databases, tmp_path: Path, log: io.StringIO) -> None:
    with opened_day(databases, tmp_path) as day, ExitStack() as desks:

        def desk(officer: str, organ: str, *roles: Role) -> Clerk:
            return desks.enter_context(Clerk(day, officer, organ, *roles))

        township, county = f"{TOWNSHIP}/township", f"{COUNTY}/civil-affairs"
        w1, w2 = (desk(each, township) for each in ("w1", "w2"))
        w5, w6 = (desk(each, f"{OTHER_TOWNSHIP}/township") for each in ("w5", "w6"))
        c1, c2, c3 = (desk(each, county) for each in ("c1", "c2", "c3"))
        f1, a1 = desk("f1", county, Role.FINANCE), desk("a1", county, Role.AUDITOR)
        v1, v2 = (desk(f"v{n}", f"{TOWNSHIP}20{n}/village") for n in (1, 2))
        x1 = desk("w1", f"{ELSEWHERE_TOWNSHIP}/township")
        hall = application.Hall(w1, w2, c1, c2, c3)
        listeners = listening(day)
        morning(day, w1, c1)
        family = application.an_agent_applies(day, hall)
        application.papers_are_missing(day, hall, family)
        its_village_sees_it(v1, v2, family.household)
        application.it_is_investigated(day, hall, family)
        application.its_notice_is_objected_to(day, hall, family)
        application.the_county_decides(day, hall, family)
        application.the_family_is_told(day, hall, family)
        alone = households.the_daughter_leaves(day, w1, c1, family)
        mourning = households.a_death_is_told_late(day, w1, c2, f1)
        delegated = households.a_township_decides(day, w5, w6, c1, c3)
        households.what_was_wrong_is_put_right(day, w5, a1, delegated)
        households.what_was_known(a1, mourning)
        two_clerks_at_once(day, w1, w2)
        theirs = another_county(day, x1, family.household)
        found = c1.searches(idNumber=str(application.MEMBERS[2]["idNumber"]))
        assert {UUID(each["id" if "id" in each else "household"]) for each in found} == {
            family.household,
            alone,
        }
        evening(day, c1, a1)
        everybody_was_told(day, listeners, theirs)
        every_look_is_on_record(day)
        day.closes()
        for listener in listeners.values():
            listener.join(20)
            assert not listener.is_alive()
        nobody_is_named_in_the_log(day, log.getvalue())
        what_is_read_can_be_built_anew(day, databases)


def listening(day: Day) -> Mapping[str, Listener]:
    """Three work lists open from the morning on: of a township, of the county, of a county elsewhere."""
    areas = {TOWNSHIP: "township", COUNTY: "civil-affairs", ELSEWHERE: "civil-affairs"}
    found = {}
    for area, department in areas.items():
        found[area] = Listener(day.base, day.token("l1", f"{area}/{department}"))
        found[area].start()
        found[area].until(set())
    return found


def morning(day: Day, w1: Clerk, c1: Clerk) -> None:
    """The township's clerk goes through the work list: all of it, the office's, her own, what is late."""
    area = w1.work("area", limit=100)
    assert [item["due"] or "9999" for item in area] == sorted(item["due"] or "9999" for item in area)
    assert len(area) > 30
    assert {item["village"][:9] for item in area} == {TOWNSHIP}
    assert w1.work("area", limit=7) == area  # page by page the same
    office = w1.work("office", limit=100)
    assert office == [item for item in area if item["office"] == "township"]
    mine = w1.work("mine", limit=100)
    assert {item["officer"] for item in mine} == {"w1"}
    assert 0 < len(mine) < len(area)
    late = c1.work("area", overdue=True, limit=100)
    assert late == [item for item in c1.work("area", limit=100) if item["overdue"]]
    assert all(item["due"] < day.today.isoformat() for item in late)
    kinds = ("alert-late", "accepted-late", "county-late", "check-late")
    forgotten = {str(each) for kind in kinds for each in day.kinds[kind]}
    assert forgotten <= {item["household"] for item in late}
    counts = w1.asks("/v1/work-items/counts").json()["items"]
    assert sum(each["open"] for each in counts) == len(area)
    assert sum(each["overdue"] for each in counts) == sum(item["overdue"] for item in area)
    abroad = w1.asks("/v1/work-items", region=OTHER_TOWNSHIP)
    assert (abroad.status_code, abroad.json()["code"]) == (403, "region-outside")


def its_village_sees_it(v1: Clerk, v2: Clerk, household: UUID) -> None:
    """The village the family lives in may tell it how far its application is; the next village may not."""
    assert v1.stage(household)[0] == "accepted"
    v2.is_not_shown(household, "status")


def two_clerks_at_once(day: Day, w1: Clerk, w2: Clerk) -> None:
    """Both accept the same application: one does, the other is told the version there is, and sees whose it is."""
    household = waiting(day)
    version = w1.sees(household)["version"]
    together = Barrier(2)

    def accept(clerk: Clerk) -> tuple[Clerk, Any]:
        together.wait()
        return clerk, clerk.gives(household, "accept-application", based_on=version)

    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(accept, (w1, w2)))
    (first, done), (second, late) = sorted(answers, key=lambda answer: answer[1].status_code)
    assert (done.status_code, late.status_code) == (200, 412)
    assert (late.json()["code"], late.json()["currentVersion"]) == ("version-conflict", version + 1)
    assert late.headers["ETag"] == done.headers["ETag"] == f'"v{version + 1}"'
    assert (late.json()["changedBy"]["officer"], late.json()["changedBy"]["title"]) == (first.officer, "受理")
    second.noted("last-step")
    first.wrote(done)
    last = households.chain_of(second, household)[-1]
    assert (last["version"], last["actor"]) == (version + 1, first.officer)
    again = second.gives(household, "accept-application", based_on=version + 1)
    assert (again.status_code, again.json()["news"]) == (200, False)
    one, other = (
        first.gives(household, "start-investigation", "one-step-once", version + 1) for _ in range(2)
    )
    first.wrote(one)
    assert ("Idempotent-Replayed" in one.headers, other.headers["Idempotent-Replayed"]) == (False, "true")
    assert (one.status_code, one.json()) == (other.status_code, other.json())
    assert other.json()["version"] == version + 2
    changed = first.gives(household, "request-verification", "one-step-once", version + 2)
    assert (changed.status_code, changed.json()["code"]) == (422, "changed-command")


def waiting(day: Day) -> UUID:
    """A family of the township that applied and was not answered."""
    kinds = ("applied", "by-agent", "papers-supplemented")
    return next(
        each.household
        for each in day.plans
        if each.kind.key in kinds and each.family.region.startswith(TOWNSHIP)
    )


def another_county(day: Day, x1: Clerk, household: UUID) -> UUID:
    """An officer of another county has a family of her own there, and sees, gives and lists nothing else."""
    for view in ("", "chain", "history", "documents", "status", "work-items"):
        x1.is_not_shown(household, view)
    day.versions[household] = 1
    x1.is_denied(household, "post-notice", "household-unknown", 404)
    del day.versions[household]
    body = {**FAMILY, "on": day.today.isoformat()}
    theirs, (father, _) = x1.registers(body.pop("region"), body.pop("members"), **body)
    x1.does(theirs, "apply", applicant=father)
    x1.is_refused(theirs, "accept-application", "delegation-not-allowed", delegated=True)
    assert {UUID(item["household"]) for item in x1.work("area")} == {theirs}
    assert [item["id"] for item in x1.page("/v1/households", "names")] == [str(theirs)]
    return theirs


def evening(day: Day, c1: Clerk, a1: Clerk) -> None:
    """The day is counted at a cut; what was counted there stays so, whatever is written after."""
    day.settles()
    one = day.installation
    cut = cut_of(one.store, day.today)
    assert merge_cut(one.pool, one.reference, cut, day.today)
    months = {"firstMonth": "2024-01", "lastMonth": "2026-10"}
    total = c1.report("durations", stage="total", category="DIBAO", **months)
    assert total["ground"]["cut"] == str(cut.id)
    (row,) = total["items"]
    assert (row["area"], row["n"]) == (COUNTY, happened(day, "classified", "application-refused"))
    assert row["p50"] <= row["p90"] <= row["p95"] <= row["longest"]
    said = {"applied": "applied", "objected": "notice-objected", "file-returned": "file-returned"}
    for what, name in said.items():
        report = c1.report("figures", what=what, **months)
        counted = [each for each in report["items"] if what != "objected" or each["detail"] == "notice"]
        assert sum(each["homes"] for each in counted) == happened(day, name), what
        assert report["ground"]["cut"] == str(cut.id)
    forgotten = day.kinds["accepted"][0]  # nobody began to look into it all these weeks
    missed = [
        step for step in households.chain_of(c1, forgotten) if step["name"].endswith("deadline-missed.1")
    ]
    assert [step["actor"] for step in missed] == ["system:deadlines"] * 2
    assert c1.to_do(forgotten)["start-investigation"] == missed[0]["facts"]["day"]
    overdue = c1.report("figures", what="overdue", **months)["items"]
    assert sum(each["homes"] for each in overdue) == happened(day, "deadline-missed")
    august = {"firstMonth": "2026-08", "lastMonth": "2026-08"}
    asked = {"what": "objected", **august, "level": "village", "area": application.VILLAGE}
    mine = [each for each in a1.report("figures", **asked)["items"] if each["detail"] == "notice"]
    assert [(each["area"], each["month"], each["homes"]) for each in mine] == [
        (application.VILLAGE, "2026-08", 1)
    ]
    at_first = c1.report("figures", what="accepted", cut=str(cut.id), **months)
    c1.does(waiting(day), "receive-complaint", channel="hotline", about="procedure", text="久未答复")
    day.settles()
    later = cut_of(one.store, day.today, "later")
    assert merge_cut(one.pool, one.reference, later, day.today)
    complaints = {
        each: sum(
            item["homes"] for item in c1.report("figures", what="complaint", cut=each, **months)["items"]
        )
        for each in (str(cut.id), str(later.id))
    }
    assert complaints[str(later.id)] == complaints[str(cut.id)] + 1 == happened(day, "complaint-received")
    assert c1.report("figures", what="accepted", cut=str(cut.id), **months) == at_first


def happened(day: Day, *names: str) -> int:
    """How often something of Dibao or of no category happened in the county, counted in the store itself."""
    stored = [f"household.{name}.1" for name in names]
    return int(
        day.rows(
            "SELECT count(*) FROM es_event WHERE name = ANY (%s)"
            " AND coalesce(convert_from(data, 'UTF8')::json ->> 'category', 'DIBAO') = 'DIBAO'"
            " AND starts_with(convert_from(meta, 'UTF8')::json ->> 'region', %s)",
            stored, COUNTY,
        )[0][0]
    )  # fmt: skip


def everybody_was_told(day: Day, listeners: Mapping[str, Listener], theirs: UUID) -> None:
    """Each stream told of every household touched in its area, and of no other; each is on record."""
    for area, listener in listeners.items():
        touched = day.touched(area)
        listener.until(touched)
        assert listener.households == touched
        assert listener.kinds[0] == "ready"
        assert "refresh" not in listener.kinds
        seen = day.rows(
            "SELECT DISTINCT subject FROM es_access WHERE actor = 'l1' AND starts_with(organ, %s || '/')"
            " AND 'work-item-events' = ANY (fields)",
            area,
        )
        assert touched < {subject for (subject,) in seen}  # and the area itself
    assert len(listeners[TOWNSHIP].households) > 5
    assert listeners[ELSEWHERE].households == {theirs}


def every_look_is_on_record(day: Day) -> None:
    """Who looked at what, and how often: the clerks' own diary and the records agree to the last look."""
    on_record = {key: n for key, n in day.looks().items() if key[1] != "work-item-events"}
    assert on_record == dict(day.diary)
    assert sum(on_record.values()) > 200


def nobody_is_named_in_the_log(day: Day, text: str) -> None:
    """No name, number, address, account or word about a person stands in any line of the day."""
    sample = [
        str(member[name])
        for planned in day.plans
        for member in planned.family.members
        for name in ("name", "id_number")
    ]
    families = [(each.family.phone, each.family.account, each.family.address) for each in day.plans]
    typed = [*application.SECRETS, *households.SECRETS, stories.A1, stories.A2, str(FAMILY["address"])]
    for secret in (*typed, *sample, *(text for three in families for text in three)):
        assert secret not in text
    assert not re.search(r"(?<![0-9a-f])99[0-9]{15}[0-9X](?![0-9a-f])", text)
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line.get("event") == "request"]
    assert len(requests) > 200
    assert {line["route"] for line in requests} >= {
        "/v1/households/{household}/confirm-dibao",
        "/v1/work-items",
    }
    assert not [line for line in lines if line["level"] in ("error", "critical")]


def what_is_read_can_be_built_anew(day: Day, databases: Databases) -> None:
    """All read models thrown away and built from the events: the same, row by row."""
    live = digests(databases)
    with psycopg.connect(databases.app) as connection:
        for model in ALL:
            connection.execute(f"DROP SCHEMA read_{model.name} CASCADE".encode())
        connection.execute("DELETE FROM read_model")
        connection.execute("DELETE FROM read_checkpoint")
    day.installation.caught_up()
    assert digests(databases) == live
    assert day.rows("SELECT count(*) FROM read_parked") == [(0,)]


def digests(databases: Databases) -> dict[str, str]:
    """Every read model's digest."""
    with psycopg.connect(databases.store) as connection:
        return {model.name: digest_of(connection, model) for model in ALL}

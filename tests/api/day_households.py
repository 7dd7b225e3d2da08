"""Families of the day that change (家庭变动): a split, a death, a decision below, and what was wrong put right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.inquiry.sampling import is_drawn
from samples.office import Planned
from tests.api.day import OTHER_TOWNSHIP, Body, Day
from tests.api.day_application import Family, number
from tests.api.day_clerk import Clerk

VILLAGE = f"{OTHER_TOWNSHIP}203"
PAPER = "试验八一县民发〔2026〕12号"
MEMBERS: list[Body] = [
    {"key": "A", "name": "闻人拙", "relation": "head", "idNumber": number("99010119850923317")},
    # the register says 1951, her papers 1941
    {"key": "B", "name": "端木阿婆", "relation": "parent", "birth": "1951-03-02", "workCapacity": "none"},
]
SECRETS = tuple(str(member[name]) for member in MEMBERS for name in ("name", "idNumber") if name in member)


@dataclass
class Mourning:
    """The family of the death: who died, and the moments before and after it was known."""

    planned: Planned
    dead: UUID
    before: datetime
    after: datetime

    @property
    def household(self) -> UUID:
        return self.planned.household


def now() -> str:
    """This moment, as `knownAt` wants it."""
    return datetime.now(UTC).isoformat()


def claims_of(day: Day, person: UUID) -> list[tuple[UUID, str | None]]:
    """Which households hold a person's one category, until when."""
    rows = day.rows("SELECT holder, valid_to::text FROM es_claim WHERE key = %s", person)
    return [(holder, until) for holder, until in rows]


def the_daughter_leaves(day: Day, w1: Clerk, c1: Clerk, family: Family) -> UUID:
    """A split: one chain becomes two, each tells of the other, and nobody is aided in two places."""
    old, daughter = family.household, str(family.daughter)
    assert claims_of(day, family.daughter) == [(old, None)]
    leaving = [{"person": daughter, "relation": "head"}]
    w1.is_refused(old, "split-household", "not-same-county", members=leaving, region="370786101215")
    answer = w1.does(old, "split-household", members=leaving)
    (begun,) = answer["others"]
    new = UUID(begun["household"])
    assert answer["location"] == f"/v1/households/{new}"
    assert answer["names"] == ["household.members-split-off.1"]
    assert [step["name"] for step in begun["steps"]] == [
        "household.split-from.1",
        "household.member-arrived.1",
    ]
    here, there = w1.sees(old), w1.sees(new)
    assert {m["person"]: m["to"] for m in here["members"]} == {
        str(family.head): None, str(family.wife): None, daughter: "2026-09-17",
    }  # fmt: skip
    assert [(m["person"], m["relation"], m["from"]) for m in there["members"]] == [
        (daughter, "head", "2026-09-17")
    ]
    assert there["members"][0]["name"] == "祝**"  # her name went along, sealed as it was
    # both are looked at again, the old one's amount fixed anew by the county
    assert c1.to_do(old)["adjust-after-change"] == c1.to_do(new)["adjust-after-change"] == "2026-12-17"
    assert claims_of(day, family.daughter) == [(old, "2026-09-17")]
    w1.is_refused(old, "apply", "already-receives", applicant=family.head)
    w1.does(new, "apply", applicant=daughter, income=[])
    assert w1.stage(new)[0] == "submitted"
    again = {"members": leaving, "since": "2026-09-16"}
    w1.is_refused(old, "split-household", "later-change-recorded", **again)
    assert len(w1.sees(old, "history", validAt="2026-09-16")["members"]) == 3
    w1.learns_nothing(new, "history", "not-registered-then", validAt="2026-09-16")
    (one, other) = (w1.sees(each, "history", validAt="2026-09-17") for each in (old, new))
    assert (len(one["members"]), len(other["members"])) == (2, 1)
    assert (one["category"], other["category"], other["case"]["step"]) == ("DIBAO", None, "started")
    return new


def a_death_is_told_late(day: Day, w1: Clerk, c2: Clerk, f1: Clerk) -> Mourning:
    """Four weeks late: the month paid stays paid, the amount is fixed anew once the family was heard."""
    planned = next(each for each in day.plans if _is_the_one(each, w1))
    household = planned.household
    members = w1.sees(household)["members"]
    head, dead = (UUID(member["person"]) for member in members[:2])
    left = len(members) - 1
    statement = w1.sees(household, "benefit-statement")
    was, will = statement["monthlyFen"], left * 60_000 - 60_000
    assert will < was
    w1.is_denied(household, "order-payment", "command-not-allowed", 403)
    f1.is_not_shown(household, "", 403, "role-not-allowed")
    f1.is_refused(household, "order-payment", "month-skipped", month="2026-09")
    for month in ("2026-08", "2026-09"):
        f1.does(household, "order-payment", month=month)
    day.becomes("2026-09-18")
    for month in ("2026-08", "2026-09"):
        w1.sees(household)  # who pays out may not look, and is told the version
        f1.does(household, "settle-payment", month=month)
    paid = w1.sees(household, "benefit-statement")
    assert paid["receivedFen"] - statement["receivedFen"] == 2 * was
    before = datetime.now(UTC)
    died = {"person": dead, "diedOn": "2026-08-21", "evidence": "cremation-record"}
    w1.is_refused(household, "record-death", "steps-out-of-order", **{**died, "diedOn": "2026-09-19"})
    w1.does(household, "record-death", **died)
    after = datetime.now(UTC)
    assert c2.to_do(household)["adjust-after-death"] == "2026-11-23"  # 21 November is a Saturday
    assert c2.dues(household)["DL-DTH"] == "2026-11-23"
    c2.is_refused(household, "adjust-benefit", "check-missing", reasons="成员死亡，重新核算")
    day.becomes("2026-09-21")
    pension = [{"kind": "transfer", "period": "monthly", "fen": "600 元", "person": head}]
    w1.does(household, "recertify", income=pension)
    refused = c2.is_refused(household, "adjust-benefit", "hearing-not-held", reasons="成员死亡，重新核算")
    assert refused["ruleId"] == "L26 art.48"
    w1.does(household, "hear-opinion", about="reduction", heard=head, statement="知道了，同意")
    day.becomes("2026-09-22")
    c2.does(household, "adjust-benefit", reasons="成员死亡，重新核算")
    assert "DL-DTH" not in c2.dues(household)
    assert set(c2.to_do(household)) == {"recertify", "deliver-notice"}
    notice = c2.issues(household, "reduction-notice")
    page = c2.prints(household, notice)
    assert "行政复议" in page
    assert "行政诉讼" in page
    assert str(planned.family.members[0]["id_number"]) not in page
    day.becomes("2026-09-23")
    w1.does(household, "deliver-document", document=notice["id"], receivedBy=head)
    assert set(c2.to_do(household)) == {"recertify"}
    assert {"DL-FXS-FILE": "2026-11-23", "DL-XSL-FILE": "2027-03-23"}.items() <= c2.dues(household).items()
    (ruling,) = w1.sees(household, "status")["rulings"]
    assert (ruling["kind"], ruling["deliveredOn"], ruling["open"]) == (
        "reduction", "2026-09-23", ["行政复议", "行政诉讼"],
    )  # fmt: skip
    september, october = (
        w1.sees(household, "history", validAt=each) for each in ("2026-09-30", "2026-10-01")
    )
    assert (september["monthlyFen"], september["owedFen"]) == (was, will)
    assert (october["monthlyFen"], october["owedFen"]) == (will, None)
    return Mourning(planned, dead, before, after)


def _is_the_one(planned: Planned, clerk: Clerk) -> bool:
    """An aided family of three in the clerk's township."""
    here = planned.family.region.startswith(clerk.organ[:9])
    return here and planned.kind.key == "helped-and-aided" and len(planned.family.members) == 3


def a_township_decides(day: Day, w5: Clerk, w6: Clerk, c1: Clerk, c3: Clerk) -> UUID:
    """Where the province lets it, a township decides by paper; the county draws the case and looks."""
    household, (head, mother) = w5.registers(VILLAGE, MEMBERS)
    income = [{"kind": "transfer", "period": "monthly", "fen": "400 元"}]
    w5.does(household, "apply", applicant=head, channel="window", income=income)
    w5.does(household, "authorise-verification", persons=[head, mother])
    w5.does(household, "accept-application", delegated=True)
    assert w5.dues(household)["DL-DIB-DEL"] == "2026-10-28"
    w5.does(household, "start-investigation")
    w5.does(household, "request-verification")
    day.becomes("2026-09-24")
    c1.does(household, "start-verification")
    w6.does(household, "visit-home", investigators=["w6", "w7"], signedBy=head)
    day.becomes("2026-09-28")
    c1.does(household, "report-verification", eligible=True, sources=["bank", "vehicle"])
    w5.does(household, "give-opinion")
    day.becomes("2026-09-29")
    w5.does(household, "post-notice")
    assert w5.dues(household)["DL-DIB-NOT"] == "2026-10-08"  # seven days end in the holidays
    day.becomes("2026-10-08")
    w5.does(household, "close-notice")
    assert set(w5.to_do(household)) == {"decide-delegated"}
    day.becomes("2026-10-09")
    w5.is_refused(household, "confirm-dibao", "delegation-paper-missing")
    w6.is_refused(household, "confirm-dibao", "duties-not-separate", delegatedBy=PAPER)
    w5.does(household, "confirm-dibao", delegatedBy=PAPER)
    assert set(w5.to_do(household)) == {"publish-confirmation", "recertify"}
    assert w5.sees(household, "status")["case"]["fen"] == 80_000
    for kind in ("approval-form", "confirmation-notice"):
        assert PAPER in w5.prints(household, w5.issues(household, kind))
    seed = drawn_seed(w5.sees(household, "status")["case"]["case"])
    c1.does(household, "draw-sample", seed=seed)
    assert c1.to_do(household)["check-sample"] is not None
    result = {"result": "in-order", "investigators": ["c1", "w6"]}
    c1.is_refused(household, "check-sample", "duties-not-separate", **result)
    c3.does(household, "check-sample", result="in-order", investigators=["c1", "c3"])
    assert "check-sample" not in c1.to_do(household)
    return household


def what_was_wrong_is_put_right(day: Day, w5: Clerk, a1: Clerk, household: UUID) -> None:
    """A birth and the day of a visit: past days read otherwise now, and as before to who asks what was known."""
    day.becomes("2026-10-12")
    steps = {step["name"]: step["version"] for step in chain_of(w5, household)}
    born = {"step": 3, "why": "核对户口簿原件", "birth": "1941-03-02"}
    w5.is_refused(household, "correct-member", "not-correctable", **{**born, "step": 1})
    w5.is_refused(household, "correct-member", "correction-needs-reasons", **{**born, "why": " "})
    before = now()
    w5.does(household, "correct-member", **born)
    after = now()
    w5.is_refused(household, "correct-member", "corrected-already", **born)
    asked = {"validAt": "2026-09-30"}
    then, right = (a1.sees(household, "history", knownAt=each, **asked) for each in (before, after))
    assert [member["birthYear"] for member in then["members"]] == [1985, 1951]
    assert differing(then, right) == {"members"}
    right["members"][1]["birthYear"] = 1951
    assert right["members"] == then["members"]
    visit = steps["household.home-visited.1"]
    day_of = {"step": visit, "why": "调查表所写为九月二十三日"}
    w5.is_refused(household, "correct-visit-day", "day-does-not-fit", day="2026-09-22", **day_of)
    w5.does(household, "correct-visit-day", day="2026-09-23", **day_of)
    chain = {step["version"]: step for step in chain_of(a1, household)}
    last = max(chain)
    assert (chain[visit]["on"], chain[visit]["correctedBy"], chain[last]["corrects"]) == (
        "2026-09-24",
        last,
        visit,
    )
    assert "2026年9月23日" in w5.prints(household, w5.issues(household, "home-visit-form"))
    a1.is_denied(household, "correct-visit-day", "command-not-allowed", 403, day="2026-09-24", **day_of)


def what_was_known(a1: Clerk, mourning: Mourning) -> None:
    """On 1 September the dead still counted as alive, to who asks what was known before the report came."""
    household, asked = mourning.household, {"validAt": "2026-09-01"}
    before, after = (
        a1.sees(household, "history", knownAt=each.isoformat(), **asked)
        for each in (mourning.before, mourning.after)
    )
    people = [[member["person"] for member in each["members"]] for each in (before, after)]
    assert people[0].pop(1) == str(mourning.dead)
    assert people[0] == people[1]
    assert differing(before, after) == {"members"}
    today = a1.sees(household, "history", **asked)
    assert differing(after, today) == {"owedFen"}
    a1.learns_nothing(household, "history", "not-known-yet", knownAt="2020-01-01T00:00:00Z", **asked)


def chain_of(clerk: Clerk, household: UUID) -> list[dict[str, Any]]:
    """All steps of a chain."""
    return clerk.page(f"/v1/households/{household}/chain", "chain", limit=100)


def differing(one: Body, other: Body) -> set[str]:
    """In what two answers about a day differ, beside when they were known."""
    names = one.keys() - {"knownAt", "recordedAt", "version"}
    return {name for name in names if one[name] != other[name]}


def drawn_seed(case: str) -> str:
    """The first batch of the year that draws a case: whoever knows the rule can draw again."""
    seeds = (f"2026-{n}" for n in range(1, 200))
    return next(seed for seed in seeds if is_drawn(seed=seed, subject=case, ratio=[3, 10]))

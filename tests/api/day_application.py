"""One family's application (一户的申请): from the agent at the window to the decision in the family's hands."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.values.citizen_id import check_digit
from tests.api.day import TOWNSHIP, Body, Day
from tests.api.day_clerk import Clerk

VILLAGE = f"{TOWNSHIP}201"
PAPERS = ["住院费用发票", "残疾人证复印件"]


def number(first17: str) -> str:
    """A test ID number with its right check digit."""
    return first17 + check_digit(first17)


@dataclass(frozen=True)
class Hall:
    """Who works on the family's file: the township's clerk and visitors, the county's three."""

    w1: Clerk
    w2: Clerk
    c1: Clerk
    c2: Clerk
    c3: Clerk


@dataclass
class Family:
    """The family of the day: its household and people."""

    household: UUID
    head: UUID
    wife: UUID
    daughter: UUID


MEMBERS: list[Body] = [
    {"key": "A", "name": "祝长庚", "relation": "head", "idNumber": number("99010119710304115")},
    {"key": "B", "name": "容若兰", "relation": "spouse", "idNumber": number("99010119740817024")},
    {
        "key": "C", "name": "祝小满", "relation": "daughter", "idNumber": number("99010120050521206"),
        "student": True,
    },
]  # fmt: skip
INCOME = [{"kind": "transfer", "period": "monthly", "fen": "500 元"}]
AGENT, OBJECTOR, COMPLAINANT = "祝长明", "邬百草", "邬千里"
SAID = ("河东一村九组七号", "19900001234", "620099777788889999", "外地另有门面房一间", "该户女儿在外务工")
SECRETS = (
    *(str(member[name]) for member in MEMBERS for name in ("name", "idNumber")),
    *(AGENT, OBJECTOR, COMPLAINANT, *SAID),
)
"""What of this family and its neighbours may be read nowhere in clear."""


def an_agent_applies(day: Day, hall: Hall) -> Family:
    """Without a written mandate nobody applies for others; with one, and its scan, the chain begins."""
    w1 = hall.w1
    household, (head, wife, daughter) = w1.registers(VILLAGE, MEMBERS, address=SAID[0], phone=SAID[1])
    asked = {
        "applicant": head, "channel": "agent", "income": INCOME, "account": f"试验农商行 {SAID[2]}",
        "property": {"tenure": "owned", "dwellings": 1},
    }  # fmt: skip
    refused = w1.is_refused(household, "apply", "mandate-missing", **asked)
    assert refused["ruleId"] == "M57 art.6; L26 art.37"
    mandate = {
        "kind": "relative", "name": AGENT, "paper": "委托书1号", "signedBy": head, "relation": "sibling",
        "scope": ["apply", "supplement", "receive"], "attachment": w1.uploads(household, head, "mandate"),
    }  # fmt: skip
    unsigned = {**mandate, "paper": " "}
    w1.is_refused(household, "apply", "mandate-incomplete", **asked, mandate=unsigned)
    assert w1.does(household, "apply", **asked, mandate=mandate)["names"] == [
        "household.applied.1",
        "household.agent-mandated.1",
    ]
    assert w1.to_do(household) == {"accept-or-notify": "2026-08-10"}
    assert household in {UUID(item["household"]) for item in w1.work("office", step="accept-or-notify")}
    assert w1.stage(household) == ("submitted", "已提交申请，等待乡镇（街道）审查材料")
    w1.does(household, "authorise-verification", persons=[head, wife, daughter])
    return Family(household, head, wife, daughter)


def papers_are_missing(day: Day, hall: Hall, family: Family) -> None:
    """Told once, all of it, on paper; accepted when the papers are there, and not before."""
    w1, household = hall.w1, family.household
    w1.does(household, "notify-missing-items", items=PAPERS)
    w1.is_refused(household, "notify-missing-items", "one-notice-only", items=["户口簿"])
    assert w1.to_do(household) == {"await-materials": None}
    assert w1.stage(household)[0] == "materials-missing"
    assert w1.sees(household, "status")["toDo"] == [f"请补充材料：{'、'.join(PAPERS)}"]
    notice = w1.issues(household, "missing-items-notice")
    page = w1.prints(household, notice)
    assert all(paper in page for paper in PAPERS)
    assert "祝长庚" in page
    assert MEMBERS[0]["idNumber"] not in page
    assert "deliver-document" in w1.to_do(household)
    day.becomes("2026-08-04")
    w1.does(household, "deliver-document", document=notice["id"], recipient=AGENT)
    assert w1.to_do(household) == {"await-materials": None}
    assert w1.sees(household, "documents")["items"][-1]["deliveredOn"] == "2026-08-04"
    day.becomes("2026-08-06")
    w1.does(household, "supplement-materials", items=PAPERS[:1])
    lacking = w1.is_refused(household, "accept-application", "file-incomplete")
    assert PAPERS[1] not in lacking["title"]  # what was typed is not repeated in a problem
    w1.does(household, "supplement-materials", items=PAPERS[1:])
    assert w1.to_do(household) == {"accept": None}
    w1.does(household, "accept-application")
    assert w1.dues(household) == {"DL-DIB-INV": "2026-08-11", "DL-DIB-TOT": "2026-09-17"}
    assert w1.stage(household)[0] == "accepted"


def it_is_investigated(day: Day, hall: Hall, family: Family) -> None:
    """Two visit, the county checks the data: a car speaks against the family, which objects and is right."""
    w1, w2, c1, household = hall.w1, hall.w2, hall.c1, family.household
    day.becomes("2026-08-07")
    w1.does(household, "start-investigation")
    c1.is_refused(household, "start-verification", "not-requested")
    w1.does(household, "request-verification")
    assert c1.to_do(household)["start-verification"] == "2026-08-12"
    day.becomes("2026-08-10")
    w1.is_refused(household, "start-verification", "not-competent")
    c1.does(household, "start-verification")
    visit = {"signedBy": family.head}
    w2.is_refused(household, "visit-home", "team-too-small", investigators=["w2", "w2"], **visit)
    w2.is_refused(household, "visit-home", "visit-unsigned", investigators=["w2", "w3"])
    w2.does(household, "visit-home", investigators=["w2", "w3"], **visit)
    assert set(w1.to_do(household)) == {"report-verification"}
    day.becomes("2026-08-12")
    hits = [{"source": "vehicle", "kind": "car", "person": family.wife}]
    c1.does(
        household, "report-verification", eligible=False, sources=["bank", "vehicle"], hits=hits
    )  # fmt: skip
    assert w1.to_do(household)["tell-result"] == "2026-08-17"
    day.becomes("2026-08-13")
    result = w1.issues(household, "verification-result")
    assert "祝长庚" in w1.prints(household, result)
    w1.does(household, "deliver-document", document=result["id"], receivedBy=family.head)
    assert set(w1.to_do(household)) == {"give-opinion"}
    assert "DL-DIB-TELL" not in w1.dues(household)
    stretches = w1.sees(household, "durations")["items"]
    told = next(each for each in stretches if each["stage"] == "tell")
    assert (told["until"], told["days"]["working"], told["byHolder"].keys()) == (
        "2026-08-13",
        1,
        {"township"},
    )
    assert "如有异议" in w1.sees(household, "status")["toDo"][0]
    day.becomes("2026-08-14")
    w1.is_refused(household, "object-to-report", "evidence-required", person=family.head, evidence=[" "])
    objection = {"person": family.head, "evidence": ["车辆报废证明"], "statement": SAID[3]}
    w1.does(household, "object-to-report", **objection)
    w1.is_refused(household, "give-opinion", "recheck-pending")
    assert w1.to_do(household)["recheck"] is not None
    day.becomes("2026-08-18")
    w1.does(household, "recheck", eligible=True, sources=["vehicle"], finding="该车已于上年报废注销")
    assert set(w1.to_do(household)) == {"give-opinion"}


def its_notice_is_objected_to(day: Day, hall: Hall, family: Family) -> None:
    """On the last day somebody objects; a new look, a new opinion, a new notice; a day late is too late."""
    w1, w2, household = hall.w1, hall.w2, family.household
    day.becomes("2026-08-19")
    w1.does(household, "give-opinion")
    day.becomes("2026-08-20")
    w1.does(household, "post-notice")
    assert w1.dues(household)["DL-DIB-NOT"] == "2026-08-27"
    page = w1.prints(household, w1.issues(household, "public-notice"))
    assert "1,300" in page
    assert not any(secret in page for secret in (*SAID, *(str(m["idNumber"]) for m in MEMBERS)))
    day.becomes("2026-08-26")
    w1.is_refused(household, "close-notice", "notice-still-running")
    day.becomes("2026-08-27")
    w1.does(household, "object-to-notice", about="income", text=SAID[4], name=OBJECTOR)
    assert w1.stage(household)[0] == "objected"
    assert set(w1.to_do(household)) == {"inquire"}
    w1.is_refused(household, "close-notice", "objection-open")
    w1.is_refused(household, "give-opinion", "objection-not-inquired")
    day.becomes("2026-08-31")
    w2.does(household, "reinvestigate", investigators=["w2", "w3"], finding="务工收入已于上年中断")
    day.becomes("2026-09-01")
    w1.does(household, "give-opinion", income=INCOME)
    day.becomes("2026-09-02")
    w1.does(household, "post-notice")
    day.becomes("2026-09-09")
    w1.does(household, "close-notice")
    assert w1.to_do(household) == {"send-file": "2026-09-10"}
    day.becomes("2026-09-10")
    late = {"about": "income", "text": SAID[4], "name": COMPLAINANT}
    assert "2026-09-09" in w1.is_refused(household, "object-to-notice", "objection-too-late", **late)["title"]


def the_county_decides(day: Day, hall: Hall, family: Family) -> None:
    """The file goes up, comes back, goes up; a complaint calls the county in; who visited does not decide."""
    w1, c1, c2, c3, household = hall.w1, hall.c1, hall.c2, hall.c3, family.household
    w1.is_refused(household, "receive-file", "not-competent")
    c1.does(household, "receive-file")
    assert w1.to_do(household) == {"decide": "2026-09-23"}
    w1.does(
        household, "receive-complaint", channel="letter", about="eligibility", text=SAID[4], name=COMPLAINANT
    )
    assert w1.to_do(household) == {
        "answer-complaint": "2026-09-28", "visit-home-county": "2026-09-23", "decide": "2026-09-23",
    }  # fmt: skip
    day.becomes("2026-09-11")
    c1.is_refused(household, "return-file", "return-needs-reasons", items=["入户调查表"], reasons=" ")
    c1.does(household, "return-file", items=["入户调查表"], reasons="调查表缺少在场成员签字")
    assert w1.to_do(household) == {"mend-file": "2026-09-18", "answer-complaint": "2026-09-28"}
    assert w1.stage(household)[0] == "returned"
    c2.is_refused(household, "confirm-dibao", "file-not-received")
    assert "入户调查表" in c1.prints(household, c1.issues(household, "file-return-notice"))
    day.becomes("2026-09-14")
    c1.is_refused(household, "receive-file", "file-not-resubmitted")
    w1.does(household, "resubmit-file", items=["入户调查表"])
    c1.does(household, "receive-file")
    assert w1.to_do(household)["decide"] == "2026-09-28"  # 20 September is worked, 25 to 27 are not
    day.becomes("2026-09-15")
    c2.is_refused(household, "confirm-dibao", "county-visit-required")
    c1.does(household, "visit-home", investigators=["c1", "c3"], signedBy=family.wife)
    assert "visit-home-county" not in c1.to_do(household)
    for visitor in (c1, c3):
        assert visitor.is_refused(household, "confirm-dibao", "duties-not-separate")["ruleId"] == "M57 art.35"
    c3.does(household, "answer-complaint", outcome="unsubstantiated", finding="务工收入已于上年中断")
    day.becomes("2026-09-16")
    w1.is_refused(household, "confirm-dibao", "delegation-paper-missing")
    c2.does(household, "confirm-dibao")
    assert c2.dues(household) == {"DL-REC-HALF": "2027-03-16"}
    status = c2.sees(household, "status")
    assert (status["case"]["stage"], status["case"]["fen"], status["case"]["firstMonth"]) == (
        "confirmed", 130_000, "2026-10",
    )  # fmt: skip
    assert (status["category"], status["fen"]) == ("DIBAO", None)  # from October on


def the_family_is_told(day: Day, hall: Hall, family: Family) -> None:
    """The decision is issued by the county, taken by the family at the township, published in the village."""
    w1, c2, household = hall.w1, hall.c2, family.household
    w1.is_refused(household, "issue-document", "issued-by-another", kind="confirmation-notice")
    notice = c2.issues(household, "confirmation-notice")
    assert "1,300" in c2.prints(household, notice)
    assert set(w1.to_do(household)) == {"deliver-document", "publish-confirmation", "recertify"}
    day.becomes("2026-09-17")
    w1.does(household, "deliver-document", document=notice["id"], receivedBy=family.wife)
    w1.does(household, "publish-confirmation")
    assert set(w1.to_do(household)) == {"recertify"}
    chain = w1.page(f"/v1/households/{household}/chain", "chain", limit=20)
    # the steps of one household are told page by page, each page one look
    assert [step["version"] for step in chain] == list(range(1, len(chain) + 1))
    confirmed = next(step for step in chain if step["name"] == "household.classified.1")
    assert (confirmed["actor"], confirmed["organ"], confirmed["inTime"]) == ("c2", c2.organ, True)
    assert {"DL-DIB-TOT", "DL-DIB-CTY"} <= {met["what"] for met in confirmed["met"]}

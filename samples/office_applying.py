"""Lives that end before a decision about aid, or with it (样例经历：预警、申请、审核确认)."""

from __future__ import annotations

from samples.office_life import CHECKER, DECIDER, PLATFORM, Life
from samples.office_people import earning, wage

# before the application


def alerted(life: Life) -> None:
    """An alert was raised; nobody has looked on site (预警待核实)."""
    code, level, yuan = life.random.choice(
        (("E-EXP-01", "RED", 70_000), ("E-EXP-01", "ORANGE", 30_000), ("E-EXP-01", "YELLOW", 12_000))
    )
    fen = f"{yuan + life.random.randint(0, 99) * 100} 元"
    life.do(PLATFORM, "raise-alert", 1, code=code, level=level, person="A1", fen=fen)


def alert_verified(life: Life) -> None:
    """The need is real; the alert waits for its answer (待反馈)."""
    alerted(life)
    life.do(life.visitor, "verify-alert", (1, 2), investigators=["w2", "w3"], need=True)


def alert_false(life: Life) -> None:
    """The alert was looked into and closed as a false one (误报)."""
    alerted(life)
    life.do(life.visitor, "verify-alert", (1, 2), investigators=["w2", "w3"], need=False)
    life.do(life.clerk, "feed-back-alert", outcome="false-positive")


def found(life: Life) -> None:
    """The village found a need; the family has not been told the policy yet (主动发现)."""
    source = life.random.choice(("village-visit", "grid", "school", "hospital"))
    life.do(life.village, "report-need", source=source, person="A1", note="入户走访发现生活困难")


# the application


def applied(life: Life) -> None:
    """Applied and signed; waits for acceptance (待受理)."""
    life.through("authorised")


def by_agent(life: Life) -> None:
    """The village committee applied for the family by mandate (委托申请)."""
    life.do(
        life.clerk,
        "apply",
        applicant="A1",
        channel="agent",
        income=life.family.incomes,
        mandate={
            "kind": "village-committee",
            "name": "村民委员会",
            "paper": f"委托书{life.random.randint(1, 99)}号",
        },
    )
    life.skip("applied")
    life.through("authorised")


def papers_missing(life: Life) -> None:
    """Told once what papers are missing (一次性告知)."""
    life.through("authorised")
    life.do(life.clerk, "notify-missing-items", (0, 1), items=["住院费用发票", "残疾人证复印件"])


def papers_supplemented(life: Life) -> None:
    """The papers came; waits for acceptance (已补正)."""
    papers_missing(life)
    life.do(life.clerk, "supplement-materials", (1, 3), items=["住院费用发票", "残疾人证复印件"])


def turned_away(life: Life) -> None:
    """Turned away at the door, to be told in writing (不予受理)."""
    life.do(
        life.clerk,
        "decline-application",
        ground="wrong-place",
        reasons="申请人户籍、居住地均在邻县，应向当地提出申请",
        place="990301100",
        applicant="A1",
    )


def withdrawn(life: Life) -> None:
    """The family took its application back (撤回申请)."""
    life.through("checking")
    life.do(life.clerk, "withdraw-application", (1, 3), reason="子女已接往外地赡养")


def accepted(life: Life) -> None:
    """Accepted; the investigation has not begun (已受理)."""
    life.through("accepted")


def visiting(life: Life) -> None:
    """The county was asked for the data check, the visit is still to come (已提请核对)."""
    life.through("requested")


def checking(life: Life) -> None:
    """The data check is under way (信息核对中)."""
    life.through("checking")


def reported(life: Life) -> None:
    """The data check is back and speaks for the family (核对完成)."""
    life.through("reported")


def report_objected(life: Life) -> None:
    """The family objects to what the data check found (核对异议)."""
    life.through("checking")
    hits = [{"source": "vehicle", "kind": "car", "person": "A1"}]
    life.do(CHECKER, "report-verification", (2, 4), eligible=False, sources=["bank", "vehicle"], hits=hits)
    life.do(life.clerk, "tell-result", 1, told="A1")
    life.do(life.clerk, "object-to-report", (1, 2), person="A1", evidence=["车辆报废证明"])


def refused_co_operation(life: Life) -> None:
    """The family would not sign; the procedure was ended (终止程序)."""
    life.through("applied")
    life.do(
        life.clerk,
        "end-procedure",
        (8, 15),
        cause="authorisation-refused",
        reasons="两次书面通知仍不签署核对授权",
    )


def relatives(life: Life) -> None:
    """A relative sits on the village committee: the county has to visit (近亲属备案)."""
    life.through("authorised")
    life.do(life.clerk, "accept-application", (0, 2), relatives=True)
    life.skip("accepted")
    life.do(
        life.clerk,
        "register-relative",
        person="A1",
        relation="sibling",
        office="village-committee",
        name=f"{life.family.name_of('A1')[0]}保国",
    )


def visited(life: Life) -> None:
    """Visited at home; the opinion is due (待审核意见)."""
    life.through("visited")


def proposed(life: Life) -> None:
    """The township proposes aid; the notice is due (待公示)."""
    life.through("proposed")


def on_notice(life: Life) -> None:
    """The proposal hangs in the village (公示中)."""
    life.through("posted")


def notice_objected(life: Life) -> None:
    """Somebody objected to the notice (公示异议)."""
    life.through("posted")
    life.do(life.clerk, "object-to-notice", (1, 3), about="income", text="该户另有外出务工收入", name="赵某")


def notice_reviewed(life: Life) -> None:
    """The objection was looked into again (重新调查)."""
    notice_objected(life)
    life.do(life.visitor, "reinvestigate", (1, 3), investigators=["w2", "w3"], finding="务工收入已于上年中断")


# at the county


def at_county(life: Life) -> None:
    """The county has the file (县级审核)."""
    life.through("received")


def returned(life: Life) -> None:
    """The county sent the file back to be mended (退回补正)."""
    life.through("received")
    life.do(CHECKER, "return-file", (1, 3), items=["入户调查表"], reasons="调查表缺少在场成员签字")


def extended(life: Life) -> None:
    """The county extended the limit (延长期限)."""
    life.through("received")
    life.do(
        DECIDER, "extend-limit", (1, 3), reason="person-apart", ground="人户分离，需异地协查", proposer="w1"
    )


def confirmed(life: Life) -> None:
    """Confirmed and published; the first payment is to come (已确认)."""
    life.through("published")


def notice_issued(life: Life) -> None:
    """The notice of confirmation was issued and has not reached the family (待送达)."""
    life.through("published")
    life.do(DECIDER, "issue-document", kind="confirmation-notice")


def refused(life: Life) -> None:
    """Refused because of income; not yet told in writing (不予确认)."""
    life.family.incomes = list(earning(life.family, wage(life.family, 2.4)))
    life.through("proposed")
    life.do(CHECKER, "receive-file", (1, 2))
    life.do(
        DECIDER,
        "refuse-application",
        (2, 4),
        ground="income-above-standard",
        reasons="家庭人均收入高于低保标准",
    )


def refused_and_told(life: Life) -> None:
    """Refused, and told in writing (不予确认，已送达)."""
    refused(life)
    life.do(life.clerk, "deliver-notice", (1, 2), received_by="A1")

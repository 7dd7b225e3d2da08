"""Lives of aided families (样例经历：发放、核查、家庭变动、渐退、退出)."""

from __future__ import annotations

from datetime import timedelta

from domain.values.month import Month
from samples.office_life import CHECKER, DECIDER, Life
from samples.office_people import Fields, earning, wage

# aided


def recertified(life: Life, after: int) -> None:
    """A regular check so many months after the confirmation, aid paid until then."""
    month = life.months_on(after)
    life.pay(month + -1)
    life.wait_until(month.first_day + timedelta(days=3))
    life.do(life.clerk, "recertify")


def aided(life: Life) -> None:
    """Dibao every month up to today, checked in time (低保发放中)."""
    life.through("published")
    checks = 5
    while life.months_on(checks).first_day + timedelta(days=10) <= life.today:
        recertified(life, checks)
        checks += 5
    life.pay()


def never_checked(life: Life) -> None:
    """Dibao every month, and the regular check forgotten (核查逾期)."""
    life.through("published")
    life.pay()


def helped_at_once(life: Life) -> None:
    """Urgent temporary aid while the case goes on (先行临时救助)."""
    life.through("reported")
    life.do(
        DECIDER,
        "grant-temporary-aid",
        1,
        fen=f"{life.random.randint(20, 60) * 100} 元",
        cause="住院自付费用过高",
    )
    life.do(CHECKER, "order-payment", 1, kind="TEMPORARY")
    life.do(CHECKER, "settle-payment", kind="TEMPORARY")


def helped_and_aided(life: Life) -> None:
    """Temporary aid first, then Dibao (曾临时救助)."""
    helped_at_once(life)
    aided(life)


def payment_returned(life: Life) -> None:
    """The bank sent the last month back (发放退回)."""
    life.through("published")
    life.pay_but_the_last()
    life.do(CHECKER, "return-payment", 1, cause="account-closed")


def change_reported(life: Life) -> None:
    """Somebody found work; the family is to be looked at again (报告变化)."""
    aided(life)
    life.do(life.clerk, "report-change", person=life.family.earner, kind="employment")


def complained_of(life: Life) -> None:
    """A complaint is open (投诉办理中)."""
    aided(life)
    life.do(
        life.clerk, "receive-complaint", channel="hotline", about="eligibility", text="反映该户有经营收入"
    )


def irregular(life: Life) -> None:
    """A visit made by one officer alone came to light (不规范事项)."""
    aided(life)
    visit = next(step.on for step in life.steps if step.do == "visit-home")
    life.do(
        DECIDER,
        "record-irregular",
        act="visited-alone",
        day=visit.isoformat(),
        ground="档案中的入户调查表只有一人签字",
        officers=["w2"],
    )


def complaint_answered(life: Life) -> None:
    """A complaint was looked into and answered (投诉已办结)."""
    aided(life)
    life.do(life.clerk, "receive-complaint", channel="letter", about="amount", text="反映补助金额与收入不符")
    life.do(
        DECIDER,
        "answer-complaint",
        (2, 4),
        outcome="unsubstantiated",
        finding="经核查，金额计算无误",
        told=True,
    )


def drawn(life: Life) -> None:
    """The case took part in the county's draw (抽查)."""
    life.through("published")
    life.do(DECIDER, "draw-sample", 1, seed=f"{life.today:%Y}-{life.random.randint(1, 4)}")


# households change


def born(life: Life) -> None:
    """A child was born into the family (新增成员)."""
    aided(life)
    key = f"A{len(life.family.members) + 1}"
    child = life.registry.newborn(life.family, life.on - timedelta(days=12), key)
    member: Fields = {**child, "work_capacity": "none"}
    life.do(life.clerk, "add-member", member=member, cause="birth")


def died(life: Life) -> None:
    """A member died; the amount is to be fixed anew (成员死亡)."""
    aided(life)
    day = life.on - timedelta(days=2)
    life.do(life.clerk, "record-death", person="A2", died_on=day.isoformat(), evidence="death-certificate")


def died_and_adjusted(life: Life) -> None:
    """A member died and the amount was fixed anew, the family heard (调整金额)."""
    life.through("published")
    month = life.months_on(4)
    life.pay(month)
    life.wait_until(month.last_day)
    died = (life.on - timedelta(days=3)).isoformat()
    life.do(life.clerk, "record-death", person="A2", died_on=died, evidence="cremation-record")
    pension: Fields = {"kind": "transfer", "period": "monthly", "fen": "300 元", "person": "A1"}
    life.do(life.clerk, "recertify", (1, 2), income=[pension])
    life.do(life.clerk, "hear-opinion", 1, about="reduction", heard="A1", statement="同意")
    life.do(DECIDER, "adjust-benefit", (2, 4), reasons="家庭成员减少，按现有人口重新计算")
    life.pay()


def split_off(life: Life) -> None:
    """A member left into a household of their own (分户)."""
    aided(life)
    leaving = life.family.adults[-1]
    life.do(life.clerk, "split-household", members=[{"person": leaving, "relation": "head"}])


def moved(life: Life) -> None:
    """The family moved to another village of the county (县内迁居)."""
    aided(life)
    region = next(each for each in ("990801100201", "990801100202") if each != life.family.region)
    life.do(life.clerk, "move-household", region=region, address="1组5号")


def corrected(life: Life) -> None:
    """A name was written wrongly and corrected (更正)."""
    life.through("requested")
    member = life.family.members[0]
    life.do(
        life.clerk,
        "correct-member",
        1,
        step=2,  # the head's own row, after the household's
        why="户口簿上的姓名抄错一字",
        name=f"{str(member['name'])[:-1]}福",
    )


def handed_over(life: Life) -> None:
    """The family moved to another county, which has not taken the file yet (移交档案)."""
    aided(life)
    life.do(DECIDER, "hand-over-file", region="990301100201", address="上岭村3组12号")


# out of aid


def in_grace(life: Life) -> None:
    """Work lifted the family over the line; Dibao runs on for a while (渐退期)."""
    found_work(life, 1.35)
    life.pay()


def found_work(life: Life, times: float) -> None:
    """Dibao for some months, then work that pays so many times the standard, and grace."""
    life.through("published")
    month = life.months_on(5)
    life.pay(month + -1)
    life.wait_until(month.first_day + timedelta(days=3))
    life.do(life.clerk, "report-change", person=life.family.earner, kind="employment")
    life.do(life.clerk, "recertify", (1, 3), income=earning(life.family, wage(life.family, times)))
    life.do(DECIDER, "grant-grace", (1, 2), cause="employment")


def grace_over(life: Life, *, to_marginal: bool) -> None:
    """Work, six months of grace, the family heard, Dibao ended in the grace's last month."""
    found_work(life, 1.35)
    last = Month.of(life.on) + 6
    life.pay(last + -1)
    life.wait_until(last.first_day + timedelta(days=2))
    life.do(life.clerk, "hear-opinion", heard="A1", statement="同意")
    life.do(life.clerk, "consent-to-transfer", given=to_marginal, person="A1")
    life.do(life.clerk, "recertify", (1, 2), income=earning(life.family, wage(life.family, 1.35)))
    life.do(
        DECIDER,
        "terminate-benefit",
        (1, 2),
        ground="income-above-standard",
        reasons="就业后人均收入超过低保标准，渐退期届满",
    )
    life.do(life.clerk, "deliver-notice", 1, received_by="A1")
    life.pay(last)


def exited(life: Life) -> None:
    """The grace is over, Dibao ended, the family is watched again (退出)."""
    grace_over(life, to_marginal=False)


def marginal(life: Life) -> None:
    """The grace is over, Dibao ended, the family is marginal now (转为边缘)."""
    grace_over(life, to_marginal=True)
    life.do(DECIDER, "start-transfer", (1, 2))
    life.do(DECIDER, "confirm-marginal", (4, 6))


def gone_by_own_wish(life: Life) -> None:
    """The family asked to leave Dibao (主动退出)."""
    life.through("published")
    month = life.months_on(4)
    life.pay(month)
    life.wait_until(month.last_day)
    life.do(life.clerk, "hear-opinion", substitute="own-request")
    life.do(DECIDER, "terminate-benefit", (1, 2), ground="own-request", reasons="家庭主动申请退出低保")
    life.do(life.clerk, "deliver-notice", 1, received_by="A1")

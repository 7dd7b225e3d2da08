"""Lives walked at random: an orderly office and anybody's commands, the system acting as days pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from uuid import UUID, uuid5

from hypothesis import strategies as st

from domain.aid.payments import OrderPayment, ReturnPayment, SettlePayment
from domain.aid.temporary_aid import GrantTemporaryAid
from domain.change.grace import GrantGrace
from domain.change.hearing import HearOpinion
from domain.change.monitoring import ReturnToMonitoring
from domain.change.review import Recertify, ReportChange
from domain.change.termination import TerminateBenefit
from domain.clock.supervision import NoteMissedDeadline, system_acts
from domain.correction.irregular import AnswerSuspicion, IrregularAct, RecordIrregular
from domain.decision.confirmation import ConfirmDibao, ConfirmMarginal, RefuseApplication
from domain.decision.extension import ExtendLimit
from domain.decision.file import ReceiveFile
from domain.decision.file_return import ResubmitFile, ReturnFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.objection import HoldDemocraticReview, ObjectToNotice, Reinvestigate
from domain.decision.opinion import GiveOpinion
from domain.decision.transfer import ConsentToTransfer, StartTransfer
from domain.guards.conflict_of_interest import DeclareConflict
from domain.household.command import Command, JointCommand
from domain.household.context import Context
from domain.household.event import Event
from domain.household.parts import Procedure
from domain.household.replay import follow
from domain.household.state import Household
from domain.inquiry.complaint import AnswerComplaint, ReceiveComplaint
from domain.inquiry.recheck import ObjectToReport, Recheck, TellResult, open_objection
from domain.inquiry.sampling import CheckSample, DrawSample
from domain.inquiry.verification import (
    ReportVerification,
    RequestVerification,
    StartInvestigation,
    StartVerification,
    VisitHome,
)
from domain.intake.application import AcceptApplication, Apply, EndProcedure
from domain.intake.application_closure import DeclineApplication, WithdrawApplication
from domain.intake.application_place import Place, RecordPlace
from domain.intake.authorisation import AuthoriseVerification
from domain.intake.completeness import NotifyMissingItems, SupplementMaterials
from domain.intake.mandate import Mandate, MandateAgent, RevokeMandate
from domain.intake.proactive_discovery import Found, OfferHelp, ReportNeed
from domain.intake.relatives import RegisterRelative
from domain.members.registration import RegisterHousehold
from domain.papers.delivery import DeliverDocument
from domain.papers.documents import IssueDocument
from domain.papers.notification import DeliverNotice, PublishConfirmation
from domain.values.issued import Printed
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.person import PersonId
from domain.values.receipt import Actor
from domain.values.refusals import Refusal
from domain.values.spells import Category, Programme
from domain.watching.alerts import FeedBackAlert, RaiseAlert, VerifyAlert
from tests import stories
from tests.domain.changes import changes_of
from tests.scenario import HOUSEHOLD, SEED, recalled, reference

VILLAGE = "990301100201"
TOWNSHIP, COUNTY = Actor("w1", "990301100/township"), Actor("c1", "990301/civil-affairs")
SYSTEM = Actor("system:deadlines")
IRREGULAR: tuple[IrregularAct, ...] = ("visited-alone", "confirmed-without-notice", "ended-unheard")


@dataclass
class Walk:
    """A life as it is walked: its events, its state, and what the system did by itself."""

    events: list[Event] = field(default_factory=list)
    by_system: list[Event] = field(default_factory=list)
    household: Household = field(default_factory=lambda: Household(HOUSEHOLD))
    asked: int = 0

    def ask(self, command: Command, actor: Actor) -> list[Event]:
        """The facts a command makes true; none when it is refused."""
        self.asked += 1
        seed = uuid5(SEED, f"walk/{self.asked}")
        context = reference().context(
            VILLAGE, command.on, actor, seed, recalled=recalled(self.events, command)
        )
        if isinstance(command, IssueDocument):
            context = replace(context, printed=printed(seed, actor.organ))
        if self.household.joined_into is not None:
            return []
        try:
            events = list(self._decided(command, context))
        except Refusal:
            return []
        for event in events:
            self.household = follow(self.household, event)
        self.events += events
        return events

    def _decided(self, command: Command, context: Context) -> Iterator[Event]:
        if not isinstance(command, JointCommand):
            yield from command.decide(self.household, context)
            return
        others = {each: Household(each) for each in command.households()}
        for household, event in command.decide({HOUSEHOLD: self.household, **others}, context):
            if household == HOUSEHOLD:
                yield event

    def pass_days(self, until: date) -> None:
        """What the system does by the end of a day, each act once; asked again it has nothing to do."""
        for _ in range(50):
            act = next(system_acts(self.household, until), None)
            if act is None:
                return
            events = self.ask(act, SYSTEM)
            assert events, f"{act} is due and does nothing: the system would ask for ever"
            self.by_system += events
        raise AssertionError("the system never comes to rest")


def printed(command: UUID, organ: str) -> Printed:
    """A document as if it had been numbered and rendered before it is decided."""
    return Printed(uuid5(command, "document/0"), "试救〔2026〕1号", organ, "form@0", "00" * 32, {})


Step = tuple[int, int, int, int]
"""Days that pass, which command (one that fits, or any), which half of any, and a number it uses."""

Beginning = tuple[str, date]
Life = tuple[Beginning, list[Step]]

lives = st.tuples(
    st.tuples(
        st.sampled_from(["registered", "received", "in-dibao", "graced", "ended", "marginal"]),
        st.dates(date(2021, 7, 1), date(2026, 8, 1)),
    ),
    st.lists(
        st.tuples(
            st.sampled_from([0, 0, 0, 1, 3, 8, 30, 100]),
            st.integers(0, 99),
            st.integers(0, 1),
            st.integers(0, 5),
        ),
        min_size=20,
        max_size=50,
    ),
)


@cache
def begun(how_far: str, on: date) -> tuple[Event, ...]:
    """A family so far along on its road, registered on a day."""
    story = stories.ling_registered(on)
    if how_far == "registered":
        return story.events
    if how_far == "received":
        return stories.on_the_road(story, on).events
    story = stories.ling_in_dibao(on)
    day = story.events[-1].on + timedelta(days=3)
    story = stories.county(stories.township(story).when(Recertify(day, (stories.other(2_000),))))
    if how_far == "graced":
        return story.when(GrantGrace(day)).events
    if how_far == "in-dibao":
        return story.events
    head = stories.person(story, 0)
    story = story.when(
        HearOpinion(day, heard=head),
        TerminateBenefit(day, "income-above-standard", "收入超过标准"),
        ConsentToTransfer(day, True, head),
    )
    if how_far == "ended":
        return story.events
    return story.when(StartTransfer(day), ConfirmMarginal(day)).events


def fitting(household: Household, on: date, n: int) -> tuple[Command, Actor]:
    """What an orderly office would do next, so that lives get somewhere."""
    case = household.case
    people = tuple(member.person for member in household.counted(on))
    if not people:
        return TerminateBenefit(on, "death", "全户死亡"), COUNTY
    papers = [each.id for each in household.documents if each.delivered_on is None and not each.replaced]
    if n == 3 and papers:
        return DeliverDocument(on, papers[-1], received_by=people[0]), TOWNSHIP
    if n == 2 and household.undelivered:
        return DeliverNotice(on, people[0]), TOWNSHIP
    if case is None:
        held = household.category(on)
        if held is None:
            income = (stories.other(n * 300),)
            if n == 1:
                return Apply(on, people[0], "active-finding", income=income, found=Found("hotline")), TOWNSHIP
            return Apply(on, people[0], income=income), TOWNSHIP
        if held.category is Category.MARGINAL:
            return Apply(on, people[0], income=(stories.other(600),)), TOWNSHIP
        if held.end is not None:
            return (StartTransfer(on), COUNTY) if n else (ConsentToTransfer(on, True, people[0]), COUNTY)
        later: list[tuple[Command, Actor]] = [
            (Recertify(on, (stories.other(2_000),)), TOWNSHIP),
            (GrantGrace(on), COUNTY),
            (OrderPayment(on), COUNTY),
            (SettlePayment(on), COUNTY),
            (HearOpinion(on, heard=people[0]), TOWNSHIP),
            (TerminateBenefit(on, "income-above-standard", "收入超过标准"), COUNTY),
        ]
        return later[n]
    if case.origin == "transfer" and case.category is Category.MARGINAL:
        return ConfirmMarginal(on), COUNTY
    opposed = open_objection(case, "notice") is not None
    inquiry = Reinvestigate(on, ("w3", "w4"), "属实") if n % 2 else HoldDemocraticReview(on, 9, 6, n)
    complained = [each.on for each in household.complaints if each.case == case.id]
    visits = [visit.on for visit in case.visits if visit.level == "county"]
    accused = complained and max(visits, default=date.min) < max(complained)
    steps: list[tuple[object, Command, Actor]] = [
        (case.authorised, AuthoriseVerification(on, people[:2]), TOWNSHIP),
        (case.accepted_on, AcceptApplication(on), TOWNSHIP),
        (case.investigation_on, StartInvestigation(on), TOWNSHIP),
        (case.verification_requested_on, RequestVerification(on), TOWNSHIP),
        (case.verification_started_on, StartVerification(on), COUNTY),
        (case.reported_on, ReportVerification(on, n != 5), COUNTY),
        (open_objection(case, "report") is None, Recheck(on, n > 2), TOWNSHIP),
        (case.opinion_on, GiveOpinion(on), TOWNSHIP),
        (not opposed or case.inquired_on, inquiry, TOWNSHIP),
        (not opposed, GiveOpinion(on), TOWNSHIP),
        (case.notice_on or not case.opinion_approves, PostNotice(on), TOWNSHIP),
        (case.notice_closed_on or not case.opinion_approves, CloseNotice(on), TOWNSHIP),
        (not case.returns or case.returns[-1].resubmitted_on, ResubmitFile(on), TOWNSHIP),
        (case.file_received_on, ReceiveFile(on), COUNTY),
        (not accused, VisitHome(on, ("c2", "c3"), people[0]), COUNTY),
    ]
    besides = beside_the_road(case, on, people[0]) if n == 4 else None
    if besides is not None:
        return besides
    for done, command, actor in steps:
        if not done:
            return command, actor
    if case.opinion_approves:
        return ConfirmDibao(on), COUNTY
    return RefuseApplication(on, "income-above-standard", "收入超过标准"), COUNTY


def beside_the_road(case: Procedure, on: date, applicant: PersonId) -> tuple[Command, Actor] | None:
    """What is lawful and seldom at a step: objections, a return, an extension, a sample; each once."""
    if case.accepted_on is None:
        return None
    objected = {each.to for each in case.objections}
    running = case.notice_ends is not None and on <= case.notice_ends
    sample = case.sample
    chances: list[tuple[object, Command, Actor]] = [
        (
            case.report_eligible is False and "report" not in objected,
            ObjectToReport(on, applicant, ("材料",)),
            TOWNSHIP,
        ),
        (running and "notice" not in objected, ObjectToNotice(on, "income", "另有收入"), TOWNSHIP),
        (case.file_received_on and not case.returns, ReturnFile(on, ("材料",), "缺件"), COUNTY),
        (case.extended_on is None, ExtendLimit(on, "person-apart", "理由", "w1"), COUNTY),
        (sample is None, DrawSample(on, "种子"), COUNTY),
        (
            sample is not None and sample.drawn and sample.checked_on is None,
            CheckSample(on, ("c2", "c3"), "defect", "mended"),
            COUNTY,
        ),
    ]
    return next(((command, actor) for fits, command, actor in chances if fits), None)


def anything(household: Household, on: date, which: int, n: int, events: Sequence[Event] = ()) -> Command:
    """Any command at all, plausible in its fields, fitting or not."""
    people = [member.person for member in household.members]
    person = people[n % len(people)]
    income = (stories.wage(n * 500), stories.other(100))
    month = Month.of(on) + -(n % 3)
    kind = Programme.TEMPORARY if n % 3 == 2 else Programme.DIBAO
    mandate = Mandate("relative", "代某", "委托书1", scope=("apply", "withdraw") if n % 2 else ("apply",))
    place = Place(("990301", "990801", "110101")[n % 3], "990301100", permit=n == 4)
    choices: list[Command] = [
        RaiseAlert(on, f"E-EXP-0{n % 2 + 1}", ("RED", "BLUE")[n % 2], person),
        VerifyAlert(on, ("w1", "w2"), bool(n % 2)),
        FeedBackAlert(on, ("watch", "referred")[n % 2]),
        Apply(on, person, category=(Category.DIBAO, Category.MARGINAL)[n % 2], income=income),
        NotifyMissingItems(on, ("甲", "乙")[: n % 3]),
        SupplementMaterials(on, ("甲", "乙")[: n % 3]),
        AuthoriseVerification(on, (person,), people[0] if n % 2 else None),
        AcceptApplication(on, relatives=n == 4, delegated=n == 3),
        EndProcedure(on, "not-cooperating", "拒不配合"),
        StartInvestigation(on),
        RequestVerification(on),
        StartVerification(on),
        ReportVerification(on, bool(n)),
        VisitHome(on, ("c2", "c3")[: n + 1], person),
        GiveOpinion(on, income if n else None),
        PostNotice(on),
        CloseNotice(on),
        ReceiveFile(on),
        ConfirmDibao(on, delegated_by="文件" if n % 2 else None),
        RefuseApplication(on, "other", "理由", delegated_by="文件" if n % 2 else None),
        DeliverNotice(on, person),
        PublishConfirmation(on),
        GrantTemporaryAid(on, Fen(n * 10_000), "急难"),
        OrderPayment(on, kind, month if n else None),
        SettlePayment(on, kind, month if n else None),
        ReturnPayment(on, "bank-error", kind, month if n else None),
        ReportChange(on, person, "income"),
        Recertify(on, income if n else None),
        GrantGrace(on, ("employment", "own-industry", "luck")[n % 3]),
        HearOpinion(on, "termination", person),
        TerminateBenefit(on, ("own-request", "income-above-standard")[n % 2], "理由", "文件"),
        ConsentToTransfer(on, bool(n % 3), person),
        StartTransfer(on),
        ConfirmMarginal(on),
        ReturnToMonitoring(on),
        NoteMissedDeadline(on, ("DL-DIB-TOT", "DL-ALERT-R", "DL-REC-HALF")[n % 3]),
        RegisterHousehold(on, VILLAGE, ()),
        TellResult(on, person),
        ObjectToReport(on, person, ("材料",)[: n + 1]),
        Recheck(on, bool(n)),
        ObjectToNotice(on, "income", "另有收入", "赵某" if n % 2 else None),
        Reinvestigate(on, ("w3", "w4"), "属实"),
        HoldDemocraticReview(on, 9, 6, n),
        ReturnFile(on, ("材料",), "缺件"),
        ResubmitFile(on),
        ExtendLimit(on, ("other", "person-apart", "notice-objected")[n % 3], "理由", "w1"),
        DeclareConflict(on, "interest", "x9"),
        ReceiveComplaint(on, "hotline", "eligibility", "反映", "赵某" if n % 2 else None),
        AnswerComplaint(on, "unsubstantiated", "不实", bool(n % 3)),
        DrawSample(on, f"种子{n % 2}"),
        CheckSample(on, ("c2", "c3"), ("in-order", "defect")[n % 2], "mended"),
        RecordIrregular(on, IRREGULAR[n % 3], on, "档案所见", fen=Fen(10_000 * n + 1)),
        AnswerSuspicion(on, "mended", "已纠正"),
        ReportNeed(on, ("grid", "hotline", "data-alert")[n % 3], person),
        OfferHelp(on, ("told-will-apply", "told-declined", "aid-arranged")[n % 3], person),
        Apply(on, person, "active-finding", found=Found("hotline") if n % 2 else None),
        Apply(on, person, "agent", mandate=mandate if n else None, place=place),
        MandateAgent(on, mandate),
        RevokeMandate(on),
        RecordPlace(on, place),
        RegisterRelative(on, person, "sibling", "dibao-staff", "村干某", found=bool(n % 2)),
        DeclineApplication(
            on, ("wrong-place", "already-aided", "not-supplemented")[n % 3], "理由", "99080110"
        ),
        WithdrawApplication(on, person if n else None, by_agent=n == 5),
    ]
    choices += changes_of(household, on, which, n, events)
    return choices[which % len(choices)]


def walked(life: Life) -> Iterator[tuple[Walk, Command, Actor]]:
    """The walk before each of its commands; the command is asked when the iteration goes on."""
    (how_far, on), steps = life
    walk = Walk()
    for event in begun(how_far, on):
        walk.household = follow(walk.household, event)
        walk.events.append(event)
        on = event.on
    for days, which, who, n in steps:
        on += timedelta(days=days)
        walk.pass_days(on)
        if which < 50:
            command, actor = fitting(walk.household, on, n)
        else:
            command = anything(walk.household, on, which - 50 + who * 50, n, walk.events)
            actor = (TOWNSHIP, COUNTY)[n % 2]
        yield walk, command, actor
        walk.ask(command, actor)


def whole(life: Life) -> Walk:
    walk = Walk()
    for walk, _, _ in walked(life):  # noqa: B007
        pass
    return walk

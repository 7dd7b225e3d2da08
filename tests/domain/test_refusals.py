"""Every refusal there is can be met, says in Chinese what is wrong, and says it completely."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from uuid import uuid5

import pytest

import domain
from domain.aid import payments, temporary_aid
from domain.categories import dibao as dibao_road
from domain.categories import marginal, roads
from domain.change import adjustment, grace, hearing, monitoring, review, termination
from domain.clock import supervision
from domain.correction import day_correction, fact_correction, irregular, member_correction
from domain.decision import confirmation, extension, file, file_return, notice, objection, opinion, transfer
from domain.guards import (
    conflict_of_interest,
    delegation,
    order_of_steps,
    procedure_guards,
    registered,
    separation_of_duties,
    visit_team,
)
from domain.household import context, retention
from domain.household.command import Command, JointCommand
from domain.inquiry import complaint, recheck, sampling, verification
from domain.intake import (
    application,
    application_closure,
    application_place,
    authorisation,
    completeness,
    mandate,
    proactive_discovery,
    relatives,
)
from domain.members import (
    arrival,
    death,
    identification,
    joining,
    member_changes,
    moving,
    registration,
    split,
    succession,
)
from domain.members.registration import NewMember, RegisterHousehold
from domain.papers import delivery, documents, notification
from domain.values import calendar, policy, region
from domain.values.calendar import WorkingCalendar
from domain.values.issued import DocumentKind
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.person import HouseholdId, PersonId
from domain.values.receipt import Actor
from domain.values.refusals import Refusal
from domain.values.spells import Category, CategorySpell, Programme
from domain.watching import alerts
from tests import stories
from tests.domain.families import Families
from tests.domain.printing import issued, last, printing
from tests.scenario import SEED, Life, altered, reference, with_pack

for module in pkgutil.iter_modules(domain.__path__):
    importlib.import_module(f"domain.{module.name}")

ON, END = date(2025, 4, 21), date(2025, 4, 28)
LAW = date(2026, 7, 1)
VILLAGE = "990301100201"
STRANGER = PersonId(SEED)
FIRST, OTHER = HouseholdId(uuid5(SEED, "first")), HouseholdId(uuid5(SEED, "other"))
HEAD = NewMember("H", "甲", "head", birth=date(1980, 1, 1))

known = cache(lambda: stories.ling_registered(ON))
dibao = cache(lambda: stories.ling_in_dibao(ON))


@cache
def up_to(step: str, category: Category = Category.DIBAO) -> Life:
    """The family up to a step of the road; the county acts next."""
    return stories.on_the_road(known(), ON, until=step, category=category)


@cache
def earning(yuan: int) -> Life:
    story = stories.township(dibao()).when(review.Recertify(date(2025, 9, 1), (stories.other(yuan),)))
    return stories.county(story)


def head() -> PersonId:
    return stories.person(known(), 0)


def of_township(story: Life) -> Life:
    return stories.township(story)


MANDATE = mandate.Mandate("other", "代某", "委托书1号")
RELATIVE = relatives.RegisterRelative(END, stories.person(known(), 0), "sibling", "dibao-staff", "某人")


def mandated(officer: str | None = None) -> Life:
    return known().when(application.Apply(ON, head(), "agent", mandate=replace(MANDATE, officer=officer)))


def declined(
    ground: application_closure.DeclineGround, reasons: str = "理由"
) -> application_closure.DeclineApplication:
    return application_closure.DeclineApplication(ON, ground, reasons)


def noticed(kind: DocumentKind = "acceptance-notice") -> Life:
    """The family accepted, with a document about it issued by the township."""
    return issued(of_township(up_to("accept")), kind, ON)


def replaced(
    story: Life, kind: DocumentKind = "acceptance-notice", reason: str = "有误"
) -> documents.IssueDocument:
    """What replaces the first document of a life."""
    return documents.IssueDocument(ON, kind, replaces=story.household.documents[0].id, reason=reason)


def register(*members: NewMember, village: str = VILLAGE, on: date = ON) -> Refusal:
    nowhere = Life(VILLAGE, Actor("w1", "990301100/township"))
    return nowhere.refused(RegisterHousehold(on, village, members))


def before_the_rules() -> Life:
    """The day before M57 came into force."""
    return stories.ling_registered(date(2021, 6, 30))


def ended(ground: str, on: date = date(2025, 9, 10), reasons: str = "理由") -> termination.TerminateBenefit:
    assert ground in ("income-above-standard", "own-request")
    return termination.TerminateBenefit(on, ground, reasons)  # type: ignore[arg-type]


def asked(story: Life, given: bool) -> Life:
    return story.when(transfer.ConsentToTransfer(date(2025, 9, 10), given, head()))


def transferred(yuan: int) -> Life:
    story = asked(earning(yuan).when(ended("income-above-standard")), True)
    return story.when(transfer.StartTransfer(date(2025, 9, 10)))


def with_categories(story: Life, category: Category, command: Command) -> Refusal:
    beside = replace(story.household, categories=(CategorySpell(category, ON),))
    ground = reference().context(story.region, command.on, story.actor, SEED)
    with pytest.raises(Refusal) as refused:
        list(command.decide(beside, ground))
    return refused.value


def with_nobody(story: Life, command: Command) -> Refusal:
    empty = replace(story.household, members=())
    ground = reference().context(story.region, command.on, story.actor, SEED)
    with pytest.raises(Refusal) as refused:
        list(command.decide(empty, ground))
    return refused.value


def uncounted() -> Refusal:
    with pytest.raises(Refusal) as refused:
        WorkingCalendar({}).is_working(ON)
    return refused.value


def against() -> Life:
    """A report against the family; the township acts next."""
    return of_township(stories.on_the_road(known(), ON, until="visit", eligible=False))


def objected() -> Life:
    return against().when(recheck.ObjectToReport(ON, head(), ("材料",)))


def opposed() -> Life:
    return of_township(up_to("post")).when(objection.ObjectToNotice(ON, "income", "另有收入"))


def extended(on: date) -> extension.ExtendLimit:
    return extension.ExtendLimit(on, "other", "理由", "w1")


def complained() -> Life:
    return known().when(complaint.ReceiveComplaint(ON, "letter", "staff", "反映", "赵某"))


def chief() -> PersonId:
    return stories.person(dibao(), 0)


def spouse() -> PersonId:
    return stories.person(dibao(), 1)


def in_hand() -> Life:
    """The family in Dibao, its township to act."""
    return of_township(dibao())


def baby(**said: object) -> member_changes.AddMember:
    child = replace(NewMember("C4", "岭小小", "daughter", birth=ON), **said)  # type: ignore[arg-type]
    return member_changes.AddMember(END, child, "birth")


def between(first: Life, command: JointCommand, second: Life | None = None) -> Refusal:
    """The refusal of a command about two households; it names the second one `OTHER`."""
    return Families.of(first, second or provisional(), ids=(FIRST, OTHER)).refused(FIRST, command)


def provisional(village: str = VILLAGE) -> Life:
    nobody = NewMember("M1", "无名", "head", birth=date(1960, 2, 3))
    nowhere = Life(village, Actor("w1", f"{village[:9]}/township"), steps=1_000)
    return nowhere.when(RegisterHousehold(ON, village, (nobody,)))


def everybody(story: Life) -> joining.JoinHousehold:
    movers = tuple(arrival.Mover(m.person, "other") for m in story.household.members)
    return joining.JoinHousehold(END, OTHER, movers)


def joined() -> Refusal:
    families = Families.of(provisional(), known(), ids=(FIRST, OTHER))
    (movers,) = (tuple(arrival.Mover(m.person, "other") for m in families.household(FIRST).members),)
    families.ask(FIRST, joining.JoinHousehold(END, OTHER, movers))
    return families.refused(OTHER, split.MoveMember(END, FIRST, head(), "other"))


def handed() -> Life:
    return known().when(moving.HandOverFile(END, "990801100201"))


def alone(story: Life) -> Refusal:
    """A single-person Dibao member asked to leave."""
    own = CategorySpell(Category.DIBAO_SINGLE, ON, person=spouse())
    beside = replace(story.household, categories=(own,))
    context = reference().context(story.region, END, story.actor, SEED)
    with pytest.raises(Refusal) as refused:
        list(member_changes.RemoveMember(END, spouse(), "marriage").decide(beside, context))
    return refused.value


Way = Callable[[], Refusal]

WAYS: dict[type[Refusal], Way] = {
    # values
    calendar.CalendarYearMissing: uncounted,
    policy.ParameterMissing: lambda: before_the_rules().refused(
        application.Apply(date(2021, 6, 30), stories.person(before_the_rules(), 0))
    ),
    policy.OverrideNotAllowed: lambda: with_pack(
        known(), altered("990301", "deadline.DL-DIB-TOT", 90, "wd")
    ).refused(application.Apply(ON, head())),
    region.UnknownRegion: lambda: register(HEAD, village="990301100999"),
    region.RegionAbolished: lambda: register(HEAD, village="990801100216", on=date(2023, 6, 1)),
    context.NotCompetent: lambda: up_to("authorise").refused(application.AcceptApplication(ON)),
    context.OutsideJurisdiction: lambda: (
        up_to("authorise").by("990301101/township").refused(application.AcceptApplication(ON))
    ),
    context.NotTheDepartment: lambda: (
        up_to("receive").by("990301/human-resources", "h1").refused(confirmation.ConfirmDibao(END))
    ),
    context.DeciderRequired: lambda: Life(
        VILLAGE, Actor("system:deadlines"), up_to("receive").events
    ).refused(confirmation.ConfirmDibao(END)),
    order_of_steps.StepsOutOfOrder: lambda: up_to("receive").refused(confirmation.ConfirmDibao(ON)),
    visit_team.TeamTooSmall: lambda: of_township(up_to("accept")).refused(
        verification.VisitHome(ON, ("w1",), head())
    ),
    # membership
    registered.HouseholdUnknown: lambda: Life(VILLAGE, Actor("w1", "990301100/township")).refused(
        application.Apply(ON, STRANGER)
    ),
    registration.HouseholdAlreadyRegistered: lambda: known().refused(RegisterHousehold(ON, VILLAGE, (HEAD,))),
    registration.NotOneHead: lambda: register(HEAD, replace(HEAD, key="I")),
    registration.SamePersonTwice: lambda: register(
        NewMember("C1", "岭某", "head", stories.C1), NewMember("C9", "岭某", "sibling", stories.C1)
    ),
    registration.BirthContradictsId: lambda: register(
        NewMember("C1", "岭某", "head", stories.C1, birth=date(1981, 5, 6))
    ),
    registration.IdNumberRefused: lambda: register(NewMember("C1", "岭某", "head", "99030119810510003X")),
    registered.NotAMember: lambda: known().refused(application.Apply(ON, STRANGER)),
    registration.VillageRequired: lambda: register(HEAD, village="990301100"),
    # monitoring
    alerts.NoOpenAlert: lambda: known().refused(alerts.VerifyAlert(ON, ("w1", "w2"), True)),
    alerts.AlertNotVerified: lambda: (
        known().when(alerts.RaiseAlert(ON, "E-EXP-01", "RED")).refused(alerts.FeedBackAlert(ON, "watch"))
    ),
    monitoring.StillInCategory: lambda: dibao().refused(monitoring.ReturnToMonitoring(END)),
    # intake
    application.AlreadyApplying: lambda: up_to("apply").refused(application.Apply(END, head())),
    application.AlreadyReceives: lambda: dibao().refused(application.Apply(END, head())),
    application.PromiseMissing: lambda: known().refused(application.Apply(ON, head(), promised=False)),
    procedure_guards.NotApplied: lambda: known().refused(application.AcceptApplication(ON)),
    procedure_guards.NotAccepted: lambda: up_to("authorise").refused(verification.StartInvestigation(ON)),
    completeness.OneNoticeOnly: lambda: (
        of_township(up_to("apply"))
        .when(completeness.NotifyMissingItems(ON, ("收入证明",)))
        .refused(completeness.NotifyMissingItems(ON, ("残疾人证",)))
    ),
    completeness.NothingMissing: lambda: of_township(up_to("apply")).refused(
        completeness.NotifyMissingItems(ON, ())
    ),
    application.FileIncomplete: lambda: (
        of_township(up_to("apply"))
        .when(completeness.NotifyMissingItems(ON, ("收入证明",)))
        .refused(application.AcceptApplication(ON))
    ),
    completeness.AlreadyAccepted: lambda: of_township(up_to("accept")).refused(
        completeness.NotifyMissingItems(ON, ("收入证明",))
    ),
    completeness.PaperNotToBeAsked: lambda: with_pack(
        of_township(up_to("apply")), altered("990301", "procedure.papers-from-platform", ["户口簿"], "words")
    ).refused(completeness.NotifyMissingItems(ON, ("户口簿",))),
    application.AcceptanceContradicts: lambda: of_township(up_to("accept")).refused(
        application.AcceptApplication(ON, relatives=True)
    ),
    application.ChannelContradicts: lambda: known().refused(application.Apply(ON, head(), mandate=MANDATE)),
    procedure_guards.AgentMayNotHandle: lambda: mandated(officer="w1").refused(
        application.AcceptApplication(ON)
    ),
    procedure_guards.RelativeMayNotHandle: lambda: (
        of_township(up_to("apply"))
        .when(replace(RELATIVE, officer="w1"))
        .refused(application.AcceptApplication(ON))
    ),
    # finding
    proactive_discovery.AlertNeedUnverified: lambda: known().refused(
        proactive_discovery.ReportNeed(ON, "data-alert")
    ),
    proactive_discovery.NothingFound: lambda: known().refused(
        proactive_discovery.OfferHelp(ON, "aid-arranged")
    ),
    proactive_discovery.NobodyTold: lambda: (
        known()
        .when(proactive_discovery.ReportNeed(ON, "grid"))
        .refused(proactive_discovery.OfferHelp(ON, "told-will-apply"))
    ),
    proactive_discovery.DeclinedByMinor: lambda: (
        known()
        .when(proactive_discovery.ReportNeed(ON, "grid"))
        .refused(proactive_discovery.OfferHelp(ON, "told-declined", stories.person(known(), 2)))
    ),
    proactive_discovery.FindingMissing: lambda: known().refused(
        application.Apply(ON, head(), "active-finding")
    ),
    proactive_discovery.ConsentUnproven: lambda: known().refused(
        application.Apply(
            ON, head(), "active-finding", found=proactive_discovery.Found("grid", "no-capacity")
        )
    ),
    # mandate
    mandate.MandateMissing: lambda: known().refused(application.Apply(ON, head(), "agent")),
    mandate.MandateIncomplete: lambda: mandated().refused(
        mandate.MandateAgent(ON, replace(MANDATE, name="", scope=()))
    ),
    mandate.MandateNotInForce: lambda: mandated().refused(
        mandate.MandateAgent(ON, replace(MANDATE, signed_on=END))
    ),
    mandate.MandateByMinor: lambda: mandated().refused(
        mandate.MandateAgent(ON, replace(MANDATE, signed_by=stories.person(known(), 2)))
    ),
    mandate.MandateTooNarrow: lambda: mandated().refused(
        application_closure.WithdrawApplication(ON, by_agent=True)
    ),
    mandate.NoMandate: lambda: up_to("apply").refused(mandate.RevokeMandate(ON)),
    # place
    application_place.WrongPlace: lambda: (
        of_township(known())
        .when(application.Apply(ON, head(), place=application_place.Place("990801100")))
        .refused(application.AcceptApplication(ON))
    ),
    # relatives
    relatives.RelativeUnnamed: lambda: of_township(up_to("apply")).refused(replace(RELATIVE, name="")),
    relatives.DisclosedTooLate: lambda: dibao().refused(RELATIVE),
    relatives.RelativeNotAMember: lambda: of_township(up_to("apply")).refused(
        replace(RELATIVE, person=STRANGER)
    ),
    # endings
    application_closure.DeclineNeedsReasons: lambda: of_township(up_to("apply")).refused(
        declined("wrong-place", "")
    ),
    application_closure.AcceptedIsDecided: lambda: of_township(up_to("accept")).refused(
        declined("wrong-place")
    ),
    application_closure.DeclineContradicted: lambda: of_township(up_to("apply")).refused(
        declined("promise-refused")
    ),
    application_closure.RightPlaceMissing: lambda: of_township(up_to("apply")).refused(
        declined("wrong-place")
    ),
    application_closure.NoTermForSupplement: lambda: (
        of_township(up_to("apply"))
        .when(completeness.NotifyMissingItems(ON, ("收入证明",)))
        .refused(declined("not-supplemented"))
    ),
    application_closure.SupplementTermRuns: lambda: (
        with_pack(of_township(up_to("apply")), altered("990301", "deadline.DL-SUP", 5, "wd"))
        .when(completeness.NotifyMissingItems(ON, ("收入证明",)))
        .refused(declined("not-supplemented"))
    ),
    application_closure.NotTheApplicant: lambda: up_to("apply").refused(
        application_closure.WithdrawApplication(ON, stories.person(known(), 1))
    ),
    application_closure.DecidedIsNotWithdrawn: lambda: dibao().refused(
        application_closure.WithdrawApplication(END)
    ),
    authorisation.GuardianNotAdult: lambda: up_to("apply").refused(
        authorisation.AuthoriseVerification(ON, (head(),), stories.person(known(), 2))
    ),
    # verification
    verification.AuthorisationMissing: lambda: of_township(
        stories.on_the_road(known(), ON, until="accept", without="authorise")
    ).refused(verification.RequestVerification(ON)),
    verification.NotRequested: lambda: up_to("accept").refused(verification.StartVerification(ON)),
    verification.NotStarted: lambda: up_to("request").refused(verification.ReportVerification(ON, True)),
    verification.VisitUnsigned: lambda: of_township(up_to("accept")).refused(
        verification.VisitHome(ON, ("w1", "w2"))
    ),
    verification.ReportContradicts: lambda: up_to("report").refused(
        verification.ReportVerification(ON, False)
    ),
    # classification
    opinion.NotInvestigated: lambda: of_township(up_to("accept")).refused(opinion.GiveOpinion(ON)),
    opinion.OpinionMissing: lambda: of_township(up_to("visit")).refused(notice.PostNotice(ON)),
    notice.NoticeNotForIdentification: lambda: of_township(up_to("opine", Category.MARGINAL)).refused(
        notice.PostNotice(ON)
    ),
    notice.NothingToPublish: lambda: of_township(
        stories.on_the_road(known(), ON, until="opine", eligible=False)
    ).refused(notice.PostNotice(ON)),
    opinion.NoticeMissing: lambda: up_to("post").refused(file.ReceiveFile(END)),
    notice.NoticeStillRunning: lambda: of_township(up_to("post")).refused(
        notice.CloseNotice(END - timedelta(days=1))
    ),
    # decision
    confirmation.FileNotReceived: lambda: up_to("close").refused(confirmation.ConfirmDibao(END)),
    dibao_road.IncomeNotBelowStandard: lambda: (
        stories.on_the_road(known(), ON, until="opine", income=(stories.other(1_680),))
        .when(file.ReceiveFile(ON))
        .refused(confirmation.ConfirmDibao(ON))
    ),
    confirmation.IncomeBelowStandard: lambda: up_to("receive").refused(
        confirmation.RefuseApplication(END, "income-above-standard", "理由")
    ),
    confirmation.RefusalNeedsReasons: lambda: up_to("receive").refused(
        confirmation.RefuseApplication(END, "other", "")
    ),
    confirmation.ReportSaysNotEligible: lambda: (
        stories.on_the_road(known(), ON, until="opine", eligible=False)
        .when(file.ReceiveFile(ON))
        .refused(confirmation.ConfirmDibao(ON))
    ),
    confirmation.CountyVisitRequired: lambda: stories.on_the_road(known(), ON, relatives=True).refused(
        confirmation.ConfirmDibao(END)
    ),
    confirmation.OneCategoryOnly: lambda: with_categories(
        up_to("receive"), Category.RIGID, confirmation.ConfirmDibao(END)
    ),
    roads.CategoryNotOpen: lambda: known().refused(
        application.Apply(ON, stories.person(known(), 0), category=Category.RIGID)
    ),
    confirmation.WrongProcedure: lambda: up_to("receive").refused(confirmation.ConfirmMarginal(END)),
    confirmation.AlreadyDecided: lambda: dibao().refused(
        confirmation.RefuseApplication(END, "other", "理由")
    ),
    delegation.DelegationNotAllowed: lambda: of_township(dibao()).refused(ended("own-request", LAW)),
    delegation.DelegationPaperMissing: lambda: of_township(up_to("close")).refused(
        confirmation.ConfirmDibao(END)
    ),
    file.FileNotResubmitted: lambda: (
        up_to("receive")
        .when(file_return.ReturnFile(END, ("调查表",), "缺签字"))
        .refused(file.ReceiveFile(END))
    ),
    # recheck
    recheck.NothingToTell: lambda: of_township(up_to("visit")).refused(recheck.TellResult(ON, head())),
    recheck.NothingToObject: lambda: up_to("visit").refused(recheck.ObjectToReport(ON, head(), ("材料",))),
    recheck.EvidenceRequired: lambda: against().refused(recheck.ObjectToReport(ON, head(), ())),
    recheck.AlreadyObjected: lambda: objected().refused(recheck.ObjectToReport(END, head(), ("材料",))),
    recheck.NothingToRecheck: lambda: against().refused(recheck.Recheck(ON, True)),
    recheck.RecheckPending: lambda: objected().refused(opinion.GiveOpinion(ON)),
    # objection
    opinion.ObjectionNotInquired: lambda: opposed().refused(opinion.GiveOpinion(ON)),
    opinion.ObjectionOpen: lambda: opposed().refused(notice.CloseNotice(END)),
    objection.ObjectionTooLate: lambda: up_to("post").refused(
        objection.ObjectToNotice(END + timedelta(days=1), "income", "另有收入")
    ),
    objection.ObjectionEmpty: lambda: up_to("post").refused(objection.ObjectToNotice(ON, "income", "")),
    objection.NoOpenObjection: lambda: of_township(up_to("post")).refused(
        objection.Reinvestigate(ON, ("w3", "w4"), "属实")
    ),
    objection.RepresentativesTooFew: lambda: with_pack(
        opposed(),
        altered(
            "990301", "procedure.review-representative-ratio", {"numerator": 2, "denominator": 3}, "ratio"
        ),
    ).refused(objection.HoldDemocraticReview(ON, 9, 5, 5)),
    objection.ReviewNumbersWrong: lambda: opposed().refused(objection.HoldDemocraticReview(ON, 9, 10, 5)),
    # file return
    file_return.ReturnNeedsReasons: lambda: up_to("receive").refused(file_return.ReturnFile(END, (), "")),
    file_return.FileNotReturned: lambda: of_township(up_to("receive")).refused(file_return.ResubmitFile(END)),
    # extension
    extension.AlreadyExtended: lambda: up_to("accept").when(extended(ON)).refused(extended(END)),
    extension.ExtensionTooLate: lambda: up_to("accept").refused(extended(date(2025, 9, 1))),
    extension.ExtensionNeedsGround: lambda: up_to("accept").refused(replace(extended(ON), ground=" ")),
    extension.ExtensionUnfounded: lambda: up_to("accept").refused(
        replace(extended(ON), reason="notice-objected")
    ),
    # separation
    separation_of_duties.DutiesNotSeparate: lambda: up_to("accept").refused(
        replace(extended(ON), proposer="c1")
    ),
    separation_of_duties.MustAvoid: lambda: (
        up_to("receive")
        .when(conflict_of_interest.DeclareConflict(END, "interest"))
        .refused(confirmation.ConfirmDibao(END))
    ),
    # complaint
    complaint.ComplaintEmpty: lambda: known().refused(complaint.ReceiveComplaint(ON, "letter", "staff", "")),
    complaint.NoOpenComplaint: lambda: known().refused(
        complaint.AnswerComplaint(ON, "unsubstantiated", "不实")
    ),
    complaint.AnswerNeedsFinding: lambda: complained().refused(
        complaint.AnswerComplaint(ON, "unsubstantiated", "")
    ),
    complaint.ComplainantUntold: lambda: complained().refused(
        complaint.AnswerComplaint(ON, "unsubstantiated", "不实", told=False)
    ),
    # sampling
    # the end of a file
    retention.StillInUse: lambda: not_erasable(up_to("visit"), months=0),
    retention.RetentionRuns: lambda: not_erasable(known(), months=120),
    sampling.NothingToSample: lambda: known().refused(sampling.DrawSample(ON, "一")),
    sampling.SeedMissing: lambda: up_to("accept").refused(sampling.DrawSample(ON, "")),
    sampling.DrawnAlready: lambda: (
        up_to("accept").when(sampling.DrawSample(ON, "一")).refused(sampling.DrawSample(ON, "二"))
    ),
    sampling.NotDrawn: lambda: up_to("accept").refused(sampling.CheckSample(ON, ("c2", "c3"), "in-order")),
    sampling.DispositionMissing: lambda: (
        with_pack(
            up_to("accept"),
            altered("990301", "dibao.sampling-ratio", {"numerator": 1, "denominator": 1}, "ratio"),
        )
        .when(sampling.DrawSample(ON, "一"))
        .refused(sampling.CheckSample(ON, ("c2", "c3"), "defect"))
    ),
    # irregular
    irregular.NotHappenedYet: lambda: known().refused(irregular.RecordIrregular(ON, "other", END, "说明")),
    irregular.IrregularNeedsGround: lambda: known().refused(irregular.RecordIrregular(ON, "other", ON, "")),
    irregular.EffectIncomplete: lambda: known().refused(
        irregular.RecordIrregular(ON, "confirmed-without-notice", ON, "说明")
    ),
    irregular.NoEffectToEnd: lambda: known().refused(
        irregular.RecordIrregular(ON, "ended-unheard", ON, "说明")
    ),
    irregular.NoOpenSuspicion: lambda: stories.county(known()).refused(
        irregular.AnswerSuspicion(ON, "mended", "已纠正")
    ),
    irregular.OutcomeNeedsFinding: lambda: (
        stories.county(known())
        .when(irregular.RecordIrregular(ON, "visited-alone", ON, "说明"))
        .refused(irregular.AnswerSuspicion(ON, "mended", ""))
    ),
    # documents
    documents.DocumentNotPrinted: lambda: of_township(up_to("accept")).refused(
        documents.IssueDocument(ON, "acceptance-notice")
    ),
    documents.StepNotTaken: lambda: of_township(known()).refused(
        documents.IssueDocument(ON, "acceptance-notice")
    ),
    documents.DocumentUnknown: lambda: noticed().refused(
        documents.IssueDocument(ON, "acceptance-notice", replaces=SEED)
    ),
    documents.DocumentReplaced: lambda: (
        noticed().when(replaced(noticed())).refused(replaced(noticed(), reason="又有误"))
    ),
    documents.OtherKindReplaced: lambda: noticed().refused(replaced(noticed(), "home-visit-form")),
    documents.ReplacementNeedsReason: lambda: noticed().refused(replaced(noticed(), reason="")),
    documents.IssuedByAnother: lambda: printing(noticed(), "990301/civil-affairs").refused(
        replaced(noticed())
    ),
    # delivery
    delivery.NotForDelivery: lambda: noticed("verification-authorisation").refused(
        delivery.DeliverDocument(ON, last(noticed("verification-authorisation")).id)
    ),
    delivery.AlreadyDelivered: lambda: (
        noticed()
        .when(delivery.DeliverDocument(ON, received_by=head()))
        .refused(delivery.DeliverDocument(END, received_by=head()))
    ),
    delivery.MethodNotAllowed: lambda: with_pack(
        noticed(), altered("990301", "delivery.methods", ["mail"], "words")
    ).refused(delivery.DeliverDocument(ON, received_by=head())),
    delivery.ReceiverMissing: lambda: noticed().refused(delivery.DeliverDocument(ON)),
    delivery.ReceiverIsMinor: lambda: noticed().refused(
        delivery.DeliverDocument(ON, received_by=stories.person(known(), 2))
    ),
    delivery.WitnessesMissing: lambda: noticed().refused(
        delivery.DeliverDocument(ON, method="left-with-witnesses")
    ),
    delivery.ElectronicNotAgreed: lambda: noticed().refused(
        delivery.DeliverDocument(ON, method="electronic")
    ),
    delivery.AnnouncementIsLast: lambda: noticed().refused(
        delivery.DeliverDocument(ON, method="public-announcement")
    ),
    # notification
    notification.NothingToDeliver: lambda: dibao().refused(notification.DeliverNotice(END, head())),
    notification.NothingConfirmed: lambda: known().refused(notification.PublishConfirmation(ON)),
    # benefit
    payments.NoBenefitInMonth: lambda: known().refused(payments.OrderPayment(ON)),
    payments.OrderedAlready: lambda: (
        dibao()
        .when(payments.OrderPayment(date(2025, 5, 10)))
        .refused(payments.OrderPayment(date(2025, 5, 10)))
    ),
    payments.MonthSkipped: lambda: dibao().refused(payments.OrderPayment(date(2025, 6, 10))),
    payments.NotOrdered: lambda: dibao().refused(payments.SettlePayment(date(2025, 5, 10))),
    temporary_aid.AmountNotPositive: lambda: dibao().refused(
        temporary_aid.GrantTemporaryAid(END, Fen(0), "失火")
    ),
    payments.NoAidToPay: lambda: dibao().refused(payments.OrderPayment(END, Programme.TEMPORARY)),
    temporary_aid.AidNeedsNotice: lambda: dibao().refused(
        temporary_aid.GrantTemporaryAid(END, Fen(1), "学费", "expenditure")
    ),
    # review
    review.NothingToReview: lambda: known().refused(review.Recertify(ON)),
    # grace
    grace.NoCurrentDibao: lambda: known().refused(grace.GrantGrace(ON)),
    grace.GraceCauseNotRecognised: lambda: earning(2_000).refused(
        grace.GrantGrace(date(2025, 9, 10), "inheritance")
    ),
    grace.LongGraceNeedsGround: lambda: earning(2_000).refused(
        grace.GrantGrace(date(2025, 9, 10), months=Months(Month(2025, 10), Month(2026, 4)))
    ),
    grace.IncomeOutsideGrace: lambda: earning(9_000).refused(grace.GrantGrace(date(2025, 9, 10))),
    grace.ReviewMissing: lambda: (
        earning(2_000)
        .when(review.ReportChange(date(2025, 9, 5), head(), "income"))
        .refused(grace.GrantGrace(date(2025, 9, 10)))
    ),
    grace.GraceAlreadyRunning: lambda: (
        earning(2_000).when(grace.GrantGrace(date(2025, 9, 10))).refused(grace.GrantGrace(date(2025, 9, 11)))
    ),
    grace.GraceBeginsNextMonth: lambda: earning(2_000).refused(
        grace.GrantGrace(date(2025, 9, 10), months=Months(Month(2025, 9), Month(2025, 12)))
    ),
    grace.SteppedGraceUnheard: lambda: with_pack(
        earning(2_000), altered("990301", "grace.amount-mode", "STEPDOWN", "word")
    ).refused(grace.GrantGrace(LAW)),
    grace.NoGraceToWarn: lambda: dibao().refused(grace.WarnGraceExpiry(END)),
    # exit
    hearing.HearingNotHeld: lambda: earning(2_000).refused(ended("own-request", LAW)),
    hearing.NothingToTerminate: lambda: known().refused(ended("own-request")),
    termination.StillEligible: lambda: dibao().refused(ended("income-above-standard")),
    termination.GraceStillRunning: lambda: (
        earning(2_000).when(grace.GrantGrace(date(2025, 9, 10))).refused(ended("income-above-standard"))
    ),
    termination.EndsNextMonth: lambda: earning(2_000).refused(
        replace(ended("own-request"), from_month=Month(2025, 9))
    ),
    termination.ReasonsMissing: lambda: earning(2_000).refused(ended("own-request", reasons="")),
    # transfer
    transfer.ConsentMissing: lambda: earning(2_000).refused(transfer.StartTransfer(date(2025, 9, 10))),
    transfer.ConsentDeclined: lambda: asked(earning(2_000), False).refused(
        transfer.StartTransfer(date(2025, 9, 10))
    ),
    transfer.EvidenceMissing: lambda: asked(known(), True).refused(transfer.StartTransfer(date(2025, 9, 10))),
    marginal.NotBelowMarginalLine: lambda: transferred(2_520).refused(
        confirmation.ConfirmMarginal(date(2025, 9, 12))
    ),
    marginal.BelowDibaoStandard: lambda: (
        stories.on_the_road(known(), ON, until="opine", category=Category.MARGINAL)
        .when(file.ReceiveFile(ON))
        .refused(confirmation.ConfirmMarginal(ON))
    ),
    # members
    registered.NobodyCounted: lambda: with_nobody(in_hand(), review.Recertify(date(2025, 5, 6))),
    member_changes.AlreadyMember: lambda: replace(in_hand(), persons=((stories.C2, spouse()),)).refused(
        member_changes.AddMember(END, NewMember("C2", "岭某某", "spouse", stories.C2), "other")
    ),
    member_changes.RecordedAsDead: lambda: (
        replace(in_hand(), persons=((stories.C2, spouse()),))
        .when(death.RecordDeath(END, spouse(), ON, "cremation-record"))
        .refused(member_changes.AddMember(END, NewMember("C2", "岭某某", "spouse", stories.C2), "return"))
    ),
    member_changes.NotBornYet: lambda: in_hand().refused(replace(baby(), since=date(2025, 4, 20))),
    succession.HeadNeeded: lambda: in_hand().refused(member_changes.RemoveMember(END, chief(), "prison")),
    member_changes.NobodyWouldRemain: lambda: provisional().refused(
        member_changes.RemoveMember(END, stories.person(provisional(), 0), "prison")
    ),
    member_changes.OwnAidRunning: lambda: alone(in_hand()),
    member_changes.ReligiousTooShort: lambda: in_hand().refused(
        member_changes.RemoveMember(END, spouse(), "religious")
    ),
    succession.LaterChangeRecorded: lambda: (
        in_hand()
        .when(member_changes.ChangeMember(END, spouse(), work_capacity="full"))
        .refused(member_changes.RemoveMember(END, spouse(), "marriage", ON))
    ),
    succession.RosterContradicts: lambda: (
        in_hand()
        .when(member_changes.RemoveMember(END, stories.person(known(), 2), "prison"))
        .refused(member_changes.RemoveMember(END, chief(), "prison", ON, stories.person(known(), 2)))
    ),
    death.DeathAlreadyRecorded: lambda: (
        in_hand()
        .when(death.RecordDeath(END, spouse(), ON, "cremation-record"))
        .refused(death.RecordDeath(END, spouse(), END, "cremation-record"))
    ),
    hearing.SurvivorsRemain: lambda: dibao().refused(
        hearing.HearOpinion(END, substitute="death-without-survivors")
    ),
    # adjustment
    adjustment.NothingToAdjust: lambda: stories.county(known()).refused(
        adjustment.AdjustBenefit(END, "理由")
    ),
    adjustment.CheckMissing: lambda: stories.county(in_hand().when(baby())).refused(
        adjustment.AdjustBenefit(END, "理由")
    ),
    adjustment.NoLongerEligible: lambda: earning(2_000).refused(
        adjustment.AdjustBenefit(date(2025, 9, 2), "理由")
    ),
    adjustment.NoClearChange: lambda: earning(700).refused(
        adjustment.AdjustBenefit(date(2025, 9, 2), "理由")
    ),
    adjustment.AdjustmentNeedsReasons: lambda: dibao().refused(adjustment.AdjustBenefit(END, " ")),
    adjustment.NothingToConclude: lambda: dibao().refused(adjustment.ConcludeReassessment(END, "理由")),
    adjustment.AdjustInstead: lambda: (
        in_hand().when(baby()).refused(adjustment.ConcludeReassessment(END, "理由"))
    ),
    # several households
    arrival.SameHousehold: lambda: between(known(), split.MoveMember(END, FIRST, head(), "other")),
    arrival.JoinedElsewhere: joined,
    arrival.NotSameCounty: lambda: between(known(), everybody(known()), provisional("990801100201")),
    split.NobodySplitsOff: lambda: between(known(), split.SplitHousehold(END, ())),
    joining.CaseUnderWay: lambda: between(up_to("apply"), everybody(known())),
    joining.CategoriesDiffer: lambda: between(dibao(), everybody(dibao())),
    joining.NoticeUnderWay: lambda: between(
        stories.on_the_road(known(), ON, until="opine", eligible=False).when(
            file.ReceiveFile(ON), confirmation.RefuseApplication(ON, "other", "理由")
        ),
        everybody(known()),
    ),
    joining.MoneyUnderWay: lambda: between(
        known().when(temporary_aid.GrantTemporaryAid(END, Fen(100), "失火")), everybody(known())
    ),
    joining.MembersLeftBehind: lambda: between(known(), joining.JoinHousehold(END, OTHER, ())),
    identification.AlreadyIdentified: lambda: known().refused(
        identification.IdentifyPerson(END, head(), "岭某", stories.C1)
    ),
    # moving
    moving.LivesThere: lambda: known().refused(moving.MoveHousehold(END, VILLAGE)),
    moving.AcrossCounties: lambda: known().refused(moving.MoveHousehold(END, "990801100201")),
    moving.WithinCounty: lambda: stories.county(known()).refused(moving.HandOverFile(END, "990301100202")),
    moving.CaseStays: lambda: up_to("apply").refused(moving.HandOverFile(END, "990801100201")),
    moving.NothingHandedOver: lambda: stories.county(known()).refused(moving.TakeOverFile(END)),
    # correction
    fact_correction.NoSuchStep: lambda: known().refused(fact_correction.CorrectResidence(END, 99, "笔误")),
    fact_correction.NotCorrectable: lambda: known().refused(fact_correction.CorrectResidence(END, 2, "笔误")),
    fact_correction.CorrectedAlready: lambda: (
        known()
        .when(fact_correction.CorrectResidence(END, 1, "笔误", "990301100202"))
        .refused(fact_correction.CorrectResidence(END, 1, "笔误", "990301100001"))
    ),
    fact_correction.CorrectionNeedsReasons: lambda: known().refused(
        fact_correction.CorrectResidence(END, 1, "")
    ),
    fact_correction.NothingWrong: lambda: known().refused(
        fact_correction.CorrectResidence(END, 1, "笔误", VILLAGE)
    ),
    fact_correction.DayDoesNotFit: lambda: known().refused(
        fact_correction.CorrectResidence(ON, 1, "笔误", since=END)
    ),
    fact_correction.DecidedOnIt: lambda: in_hand().refused(fact_correction.CorrectIncome(END, 5, "笔误", ())),
    fact_correction.OpinionRestsOnIt: lambda: of_township(up_to("opine")).refused(
        fact_correction.CorrectIncome(ON, 5, "笔误", ())
    ),
    day_correction.NoticeReplaced: lambda: (
        of_township(up_to("post"))
        .when(opinion.GiveOpinion(END, (stories.other(700),)))
        .refused(day_correction.CorrectNoticeDay(END, len(up_to("post").events), "笔误", END))
    ),
    member_correction.NumberIsAnothers: lambda: replace(known(), persons=((stories.A1, STRANGER),)).refused(
        member_correction.CorrectMember(END, 2, "笔误", id_number=stories.A1)
    ),
    # supervision
    supervision.NothingMissed: lambda: known().refused(supervision.NoteMissedDeadline(ON, "DL-DIB-TOT")),
}


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("domain."):
            yield each
            yield from refusals(each)


ALL = sorted(set(refusals()), key=lambda kind: (kind.__module__, kind.__name__))


def name(kind: type[Refusal]) -> str:
    return kind.__name__


def not_erasable(life: Life, months: int) -> Refusal:
    """Why the file of a life may not be erased on the day of its last fact."""
    last = life.events[-1].on
    with pytest.raises(Refusal) as refusal:
        retention.require_over(life.household, last, months, last)
    return refusal.value


def test_there_is_a_way_to_meet_every_refusal() -> None:
    assert {each.__name__ for each in ALL} == {each.__name__ for each in WAYS}


@pytest.mark.parametrize("kind", WAYS, ids=name)
def test_it_is_met_and_says_everything_it_means_to_say(kind: type[Refusal]) -> None:
    refusal = WAYS[kind]()
    assert type(refusal) is kind
    named = set(re.findall(r"\{(\w+)", kind.__doc__ or ""))
    assert named <= set(refusal.facts)
    assert not [fact for fact in named if refusal.facts[fact] in (None, "", ())]
    assert not re.search(r"[{}…]", refusal.sentence)
    assert str(refusal) == refusal.sentence


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_its_sentence_is_chinese_and_one_sentence(kind: type[Refusal]) -> None:
    text = vars(kind).get("__doc__") or ""
    assert re.search(r"[\u4e00-\u9fff]", text)
    assert "\n" not in text
    assert re.search(r"[。}]$", text)
    assert not re.search(r"[,;:!?]", re.sub(r"\{\w+[^}]*\}", "", text))


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_its_article_is_one_the_papers_know(kind: type[Refusal]) -> None:
    known_papers = r"M57|M220|M83|M43|M23|L26|G39|S001|N31|PIPL|HOL24|T26|R649|民政部令第79号|MFD"
    parts = [part.strip() for part in kind.article.split(";") if part.strip()]
    assert all(re.match(known_papers, part) for part in parts), kind.article
    for part in parts:
        assert re.fullmatch(r"[A-Z0-9]+( art\.\d+(, \d+)*)?( §[\d.]+)?|民政部令第79号", part), part


def test_no_two_refusals_have_one_code() -> None:
    codes = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", each.__name__).lower() for each in ALL]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_no_english_code_stands_where_people_read(kind: type[Refusal]) -> None:
    """Names of parameters, organs and causes the caller used himself are quoted, not translated."""
    if kind in (policy.ParameterMissing, policy.OverrideNotAllowed, context.NotCompetent):
        return
    sentence = WAYS[kind]().sentence if kind in WAYS else ""
    assert not re.search(r"[A-Za-z]{3,}", re.sub(r"“[^”]*”", "", sentence))

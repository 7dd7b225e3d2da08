"""Every refusal there is can be met, says in Chinese what is wrong, and says it completely."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import pytest

import domain
from domain import (
    authorisation,
    benefit,
    calendar,
    classification,
    context,
    decision,
    exit,
    grace,
    intake,
    membership,
    monitoring,
    notification,
    order,
    policy,
    region,
    review,
    supervision,
    transfer,
    verification,
    visit,
)
from domain.calendar import WorkingCalendar
from domain.membership import NewMember, RegisterHousehold
from domain.message import Command, Refusal
from domain.money import Fen
from domain.month import Month, Months
from domain.person import PersonId
from domain.receipt import Actor
from domain.spells import Category, CategorySpell
from tests import stories
from tests.scenario import SEED, Life, altered, reference, with_pack

for module in pkgutil.iter_modules(domain.__path__):
    importlib.import_module(f"domain.{module.name}")

ON, END = date(2025, 4, 21), date(2025, 4, 28)
LAW = date(2026, 7, 1)
VILLAGE = "990301100201"
STRANGER = PersonId(SEED)
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


def register(*members: NewMember, village: str = VILLAGE, on: date = ON) -> Refusal:
    nowhere = Life(VILLAGE, Actor("w1", "990301100/township"))
    return nowhere.refused(RegisterHousehold(on, village, members))


def before_the_rules() -> Life:
    """The day before M57 came into force."""
    return stories.ling_registered(date(2021, 6, 30))


def ended(ground: str, on: date = date(2025, 9, 10), reasons: str = "理由") -> exit.TerminateBenefit:
    assert ground in ("income-above-standard", "own-request")
    return exit.TerminateBenefit(on, ground, reasons)  # type: ignore[arg-type]


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


def uncounted() -> Refusal:
    with pytest.raises(Refusal) as refused:
        WorkingCalendar({}).is_working(ON)
    return refused.value


Way = Callable[[], Refusal]

WAYS: dict[type[Refusal], Way] = {
    # values
    calendar.CalendarYearMissing: uncounted,
    policy.ParameterMissing: lambda: before_the_rules().refused(
        intake.Apply(date(2021, 6, 30), stories.person(before_the_rules(), 0))
    ),
    policy.OverrideNotAllowed: lambda: with_pack(
        known(), altered("990301", "deadline.DL-DIB-TOT", 90, "wd")
    ).refused(intake.Apply(ON, head())),
    region.UnknownRegion: lambda: register(HEAD, village="990301100999"),
    region.RegionAbolished: lambda: register(HEAD, village="990801100216", on=date(2023, 6, 1)),
    context.NotCompetent: lambda: up_to("authorise").refused(intake.AcceptApplication(ON)),
    context.OutsideJurisdiction: lambda: (
        up_to("authorise").by("990301101/township").refused(intake.AcceptApplication(ON))
    ),
    context.NotTheDepartment: lambda: (
        up_to("receive").by("990301/human-resources", "h1").refused(decision.ConfirmDibao(END))
    ),
    context.DeciderRequired: lambda: Life(
        VILLAGE, Actor("system:deadlines"), up_to("receive").events
    ).refused(decision.ConfirmDibao(END)),
    order.StepsOutOfOrder: lambda: up_to("receive").refused(decision.ConfirmDibao(ON)),
    visit.TeamTooSmall: lambda: of_township(up_to("accept")).refused(
        verification.VisitHome(ON, ("w1",), head())
    ),
    # membership
    membership.HouseholdUnknown: lambda: Life(VILLAGE, Actor("w1", "990301100/township")).refused(
        intake.Apply(ON, STRANGER)
    ),
    membership.HouseholdAlreadyRegistered: lambda: known().refused(RegisterHousehold(ON, VILLAGE, (HEAD,))),
    membership.NotOneHead: lambda: register(HEAD, replace(HEAD, key="I")),
    membership.SamePersonTwice: lambda: register(
        NewMember("C1", "岭某", "head", stories.C1), NewMember("C9", "岭某", "sibling", stories.C1)
    ),
    membership.BirthContradictsId: lambda: register(
        NewMember("C1", "岭某", "head", stories.C1, birth=date(1981, 5, 6))
    ),
    membership.IdNumberRefused: lambda: register(NewMember("C1", "岭某", "head", "99030119810510003X")),
    membership.NotAMember: lambda: known().refused(intake.Apply(ON, STRANGER)),
    membership.VillageRequired: lambda: register(HEAD, village="990301100"),
    # monitoring
    monitoring.NoOpenAlert: lambda: known().refused(monitoring.VerifyAlert(ON, ("w1", "w2"), True)),
    monitoring.AlertNotVerified: lambda: (
        known()
        .when(monitoring.RaiseAlert(ON, "E-EXP-01", "RED"))
        .refused(monitoring.FeedBackAlert(ON, "watch"))
    ),
    monitoring.StillInCategory: lambda: dibao().refused(monitoring.ReturnToMonitoring(END)),
    # intake
    intake.AlreadyApplying: lambda: up_to("apply").refused(intake.Apply(END, head())),
    intake.AlreadyReceives: lambda: dibao().refused(intake.Apply(END, head())),
    intake.PromiseMissing: lambda: known().refused(intake.Apply(ON, head(), promised=False)),
    intake.NotApplied: lambda: known().refused(intake.AcceptApplication(ON)),
    intake.NotAccepted: lambda: up_to("authorise").refused(verification.StartInvestigation(ON)),
    intake.OneNoticeOnly: lambda: (
        of_township(up_to("apply"))
        .when(intake.NotifyMissingItems(ON, ("收入证明",)))
        .refused(intake.NotifyMissingItems(ON, ("残疾人证",)))
    ),
    intake.NothingMissing: lambda: of_township(up_to("apply")).refused(intake.NotifyMissingItems(ON, ())),
    intake.FileIncomplete: lambda: (
        of_township(up_to("apply"))
        .when(intake.NotifyMissingItems(ON, ("收入证明",)))
        .refused(intake.AcceptApplication(ON))
    ),
    intake.AlreadyAccepted: lambda: of_township(up_to("accept")).refused(
        intake.NotifyMissingItems(ON, ("收入证明",))
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
    classification.NotInvestigated: lambda: of_township(up_to("accept")).refused(
        classification.GiveOpinion(ON)
    ),
    classification.OpinionMissing: lambda: of_township(up_to("visit")).refused(classification.PostNotice(ON)),
    classification.NoticeNotForIdentification: lambda: of_township(up_to("opine", Category.MARGINAL)).refused(
        classification.PostNotice(ON)
    ),
    classification.NothingToPublish: lambda: of_township(
        stories.on_the_road(known(), ON, until="opine", eligible=False)
    ).refused(classification.PostNotice(ON)),
    classification.NoticeMissing: lambda: up_to("post").refused(decision.ReceiveFile(END)),
    classification.NoticeStillRunning: lambda: of_township(up_to("post")).refused(
        classification.CloseNotice(END - timedelta(days=1))
    ),
    # decision
    decision.FileNotReceived: lambda: up_to("close").refused(decision.ConfirmDibao(END)),
    decision.IncomeNotBelowStandard: lambda: (
        stories.on_the_road(known(), ON, until="opine", income=(stories.other(1_680),))
        .when(decision.ReceiveFile(ON))
        .refused(decision.ConfirmDibao(ON))
    ),
    decision.IncomeBelowStandard: lambda: up_to("receive").refused(
        decision.RefuseApplication(END, "income-above-standard", "理由")
    ),
    decision.RefusalNeedsReasons: lambda: up_to("receive").refused(
        decision.RefuseApplication(END, "other", "")
    ),
    decision.ReportSaysNotEligible: lambda: (
        stories.on_the_road(known(), ON, until="opine", eligible=False)
        .when(decision.ReceiveFile(ON))
        .refused(decision.ConfirmDibao(ON))
    ),
    decision.CountyVisitRequired: lambda: stories.on_the_road(known(), ON, relatives=True).refused(
        decision.ConfirmDibao(END)
    ),
    decision.OneCategoryOnly: lambda: with_categories(
        up_to("receive"), Category.RIGID, decision.ConfirmDibao(END)
    ),
    decision.WrongProcedure: lambda: up_to("receive").refused(transfer.ConfirmMarginal(END)),
    decision.AlreadyDecided: lambda: dibao().refused(decision.RefuseApplication(END, "other", "理由")),
    intake.DelegationNotAllowed: lambda: of_township(dibao()).refused(ended("own-request", LAW)),
    decision.DelegationPaperMissing: lambda: of_township(up_to("close")).refused(decision.ConfirmDibao(END)),
    # notification
    notification.NothingToDeliver: lambda: dibao().refused(notification.DeliverNotice(END, head())),
    notification.NothingConfirmed: lambda: known().refused(notification.PublishConfirmation(ON)),
    # benefit
    benefit.NoBenefitInMonth: lambda: known().refused(benefit.OrderPayment(ON)),
    benefit.OrderedAlready: lambda: (
        dibao().when(benefit.OrderPayment(date(2025, 5, 10))).refused(benefit.OrderPayment(date(2025, 5, 10)))
    ),
    benefit.MonthSkipped: lambda: dibao().refused(benefit.OrderPayment(date(2025, 6, 10))),
    benefit.NotOrdered: lambda: dibao().refused(benefit.SettlePayment(date(2025, 5, 10))),
    benefit.AmountNotPositive: lambda: dibao().refused(benefit.GrantTemporaryAid(END, Fen(0), "失火")),
    benefit.NoAidToPay: lambda: dibao().refused(benefit.OrderPayment(END, "TEMPORARY")),
    benefit.AidNeedsNotice: lambda: dibao().refused(
        benefit.GrantTemporaryAid(END, Fen(1), "学费", "expenditure")
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
    exit.HearingNotHeld: lambda: earning(2_000).refused(ended("own-request", LAW)),
    exit.NothingToTerminate: lambda: known().refused(ended("own-request")),
    exit.StillEligible: lambda: dibao().refused(ended("income-above-standard")),
    exit.GraceStillRunning: lambda: (
        earning(2_000).when(grace.GrantGrace(date(2025, 9, 10))).refused(ended("income-above-standard"))
    ),
    exit.EndsNextMonth: lambda: earning(2_000).refused(
        replace(ended("own-request"), from_month=Month(2025, 9))
    ),
    exit.ReasonsMissing: lambda: earning(2_000).refused(ended("own-request", reasons="")),
    # transfer
    transfer.ConsentMissing: lambda: earning(2_000).refused(transfer.StartTransfer(date(2025, 9, 10))),
    transfer.ConsentDeclined: lambda: asked(earning(2_000), False).refused(
        transfer.StartTransfer(date(2025, 9, 10))
    ),
    transfer.EvidenceMissing: lambda: asked(known(), True).refused(transfer.StartTransfer(date(2025, 9, 10))),
    transfer.NotBelowMarginalLine: lambda: transferred(2_520).refused(
        transfer.ConfirmMarginal(date(2025, 9, 12))
    ),
    transfer.StillInDibao: lambda: (
        asked(earning(2_000), True)
        .when(transfer.StartTransfer(date(2025, 9, 10)))
        .refused(transfer.ConfirmMarginal(date(2025, 9, 12)))
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
    known_papers = r"M57|M83|M43|M23|L26|G39|S001|N31|PIPL|HOL24|T26|R649|民政部令第79号|MFD"
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

"""The stories of the fact sheet (domain.md §9) as lives, up to the step a test is about."""

from __future__ import annotations

from datetime import date

from domain.aid.payments import OrderPayment, SettlePayment
from domain.aid.temporary_aid import GrantTemporaryAid
from domain.change.grace import GrantGrace
from domain.change.hearing import HearOpinion
from domain.change.review import Recertify, ReportChange
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import ConfirmDibao, ConfirmMarginal
from domain.decision.file import ReceiveFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.opinion import GiveOpinion
from domain.decision.transfer import ConsentToTransfer, StartTransfer
from domain.household.command import Command
from domain.inquiry.verification import (
    ReportVerification,
    RequestVerification,
    StartInvestigation,
    StartVerification,
    VisitHome,
)
from domain.intake.application import AcceptApplication, Apply
from domain.intake.authorisation import AuthoriseVerification
from domain.members.registration import NewMember, RegisterHousehold
from domain.papers.notification import DeliverNotice, PublishConfirmation
from domain.values.assessment import IncomeItem
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.person import PersonId
from domain.values.spells import Category, Programme
from domain.watching.alerts import FeedBackAlert, RaiseAlert, VerifyAlert
from tests.scenario import Life, life

A1, A2 = "990101197304120013", "990101200109030025"
C1, C2, C3 = "990301198105050038", "990301198306160049", "990301201203200014"
COUNTY_OF = {code: f"{code}/civil-affairs" for code in ("370786", "990301", "990801")}


def wage(yuan: int) -> IncomeItem:
    """A monthly wage."""
    return IncomeItem("wage", "monthly", Fen(yuan * 100))


def other(yuan: int) -> IncomeItem:
    """A monthly income that is no wage."""
    return IncomeItem("property", "monthly", Fen(yuan * 100))


def person(story: Life, ordinal: int) -> PersonId:
    """The id of the household's member number `ordinal`."""
    return story.household.members[ordinal].person


def township(story: Life) -> Life:
    """The story with its township acting next."""
    return story.by(f"{story.region[:9]}/township", "w1")


def county(story: Life) -> Life:
    """The story with its county bureau acting next."""
    return story.by(COUNTY_OF[story.region[:6]], "c1")


def yu_registered(on: date = date(2021, 6, 28)) -> Life:
    """S1: the Yu family is known: father and student daughter."""
    members = (
        NewMember("A1", "于某", "head", A1, work_capacity="partial"),
        NewMember("A2", "于某某", "daughter", A2, student=True),
    )
    return life("370786101215", "370786101/township").when(
        RegisterHousehold(on, "370786101215", members, address="于家福宁村1号")
    )


def yu_accepted() -> Life:
    """S1 up to the acceptance of 2021-07-01."""
    story = yu_registered()
    story = story.when(RaiseAlert(date(2021, 6, 28), "E-EXP-01", "RED", person(story, 0), Fen(7_000_000)))
    on = date(2021, 7, 1)
    return story.when(
        VerifyAlert(date(2021, 6, 29), ("w1", "w2"), True),
        FeedBackAlert(date(2021, 6, 29), "application-started"),
        Apply(on, person(story, 0), income=(other(400),)),
        AuthoriseVerification(on, (person(story, 0), person(story, 1))),
        AcceptApplication(on),
    )


def yu_reported() -> Life:
    """S1 up to the verification report of 2021-07-06."""
    day = date(2021, 7, 2)
    story = yu_accepted().when(StartInvestigation(day), RequestVerification(day))
    story = county(story).when(StartVerification(day))
    return story.when(ReportVerification(date(2021, 7, 6), True, ("bank", "vehicle", "real-estate")))


def yu_opined() -> Life:
    """S1 up to the township's opinion of 2021-07-08, temporary aid granted on the way."""
    story = township(yu_reported())
    story = story.when(VisitHome(date(2021, 7, 7), ("w1", "w2"), person(story, 0)))
    story = county(story).when(GrantTemporaryAid(date(2021, 7, 8), Fen(553_700), "住院自付费用过高"))
    return township(story).when(GiveOpinion(date(2021, 7, 8)))


def yu_received() -> Life:
    """S1 up to the county receiving the file on 2021-07-19; the temporary aid is paid."""
    story = yu_opined().when(PostNotice(date(2021, 7, 9)))
    story = county(story).when(
        OrderPayment(date(2021, 7, 9), Programme.TEMPORARY),
        SettlePayment(date(2021, 7, 9), Programme.TEMPORARY),
    )
    story = township(story).when(CloseNotice(date(2021, 7, 16)))
    return county(story).when(ReceiveFile(date(2021, 7, 19)))


def yu_confirmed() -> Life:
    """S1 up to the confirmation of 2021-07-26."""
    return yu_received().when(ConfirmDibao(date(2021, 7, 26)), PublishConfirmation(date(2021, 7, 26)))


def paid(story: Life, first: Month, last: Month, day: int) -> Life:
    """The months from `first` to `last`, both included, ordered and settled on a day of each."""
    month = first
    while month <= last:
        on = date(month.year, month.month, day)
        story = story.when(OrderPayment(on), SettlePayment(on))
        month += 1
    return story


def yu_graced() -> Life:
    """S1 up to the grace of 2022-11-18: sixteen months paid, work reported, checked."""
    story = paid(yu_confirmed(), Month(2021, 8), Month(2022, 1), 10)
    story = township(story).when(Recertify(date(2022, 1, 26)))
    story = paid(county(story), Month(2022, 2), Month(2022, 7), 10)
    story = township(story).when(Recertify(date(2022, 7, 26)))
    story = paid(county(story), Month(2022, 8), Month(2022, 11), 10)
    story = township(story).when(
        ReportChange(date(2022, 11, 15), person(story, 0), "employment"),
        Recertify(date(2022, 11, 17), (other(2080),)),
    )
    return county(story).when(GrantGrace(date(2022, 11, 18)))


def yu_exited() -> Life:
    """S1 to its end: grace paid, terminated, marginal declined, back in monitoring on 2023-06-01."""
    story = paid(yu_graced(), Month(2022, 12), Month(2023, 5), 10)
    story = township(story).when(Recertify(date(2023, 5, 17)))
    day = date(2023, 5, 24)
    story = county(story).when(
        TerminateBenefit(day, "income-above-standard", "就业后人均收入超过低保标准"),
        ConsentToTransfer(day, False, person(story, 0)),
    )
    return story.passed(date(2023, 6, 1))


def ling_confirmed(on: date = date(2025, 5, 20)) -> Life:
    """S3: the Guangxi test family in Dibao since 2025-05-20, by the steps that must come first."""
    members = (
        NewMember("C1", "岭某", "head", C1),
        NewMember("C2", "岭某某", "spouse", C2, work_capacity="none"),
        NewMember("C3", "岭小", "son", C3, student=True, work_capacity="none"),
    )
    start = date(2025, 4, 21)
    story = life("990301100201", "990301100/township").when(RegisterHousehold(start, "990301100201", members))
    head = person(story, 0)
    story = story.when(
        Apply(start, head, income=(other(600),)),
        AuthoriseVerification(start, (head, person(story, 1))),
        AcceptApplication(start),
        StartInvestigation(date(2025, 4, 22)),
        RequestVerification(date(2025, 4, 22)),
    )
    story = county(story).when(
        StartVerification(date(2025, 4, 23)), ReportVerification(date(2025, 4, 25), True)
    )
    story = township(story).when(
        VisitHome(date(2025, 4, 27), ("w1", "w2"), head),
        GiveOpinion(date(2025, 4, 28)),
        PostNotice(date(2025, 4, 29)),
        CloseNotice(date(2025, 5, 6)),
    )
    return county(story).when(ReceiveFile(date(2025, 5, 7)), ConfirmDibao(on), PublishConfirmation(on))


def ling_graced(*, months_earlier: int = 0) -> Life:
    """S3 up to the grace of 2026-03-12, or the same so many months earlier (grace from 2026-01)."""
    story = paid(ling_confirmed(), Month(2025, 6), Month(2025, 11), 12)
    story = township(story).when(Recertify(date(2025, 11, 20)))
    found = (wage(2600), other(100))
    if months_earlier:
        reported, checked, granted = date(2025, 11, 24), date(2025, 12, 10), date(2025, 12, 12)
    else:
        reported, checked, granted = date(2026, 2, 24), date(2026, 3, 10), date(2026, 3, 12)
    story = story.when(ReportChange(reported, person(story, 0), "employment"), Recertify(checked, found))
    return county(story).when(GrantGrace(granted))


def ling_heard() -> Life:
    """S3 up to the check of 2026-09-08: opinion heard, consent to marginal given."""
    story = township(ling_graced())
    return story.when(
        HearOpinion(date(2026, 9, 3), heard=person(story, 0), statement="同意"),
        ConsentToTransfer(date(2026, 9, 3), True, person(story, 0)),
        Recertify(date(2026, 9, 8)),
    )


def ling_marginal() -> Life:
    """S3 to its end: terminated from 2026-10, marginal from 2026-10-01."""
    story = county(ling_heard())
    story = story.when(
        TerminateBenefit(date(2026, 9, 10), "income-above-standard", "人均收入超过标准"),
        DeliverNotice(date(2026, 9, 11), person(story, 0)),
        StartTransfer(date(2026, 9, 14)),
        ConfirmMarginal(date(2026, 9, 22)),
    )
    return story.passed(date(2026, 10, 9))


ROAD = (
    "apply",
    "authorise",
    "accept",
    "investigate",
    "request",
    "start",
    "report",
    "visit",
    "opine",
    "post",
    "close",
    "receive",
)
"""The steps from the application to the county's desk, in the order of M57."""


def ling_registered(on: date, village: str = "990301100201") -> Life:
    """The test family of S3, newly known in a village on a day."""
    members = (
        NewMember("C1", "岭某", "head", C1),
        NewMember("C2", "岭某某", "spouse", C2, work_capacity="none"),
        NewMember("C3", "岭小", "son", C3, student=True, work_capacity="none"),
    )
    return life(village, f"{village[:9]}/township").when(RegisterHousehold(on, village, members))


def on_the_road(
    story: Life,
    on: date,
    *,
    until: str = "receive",
    without: str = "",
    income: tuple[IncomeItem, ...] = (IncomeItem("property", "monthly", Fen(60_000)),),
    category: Category = Category.DIBAO,
    eligible: bool = True,
    relatives: bool = False,
    delegated: bool = False,
) -> Life:
    """The family on its way to the decision, every step taken on one day, the notice closed at its end.

    `until` is the last step of `ROAD` taken, `without` the one left out. The county is to act next.
    """
    head = person(story, 0)
    adults = tuple(m.person for m in story.household.counted(on) if m.is_adult(on, 18))
    for step in ROAD[: ROAD.index(until) + 1]:
        if step == without:
            continue
        case = story.household.case
        end = (case.notice_ends if case else None) or on
        by = county if step in ("start", "report", "receive") else township
        command: Command = {
            "apply": Apply(on, head, category=category, income=income),
            "authorise": AuthoriseVerification(on, adults),
            "accept": AcceptApplication(on, relatives, delegated),
            "investigate": StartInvestigation(on),
            "request": RequestVerification(on),
            "start": StartVerification(on),
            "report": ReportVerification(on, eligible),
            "visit": VisitHome(on, ("w1", "w2"), head),
            "opine": GiveOpinion(on),
            "post": PostNotice(on),
            "close": CloseNotice(end),
            "receive": ReceiveFile(end),
        }[step]
        story = by(story).when(command)
    return county(story)


def ling_in_dibao(on: date, village: str = "990301100201", income: int = 600) -> Life:
    """The test family confirmed in Dibao, applying on a day and confirmed when its notice ended."""
    story = on_the_road(ling_registered(on, village), on, income=(other(income),))
    case = story.household.case
    assert case is not None
    assert case.file_received_on is not None
    return story.when(ConfirmDibao(case.file_received_on))

"""What may be asked about the people, home and papers of a household, for lives walked at random."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import uuid5

from domain.change.adjustment import AdjustBenefit, ConcludeReassessment
from domain.correction.day_correction import CorrectDeliveryDay, CorrectNoticeDay
from domain.correction.fact_correction import CorrectIncome, CorrectResidence, CorrectVisitDay
from domain.correction.member_correction import CorrectDeath, CorrectMember
from domain.decision.notice import NoticePosted
from domain.household.command import Command
from domain.household.event import Event
from domain.household.state import Household
from domain.inquiry.verification import HomeVisited
from domain.intake.application import Applied
from domain.members.arrival import Mover
from domain.members.death import MemberDied, RecordDeath
from domain.members.identification import IdentifyPerson
from domain.members.joining import JoinHousehold
from domain.members.member_changes import AddMember, ChangeMember, RemoveMember
from domain.members.moving import HandOverFile, MoveHousehold, TakeOverFile
from domain.members.registration import NewMember
from domain.members.split import MoveMember, SplitHousehold
from domain.papers.delivery import DeliverDocument, DocumentDelivered, NoteFailedDelivery
from domain.papers.documents import IssueDocument
from domain.papers.notification import NoticeDelivered
from domain.values.issued import DocumentKind
from domain.values.person import HouseholdId
from tests import stories
from tests.scenario import SEED

ELSEWHERE = HouseholdId(uuid5(SEED, "elsewhere"))


PAPERS: tuple[DocumentKind, ...] = (
    "acceptance-notice",
    "public-notice",
    "confirmation-notice",
    "refusal-decision",
    "termination-notice",
    "reduction-notice",
)


def changes_of(
    household: Household, on: date, which: int, n: int, events: Sequence[Event] = ()
) -> list[Command]:
    """Each of these commands once, plausible in its fields, fitting or not.

    A correction names the last step of its kind or, for two numbers in six and where there is none, any step.
    """

    def step(*kinds: type[Event]) -> int:
        last = [at for at, event in enumerate(events, 1) if isinstance(event, kinds)]
        return last[-1] if last and n > 1 else 1 + which % 20

    def near(*kinds: type[Event]) -> date:
        last = [event.on for event in events if isinstance(event, kinds)]
        return last[-1] + timedelta(days=3 - n) if last else since

    people = [member.person for member in household.people.members]
    one, other = people[n % len(people)], people[(n + 1) % len(people)]
    since = on - timedelta(days=n * 7)
    paper = household.papers.documents[-1].id if household.papers.documents else uuid5(SEED, "no paper")
    delivered = (NoticeDelivered, DocumentDelivered)
    child = NewMember("K", "小某", "child", birth=date(2015, 4, 1))
    return [
        AddMember(on, child, "return", since),
        RemoveMember(on, one, "prison", since, other if n % 2 else None),
        ChangeMember(on, one, since, work_capacity=("none", "partial", "full")[n % 3]),
        RecordDeath(on, one, since, "cremation-record", other if n % 2 else None),
        AdjustBenefit(on, "核定"),
        ConcludeReassessment(on, "无影响"),
        IdentifyPerson(on, one, "某某", stories.A1),
        MoveHousehold(on, ("990301100202", "990301100001")[n % 2], since),
        HandOverFile(on, "990801100201"),
        TakeOverFile(on),
        SplitHousehold(on, (Mover(one, "head"),), since, new_head=other if n % 2 else None),
        MoveMember(on, ELSEWHERE, one, "other"),
        JoinHousehold(on, ELSEWHERE, (Mover(one, "other"),)),
        CorrectResidence(on, 1, "更正", "990301100001"),
        CorrectIncome(on, step(Applied), "更正", (stories.other(n * 100),)),
        CorrectVisitDay(on, step(HomeVisited), "更正", near(HomeVisited)),
        CorrectNoticeDay(on, step(NoticePosted), "更正", near(NoticePosted)),
        CorrectDeliveryDay(on, step(*delivered), "更正", near(*delivered)),
        CorrectMember(on, 2 + n % 3, "更正", birth=date(1990, 1, 1 + n)),
        CorrectDeath(on, step(MemberDied), "更正", since if n % 2 else None),
        IssueDocument(on, PAPERS[n]),
        DeliverDocument(on, paper, "direct", one),
        NoteFailedDelivery(on, "absent", paper),
    ]

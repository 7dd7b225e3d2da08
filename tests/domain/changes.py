"""What may be asked about the people and the home of a household, for lives walked at random."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid5

from domain.adjustment import AdjustBenefit, ConcludeReassessment
from domain.arrival import Mover
from domain.correction import CorrectIncome, CorrectResidence, CorrectVisitDay
from domain.death import RecordDeath
from domain.household import Household
from domain.identification import IdentifyPerson
from domain.joining import JoinHousehold
from domain.member_correction import CorrectDeath, CorrectMember
from domain.members import AddMember, ChangeMember, RemoveMember
from domain.membership import NewMember
from domain.message import Command
from domain.moving import HandOverFile, MoveHousehold, TakeOverFile
from domain.person import HouseholdId
from domain.split import MoveMember, SplitHousehold
from tests import stories
from tests.scenario import SEED

ELSEWHERE = HouseholdId(uuid5(SEED, "elsewhere"))


def changes_of(household: Household, on: date, which: int, n: int) -> list[Command]:
    """Each of these commands once, plausible in its fields; `which` chooses the step a correction names."""
    people = [member.person for member in household.members]
    one, other = people[n % len(people)], people[(n + 1) % len(people)]
    since = on - timedelta(days=n * 7)
    step = 1 + which % 20
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
        CorrectIncome(on, step, "更正", (stories.other(n * 100),)),
        CorrectVisitDay(on, step, "更正", since),
        CorrectMember(on, 2 + n % 3, "更正", birth=date(1990, 1, 1 + n)),
        CorrectDeath(on, step, "更正", since if n % 2 else None),
    ]

"""Valid on a day (某日有效的情况): the one answer to "what was this household on D", by what its facts say.

Replayed from all its events it answers as known today; from those recorded by an instant, as known then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from domain.household.parts import Procedure
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.person import HouseholdId, PersonId
from domain.values.spells import Category, Grace, Label, Membership, Residence, current, holds

STEPS = (
    ("started_on", "started"),
    ("accepted_on", "accepted"),
    ("investigation_on", "investigation-started"),
    ("verification_requested_on", "verification-requested"),
    ("verification_started_on", "verification-started"),
    ("reported_on", "verification-reported"),
    ("opinion_on", "opinion-given"),
    ("notice_on", "notice-posted"),
    ("notice_closed_on", "notice-closed"),
    ("file_received_on", "file-received"),
)
"""How far a case has got: the day in its state, and the step that day stands for, in the order of the road."""


@dataclass(frozen=True, slots=True)
class OwnCategory:
    """A category that one person has by themselves."""

    person: PersonId
    category: Category


@dataclass(frozen=True, slots=True)
class CaseOn:
    """The case under way on a day: what is asked for, the last step taken by then, and its day."""

    id: UUID
    category: Category
    step: str
    since: date


@dataclass(frozen=True, slots=True)
class ValidOn:
    """What a household was on a day; nothing of it where it was not known yet (`residence` None).

    `fen` is the monthly amount decided for that month, `owed` what the facts made of it where they differ.
    `dues` are the deadlines running at the end of the day. `joined_into` is the household it went on in.
    """

    household: HouseholdId
    day: date
    residence: Residence | None
    members: tuple[Membership, ...]
    category: Category | None
    own: tuple[OwnCategory, ...]
    labels: tuple[Label, ...]
    fen: Fen | None
    owed: Fen | None
    grace: Months | None
    case: CaseOn | None
    dues: tuple[Due, ...]
    joined_into: HouseholdId | None

    @property
    def region(self) -> str | None:
        return self.residence.region if self.residence else None

    @property
    def area(self) -> Literal["urban", "rural"] | None:
        return self.residence.area if self.residence else None


def valid_on(household: Household, day: date) -> ValidOn:
    """What the household was on a day, by the facts it was replayed from."""
    month = Month.of(day)
    spell = household.category(day)
    benefit = household.benefit(month)
    owed = next((each.fen for each in reversed(household.owed) if month in each.months), None)
    grace: Grace | None = household.grace(month)
    own = (s for s in household.categories if s.person is not None and holds(s, day))
    running = [o.due for o in household.dues if o.since is None or o.since <= day]
    running += [m.due for m in household.ended if (m.since is None or m.since <= day) and day < m.ended_on]
    case = next((each for each in reversed(household.procedures) if _is_open(each, day)), None)
    return ValidOn(
        household.id,
        day,
        current(household.residences, day),
        household.counted(day),
        spell.category if spell else None,
        tuple(OwnCategory(s.person, s.category) for s in own if s.person is not None),
        tuple(dict.fromkeys(each.label for each in household.labels if holds(each, day))),
        benefit.fen if benefit else None,
        owed,
        grace.months if grace else None,
        _reached(case, day) if case else None,
        tuple(sorted(running, key=lambda due: (due.day, due.what, due.subject.int))),
        household.joined_into,
    )


def _is_open(case: Procedure, day: date) -> bool:
    return case.started_on <= day and (
        case.outcome is None or case.decided_on is None or day < case.decided_on
    )


def _reached(case: Procedure, day: date) -> CaseOn:
    step, since = "started", case.started_on
    for name, word in STEPS:
        on: date | None = getattr(case, name)
        if on is not None and since <= on <= day:
            step, since = word, on
    return CaseOn(case.id, case.category, step, since)

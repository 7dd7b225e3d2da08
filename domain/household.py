"""The household's state (户): only what a decision or an as-of question reads, effective-dated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from domain.copies import become, in_place, replace, same_as
from domain.deadline import Due, MetDue, OpenDue
from domain.issued import IssuedDocument
from domain.message import Event
from domain.month import Month
from domain.person import HouseholdId, PersonId
from domain.procedure import (
    Alert,
    Change,
    Complaint,
    Consent,
    Correction,
    Decided,
    Declined,
    Finding,
    Handing,
    Hearing,
    Procedure,
    Review,
    Suspicion,
    Undelivered,
)
from domain.spells import (
    BenefitSpell,
    CategorySpell,
    Grace,
    LabelSpell,
    Membership,
    Owed,
    Residence,
    TemporaryAid,
    current,
    holds,
)


@dataclass(frozen=True, slots=True)
class Household:
    """One household, replayed: empty until it is registered."""

    id: HouseholdId
    residences: tuple[Residence, ...] = ()
    members: tuple[Membership, ...] = ()
    alerts: tuple[Alert, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    categories: tuple[CategorySpell, ...] = ()
    labels: tuple[LabelSpell, ...] = ()
    benefits: tuple[BenefitSpell, ...] = ()
    temporary: tuple[TemporaryAid, ...] = ()
    graces: tuple[Grace, ...] = ()
    review: Review | None = None
    changes: tuple[Change, ...] = ()
    hearings: tuple[Hearing, ...] = ()
    consents: tuple[Consent, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()
    documents: tuple[IssuedDocument, ...] = ()
    dues: tuple[OpenDue, ...] = ()
    cycle: int = 1
    findings: tuple[Finding, ...] = ()
    declined: tuple[Declined, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    conflicts: tuple[str, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    met: tuple[MetDue, ...] = ()
    owed: tuple[Owed, ...] = ()
    decided: tuple[Decided, ...] = ()
    corrections: tuple[Correction, ...] = ()
    handing: Handing | None = None
    split_from: HouseholdId | None = None
    joined_into: HouseholdId | None = None

    @property
    def registered(self) -> bool:
        return bool(self.residences)

    def region(self, day: date) -> str:
        """The region code of the household on a day; before its first home the first one's, after its last that."""
        return self._home(day).region

    def area(self, day: date) -> Literal["urban", "rural"]:
        """Whether the home of a day is urban or rural; before the first and after the last as `region`."""
        return self._home(day).area

    def _home(self, day: date) -> Residence:
        home = current(self.residences, day)
        if home is not None:
            return home
        return self.residences[0 if day < self.residences[0].start else -1]

    def counted(self, day: date) -> tuple[Membership, ...]:
        """The members counted on a day (M57 art.7)."""
        return tuple(member for member in self.members if holds(member, day))

    def head(self, day: date) -> PersonId | None:
        """The head of the household (户主) on a day."""
        return next((member.person for member in self.counted(day) if member.relation == "head"), None)

    def has_member(self, person: PersonId, day: date) -> bool:
        return any(member.person == person for member in self.counted(day))

    @property
    def case(self) -> Procedure | None:
        """The case under way, if any; there is never more than one."""
        return next((case for case in reversed(self.procedures) if case.outcome is None), None)

    @property
    def last_case(self) -> Procedure | None:
        return self.procedures[-1] if self.procedures else None

    def category(self, day: date, *, person: PersonId | None = None) -> CategorySpell | None:
        """The household's category on a day (or one person's own)."""
        return current((spell for spell in self.categories if spell.person == person), day)

    def in_any_category(self, day: date) -> bool:
        return any(holds(spell, day) for spell in self.categories)

    def benefit(self, month: Month) -> BenefitSpell | None:
        """The monthly benefit that covers a month."""
        return next((spell for spell in reversed(self.benefits) if spell.covers(month)), None)

    def grace(self, month: Month) -> Grace | None:
        """The grace period that covers a month."""
        return next((grace for grace in reversed(self.graces) if month in grace.months), None)

    def with_case(self, **changes: object) -> Household:
        """The household with its last case changed."""
        case = replace(self.procedures[-1], **changes)  # type: ignore[arg-type]
        return replace(self, procedures=(*self.procedures[:-1], case))


@in_place
class _OpenCase(Procedure):
    """A case within a chain that is being replayed: changed where it is."""

    __slots__ = ()


@in_place
class _Unfolding(Household):
    """A household while its chain is replayed: changed where it is, for nobody else holds it yet."""

    __slots__ = ()

    def with_case(self, **changes: object) -> Household:
        case = self.procedures[-1]
        if type(case) is not _OpenCase:
            case = same_as(case, _OpenCase)
            replace(self, procedures=(*self.procedures[:-1], case))
        replace(case, **changes)  # type: ignore[arg-type]
        return self


class Replay:
    """A chain being replayed (重放): the fold over a household's events, one after the other.

    Answers what `follow` answers from step to step, without a copy of the whole state for each step.
    """

    __slots__ = ("_household",)

    def __init__(self, household: Household) -> None:
        self._household: Household = same_as(household, _Unfolding)

    def take(self, event: Event) -> None:
        """The next event."""
        self._household = follow(self._household, event)

    @property
    def household(self) -> Household:
        """The household after all events taken; what is taken after that is followed by copies."""
        household = self._household
        if type(household) is _Unfolding:
            become(household, Household)
            for case in household.procedures:
                if type(case) is _OpenCase:
                    become(case, Procedure)
        return household


def follow(household: Household, event: Event) -> Household:
    """One step of the fold: the event's own effect, then the deadlines it met and started."""
    household = event.evolve(household)
    opened, closed = event.opens(), event.closes()
    if not closed:
        if not opened:
            return household
        return replace(household, dues=(*household.dues, *[OpenDue(due, since=event.on) for due in opened]))
    kept: list[OpenDue] = []
    met = household.met
    for awaited in household.dues:
        if is_closed(awaited.due, closed):
            met = (*met, MetDue(awaited.due, awaited.since, event.on))
        else:
            kept.append(awaited)
    kept += [OpenDue(due, since=event.on) for due in opened]
    return replace(household, dues=tuple(kept), met=met)


def is_closed(due: Due, closed: tuple[tuple[str, UUID | None], ...]) -> bool:
    """Whether a fact that closes these met the deadline."""
    for what, subject in closed:  # noqa: SIM110 - a generator for each open deadline is half the cost of a step
        if (what in (due.what, "*")) and (subject is None or subject == due.subject):
            return True
    return False


def replayed(household_id: HouseholdId, events: Iterable[Event]) -> Household:
    """The household after all its events; folding a prefix answers what was known then."""
    replay = Replay(Household(household_id))
    for event in events:
        replay.take(event)
    return replay.household

"""The household's state (户): only what a decision or an as-of question reads, effective-dated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from domain.household.parts import (
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
from domain.values.deadline import EndedDue, OpenDue
from domain.values.immutables import replace
from domain.values.issued import IssuedDocument
from domain.values.month import Month
from domain.values.person import HouseholdId, PersonId
from domain.values.spells import (
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
    ended: tuple[EndedDue, ...] = ()
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

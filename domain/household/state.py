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
class Place:
    """Where the household lives (居住地), and a file on its way to another county."""

    residences: tuple[Residence, ...] = ()
    handing: Handing | None = None

    def home(self, day: date) -> Residence:
        """The home of a day; before the first one that, after the last one that."""
        home = current(self.residences, day)
        if home is not None:
            return home
        return self.residences[0 if day < self.residences[0].start else -1]


@dataclass(frozen=True, slots=True)
class People:
    """Who belongs to the household (共同生活家庭成员), and who did."""

    members: tuple[Membership, ...] = ()

    def counted(self, day: date) -> tuple[Membership, ...]:
        """The members counted on a day (M57 art.7)."""
        return tuple(member for member in self.members if holds(member, day))


@dataclass(frozen=True, slots=True)
class Clues:
    """What called attention to the household (线索): alerts, and needs that others found."""

    alerts: tuple[Alert, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases (救助事项), the last one last, and applications that were not accepted."""

    procedures: tuple[Procedure, ...] = ()
    declined: tuple[Declined, ...] = ()

    @property
    def open(self) -> Procedure | None:
        """The case under way, if any; there is never more than one."""
        return next((case for case in reversed(self.procedures) if case.outcome is None), None)


@dataclass(frozen=True, slots=True)
class Status:
    """What the household is (类别与标识), and in which cycle of its chain (轮次)."""

    categories: tuple[CategorySpell, ...] = ()
    labels: tuple[LabelSpell, ...] = ()
    cycle: int = 1


@dataclass(frozen=True, slots=True)
class Aid:
    """What the household receives (待遇): monthly benefits with their grace, one-off aid, what it ought to have had."""

    benefits: tuple[BenefitSpell, ...] = ()
    temporary: tuple[TemporaryAid, ...] = ()
    graces: tuple[Grace, ...] = ()
    owed: tuple[Owed, ...] = ()


@dataclass(frozen=True, slots=True)
class Management:
    """What was checked, reported, heard and decided since the confirmation (动态管理)."""

    review: Review | None = None
    changes: tuple[Change, ...] = ()
    hearings: tuple[Hearing, ...] = ()
    consents: tuple[Consent, ...] = ()
    decided: tuple[Decided, ...] = ()


@dataclass(frozen=True, slots=True)
class Papers:
    """The documents issued (文书), and the notices that have not reached the family yet."""

    documents: tuple[IssuedDocument, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """The deadlines that run (期限), and those that ended."""

    dues: tuple[OpenDue, ...] = ()
    ended: tuple[EndedDue, ...] = ()


@dataclass(frozen=True, slots=True)
class Oversight:
    """What speaks for or against how the household was handled (监督): complaints, interests, doubts, corrections."""

    complaints: tuple[Complaint, ...] = ()
    conflicts: tuple[str, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """The household it came out of (分户), and the one it went on in (并户)."""

    split_from: HouseholdId | None = None
    joined_into: HouseholdId | None = None


@dataclass(frozen=True, slots=True)
class Household:
    """One household, replayed: empty until it is registered. Its parts are its table of contents."""

    id: HouseholdId
    place: Place = Place()
    people: People = People()
    clues: Clues = Clues()
    cases: Cases = Cases()
    status: Status = Status()
    aid: Aid = Aid()
    management: Management = Management()
    papers: Papers = Papers()
    limits: Limits = Limits()
    oversight: Oversight = Oversight()
    lineage: Lineage = Lineage()

    @property
    def registered(self) -> bool:
        return bool(self.place.residences)

    def region(self, day: date) -> str:
        """The region code of the household on a day; before its first home the first one's, after its last that."""
        return self.place.home(day).region

    def area(self, day: date) -> Literal["urban", "rural"]:
        """Whether the home of a day is urban or rural; before the first and after the last as `region`."""
        return self.place.home(day).area

    def counted(self, day: date) -> tuple[Membership, ...]:
        """The members counted on a day (M57 art.7)."""
        return self.people.counted(day)

    def head(self, day: date) -> PersonId | None:
        """The head of the household (户主) on a day."""
        return next((member.person for member in self.counted(day) if member.relation == "head"), None)

    def has_member(self, person: PersonId, day: date) -> bool:
        return any(member.person == person for member in self.counted(day))

    @property
    def case(self) -> Procedure | None:
        """The case under way, if any."""
        return self.cases.open

    @property
    def last_case(self) -> Procedure | None:
        return self.cases.procedures[-1] if self.cases.procedures else None

    def category(self, day: date, *, person: PersonId | None = None) -> CategorySpell | None:
        """The household's category on a day (or one person's own)."""
        return current((spell for spell in self.status.categories if spell.person == person), day)

    def in_any_category(self, day: date) -> bool:
        return any(holds(spell, day) for spell in self.status.categories)

    def benefit(self, month: Month) -> BenefitSpell | None:
        """The monthly benefit that covers a month."""
        return next((spell for spell in reversed(self.aid.benefits) if spell.covers(month)), None)

    def grace(self, month: Month) -> Grace | None:
        """The grace period that covers a month."""
        return next((grace for grace in reversed(self.aid.graces) if month in grace.months), None)

    def with_case(self, **changes: object) -> Household:
        """The household with its last case changed."""
        *before, last = self.cases.procedures
        case = replace(last, **changes)  # type: ignore[arg-type]
        return replace(self, cases=replace(self.cases, procedures=(*before, case)))

"""The household's state (户): only what a decision or an as-of question reads, effective-dated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import reduce
from typing import Literal, Protocol, TypeVar
from uuid import UUID

from domain.assessment import Assessment, IncomeItem
from domain.copies import replace
from domain.deadline import Due, OpenDue
from domain.message import Event
from domain.money import Fen
from domain.month import Month, Months
from domain.person import (
    Disability,
    HouseholdId,
    PersonId,
    Relation,
    WorkCapacity,
    age_on,
)


class Category(StrEnum):
    """In which class of the low-income population (低收入人口类别)."""

    TEKUN = "TEKUN"
    DIBAO = "DIBAO"
    DIBAO_SINGLE = "DIBAO_SINGLE"
    MARGINAL = "MARGINAL"
    RIGID = "RIGID"
    OTHER = "OTHER"

    @property
    def word(self) -> str:
        """The Chinese word people read."""
        return _WORDS[self]


_WORDS = {
    Category.TEKUN: "特困人员",
    Category.DIBAO: "低保",
    Category.DIBAO_SINGLE: "单人保",
    Category.MARGINAL: "低保边缘家庭",
    Category.RIGID: "刚性支出困难家庭",
    Category.OTHER: "其他困难家庭",
}


class Label(StrEnum):
    """What stands beside the category (标识)."""

    GRACE = "GRACE"
    EXITED = "EXITED"
    REFUSED = "REFUSED"
    RELAPSE_MONITORING = "RELAPSE_MONITORING"
    LIFTED_OUT = "LIFTED_OUT"


class Dated(Protocol):
    """Anything that holds from a day until another, the end not included."""

    @property
    def start(self) -> date: ...
    @property
    def end(self) -> date | None: ...


D = TypeVar("D", bound=Dated)


def holds(spell: Dated, day: date) -> bool:
    """Whether a spell `[start, end)` covers a day."""
    return spell.start <= day and (spell.end is None or day < spell.end)


def current(spells: Iterable[D], day: date) -> D | None:
    """The spell that covers a day, the latest begun if several do."""
    return max(
        (spell for spell in spells if holds(spell, day)),
        key=lambda spell: spell.start,
        default=None,
    )


@dataclass(frozen=True, slots=True)
class Residence:
    """Where the household lives: a region code (12 digits, as valid then), `[start, end)`."""

    region: str
    area: Literal["urban", "rural"]
    start: date
    end: date | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """One counted member (共同生活家庭成员) over `[start, end)`, with what rules read about the person."""

    person: PersonId
    relation: Relation
    birth: date | None
    student: bool
    disability: Disability | None
    work_capacity: WorkCapacity
    start: date
    end: date | None = None

    def is_adult(self, day: date, adult_age: int) -> bool:
        """Whether the person has reached `adult_age` by a day; unknown birth counts as adult."""
        return self.birth is None or age_on(self.birth, day) >= adult_age


@dataclass(frozen=True, slots=True)
class CategorySpell:
    """One category over `[start, end)`, for the household or (single-person Dibao, Tekun) one person."""

    category: Category
    start: date
    end: date | None = None
    person: PersonId | None = None


@dataclass(frozen=True, slots=True)
class LabelSpell:
    """One label over `[start, end)`."""

    label: Label
    start: date
    end: date | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """A payment that was ordered and not yet settled or returned."""

    payment: UUID
    month: Month
    fen: Fen


@dataclass(frozen=True, slots=True)
class BenefitSpell:
    """A monthly benefit in fen, from `first` to `last` month, both included (`last` None: running).

    `ordered` is the last month ordered in sequence; `returned` are months that came back and may be
    ordered again; `open` are orders without an answer.
    """

    id: UUID
    kind: Category
    fen: Fen
    first: Month
    last: Month | None = None
    ordered: Month | None = None
    returned: tuple[Month, ...] = ()
    open: tuple[Ordered, ...] = ()

    def covers(self, month: Month) -> bool:
        return self.first <= month and (self.last is None or month <= self.last)


@dataclass(frozen=True, slots=True)
class TemporaryAid:
    """One temporary-assistance grant (临时救助) in fen, and how far its payment has got."""

    id: UUID
    fen: Fen
    on: date
    payment: UUID | None = None
    state: Literal["granted", "ordered", "settled", "returned"] = "granted"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert (预警) about the household, as far as it has been handled."""

    id: UUID
    code: str
    person: PersonId | None
    raised_on: date
    merged_on: date | None = None
    verified_on: date | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A home visit (入户调查): the day, the investigators, and of which level they were."""

    on: date
    investigators: tuple[str, ...]
    level: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """One case (救助事项): an application or a transfer, from its start to its outcome."""

    id: UUID
    category: Category
    origin: Literal["application", "transfer"]
    started_on: date
    applicant: PersonId
    income: tuple[IncomeItem, ...] = ()
    missing_notified: tuple[str, ...] = ()
    supplemented: tuple[str, ...] = ()
    accepted_on: date | None = None
    relatives: bool = False
    delegated: bool = False
    authorised: frozenset[PersonId] = frozenset()
    investigation_on: date | None = None
    verification_requested_on: date | None = None
    verification_started_on: date | None = None
    reported_on: date | None = None
    report_eligible: bool | None = None
    visits: tuple[Visit, ...] = ()
    opinion_on: date | None = None
    opinion_approves: bool | None = None
    assessment: Assessment | None = None
    notice_on: date | None = None
    notice_ends: date | None = None
    notice_closed_on: date | None = None
    file_received_on: date | None = None
    decided_on: date | None = None
    outcome: Literal["confirmed", "refused", "ended"] | None = None
    published_on: date | None = None


@dataclass(frozen=True, slots=True)
class Grace:
    """A grace period (渐退期) in months, both included; `warned` once its end was announced."""

    id: UUID
    cause: str
    months: Months
    granted_on: date
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """The last recertification (定期核查) or first assessment: what was found, and the next one's interval."""

    on: date
    assessment: Assessment
    income: tuple[IncomeItem, ...]
    interval: Literal["half-yearly", "yearly"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change the family reported (情况变化) since the last check: the day, who, and of what kind."""

    on: date
    person: PersonId
    kind: str


@dataclass(frozen=True, slots=True)
class Hearing:
    """An opinion heard (听取意见), or the lawful ground it was not heard on."""

    on: date
    about: Literal["reduction", "termination"]
    substitute: str | None
    used: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether the family agreed to be passed on to another category's procedure (转办同意)."""

    on: date
    to: Category
    given: bool
    used: bool = False


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A written notice (告知书) that was decided and has not reached the family yet."""

    subject: UUID
    kind: str


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
    dues: tuple[OpenDue, ...] = ()
    cycle: int = 1

    @property
    def registered(self) -> bool:
        return bool(self.residences)

    def region(self, day: date) -> str:
        """The region code of the household on a day; before its first residence, the first one's."""
        spell = current(self.residences, day)
        return (spell or self.residences[0]).region

    def area(self, day: date) -> Literal["urban", "rural"]:
        spell = current(self.residences, day)
        return (spell or self.residences[0]).area

    def counted(self, day: date) -> tuple[Membership, ...]:
        """The members counted on a day (M57 art.7)."""
        return tuple(member for member in self.members if holds(member, day))

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


H = TypeVar("H")


def follow(household: Household, event: Event) -> Household:
    """One step of the fold: the event's own effect, then the deadlines it met and started."""
    household = event.evolve(household)
    opened, closed = event.opens(), event.closes()
    if not opened and not closed:
        return household
    kept = tuple(o for o in household.dues if not is_closed(o.due, closed)) if closed else household.dues
    return replace(household, dues=(*kept, *(OpenDue(due) for due in opened)))


def is_closed(due: Due, closed: tuple[tuple[str, UUID | None], ...]) -> bool:
    """Whether a fact that closes these met the deadline."""
    return any(what in ("*", due.what) and subject in (None, due.subject) for what, subject in closed)


def replayed(household_id: HouseholdId, events: Iterable[Event]) -> Household:
    """The household after all its events; folding a prefix answers what was known then."""
    return reduce(follow, events, Household(household_id))


def ended(spells: tuple[D, ...], day: date) -> tuple[D, ...]:
    """The spells with every one still running at `day` ended there; those not begun by then fall away."""
    return tuple(
        spell if spell.end is not None and spell.end <= day else replace(spell, end=day)  # type: ignore[type-var]
        for spell in spells
        if spell.start < day or spell.end is not None
    )

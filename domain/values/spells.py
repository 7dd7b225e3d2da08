"""Spells (时段): what holds over days or months: where a family lives, who belongs, category, benefit, grace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal, Protocol, TypeVar
from uuid import UUID

from domain.values.assessment import Assessment
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.person import Disability, PersonId, Relation, Sex, WorkCapacity, age_on
from domain.values.private import Private


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

    @property
    def personal(self) -> bool:
        """Whether one person has it by themselves, whatever the household is."""
        return self in _PERSONAL


_WORDS = dict(
    zip(
        Category,
        ("特困人员", "低保", "单人保", "低保边缘家庭", "刚性支出困难家庭", "其他困难家庭"),
        strict=True,
    )
)
_PERSONAL = frozenset(each for each in Category if each in ("TEKUN", "DIBAO_SINGLE"))


class Programme(StrEnum):
    """Under which programme money is paid or aid is given (救助项目)."""

    DIBAO = "DIBAO"
    TEMPORARY = "TEMPORARY"


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


def ended(spells: tuple[D, ...], day: date) -> tuple[D, ...]:
    """The spells with every one still running at `day` ended there; those not begun by then fall away."""
    return tuple(
        spell if spell.end is not None and spell.end <= day else replace(spell, end=day)  # type: ignore[type-var]
        for spell in spells
        if spell.start < day or spell.end is not None
    )


@dataclass(frozen=True, slots=True)
class Residence:
    """Where the household lives: a region code (12 digits, as valid then), `[start, end)`."""

    region: str
    area: Literal["urban", "rural"]
    start: date
    end: date | None = None
    address: Private[str] | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """One counted member (共同生活家庭成员) over `[start, end)`, with what rules read about the person.

    A change of circumstance ends one and begins the next. `cause` says why it ended, None where it runs or
    only went on otherwise. `name` and `id_number` are sealed and only handed on.
    """

    person: PersonId
    relation: Relation
    birth: date | None
    student: bool
    disability: Disability | None
    work_capacity: WorkCapacity
    start: date
    end: date | None = None
    sex: Sex | None = None
    name: Private[str] | None = None
    id_number: Private[str] | None = None
    cause: str | None = None

    def is_adult(self, day: date, adult_age: int) -> bool:
        """Whether the person has reached `adult_age` by a day; unknown birth counts as adult."""
        return self.birth is None or age_on(self.birth, day) >= adult_age


@dataclass(frozen=True, slots=True)
class CategorySpell:
    """One category over `[start, end)`, for the household or (single-person Dibao, Tekun) one person.

    An `irregular` one was never lawfully decided; it is there all the same, and takes no claim.
    """

    category: Category
    start: date
    end: date | None = None
    person: PersonId | None = None
    irregular: bool = False


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
    ordered again; `open` are orders without an answer. `decided_on` and `basis` are the day of the decision
    that fixed the amount, and what it found.
    """

    id: UUID
    kind: Category
    fen: Fen
    first: Month
    last: Month | None = None
    ordered: Month | None = None
    returned: tuple[Month, ...] = ()
    open: tuple[Ordered, ...] = ()
    decided_on: date | None = None
    basis: Assessment | None = None

    def covers(self, month: Month) -> bool:
        return self.first <= month and (self.last is None or month <= self.last)


@dataclass(frozen=True, slots=True)
class Owed:
    """What a family ought to have had in months paid otherwise (应发金额), found when its amount was adjusted."""

    months: Months
    fen: Fen


@dataclass(frozen=True, slots=True)
class TemporaryAid:
    """One temporary-assistance grant (临时救助) in fen, and how far its payment has got."""

    id: UUID
    fen: Fen
    on: date
    payment: UUID | None = None
    state: Literal["granted", "ordered", "settled", "returned"] = "granted"


@dataclass(frozen=True, slots=True)
class Grace:
    """A grace period (渐退期) in months, both included; `warned` once its end was announced."""

    id: UUID
    cause: str
    months: Months
    granted_on: date
    warned: bool = False

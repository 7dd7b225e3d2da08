"""The spells of a card (卡片时段): homes, members, categories, labels and benefits, kept by the domain's own fold.

What a fact makes of them is not said a second time here: the household is put together from its rows as far as
they go, the fact evolves it, and the rows become what came out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

from domain.catalogue import answering
from domain.household.event import Event
from domain.household.notions import Notion
from domain.household.parts import Procedure
from domain.household.state import Aid, Cases, Household, Lineage, People, Place, Status
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.person import Disability, HouseholdId, PersonId, Relation, Sex, WorkCapacity
from domain.values.private import Private
from domain.values.spells import (
    BenefitSpell,
    Category,
    CategorySpell,
    Label,
    LabelSpell,
    Membership,
    Residence,
)
from projections.engine.row_classes import Code, HouseholdRow, Long
from projections.engine.rows import Rows, Table, of_household

SPELLS: Final = (Notion.HOME, Notion.MEMBERS, Notion.CYCLE, Notion.STATUS, Notion.BENEFIT)
"""The notions of facts that change where a household lives, who belongs to it, what it is or receives."""
CHANGING: Final = answering(*SPELLS)


@dataclass(slots=True)
class Home(HouseholdRow):
    """One home over `[since, until)`; `n` is its place in the order they became known, as in every spell."""

    n: int
    region: Code
    area: Literal["urban", "rural"]
    since: date
    until: date | None

    @staticmethod
    def of(lane: int, household: UUID, n: int, spell: Residence) -> Home:
        return HOME.make(
            lane=lane,
            household=household,
            n=n,
            region=spell.region,
            area=spell.area,
            since=spell.start,
            until=spell.end,
        )

    def spell(self) -> Residence:
        return Residence(self.region, self.area, self.since, self.until)


@dataclass(slots=True)
class Member(HouseholdRow):
    """One membership over `[since, until)`; `name` and `id_number` are sealed tokens owned by the person.

    `cause` is why it ended; None where it runs, or only went on otherwise.
    """

    n: int
    person: UUID
    relation: Relation
    birth: date | None
    sex: Sex | None
    student: bool
    disability: str | None
    work_capacity: WorkCapacity
    name: bytes | None
    id_number: bytes | None
    since: date
    until: date | None
    cause: str | None

    @staticmethod
    def of(lane: int, household: UUID, n: int, spell: Membership) -> Member:
        disability = spell.disability
        return MEMBER.make(
            lane=lane,
            household=household,
            n=n,
            person=spell.person,
            relation=spell.relation,
            birth=spell.birth,
            sex=spell.sex,
            student=spell.student,
            disability=f"{disability.kind}/{disability.grade}" if disability else None,
            work_capacity=spell.work_capacity,
            name=token(spell.name),
            id_number=token(spell.id_number),
            since=spell.start,
            until=spell.end,
            cause=spell.cause,
        )

    def spell(self) -> Membership:
        person = PersonId(self.person)
        return Membership(
            person,
            self.relation,
            self.birth,
            self.student,
            _disability(self.disability),
            self.work_capacity,
            self.since,
            self.until,
            self.sex,
            None if self.name is None else Private(person, "name", token=self.name),
            None if self.id_number is None else Private(person, "id-number", token=self.id_number),
            self.cause,
        )


@dataclass(slots=True)
class CategoryRow(HouseholdRow):
    """One category over `[since, until)`, of the household (`person` None) or of one person.

    An `irregular` one was never lawfully decided and is there all the same.
    """

    n: int
    person: UUID | None
    category: str
    since: date
    until: date | None
    irregular: bool

    @staticmethod
    def of(lane: int, household: UUID, n: int, spell: CategorySpell) -> CategoryRow:
        return CATEGORY.make(
            lane=lane,
            household=household,
            n=n,
            person=spell.person,
            category=spell.category,
            since=spell.start,
            until=spell.end,
            irregular=spell.irregular,
        )

    def spell(self) -> CategorySpell:
        person = None if self.person is None else PersonId(self.person)
        return CategorySpell(Category(self.category), self.since, self.until, person, self.irregular)


@dataclass(slots=True)
class LabelRow(HouseholdRow):
    """One label over `[since, until)`."""

    n: int
    label: str
    since: date
    until: date | None

    @staticmethod
    def of(lane: int, household: UUID, n: int, spell: LabelSpell) -> LabelRow:
        return LABEL.make(
            lane=lane, household=household, n=n, label=spell.label, since=spell.start, until=spell.end
        )

    def spell(self) -> LabelSpell:
        return LabelSpell(Label(self.label), self.since, self.until)


@dataclass(slots=True)
class BenefitRow(HouseholdRow):
    """A monthly benefit in fen from `first_month` to `last_month`, both included (None: running)."""

    n: int
    benefit: UUID
    kind: str
    fen: Long
    first_month: str
    last_month: str | None

    @staticmethod
    def of(lane: int, household: UUID, n: int, spell: BenefitSpell) -> BenefitRow:
        return BENEFIT.make(
            lane=lane,
            household=household,
            n=n,
            benefit=spell.id,
            kind=spell.kind,
            fen=spell.fen,
            first_month=str(spell.first),
            last_month=None if spell.last is None else str(spell.last),
        )

    def spell(self) -> BenefitSpell:
        last = None if self.last_month is None else Month.parse(self.last_month)
        return BenefitSpell(
            self.benefit, Category(self.kind), Fen(self.fen), Month.parse(self.first_month), last
        )


_KEY: Final = ("household", "n")
_READS: Final = of_household(CHANGING)
HOME: Final = Table("home", Home, key=_KEY, reads=_READS)
MEMBER: Final = Table("member", Member, key=_KEY, reads=_READS)
CATEGORY: Final = Table("category", CategoryRow, key=_KEY, reads=_READS)
LABEL: Final = Table("label", LabelRow, key=_KEY, reads=_READS)
BENEFIT: Final = Table("benefit", BenefitRow, key=_KEY, reads=_READS)

# facts about a case write their outcome into the last one; which that is does not matter to spells
_CASE: Final = Procedure(UUID(int=0), Category.OTHER, "application", date.min, PersonId(UUID(int=0)))

S = TypeVar("S")
R = TypeVar("R", Home, Member, CategoryRow, LabelRow, BenefitRow)


class Spells:
    """The rows of a page as spells of households: each is put together once a page, and written down once."""

    __slots__ = ("_after", "_before", "_benefits", "_categories", "_homes", "_labels", "_members")

    def __init__(
        self,
        homes: Rows[Home],
        members: Rows[Member],
        categories: Rows[CategoryRow],
        labels: Rows[LabelRow],
        benefits: Rows[BenefitRow],
    ) -> None:
        self._homes = homes
        self._members = members
        self._categories = categories
        self._labels = labels
        self._benefits = benefits
        self.begin()

    def begin(self) -> None:
        """Turn to the next household."""
        self._before: Household | None = None
        self._after: Household | None = None

    def follow(
        self, id: UUID, event: Event, cycle: int, joined_into: UUID | None
    ) -> tuple[Household, Household]:
        """The household before and after a fact, as far as spells go."""
        before = self._after
        if before is None:
            before = self._before = self._household(id, cycle, joined_into)
        after = self._after = event.evolve(before)
        return before, after

    def settle(self, lane: int, id: UUID) -> None:
        """Make the rows those of the household after the last fact that it followed."""
        before, after = self._before, self._after
        if before is None or after is None:
            return
        _keep(self._homes, lane, id, before.place.residences, after.place.residences, Home.of)
        _keep(self._members, lane, id, before.people.members, after.people.members, Member.of)
        _keep(self._categories, lane, id, before.status.categories, after.status.categories, CategoryRow.of)
        _keep(self._labels, lane, id, before.status.labels, after.status.labels, LabelRow.of)
        _keep(self._benefits, lane, id, before.aid.benefits, after.aid.benefits, BenefitRow.of)

    def _household(self, id: UUID, cycle: int, joined_into: UUID | None) -> Household:
        return Household(
            HouseholdId(id),
            place=Place(residences=_spells(self._homes, id)),
            people=People(members=_spells(self._members, id)),
            cases=Cases(procedures=(_CASE,)),
            status=Status(
                categories=_spells(self._categories, id), labels=_spells(self._labels, id), cycle=cycle
            ),
            aid=Aid(benefits=_spells(self._benefits, id)),
            lineage=Lineage(joined_into=None if joined_into is None else HouseholdId(joined_into)),
        )


def _spells(rows: Rows[Any], household: UUID) -> tuple[Any, ...]:
    return tuple([row.spell() for row in rows.of(household)])


def _keep(
    rows: Rows[R],
    lane: int,
    household: UUID,
    before: tuple[S, ...],
    after: tuple[S, ...],
    row: Callable[[int, UUID, int, S], R],
) -> None:
    if before is after:
        return
    for n, spell in enumerate(after):
        if n < len(before):
            if before[n] is spell:
                continue
            rows.drop(rows[household, n])
        rows.put(row(lane, household, n, spell))
    for n in range(len(after), len(before)):
        rows.drop(rows[household, n])


def token(private: Private[str] | None) -> bytes | None:
    """The sealed token of a value, where there is one."""
    return None if private is None else private.token


def _disability(text: str | None) -> Disability | None:
    if text is None:
        return None
    kind, _, grade = text.partition("/")
    return Disability(kind, int(grade))  # type: ignore[arg-type]  # as `Member.of` wrote them

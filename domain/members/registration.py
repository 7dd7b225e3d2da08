"""Household and members (家庭与共同生活成员): who belongs to the chain (M57 art.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, NamedTuple, Protocol

from domain.household.command import Command
from domain.household.context import LEVEL_WORDS, Context
from domain.household.event import Event
from domain.household.notions import HomeMove
from domain.household.state import Household
from domain.values.citizen_id import CitizenIdRefused
from domain.values.citizen_id import parse as parse_citizen_id
from domain.values.immutables import replace
from domain.values.person import Disability, PersonId, Relation, Sex, WorkCapacity
from domain.values.private import Private
from domain.values.refusals import Refusal
from domain.values.spells import Membership, Residence


class HouseholdAlreadyRegistered(Refusal):
    """该户已经登记，不能重复登记为另一家庭。"""


class NotOneHead(Refusal):
    """一户应当有且只有一名户主（申请人），现有{heads}名；请核对成员与户主关系。"""

    article = "M57 art.4"


class SamePersonTwice(Refusal):
    """同一人在成员中出现了两次（成员“{member}”）；请删除重复的一行。"""

    article = "M57 art.7"


class BirthContradictsId(Refusal):
    """成员“{member}”填写的出生日期或性别与身份证号不一致；请核对证件。"""


class IdNumberRefused(Refusal):
    """成员“{member}”的身份证号有误：{reason}"""


class VillageRequired(Refusal):
    """家庭所在地应填写到村（社区）的十二位区划代码；“{region}”为{level}级代码。"""


@dataclass(frozen=True, slots=True)
class NewMember:
    """A person as the caller names them; `key` is the caller's own word for the person (a script's A1).

    Birth and sex are taken from the ID number where there is one.
    """

    key: str
    name: str
    relation: Relation
    id_number: str | None = None
    birth: date | None = None
    sex: Sex | None = None
    student: bool = False
    disability: Disability | None = None
    work_capacity: WorkCapacity = "full"


@dataclass(frozen=True, slots=True)
class HouseholdRegistered(Event):
    """The chain begins: a household is known (家庭登记)."""

    title: ClassVar[str] = "家庭登记"
    basis: ClassVar[str] = "M57 art.4"
    none: ClassVar[str] = "limits case members cycle status benefit money aid stage duties count ruling paper"

    on: date
    region: str
    area: Literal["urban", "rural"]
    provisional: bool = False
    address: Private[str] | None = None
    phone: Private[str] | None = None

    def settles(self) -> HomeMove | None:
        return HomeMove(self.region, self.area, self.on, begins=True, provisional=self.provisional)

    def found_by(self) -> tuple[Private[str] | None, ...]:
        return (self.phone,)

    def evolve(self, household: Household) -> Household:
        return replace(
            household, residences=(Residence(self.region, self.area, self.on, address=self.address),)
        )


class MemberFacts(Protocol):
    """What a fact that brings a member says of the person (成员情况)."""

    @property
    def person(self) -> PersonId: ...
    @property
    def relation(self) -> Relation: ...
    @property
    def sex(self) -> Sex | None: ...
    @property
    def birth(self) -> date | None: ...
    @property
    def student(self) -> bool: ...
    @property
    def disability(self) -> Disability | None: ...
    @property
    def work_capacity(self) -> WorkCapacity: ...
    @property
    def name(self) -> Private[str] | None: ...
    @property
    def id_number(self) -> Private[str] | None: ...


def membership_of(fact: MemberFacts, since: date) -> Membership:
    """The membership a fact begins on a day, running."""
    return Membership(
        fact.person,
        fact.relation,
        fact.birth,
        fact.student,
        fact.disability,
        fact.work_capacity,
        since,
        sex=fact.sex,
        name=fact.name,
        id_number=fact.id_number,
    )


@dataclass(frozen=True, slots=True)
class MemberAdded(Event):
    """A person belongs to the household from a day (成员登记)."""

    title: ClassVar[str] = "成员登记"
    basis: ClassVar[str] = "M57 art.7"
    none: ClassVar[str] = "limits case home cycle status benefit money aid stage duties count ruling paper"
    changes_members: ClassVar[bool] = True

    on: date
    person: PersonId
    relation: Relation
    sex: Sex | None
    birth: date | None
    student: bool
    disability: Disability | None
    work_capacity: WorkCapacity
    name: Private[str]
    id_number: Private[str] | None = None

    def found_by(self) -> tuple[Private[str] | None, ...]:
        return (self.id_number, self.name)

    def evolve(self, household: Household) -> Household:
        return replace(household, members=(*household.members, membership_of(self, self.on)))


@dataclass(frozen=True, slots=True)
class RegisterHousehold(Command):
    """Begin a household's chain: where it lives and who belongs to it (登记家庭)."""

    on: date
    region: str
    members: tuple[NewMember, ...]
    address: str | None = None
    phone: str | None = None
    provisional: bool = False

    def numbers(self) -> tuple[str, ...]:
        return tuple(member.id_number for member in self.members if member.id_number is not None)

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        if household.registered:
            if (household.region(self.on), len(household.members)) == (
                self.region,
                len(self.members),
            ):
                return
            raise HouseholdAlreadyRegistered
        area = area_of(self.region, self.on, context)
        heads = sum(member.relation == "head" for member in self.members)
        if heads != 1:
            raise NotOneHead(heads=heads)
        private = household.id
        yield HouseholdRegistered(
            self.on,
            self.region,
            area,
            self.provisional,
            Private(private, "address", self.address) if self.address else None,
            Private(private, "phone", self.phone) if self.phone else None,
        )
        seen: set[PersonId | str] = set()
        for ordinal, member in enumerate(self.members):
            known = identity(member, context, ordinal)
            if known.person in seen or known.number in seen:
                raise SamePersonTwice(member=member.key)
            seen |= {known.person} if known.number is None else {known.person, known.number}
            yield MemberAdded(
                self.on,
                known.person,
                member.relation,
                known.sex,
                known.birth,
                member.student,
                member.disability,
                member.work_capacity,
                Private(known.person, "name", member.name),
                known.sealed,
            )


class Identity(NamedTuple):
    """Who a named person is: the id known nationwide or a fresh one, and what the ID number says."""

    person: PersonId
    birth: date | None
    sex: Sex | None
    number: str | None

    @property
    def sealed(self) -> Private[str] | None:
        """The ID number, to be stored sealed."""
        return Private(self.person, "id-number", self.number) if self.number else None


def identity(member: NewMember, context: Context, ordinal: int = 0) -> Identity:
    """Who a new member is; refuses an ID number that is none, or that contradicts birth or sex."""
    fresh = PersonId(context.id("person", ordinal))
    if member.id_number is None:
        return Identity(fresh, member.birth, member.sex, None)
    try:
        citizen = parse_citizen_id(member.id_number)
    except CitizenIdRefused as fault:
        raise IdNumberRefused(member=member.key, reason=fault) from None
    if member.birth not in (None, citizen.birth) or member.sex not in (None, citizen.sex):
        raise BirthContradictsId(member=member.key)
    person = context.persons.get(citizen.number, fresh)
    return Identity(person, citizen.birth, citizen.sex, citizen.number)


def area_of(region: str, on: date, context: Context) -> Literal["urban", "rural"]:
    """Whether a village counts as town or countryside; refuses the code of any larger place."""
    place = context.regions.at(region, on)
    if place.level != "village":
        raise VillageRequired(region=region, level=LEVEL_WORDS[place.level])
    return "rural" if place.rural else "urban"

"""Identification (身份认定): a person first known provisionally turns out to be somebody (M57 art.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, TypeVar

from domain.guards.registered import NotAMember
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.memberships import row_of
from domain.household.state import Household
from domain.members.arrival import require_here
from domain.members.member_changes import AlreadyMember
from domain.members.registration import NewMember, identity
from domain.values.immutables import replace
from domain.values.person import PersonId, Sex
from domain.values.private import Private
from domain.values.refusals import Refusal


class AlreadyIdentified(Refusal):
    """该人员已登记身份证号；登记有误的，请办理更正。"""


@dataclass(frozen=True, slots=True)
class PersonIdentified(Event):
    """A person known provisionally is `person`; what was recorded of them stays and is theirs (身份认定)."""

    title: ClassVar[str] = "身份认定"
    basis: ClassVar[str] = "M57 art.7"
    none: ClassVar[str] = "limits case home cycle status benefit money aid stage duties count ruling paper"
    changes_members: ClassVar[bool] = True

    on: date
    provisional: PersonId
    person: PersonId
    birth: date | None
    sex: Sex | None
    name: Private[str]
    id_number: Private[str]

    def found_by(self) -> tuple[Private[str] | None, ...]:
        return (self.id_number, self.name)

    def evolve(self, household: Household) -> Household:
        household = _known_as(household, self.provisional, self.person)
        members = tuple(
            replace(
                member,
                birth=self.birth or member.birth,
                sex=self.sex or member.sex,
                name=self.name,
                id_number=self.id_number,
            )
            if member.person == self.person
            else member
            for member in household.members
        )
        return replace(household, members=members)


@dataclass(frozen=True, slots=True)
class IdentifyPerson(Command):
    """Record who a member first known without an ID number is (身份认定).

    Somebody known nationwide by that number keeps the id they have.
    """

    on: date
    person: PersonId
    name: str
    id_number: str

    def numbers(self) -> tuple[str, ...]:
        return (self.id_number,)

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_here(household)
        row = row_of(household, self.person, self.on)
        named = NewMember("P", self.name, "other", self.id_number)
        if row is None:
            known = context.persons.get(identity(named, context).number or "")
            if known is not None and _was_identified(household, known, self.on):
                return
            raise NotAMember
        context.require("township", "county")
        if row.id_number is not None:
            raise AlreadyIdentified
        known_as = identity(named, context)
        assert known_as.number is not None
        person = context.persons.get(known_as.number, self.person)
        if person != self.person and any(m.person == person for m in household.members):
            raise AlreadyMember
        yield PersonIdentified(
            self.on,
            self.person,
            person,
            known_as.birth,
            known_as.sex,
            Private(person, "name", self.name),
            Private(person, "id-number", known_as.number),
        )


def _was_identified(household: Household, person: PersonId, on: date) -> bool:
    row = row_of(household, person, on)
    return row is not None and row.id_number is not None


P = TypeVar("P")


def _known_as(household: Household, provisional: PersonId, person: PersonId) -> Household:
    """The household in which everything said of one person is said of another."""
    if provisional == person:
        return household

    def named(items: tuple[P, ...]) -> tuple[P, ...]:
        return tuple(
            replace(item, person=person) if getattr(item, "person", None) == provisional else item  # type: ignore[type-var]
            for item in items
        )

    procedures = tuple(
        replace(
            case,
            applicant=person if case.applicant == provisional else case.applicant,
            authorised=frozenset(person if each == provisional else each for each in case.authorised),
            income=named(case.income),
        )
        for case in household.procedures
    )
    review = household.review
    return replace(
        household,
        members=named(household.members),
        categories=named(household.categories),
        alerts=named(household.alerts),
        changes=named(household.changes),
        procedures=procedures,
        review=replace(review, income=named(review.income)) if review else None,
    )

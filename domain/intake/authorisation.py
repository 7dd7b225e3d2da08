"""Authorisation (核对授权): every adult member signs before anything is verified (M57 art.9, L26 art.40)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.guards.procedure_guards import open_case
from domain.guards.registered import require_member
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.notions import CaseMove
from domain.household.state import Household
from domain.values.person import PersonId
from domain.values.refusals import Refusal


class GuardianNotAdult(Refusal):
    """代为签署核对授权的监护人应当是该户已签署授权的成年成员。"""

    article = "M57 art.9"


@dataclass(frozen=True, slots=True)
class VerificationAuthorised(Event):
    """Members signed that their economic situation may be verified (核对授权)."""

    title: ClassVar[str] = "签署核对授权"
    basis: ClassVar[str] = "M57 art.9; L26 art.40"
    none: ClassVar[str] = (
        "limits home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    case: UUID
    persons: tuple[PersonId, ...]
    guardian: PersonId | None

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case)

    def evolve(self, household: Household) -> Household:
        return household.with_case(authorised=household.procedures[-1].authorised | set(self.persons))


@dataclass(frozen=True, slots=True)
class AuthoriseVerification(Command):
    """Record the signed authorisations; a guardian signs for persons without capacity (签署核对授权)."""

    on: date
    persons: tuple[PersonId, ...]
    guardian: PersonId | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = open_case(household)
        for person in self.persons:
            require_member(household, person, self.on)
        new = tuple(person for person in self.persons if person not in case.authorised)
        if not new:
            return
        if self.guardian is not None:
            adult = context.rules(self.on).integer("adult-age")
            guardians = (m for m in household.counted(self.on) if m.person == self.guardian)
            if self.guardian not in case.authorised or not any(m.is_adult(self.on, adult) for m in guardians):
                raise GuardianNotAdult
        yield VerificationAuthorised(self.on, case.id, new, self.guardian)

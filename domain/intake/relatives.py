"""Relatives of staff (近亲属备案): registered apart, and visited by the county itself (M57 art.11, 20)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import NotApplied
from domain.guards.registered import require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of, owes_visit
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.parts import KnownRelative
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.refusals import Refusal

CloseRelation = Literal["spouse", "parent", "child", "sibling", "grandparent", "grandchild"]
"""The close relatives of the civil code (近亲属, MFD art.1045): how staff is related to the member."""

RelativeOffice = Literal["dibao-staff", "village-committee"]
"""Whose relatives are registered (M57 art.11): who handles Dibao, and members of the village committee."""


class RelativeUnnamed(Refusal):
    """近亲属备案应当写明该工作人员的姓名。"""

    article = "M57 art.11"


class DisclosedTooLate(Refusal):
    """申请已经办结，不再补报近亲属关系；事后发现的，由经办机构登记为“事后发现”。"""

    article = "M57 art.11"


class RelativeNotAMember(Refusal):
    """近亲属备案所指人员不是该户的共同生活成员。"""

    article = "M57 art.7, 11"


@dataclass(frozen=True, slots=True)
class RelativeRegistered(Event):
    """A member is a close relative of staff or of a village cadre: registered apart (近亲属备案).

    `found`: the family had not said so, the office found it. `officer` is the staff member's own id,
    where he is an officer here: he must not handle the case.
    """

    title: ClassVar[str] = "近亲属备案"
    basis: ClassVar[str] = "M57 art.11"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage count ruling paper found"
    )
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), opens=("visit-home-county",), when=owes_visit, beside=("decide",)),
    )

    on: date
    case: UUID
    person: PersonId
    relation: CloseRelation
    office: RelativeOffice
    name: Private[str]
    officer: str | None
    found: bool
    after_decision: bool

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return context if self.after_decision else replace(context, looked_at=True)

    def evolve(self, household: Household) -> Household:
        known = KnownRelative(self.person, self.relation, self.office, self.officer)
        case = household.procedures[-1]
        return household.with_case(relatives=True, known_relatives=(*case.known_relatives, known))


@dataclass(frozen=True, slots=True)
class RegisterRelative(Command):
    """Register that a member is a close relative of staff or a cadre (近亲属备案).

    At any time before the decision, also after acceptance: the county must then visit. What the office
    finds (`found`) is registered after the decision as well, on the last case.
    """

    on: date
    person: PersonId
    relation: CloseRelation
    office: RelativeOffice
    name: str
    officer: str | None = None
    found: bool = False

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        case = household.last_case
        if case is None:
            raise NotApplied
        known = KnownRelative(self.person, self.relation, self.office, self.officer)
        if known in case.known_relatives:
            return
        if case.outcome is not None and not self.found:
            raise DisclosedTooLate
        if self.found:
            context.require("township", "county")
        elif context.actor.level is not None:  # the family may say so itself
            context.require("village", "township", "county")
        require_order(self.on, case.started_on)
        if all(member.person != self.person for member in household.members):
            raise RelativeNotAMember
        if not self.name.strip():
            raise RelativeUnnamed
        yield RelativeRegistered(
            self.on,
            case.id,
            self.person,
            self.relation,
            self.office,
            Private(household.id, "name", self.name),
            self.officer,
            self.found,
            case.outcome is not None,
        )

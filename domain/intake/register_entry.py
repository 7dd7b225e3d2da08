"""A row of a township's register (台账登记): a household registered, applied for and accepted in one act."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.replay import follow
from domain.household.state import Household
from domain.intake.application import AcceptApplication, Apply, Channel, DeclaredProperty, SpendingItem
from domain.members.registration import RegisterHousehold
from domain.values.assessment import IncomeItem
from domain.values.immutables import replace


@dataclass(frozen=True, slots=True)
class EnterFromRegister(Command):
    """Register a household, record its application and accept it, all or nothing (台账转入).

    `applicant` and the numbers beside the items count in `registration.members`; None is the whole household.
    """

    on: date
    registration: RegisterHousehold
    applicant: int
    channel: Channel
    income: tuple[tuple[int | None, IncomeItem], ...] = ()
    spending: tuple[tuple[int | None, SpendingItem], ...] = ()
    property: DeclaredProperty | None = None
    note: str | None = None
    account: str | None = None

    def numbers(self) -> tuple[str, ...]:
        return self.registration.numbers()

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        for event in self.registration.decide(household, context):
            household = follow(household, event)
            yield event
        persons = [member.person for member in household.people.members]
        application = Apply(
            self.on,
            persons[self.applicant],
            self.channel,
            income=tuple(replace(item, person=None if n is None else persons[n]) for n, item in self.income),
            spending=tuple(
                replace(item, person=None if n is None else persons[n]) for n, item in self.spending
            ),
            property=self.property,
            note=self.note,
            account=self.account,
        )
        # the register names the channel only: an agent's mandate stays in the paper file
        for event in application.entered(household, context, from_paper=True):
            household = follow(household, event)
            yield event
        for event in AcceptApplication(self.on).decide(household, context):
            household = follow(household, event)
            yield event

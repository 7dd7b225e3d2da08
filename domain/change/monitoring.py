"""Monitoring again (转回日常监测): a family without a category is watched on, in the next cycle of its chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.notions import Labelled, Limit, StatusChange
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.refusals import Refusal
from domain.values.spells import Label, LabelSpell


class StillInCategory(Refusal):
    """该户目前仍在救助中，不能转回日常监测。"""


@dataclass(frozen=True, slots=True)
class ReturnedToMonitoring(Event):
    """The family is in no category and is watched again: the next cycle of the same chain (转入日常监测)."""

    title: ClassVar[str] = "转入日常监测"
    basis: ClassVar[str] = "C2020; G39"
    none: ClassVar[str] = "case home members benefit money aid stage duties count ruling paper found"

    on: date
    cycle: int
    watch: Label
    after: UUID

    def meets(self) -> tuple[Limit, ...]:
        return (("return-to-monitoring", self.after),)

    def begins_cycle(self) -> int | None:
        return self.cycle

    def changes_status(self) -> StatusChange | None:
        return StatusChange(labelled=Labelled(self.watch, self.on, None, self.after))

    def evolve(self, household: Household) -> Household:
        labels = (*household.labels, LabelSpell(self.watch, self.on))
        return replace(household, cycle=self.cycle, labels=labels)


@dataclass(frozen=True, slots=True)
class ReturnToMonitoring(Command):
    """Put the family back on the watch list on its first day without a category (转回监测)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        timer = next(
            (o.due for o in household.dues if o.due.what == "return-to-monitoring"),
            None,
        )
        if timer is None or self.on < timer.day:
            if household.in_any_category(self.on):
                raise StillInCategory
            return
        if household.in_any_category(self.on):
            raise StillInCategory
        case = household.last_case
        refused = case is not None and case.id == timer.subject and case.outcome in _UNAIDED
        watch = Label.REFUSED if refused else Label.EXITED
        yield ReturnedToMonitoring(self.on, household.cycle + 1, watch, timer.subject)


_UNAIDED = ("refused", "ended", "withdrawn", "not-accepted")

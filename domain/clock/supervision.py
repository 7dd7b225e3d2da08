"""Supervision (督办): what the system does by itself when a day passes: warn, note, return to monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar
from uuid import UUID

from domain.change.grace import WarnGraceExpiry
from domain.change.monitoring import ReturnToMonitoring
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.notions import Count, Limit
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.refusals import Refusal


class NothingMissed(Refusal):
    """没有已经超过的办理期限。"""


@dataclass(frozen=True, slots=True)
class DeadlineMissed(Event):
    """A limit passed without the act it awaited; it stays open until the act is done (逾期)."""

    title: ClassVar[str] = "期限已过"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage duties ruling paper found"

    on: date
    what: str
    due_subject: UUID
    day: date

    def misses(self) -> Limit | None:
        return (self.what, self.due_subject)

    def counts(self) -> Count | None:
        return Count("overdue", detail=self.what)

    def evolve(self, household: Household) -> Household:
        dues = tuple(
            replace(o, missed=True) if (o.due.what, o.due.subject) == (self.what, self.due_subject) else o
            for o in household.dues
        )
        return replace(household, dues=dues)


@dataclass(frozen=True, slots=True)
class NoteMissedDeadline(Command):
    """Note that a limit has passed (登记逾期); refuses while its day has not ended.

    `about` is the case or alert meant, when several limits of one code run.
    """

    on: date
    what: str
    about: UUID | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        limits = (o for o in household.dues if o.due.what == self.what and o.due.kind == "limit")
        open_due = next((o for o in limits if self.about in (None, o.due.subject)), None)
        if open_due is None or open_due.due.day >= self.on:
            raise NothingMissed
        if not open_due.missed:
            due = open_due.due
            yield DeadlineMissed(self.on, due.what, due.subject, due.day)


def system_acts(household: Household, today: date) -> Iterator[Command]:
    """What the system has to do for a household by the end of `today`, in the order of its days.

    Each act is dated on the day it fell due: a warning on its day, a missed limit the day after.
    """
    acts: list[tuple[date, Command]] = []
    for open_due in household.dues:
        due = open_due.due
        if due.kind == "timer" and due.day <= today:
            if due.what == "warn-grace-expiry":
                acts.append((due.day, WarnGraceExpiry(due.day)))
            elif due.what == "return-to-monitoring" and not household.in_any_category(due.day):
                acts.append((due.day, ReturnToMonitoring(due.day)))
        elif due.kind == "limit" and due.day < today and not open_due.missed:
            noted = due.day + timedelta(days=1)
            acts.append((noted, NoteMissedDeadline(noted, due.what, due.subject)))
    return (act for _, act in sorted(acts, key=lambda pair: pair[0]))

"""Avoidance (回避): an officer with an interest in a family says so and no longer handles it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from domain.guards.registered import require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.state import Household
from domain.values.immutables import replace

ConflictGround = Literal["close-relative", "agent", "interest"]


@dataclass(frozen=True, slots=True)
class ConflictDeclared(Event):
    """An officer is related to the family, acts for it or has another interest: he must avoid it (申报回避)."""

    title: ClassVar[str] = "申报回避"
    basis: ClassVar[str] = "M57 art.11"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    officer: str
    ground: ConflictGround

    def evolve(self, household: Household) -> Household:
        return replace(household, conflicts=(*household.conflicts, self.officer))


@dataclass(frozen=True, slots=True)
class DeclareConflict(Command):
    """Declare a conflict of interest with the family, one's own or that of a named officer (申报回避).

    What the officer did before stays as it was done; from then on he is refused.
    """

    on: date
    ground: ConflictGround
    officer: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        context.require("village", "township", "county")
        officer = self.officer or context.actor.officer
        if officer not in household.conflicts:
            yield ConflictDeclared(self.on, officer, self.ground)

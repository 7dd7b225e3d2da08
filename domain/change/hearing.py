"""The hearing (听取意见): the family says its opinion before a benefit is reduced or ended (L26 art.48)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from domain.guards.registered import require_member, require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.parts import Hearing
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.receipt import Value
from domain.values.refusals import Refusal

About = Literal["reduction", "termination"]
Substitute = Literal["own-request", "death-without-survivors", "unreachable"]


class HearingNotHeld(Refusal):
    """作出减发、停发决定前，应当听取当事人意见；请先登记听取意见笔录。"""

    article = "L26 art.48"


class SurvivorsRemain(Refusal):
    """该户尚有其他共同生活成员，应当听取其意见，不能以全户死亡为由免予听取。"""

    article = "L26 art.48"


class NothingToTerminate(Refusal):
    """该户当前没有可以终止的低保待遇。"""

    article = "M57 art.32"


def may_decide(*, required: Value, heard: Value) -> Value:
    """Whether a reduction or termination may be decided: the family was heard, or need not be yet."""
    return bool(heard) or not required


@dataclass(frozen=True, slots=True)
class OpinionHeard(Event):
    """The family was heard before a reduction or termination, or lawfully need not be (听取意见)."""

    title: ClassVar[str] = "听取意见"
    basis: ClassVar[str] = "L26 art.48"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    about: About
    heard: PersonId | None
    substitute: Substitute | None
    statement: Private[str] | None

    def evolve(self, household: Household) -> Household:
        hearing = Hearing(self.on, self.about, self.substitute)
        return replace(household, hearings=(*household.hearings, hearing))


@dataclass(frozen=True, slots=True)
class HearOpinion(Command):
    """Record what the family said, or the lawful ground on which nobody could be heard (听取意见)."""

    on: date
    about: About = "termination"
    heard: PersonId | None = None
    statement: str | None = None
    substitute: Substitute | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        if any((h.on, h.about) == (self.on, self.about) for h in household.hearings):
            return
        context.require("township", "county")
        if self.heard is not None:
            require_member(household, self.heard, self.on)
        elif self.substitute is None:
            raise HearingNotHeld
        elif self.substitute == "death-without-survivors" and household.counted(self.on):
            raise SurvivorsRemain
        if not household.in_any_category(self.on):
            raise NothingToTerminate
        statement = Private(household.id, "text", self.statement) if self.statement else None
        yield OpinionHeard(self.on, self.about, self.heard, self.substitute, statement)

"""What a decision is given (裁量环境): rules by the date of the act, calendar, regions, actor, fresh ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID, uuid5

from domain.household.event import Event
from domain.household.state import Household
from domain.values.calendar import WorkingCalendar
from domain.values.deadline import Due, DueKind
from domain.values.issued import Printed
from domain.values.person import HouseholdId, PersonId
from domain.values.policy import Policy, Rules
from domain.values.receipt import Actor, Decider, Decision, Level, Receipt, RuleApplied
from domain.values.refusals import Refusal
from domain.values.region import RegionRegister

CIVIL_AFFAIRS = "civil-affairs"
"""The department that confirms and ends social assistance at the county (民政部门)."""


class NotCompetent(Refusal):
    """该事项应由{needed}级经办机构办理，当前机构“{organ}”无此权限。"""

    article = "M57 art.2; L26 art.44"


class OutsideJurisdiction(Refusal):
    """该户不在机构“{organ}”的辖区内，应由该户所在地的经办机构办理。"""

    article = "M57 art.5; L26 art.37, 44"


class NotTheDepartment(Refusal):
    """社会救助的确认、终止等决定应由县级民政部门作出，机构“{organ}”不是民政部门。"""

    article = "M57 art.2; L26 art.44"


class DeciderRequired(Refusal):
    """该决定必须由具名经办人所在机构作出，不能由系统或个人作出。"""

    article = "PIPL art.24"


@dataclass(frozen=True, slots=True)
class Recalled:
    """A fact already recorded, as a correction names it: its step in the chain, its event id, what it says."""

    step: int
    id: UUID
    event: Event


@dataclass(frozen=True, slots=True)
class Context:
    """All a decider may read besides the household: no clock, no random, no I/O behind it.

    `command` seeds the ids; `persons` answers "who has this ID number" for the numbers the command names.
    `path` is where the household lives, province first, as the register has it on the day. `printed` is the
    document already numbered and rendered, for a command that issues one. `recalled` is the step a correction
    names, None when there is no such step. `versions` are those at which the households were read.
    """

    policy: Policy
    calendar: WorkingCalendar
    regions: RegionRegister
    actor: Actor
    command: UUID
    path: tuple[str, ...]
    persons: Mapping[str, PersonId] = field(default_factory=dict)
    printed: Printed | None = None
    recalled: Recalled | None = None
    versions: Mapping[HouseholdId, int] = field(default_factory=dict)

    def rules(self, on: date) -> Rules:
        """The rules in force on the day of an act."""
        return self.policy.rules(on)

    def id(self, what: str, ordinal: int = 0) -> UUID:
        """The fresh id number `ordinal` of its kind that this command may give out; the same on a retry."""
        return uuid5(self.command, f"{what}/{ordinal}")

    def due(
        self, code: str, start: date, subject: UUID, kind: DueKind = "limit", *, rolls: bool = True
    ) -> Due:
        """The deadline `code` counted from `start`, which itself is not counted (MFD art.201).

        A period in calendar days that ends on a rest day goes on to the next working day, unless not `rolls`.
        """
        rules = self.rules(start)
        parameter = rules.days(code)
        number = rules.integer(f"deadline.{code}")
        match parameter.unit:
            case "wd":
                count = self.calendar.add_working_days(start, number)
            case "months":
                count = self.calendar.add_months(start, number)
            case _:
                count = self.calendar.add_days(start, number, rolls)
        return Due(
            code,
            count.day,
            subject,
            parameter.source,
            count.editions,
            count.assumed,
            kind,
        )

    def require(self, *levels: Level) -> None:
        """Refuse unless the acting organ is of one of these levels, in whose area the household lives."""
        if self.actor.level not in levels:
            raise NotCompetent(
                needed="、".join(LEVEL_WORDS[level] for level in levels),
                organ=self.actor.organ,
            )
        if self.actor.region not in self.path:
            raise OutsideJurisdiction(organ=self.actor.organ)

    def require_for(self, household: Household, on: date, *levels: Level) -> None:
        """Refuse as `require`, for another household than the one the command is addressed to."""
        replace(self, path=self.regions.path(household.region(on), on)).require(*levels)

    def decider(self, *levels: Level, delegated_by: str | None = None) -> Decider:
        """The acting organ as the decider.

        Refuses persons, the system, organs of another level or area, and at the county any other
        department than civil affairs.
        """
        level = self.actor.level
        if level is None:
            raise DeciderRequired
        self.require(*levels)
        if level == "county" and not self.actor.organ.endswith(f"/{CIVIL_AFFAIRS}"):
            raise NotTheDepartment(organ=self.actor.organ)
        return Decider(self.actor.officer, self.actor.organ, level, delegated_by)

    def decision(self, on: date, decider: Decider, *applied: RuleApplied) -> Decision:
        """A decision with its receipt under the packs in force on its day."""
        return Decision(on, decider, Receipt(self.rules(on).packs, applied))


LEVEL_WORDS: Mapping[Level, str] = {
    "village": "村（社区）",
    "township": "乡镇（街道）",
    "county": "县",
    "city": "市",
    "province": "省",
    "nation": "国家",
}

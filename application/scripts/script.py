"""Scripts (脚本): dated stories of households, read whole before anything is carried out."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, Literal

from domain.values.month import Month
from domain.values.person import Disability, Relation, Sex, WorkCapacity

CHINA: Final = timezone(timedelta(hours=8))
"""The time zone of scripts."""

OPENING: Final = time(9, tzinfo=CHINA)
"""When a day's first act happens, unless a step says otherwise."""

REGISTER: Final = "register-household"
SPLIT: Final = "split-household"


@dataclass(frozen=True, slots=True)
class ScriptFault:
    """One thing that cannot be read: the step (from 1; None outside the steps), field, code, reason, line."""

    step: int | None
    field: str
    code: str
    reason: str
    line: int

    def __str__(self) -> str:
        where = f"第{self.line}行" if self.step is None else f"第{self.line}行，第{self.step}步"
        return f"{where}，{self.field}：{self.reason} [{self.code}]"


class ScriptRefused(ValueError):
    """The script cannot be read; nothing was carried out. `faults` are all that were found, by line."""

    code = "script-refused"

    def __init__(self, faults: tuple[ScriptFault, ...]) -> None:
        self.faults = faults
        first = faults[0]
        self.step, self.field, self.reason, self.line = first.step, first.field, first.reason, first.line
        super().__init__("\n".join(str(fault) for fault in faults))


@dataclass(frozen=True, slots=True)
class PersonSaid:
    """A person as a script names them; birth and sex come from the ID number where there is one."""

    name: str
    id: str | None = None
    birth: date | None = None
    sex: Sex | None = None
    student: bool = False
    disability: Disability | None = None
    work_capacity: WorkCapacity = "full"


@dataclass(frozen=True, slots=True)
class HouseholdSaid:
    """A household as a script names it; `members` by person key, `registered` when not with its first step."""

    region: str
    members: Mapping[str, Relation]
    address: str | None = None
    phone: str | None = None
    registered: date | None = None


@dataclass(frozen=True, slots=True)
class By:
    """Who acts: an officer of an organ, a person of the script, or the system (`system:deadlines`)."""

    officer: str = ""
    organ: str = ""
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step as written; `fields` are the command's own. `until` repeats it each month, that one included.

    `others` are the keys of the further households it names; `begins` is the key of the one a split sets up.
    """

    number: int
    line: int
    on: date
    by: By
    do: str
    household: str
    fields: Mapping[str, object]
    at: datetime | None = None
    refused: str | None = None
    until: Month | None = None
    others: tuple[str, ...] = ()
    begins: str | None = None

    def touches(self, household: str) -> bool:
        """Whether the step is about the household of this key."""
        return household == self.household or household in self.others


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A step as it happens: on its day, or on one of the days it is repeated on.

    `tag` distinguishes it from every other occurrence of the script and is the same in every run. `household` is the
    step's own, or the one that is registered because the step needs it.
    """

    step: Step
    on: date
    tag: str
    household: str
    opens: Literal["stated", "implied"] | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script; `name` is its file's, and part of every command's id."""

    name: str
    title: str
    regions: tuple[str, ...]
    persons: Mapping[str, PersonSaid]
    households: Mapping[str, HouseholdSaid]
    steps: tuple[Step, ...]

    def occurrences(self) -> Iterator[Occurrence]:
        """Everything that happens, day by day; on one day in the order of the steps.

        A household that no step registers is registered before the first one about it, by whoever takes that.
        """
        found: list[tuple[date, int, Occurrence]] = []
        for key, household in self.households.items():
            own = [step for step in self.steps if step.touches(key)]
            if own and all(step.do != REGISTER or step.household != key for step in own):
                on = household.registered or own[0].on
                opening = Occurrence(own[0], on, f"household/{key}", key, "implied")
                found.append((on, own[0].number * 2 - 1 if on == own[0].on else 0, opening))
        for step in self.steps:
            opens: Literal["stated"] | None = "stated" if step.do == REGISTER else None
            if step.until is None:
                told = Occurrence(step, step.on, str(step.number), step.household, opens)
                found.append((step.on, step.number * 2, told))
                continue
            for month in months_from(step.on, step.until):
                on = day_in(month, step.on.day)
                told = Occurrence(step, on, f"{step.number}/{month}", step.household, opens)
                found.append((on, step.number * 2, told))
        found.sort(key=lambda each: each[:2])
        return (occurrence for _, _, occurrence in found)

    @property
    def last_day(self) -> date:
        """The day the story ends on."""
        return max((occurrence.on for occurrence in self.occurrences()), default=date.min)


def months_from(on: date, until: Month) -> Iterator[Month]:
    """The months from that of a day to `until`, both included."""
    month = Month.of(on)
    while month <= until:
        yield month
        month += 1


def day_in(month: Month, day: int) -> date:
    """That day of a month, or its last where the month is shorter."""
    return date(month.year, month.month, min(day, calendar.monthrange(month.year, month.month)[1]))


_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def instant_of(text: object, on: date) -> datetime | None:
    """The instant a step's `at` says: `14:30` on its day, or a whole date and time, +08:00 unless it says so."""
    if not isinstance(text, str):
        return None
    if _CLOCK.fullmatch(text):
        return datetime.combine(on, time.fromisoformat(text), CHINA)
    if not _INSTANT.fullmatch(text):
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=CHINA)

"""Stages (环节): which stretches of the road are timed, who may have the file, and what stops the clock.

`STAGES` says from which milestone to which a stretch runs, `STOPS` which standstills are lawful and by which
article. Which fact reaches a milestone or changes hands is said in `domain.clock.stage_clocks`.

The law of the split: the parts of a stretch follow one another without gap or overlap, from its first day to
its last, each in one hand. Days are counted without the first and with the last (MFD art.201), so days and
working days of the parts add up to those of the whole, whatever the calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from domain.categories.roads import codes
from domain.household.notions import CLUE_MONEY, ClockKind, Holder
from domain.values.calendar import WorkingCalendar
from domain.values.immutables import replace

HOLDERS: Final[Mapping[Holder, str]] = {
    "applicant": "申请人",
    "village": "村（社区）",
    "township": "乡镇（街道）",
    "county": "县级",
    "bank": "财政与银行",
}
"""Who may have the file (经手方), by the word people read."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch between two milestones (环节); `limits` are the codes of the limit that governs it, where one does.

    `whole` stretches pass through several hands: their days are also counted holder by holder.
    """

    code: str
    title: str
    since: str
    until: str
    limits: tuple[str, ...] = ()
    whole: bool = False


ROAD: Final = (
    Stage("clue-verified", "线索核实", "clue", "verified", ("DL-ALERT",)),
    Stage("clue-answered", "线索反馈", "clue", "answered", ("DL-ALERT",)),
    Stage("finding-answered", "主动发现回应", "found", "helped", ("DL-HELP",)),
    Stage("accept", "受理", "applied", "accepted", whole=True),
    Stage("investigate", "启动调查", "accepted", "investigation", codes("investigate")),
    Stage("check-start", "启动信息核对", "requested", "check", codes("check")),
    Stage("check-report", "出具核对报告", "check", "reported"),
    Stage("tell", "告知核对结果", "adverse", "told", codes("tell")),
    Stage("recheck", "复查核对结果", "disputed", "rechecked", ("DL-OBJ-CHK",)),
    Stage("opinion", "审核意见", "accepted", "opinion", whole=True),
    Stage("notice", "公示", "posted", "noticed", codes("notice")),
    Stage("objection", "公示异议处理", "objected", "opinion"),
    Stage("send", "报送材料", "ready", "received", codes("send")),
    Stage("mend", "退回补正", "returned", "mended", codes("mend")),
    Stage("decide", "县级确认", "received", "decided", codes("decide"), whole=True),
    Stage("total", "受理至决定", "term", "decided", codes("total"), whole=True),
    Stage("notify", "送达书面决定", "written", "delivered", codes("notify")),
    Stage("money", "决定至到账", "confirmed", "paid", whole=True),
    Stage("application-money", "申请至到账", "applied", "paid", whole=True),
    Stage(CLUE_MONEY, "线索至到账", "led-here", "paid", whole=True),
    Stage("aid-money", "临时救助到账", "granted", "paid", ("DL-TMP-QUICK",), whole=True),
)
"""Every stage in the order of the road; the codes are stored and never change."""

STAGES: Final[Mapping[str, Stage]] = {stage.code: stage for stage in ROAD}
"""Every stage by its code."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A lawful standstill (中止计时): its article, on which stages its days do not count, what ends it.

    It lasts, through whatever hands the file goes, until one of the milestones `until` is reached.
    """

    title: str
    article: str
    stages: frozenset[str]
    until: frozenset[str]


STOPS: Final[Mapping[str, Stop]] = {
    "supplement": Stop(
        "申请人补正材料",
        "M57 art.10; L26 art.62",
        frozenset({"accept", "application-money", CLUE_MONEY}),
        frozenset({"supplemented", "accepted"}),
    ),
    # the county's ten days run from the receipt of the file: while it has none they do not (the total goes on)
    "returned": Stop(
        "材料退回乡镇（街道）",
        "M57 art.19, 20",
        frozenset({"decide"}),
        frozenset({"received", "decided"}),
    ),
}
"""Every lawful standstill by its code.

What is not here counts: the days of the public notice too (M57 art.22 leaves them in the total), and an extension
(延长) moves the limit only, its clock goes on.
"""


@dataclass(frozen=True, slots=True)
class Held:
    """From this day somebody has the file; `stop` while the clock lawfully stands."""

    day: date
    holder: Holder
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a stretch in one hand, from `since` (not counted) to `until` (counted)."""

    holder: Holder
    since: date
    until: date
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """What is still being timed of one subject: an alert, a finding, a case or a temporary aid.

    `running` are stages with the day each began, `held` who had the file from when. `missing` are papers not yet
    handed in, `benefits` what the money is for. A clue (alert or finding) is `open` until it is answered.
    `category` is the category applied for, the level of an alert, the source of a finding, `TEMPORARY` of an aid.
    """

    subject: UUID
    kind: ClockKind
    category: str
    running: tuple[tuple[str, date], ...]
    held: tuple[Held, ...]
    missing: tuple[str, ...] = ()
    benefits: tuple[UUID, ...] = ()
    open: bool = True

    @property
    def first(self) -> date:
        """The day it began."""
        return self.held[0].day

    @property
    def last(self) -> Held:
        """Who has the file now, and since when."""
        return self.held[-1]

    @property
    def is_clue(self) -> bool:
        """Whether a case may come of it."""
        return self.kind in ("alert", "finding")


@dataclass(frozen=True, slots=True)
class Finished:
    """A stretch that came to its end, with its parts in order."""

    subject: UUID
    stage: str
    category: str
    since: date
    until: date
    parts: tuple[Part, ...]


def parts_of(held: Iterable[Held], stage: str, since: date, until: date) -> tuple[Part, ...]:
    """Who had the file between two days, as it counts for a stage; a stretch within one day is one part.

    Changes of hands count on their days, whenever they were recorded.
    """
    hands = sorted(held, key=lambda each: each.day)
    found: list[Part] = []
    day, now = since, hands[0]
    for each in hands:
        if each.day <= since:
            now = each
        elif each.day < until:
            _join(found, Part(now.holder, day, each.day, _counted(now.stop, stage)))
            day, now = each.day, each
    _join(found, Part(now.holder, day, until, _counted(now.stop, stage)))
    return tuple(found)


def _counted(stop: str | None, stage: str) -> str | None:
    return stop if stop is not None and stage in STOPS[stop].stages else None


def _join(found: list[Part], part: Part) -> None:
    if found and (found[-1].holder, found[-1].stop) == (part.holder, part.stop):
        part = replace(part, since=found.pop().since)
    found.append(part)


@dataclass(frozen=True, slots=True)
class Days:
    """Days of a stretch, its first not counted: calendar days, working days, and working days that count.

    `net` leaves out lawful standstills. `working` and `net` are None when no calendar was given.
    """

    calendar: int
    working: int | None = None
    net: int | None = None


def days_of(parts: Iterable[Part], calendar: WorkingCalendar | None = None) -> Days:
    """The days of these parts together; raises `CalendarYearMissing` for a year the calendar has not."""
    every = tuple(parts)
    total = sum((part.until - part.since).days for part in every)
    if calendar is None:
        return Days(total)
    counted = [(calendar.working_days_between(part.since, part.until), part.stop) for part in every]
    return Days(total, sum(days for days, _ in counted), sum(days for days, stop in counted if stop is None))


def days_by_holder(parts: Iterable[Part], calendar: WorkingCalendar | None = None) -> dict[str, Days]:
    """The days of each holder, in the order they first had the file; together they are `days_of` the parts."""
    by_holder: dict[str, list[Part]] = {}
    for part in parts:
        by_holder.setdefault(part.holder, []).append(part)
    return {holder: days_of(each, calendar) for holder, each in by_holder.items()}

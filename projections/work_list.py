"""The work list (工作清单): one row an open duty, with who has to do it and by when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec

from domain.catalogue import answering
from domain.clock.duty_kinds import DUTY_KINDS, TOTALS
from domain.clock.duty_rules import turned
from domain.household.duty import Turn
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import Notion, is_named
from domain.values.deadline import Due
from domain.values.receipt import Actor
from domain.values.spells import Category
from projections.engine.fact import Fact
from projections.engine.places import codes_of
from projections.engine.projection import Projection
from projections.engine.row_classes import Code, PlacedRow
from projections.engine.rows import Rows, Table, of_household

NO_DAY: Final = date.max
"""The day of a duty that nothing limits: it stands behind all that have one."""
NO_CATEGORY: Final = "NONE"
_NOTHING: Final = "[]"


@dataclass(slots=True)
class DutyRow(PlacedRow):
    """One open duty; a row goes when the duty is done.

    `subject` is case, alert, notice, grace, benefit, aid or household; `month` (YYYY-MM or empty) that of a payment;
    `category` that of the case, or what the household is in. `due` is the day set by deadline `what` (`NO_DAY` where
    none is), `assumed` that its calendar was not published yet, `missed` that its passing was noted; `officer` last
    handled the household at the level that has to act. `version` is the step that opened it.
    """

    step: Code
    subject: UUID
    month: Code
    category: Code
    cycle: int
    since: date
    version: int
    officer: Code | None = None
    due: date = NO_DAY
    what: str | None = None
    assumed: bool = False
    missed: bool = False


@dataclass(slots=True)
class File(PlacedRow):
    """What the household's next step needs: place, case under way, handlers by level, limits running (JSON)."""

    home_since: date
    cycle: int = 1
    case_id: UUID | None = None
    case_category: str | None = None
    held: str | None = None
    delegated: bool = False
    looked_at: bool = False
    complained_on: date | None = None
    county_visits: str = _NOTHING
    missing: str = _NOTHING
    at_village: str | None = None
    at_township: str | None = None
    at_county: str | None = None
    limits: str = _NOTHING


class Begun(msgspec.Struct, gc=False):
    """A duty that a fact of this page began; a row is made of it when the household's facts are through."""

    step: str
    subject: UUID
    month: str
    category: str
    cycle: int
    since: date
    version: int


class Limit(msgspec.Struct, array_like=True):
    """One running limit or period of a household."""

    what: str
    day: date
    subject: UUID
    assumed: bool
    missed: bool = False


_limits_of = msgspec.json.Decoder(list[Limit]).decode
_days_of = msgspec.json.Decoder(list[date]).decode
_words_of = msgspec.json.Decoder(list[str]).decode
_write = msgspec.json.Encoder().encode
# most facts are payments, and each has one turn: about its benefit, whatever else is known of the household
_PAYING: Final[Mapping[type[Event], Turn]] = {
    kind: kind.turns[0]
    for kind in answering(Notion.DUTIES)
    if len(kind.turns) == 1 and kind.turns[0].month is not None
}
_PLACING: Final = answering(Notion.HOME)
_BEARING: Final = answering(Notion.CASE, Notion.CYCLE)
_WANTS: Final = answering(Notion.DUTIES, Notion.LIMITS, Notion.HOME, Notion.CASE, Notion.CYCLE)
DUTY = Table(
    "duty",
    DutyRow,
    key=("household", "step", "subject", "month"),
    reads=of_household(_WANTS),
    fillfactor=80,
)
FILE = Table("file", File, key=("household",), reads=of_household(_WANTS), fillfactor=80)


class WorkList(Projection):
    """Every open duty of every household, from the fact that began it to the one that ended it."""

    name = "work_list"
    version = 5
    reads = (Notion.DUTIES, Notion.LIMITS, Notion.HOME, Notion.CASE, Notion.CYCLE)
    leaves = (
        *(Notion.MONEY, Notion.MEMBERS, Notion.STATUS, Notion.BENEFIT, Notion.AID, Notion.STAGE),
        *(Notion.COUNT, Notion.RULING, Notion.PAPER, Notion.FOUND),
    )
    wants = _WANTS
    tables = (DUTY, FILE)

    def __init__(self) -> None:
        self.duties = Rows(DUTY)
        self.files = Rows(FILE)

    def begin(self, lane: int, household: UUID) -> None:
        self._file = self.files.get(household)
        self._open: list[DutyRow | Begun] = list(self.duties.of(household))
        # what the file says, read when first asked for; rows are written down after the household's last fact
        self._context: DutyContext | None = None
        self._limits: list[Limit] | None = None
        self._only_paid = True

    def on(self, fact: Fact) -> None:
        event, kind = fact.event, fact.kind
        turn = _PAYING.get(kind)
        if turn is not None:
            # no limit runs by a payment, and nobody's case is handled
            self._pay(fact, event, turn)
            return
        if kind in _PLACING:
            self._place(fact)
        file = self._file
        if file is None:
            raise KeyError(fact.household)
        self._only_paid = False
        before = self._context or context_of(file)
        context = self._context = event.bears_on_duties(before)
        if kind in _BEARING:
            _keep(file, event)
        if context is not before:
            _keep_context(file, context)
        if fact.touches_limits:
            self._limits = _followed(self._limits_of(file), fact)
        if event.turns:
            self._turn(fact, file, context)
        _handled(file, fact)

    def end(self) -> None:
        file = self._file
        assert file is not None
        limits = self._limits
        for duty in self._open:
            if isinstance(duty, Begun):
                self._assign(file, self.duties.put(_row(file, duty)))
            elif not self._only_paid:
                self._assign(file, duty)
        if limits is not None:
            file.limits = _write(limits).decode()

    def _limits_of(self, file: File) -> list[Limit]:
        limits = self._limits
        if limits is None:
            limits = self._limits = _limits_of(file.limits) if file.limits != _NOTHING else []
        return limits

    def _place(self, fact: Fact) -> None:
        """A household begins, or lives elsewhere from now on: another office has to act."""
        home = fact.event.settles()
        if home is None:
            return
        codes, file = codes_of(home.region), self.files.get(fact.household)
        if file is None:
            self._file = self.files.put(
                FILE.make(lane=fact.lane, household=fact.household, **codes, home_since=home.since)
            )
            return
        if home.was is not None and home.was != file.home_since:
            return  # where it once lived
        if file.county != codes["county"]:
            file.at_county = None
        if file.township != codes["township"]:
            file.at_township = file.at_village = None
        file.home_since = home.since
        file.lies_in(home.region)
        for duty in self.duties.of(fact.household):  # those begun here follow at the end
            duty.lies_in(home.region)

    def _pay(self, fact: Fact, event: Any, turn: Turn) -> None:
        """As `turned` has it, whose generality costs three times as much."""
        file = self._file
        if file is None:
            raise KeyError(fact.household)
        subject, number = event.benefit, event.benefit.int
        month = turn.month(event) if turn.month else ""
        closes, left, there = turn.closes, [], []
        for duty in self._open:
            if duty.month == month and duty.subject.int == number:
                if duty.step in closes:
                    if not isinstance(duty, Begun):
                        self.duties.drop(duty)
                    continue
                there.append(duty.step)
            left.append(duty)
        for step in turn.opens:
            if step not in there:
                left.append(self._begun(fact, file, step, subject, month))
        self._open = left

    def _turn(self, fact: Fact, file: File, context: DutyContext) -> None:
        ended, begun = turned(fact.event, fact.household, context, self._open)
        if ended:
            gone = set(map(id, ended))
            self._open = [duty for duty in self._open if id(duty) not in gone]
            for duty in ended:
                if not isinstance(duty, Begun):
                    self.duties.drop(duty)
        self._open += [self._begun(fact, file, duty.step, duty.subject, duty.month) for duty in begun]

    def _begun(self, fact: Fact, file: File, step: str, subject: UUID, month: str) -> Begun:
        of_case = file.case_id is not None and subject.int == file.case_id.int
        category = file.case_category if of_case else file.held
        return Begun(step, subject, month, category or NO_CATEGORY, file.cycle, fact.event.on, fact.version)

    def _assign(self, file: File, row: DutyRow) -> None:
        """Say of an open duty who has to do it and by when."""
        row.officer = _officer(file, row.step)
        limit = limiting(row, self._limits_of(file))
        if limit is None:
            row.due, row.what, row.assumed, row.missed = NO_DAY, None, False, False
        else:
            row.due, row.what = limit.day, limit.what
            row.assumed, row.missed = limit.assumed, limit.missed


def _row(file: File, duty: Begun) -> DutyRow:
    return DUTY.make(
        lane=file.lane,
        household=file.household,
        **codes_of(file.village),
        step=duty.step,
        subject=duty.subject,
        month=duty.month,
        category=duty.category,
        cycle=duty.cycle,
        since=duty.since,
        version=duty.version,
    )


def limiting(row: DutyRow, limits: Iterable[Limit]) -> Limit | None:
    """The nearest of the running limits that are the duty's own, or else of those of its case as a whole."""
    subject = row.subject.int
    mine = [limit for limit in limits if limit.subject.int == subject]
    if not mine:
        return None
    step = DUTY_KINDS[row.step]
    own = [limit for limit in mine if step.is_limited_by(limit.what)]
    return min(own or [limit for limit in mine if limit.what in TOTALS], key=_day, default=None)


def context_of(file: File) -> DutyContext:
    """What the file says of who acts next."""
    missing = frozenset(_words_of(file.missing)) if file.missing != _NOTHING else frozenset()
    held = Category(file.held) if file.held else None
    visits = tuple(_days_of(file.county_visits)) if file.county_visits != _NOTHING else ()
    return DutyContext(file.delegated, file.looked_at, file.complained_on, visits, missing, held)


def _day(limit: Limit) -> date:
    return limit.day


def _keep(file: File, event: Event) -> None:
    move, cycle = event.moves_case(), event.begins_cycle()
    if move is not None and move.begins is not None and not (move.step and move.step.ends):
        file.case_id, file.case_category = move.case, move.begins
        if move.applied:
            # who handled the case before need not be who handles this one
            file.at_village = file.at_township = file.at_county = None
    if cycle is not None:
        file.cycle = cycle


def _keep_context(file: File, context: DutyContext) -> None:
    file.held = context.held
    file.delegated, file.looked_at = context.delegated, context.looked_at
    file.complained_on = context.complained_on
    file.county_visits = _write(context.county_visits).decode() if context.county_visits else _NOTHING
    file.missing = _write(sorted(context.missing)).decode() if context.missing else _NOTHING


def _followed(limits: list[Limit], fact: Fact) -> list[Limit]:
    if fact.missed is not None:
        for each in limits:
            each.missed = each.missed or (each.what, each.subject) == fact.missed
    ends = fact.met + fact.closed
    left = [each for each in limits if not is_named(each.what, each.subject, ends)]
    left += [_limit(due) for due in fact.opened if due.kind != "timer"]
    return left


def _limit(due: Due) -> Limit:
    return Limit(due.what, due.day, due.subject, due.assumed)


def _handled(file: File, fact: Fact) -> None:
    """Keep who handled the household at the level of the organ that entered this fact."""
    meta = fact.meta
    if meta.actor is None or not meta.organ:
        return
    match _level_of(meta.organ):
        case "village":
            file.at_village = meta.actor
        case "township":
            file.at_township = meta.actor
        case "county":
            file.at_county = meta.actor


@lru_cache(maxsize=4096)
def _level_of(organ: str) -> str | None:
    return Actor("", organ).level


def _officer(file: File, step: str) -> str | None:
    match DUTY_KINDS[step].office:
        case "village":
            return file.at_village
        case "township":
            return file.at_township
        case "county":
            return file.at_county
    return None

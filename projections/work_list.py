"""The work list (工作清单): one row an open duty, with who has to do it and by when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec

from domain.benefit import PaymentOrdered, PaymentReturned, PaymentSettled
from domain.catalogue import EVENTS
from domain.correction import ResidenceCorrected
from domain.deadline import Due
from domain.duties import TURNS, turned
from domain.intake import Applied
from domain.membership import HouseholdRegistered
from domain.message import Event
from domain.monitoring import ReturnedToMonitoring
from domain.moving import FileHandedOver, HouseholdMoved
from domain.receipt import Actor
from domain.spells import Category
from domain.split import HouseholdSplitFrom
from domain.standing import Standing
from domain.steps import STEPS, TOTALS
from domain.supervision import DeadlineMissed
from domain.transfer import TransferStarted
from projections.engine.projection import Fact, Projection
from projections.engine.rows import Rows, Table, of_household
from projections.running import is_met, touches

NO_DAY: Final = date.max
"""The day of a duty that nothing limits: it stands behind all that have one."""
NO_CATEGORY: Final = "NONE"
_NOTHING: Final = "[]"


@dataclass(slots=True)
class DutyRow:
    """One open duty: `due` is the day set by deadline `what` (`NO_DAY` where none is), `assumed` that its calendar
    was not published yet, `missed` that its passing was noted; `officer` last handled the household at the level
    that has to act. `version` is the step that opened it."""

    lane: int
    household: UUID
    step: str
    subject: UUID
    month: str
    category: str
    cycle: int
    officer: str | None
    since: date
    due: date
    what: str | None
    assumed: bool
    missed: bool
    version: int
    province: str
    city: str
    county: str
    township: str
    village: str


@dataclass(slots=True)
class File:
    """What the household's next step needs: place, case under way, handlers by level, limits running (JSON)."""

    lane: int
    household: UUID
    province: str
    city: str
    county: str
    township: str
    village: str
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
_PAYING: Final = frozenset({PaymentOrdered, PaymentSettled, PaymentReturned})
_TOUCHES: Final = touches(EVENTS.values())
_ANY: Final = Standing()
_PLACING: Final[frozenset[type[Event]]] = frozenset(
    {HouseholdRegistered, HouseholdSplitFrom, HouseholdMoved, FileHandedOver, ResidenceCorrected}
)
_WANTS: Final = frozenset(TURNS) | _TOUCHES | _PLACING | {ReturnedToMonitoring}
_LATER: Final = _WANTS - {HouseholdRegistered, HouseholdSplitFrom}
DUTY = Table("duty", DutyRow, key=("household", "step", "subject", "month"), reads=of_household(_LATER))
FILE = Table("file", File, key=("household",), reads=of_household(_LATER))


class WorkList(Projection):
    """Every open duty of every household, from the fact that began it to the one that ended it."""

    name = "work_list"
    version = 3
    wants = _WANTS
    tables = (DUTY, FILE)

    def __init__(self) -> None:
        self.duties = Rows(DUTY)
        self.files = Rows(FILE)

    def begin(self, lane: int, household: UUID) -> None:
        self._file = self.files.get(household)
        # what the file says, read when first asked for; limits are written down after the household's last fact
        self._standing: Standing | None = None
        self._limits: list[Limit] | None = None
        self._is_assigned = True

    def on(self, fact: Fact) -> None:
        event, kind = fact.event, fact.kind
        if kind in _PLACING:
            self._place(fact, event)
        file = self._file
        if file is None:
            raise KeyError(fact.household)
        if kind in _PAYING:
            # most facts are payments: no limit runs by them, and nobody's case is handled
            if not self._is_assigned:
                self._assign(file)
            self._turn(fact, file, _ANY)
            return
        standing = self._standing = (self._standing or standing_of(file)).after(event)
        _keep(file, standing, event)
        if kind in _TOUCHES:
            self._limits = _followed(self._limits_of(file), fact)
        self._turn(fact, file, standing)
        _handled(file, fact)
        self._is_assigned = False

    def end(self) -> None:
        file = self._file
        assert file is not None
        if not self._is_assigned:
            self._assign(file)
        if self._limits is not None:
            file.limits = _write(self._limits).decode()

    def _limits_of(self, file: File) -> list[Limit]:
        limits = self._limits
        if limits is None:
            limits = self._limits = _limits_of(file.limits) if file.limits != _NOTHING else []
        return limits

    def _place(self, fact: Fact, event: Any) -> None:
        """A household begins, or lives elsewhere from now on: another office has to act."""
        province, city, county, township, village = _codes(event.region)
        since = event.on if isinstance(event, HouseholdRegistered | FileHandedOver) else event.since
        file = self.files.get(fact.household)
        if file is None:
            self._file = self.files.put(
                File(fact.lane, fact.household, province, city, county, township, village, since)
            )
            return
        if isinstance(event, ResidenceCorrected) and event.was != file.home_since:
            return  # where it once lived
        if file.county != county:
            file.at_county = None
        if file.township != township:
            file.at_township = file.at_village = None
        file.home_since = since
        placed: list[File | DutyRow] = [file, *self.duties.of(fact.household)]
        for row in placed:
            row.province, row.city, row.county = province, city, county
            row.township, row.village = township, village

    def _turn(self, fact: Fact, file: File, standing: Standing) -> None:
        household = fact.household
        ended, begun = turned(fact.event, household, standing, self.duties.of(household))
        if not ended and not begun:
            return
        for row in ended:
            self.duties.drop(row)
        for duty in begun:
            of_case = duty.subject == file.case_id
            category = file.case_category if of_case else file.held
            self.duties.put(
                DutyRow(
                    fact.lane, household, duty.step, duty.subject, duty.month, category or NO_CATEGORY, file.cycle,
                    _officer(file, duty.step), fact.event.on, NO_DAY, None, False, False, fact.version,
                    file.province, file.city, file.county, file.township, file.village,
                )
            )  # fmt: skip

    def _assign(self, file: File) -> None:
        """Say of every open duty of the household who has to do it and by when."""
        self._is_assigned = True
        rows = self.duties.of(file.household)
        limits = self._limits_of(file) if rows else ()
        for row in rows:
            row.officer = _officer(file, row.step)
            limit = limiting(row, limits)
            if limit is None:
                row.due, row.what, row.assumed, row.missed = NO_DAY, None, False, False
            else:
                row.due, row.what = limit.day, limit.what
                row.assumed, row.missed = limit.assumed, limit.missed


def limiting(row: DutyRow, limits: Iterable[Limit]) -> Limit | None:
    """The nearest of the running limits that are the duty's own, or else of those of its case as a whole."""
    mine = [limit for limit in limits if limit.subject == row.subject]
    if not mine:
        return None
    step = STEPS[row.step]
    own = [limit for limit in mine if step.is_limited_by(limit.what)]
    return min(own or [limit for limit in mine if limit.what in TOTALS], key=_day, default=None)


def standing_of(file: File) -> Standing:
    """What the file says of who acts next."""
    missing = frozenset(_words_of(file.missing)) if file.missing != _NOTHING else frozenset()
    held = Category(file.held) if file.held else None
    visits = tuple(_days_of(file.county_visits)) if file.county_visits != _NOTHING else ()
    return Standing(file.delegated, file.looked_at, file.complained_on, visits, missing, held)


def _day(limit: Limit) -> date:
    return limit.day


def _codes(region: str) -> tuple[str, str, str, str, str]:
    return region[:2], region[:4], region[:6], region[:9], region[:12]


def _keep(file: File, standing: Standing, event: Event) -> None:
    if isinstance(event, Applied | TransferStarted):
        file.case_id = event.case
        file.case_category = event.category if isinstance(event, Applied) else event.to
    if isinstance(event, Applied):
        # who handled the case before need not be who handles this one
        file.at_village = file.at_township = file.at_county = None
    if isinstance(event, ReturnedToMonitoring):
        file.cycle = event.cycle
    file.held = standing.held
    file.delegated, file.looked_at = standing.delegated, standing.looked_at
    file.complained_on = standing.complained_on
    file.county_visits = _write(standing.county_visits).decode() if standing.county_visits else _NOTHING
    file.missing = _write(sorted(standing.missing)).decode() if standing.missing else _NOTHING


def _followed(limits: list[Limit], fact: Fact) -> list[Limit]:
    event = fact.event
    if isinstance(event, DeadlineMissed):
        for each in limits:
            each.missed = each.missed or (each.what, each.subject) == (event.what, event.due_subject)
    left = [each for each in limits if not is_met(each.what, each.subject, fact.closed)]
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
    match STEPS[step].office:
        case "village":
            return file.at_village
        case "township":
            return file.at_township
        case "county":
            return file.at_county
    return None

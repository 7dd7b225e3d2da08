"""Statistics (统计流水): what each event adds to the counts, written down beside the event's position.

A tally is written once and never changed. So the counts at a cut are the tallies up to its positions, then and
for ever, however far the projection has gone on; `projections.merging` adds them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from domain.catalogue import answering
from domain.household.event import Event
from domain.household.notions import Count, Notion
from projections.caseload import CHANGING, COUNTED, CountedState, Heads, state_of, text_of
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.rows import Rows, Table, of_household

IN_CATEGORY: Final = "in-category"
"""The tallies whose sum up to a day is how many households and persons a category has on it."""


@dataclass(slots=True)
class TallyRow:
    """What one event adds: acts or households (`homes`), persons (`heads`), money in fen."""

    lane: int
    position: int
    n: int
    household: UUID
    version: int
    what: str
    category: str
    detail: str
    region: str
    day: date
    homes: int
    heads: int
    fen: int


@dataclass(slots=True)
class StandingRow:
    """What the next count of a household needs, as text."""

    lane: int
    household: UUID
    state: str


_STANDS: Final = CHANGING | answering(Notion.CASE)
_COUNTS: Final = answering(Notion.COUNT)
_OF_STANDING: Final = _STANDS | _COUNTS

TALLY = Table("tally", TallyRow, key=("household", "version", "n"), log=True)
STANDING = Table("standing", StandingRow, key=("household",), reads=of_household(_OF_STANDING))


class Statistics(Projection):
    """A tally of every act that is counted, and of every change in who is in a category."""

    name = "statistics"
    version = 2
    reads = (*COUNTED, Notion.CASE, Notion.COUNT, Notion.MONEY)
    leaves = (
        *(Notion.LIMITS, Notion.BENEFIT, Notion.AID, Notion.STAGE, Notion.DUTIES),
        *(Notion.RULING, Notion.PAPER, Notion.FOUND),
    )
    wants = answering(*reads)
    tables = (TALLY, STANDING)

    def __init__(self) -> None:
        self.tallies = Rows(TALLY)
        self.standings = Rows(STANDING)

    def begin(self, lane: int, household: UUID) -> None:
        self._row = self.standings.get(household)
        # read when first asked for, and written down after the household's last fact
        self._heads: Heads | None = None
        self._place = (lane, household)

    def end(self) -> None:
        if self._heads is None:
            return
        state = text_of(self._heads.state(self._cases))
        if self._row is None:
            self.standings.put(STANDING.make(*self._place, state))
        else:
            self._row.state = state

    def on(self, fact: Fact) -> None:
        event, kind = fact.event, fact.kind
        n, category = 0, ""
        count = event.counts() if kind in _COUNTS else None
        if kind in _STANDS or (count is not None and count.case is not None):
            heads = self._standing()
            for day, region, held, homes, persons in heads.follow(event):
                self._tally(fact, n, IN_CATEGORY, held, "", region, day, homes, persons, 0)
                n += 1
            category = self._follow_case(event, count)
        money = fact.money
        if money is not None:
            what, detail = f"money-{money.movement}", money.cause or ""
            count, category = Count(what, money.programme, detail, money.fen), ""
        if count is not None:
            of = category if count.category is None else count.category
            region = fact.meta.region or ""
            self._tally(fact, n, count.what, of, count.detail, region, event.on, 1, 0, count.fen)

    def _standing(self) -> Heads:
        heads = self._heads
        if heads is None:
            standing = state_of(self._row.state) if self._row is not None else CountedState()
            heads = self._heads = Heads(standing)
            self._cases = dict(standing.cases)
        return heads

    def _follow_case(self, event: Event, count: Count | None) -> str:
        """Keep the household's open cases; answers the category of the case that is counted."""
        category = self._cases.get(count.case, "") if count is not None and count.case is not None else ""
        move = event.moves_case()
        if move is not None:
            ends = move.step is not None and move.step.ends
            if move.begins is not None and not ends:
                self._cases[move.case] = str(move.begins)
            elif ends:
                self._cases.pop(move.case, None)
        return category

    def _tally(
        self,
        fact: Fact,
        n: int,
        what: str,
        category: str,
        detail: str,
        region: str,
        day: date,
        homes: int,
        heads: int,
        fen: int,
    ) -> None:
        # the columns of `TallyRow`
        self.tallies.log.append(
            (
                fact.lane, fact.position, n, fact.household, fact.version,
                what, category, detail, region, day, homes, heads, fen,
            )
        )  # fmt: skip

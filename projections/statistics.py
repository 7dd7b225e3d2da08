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
from projections.caseload import CHANGING, COUNTED, Heads, state_of, text_of
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.row_classes import Code, HouseholdRow, Long, Short
from projections.engine.rows import Rows, Table, of_household

IN_CATEGORY: Final = "in-category"
"""The tallies whose sum up to a day is how many households and persons a category has on it."""

_NOTHING: Final = "{}"


@dataclass(slots=True)
class TallyRow(HouseholdRow):
    """What one event adds to the counts of its day: acts, or households more or fewer in a category from the day on
    (`homes`), persons likewise (`heads`), money in fen. Never changed, so that what was known at a cut stays known."""

    position: Long
    n: Short
    version: int
    what: Code
    category: Code
    detail: Code
    region: Code
    day: date
    homes: int = 1
    heads: int = 0
    fen: Long = 0


@dataclass(slots=True)
class StandingRow(HouseholdRow):
    """What the next count of a household needs, as JSON: residence, members, categories, open cases."""

    state: str = _NOTHING


_STANDS: Final = CHANGING | answering(Notion.CASE)
_COUNTS: Final = answering(Notion.COUNT)

TALLY = Table("tally", TallyRow, key=("position", "n"), log=True)
STANDING = Table(
    "standing", StandingRow, key=("household",), reads=of_household(_STANDS | _COUNTS), fillfactor=80
)


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

    def end(self) -> None:
        if self._heads is not None:
            assert self._row is not None
            self._row.state = text_of(self._heads.state(self._cases))

    def on(self, fact: Fact) -> None:
        event, kind = fact.event, fact.kind
        n, category = 0, ""
        count = event.counts() if kind in _COUNTS else None
        if kind in _STANDS or (count is not None and count.case is not None):
            heads = self._standing(fact)
            for n, (day, region, held, homes, persons) in enumerate(heads.follow(event), start=1):
                self.tallies.log.append(
                    TALLY.make(
                        lane=fact.lane,
                        household=fact.household,
                        position=fact.position,
                        n=n - 1,
                        version=fact.version,
                        what=IN_CATEGORY,
                        category=held,
                        detail="",
                        region=region,
                        day=day,
                        homes=homes,
                        heads=persons,
                    )
                )
            category = self._follow_case(event, count)
        money = fact.money
        if money is not None:
            what, detail = f"money-{money.movement}", money.cause or ""
            count, category = Count(what, money.programme, detail, money.fen), ""
        if count is not None:
            self.tallies.log.append(
                TALLY.make(
                    lane=fact.lane,
                    household=fact.household,
                    position=fact.position,
                    n=n,
                    version=fact.version,
                    what=count.what,
                    category=category if count.category is None else count.category,
                    detail=count.detail,
                    region=fact.meta.region or "",
                    day=event.on,
                    fen=count.fen,
                )
            )

    def _standing(self, fact: Fact) -> Heads:
        heads = self._heads
        if heads is None:
            row = self._row
            if row is None:
                row = self._row = self.standings.put(STANDING.make(lane=fact.lane, household=fact.household))
            standing = state_of(row.state)
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

"""The household card (家庭卡片): where it lives, who belongs to it, what it is and receives, what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.catalogue import EVENTS, answering
from domain.household.notions import HomeMove, Notion
from domain.values.spells import Membership
from eventstore.lanes import lane_of
from projections.card_spells import (
    BENEFIT,
    CATEGORY,
    CHANGING,
    HOME,
    LABEL,
    MEMBER,
    SPELLS,
    BenefitRow,
    CategoryRow,
    Home,
    LabelRow,
    Member,
    Spells,
    token,
)
from projections.engine.fact import Fact
from projections.engine.places import codes_of
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.row_classes import Code, PlacedRow
from projections.engine.rows import Rows, Table, of_household
from projections.open_deadlines import NONE, Running, ended, running_of, started, text_of


@dataclass(slots=True)
class Card(PlacedRow):
    """One household: place with its five ancestor codes, head, last step, case under way, next deadline.

    It lies where the family lives now, or lived last. `members` are those whose membership runs; `head` is the
    head among them, or the last one there was, and `head_name` a sealed token of theirs. `provisional` is how it
    was registered. `case_step` is the stored name of the last step of the case under way; `next_due` the earliest day
    among the limits and periods in `running` (JSON). `joined_into` is the household it went on in: its own chain is
    over, lists leave it out. What holds on a day (homes, members, category, label, benefit) stands in the spells
    beside it.
    """

    region: Code
    area: str
    provisional: bool
    registered_on: date
    version: int
    last_on: date
    last_name: str
    last_title: str
    head: UUID | None = None
    head_name: bytes | None = None
    members: int = 0
    cycle: int = 1
    case_id: UUID | None = None
    case_category: str | None = None
    case_since: date | None = None
    case_step: str | None = None
    case_step_on: date | None = None
    next_due: date | None = None
    next_what: str | None = None
    running: str = NONE
    joined_into: UUID | None = None


CARD: Final = Table("card", Card, key=("household",), reads=of_household(EVENTS.values()), fillfactor=70)

_OF_CASE = answering(Notion.CASE)
_PLACING = answering(Notion.HOME)


class Cards(Projection):
    """A card for every household, with its homes, members, categories, labels and benefits as spells."""

    name = "card"
    version = 4
    reads = (Notion.LIMITS, Notion.CASE, *SPELLS)
    leaves = (
        *(Notion.MONEY, Notion.AID, Notion.STAGE, Notion.DUTIES, Notion.COUNT),
        *(Notion.RULING, Notion.PAPER, Notion.FOUND),
    )
    tables = (CARD, HOME, MEMBER, CATEGORY, LABEL, BENEFIT)

    def __init__(self) -> None:
        self.cards = Rows(CARD)
        self.homes = Rows(HOME)
        self.members = Rows(MEMBER)
        self.categories = Rows(CATEGORY)
        self.labels = Rows(LABEL)
        self.benefits = Rows(BENEFIT)
        self.spells = Spells(self.homes, self.members, self.categories, self.labels, self.benefits)

    def begin(self, lane: int, household: UUID) -> None:
        self._card = self.cards.get(household)
        self.spells.begin()
        # read when first asked for, and written down after the household's last fact
        self._running: list[Running] | None = None

    def on(self, fact: Fact) -> None:
        kind = fact.kind
        self._last = fact
        if kind in _PLACING:
            home = fact.event.settles()
            if home is not None and home.begins:
                self._card = self.cards.put(_begun(fact, home))
        card = self._card
        if card is None:
            raise KeyError(fact.household)
        if kind in CHANGING:
            self._change(card, fact)
        if kind in _OF_CASE:
            _follow_case(card, fact)
        if fact.touches_limits:
            running = running_of(card.running) if self._running is None else self._running
            self._running = [*ended(running, fact).rest, *map(started, fact.opened)]

    def end(self) -> None:
        card, last = self._card, self._last
        assert card is not None
        self.spells.settle(last.lane, last.household)
        card.version, card.last_on = last.version, last.event.on
        card.last_name, card.last_title = last.name, last.kind.title
        if self._running is not None:
            card.running = text_of(self._running)
            limits = [each for each in self._running if each.kind != "timer"]
            first = min(limits, key=_day, default=None)
            card.next_due, card.next_what = (first.day, first.what) if first else (None, None)

    def _change(self, card: Card, fact: Fact) -> None:
        before, after = self.spells.follow(fact.household, fact.event, card.cycle, card.joined_into)
        card.cycle, card.joined_into = after.status.cycle, after.lineage.joined_into
        if after.place.residences is not before.place.residences and after.place.residences:
            home = after.place.residences[-1]
            card.region, card.area = home.region, home.area
            card.lies_in(home.region)
        if after.people.members is not before.people.members:
            card.members = sum(member.end is None for member in after.people.members)
            head = _head(after.people.members)
            if head is not None:
                card.head, card.head_name = head.person, token(head.name)


def _begun(fact: Fact, home: HomeMove) -> Card:
    event = fact.event
    return CARD.make(
        lane=fact.lane,
        household=fact.household,
        **codes_of(home.region),
        region=home.region,
        area=home.area,
        provisional=home.provisional,
        registered_on=event.on,
        version=fact.version,
        last_on=event.on,
        last_name=fact.name,
        last_title=event.title,
    )


def _head(members: Iterable[Membership]) -> Membership | None:
    """The head, or whoever was it last."""
    heads = [member for member in members if member.relation == "head"]
    return max(heads, key=lambda head: head.end or date.max, default=None)


def _follow_case(card: Card, fact: Fact) -> None:
    move = fact.event.moves_case()
    if move is None or not move.on_road:
        return
    if move.begins is not None and not (move.step and move.step.ends):
        card.case_id, card.case_since, card.case_category = move.case, fact.event.on, move.begins
    elif card.case_id is None or move.case != card.case_id:
        return
    elif move.step is not None and move.step.ends:
        card.case_id = card.case_category = card.case_since = card.case_step = card.case_step_on = None
        return
    card.case_step, card.case_step_on = fact.name, fact.event.on


def _day(running: Running) -> date:
    return running.day


@dataclass(frozen=True, slots=True)
class WholeCard:
    """A card with its spells, each kind in the order they became known."""

    card: Card
    homes: list[Home]
    members: list[Member]
    categories: list[CategoryRow]
    labels: list[LabelRow]
    benefits: list[BenefitRow]


def top_of(connection: Connection[Any], household: UUID) -> Card | None:
    """The household's card alone, in one statement; None for a household there is not."""
    query = "SELECT {} FROM read_card.card WHERE lane = %b AND household = %b"
    cards = rows_of(connection, Card, query, (lane_of(household), household))
    return cards[0] if cards else None


def card_of(connection: Connection[Any], household: UUID) -> WholeCard | None:
    """The household's card with all its spells; None for a household there is not."""
    card = top_of(connection, household)
    if card is None:
        return None
    place = (lane_of(household), household)
    homes, members, categories, labels, benefits = (
        f"SELECT {{}} FROM read_card.{table} WHERE lane = %b AND household = %b ORDER BY n"
        for table in ("home", "member", "category", "label", "benefit")
    )
    return WholeCard(
        card,
        rows_of(connection, Home, homes, place),
        rows_of(connection, Member, members, place),
        rows_of(connection, CategoryRow, categories, place),
        rows_of(connection, LabelRow, labels, place),
        rows_of(connection, BenefitRow, benefits, place),
    )

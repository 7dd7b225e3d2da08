"""The household card (家庭卡片): where it lives, who belongs to it, what it is and receives, what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.catalogue import EVENTS
from domain.clock.supervision import DeadlineMissed
from domain.correction.day_correction import NoticeDayCorrected
from domain.correction.fact_correction import IncomeCorrected, VisitDayCorrected
from domain.correction.irregular import IrregularlyConfirmed
from domain.decision.confirmation import ApplicationRefused, DibaoConfirmed
from domain.decision.extension import LimitExtended
from domain.decision.transfer import MarginalConfirmed, TransferStarted
from domain.household.event import Event
from domain.inquiry.sampling import SampleChecked, SampleDrawn
from domain.inquiry.verification import ResultToBeTold
from domain.intake.application import Applied, ProcedureEnded
from domain.intake.application_closure import ApplicationNotAccepted, ApplicationWithdrawn
from domain.intake.application_place import ApplicationPlaced
from domain.intake.completeness import SupplementTermSet
from domain.intake.mandate import AgentMandated, MandateRevoked
from domain.intake.proactive_discovery import HelpedToApply
from domain.intake.relatives import RelativeRegistered
from domain.members.registration import HouseholdRegistered
from domain.members.split import HouseholdSplitFrom
from domain.values.spells import Membership
from eventstore.lanes import lane_of
from projections.card_spells import (
    BENEFIT,
    CATEGORY,
    CHANGING,
    HOME,
    LABEL,
    MEMBER,
    BenefitRow,
    CategoryRow,
    Home,
    LabelRow,
    Member,
    Spells,
    token,
)
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.rows import Rows, Table, of_household
from projections.open_deadlines import NONE, Running, part, running_of, started, text_of, touches


@dataclass(slots=True)
class Card:
    """One household: place with its five ancestor codes, head, last step, case under way, next deadline.

    It lies where the family lives now, or lived last. `members` are those whose membership runs; `head` is the
    head among them, or the last one there was, and `head_name` a sealed token of theirs. `provisional` is how it
    was registered. `joined_into` is the household it went on in: its own chain is over. What holds on a day
    (homes, members, category, label, benefit) stands in the spells beside it.
    """

    lane: int
    household: UUID
    region: str
    province: str
    city: str
    county: str
    township: str
    village: str
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

    def lies_in(self, region: str, area: str) -> None:
        """Put the card where the household lives: under the five codes of the village."""
        self.region, self.area = region, area
        self.province, self.city, self.county = region[:2], region[:4], region[:6]
        self.township, self.village = region[:9], region[:12]


CARD: Final = Table("card", Card, key=("household",), reads=of_household(EVENTS.values()))

_TOUCHES = touches(EVENTS.values())
_OF_CASE = frozenset(kind for kind in EVENTS.values() if "case" in {field.name for field in fields(kind)})  # type: ignore[arg-type]
_ENDS_CASE: tuple[type[Event], ...] = (
    DibaoConfirmed,
    MarginalConfirmed,
    IrregularlyConfirmed,
    ApplicationRefused,
    ApplicationNotAccepted,
    ApplicationWithdrawn,
    ProcedureEnded,
)
# said of a case, and yet no step on its road: a case waits for its opinion also after a sample was drawn
_BESIDE_THE_ROAD: frozenset[type[Event]] = frozenset(
    {
        *(ApplicationPlaced, HelpedToApply, AgentMandated, MandateRevoked, RelativeRegistered),
        *(SupplementTermSet, ResultToBeTold, LimitExtended, SampleDrawn, SampleChecked),
        *(IncomeCorrected, VisitDayCorrected, NoticeDayCorrected),
    }
)


class Cards(Projection):
    """A card for every household, with its homes, members, categories, labels and benefits as spells."""

    name = "card"
    version = 3
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
        if kind is HouseholdRegistered or kind is HouseholdSplitFrom:
            self._card = self.cards.put(_begun(fact, fact.event))  # type: ignore[arg-type]
        card = self._card
        if card is None:
            raise KeyError(fact.household)
        if kind in CHANGING:
            self._change(card, fact)
        if kind in _OF_CASE:
            _follow_case(card, fact)
        if kind in _TOUCHES and (fact.opened or fact.closed or kind is DeadlineMissed):
            running = running_of(card.running) if self._running is None else self._running
            self._running = _followed(running, fact)

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
        card.cycle, card.joined_into = after.cycle, after.joined_into
        if after.residences is not before.residences and after.residences:
            home = after.residences[-1]
            card.lies_in(home.region, home.area)
        if after.members is not before.members:
            card.members = sum(member.end is None for member in after.members)
            head = _head(after.members)
            if head is not None:
                card.head, card.head_name = head.person, token(head.name)


def _begun(fact: Fact, event: HouseholdRegistered | HouseholdSplitFrom) -> Card:
    code = event.region
    provisional = isinstance(event, HouseholdRegistered) and event.provisional
    return CARD.make(
        fact.lane,
        fact.household,
        *(code, code[:2], code[:4], code[:6], code[:9], code[:12]),
        event.area,
        provisional,
        event.on,
        fact.version,
        event.on,
        fact.name,
        event.title,
    )


def _head(members: Iterable[Membership]) -> Membership | None:
    """The head, or whoever was it last."""
    heads = [member for member in members if member.relation == "head"]
    return max(heads, key=lambda head: head.end or date.max, default=None)


def _follow_case(card: Card, fact: Fact) -> None:
    event = fact.event
    if isinstance(event, Applied | TransferStarted):
        card.case_id, card.case_since = event.case, event.on
        card.case_category = event.category if isinstance(event, Applied) else event.to
    elif card.case_id is None or event.case != card.case_id:  # type: ignore[attr-defined]
        return
    elif isinstance(event, _ENDS_CASE):
        card.case_id = card.case_category = card.case_since = card.case_step = card.case_step_on = None
        return
    elif type(event) in _BESIDE_THE_ROAD:
        return
    card.case_step, card.case_step_on = fact.name, event.on


def _followed(running: list[Running], fact: Fact) -> list[Running]:
    event = fact.event
    if isinstance(event, DeadlineMissed):
        for each in running:
            each.missed = each.missed or (each.what, each.subject) == (event.what, event.due_subject)
    _, rest = part(running, fact.closed)
    return [*rest, *map(started, fact.opened)]


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
    where = "WHERE lane = %b AND household = %b ORDER BY n"
    return WholeCard(
        card,
        rows_of(connection, Home, f"SELECT {{}} FROM read_card.home {where}", place),
        rows_of(connection, Member, f"SELECT {{}} FROM read_card.member {where}", place),
        rows_of(connection, CategoryRow, f"SELECT {{}} FROM read_card.category {where}", place),
        rows_of(connection, LabelRow, f"SELECT {{}} FROM read_card.label {where}", place),
        rows_of(connection, BenefitRow, f"SELECT {{}} FROM read_card.benefit {where}", place),
    )

"""The household card (家庭卡片): where it lives, who belongs to it, what it is and receives, what comes next."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.catalogue import EVENTS
from domain.decision import ApplicationRefused, DibaoConfirmed
from domain.exit import BenefitTerminated
from domain.grace import GraceGranted
from domain.intake import Applied, ProcedureEnded
from domain.membership import HouseholdRegistered, MemberAdded
from domain.message import Event
from domain.monitoring import ReturnedToMonitoring
from domain.spells import Category, Label
from domain.supervision import DeadlineMissed
from domain.transfer import MarginalConfirmed, TransferStarted
from eventstore.lanes import lane_of
from projections.engine.projection import Fact, Projection
from projections.engine.queries import rows_of
from projections.engine.rows import Rows, Table, of_household
from projections.running import NONE, Running, part, running_of, started, text_of, touches


@dataclass(slots=True)
class Card:
    """One household: place with its five ancestor codes, head, last step, case under way, next deadline.

    `head_name` is a sealed token owned by `head`. What holds on a day (category, labels, benefit) stands in the
    spells beside it.
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


@dataclass(slots=True)
class Member:
    """One member over `[since, until)`; `name` and `id_number` are sealed tokens owned by the person."""

    lane: int
    household: UUID
    person: UUID
    version: int
    relation: str
    birth: date | None
    sex: str | None
    student: bool
    disability: str | None
    work_capacity: str
    name: bytes | None
    id_number: bytes | None
    since: date
    until: date | None


@dataclass(slots=True)
class CategoryRow:
    """One category over `[since, until)`, of the household (`person` None) or of one person."""

    lane: int
    household: UUID
    version: int
    person: UUID | None
    category: str
    since: date
    until: date | None


@dataclass(slots=True)
class LabelRow:
    """One label over `[since, until)`."""

    lane: int
    household: UUID
    version: int
    label: str
    since: date
    until: date | None


@dataclass(slots=True)
class BenefitRow:
    """A monthly benefit in fen from `first_month` to `last_month`, both included (None: running)."""

    lane: int
    household: UUID
    version: int
    benefit: UUID
    kind: str
    fen: int
    first_month: str
    last_month: str | None


_SPELL = ("household", "version")
CARD = Table("card", Card, key=("household",), reads=of_household(EVENTS.values()))
MEMBER = Table("member", Member, key=("household", "person", "version"))
CATEGORY = Table("category", CategoryRow, key=_SPELL, reads=of_household((DibaoConfirmed, BenefitTerminated)))
LABEL = Table(
    "label",
    LabelRow,
    key=_SPELL,
    reads=of_household((DibaoConfirmed, MarginalConfirmed, BenefitTerminated)),
)
BENEFIT = Table("benefit", BenefitRow, key=_SPELL, reads=of_household((BenefitTerminated,)))

_TOUCHES = touches(EVENTS.values())
_OF_CASE = frozenset(kind for kind in EVENTS.values() if "case" in {field.name for field in fields(kind)})  # type: ignore[arg-type]
_ENDS_CASE: tuple[type[Event], ...] = (DibaoConfirmed, MarginalConfirmed, ApplicationRefused, ProcedureEnded)


class Cards(Projection):
    """A card for every household, with its members, categories, labels and benefits as spells."""

    name = "card"
    version = 1
    tables = (CARD, MEMBER, CATEGORY, LABEL, BENEFIT)

    def __init__(self) -> None:
        self.cards = Rows(CARD)
        self.members = Rows(MEMBER)
        self.categories = Rows(CATEGORY)
        self.labels = Rows(LABEL)
        self.benefits = Rows(BENEFIT)

    def on(self, fact: Fact) -> None:
        event = fact.event
        kind = type(event)
        change = _CHANGES.get(kind)
        if change is not None:
            change(self, fact, event)
        card = self.cards[fact.household]
        card.version, card.last_on, card.last_name, card.last_title = (
            fact.version,
            event.on,
            fact.name,
            kind.title,
        )
        if kind in _OF_CASE:
            _follow_case(card, fact)
        if kind in _TOUCHES:
            _follow_deadlines(card, fact)

    def _registered(self, fact: Fact, event: HouseholdRegistered) -> None:
        code = event.region
        self.cards.put(
            Card(
                lane=fact.lane,
                household=fact.household,
                region=code,
                province=code[:2],
                city=code[:4],
                county=code[:6],
                township=code[:9],
                village=code[:12],
                area=event.area,
                provisional=event.provisional,
                registered_on=event.on,
                version=fact.version,
                last_on=event.on,
                last_name=fact.name,
                last_title=event.title,
            )
        )

    def _member_added(self, fact: Fact, event: MemberAdded) -> None:
        card = self.cards[fact.household]
        card.members += 1
        if event.relation == "head":
            card.head, card.head_name = event.person, event.name.token
        disability = event.disability
        self.members.put(
            Member(
                fact.lane,
                fact.household,
                event.person,
                fact.version,
                event.relation,
                event.birth,
                event.sex,
                event.student,
                f"{disability.kind}/{disability.grade}" if disability else None,
                event.work_capacity,
                event.name.token,
                event.id_number.token if event.id_number is not None else None,
                event.on,
                None,
            )
        )

    def _dibao_confirmed(self, fact: Fact, event: DibaoConfirmed) -> None:
        self._end_categories(fact.household, event.on)
        self._begin(fact, Category.DIBAO, event.on)
        self._end_watch(fact.household, event.on)
        self.benefits.put(
            BenefitRow(
                fact.lane,
                fact.household,
                fact.version,
                event.benefit,
                Category.DIBAO,
                event.fen,
                str(event.first),
                None,
            )
        )

    def _marginal_confirmed(self, fact: Fact, event: MarginalConfirmed) -> None:
        self._begin(fact, Category.MARGINAL, event.start)
        self._end_watch(fact.household, event.start)

    def _terminated(self, fact: Fact, event: BenefitTerminated) -> None:
        day, last = event.from_month.first_day, str(event.from_month + -1)
        self._end_categories(fact.household, day)
        for label in self.labels.of(fact.household):
            if label.label == Label.GRACE and label.until is not None and label.until > day:
                label.until = max(day, label.since)
        for benefit in self.benefits.of(fact.household):
            benefit.last_month = benefit.last_month or last

    def _grace_granted(self, fact: Fact, event: GraceGranted) -> None:
        months = event.months
        self._mark(fact, Label.GRACE, months.first.first_day, (months.last + 1).first_day)

    def _returned(self, fact: Fact, event: ReturnedToMonitoring) -> None:
        self.cards[fact.household].cycle = event.cycle
        self._mark(fact, event.watch, event.on, None)

    def _begin(self, fact: Fact, category: Category, since: date) -> None:
        row = CategoryRow(fact.lane, fact.household, fact.version, None, category, since, None)
        self.categories.put(row)

    def _mark(self, fact: Fact, label: Label, since: date, until: date | None) -> None:
        self.labels.put(LabelRow(fact.lane, fact.household, fact.version, label, since, until))

    def _end_categories(self, household: UUID, day: date) -> None:
        """As `domain.household.ended`: what runs on `day` ends there; what has not begun by then falls away."""
        for spell in self.categories.of(household):
            if spell.since >= day and spell.until is None:
                self.categories.drop(spell)
            elif spell.until is None or spell.until > day:
                spell.until = day

    def _end_watch(self, household: UUID, day: date) -> None:
        """As `domain.decision.watch_ended`: an exited or refused family is aided again."""
        for label in self.labels.of(household):
            watched = label.label in (Label.EXITED, Label.REFUSED)
            if watched and label.since <= day and (label.until is None or day < label.until):
                label.until = day


_CHANGES: dict[type[Event], Any] = {
    HouseholdRegistered: Cards._registered,
    MemberAdded: Cards._member_added,
    DibaoConfirmed: Cards._dibao_confirmed,
    MarginalConfirmed: Cards._marginal_confirmed,
    BenefitTerminated: Cards._terminated,
    GraceGranted: Cards._grace_granted,
    ReturnedToMonitoring: Cards._returned,
}


def _follow_case(card: Card, fact: Fact) -> None:
    event = fact.event
    if isinstance(event, Applied | TransferStarted):
        card.case_id, card.case_since = event.case, event.on
        card.case_category = event.category if isinstance(event, Applied) else event.to
    elif event.case != card.case_id:  # type: ignore[attr-defined]
        return
    elif isinstance(event, _ENDS_CASE):
        card.case_id = card.case_category = card.case_since = card.case_step = card.case_step_on = None
        return
    card.case_step, card.case_step_on = fact.name, event.on


def _follow_deadlines(card: Card, fact: Fact) -> None:
    event = fact.event
    running = running_of(card.running)
    if isinstance(event, DeadlineMissed):
        for each in running:
            each.missed = each.missed or (each.what, each.subject) == (event.what, event.due_subject)
    _, rest = part(running, fact.closed)
    rest += map(started, fact.opened)
    card.running = text_of(rest)
    first = min((each for each in rest if each.kind != "timer"), key=_day, default=None)
    card.next_due, card.next_what = (first.day, first.what) if first else (None, None)


def _day(running: Running) -> date:
    return running.day


@dataclass(frozen=True, slots=True)
class WholeCard:
    """A card with its members and spells, each in the order they began."""

    card: Card
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
    where = "WHERE lane = %b AND household = %b ORDER BY version"
    return WholeCard(
        card,
        rows_of(connection, Member, f"SELECT {{}} FROM read_card.member {where}", place),
        rows_of(connection, CategoryRow, f"SELECT {{}} FROM read_card.category {where}", place),
        rows_of(connection, LabelRow, f"SELECT {{}} FROM read_card.label {where}", place),
        rows_of(connection, BenefitRow, f"SELECT {{}} FROM read_card.benefit {where}", place),
    )

"""The benefit statement (幸福清单): everything a household and its persons were given, on one sheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.catalogue import answering
from domain.household.notions import AidMove, BenefitChange, MoneyMove, Notion, StatusChange
from eventstore.lanes import lane_of
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.row_classes import HouseholdRow, Long, Short
from projections.engine.rows import Rows, Table, of_household


@dataclass(slots=True)
class Holding(HouseholdRow):
    """What the household (`person` None) or one person has over `[since, until)`, given by step `version`.

    `kind` is category, benefit (`fen` a month), label or specialised-aid; `code` which of them; `organ` who
    decided it. `n` is its number among those of the step.
    """

    version: int
    n: Short
    kind: str
    code: str
    since: date
    organ: str | None
    person: UUID | None = None
    subject: UUID | None = None
    fen: Long | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        """Whether it covers a day."""
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(slots=True)
class Aid(HouseholdRow):
    """One temporary aid in fen; `state` is granted, ordered, settled or returned, since `state_on`."""

    aid: UUID
    version: int
    type: str
    fen: Long
    granted_on: date
    state: str
    state_on: date
    organ: str | None


@dataclass(slots=True)
class Paid(HouseholdRow):
    """What arrived (settled) or came back (returned) in a year of one kind, in fen and number of payments."""

    year: int
    kind: str
    state: str
    fen: Long = 0
    count: int = 0


_HELD: Final = answering(Notion.STATUS, Notion.BENEFIT)
_MONEY: Final = answering(Notion.MONEY)


def _aid(fact: Fact) -> tuple[Any, ...] | None:
    money = fact.money
    return (fact.household, money.benefit) if money is not None and money.payment is not None else None


def _paid(fact: Fact) -> tuple[Any, ...] | None:
    money = fact.money
    if money is None or money.payment is None or money.movement == "ordered":
        return None
    return (fact.household, fact.event.on.year, money.programme, money.movement)


HOLDING = Table("holding", Holding, key=("household", "version", "n"), reads=of_household(_HELD))
AID = Table("aid", Aid, key=("household", "aid"), reads=dict.fromkeys(_MONEY, _aid))
PAID = Table(
    "paid",
    Paid,
    key=("household", "year", "kind", "state"),
    reads=dict.fromkeys(_MONEY, _paid),
    fillfactor=80,
)


class BenefitStatements(Projection):
    """What each household was given: categories, benefits, labels, aids, and the money that arrived, by year."""

    name = "benefit_statement"
    version = 2
    reads = (Notion.STATUS, Notion.BENEFIT, Notion.MONEY, Notion.AID, Notion.CYCLE)
    leaves = (
        *(Notion.LIMITS, Notion.CASE, Notion.HOME, Notion.MEMBERS, Notion.STAGE),
        *(Notion.DUTIES, Notion.COUNT, Notion.RULING, Notion.PAPER, Notion.FOUND),
    )
    wants = answering(*reads)
    tables = (HOLDING, AID, PAID)

    def __init__(self) -> None:
        self.holdings = Rows(HOLDING)
        self.aids = Rows(AID)
        self.paid = Rows(PAID)

    def begin(self, lane: int, household: UUID) -> None:
        # the household's sums by year, kind and state, as far as they were asked for
        self._paid: dict[tuple[int, str, str], Paid] = {}

    def on(self, fact: Fact) -> None:
        money = fact.money
        if money is not None and money.payment is not None:
            self._pay(fact, money)
            return
        event = fact.event
        aid, status, benefit = event.moves_aid(), event.changes_status(), event.changes_benefit()
        if aid is not None and aid.move == "granted":
            self._grant(fact, aid)
        if status is not None:
            self._change_status(fact, status)
        if benefit is not None:
            self._change_benefit(fact, benefit)

    def _pay(self, fact: Fact, money: MoneyMove) -> None:
        on = fact.event.on
        aid = self.aids.get((fact.household, money.benefit))
        if aid is not None:
            aid.state, aid.state_on = money.movement, on
        if money.movement == "ordered":
            return
        key = year, kind, state = on.year, str(money.programme), str(money.movement)
        row = self._paid.get(key)
        if row is None:
            row = self.paid.get((fact.household, *key)) or self.paid.put(
                PAID.make(lane=fact.lane, household=fact.household, year=year, kind=kind, state=state)
            )
            self._paid[key] = row
        row.fen += money.fen
        row.count += 1

    def _grant(self, fact: Fact, aid: AidMove) -> None:
        on = fact.event.on
        self.aids.put(
            AID.make(
                lane=fact.lane,
                household=fact.household,
                aid=aid.aid,
                version=fact.version,
                type=aid.kind,
                fen=aid.fen or 0,
                granted_on=on,
                state="granted",
                state_on=on,
                organ=aid.organ,
            )
        )

    def _change_status(self, fact: Fact, change: StatusChange) -> None:
        household, day, organ = fact.household, change.ends_on, change.organ
        if day is not None:
            persons = change.persons or (None,)
            for kind in ("category", "specialised-aid"):
                self._end([each for each in self._of(household, kind) if each.person in persons], day)
            labels = [each for each in self._of(household, "label") if each.code in change.ends_labels]
            if fact.event.goes_on_in() is not None:
                self._end(labels, day)
            else:
                _cut(labels, day)
        confirmed, labelled = change.confirmed, change.labelled
        if confirmed is not None:
            since = confirmed.since
            category = self._give(fact, "category", str(confirmed.category), since, organ)
            category.subject, category.person = confirmed.subject, confirmed.person
            for code in confirmed.aids:
                self._give(fact, "specialised-aid", code, since, organ).person = confirmed.person
        if labelled is not None:
            label = self._give(fact, "label", labelled.label, labelled.since, organ)
            label.subject, label.until = labelled.subject, labelled.until

    def _change_benefit(self, fact: Fact, change: BenefitChange) -> None:
        if change.ends_before is not None:
            day = change.ends_before.first_day
            for each in self._of(fact.household, "benefit"):
                if change.replaces is None:
                    each.until = each.until or day
                elif each.subject == change.replaces:
                    self._end([each], day)
        begun = change.begun
        if begun is not None:
            benefit = self._give(fact, "benefit", begun.programme, begun.first.first_day, change.organ)
            benefit.subject, benefit.fen = begun.benefit, begun.fen

    def _give(self, fact: Fact, kind: str, code: str, since: date, organ: str | None) -> Holding:
        return self.holdings.put(
            HOLDING.make(
                lane=fact.lane,
                household=fact.household,
                version=fact.version,
                n=sum(each.version == fact.version for each in self.holdings.of(fact.household)),
                kind=kind,
                code=code,
                since=since,
                organ=organ,
            )
        )

    def _of(self, household: UUID, kind: str) -> list[Holding]:
        # a list, as rows may be dropped on the way
        return [each for each in self.holdings.of(household) if each.kind == kind]

    def _end(self, holdings: list[Holding], day: date) -> None:
        """As `domain.values.spells.ended`: what runs on `day` ends there; what has not begun by then falls away."""
        for each in holdings:
            if each.since >= day and each.until is None:
                self.holdings.drop(each)
            elif each.until is None or each.until > day:
                each.until = day


def _cut(labels: list[Holding], day: date) -> None:
    """A label that runs ends on the day; one that was to run for a time from later on never does."""
    for label in labels:
        if label.holds(day):
            label.until = day
        elif label.since > day and label.until is not None:
            label.until = label.since


@dataclass(frozen=True, slots=True)
class BenefitStatement:
    """A household's statement as of a day: all it holds and held, aids, and totals by year, each in its order."""

    household: UUID
    on: date
    holdings: list[Holding]
    aids: list[Aid]
    years: list[Paid]

    @property
    def current(self) -> list[Holding]:
        """What is held on the day."""
        return [each for each in self.holdings if each.holds(self.on)]

    @property
    def monthly(self) -> int:
        """What is due for the month of the day, in fen."""
        return sum(each.fen or 0 for each in self.current if each.kind == "benefit")

    @property
    def received(self) -> int:
        """What has arrived in all, in fen."""
        return sum(each.fen for each in self.years if each.state == "settled")


def statement_of(connection: Connection[Any], household: UUID, today: date) -> BenefitStatement:
    """What a household was given, and what of it holds today; empty for one that was given nothing."""
    place = (lane_of(household), household)
    holdings, aids, years = (
        f"SELECT {{}} FROM read_benefit_statement.{table} WHERE lane = %b AND household = %b ORDER BY {order}"
        for table, order in (
            ("holding", "since, version, n"),
            ("aid", "granted_on, version"),
            ("paid", "year, kind, state"),
        )
    )
    return BenefitStatement(
        household,
        today,
        rows_of(connection, Holding, holdings, place),
        rows_of(connection, Aid, aids, place),
        rows_of(connection, Paid, years, place),
    )

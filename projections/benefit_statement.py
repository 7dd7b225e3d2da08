"""The benefit statement (幸福清单): everything a household and its persons were given, on one sheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.aid.payments import PaymentOrdered, PaymentReturned, PaymentSettled
from domain.aid.temporary_aid import TemporaryAidGranted
from domain.change.adjustment import BenefitAdjusted
from domain.change.grace import GraceGranted
from domain.change.monitoring import ReturnedToMonitoring
from domain.change.termination import BenefitTerminated
from domain.correction.irregular import IrregularlyConfirmed, IrregularlyEnded
from domain.decision.confirmation import DibaoConfirmed
from domain.decision.transfer import MarginalConfirmed
from domain.household.event import Event
from domain.household.memberships import last_month
from domain.members.joining import JoinedInto
from domain.values.receipt import Decision
from domain.values.spells import Category, Label
from eventstore.lanes import lane_of
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.rows import Rows, Table, of_household


@dataclass(slots=True)
class Holding:
    """What the household (`person` None) or one person has over `[since, until)`.

    `kind` is category, benefit (`fen` a month), label or specialised-aid; `code` which of them; `organ` who
    decided it.
    """

    lane: int
    household: UUID
    version: int
    n: int
    kind: str
    code: str
    person: UUID | None
    subject: UUID | None
    fen: int | None
    since: date
    until: date | None
    organ: str | None

    def holds(self, day: date) -> bool:
        """Whether it covers a day."""
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(slots=True)
class Aid:
    """One temporary aid in fen; `state` is granted, ordered, settled or returned, since `state_on`."""

    lane: int
    household: UUID
    aid: UUID
    version: int
    type: str
    fen: int
    granted_on: date
    state: str
    state_on: date
    organ: str | None


@dataclass(slots=True)
class Paid:
    """What arrived (settled) or came back (returned) in a year of one kind, in fen and number of payments."""

    lane: int
    household: UUID
    year: int
    kind: str
    state: str
    fen: int
    count: int


Paying = PaymentOrdered | PaymentSettled | PaymentReturned
_STATES: dict[type[Event], str] = {
    PaymentOrdered: "ordered",
    PaymentSettled: "settled",
    PaymentReturned: "returned",
}
_ENDING: tuple[type[Event], ...] = (
    DibaoConfirmed,
    MarginalConfirmed,
    IrregularlyConfirmed,
    BenefitAdjusted,
    BenefitTerminated,
    IrregularlyEnded,
    JoinedInto,
)


def _aid(fact: Fact) -> tuple[Any, ...] | None:
    event = fact.event
    assert isinstance(event, Paying)
    return (fact.household, event.benefit) if event.kind == "TEMPORARY" else None


def _paid(fact: Fact) -> tuple[Any, ...]:
    event = fact.event
    assert isinstance(event, Paying)
    return (fact.household, event.on.year, event.kind, _STATES[type(event)])


HOLDING = Table("holding", Holding, key=("household", "version", "n"), reads=of_household(_ENDING))
AID = Table("aid", Aid, key=("household", "aid"), reads=dict.fromkeys(_STATES, _aid))
PAID = Table(
    "paid",
    Paid,
    key=("household", "year", "kind", "state"),
    reads=dict.fromkeys((PaymentSettled, PaymentReturned), _paid),
)


class BenefitStatements(Projection):
    """What each household was given: categories, benefits, labels, aids, and the money that arrived, by year."""

    name = "benefit_statement"
    version = 1
    wants = frozenset({*_STATES, *_ENDING, TemporaryAidGranted, GraceGranted, ReturnedToMonitoring})
    tables = (HOLDING, AID, PAID)

    def __init__(self) -> None:
        self.holdings = Rows(HOLDING)
        self.aids = Rows(AID)
        self.paid = Rows(PAID)

    def begin(self, lane: int, household: UUID) -> None:
        # the household's sums by year, kind and state, as far as they were asked for
        self._paid: dict[tuple[int, str, str], Paid] = {}

    def on(self, fact: Fact) -> None:
        if fact.kind in _STATES:
            self._pay(fact, fact.event)  # type: ignore[arg-type]
            return
        match fact.event:
            case TemporaryAidGranted() as event:
                self.aids.put(
                    AID.make(
                        fact.lane, fact.household, event.aid, fact.version, event.type, event.fen, event.on,
                        "granted", event.on, event.decision.decider.organ,
                    )
                )  # fmt: skip
            case DibaoConfirmed() as event:
                self._end(fact.household, "category", event.on)
                self._end(fact.household, "specialised-aid", event.on)
                self._end_watch(fact.household, event.on)
                self._give(fact, 0, "category", Category.DIBAO, event.on, None, event.decision)
                self._give(
                    fact, 1, "benefit", Category.DIBAO, event.first.first_day, None, event.decision,
                    subject=event.benefit, fen=event.fen,
                )  # fmt: skip
            case MarginalConfirmed() as event:
                self._end_watch(fact.household, event.start)
                self._give(fact, 0, "category", Category.MARGINAL, event.start, None, event.decision)
                for n, code in enumerate(event.eligible_for, start=1):
                    self._give(fact, n, "specialised-aid", code, event.start, None, event.decision)
            case IrregularlyConfirmed() as event:
                self._end(fact.household, "category", event.start)
                self._end(fact.household, "specialised-aid", event.start)
                self._end_watch(fact.household, event.start)
                self._give(
                    fact, 0, "category", event.category, event.start, None, None, subject=event.irregular
                )
                if event.benefit is not None and event.first is not None:
                    self._give(
                        fact, 1, "benefit", event.category, event.first.first_day, None, None,
                        subject=event.benefit, fen=event.fen,
                    )  # fmt: skip
            case BenefitAdjusted() as event:
                self._adjust(fact, event)
            case BenefitTerminated() | IrregularlyEnded() as event:
                self._terminate(fact.household, event.from_month.first_day)
            case JoinedInto() as event:
                self._end(fact.household, "category", event.since)
                self._end(fact.household, "specialised-aid", event.since)
                self._end(fact.household, "label", event.since)
                for benefit in self._of(fact.household, "benefit"):
                    benefit.until = benefit.until or (last_month(event.since) + 1).first_day
            case GraceGranted() as event:
                since, until = event.months.first.first_day, (event.months.last + 1).first_day
                self._give(fact, 0, "label", Label.GRACE, since, until, event.decision, subject=event.grace)
            case ReturnedToMonitoring() as event:
                self._give(fact, 0, "label", event.watch, event.on, None, None, subject=event.after)

    def _give(
        self,
        fact: Fact,
        n: int,
        kind: str,
        code: str,
        since: date,
        until: date | None,
        decision: Decision | None,
        *,
        subject: UUID | None = None,
        fen: int | None = None,
        person: UUID | None = None,
    ) -> None:
        organ = decision.decider.organ if decision else None
        self.holdings.put(
            HOLDING.make(
                fact.lane, fact.household, fact.version, n, kind, code, person, subject, fen, since, until, organ
            )
        )  # fmt: skip

    def _of(self, household: UUID, kind: str) -> list[Holding]:
        # a list, as rows may be dropped on the way
        return [each for each in self.holdings.of(household) if each.kind == kind]

    def _end(self, household: UUID, kind: str, day: date) -> None:
        """As `domain.values.spells.ended`: what runs on `day` ends there; what has not begun by then falls away."""
        for each in self._of(household, kind):
            if each.since >= day and each.until is None:
                self.holdings.drop(each)
            elif each.until is None or each.until > day:
                each.until = day

    def _end_watch(self, household: UUID, day: date) -> None:
        """As `domain.decision.confirmation.watch_ended`: an exited or refused family is aided again."""
        for each in self._of(household, "label"):
            if each.code in (Label.EXITED, Label.REFUSED) and each.holds(day):
                each.until = day

    def _terminate(self, household: UUID, day: date) -> None:
        self._end(household, "category", day)
        self._end(household, "specialised-aid", day)
        for benefit in self._of(household, "benefit"):
            benefit.until = benefit.until or day
        for label in self._of(household, "label"):
            if label.code == Label.GRACE and label.until is not None and label.until > day:
                label.until = max(day, label.since)

    def _adjust(self, fact: Fact, event: BenefitAdjusted) -> None:
        if event.direction == "unchanged":
            return
        day = event.first.first_day
        for benefit in self._of(fact.household, "benefit"):
            if benefit.subject == event.replaces:
                if benefit.since < day:
                    benefit.until = day
                else:
                    self.holdings.drop(benefit)
        self._give(
            fact, 0, "benefit", Category.DIBAO, day, None, event.decision,
            subject=event.benefit, fen=event.fen,
        )  # fmt: skip

    def _pay(self, fact: Fact, event: Paying) -> None:
        state = _STATES[fact.kind]
        if event.kind == "TEMPORARY":
            aid = self.aids[fact.household, event.benefit]
            aid.state, aid.state_on = state, event.on
        if state == "ordered":
            return
        key = (event.on.year, event.kind, state)
        row = self._paid.get(key)
        if row is None:
            whole = (fact.household, *key)
            row = self.paid.get(whole) or self.paid.put(PAID.make(fact.lane, *whole, 0, 0))
            self._paid[key] = row
        row.fen += event.fen
        row.count += 1


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
    where = "WHERE lane = %b AND household = %b ORDER BY"
    return BenefitStatement(
        household,
        today,
        rows_of(
            connection,
            Holding,
            f"SELECT {{}} FROM read_benefit_statement.holding {where} since, version, n",
            place,
        ),
        rows_of(
            connection,
            Aid,
            f"SELECT {{}} FROM read_benefit_statement.aid {where} granted_on, version",
            place,
        ),
        rows_of(
            connection,
            Paid,
            f"SELECT {{}} FROM read_benefit_statement.paid {where} year, kind, state",
            place,
        ),
    )

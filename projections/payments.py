"""Payments (发放): one row a payment of a household, and what was paid in all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.aid.payments import PaymentOrdered, PaymentReturned, PaymentSettled
from eventstore.lanes import lane_of
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.rows import Rows, Table
from projections.months import text_of


@dataclass(slots=True)
class Payment:
    """One payment in fen: `state` is ordered, settled or returned; `answered_on` the day of the bank's word."""

    lane: int
    household: UUID
    payment: UUID
    kind: str
    benefit: UUID
    month: str
    fen: int
    state: str
    ordered_on: date
    answered_on: date | None
    cause: str | None
    run: UUID | None
    version: int


def _payment(fact: Fact) -> tuple[UUID, UUID]:
    event = fact.event
    assert isinstance(event, PaymentSettled | PaymentReturned)
    return (fact.household, event.payment)


PAYMENT = Table(
    "payment",
    Payment,
    key=("household", "payment"),
    reads={PaymentSettled: _payment, PaymentReturned: _payment},
    fresh=True,
)


class Payments(Projection):
    """Every payment from its order to the bank's answer."""

    name = "payments"
    version = 1
    wants = frozenset({PaymentOrdered, PaymentSettled, PaymentReturned})
    tables = (PAYMENT,)

    def __init__(self) -> None:
        self.payments = Rows(PAYMENT)

    def on(self, fact: Fact) -> None:
        match fact.event:
            case PaymentOrdered() as event:
                self.payments.put(
                    PAYMENT.make(
                        fact.lane,
                        fact.household,
                        event.payment,
                        event.kind,
                        event.benefit,
                        text_of(event.month),
                        event.fen,
                        "ordered",
                        event.on,
                        None,
                        None,
                        event.run,
                        fact.version,
                    )
                )
            case PaymentSettled() as event:
                self._answered(fact, event, "settled", None)
            case PaymentReturned() as event:
                self._answered(fact, event, "returned", event.cause)

    def _answered(
        self, fact: Fact, event: PaymentSettled | PaymentReturned, state: str, cause: str | None
    ) -> None:
        row = self.payments[fact.household, event.payment]
        row.state, row.answered_on, row.cause = state, event.on, cause


@dataclass(frozen=True, slots=True)
class Total:
    """What a household was paid of one kind, in fen and number of payments, by state."""

    kind: str
    state: str
    fen: int
    count: int


def payments_of(connection: Connection[Any], household: UUID) -> list[Payment]:
    """The household's payments in the order they were ordered."""
    return rows_of(
        connection,
        Payment,
        "SELECT {} FROM read_payments.payment WHERE lane = %b AND household = %b ORDER BY version",
        (lane_of(household), household),
    )


def totals_of(connection: Connection[Any], household: UUID) -> list[Total]:
    """The household's totals by kind and state; `settled` is what it received."""
    rows = connection.execute(
        "SELECT kind, state, sum(fen)::bigint, count(*) FROM read_payments.payment"
        " WHERE lane = %s AND household = %s GROUP BY kind, state ORDER BY kind, state",
        (lane_of(household), household),
    ).fetchall()
    return [Total(*row) for row in rows]

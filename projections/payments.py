"""Payments (发放): one row a payment of a household, and what was paid in all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.catalogue import answering
from domain.household.notions import Notion
from eventstore.lanes import lane_of
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.row_classes import HouseholdRow, Long
from projections.engine.rows import Rows, Table
from projections.months import text_of


@dataclass(slots=True)
class Payment(HouseholdRow):
    """One payment in fen: `state` is ordered, settled or returned; `answered_on` the day of the bank's word.

    `version` is the step that ordered it: the order of a household's payments.
    """

    payment: UUID
    kind: str
    benefit: UUID
    month: str
    fen: Long
    state: str
    ordered_on: date
    run: UUID | None
    version: int
    answered_on: date | None = None
    cause: str | None = None


def _payment(fact: Fact) -> tuple[UUID, UUID] | None:
    money = fact.money
    if money is None or money.payment is None or money.movement == "ordered":
        return None
    return (fact.household, money.payment)


_MONEY = answering(Notion.MONEY)
PAYMENT = Table(
    "payment",
    Payment,
    key=("household", "payment"),
    reads=dict.fromkeys(_MONEY, _payment),
    fresh=True,
    fillfactor=80,
)


class Payments(Projection):
    """Every payment from its order to the bank's answer."""

    name = "payments"
    version = 1
    reads = (Notion.MONEY,)
    leaves = tuple(each for each in Notion if each is not Notion.MONEY)
    wants = _MONEY
    tables = (PAYMENT,)

    def __init__(self) -> None:
        self.payments = Rows(PAYMENT)

    def on(self, fact: Fact) -> None:
        money = fact.money
        if money is None or money.payment is None:
            return  # found overpaid: no payment is made by that
        on = fact.event.on
        if money.movement == "ordered":
            self.payments.put(
                PAYMENT.make(
                    lane=fact.lane,
                    household=fact.household,
                    payment=money.payment,
                    kind=money.programme,
                    benefit=money.benefit,
                    month=text_of(money.month),
                    fen=money.fen,
                    state="ordered",
                    ordered_on=on,
                    run=money.run,
                    version=fact.version,
                )
            )
            return
        row = self.payments[fact.household, money.payment]
        row.state, row.answered_on, row.cause = money.movement, on, money.cause


def payments_of(connection: Connection[Any], household: UUID) -> list[Payment]:
    """The household's payments in the order they were ordered."""
    return rows_of(
        connection,
        Payment,
        "SELECT {} FROM read_payments.payment WHERE lane = %b AND household = %b ORDER BY version",
        (lane_of(household), household),
    )

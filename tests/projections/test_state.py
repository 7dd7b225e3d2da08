"""The read models say what the folded state says, whatever the life and wherever its pages are cut."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.aid.payments import AidDelivered, PaymentOrdered, PaymentReturned
from domain.change.grace import GraceGranted
from domain.change.monitoring import ReturnedToMonitoring
from domain.clock.supervision import DeadlineMissed
from domain.decision.confirmation import ApplicationRefused
from domain.decision.status import Classified, Exited
from domain.decision.transfer import TransferStarted
from domain.household.event import Event
from domain.intake.application import Applied, ProcedureEnded
from domain.members.registration import HouseholdRegistered, MemberAdded
from domain.values.assessment import Assessment
from domain.values.deadline import Due
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.person import HouseholdId, PersonId
from domain.values.private import Private
from domain.values.receipt import Decider, Decision, Receipt
from domain.values.spells import Category, Label, Programme
from eventstore.events.envelope import Envelope, Meta
from projections.engine.projector import Projector
from tests import stories
from tests.database import Databases
from tests.projections.lives import fill, lives, told
from tests.projections.truth import same

DECISION = Decision(date(2024, 1, 1), Decider("c1", "370786/civil-affairs", "county"), Receipt((), ()))
ASSESSMENT = Assessment(1, (0, 1), Fen(0), Fen(70_000), Fen(105_000))


class Chance:
    """Any sequence of the events that change spells, cases and deadlines: more than any command would allow."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.household = HouseholdId(self._id())
        self._on = date(2024, 1, 1)
        self._case = self._id()
        self._benefit: UUID | None = None
        self._ordered: list[PaymentOrdered] = []
        self._opened: list[Due] = []
        self._cycle = 1

    def events(self, count: int) -> Iterator[Event]:
        person = PersonId(self._id())
        yield HouseholdRegistered(self._on, "370786101215", "rural")
        yield MemberAdded(
            self._on,
            person,
            "head",
            None,
            None,
            False,
            None,
            "full",
            Private(person, "name", token=bytes(40)),
        )
        yield self._seen(self._applied())
        for _ in range(count):
            self._on += timedelta(days=self._random.choice((-10, 0, 1, 20, 45)))
            yield self._seen(self._random.choice(self._choices())())

    def _choices(self) -> list[type]:
        choices = [
            self._applied,
            self._confirmed,
            self._marginal,
            self._graced,
            self._terminated,
            self._refused,
            self._ended,
            self._transferred,
            self._returned,
            self._missed,
        ]
        if self._benefit is not None:
            choices.append(self._order)
        if self._ordered:
            choices += [self._settle, self._send_back]
        return choices  # type: ignore[return-value]

    def _seen(self, event: Event) -> Event:
        self._opened += event.opens()
        return event

    def _id(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def _due(self, what: str, subject: UUID, kind: str = "limit") -> Due:
        day = self._on + timedelta(days=self._random.randrange(0, 60))
        return Due(what, day, subject, "M57", (), False, kind)  # type: ignore[arg-type]

    def _applied(self) -> Event:
        self._case = self._id()
        due = self._due("DL-ONE-NOTICE", self._case)
        return Applied(self._on, self._case, Category.DIBAO, PersonId(self._id()), "window", (), (), due)

    def _confirmed(self) -> Event:
        self._benefit = self._id()
        return Classified(
            self._on, self._case, Category.DIBAO, None, self._on, self._benefit, Programme.DIBAO,
            Fen(self._random.randrange(10**6)), Month.of(self._on) + 1, 1,
            ASSESSMENT, (), "yearly", self._due("DL-REC-YEAR", self.household), (), DECISION,
        )  # fmt: skip

    def _marginal(self) -> Event:
        start = self._on + timedelta(days=self._random.choice((0, 17)))
        due = self._due("DL-REC-HALF", self.household)
        return Classified(
            self._on, self._case, Category.MARGINAL, None, start, None, None, None, None, 1,
            ASSESSMENT, (), "half-yearly", due, (), DECISION,
        )  # fmt: skip

    def _graced(self) -> Event:
        grace, first = self._id(), Month.of(self._on) + self._random.choice((0, 1))
        return GraceGranted(
            self._on, grace, "employment", Months(first, first + 5), False, None,
            self._due("warn-grace-expiry", grace, "timer"), self._due("DL-GRC", grace), DECISION,
        )  # fmt: skip

    def _terminated(self) -> Event:
        exit, start = self._id(), (Month.of(self._on) + self._random.choice((0, 1))).first_day
        return Exited(
            self._on, exit, Category.DIBAO, None, start, "own-request", None,
            Private(self.household, "text", token=bytes(40)), "",
            self._due("return-to-monitoring", exit, "timer"), DECISION,
        )  # fmt: skip

    def _refused(self) -> Event:
        return ApplicationRefused(
            self._on, self._case, "other", Private(self.household, "text", token=bytes(40)), "",
            self._due("DL-DIB-REF", self._case), self._due("return-to-monitoring", self._case, "timer"), DECISION,
        )  # fmt: skip

    def _ended(self) -> Event:
        reasons: Private[str] = Private(self.household, "text", token=bytes(40))
        return ProcedureEnded(self._on, self._case, "not-cooperating", reasons, None)

    def _transferred(self) -> Event:
        evidence, self._case = self._case, self._id()
        return TransferStarted(
            self._on, self._case, Category.MARGINAL, PersonId(self._id()), evidence, self._on, (),
            self._due("DL-DIB-TOT", self._case),
        )  # fmt: skip

    def _returned(self) -> Event:
        self._cycle += 1
        watch = self._random.choice((Label.EXITED, Label.REFUSED))
        after = self._random.choice(self._opened).subject
        return ReturnedToMonitoring(self._on, self._cycle, watch, after)

    def _missed(self) -> Event:
        due = self._random.choice(self._opened)
        return DeadlineMissed(self._on, due.what, due.subject, due.day)

    def _order(self) -> Event:
        assert self._benefit is not None
        order = PaymentOrdered(
            self._on, self._id(), Programme.DIBAO, self._benefit, Month.of(self._on), Fen(7)
        )
        self._ordered.append(order)
        return order

    def _settle(self) -> Event:
        order = self._ordered.pop(0)
        period = Months(order.month, order.month)
        return AidDelivered(
            self._on, Programme.DIBAO, "cash", order.fen, None, period, None, order.payment, order.benefit, None
        )  # fmt: skip

    def _send_back(self) -> Event:
        order = self._ordered.pop(0)
        return PaymentReturned(
            self._on, order.payment, Programme.DIBAO, order.benefit, order.month, order.fen, "bank-error"
        )


def enclosed(chance: Chance, count: int) -> list[Envelope]:
    meta = Meta("w1", "370786101/township", "370786101215")
    return [
        Envelope(chance.household, version, event, UUID(int=chance.household.int ^ version), meta)
        for version, event in enumerate(chance.events(count), start=1)
    ]


@pytest.mark.parametrize(
    "story", [stories.yu_exited, stories.ling_marginal, stories.yu_received, stories.yu_graced]
)
def test_a_story_is_projected_as_it_is_folded(
    databases: Databases, projector: Projector, story: object
) -> None:
    assert callable(story)
    (life,) = lives(1, templates=[told(story())])
    fill(databases.store, [life])
    while projector.page(9).events:
        pass
    same(databases.reader, life)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 40), page=st.integers(1, 30))
def test_any_events_are_projected_as_they_are_folded(
    databases: Databases, projector: Projector, seed: int, count: int, page: int
) -> None:
    life = enclosed(Chance(seed), count)
    with psycopg.connect(databases.store) as connection:
        known = connection.execute("SELECT FROM es_stream WHERE stream_id = %s", [life[0].originator_id])
        if known.fetchone() is not None:
            return
    fill(databases.store, [life], by_day=False)  # told late, a step may lie before its day
    while projector.page(page).events:
        pass
    same(databases.reader, life)

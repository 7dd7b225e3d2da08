"""What the read models say of a household against what its events fold to: the one comparison of these tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import psycopg

from domain.aid.payments import AidDelivered, PaymentOrdered, PaymentReturned
from domain.household.state import Household
from domain.values.deadline import OpenDue
from domain.values.month import Month
from domain.values.private import Private
from eventstore.events.envelope import Envelope
from projections.card import WholeCard, card_of
from projections.chain import Step, chain_of
from projections.dues import Deadline, dues_of
from projections.engine.row_security import EVERYWHERE, read_as
from projections.open_deadlines import Running
from projections.payments import Payment, payments_of
from tests.projections.lives import folded


def same(uri: str, life: Sequence[Envelope]) -> None:
    """Assert that every read model says of a household what its events fold to."""
    state = folded(life)
    with psycopg.connect(uri) as connection:
        read_as(connection, EVERYWHERE)
        whole = card_of(connection, state.id)
        dues = dues_of(connection, state.id)
        chain = chain_of(connection, state.id)
        payments = payments_of(connection, state.id)
    assert whole is not None
    assert_card(state, whole, max(each.event.on for each in life))
    assert whole.card.version == len(life)
    assert_dues(state, dues)
    assert_chain(state, chain, life)
    assert_payments(state, payments, life)


def assert_card(state: Household, whole: WholeCard, last: date) -> None:
    """The card is the state; `last` is the latest day of its events: what ends by the next day has ended now."""
    card = whole.card
    assert_spells(state, whole)
    today = last + timedelta(days=2)
    assert card.members == len(state.counted(today))
    head = state.head(today)
    if head is not None:
        assert card.head == head
        name = next(m.name for m in state.counted(today) if m.relation == "head")
        assert card.head_name == token(name)
    assert (card.cycle, card.joined_into) == (state.cycle, state.joined_into)
    if state.residences:
        home = state.residences[-1]
        assert (card.region, card.area) == (home.region, home.area)
    code = card.region
    assert (card.province, card.city, card.county) == (code[:2], code[:4], code[:6])
    assert (card.township, card.village) == (code[:9], code[:12])
    case = state.last_case if state.last_case is not None and state.last_case.outcome is None else None
    assert (card.case_id, card.case_category, card.case_since) == (
        (case.id, case.category, case.started_on) if case else (None, None, None)
    )
    assert (card.case_step is None) == (case is None)
    first = min((each.due.day for each in state.dues if each.due.kind != "timer"), default=None)
    assert card.next_due == first


def assert_spells(state: Household, whole: WholeCard) -> None:
    assert [(h.region, h.area, h.since, h.until) for h in whole.homes] == [
        (home.region, home.area, home.start, home.end) for home in state.residences
    ]
    assert [(c.category, c.since, c.until, c.person, c.irregular) for c in whole.categories] == [
        (spell.category, spell.start, spell.end, spell.person, spell.irregular) for spell in state.categories
    ]
    assert [(label.label, label.since, label.until) for label in whole.labels] == [
        (label.label, label.start, label.end) for label in state.labels
    ]
    assert [(b.benefit, b.kind, b.fen, b.first_month, b.last_month) for b in whole.benefits] == [
        (b.id, b.kind, b.fen, str(b.first), str(b.last) if b.last else None) for b in state.benefits
    ]
    assert [
        (m.person, m.relation, m.birth, m.sex, m.student, m.work_capacity, m.since, m.until, m.cause)
        for m in whole.members
    ] == [
        (m.person, m.relation, m.birth, m.sex, m.student, m.work_capacity, m.start, m.end, m.cause)
        for m in state.members
    ]
    assert [(m.disability, m.name, m.id_number) for m in whole.members] == [
        (
            f"{m.disability.kind}/{m.disability.grade}" if m.disability else None,
            token(m.name),
            token(m.id_number),
        )
        for m in state.members
    ]


def assert_dues(state: Household, dues: Sequence[Deadline]) -> None:
    assert [due_of(due) for due in dues if due.done_on is None] == [open_due(each) for each in state.dues]
    done = sorted(
        (d.what, d.day, d.subject, d.opened_on, d.done_on, d.met) for d in dues if d.done_on is not None
    )
    assert done == sorted(
        (m.due.what, m.due.day, m.due.subject, m.since, m.ended_on, m.met) for m in state.ended
    )


def assert_chain(state: Household, chain: Sequence[Step], life: Sequence[Envelope]) -> None:
    assert [(step.version, step.title) for step in chain] == [
        (version, type(each.event).title) for version, each in enumerate(life, start=1)
    ]
    assert chain[-1].cycle == state.cycle
    corrected = {step.version: step.corrected_by for step in chain if step.corrected_by is not None}
    assert set(corrected) == {each.step for each in state.corrections}
    assert all(chain[by - 1].corrects == step for step, by in corrected.items())
    assert {step.version for step in chain if step.corrects is not None} == set(corrected.values())


def assert_payments(state: Household, payments: Sequence[Payment], life: Sequence[Envelope]) -> None:
    expected: dict[UUID, tuple[str, UUID, str, int, str, date | None]] = {}
    for each in life:
        event = each.event
        if isinstance(event, PaymentOrdered):
            expected[event.payment] = (
                event.programme, event.benefit, str(event.month), event.fen, "ordered", None,
            )  # fmt: skip
        if isinstance(event, AidDelivered | PaymentReturned):
            assert event.payment is not None
            answer = "settled" if isinstance(event, AidDelivered) else "returned"
            expected[event.payment] = (*expected[event.payment][:4], answer, event.on)
    assert {
        p.payment: (p.kind, p.benefit, p.month, p.fen, p.state, p.answered_on) for p in payments
    } == expected
    ordered = {payment.payment for payment in payments if payment.state == "ordered"}
    assert ordered == {order.payment for spell in state.benefits for order in spell.open} | {
        aid.payment for aid in state.temporary if aid.state == "ordered"
    }
    for spell in state.benefits:
        of_spell = [payment for payment in payments if payment.benefit == spell.id]
        last = max((Month.parse(payment.month) for payment in of_spell), default=None)
        assert last == spell.ordered


def token(private: Private[str] | None) -> bytes | None:
    return private.token if private is not None else None


def open_due(each: OpenDue) -> tuple[str, date, UUID, str, bool]:
    return (each.due.what, each.due.day, each.due.subject, each.due.kind, each.missed)


def due_of(each: Deadline) -> tuple[str, date, UUID, str, bool]:
    return (each.what, each.day, each.subject, each.kind, each.missed_on is not None)


def running_of(each: Running) -> tuple[str, date, UUID, str, bool]:
    return (each.what, each.day, each.subject, each.kind, each.missed)

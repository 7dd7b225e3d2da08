"""Benefits (待遇与发放): temporary aid, and each month's payment ordered, settled or returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.guards.registered import require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.refusals import Refusal
from domain.values.spells import BenefitSpell, Ordered

PaymentKind = Literal["DIBAO", "TEMPORARY"]
ReturnCause = Literal["account-closed", "account-wrong", "payee-dead", "bank-error", "other"]


class NoBenefitInMonth(Refusal):
    """该户在{month}没有应发的待遇，不能安排发放。"""

    article = "M57 art.21, 25"


class OrderedAlready(Refusal):
    """{month}的待遇已经安排发放，不能重复发放。"""

    article = "M57 art.25"


class MonthSkipped(Refusal):
    """{month}的待遇尚未安排，应当逐月发放，不能跳月。"""

    article = "M57 art.25"


class NotOrdered(Refusal):
    """没有找到对应的发放安排，不能登记到账或者退回。"""


class NoAidToPay(Refusal):
    """没有待发放的临时救助。"""


@dataclass(frozen=True, slots=True)
class PaymentOrdered(Event):
    """A payment was put on the list that goes to finance; recorded before anything is exported (安排发放)."""

    title: ClassVar[str] = "安排发放"
    basis: ClassVar[str] = "M57 art.25"

    on: date
    payment: UUID
    kind: PaymentKind
    benefit: UUID
    month: Month
    fen: Fen
    run: UUID | None = None

    def evolve(self, household: Household) -> Household:
        if self.kind == "TEMPORARY":
            return _with_aid(household, self.benefit, payment=self.payment, state="ordered")
        spell = _spell(household, self.benefit)
        last = self.month if spell.ordered is None or spell.ordered < self.month else spell.ordered
        return _with_spell(
            household,
            spell,
            ordered=last,
            returned=tuple(month for month in spell.returned if month != self.month),
            open=(*spell.open, Ordered(self.payment, self.month, self.fen)),
        )


@dataclass(frozen=True, slots=True)
class OrderPayment(Command):
    """Order one month's benefit, or the temporary aid still unpaid (安排发放).

    `month` left out is the month of `on`. A month is ordered once; a returned one may be ordered again.
    """

    on: date
    kind: PaymentKind = "DIBAO"
    month: Month | None = None
    run: UUID | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        month = self.month or Month.of(self.on)
        if self.kind == "TEMPORARY":
            aid = next((a for a in household.temporary if a.state in ("granted", "returned")), None)
            if aid is None:
                raise NoAidToPay
            yield PaymentOrdered(
                self.on, context.id("payment"), "TEMPORARY", aid.id, month, aid.fen, self.run
            )
            return
        spell = household.benefit(month)
        if spell is None:
            raise NoBenefitInMonth(month=month)
        if month not in spell.returned:
            if spell.ordered is not None and month <= spell.ordered:
                raise OrderedAlready(month=month)
            expected = spell.first if spell.ordered is None else spell.ordered + 1
            if month != expected:
                raise MonthSkipped(month=expected)
        yield PaymentOrdered(self.on, context.id("payment"), "DIBAO", spell.id, month, spell.fen, self.run)


@dataclass(frozen=True, slots=True)
class PaymentSettled(Event):
    """The money arrived in the family's account (到账)."""

    title: ClassVar[str] = "待遇到账"
    basis: ClassVar[str] = "M57 art.25"

    on: date
    payment: UUID
    kind: PaymentKind
    benefit: UUID
    month: Month
    fen: Fen

    def evolve(self, household: Household) -> Household:
        if self.kind == "TEMPORARY":
            return _with_aid(household, self.benefit, state="settled")
        spell = _spell(household, self.benefit)
        return _with_spell(household, spell, open=tuple(o for o in spell.open if o.payment != self.payment))


@dataclass(frozen=True, slots=True)
class SettlePayment(Command):
    """Record the bank's word that a payment arrived (登记到账); `month` left out is the oldest ordered one."""

    on: date
    kind: PaymentKind = "DIBAO"
    month: Month | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        found = _ordered(household, self.kind, self.month)
        if found is None:
            if self.kind == "DIBAO" and self.month is not None and _is_settled(household, self.month):
                return
            raise NotOrdered
        benefit, order = found
        yield PaymentSettled(self.on, order.payment, self.kind, benefit, order.month, order.fen)


@dataclass(frozen=True, slots=True)
class PaymentReturned(Event):
    """The money came back, with the bank's cause; the month may be ordered again (退回)."""

    title: ClassVar[str] = "发放退回"
    basis: ClassVar[str] = "M57 art.25"

    on: date
    payment: UUID
    kind: PaymentKind
    benefit: UUID
    month: Month
    fen: Fen
    cause: ReturnCause

    def evolve(self, household: Household) -> Household:
        if self.kind == "TEMPORARY":
            return _with_aid(household, self.benefit, state="returned")
        spell = _spell(household, self.benefit)
        return _with_spell(
            household,
            spell,
            open=tuple(o for o in spell.open if o.payment != self.payment),
            returned=(*spell.returned, self.month),
        )


@dataclass(frozen=True, slots=True)
class ReturnPayment(Command):
    """Record the bank's word that a payment came back (登记退回)."""

    on: date
    cause: ReturnCause
    kind: PaymentKind = "DIBAO"
    month: Month | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        found = _ordered(household, self.kind, self.month)
        if found is None:
            if self.month is not None and any(self.month in spell.returned for spell in household.benefits):
                return
            raise NotOrdered
        benefit, order = found
        yield PaymentReturned(self.on, order.payment, self.kind, benefit, order.month, order.fen, self.cause)


def _ordered(household: Household, kind: PaymentKind, month: Month | None) -> tuple[UUID, Ordered] | None:
    if kind == "TEMPORARY":
        for aid in household.temporary:
            if aid.state == "ordered" and aid.payment is not None:
                return aid.id, Ordered(aid.payment, Month.of(aid.on), aid.fen)
        return None
    for spell in household.benefits:
        for order in spell.open:
            if month is None or order.month == month:
                return spell.id, order
    return None


def _is_settled(household: Household, month: Month) -> bool:
    spell = household.benefit(month)
    return (
        spell is not None
        and spell.ordered is not None
        and month <= spell.ordered
        and month not in spell.returned
        and all(order.month != month for order in spell.open)
    )


def _spell(household: Household, benefit: UUID) -> BenefitSpell:
    return next(spell for spell in household.benefits if spell.id == benefit)


def _with_spell(household: Household, old: BenefitSpell, **changes: object) -> Household:
    new = replace(old, **changes)  # type: ignore[arg-type]
    return replace(household, benefits=tuple(new if spell is old else spell for spell in household.benefits))


def _with_aid(household: Household, aid_id: UUID, **changes: object) -> Household:
    aids = tuple(
        replace(aid, **changes) if aid.id == aid_id else aid  # type: ignore[arg-type]
        for aid in household.temporary
    )
    return replace(household, temporary=aids)

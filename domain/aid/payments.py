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
from domain.household.duty import Turn, of
from domain.household.event import Event
from domain.household.notions import NO_STAGE, AidMove, ClockMove, MoneyMove
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.refusals import Refusal
from domain.values.spells import BenefitSpell, Ordered, Programme

AidKind = Literal["cash", "in-kind", "service"]
"""In what form aid is given (救助形式)."""
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


def month_of(event: PaymentOrdered | AidDelivered | PaymentReturned) -> str:
    """The month a payment is for, empty for aid that is paid once, whatever month its payment bears."""
    return "" if event.programme == Programme.TEMPORARY else str(event.month)


@dataclass(frozen=True, slots=True)
class PaymentOrdered(Event):
    """A payment was put on the list that goes to finance; recorded before anything is exported (安排发放)."""

    title: ClassVar[str] = "安排发放"
    basis: ClassVar[str] = "M57 art.25"
    none: ClassVar[str] = "limits case home members cycle status benefit aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(
            of("benefit"),
            closes=("pay-temporary-aid", "order-again"),
            opens=("confirm-payment",),
            month=month_of,
        ),
    )

    on: date
    payment: UUID
    programme: Programme
    benefit: UUID
    month: Month
    fen: Fen
    run: UUID | None = None

    def moves_money(self) -> MoneyMove | None:
        return MoneyMove(
            "ordered", self.programme, self.fen, self.benefit, self.month, self.payment, run=self.run
        )

    def moves_clock(self) -> ClockMove | None:
        return ClockMove(pays=self.benefit, holder="bank")

    def evolve(self, household: Household) -> Household:
        if self.programme == Programme.TEMPORARY:
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

    `kind` left out is the monthly benefit, whatever the programme; `month` left out is the month of `on`. A month is
    ordered once; a returned one may be ordered again.
    """

    on: date
    kind: Programme | None = None
    month: Month | None = None
    run: UUID | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        month = self.month or Month.of(self.on)
        if self.kind == Programme.TEMPORARY:
            aid = next((a for a in household.temporary if a.state in ("granted", "returned")), None)
            if aid is None:
                raise NoAidToPay
            yield PaymentOrdered(
                self.on, context.id("payment"), Programme.TEMPORARY, aid.id, month, aid.fen, self.run
            )
            return
        spell = household.benefit(month)
        if spell is None or self.kind not in (None, Programme(spell.kind)):
            raise NoBenefitInMonth(month=month)
        if month not in spell.returned:
            if spell.ordered is not None and month <= spell.ordered:
                raise OrderedAlready(month=month)
            expected = spell.first if spell.ordered is None else spell.ordered + 1
            if month != expected:
                raise MonthSkipped(month=expected)
        programme = Programme(spell.kind)
        yield PaymentOrdered(self.on, context.id("payment"), programme, spell.id, month, spell.fen, self.run)


@dataclass(frozen=True, slots=True)
class AidDelivered(Event):
    """Aid has arrived or was done (救助到位): money in the family's account, goods or a service, of any programme.

    `fen` is money in fen, `measure` what was done where it is not money. `period` are the months it is for, `funds`
    the source of the money. It answers the order `payment` of a `benefit` or grant, or a `referral`.
    """

    title: ClassVar[str] = "待遇到账"
    basis: ClassVar[str] = "M57 art.25"
    none: ClassVar[str] = "limits case home members cycle status benefit count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("benefit"), closes=("confirm-payment",), month=month_of),)

    on: date
    programme: Programme
    kind: AidKind
    fen: Fen | None
    measure: str | None
    period: Months | None
    funds: str | None
    payment: UUID | None
    benefit: UUID | None
    referral: UUID | None

    @property
    def month(self) -> Month:
        """The month it is for; that of the day it arrived, where it is for none."""
        return self.period.first if self.period else Month.of(self.on)

    def moves_money(self) -> MoneyMove | None:
        if self.fen is None or self.benefit is None:
            return None
        return MoneyMove("settled", self.programme, self.fen, self.benefit, self.month, self.payment)

    def moves_aid(self) -> AidMove | None:
        aid = self.benefit or self.referral
        return None if aid is None else AidMove("delivered", aid, self.programme, self.kind, self.fen)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove(pays=self.benefit, reaches=("paid",), leaves=NO_STAGE)

    def evolve(self, household: Household) -> Household:
        if self.benefit is None:
            return household
        if self.programme == Programme.TEMPORARY:
            return _with_aid(household, self.benefit, state="settled")
        spell = _spell(household, self.benefit)
        return _with_spell(household, spell, open=tuple(o for o in spell.open if o.payment != self.payment))


@dataclass(frozen=True, slots=True)
class SettlePayment(Command):
    """Record the bank's word that a payment arrived (登记到账); `month` left out is the oldest ordered one."""

    on: date
    kind: Programme | None = None
    month: Month | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        found = _ordered(household, self.kind, self.month)
        if found is None:
            monthly = self.kind != Programme.TEMPORARY
            if monthly and self.month is not None and _is_settled(household, self.month):
                return
            raise NotOrdered
        programme, benefit, order = found
        yield AidDelivered(
            self.on,
            programme,
            "cash",
            order.fen,
            None,
            Months(order.month, order.month),
            None,
            order.payment,
            benefit,
            None,
        )


@dataclass(frozen=True, slots=True)
class PaymentReturned(Event):
    """The money came back, with the bank's cause; the month may be ordered again (退回)."""

    title: ClassVar[str] = "发放退回"
    basis: ClassVar[str] = "M57 art.25"
    none: ClassVar[str] = "limits case home members cycle status benefit aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("benefit"), closes=("confirm-payment",), opens=("order-again",), month=month_of),
    )

    on: date
    payment: UUID
    programme: Programme
    benefit: UUID
    month: Month
    fen: Fen
    cause: ReturnCause

    def moves_money(self) -> MoneyMove | None:
        return MoneyMove(
            "returned", self.programme, self.fen, self.benefit, self.month, self.payment, self.cause
        )

    def moves_clock(self) -> ClockMove | None:
        return ClockMove(pays=self.benefit, holder="county")

    def evolve(self, household: Household) -> Household:
        if self.programme == Programme.TEMPORARY:
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
    kind: Programme | None = None
    month: Month | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        found = _ordered(household, self.kind, self.month)
        if found is None:
            if self.month is not None and any(self.month in spell.returned for spell in household.benefits):
                return
            raise NotOrdered
        programme, benefit, order = found
        yield PaymentReturned(self.on, order.payment, programme, benefit, order.month, order.fen, self.cause)


def _ordered(
    household: Household, kind: Programme | None, month: Month | None
) -> tuple[Programme, UUID, Ordered] | None:
    if kind == Programme.TEMPORARY:
        for aid in household.temporary:
            if aid.state == "ordered" and aid.payment is not None:
                return Programme.TEMPORARY, aid.id, Ordered(aid.payment, Month.of(aid.on), aid.fen)
        return None
    for spell in household.benefits:
        for order in spell.open:
            if (month is None or order.month == month) and kind in (None, Programme(spell.kind)):
                return Programme(spell.kind), spell.id, order
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

"""M57 art.25: month by month into the family's account; never twice, none skipped, none after the end."""

from __future__ import annotations

from datetime import date

from domain.aid.payments import (
    AidDelivered,
    MonthSkipped,
    NoAidToPay,
    NoBenefitInMonth,
    NotOrdered,
    OrderedAlready,
    OrderPayment,
    PaymentOrdered,
    PaymentReturned,
    ReturnPayment,
    SettlePayment,
)
from domain.aid.temporary_aid import AidNeedsNotice, AmountNotPositive, GrantTemporaryAid, TemporaryAidGranted
from domain.change.termination import TerminateBenefit
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.spells import Programme
from tests import stories
from tests.scenario import Life

MAY, JUNE = date(2025, 5, 12), date(2025, 6, 12)


def in_dibao() -> Life:
    """Confirmed on 2025-04-28, paid from May on."""
    return stories.ling_in_dibao(date(2025, 4, 21))


def test_a_month_is_not_ordered_twice_neither_open_nor_settled() -> None:
    story = in_dibao().when(OrderPayment(MAY))
    assert isinstance(story.refused(OrderPayment(MAY)), OrderedAlready)
    story = story.when(SettlePayment(MAY))
    refusal = story.refused(OrderPayment(JUNE, month=Month(2025, 5)))
    assert isinstance(refusal, OrderedAlready)
    assert refusal.facts == {"month": Month(2025, 5)}


def test_a_returned_month_is_ordered_again_once() -> None:
    story = in_dibao().when(OrderPayment(MAY), ReturnPayment(MAY, "account-closed")).then(PaymentReturned)
    story = story.when(OrderPayment(date(2025, 5, 20))).then(PaymentOrdered)
    assert isinstance(story.refused(OrderPayment(date(2025, 5, 20))), OrderedAlready)
    story = story.when(SettlePayment(date(2025, 5, 21)))
    settled = [event for event in story.events if isinstance(event, AidDelivered)]
    assert [(event.month, event.fen) for event in settled] == [(Month(2025, 5), 108_000)]


def test_a_returned_month_may_be_ordered_after_the_next_ones_and_after_the_end() -> None:
    story = in_dibao().when(
        OrderPayment(MAY),
        ReturnPayment(MAY, "bank-error"),
        OrderPayment(JUNE),
        SettlePayment(JUNE),
        TerminateBenefit(date(2025, 6, 20), "own-request", "本人申请退出"),
    )
    story.when(OrderPayment(date(2025, 7, 10), month=Month(2025, 5))).then(PaymentOrdered)


def test_no_month_is_skipped() -> None:
    refusal = in_dibao().refused(OrderPayment(JUNE))
    assert isinstance(refusal, MonthSkipped)
    assert refusal.facts == {"month": Month(2025, 5)}
    in_dibao().when(OrderPayment(JUNE, month=Month(2025, 5)), OrderPayment(JUNE)).then(
        PaymentOrdered, PaymentOrdered
    )


def test_nothing_is_paid_before_the_first_month_or_after_the_last() -> None:
    story = in_dibao()
    assert isinstance(story.refused(OrderPayment(date(2025, 4, 30))), NoBenefitInMonth)
    story = story.when(OrderPayment(MAY), TerminateBenefit(date(2025, 5, 20), "own-request", "本人申请退出"))
    assert isinstance(story.refused(OrderPayment(JUNE)), NoBenefitInMonth)


def test_an_answer_without_an_order_is_refused_and_an_answer_again_is_no_news() -> None:
    story = in_dibao()
    for answer in (SettlePayment(MAY), ReturnPayment(MAY, "other"), SettlePayment(MAY, Programme.TEMPORARY)):
        assert isinstance(story.refused(answer), NotOrdered)
    story = story.when(OrderPayment(MAY))
    settled = story.when(SettlePayment(MAY, month=Month(2025, 5)))
    settled.no_news(SettlePayment(MAY, month=Month(2025, 5)))
    assert isinstance(settled.refused(ReturnPayment(MAY, "other", month=Month(2025, 5))), NotOrdered)
    returned = story.when(ReturnPayment(MAY, "other", month=Month(2025, 5)))
    returned.no_news(ReturnPayment(MAY, "other", month=Month(2025, 5)))
    assert isinstance(returned.refused(SettlePayment(MAY, month=Month(2025, 5))), NotOrdered)


def test_temporary_aid_is_paid_once_and_again_only_when_it_came_back() -> None:
    story = in_dibao().when(GrantTemporaryAid(MAY, Fen(200_000), "房屋失火"))
    story.no_news(GrantTemporaryAid(MAY, Fen(200_000), "房屋失火"))
    order = OrderPayment(MAY, Programme.TEMPORARY)
    story = story.when(order)
    assert isinstance(story.refused(order), NoAidToPay)
    again = story.when(ReturnPayment(MAY, "account-wrong", Programme.TEMPORARY), order)
    paid = again.when(SettlePayment(MAY, Programme.TEMPORARY))
    assert isinstance(paid.refused(order), NoAidToPay)
    assert [event.fen for event in paid.events if isinstance(event, AidDelivered)] == [200_000]


def test_temporary_aid_is_a_positive_amount_and_expenditure_aid_another_procedure() -> None:
    story = in_dibao()
    for fen in (0, -1):
        assert isinstance(story.refused(GrantTemporaryAid(MAY, Fen(fen), "无")), AmountNotPositive)
    command = GrantTemporaryAid(MAY, Fen(100), "学费", "expenditure")
    assert isinstance(story.refused(command), AidNeedsNotice)


def test_temporary_aid_may_come_while_a_review_runs_and_names_it() -> None:
    story = stories.yu_opined()
    (aid,) = story.household.temporary
    assert aid.fen == 553_700
    (granted,) = [event for event in story.events if isinstance(event, TemporaryAidGranted)]
    assert granted.during == story.household.procedures[0].id

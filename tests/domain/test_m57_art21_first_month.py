"""M57 art.21: aid is paid from the month after the decision, whatever the day of the month."""

from __future__ import annotations

from datetime import date

import pytest

from domain.aid.payments import NoBenefitInMonth, OrderPayment, PaymentOrdered
from domain.decision.confirmation import ConfirmDibao
from domain.decision.status import Classified
from domain.values.month import Month
from tests import stories


@pytest.mark.parametrize(
    ("decided", "first"),
    [
        (date(2025, 12, 1), Month(2026, 1)),
        (date(2025, 12, 31), Month(2026, 1)),
        (date(2026, 1, 1), Month(2026, 2)),
        (date(2026, 1, 31), Month(2026, 2)),
    ],
)
def test_the_first_month_is_the_one_after_the_decision(decided: date, first: Month) -> None:
    story = stories.on_the_road(stories.ling_registered(date(2025, 11, 17)), date(2025, 11, 17))
    story = story.when(ConfirmDibao(decided))
    confirmed = story.events[-1]
    assert isinstance(confirmed, Classified)
    assert confirmed.first == first
    spell = story.household.category(decided)
    assert spell is not None
    assert spell.start == decided
    refusal = story.refused(OrderPayment(decided))
    assert isinstance(refusal, NoBenefitInMonth)
    story.when(OrderPayment(first.first_day)).then(PaymentOrdered)

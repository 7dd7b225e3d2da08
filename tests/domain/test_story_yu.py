"""S1, the Yu family of Changyi, 2021–2023: alert, Dibao, temporary aid, work, grace, exit."""

from __future__ import annotations

from datetime import date

import pytest

from domain.aid.payments import AidDelivered
from domain.change.grace import GraceExpiryWarned, GraceGranted
from domain.change.monitoring import ReturnedToMonitoring
from domain.clock.supervision import DeadlineMissed
from domain.decision.status import Classified
from domain.intake.application import ApplicationAccepted
from domain.values.month import Month, Months
from domain.values.spells import Category, Label, holds
from domain.watching.alerts import AlertRaised
from tests import stories
from tests.scenario import Life


@pytest.fixture(scope="module")
def yu() -> Life:
    return stories.yu_exited()


def test_27_537_yuan_are_paid_in_all(yu: Life) -> None:
    settled = [event for event in yu.events if isinstance(event, AidDelivered)]
    assert sum(event.fen or 0 for event in settled) == 2_753_700
    assert len([event for event in settled if event.programme == "DIBAO"]) == 22


def test_the_classes_by_date_are_none_then_dibao_then_grace_then_exited(yu: Life) -> None:
    household = yu.household
    assert household.category(date(2021, 7, 25)) is None
    for day in (date(2021, 7, 26), date(2023, 5, 31)):
        spell = household.category(day)
        assert spell is not None
        assert spell.category is Category.DIBAO
    assert household.category(date(2023, 6, 1)) is None

    def labels(day: date) -> set[Label]:
        return {label.label for label in household.labels if holds(label, day)}

    assert labels(date(2022, 11, 30)) == set()
    assert labels(date(2022, 12, 1)) == labels(date(2023, 5, 31)) == {Label.GRACE}
    assert labels(date(2023, 6, 1)) == {Label.EXITED}
    assert household.cycle == 2


def test_every_deadline_on_the_road_is_the_one_of_the_story(yu: Life) -> None:
    opened = {(due.what, event.on): due.day for event in yu.events for due in event.opens()}
    assert opened["DL-ALERT-R", date(2021, 6, 28)] == date(2021, 7, 1)
    assert opened["DL-DIB-INV", date(2021, 7, 1)] == date(2021, 7, 6)
    assert opened["DL-DIB-CHK", date(2021, 7, 2)] == date(2021, 7, 7)
    assert opened["DL-DIB-NOT", date(2021, 7, 9)] == date(2021, 7, 16)
    assert opened["DL-DIB-SND", date(2021, 7, 16)] == date(2021, 7, 19)
    assert opened["DL-DIB-CTY", date(2021, 7, 19)] == date(2021, 8, 2)
    assert opened["DL-DIB-TOT", date(2021, 7, 1)] == date(2021, 8, 12)
    assert opened["warn-grace-expiry", date(2022, 11, 18)] == date(2023, 5, 1)


def test_nothing_is_late_and_nothing_stays_open(yu: Life) -> None:
    assert not [event for event in yu.events if isinstance(event, DeadlineMissed)]
    assert yu.household.dues == ()


def test_the_benefit_is_the_gap_of_1_000_from_august(yu: Life) -> None:
    (confirmed,) = [event for event in yu.events if isinstance(event, Classified)]
    assert (confirmed.fen, confirmed.first, confirmed.members) == (100_000, Month(2021, 8), 2)
    assert confirmed.assessment.per_capita == 20_000
    assert confirmed.interval == "half-yearly"


def test_grace_runs_over_the_six_months_after_the_decision(yu: Life) -> None:
    (grace,) = [event for event in yu.events if isinstance(event, GraceGranted)]
    assert grace.months == Months(Month(2022, 12), Month(2023, 5))
    (warned,) = [event for event in yu.events if isinstance(event, GraceExpiryWarned)]
    assert warned.on == date(2023, 5, 1)


def test_the_chain_begins_with_the_alert_and_returns_to_monitoring(yu: Life) -> None:
    kinds = [type(event) for event in yu.events]
    assert kinds.index(AlertRaised) < kinds.index(ApplicationAccepted)
    last = yu.events[-1]
    assert isinstance(last, ReturnedToMonitoring)
    assert (last.on, last.cycle, last.watch) == (date(2023, 6, 1), 2, Label.EXITED)

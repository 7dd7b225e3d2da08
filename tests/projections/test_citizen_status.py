"""A family sees where its application is, what was decided, what it receives and has to do: and nobody's name."""

from __future__ import annotations

import re
from datetime import date
from uuid import UUID

import psycopg
import pytest

from domain.aid.payments import OrderPayment, ReturnPayment, SettlePayment
from domain.correction.day_correction import CorrectDeliveryDay
from domain.decision.confirmation import RefuseApplication
from domain.decision.file import ReceiveFile
from domain.household.notions import CaseStep
from domain.intake.completeness import NotifyMissingItems, SupplementMaterials
from domain.papers.notification import DeliverNotice
from projections.citizen_stages import STAGES
from projections.citizen_status_queries import CitizenStatus, status_of
from projections.engine.projector import Projector
from tests import stories
from tests.database import Databases
from tests.projections.conftest import caught_up
from tests.projections.lives import fill, lives, told
from tests.scenario import Life

START = date(2025, 4, 21)
BETWEEN = {
    "VerificationStarted",
    "VerificationReported",
    "HomeVisited",
    "VisitDayCorrected",
    "ResultToBeTold",
    "ResultTold",
    "ReportObjected",
    "ReportRechecked",
    "Reinvestigated",
    "DemocraticReviewHeld",
    "LimitExtended",
    "RelativeRegistered",
    "SampleDrawn",
    "SampleChecked",
    "ConfirmationPublished",
    "NoticeDayCorrected",  # but one closed too early is on notice again
}
"""Facts of a case that leave it, in the family's eyes, where it is."""


def lived(databases: Databases, projector: Projector, *every: Life) -> list[UUID]:
    """Tell these lives to the store and project them; answers their households."""
    given = list(lives(len(every), templates=[told(each) for each in every]))
    fill(databases.store, given)
    caught_up(projector, 13)
    return [life[0].originator_id for life in given]


def said(databases: Databases, household: UUID, today: date) -> CitizenStatus:
    with psycopg.connect(databases.app) as connection:
        return status_of(connection, household, today)


def test_every_step_of_a_case_has_words_for_the_family() -> None:
    assert list(STAGES) == [step.value for step in CaseStep]
    assert all(STAGES[step].open != step.ends for step in CaseStep)


@pytest.mark.parametrize(
    ("until", "stage", "what"),
    [
        ("apply", "submitted", "DL-ONE-NOTICE"),
        ("accept", "accepted", "DL-DIB-INV"),
        ("investigate", "investigating", "DL-DIB-TOT"),
        ("request", "investigating", "DL-DIB-CHK"),
        ("visit", "verified", "DL-DIB-TOT"),
        ("opine", "opinion-given", "DL-DIB-TOT"),
        ("post", "on-notice", "DL-DIB-NOT"),
        ("close", "awaiting-decision", "DL-DIB-SND"),
        ("receive", "under-decision", "DL-DIB-CTY"),
    ],
)
def test_each_step_of_the_road_has_its_stage_and_its_promise(
    databases: Databases, projector: Projector, until: str, stage: str, what: str
) -> None:
    (household,) = lived(
        databases, projector, stories.on_the_road(stories.ling_registered(START), START, until=until)
    )
    case = said(databases, household, START).case
    assert case is not None
    assert case.next is not None
    assert (case.stage, case.next.what, case.next.passed) == (stage, what, False)
    assert re.search(r"[\u4e00-\u9fff]", case.words)
    if until != "apply":
        assert case.decision is not None
        assert case.decision.by == date(2025, 6, 5)


def test_missing_papers_are_named_until_all_are_there(databases: Databases, projector: Projector) -> None:
    story = stories.on_the_road(stories.ling_registered(START), START, until="authorise")
    told_so = stories.township(story).when(NotifyMissingItems(START, ("户口簿", "收入证明")))
    half = told_so.when(SupplementMaterials(date(2025, 4, 22), ("户口簿",)))
    whole = half.when(SupplementMaterials(date(2025, 4, 23), ("收入证明",)))
    households = lived(databases, projector, told_so, half, whole)
    first, second, third = (said(databases, household, date(2025, 4, 24)) for household in households)
    assert first.case
    assert (first.case.stage, first.case.missing) == ("materials-missing", ["户口簿", "收入证明"])
    assert "户口簿、收入证明" in first.to_do[0]
    assert second.case
    assert (second.case.stage, second.case.missing, second.case.since) == (
        "materials-missing",
        ["收入证明"],
        START,
    )
    assert third.case
    assert (third.case.stage, third.to_do) == ("materials-complete", [])


def test_a_promise_that_was_not_kept_is_said_to_have_passed(
    databases: Databases, projector: Projector
) -> None:
    (household,) = lived(databases, projector, stories.yu_received())
    on_the_day, day_after = (said(databases, household, date(2021, 8, day)).case for day in (2, 3))
    assert on_the_day
    assert on_the_day.next
    assert (on_the_day.next.by, on_the_day.next.passed) == (date(2021, 8, 2), False)
    assert day_after
    assert day_after.next
    assert day_after.next.passed


def refused() -> Life:
    rich = (stories.wage(9_000),)
    story = stories.on_the_road(stories.ling_registered(START), START, until="opine", income=rich)
    return stories.county(story).when(
        ReceiveFile(START), RefuseApplication(START, "income-above-standard", "人均收入超过标准")
    )


def test_the_terms_of_appeal_run_from_the_delivery(databases: Databases, projector: Projector) -> None:
    decided = refused()
    delivered = stories.township(decided).when(DeliverNotice(date(2025, 8, 31), stories.person(decided, 0)))
    waiting, reached = lived(databases, projector, decided, delivered)
    (ruling,) = said(databases, waiting, date(2025, 9, 1)).rulings
    assert (ruling.title, ruling.ground, ruling.delivered_on, ruling.open) == (
        "不予确认",
        "income-above-standard",
        None,
        (),
    )
    assert ruling.remedy
    assert "行政复议" in ruling.remedy
    (ruling,) = said(databases, reached, date(2025, 10, 30)).rulings
    # sixty days, the day of delivery not counted; six months end on February's last day
    assert (ruling.reconsider_by, ruling.sue_by) == (date(2025, 10, 30), date(2026, 2, 28))
    assert ruling.open == ("行政复议", "行政诉讼")
    (ruling,) = said(databases, reached, date(2025, 10, 31)).rulings
    assert ruling.open == ("行政诉讼",)
    assert said(databases, reached, date(2026, 2, 28)).rulings[0].open == ("行政诉讼",)
    assert said(databases, reached, date(2026, 3, 1)).rulings[0].open == ()
    case = said(databases, reached, date(2026, 3, 1)).case
    assert case
    assert (case.stage, case.decided_on, case.next) == ("refused", START, None)


def test_the_terms_of_appeal_run_from_the_day_of_delivery_as_corrected(
    databases: Databases, projector: Projector
) -> None:
    decided = refused()
    story = stories.township(decided).when(DeliverNotice(date(2025, 8, 31), stories.person(decided, 0)))
    right = CorrectDeliveryDay(date(2025, 9, 10), len(story.events), "核对送达回证", date(2025, 9, 3))
    (household,) = lived(databases, projector, story.when(right))
    (ruling,) = said(databases, household, date(2025, 9, 11)).rulings
    assert (ruling.delivered_on, ruling.reconsider_by) == (date(2025, 9, 3), date(2025, 11, 2))


def test_the_family_sees_what_it_receives_and_the_last_payment(
    databases: Databases, projector: Projector
) -> None:
    (household,) = lived(databases, projector, stories.yu_graced())
    status = said(databases, household, date(2022, 12, 1))
    assert (status.category, status.fen, status.grace_to) == ("DIBAO", 100_000, "2023-05")
    assert status.last_paid == ("DIBAO", "2022-11", 100_000, date(2022, 11, 10))
    assert status.review_due == date(2023, 5, 17)
    assert status.case
    assert (status.case.stage, status.case.fen, status.case.first_month) == ("confirmed", 100_000, "2021-08")
    before = said(databases, household, date(2021, 7, 31))
    assert (before.category, before.fen) == ("DIBAO", None)


def test_from_one_category_to_the_next_no_day_is_without(databases: Databases, projector: Projector) -> None:
    (household,) = lived(databases, projector, stories.ling_marginal())
    last, first = (said(databases, household, day) for day in (date(2026, 9, 30), date(2026, 10, 1)))
    assert (last.category, last.fen) == ("DIBAO", 108_000)
    assert (first.category, first.fen, first.grace_to) == ("MARGINAL", None, None)
    (ruling,) = first.rulings
    assert (ruling.kind, ruling.effective_on, ruling.delivered_on) == (
        "termination",
        date(2026, 10, 1),
        date(2026, 9, 11),
    )
    assert first.review_due == date(2027, 3, 22)


def test_a_payment_that_came_back_asks_the_family_for_its_account(
    databases: Databases, projector: Projector
) -> None:
    back = stories.county(stories.ling_confirmed()).when(
        OrderPayment(date(2025, 6, 10)), ReturnPayment(date(2025, 6, 12), "account-closed")
    )
    again = back.when(OrderPayment(date(2025, 6, 20)), SettlePayment(date(2025, 6, 21)))
    returned, paid = lived(databases, projector, back, again)
    assert ["账户" in line for line in said(databases, returned, date(2025, 6, 13)).to_do] == [True]
    status = said(databases, paid, date(2025, 6, 22))
    assert status.to_do == []
    assert status.last_paid == ("DIBAO", "2025-06", 108_000, date(2025, 6, 21))


def test_no_officer_and_no_sealed_word_is_shown(databases: Databases, projector: Projector) -> None:
    every = [stories.yu_exited(), stories.ling_marginal(), refused()]
    for household in lived(databases, projector, *every):
        shown = repr(said(databases, household, date(2026, 11, 1)))
        assert not re.search(r"'[cw]\d'|Private|civil-affairs|township'", shown)


def test_a_household_nobody_knows_has_no_case(databases: Databases, projector: Projector) -> None:
    status = said(databases, UUID(int=7), date(2025, 1, 1))
    assert (status.case, status.rulings, status.to_do, status.category) == (None, [], [], None)

"""M57 art.20–22; M83: ten working days for the county, thirty in all, twenty where the township confirms."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.categories.dibao import IncomeNotBelowStandard
from domain.change.monitoring import ReturnedToMonitoring
from domain.clock.supervision import DeadlineMissed
from domain.decision.confirmation import (
    AlreadyDecided,
    ApplicationRefused,
    ConfirmDibao,
    IncomeBelowStandard,
    RefusalNeedsReasons,
    RefuseApplication,
)
from domain.decision.file import ReceiveFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.opinion import NoticeMissing
from domain.decision.status import Classified
from domain.household.command import Command
from domain.intake.application import AcceptApplication
from domain.papers.notification import DeliverNotice, NothingToDeliver, NoticeDelivered
from domain.values.assessment import IncomeItem
from domain.values.money import Fen
from tests import stories
from tests.scenario import Life, altered, with_pack


def limit(story: Life, what: str) -> date:
    (day,) = [o.due.day for o in story.household.dues if o.due.what == what]
    return day


def missed(story: Life) -> list[tuple[date, str]]:
    """The limits missed, but for the township's sending the file up, which these stories do not tell."""
    noted = [(event.on, event.what) for event in story.events if isinstance(event, DeadlineMissed)]
    return [(on, what) for on, what in noted if what != "DL-DIB-SND"]


def received(on: date) -> Life:
    """The file on the county's desk on a day, everything before it done in time."""
    begun = on - timedelta(days=14)
    story = stories.on_the_road(stories.ling_registered(begun), begun, until="close")
    return story.when(ReceiveFile(on))


@pytest.mark.parametrize(
    ("accepted", "last"),
    [
        (date(2021, 7, 1), date(2021, 8, 12)),
        (date(2025, 3, 3), date(2025, 4, 15)),
        (date(2026, 1, 5), date(2026, 2, 14)),  # a Saturday, worked for Spring Festival
        (date(2025, 9, 15), date(2025, 10, 31)),  # National Day between
        (date(2025, 12, 31), date(2026, 2, 12)),  # the counting begins in the next year
    ],
)
def test_thirty_working_days_from_acceptance_to_decision(accepted: date, last: date) -> None:
    story = stories.on_the_road(stories.ling_registered(accepted), accepted, until="accept")
    assert limit(story, "DL-DIB-TOT") == last


def test_twenty_working_days_where_the_township_confirms_and_only_since_m83() -> None:
    for on, what, last in (
        (date(2026, 1, 5), "DL-DIB-DEL", date(2026, 2, 2)),
        (date(2025, 9, 26), "DL-DIB-DEL", date(2025, 10, 30)),
        (date(2022, 10, 20), "DL-DIB-DEL", date(2022, 11, 17)),
        (date(2022, 10, 19), "DL-DIB-TOT", date(2022, 11, 30)),
    ):
        story = stories.on_the_road(stories.ling_registered(on), on, until="accept", delegated=True)
        assert limit(story, what) == last


@pytest.mark.parametrize(
    ("received_on", "last"),
    [
        (date(2021, 7, 19), date(2021, 8, 2)),
        (date(2026, 2, 13), date(2026, 3, 5)),
        (date(2025, 9, 24), date(2025, 10, 14)),
    ],
)
def test_ten_working_days_from_the_file_to_the_countys_decision(received_on: date, last: date) -> None:
    assert limit(received(received_on), "DL-DIB-CTY") == last


def test_a_decision_on_the_last_day_is_in_time_and_one_on_the_next_is_late_but_stands() -> None:
    story = received(date(2026, 2, 13))
    in_time = story.when(ConfirmDibao(date(2026, 3, 5)))
    assert missed(in_time) == []
    late = story.when(ConfirmDibao(date(2026, 3, 6)))
    assert missed(late) == [(date(2026, 3, 6), "DL-DIB-CTY")]
    late.then(Classified)


def test_the_total_ending_on_a_working_saturday_is_missed_only_on_the_sunday() -> None:
    story = stories.on_the_road(stories.ling_registered(date(2026, 1, 5)), date(2026, 1, 5))
    assert "DL-DIB-TOT" not in {what for _, what in missed(story.passed(date(2026, 2, 14)))}
    assert (date(2026, 2, 15), "DL-DIB-TOT") in missed(story.passed(date(2026, 2, 15)))


def test_a_refusal_is_reasoned_and_names_the_remedies() -> None:
    story = received(date(2025, 5, 7))
    command = RefuseApplication(date(2025, 5, 12), "property-above-limit", "名下有经营性房产")
    story = story.when(command).then(ApplicationRefused)
    refused = story.events[-1]
    assert isinstance(refused, ApplicationRefused)
    assert "60日内向试验三一县人民政府申请行政复议" in refused.remedy
    assert "6个月内依法向人民法院提起行政诉讼" in refused.remedy
    story.no_news(command)


def test_a_refusal_without_reasons_is_no_decision() -> None:
    refusal = received(date(2025, 5, 7)).refused(RefuseApplication(date(2025, 5, 12), "other", "　"))
    assert isinstance(refusal, RefusalNeedsReasons)
    assert refusal.article == "M57 art.21; L26 art.45"


def test_a_family_below_the_standard_is_not_refused_for_its_income() -> None:
    command = RefuseApplication(date(2025, 5, 12), "income-above-standard", "收入超过标准")
    assert isinstance(received(date(2025, 5, 7)).refused(command), IncomeBelowStandard)


def test_the_written_refusal_reaches_the_family_within_three_working_days() -> None:
    story = received(date(2025, 9, 23)).when(RefuseApplication(date(2025, 9, 29), "other", "人户不一致"))
    assert limit(story, "DL-DIB-REF") == date(2025, 10, 10)
    in_time = story.when(DeliverNotice(date(2025, 10, 10), stories.person(story, 0)))
    in_time.then(NoticeDelivered)
    assert missed(in_time) == []
    assert in_time.household.dues == ()
    assert isinstance(
        in_time.refused(DeliverNotice(date(2025, 10, 10), stories.person(story, 0))), NothingToDeliver
    )
    late = story.passed(date(2025, 10, 11))
    assert missed(late) == [(date(2025, 10, 11), "DL-DIB-REF")]


def test_a_refused_family_is_watched_again() -> None:
    story = received(date(2025, 5, 7)).when(RefuseApplication(date(2025, 5, 12), "other", "人户不一致"))
    story = story.passed(date(2025, 5, 12)).then(ReturnedToMonitoring)
    assert {label.label.value for label in story.household.labels} == {"REFUSED"}
    assert story.household.cycle == 2


def test_what_was_decided_is_not_decided_the_other_way() -> None:
    story = received(date(2025, 5, 7)).when(ConfirmDibao(date(2025, 5, 12)))
    story.no_news(ConfirmDibao(date(2025, 5, 12)))
    other: tuple[Command, ...] = (
        RefuseApplication(date(2025, 5, 12), "other", "理由"),
        ConfirmDibao(date(2025, 5, 13)),
    )
    for command in other:
        assert isinstance(story.refused(command), AlreadyDecided)


@pytest.mark.parametrize(("fen", "confirmed"), [(167_999, True), (168_000, False), (168_001, False)])
def test_only_income_strictly_below_the_standard_enters(fen: int, confirmed: bool) -> None:
    on = date(2025, 4, 21)
    item = IncomeItem("property", "monthly", Fen(fen))
    story = stories.on_the_road(stories.ling_registered(on), on, until="opine", income=(item,))
    if confirmed:
        story = stories.township(story).when(PostNotice(on), CloseNotice(date(2025, 4, 28)))
        story = stories.county(story).when(ReceiveFile(date(2025, 4, 28)), ConfirmDibao(date(2025, 4, 28)))
        assert story.household.benefits[-1].fen == 1
    else:
        refusal = story.when(ReceiveFile(on)).refused(ConfirmDibao(on))
        assert isinstance(refusal, IncomeNotBelowStandard)


def test_a_proposal_to_refuse_is_not_confirmed_unseen_by_the_village() -> None:
    """The standard rose after the opinion: the family now fits, but no notice told the village so."""
    on = date(2025, 4, 21)
    story = stories.on_the_road(
        stories.ling_registered(on), on, until="opine", income=(stories.other(1_680),)
    )
    story = story.when(ReceiveFile(on))
    raised = with_pack(story, altered("990301", "dibao.standard.rural", 60_000, "fen/person-month"))
    assert isinstance(raised.refused(ConfirmDibao(date(2025, 4, 30))), NoticeMissing)


def test_accepting_twice_is_no_news() -> None:
    on = date(2025, 4, 21)
    story = stories.on_the_road(stories.ling_registered(on), on, until="accept")
    stories.township(story).no_news(AcceptApplication(on))

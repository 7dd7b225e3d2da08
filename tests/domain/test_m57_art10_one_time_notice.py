"""M57 art.10; L26 art.62: what is missing is said once, all of it, and before acceptance."""

from __future__ import annotations

from datetime import date

from domain.clock.supervision import DeadlineMissed
from domain.intake.application import AcceptApplication, Apply, FileIncomplete
from domain.intake.completeness import (
    AlreadyAccepted,
    NothingMissing,
    NotifyMissingItems,
    OneNoticeOnly,
    SupplementMaterials,
)
from tests import stories
from tests.scenario import Life

ON = date(2025, 4, 21)
ITEMS = ("残疾人证", "收入证明")


def applied() -> Life:
    story = stories.ling_registered(ON)
    return story.when(Apply(ON, stories.person(story, 0)))


def test_a_second_notice_with_other_items_is_refused() -> None:
    story = applied().when(NotifyMissingItems(ON, ITEMS))
    refusal = story.refused(NotifyMissingItems(date(2025, 4, 23), ("结婚证",)))
    assert isinstance(refusal, OneNoticeOnly)
    assert refusal.article == "M57 art.10"


def test_adding_one_item_to_the_list_later_is_a_second_notice() -> None:
    story = applied().when(NotifyMissingItems(ON, ITEMS))
    assert isinstance(story.refused(NotifyMissingItems(ON, (*ITEMS, "结婚证"))), OneNoticeOnly)


def test_the_same_notice_again_in_another_order_is_no_news() -> None:
    applied().when(NotifyMissingItems(ON, ITEMS)).no_news(NotifyMissingItems(ON, ITEMS[::-1]))


def test_a_notice_that_names_nothing_is_refused() -> None:
    assert isinstance(applied().refused(NotifyMissingItems(ON, ())), NothingMissing)


def test_acceptance_waits_for_the_last_of_the_items() -> None:
    story = applied().when(NotifyMissingItems(ON, ITEMS), SupplementMaterials(ON, ("残疾人证",)))
    refusal = story.refused(AcceptApplication(ON))
    assert isinstance(refusal, FileIncomplete)
    assert refusal.facts == {"missing": "收入证明"}
    story.when(SupplementMaterials(ON, ("收入证明",)), AcceptApplication(ON))


def test_a_written_promise_replaces_a_paper() -> None:
    story = applied().when(NotifyMissingItems(ON, ITEMS), SupplementMaterials(ON, ITEMS, by_promise=True))
    story.when(AcceptApplication(ON))


def test_nothing_is_missing_any_more_once_accepted() -> None:
    story = applied().when(AcceptApplication(ON))
    assert isinstance(story.refused(NotifyMissingItems(ON, ITEMS)), AlreadyAccepted)


def test_the_application_is_accepted_or_answered_within_five_working_days() -> None:
    (due,) = applied().household.limits.dues
    assert (due.due.what, due.due.day) == ("DL-ONE-NOTICE", date(2025, 4, 27))  # a make-up Sunday
    late = applied().passed(date(2025, 4, 28))
    late.then(DeadlineMissed)
    for answer in (NotifyMissingItems(ON, ITEMS), AcceptApplication(ON)):
        story = applied().when(answer)
        assert "DL-ONE-NOTICE" not in {o.due.what for o in story.household.limits.dues}


def test_materials_handed_in_twice_are_no_news() -> None:
    story = applied().when(NotifyMissingItems(ON, ITEMS), SupplementMaterials(ON, ITEMS))
    story.no_news(SupplementMaterials(ON, ("收入证明",)))

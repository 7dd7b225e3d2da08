"""M57 art.10; L26 art.37, 70: what is not accepted has a ground of the list, reasons, a remedy, and a way back."""

from __future__ import annotations

from datetime import date

import pytest

from domain.change.monitoring import ReturnedToMonitoring
from domain.clock.supervision import DeadlineMissed
from domain.guards.order_of_steps import StepsOutOfOrder
from domain.guards.procedure_guards import NotApplied
from domain.household.context import NotCompetent
from domain.intake.application import AcceptApplication, Apply
from domain.intake.application_closure import (
    AcceptedIsDecided,
    ApplicationNotAccepted,
    DeclineApplication,
    DeclineContradicted,
    DeclineNeedsReasons,
    NoTermForSupplement,
    RightPlaceMissing,
    SupplementTermRuns,
)
from domain.intake.application_place import Place
from domain.intake.completeness import (
    MissingItemsNotified,
    NotifyMissingItems,
    PaperNotToBeAsked,
    SupplementMaterials,
    SupplementTermSet,
)
from domain.intake.mandate import Mandate
from domain.papers.notification import DeliverNotice
from domain.values.person import PersonId
from domain.values.spells import Label, holds
from tests import stories
from tests.scenario import Life, altered, with_pack

ON, END = date(2025, 4, 21), date(2025, 4, 28)
AWAY = DeclineApplication(ON, "wrong-place", "户籍不在本县", place="990801100")
TERM = altered("990301", "deadline.DL-SUP", 10, "wd")


def known(on: date = ON) -> Life:
    return stories.ling_registered(on)


def head() -> PersonId:
    return stories.person(known(), 0)


def applied(place: Place | None = None) -> Life:
    return known().when(Apply(ON, head(), place=place))


def limits(story: Life) -> dict[str, date]:
    return {open_due.due.what: open_due.due.day for open_due in story.household.limits.dues}


def test_it_ends_the_case_and_tells_place_and_remedy() -> None:
    story = applied().when(AWAY).then(ApplicationNotAccepted)
    told = story.events[-1]
    assert isinstance(told, ApplicationNotAccepted)
    assert told.place == "990801100"
    assert "60日内向试验三一县人民政府申请行政复议" in told.remedy
    assert "户籍" not in repr(told.reasons)
    assert told.decider.organ == "990301100/township"
    assert story.household.case is None
    assert story.household.last_case is not None
    assert story.household.last_case.outcome == "not-accepted"
    story.no_news(AWAY)


def test_the_written_notice_is_due_and_closed_by_its_delivery() -> None:
    story = applied().when(AWAY)
    assert limits(story) == {"DL-NAC": date(2025, 4, 24), "return-to-monitoring": ON}
    assert any(isinstance(e, DeadlineMissed) for e in story.passed(date(2025, 4, 25)).events)
    delivered = story.when(DeliverNotice(date(2025, 4, 23), head()))
    assert "DL-NAC" not in limits(delivered)
    assert delivered.household.papers.undelivered == ()


def test_the_family_is_watched_and_may_apply_again() -> None:
    story = applied().when(AWAY).passed(END).then(ReturnedToMonitoring, DeadlineMissed)
    assert any(each.label is Label.REFUSED and holds(each, END) for each in story.household.status.labels)
    again = story.when(Apply(END, head()))
    assert again.household.case is not None
    again.when(AcceptApplication(END))


def test_only_the_township_that_was_asked_declines() -> None:
    assert isinstance(stories.county(applied()).refused(AWAY), NotCompetent)
    assert applied().by("990801100/township").refused(AWAY).code == "outside-jurisdiction"
    agent = known().when(Apply(ON, head(), "agent", mandate=Mandate("other", "代某", "1号", officer="w1")))
    assert agent.refused(AWAY).code == "agent-may-not-handle"


def test_what_is_accepted_is_decided() -> None:
    story = applied().when(AcceptApplication(ON))
    assert isinstance(story.refused(AWAY), AcceptedIsDecided)


def test_it_needs_reasons_and_is_not_dated_before_the_application() -> None:
    assert isinstance(applied().refused(DeclineApplication(ON, "wrong-place", " ")), DeclineNeedsReasons)
    early = DeclineApplication(date(2025, 4, 20), "wrong-place", "户籍不在本县", "990801100")
    assert isinstance(applied().refused(early), StepsOutOfOrder)


@pytest.mark.parametrize("ground", ["wrong-place", "under-way-elsewhere"])
def test_the_right_place_is_told(ground: str) -> None:
    asked = DeclineApplication(ON, ground, "理由")  # type: ignore[arg-type]
    assert isinstance(applied().refused(asked), RightPlaceMissing)


def test_the_right_place_is_not_this_one() -> None:
    for code in ("990301100201", "990301100"):
        asked = DeclineApplication(ON, "wrong-place", "理由", code)
        assert isinstance(applied().refused(asked), DeclineContradicted)
    another_township = DeclineApplication(ON, "wrong-place", "理由", "110101")
    applied().when(another_township).then(ApplicationNotAccepted)


def test_who_is_registered_here_is_in_the_right_place() -> None:
    assert isinstance(applied(Place("990301100")).refused(AWAY), DeclineContradicted)
    applied(Place("990801100")).when(AWAY).then(ApplicationNotAccepted)


def test_who_receives_nothing_is_not_declined_as_aided_already() -> None:
    asked = DeclineApplication(ON, "already-aided", "已享受")
    assert isinstance(applied().refused(asked), DeclineContradicted)
    applied().when(DeclineApplication(ON, "already-aided", "在原籍享受", "990801")).then(
        ApplicationNotAccepted
    )
    stories.township(stories.ling_in_dibao(ON)).when(
        DeclineApplication(END, "already-aided", "已是低保")
    ).then(ApplicationNotAccepted)


def test_a_member_is_not_declined_as_a_stranger() -> None:
    asked = DeclineApplication(ON, "not-a-member", "不是成员", applicant=head())
    assert isinstance(applied().refused(asked), DeclineContradicted)
    assert isinstance(known().refused(asked), DeclineContradicted)


def test_at_the_door_it_is_recorded_without_a_case() -> None:
    refused = DeclineApplication(ON, "promise-refused", "拒签承诺书", applicant=head())
    story = known().when(refused).then(ApplicationNotAccepted)
    assert story.household.cases.procedures == ()
    assert limits(story) == {"DL-NAC": date(2025, 4, 24)}
    story.no_news(refused)
    stranger = DeclineApplication(ON, "not-a-member", "已分户")
    story.when(stranger).then(ApplicationNotAccepted)
    story.when(Apply(ON, head()), AcceptApplication(ON))


def test_who_promised_did_not_refuse_to() -> None:
    asked = DeclineApplication(ON, "promise-refused", "拒签承诺书")
    assert isinstance(applied().refused(asked), DeclineContradicted)


# --- what was asked for and did not come


def test_the_nation_sets_no_term_to_supplement_and_without_one_nothing_lapses() -> None:
    story = applied().when(NotifyMissingItems(ON, ("残疾人证",))).then(MissingItemsNotified)
    late = DeclineApplication(date(2025, 12, 1), "not-supplemented", "未补")
    assert isinstance(story.refused(late), NoTermForSupplement)


def test_where_a_place_sets_one_its_last_day_still_belongs_to_the_family() -> None:
    story = with_pack(applied(), TERM).when(NotifyMissingItems(ON, ("残疾人证",)))
    story.then(MissingItemsNotified, SupplementTermSet)
    last = date(2025, 5, 7)  # ten working days over the May holiday
    assert limits(story)["DL-SUP"] == last
    refusal = story.refused(DeclineApplication(last, "not-supplemented", "未补"))
    assert isinstance(refusal, SupplementTermRuns)
    assert refusal.facts["until"] == last
    story.when(DeclineApplication(date(2025, 5, 8), "not-supplemented", "未补")).then(ApplicationNotAccepted)


def test_papers_that_come_late_but_before_the_answer_are_accepted() -> None:
    story = with_pack(applied(), TERM).when(NotifyMissingItems(ON, ("残疾人证",)))
    story = story.when(SupplementMaterials(date(2025, 5, 9), ("残疾人证",)))
    asked = DeclineApplication(date(2025, 5, 9), "not-supplemented", "未补")
    assert isinstance(story.refused(asked), DeclineContradicted)
    story = story.when(AcceptApplication(date(2025, 5, 9)))
    assert "DL-SUP" not in limits(story)


def test_nobody_lapses_who_was_not_told() -> None:
    asked = DeclineApplication(END, "not-supplemented", "未补")
    assert isinstance(with_pack(applied(), TERM).refused(asked), DeclineContradicted)
    assert isinstance(known().refused(asked), DeclineContradicted)


def test_what_the_office_can_look_up_is_not_asked_for() -> None:
    """M57 art.10; L26 art.62: nor may it hide among papers that may be asked for."""
    listed = altered("990301", "procedure.papers-from-platform", ["户口簿"], "words")
    story = with_pack(applied(), listed)
    refusal = story.refused(NotifyMissingItems(ON, ("残疾人证", "户口簿")))
    assert isinstance(refusal, PaperNotToBeAsked)
    assert refusal.facts == {"paper": "户口簿"}
    story.when(NotifyMissingItems(ON, ("残疾人证",)))
    applied().when(NotifyMissingItems(ON, ("户口簿",)))


def test_the_notice_is_not_dated_before_the_application_and_names_no_blank() -> None:
    assert isinstance(applied().refused(NotifyMissingItems(date(2025, 4, 20), ("甲",))), StepsOutOfOrder)
    assert applied().refused(NotifyMissingItems(ON, ("甲", " "))).code == "nothing-missing"
    assert isinstance(known().refused(NotifyMissingItems(ON, ("甲",))), NotApplied)

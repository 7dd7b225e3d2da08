"""M57 art.20, 36, 37: complaints come at any time, oblige the county to a visit, and are answered."""

from __future__ import annotations

from datetime import date

import pytest

from domain.clock.supervision import DeadlineMissed
from domain.decision.confirmation import (
    ApplicationRefused,
    ConfirmDibao,
    CountyVisitRequired,
    RefuseApplication,
)
from domain.decision.status import Classified
from domain.inquiry.complaint import (
    AnswerComplaint,
    AnswerNeedsFinding,
    ComplainantUntold,
    ComplaintAnswered,
    ComplaintEmpty,
    ComplaintReceived,
    NoOpenComplaint,
    ReceiveComplaint,
)
from domain.inquiry.verification import VisitHome
from tests import stories
from tests.scenario import Life

ON, END = date(2025, 4, 14), date(2025, 4, 21)
DECIDED = date(2025, 4, 30)


def received() -> Life:
    return stories.on_the_road(stories.ling_registered(ON), ON)


def complain(on: date, name: str | None = None) -> ReceiveComplaint:
    return ReceiveComplaint(on, "hotline", "eligibility", "反映该户有经营收入", name)


def visit(story: Life, on: date) -> VisitHome:
    return VisitHome(on, ("c2", "c3"), stories.person(story, 0))


def test_one_during_review_obliges_the_county_to_visit_before_either_decision() -> None:
    story = received().when(complain(END)).then(ComplaintReceived)
    for command in (ConfirmDibao(DECIDED), RefuseApplication(DECIDED, "other", "另有收入")):
        assert isinstance(story.refused(command), CountyVisitRequired)
    visited = story.when(visit(story, DECIDED))
    visited.when(ConfirmDibao(DECIDED)).then(Classified)
    visited.when(RefuseApplication(DECIDED, "other", "另有收入")).then(ApplicationRefused)


def test_a_visit_made_before_the_complaint_does_not_answer_it() -> None:
    story = received()
    story = story.when(visit(story, END), complain(date(2025, 4, 22)))
    assert isinstance(story.refused(ConfirmDibao(DECIDED)), CountyVisitRequired)
    story.when(visit(story, date(2025, 4, 22)), ConfirmDibao(DECIDED)).then(Classified)


def test_one_before_the_application_or_about_an_earlier_case_obliges_to_no_visit() -> None:
    story = stories.ling_registered(ON).when(complain(ON))
    stories.on_the_road(story, ON).when(ConfirmDibao(DECIDED)).then(Classified)
    decided = received().when(ConfirmDibao(END), complain(END))
    event = decided.events[-1]
    assert isinstance(event, ComplaintReceived)
    assert event.during is None


def test_who_complained_is_sealed_under_an_owner_of_its_own() -> None:
    story = received().when(complain(END, "赵某"))
    event = story.events[-1]
    assert isinstance(event, ComplaintReceived)
    assert event.name is not None
    assert event.name.owner not in {story.household.id, *(m.person for m in story.household.members)}
    assert event.named


@pytest.mark.parametrize(("day", "late"), [(date(2025, 5, 6), False), (date(2025, 5, 7), True)])
def test_it_is_answered_within_its_days_whatever_becomes_of_the_case(day: date, late: bool) -> None:
    story = received().when(complain(END, "赵某"))
    assert [o.due.day for o in story.household.dues if o.due.what == "DL-CMP-ANS"] == [date(2025, 5, 6)]
    story = story.when(visit(story, END), ConfirmDibao(END))
    story = story.when(AnswerComplaint(day, "unsubstantiated", "经营已停止")).then(ComplaintAnswered)
    assert "DL-CMP-ANS" not in {o.due.what for o in story.household.dues}
    assert bool([e for e in story.events if isinstance(e, DeadlineMissed) and e.what == "DL-CMP-ANS"]) == late


def test_a_named_one_is_closed_only_when_its_maker_was_told() -> None:
    untold = AnswerComplaint(END, "substantiated", "属实", told=False)
    named, anonymous = received().when(complain(END, "赵某")), received().when(complain(END))
    assert isinstance(named.refused(untold), ComplainantUntold)
    event = anonymous.when(untold).events[-1]
    assert isinstance(event, ComplaintAnswered)
    assert not event.told


def test_several_are_answered_each_the_oldest_first() -> None:
    story = received().when(complain(END), complain(date(2025, 4, 22)))
    first, second = (each.id for each in story.household.complaints)
    story = story.when(AnswerComplaint(DECIDED, "unsubstantiated", "不实"))
    assert [each.answered_on for each in story.household.complaints] == [DECIDED, None]
    story = story.when(AnswerComplaint(DECIDED, "unsubstantiated", "不实", about=second))
    story.no_news(AnswerComplaint(DECIDED, "unsubstantiated", "不实", about=first))
    assert isinstance(story.refused(AnswerComplaint(DECIDED, "substantiated", "属实")), NoOpenComplaint)


def test_neither_is_empty() -> None:
    assert isinstance(received().refused(ReceiveComplaint(END, "letter", "staff", " ")), ComplaintEmpty)
    story = received().when(complain(END))
    assert isinstance(story.refused(AnswerComplaint(END, "substantiated", "")), AnswerNeedsFinding)


def test_a_late_objection_to_the_notice_is_recorded_as_one() -> None:
    story = received()
    late = date(2025, 4, 22)
    story.when(complain(late)).then(ComplaintReceived)

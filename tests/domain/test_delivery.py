"""A document reaches the family in a proper way, and from that day its periods of appeal run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.change.hearing import HearOpinion
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import RefuseApplication
from domain.guards.order_of_steps import StepsOutOfOrder
from domain.papers.delivery import (
    AlreadyDelivered,
    AnnouncementIsLast,
    DeliverDocument,
    DeliveryFailed,
    DocumentDelivered,
    ElectronicNotAgreed,
    MethodNotAllowed,
    NoteFailedDelivery,
    NotForDelivery,
    ReceiverIsMinor,
    ReceiverMissing,
    WitnessesMissing,
)
from domain.papers.documents import DocumentUnknown, IssueDocument
from domain.papers.notification import DeliverNotice, NoticeDelivered
from domain.values.issued import DeliveryMethod, FailureCause, IssuedDocument
from domain.values.person import PersonId
from domain.values.refusals import Refusal
from tests import stories
from tests.domain.printing import issued, last, printing
from tests.scenario import SEED, Life, altered, with_pack

ON = date(2025, 4, 21)
REFUSED = date(2025, 4, 29)


def refused(on: date = ON) -> Life:
    """The family refused eight days after it applied, its decision issued that day, the county acting."""
    story = stories.on_the_road(stories.ling_registered(on), on)
    case = story.household.case
    assert case is not None
    assert case.file_received_on is not None
    day = case.file_received_on
    return issued(story.when(RefuseApplication(day, "other", "理由")), "refusal-decision", day)


def head(story: Life) -> PersonId:
    return stories.person(story, 0)


def delivered(story: Life, on: date, document: IssuedDocument | None = None) -> Life:
    return story.when(DeliverDocument(on, (document or last(story)).id, received_by=head(story)))


def dues(story: Life) -> dict[str, tuple[date, str]]:
    return {o.due.what: (o.due.day, o.due.kind) for o in story.household.limits.dues}


def test_delivering_a_refusal_meets_its_term_and_starts_the_periods_of_appeal() -> None:
    story = refused()
    assert "DL-DIB-REF" in dues(story)
    assert story.household.papers.undelivered
    story = delivered(story, date(2025, 4, 30)).then(DocumentDelivered)
    assert "DL-DIB-REF" not in dues(story)
    assert story.household.papers.undelivered == ()
    # 60 days end on Sunday 2025-06-29 and run on to Monday; six months on Thursday 2025-10-30
    assert dues(story)["DL-FXS-FILE"] == (date(2025, 6, 30), "period")
    assert dues(story)["DL-XSL-FILE"] == (date(2025, 10, 30), "period")
    subject = last(story).subject
    assert {o.due.subject for o in story.household.limits.dues if o.due.kind == "period"} == {subject}


@pytest.mark.parametrize(
    ("on", "until"),
    [
        (date(2025, 5, 2), date(2025, 7, 1)),  # the sixtieth day, a Tuesday
        (date(2025, 5, 6), date(2025, 7, 7)),  # a Saturday, run on to Monday
        (date(2025, 8, 4), date(2025, 10, 9)),  # 3 October lies in the holidays, which end on the 8th
    ],
)
def test_a_term_that_ends_on_a_rest_day_runs_on(on: date, until: date) -> None:
    assert dues(delivered(refused(), on))["DL-FXS-FILE"][0] == until


def test_six_months_end_with_the_month_that_has_no_such_day() -> None:
    story = delivered(refused(), date(2025, 8, 29))
    assert dues(story)["DL-XSL-FILE"][0] == date(2026, 2, 28)  # a working Saturday, moved for the holidays


def test_a_document_without_appeal_starts_no_period() -> None:
    story = stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="accept"))
    story = delivered(issued(story, "acceptance-notice", ON), ON)
    assert not {"DL-FXS-FILE", "DL-XSL-FILE"} & set(dues(story))
    assert last(story).delivered_on == ON


def test_a_notice_delivered_is_the_delivery_of_its_document_and_only_one_fact() -> None:
    story = refused()
    story = story.when(DeliverNotice(date(2025, 4, 30), head(story))).then(DocumentDelivered)
    assert not [event for event in story.events if isinstance(event, NoticeDelivered)]
    assert last(story).delivered_on == date(2025, 4, 30)
    assert "DL-FXS-FILE" in dues(story)
    story.no_news(DeliverDocument(date(2025, 4, 30), last(story).id, received_by=head(story)))


def test_a_notice_without_its_document_is_delivered_as_before() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    story = story.when(RefuseApplication(REFUSED, "other", "理由"), DeliverNotice(REFUSED, head(story)))
    story.then(NoticeDelivered)
    assert "DL-DIB-REF" not in dues(story)


def test_delivering_a_termination_takes_it_off_what_waits() -> None:
    story = stories.ling_heard()
    story = stories.county(story).when(
        TerminateBenefit(date(2026, 9, 10), "income-above-standard", "人均收入超过标准")
    )
    story = issued(story, "termination-notice", date(2026, 9, 10))
    assert story.household.papers.undelivered
    story = delivered(story, date(2026, 9, 11))
    assert story.household.papers.undelivered == ()
    assert "DL-FXS-FILE" in dues(story)


def test_delivering_the_result_of_the_check_is_telling_it() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="report", eligible=False)
    assert "DL-DIB-TELL" in dues(story)
    story = delivered(issued(stories.township(story), "verification-result", ON), ON)
    assert "DL-DIB-TELL" not in dues(story)
    case = story.household.case
    assert case is not None
    assert case.told_on == ON


def test_a_document_is_delivered_once() -> None:
    story = delivered(refused(), date(2025, 4, 30))
    again = DeliverDocument(date(2025, 4, 30), last(story).id, received_by=head(story))
    story.no_news(again)
    assert isinstance(story.refused(replace(again, on=date(2025, 5, 6))), AlreadyDelivered)
    late = NoteFailedDelivery(date(2025, 5, 6), "absent", last(story).id)
    assert isinstance(story.refused(late), AlreadyDelivered)


def test_a_document_left_unnamed_is_the_last_one_that_waits() -> None:
    story = stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="accept"))
    assert isinstance(story.refused(DeliverDocument(ON, received_by=head(story))), DocumentUnknown)
    story = issued(issued(story, "acceptance-notice", ON), "verification-authorisation", ON)
    story = story.when(DeliverDocument(ON, received_by=head(story)))
    assert [each.delivered_on for each in story.household.papers.documents] == [ON, None]
    story.no_news(DeliverDocument(ON, received_by=head(story)))


def test_nothing_is_delivered_before_it_was_issued() -> None:
    story = refused()
    early = DeliverDocument(date(2025, 4, 27), last(story).id, received_by=head(story))
    assert isinstance(story.refused(early), StepsOutOfOrder)


def test_forms_of_the_file_are_not_delivered() -> None:
    story = issued(
        stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="authorise")),
        "verification-authorisation",
        ON,
    )
    assert isinstance(story.refused(DeliverDocument(ON, last(story).id)), NotForDelivery)


@pytest.mark.parametrize(
    ("method", "given", "refusal"),
    [
        ("direct", {}, ReceiverMissing),
        ("direct", {"recipient": "邻居某某"}, None),
        ("proxy", {}, ReceiverMissing),
        ("proxy", {"recipient": "外县民政局"}, None),
        ("left-with-witnesses", {}, WitnessesMissing),
        ("left-with-witnesses", {"witnesses": "　"}, WitnessesMissing),
        ("left-with-witnesses", {"witnesses": "村委会甲某，已录像"}, None),
        ("electronic", {}, ElectronicNotAgreed),
        ("electronic", {"agreed": True}, None),
        ("mail", {}, None),
        ("public-announcement", {}, AnnouncementIsLast),
    ],
)
def test_each_way_has_its_conditions(
    method: DeliveryMethod, given: dict[str, str], refusal: type[Refusal] | None
) -> None:
    story = refused()
    command = DeliverDocument(REFUSED, last(story).id, method, **given)  # type: ignore[arg-type]
    if refusal is not None:
        assert isinstance(story.refused(command), refusal)
    else:
        story.when(command).then(DocumentDelivered)


def test_a_child_does_not_sign_for_the_family_until_it_is_of_age() -> None:
    story = stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="accept"))
    story = issued(story, "acceptance-notice", ON)
    son = stories.person(story, 2)  # born 2012-03-20
    eve = DeliverDocument(date(2030, 3, 19), last(story).id, received_by=son)
    assert isinstance(story.refused(eve), ReceiverIsMinor)
    assert [type(event) for event in story.asked(replace(eve, on=date(2030, 3, 20)))] == [DocumentDelivered]


@pytest.mark.parametrize(
    ("on", "counts_from"),
    [(date(2021, 12, 30), date(2022, 2, 28)), (date(2022, 1, 4), date(2022, 2, 3))],
)
def test_an_announcement_counts_after_sixty_days_until_2022_and_thirty_since(
    on: date, counts_from: date
) -> None:
    story = refused(date(2021, 12, 6))
    document = last(story).id
    story = story.when(NoteFailedDelivery(on, "unreachable", document)).then(DeliveryFailed)
    story = story.when(DeliverDocument(on, document, "public-announcement"))
    assert last(story).delivered_on == counts_from
    assert dues(story)["DL-FXS-FILE"][0] > counts_from
    assert "DL-DIB-REF" not in dues(story)


@pytest.mark.parametrize("cause", ["absent", "refused"])
def test_the_same_failed_attempt_is_told_once(cause: FailureCause) -> None:
    story = refused()
    attempt = NoteFailedDelivery(REFUSED, cause, last(story).id)
    story = story.when(attempt)
    story.no_news(attempt)
    story = story.when(replace(attempt, method="mail"))
    assert len(last(story).failures) == 2
    assert last(story).delivered_on is None


def test_a_place_may_leave_a_way_out() -> None:
    story = with_pack(refused(), altered("990301", "delivery.methods", ["direct", "mail"], "words"))
    story = printing(story)
    agreed = DeliverDocument(REFUSED, last(story).id, "electronic", agreed=True)
    assert isinstance(story.refused(agreed), MethodNotAllowed)
    story.when(replace(agreed, method="mail")).then(DocumentDelivered)


def test_a_corrected_decision_gives_the_whole_term_anew() -> None:
    story = delivered(refused(), date(2025, 4, 30))
    wrong = last(story)
    story = story.when(
        IssueDocument(date(2025, 6, 3), "refusal-decision", replaces=wrong.id, reason="理由有误")
    )
    story = delivered(story, date(2025, 6, 4))
    assert dues(story)["DL-FXS-FILE"][0] == date(2025, 8, 4)
    assert [o.due.what for o in story.household.limits.dues].count("DL-FXS-FILE") == 1


def test_hearing_record_is_printed_for_who_was_heard_and_not_for_a_substitute() -> None:
    on = date(2026, 9, 3)
    story = stories.township(stories.ling_graced())
    story = story.when(HearOpinion(on, heard=head(story), statement="同意"))
    story = issued(story, "hearing-record", on)
    assert last(story).step_on == on
    assert last(story).subject == story.household.id
    assert last(story).id != SEED

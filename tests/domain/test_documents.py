"""A document certifies a step that was taken, says whose it is and on which papers, and is never changed."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from domain.decision.confirmation import RefuseApplication
from domain.guards.order_of_steps import StepsOutOfOrder
from domain.household.parts import Undelivered
from domain.inquiry.verification import VisitHome
from domain.intake.completeness import NotifyMissingItems
from domain.papers.delivery import DeliverDocument
from domain.papers.documents import (
    AWAITED,
    BASIS,
    INTERNAL,
    REMEDIED,
    DocumentIssued,
    DocumentNotPrinted,
    DocumentReplaced,
    DocumentUnknown,
    IssuedByAnother,
    IssueDocument,
    OtherKindReplaced,
    ReplacementNeedsReason,
    StepNotTaken,
)
from domain.papers.notification import DeliverNotice
from domain.values.issued import DOCUMENT_WORDS, METHOD_WORDS, DeliveryMethod, DocumentKind
from domain.values.person import PersonId
from domain.values.receipt import Actor
from domain.values.sources import cited
from tests import stories
from tests.domain.printing import issued, last, printing
from tests.scenario import SEED, Life, reference

ON, END = date(2025, 4, 21), date(2025, 4, 28)
KINDS: tuple[DocumentKind, ...] = get_args(DocumentKind)


def up_to(step: str, **how: bool) -> Life:
    return printing(stories.on_the_road(stories.ling_registered(ON), ON, until=step, **how))  # type: ignore[arg-type]


def township(story: Life) -> Life:
    return stories.township(story)


def refused() -> Life:
    """The family refused on 2025-04-29, the county acting."""
    return up_to("receive").when(RefuseApplication(date(2025, 4, 29), "other", "理由"))


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_issued_before_its_step(kind: DocumentKind) -> None:
    known = printing(stories.ling_registered(ON))
    refusal = known.refused(IssueDocument(ON, kind))
    assert isinstance(refusal, StepNotTaken)
    assert DOCUMENT_WORDS[kind] in refusal.sentence


def test_a_step_taken_for_one_kind_is_none_for_another() -> None:
    story = township(up_to("authorise"))
    assert isinstance(story.refused(IssueDocument(ON, "acceptance-notice")), StepNotTaken)
    accepted = township(up_to("accept"))
    accepted.when(IssueDocument(ON, "acceptance-notice")).then(DocumentIssued)
    assert isinstance(accepted.refused(IssueDocument(ON, "refusal-decision")), StepNotTaken)
    confirmed = printing(stories.ling_in_dibao(ON))
    assert isinstance(confirmed.refused(IssueDocument(END, "refusal-decision")), StepNotTaken)
    assert isinstance(refused().refused(IssueDocument(END, "confirmation-notice")), StepNotTaken)


def test_no_document_is_dated_before_its_step() -> None:
    story = township(up_to("accept"))
    assert isinstance(story.refused(IssueDocument(date(2025, 4, 20), "acceptance-notice")), StepsOutOfOrder)
    story.when(IssueDocument(ON, "acceptance-notice"))


def test_a_document_about_a_step_is_issued_once() -> None:
    story = issued(township(up_to("accept")), "acceptance-notice", ON)
    story.no_news(IssueDocument(date(2025, 4, 25), "acceptance-notice"))
    assert [each.kind for each in story.household.papers.documents] == ["acceptance-notice"]


def test_alike_steps_of_one_case_have_a_document_each() -> None:
    story = township(up_to("report"))
    head = stories.person(story, 0)
    story = story.when(VisitHome(ON, ("w1", "w2"), head), VisitHome(date(2025, 4, 24), ("w1", "w2"), head))
    story = story.when(IssueDocument(date(2025, 4, 24), "home-visit-form"))
    assert last(story).step_on == date(2025, 4, 24)
    story = story.when(IssueDocument(date(2025, 4, 24), "home-visit-form", step_on=ON))
    assert last(story).step_on == ON
    other = IssueDocument(date(2025, 4, 24), "home-visit-form", step_on=date(2025, 4, 22))
    assert isinstance(story.refused(other), StepNotTaken)


def test_what_was_not_printed_is_not_issued() -> None:
    story = township(stories.on_the_road(stories.ling_registered(ON), ON, until="accept"))
    assert isinstance(story.refused(IssueDocument(ON, "acceptance-notice")), DocumentNotPrinted)


def test_a_decision_is_issued_by_the_organ_that_decided() -> None:
    county = "990301/civil-affairs"
    story = printing(township(refused()), county)
    assert isinstance(story.refused(IssueDocument(END, "refusal-decision")), StepsOutOfOrder)
    on = date(2025, 4, 29)
    assert isinstance(story.refused(IssueDocument(on, "refusal-decision")), IssuedByAnother)
    stories.county(story).when(IssueDocument(on, "refusal-decision"))


def test_the_papers_cited_are_those_in_force_on_the_day_of_the_step() -> None:
    before = printing(stories.ling_in_dibao(date(2026, 6, 1)))
    late = before.when(IssueDocument(date(2026, 8, 3), "confirmation-notice"))
    assert late.events[-1].legal_basis == "M57 art.21, 23, 25"  # type: ignore[attr-defined]
    after = printing(stories.ling_in_dibao(date(2026, 7, 6)))
    same = after.when(IssueDocument(date(2026, 8, 3), "confirmation-notice"))
    assert same.events[-1].legal_basis == "M57 art.21, 23, 25; L26 art.18"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_rests_on_papers_that_are_known(kind: DocumentKind) -> None:
    rules = reference().context("370786101215", date(2026, 8, 3), Actor("w1"), SEED).rules(date(2026, 8, 3))
    assert cited(BASIS[kind], rules)


def test_refusals_tell_where_to_appeal_and_other_documents_do_not() -> None:
    said = issued(refused(), "refusal-decision", date(2025, 4, 29)).events[-1]
    assert isinstance(said, DocumentIssued)
    assert said.remedy is not None
    assert "60日内向试验三一县人民政府申请行政复议" in said.remedy
    assert "6个月内依法向人民法院提起行政诉讼" in said.remedy
    plain = issued(township(up_to("accept")), "acceptance-notice", ON).events[-1]
    assert plain.remedy is None  # type: ignore[attr-defined]
    assert not REMEDIED & INTERNAL
    assert set(AWAITED) <= set(KINDS) - INTERNAL


def test_a_wrong_document_is_replaced_and_stays() -> None:
    story = issued(township(up_to("accept")), "acceptance-notice", ON)
    wrong = last(story)
    corrected = IssueDocument(END, "acceptance-notice", replaces=wrong.id, reason="姓名有误")
    story = story.when(corrected)
    assert [each.replaced for each in story.household.papers.documents] == [True, False]
    assert last(story).subject == wrong.subject
    assert story.events[-1].cause.value == "姓名有误"  # type: ignore[attr-defined]
    assert isinstance(story.refused(corrected), DocumentReplaced)
    story.no_news(IssueDocument(END, "acceptance-notice"))


def test_a_replacement_is_of_the_same_kind_and_says_why() -> None:
    story = issued(township(up_to("accept")), "acceptance-notice", ON)
    wrong = last(story).id
    other = IssueDocument(END, "home-visit-form", replaces=wrong, reason="种类")
    assert isinstance(story.refused(other), OtherKindReplaced)
    silent = IssueDocument(END, "acceptance-notice", replaces=wrong, reason="　")
    assert isinstance(story.refused(silent), ReplacementNeedsReason)
    unknown = IssueDocument(END, "acceptance-notice", replaces=SEED, reason="有误")
    assert isinstance(story.refused(unknown), DocumentUnknown)


def test_a_refusal_delivered_wrong_has_to_reach_the_family_again() -> None:
    on = date(2025, 4, 29)
    story = issued(refused(), "refusal-decision", on)
    wrong, head = last(story), stories.person(story, 0)
    story = story.when(DeliverDocument(on, wrong.id, received_by=PersonId(head)))
    assert story.household.papers.undelivered == ()
    story = story.when(IssueDocument(on, "refusal-decision", replaces=wrong.id, reason="理由有误"))
    assert story.household.papers.undelivered == (Undelivered(wrong.subject, "refusal"),)
    story = story.when(DeliverNotice(on, head))
    assert story.household.papers.undelivered == ()
    assert last(story).delivered_on == on


def test_the_one_time_notice_is_printed_once_something_is_missing() -> None:
    story = township(up_to("authorise"))
    assert isinstance(story.refused(IssueDocument(ON, "missing-items-notice")), StepNotTaken)
    story.when(NotifyMissingItems(ON, ("收入证明",)), IssueDocument(ON, "missing-items-notice"))


def test_every_kind_and_method_has_its_chinese_word() -> None:
    assert set(DOCUMENT_WORDS) == set(KINDS) == set(BASIS)
    assert set(METHOD_WORDS) == set(get_args(DeliveryMethod))

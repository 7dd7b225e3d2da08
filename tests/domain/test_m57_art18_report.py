"""M57 art.18: a report that finds against the family is told, not overridden, and stands until re-checked."""

from __future__ import annotations

from datetime import date

from domain.decision.confirmation import (
    ApplicationRefused,
    ConfirmDibao,
    RefuseApplication,
    ReportSaysNotEligible,
)
from domain.decision.file import ReceiveFile
from domain.decision.notice import NothingToPublish, PostNotice
from domain.decision.opinion import OpinionGiven
from domain.inquiry.verification import ReportContradicts, ReportVerification
from tests import stories
from tests.scenario import Life

ON = date(2025, 4, 21)


def opined(*, eligible: bool) -> Life:
    story = stories.ling_registered(ON)
    return stories.township(stories.on_the_road(story, ON, until="opine", eligible=eligible))


def test_the_opinion_follows_the_report_however_low_the_income() -> None:
    (opinion,) = [event for event in opined(eligible=False).events if isinstance(event, OpinionGiven)]
    assert opinion.assessment.below_standard
    assert (opinion.approves, opinion.fen) == (False, 0)


def test_a_proposal_to_refuse_is_not_put_on_notice() -> None:
    assert isinstance(opined(eligible=False).refused(PostNotice(ON)), NothingToPublish)


def test_the_county_cannot_confirm_against_the_report() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="opine", eligible=False)
    story = story.when(ReceiveFile(ON))
    refusal = story.refused(ConfirmDibao(ON))
    assert isinstance(refusal, ReportSaysNotEligible)
    assert refusal.article == "M57 art.18"
    story.when(RefuseApplication(ON, "property-above-limit", "名下有经营性房产")).then(ApplicationRefused)


def test_another_report_cannot_turn_the_first_round() -> None:
    story = stories.county(opined(eligible=False))
    assert isinstance(story.refused(ReportVerification(ON, True)), ReportContradicts)
    story.no_news(ReportVerification(ON, False))

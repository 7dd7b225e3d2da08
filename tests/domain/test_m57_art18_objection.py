"""M57 art.18: who is found not eligible is told, may object with evidence, and is looked at again."""

from __future__ import annotations

from datetime import date

import pytest

from domain.clock.supervision import DeadlineMissed
from domain.decision.confirmation import ConfirmDibao, RefuseApplication
from domain.decision.file import ReceiveFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.opinion import GiveOpinion, OpinionGiven
from domain.decision.status import Classified
from domain.guards.registered import NotAMember
from domain.household.command import Command
from domain.inquiry.completion import Verified
from domain.inquiry.recheck import (
    AlreadyObjected,
    EvidenceRequired,
    NothingToObject,
    NothingToRecheck,
    NothingToTell,
    ObjectToReport,
    Recheck,
    RecheckPending,
    ReportObjected,
    ReportRechecked,
    ResultTold,
    TellResult,
)
from domain.inquiry.verification import ReportVerification, ResultToBeTold, VerificationReported
from domain.values.person import PersonId
from tests import stories
from tests.scenario import SEED, Life

ON = date(2025, 4, 21)
LATER = date(2025, 4, 24)
PAPERS = ("车辆过户登记",)


def reported(*, eligible: bool = False, until: str = "visit") -> Life:
    """The road up to a step, all on a Monday; the township acts next."""
    story = stories.on_the_road(stories.ling_registered(ON), ON, until=until, eligible=eligible)
    return stories.township(story)


def head(story: Life) -> PersonId:
    return stories.person(story, 0)


def objected(on: date = ON) -> Life:
    story = reported()
    return story.when(ObjectToReport(on, head(story), PAPERS, "车辆已于去年转让")).then(ReportObjected)


def dues(story: Life) -> dict[str, date]:
    return {o.due.what: o.due.day for o in story.household.dues}


def test_a_report_against_the_family_makes_the_township_owe_it_word_in_three_working_days() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="start")
    story = story.when(ReportVerification(ON, False)).then(VerificationReported, ResultToBeTold, Verified)
    assert dues(story)["DL-DIB-TELL"] == LATER
    in_time = stories.township(story).when(TellResult(LATER, head(story))).then(ResultTold)
    assert "DL-DIB-TELL" not in dues(in_time)
    late = stories.township(story).when(TellResult(date(2025, 4, 25), head(story)))
    assert [e.what for e in late.events if isinstance(e, DeadlineMissed) and e.what == "DL-DIB-TELL"]


def test_a_report_for_the_family_owes_nothing() -> None:
    story = reported(eligible=True)
    assert "DL-DIB-TELL" not in dues(story)
    assert isinstance(story.refused(TellResult(ON, head(story))), NothingToTell)
    assert isinstance(story.refused(ObjectToReport(ON, head(story), PAPERS)), NothingToObject)


def test_only_a_member_is_told_and_objects_and_telling_twice_is_no_news() -> None:
    story, stranger = reported(), PersonId(SEED)
    assert isinstance(story.refused(TellResult(ON, stranger)), NotAMember)
    assert isinstance(story.refused(ObjectToReport(ON, stranger, PAPERS)), NotAMember)
    story.when(TellResult(ON, head(story))).no_news(TellResult(LATER, head(story)))


@pytest.mark.parametrize("evidence", [(), ("　",)])
def test_an_objection_needs_evidence(evidence: tuple[str, ...]) -> None:
    story = reported()
    refusal = story.refused(ObjectToReport(ON, head(story), evidence))
    assert isinstance(refusal, EvidenceRequired)
    assert refusal.article == "M57 art.18"


def test_the_recheck_is_due_in_ten_working_days_and_closes_its_deadline() -> None:
    story = objected(date(2025, 4, 24))  # Labour Day between, the Sunday 04-27 worked
    assert dues(story)["DL-OBJ-CHK"] == date(2025, 5, 12)
    story = story.when(Recheck(date(2025, 5, 12), True, ("vehicle",))).then(ReportRechecked)
    assert not {"DL-OBJ-CHK", "DL-DIB-TELL"} & set(dues(story))
    assert not [e for e in story.events if isinstance(e, DeadlineMissed) and e.what == "DL-OBJ-CHK"]


def test_while_it_is_open_nothing_is_opined_or_decided() -> None:
    assert isinstance(objected().refused(GiveOpinion(ON)), RecheckPending)
    story = stories.county(reported(until="opine")).when(ReceiveFile(ON))
    story = story.when(ObjectToReport(ON, head(story), PAPERS))
    for command in (ConfirmDibao(ON), RefuseApplication(ON, "property-above-limit", "名下有车辆")):
        assert isinstance(story.refused(command), RecheckPending)


def test_the_rechecks_finding_stands_and_the_first_report_stays_in_the_chain() -> None:
    story = objected().when(Recheck(LATER, True), GiveOpinion(LATER), PostNotice(LATER))
    end = story.household.procedures[-1].notice_ends
    assert end is not None
    story = stories.county(story.when(CloseNotice(end))).when(ReceiveFile(end), ConfirmDibao(end))
    story.then(Classified)
    assert [e.eligible for e in story.events if isinstance(e, VerificationReported)] == [False]
    assert [e.eligible for e in story.events if isinstance(e, ReportRechecked)] == [True]


def test_a_recheck_that_finds_the_same_leaves_the_family_refused_and_is_told_again() -> None:
    story = objected().when(TellResult(ON, stories.person(objected(), 0)), Recheck(LATER, False))
    assert dues(story)["DL-DIB-TELL"] == date(2025, 4, 28)
    story = story.when(GiveOpinion(LATER))
    opinion = story.events[-1]
    assert isinstance(opinion, OpinionGiven)
    assert not opinion.approves
    refused = stories.county(story).when(ReceiveFile(LATER)).refused(ConfirmDibao(LATER))
    assert refused.code == "report-says-not-eligible"
    story.when(TellResult(LATER, head(story))).then(ResultTold)


def test_an_opinion_given_before_the_objection_is_given_anew_on_the_same_day() -> None:
    story = reported(until="opine")
    story = story.when(ObjectToReport(ON, head(story), PAPERS), Recheck(ON, True), GiveOpinion(ON))
    assert [e.approves for e in story.events if isinstance(e, OpinionGiven)] == [False, True]
    story.no_news(GiveOpinion(ON))


def test_one_objection_is_looked_at_at_a_time() -> None:
    story = objected()
    story.no_news(ObjectToReport(ON, head(story), PAPERS))
    assert isinstance(story.refused(ObjectToReport(LATER, head(story), PAPERS)), AlreadyObjected)
    again = story.when(Recheck(LATER, False), ObjectToReport(LATER, head(story), ("注销证明",)))
    again.then(ReportObjected)


def test_nobody_rechecks_unasked_and_twice_is_no_news() -> None:
    assert isinstance(reported().refused(Recheck(ON, True)), NothingToRecheck)
    objected().when(Recheck(LATER, True)).no_news(Recheck(LATER, True))


def test_nothing_is_told_or_rechecked_before_its_day_or_by_the_county() -> None:
    story = reported(until="report")
    before: tuple[Command, ...] = (TellResult(date(2025, 4, 20), head(story)),)
    for command in before:
        assert story.refused(command).code == "steps-out-of-order"
    assert objected(LATER).refused(Recheck(ON, True)).code == "steps-out-of-order"
    assert stories.county(objected()).refused(Recheck(LATER, True)).code == "not-competent"

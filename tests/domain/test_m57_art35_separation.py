"""M57 art.11, 35 (AU-23): who investigated does not decide, and who has an interest does not handle the family."""

from __future__ import annotations

from datetime import date

from domain.change.grace import GraceGranted, GrantGrace
from domain.change.review import Recertify
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import ConfirmDibao, RefuseApplication
from domain.decision.objection import ObjectToNotice, Reinvestigate
from domain.decision.opinion import GiveOpinion
from domain.decision.status import Classified
from domain.guards.conflict_of_interest import ConflictDeclared, DeclareConflict
from domain.guards.separation_of_duties import DutiesNotSeparate, MustAvoid
from domain.household.command import Command
from domain.inquiry.verification import VisitHome
from tests import stories
from tests.scenario import Life, altered, with_pack

ON, END = date(2025, 4, 14), date(2025, 4, 21)
PAPER = "试验县民发〔2022〕9号"


def received(*, by: str) -> Life:
    return stories.on_the_road(stories.ling_registered(ON), ON).by("990301/civil-affairs", by)


def test_who_visited_does_not_decide_at_the_county() -> None:
    story = received(by="c1")
    story = story.when(VisitHome(END, ("c1", "c2"), stories.person(story, 0)))
    for command in (ConfirmDibao(END), RefuseApplication(END, "other", "理由")):
        refusal = story.refused(command)
        assert isinstance(refusal, DutiesNotSeparate)
        assert "调查核实与作出决定" in refusal.sentence
        assert "c1" not in refusal.sentence
    story.by("990301/civil-affairs", "c3").when(ConfirmDibao(END)).then(Classified)


def test_nor_at_the_township_that_decides() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="close", delegated=True)
    command = ConfirmDibao(END, delegated_by=PAPER)
    assert isinstance(stories.township(story).refused(command), DutiesNotSeparate)
    story.by("990301100/township", "w8").when(command).then(Classified)


def test_nor_who_looked_again_after_an_objection() -> None:
    story = stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="post"))
    story = story.when(ObjectToNotice(ON, "income", "有收入"), Reinvestigate(ON, ("w8", "w9"), "不实"))
    story = story.when(GiveOpinion(ON)).by("990301100/township", "w8")
    assert isinstance(story.refused(ConfirmDibao(ON, delegated_by=PAPER)), DutiesNotSeparate)


def test_a_place_may_name_other_pairs() -> None:
    loose = with_pack(received(by="w1"), altered("990301", "duties.separate", [], "words"))
    loose.when(ConfirmDibao(END)).then(Classified)
    assert isinstance(received(by="w1").refused(ConfirmDibao(END)), DutiesNotSeparate)


def test_who_declared_an_interest_handles_the_family_no_more() -> None:
    story = received(by="c1").when(DeclareConflict(END, "close-relative")).then(ConflictDeclared)
    commands: tuple[Command, ...] = (
        ConfirmDibao(END),
        RefuseApplication(END, "other", "理由"),
        VisitHome(END, ("c2", "c3"), stories.person(story, 0)),
    )
    for command in commands:
        refusal = story.refused(command)
        assert isinstance(refusal, MustAvoid)
        assert "c1" not in refusal.sentence
    story.by("990301/civil-affairs", "c3").when(ConfirmDibao(END)).then(Classified)


def test_nor_does_he_go_along() -> None:
    story = received(by="c3").when(DeclareConflict(END, "interest", "c1"))
    refusal = story.refused(VisitHome(END, ("c1", "c2"), stories.person(story, 0)))
    assert isinstance(refusal, MustAvoid)


def test_declaring_twice_is_no_news() -> None:
    story = received(by="c1").when(DeclareConflict(END, "agent"))
    story.no_news(DeclareConflict(END, "close-relative"))


def test_nor_does_he_end_the_aid_or_grant_grace() -> None:
    day = date(2025, 6, 10)
    story = stories.township(stories.ling_in_dibao(ON)).when(Recertify(day, (stories.other(2_000),)))
    story = stories.county(story).when(DeclareConflict(day, "interest"))
    ending = TerminateBenefit(day, "own-request", "本人申请")
    for command in (GrantGrace(day), ending):
        assert isinstance(story.refused(command), MustAvoid)
    story.by("990301/civil-affairs", "c3").when(GrantGrace(day)).then(GraceGranted)

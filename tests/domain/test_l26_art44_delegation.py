"""M57 art.2; L26 art.44: the county decides; a township by paper, and since 2026-07-01 by provincial rule only."""

from __future__ import annotations

from datetime import date

from domain.catalogue import RULES
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import (
    ApplicationRefused,
    ConfirmDibao,
    CountyVisitRequired,
    RefuseApplication,
)
from domain.decision.file import FileReceived, ReceiveFile
from domain.decision.notice import PostNotice
from domain.decision.objection import ObjectToNotice
from domain.decision.opinion import GiveOpinion
from domain.decision.status import Classified
from domain.guards.delegation import DelegationNotAllowed, DelegationPaperMissing
from domain.household.command import Command
from domain.household.context import DeciderRequired, NotCompetent
from domain.inquiry.complaint import ReceiveComplaint
from domain.inquiry.verification import StartInvestigation, StartVerification, VisitHome
from domain.intake.application import AcceptApplication, Apply
from domain.values.receipt import Actor, RuleApplied, replay
from tests import stories
from tests.scenario import Life, altered, with_pack

ON, END = date(2025, 4, 21), date(2025, 4, 28)
PAPER = "试验县民发〔2022〕9号"


def noticed(on: date = ON, *, delegated: bool = False, relatives: bool = False) -> Life:
    """The notice closed; another officer of the township than those who visited acts next."""
    story = stories.on_the_road(
        stories.ling_registered(on), on, until="close", delegated=delegated, relatives=relatives
    )
    return story.by("990301100/township", "w8")


def test_a_township_needs_the_paper() -> None:
    story = noticed()
    for command in (ConfirmDibao(END), RefuseApplication(END, "other", "理由")):
        assert isinstance(story.refused(command), DelegationPaperMissing)


def test_with_the_paper_it_decides_without_sending_the_file_up() -> None:
    story = noticed().when(ConfirmDibao(END, delegated_by=PAPER)).then(Classified)
    confirmed = story.events[-1]
    assert isinstance(confirmed, Classified)
    decider = confirmed.decision.decider
    assert (decider.level, decider.delegated_by) == ("township", PAPER)


def test_it_must_await_the_notice_like_the_county() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="post")
    story = story.by("990301100/township", "w8")
    assert story.refused(ConfirmDibao(END, delegated_by=PAPER)).code == "notice-missing"


def test_since_the_law_a_countys_paper_is_not_enough() -> None:
    story = noticed(date(2026, 6, 22))
    story.when(ConfirmDibao(date(2026, 6, 30), delegated_by=PAPER)).then(Classified)
    for command in (
        ConfirmDibao(date(2026, 7, 1), delegated_by=PAPER),
        RefuseApplication(date(2026, 7, 1), "other", "理由", delegated_by=PAPER),
    ):
        assert isinstance(story.refused(command), DelegationNotAllowed)
    in_dibao = stories.township(stories.ling_in_dibao(date(2026, 3, 2)))
    ending = TerminateBenefit(date(2026, 7, 1), "own-request", "本人申请", delegated_by=PAPER)
    assert isinstance(in_dibao.refused(ending), DelegationNotAllowed)


def test_neither_the_system_nor_a_person_decides() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    for actor in (Actor("system:deadlines"), Actor("C1")):
        asked = Life(story.region, actor, story.events, story.persons, story.steps)
        assert isinstance(asked.refused(ConfirmDibao(END)), DeciderRequired)


def test_a_village_a_city_and_a_province_do_not_decide() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    for organ in ("990301100201/committee", "9903/civil-affairs", "99/civil-affairs"):
        refusal = story.by(organ).refused(ConfirmDibao(END))
        assert isinstance(refusal, NotCompetent)
        assert organ in refusal.sentence


def test_each_step_belongs_to_its_level() -> None:
    commands: list[tuple[str, Command]] = [
        ("authorise", AcceptApplication(ON)),
        ("accept", StartInvestigation(ON)),
        ("visit", GiveOpinion(ON)),
        ("opine", PostNotice(ON)),
    ]
    for until, command in commands:
        story = stories.on_the_road(stories.ling_registered(ON), ON, until=until)
        assert isinstance(stories.county(story).refused(command), NotCompetent)
    for until, command in (
        ("request", StartVerification(ON)),
        ("close", ReceiveFile(END)),
    ):
        story = stories.on_the_road(stories.ling_registered(ON), ON, until=until)
        assert isinstance(stories.township(story).refused(command), NotCompetent)


def test_a_paper_without_a_word_is_none() -> None:
    assert isinstance(noticed().refused(ConfirmDibao(END, delegated_by="　")), DelegationPaperMissing)


def test_the_whole_way_without_the_county_in_twenty_working_days() -> None:
    story = noticed(delegated=True)
    assert {o.due.what: o.due.day for o in story.household.dues} == {"DL-DIB-DEL": date(2025, 5, 21)}
    story = story.when(ConfirmDibao(END, delegated_by=PAPER)).then(Classified)
    assert not [event for event in story.events if isinstance(event, FileReceived)]
    refused = noticed(delegated=True).when(RefuseApplication(END, "other", "人户不一致", delegated_by=PAPER))
    refused.then(ApplicationRefused)


def rules_of(event: object) -> dict[str, RuleApplied]:
    assert isinstance(event, Classified | ApplicationRefused)
    replay(event.decision.receipt, RULES)
    return {applied.rule: applied for applied in event.decision.receipt.rules}


def test_the_receipt_of_a_townships_decision_names_rule_and_paper_and_the_countys_does_not() -> None:
    story = noticed().when(ConfirmDibao(END, delegated_by=PAPER))
    applied = rules_of(story.events[-1])["decision.delegated"]
    assert (applied.article, applied.inputs["paper"]) == ("M57 art.2", PAPER)
    refused = noticed().when(RefuseApplication(END, "other", "人户不一致", delegated_by=PAPER))
    assert "decision.delegated" in rules_of(refused.events[-1])
    county = stories.county(noticed()).when(ReceiveFile(END), ConfirmDibao(END, delegated_by=PAPER))
    confirmed = county.events[-1]
    assert isinstance(confirmed, Classified)
    assert confirmed.decision.decider.delegated_by is None
    assert "decision.delegated" not in rules_of(confirmed)


def test_since_the_law_a_provinces_rule_lets_townships_decide_and_is_cited() -> None:
    on = date(2026, 7, 6)
    ruled = with_pack(
        stories.ling_registered(on), altered("99", "procedure.delegation-allowed", True, "flag")
    )
    story = stories.on_the_road(ruled, on, until="close", delegated=True).by("990301100/township", "w8")
    end = story.household.procedures[-1].notice_closed_on
    assert end is not None
    story = story.when(ConfirmDibao(end, delegated_by="试验省政府令第1号")).then(Classified)
    assert rules_of(story.events[-1])["decision.delegated"].article == "试验值"


def test_a_county_cannot_let_its_townships_decide_since_the_law() -> None:
    on = date(2026, 7, 6)
    story = with_pack(
        stories.ling_registered(on), altered("990301", "procedure.delegation-allowed", True, "flag")
    )
    assert story.refused(Apply(on, stories.person(story, 0))).code == "override-not-allowed"


def test_a_case_accepted_under_the_old_rule_goes_to_the_county_once_the_law_is_in_force() -> None:
    story = noticed(date(2026, 6, 22), delegated=True)
    day = date(2026, 7, 1)
    assert isinstance(story.refused(ConfirmDibao(day, delegated_by=PAPER)), DelegationNotAllowed)
    stories.county(story).when(ReceiveFile(day), ConfirmDibao(day)).then(Classified)


def test_the_county_visits_all_the_same_where_relatives_or_a_complaint_are_in_it() -> None:
    related = noticed(delegated=True, relatives=True)
    accused = noticed(delegated=True).when(ReceiveComplaint(END, "letter", "eligibility", "另有收入"))
    for story in (related, accused):
        refusal = story.refused(ConfirmDibao(END, delegated_by=PAPER))
        assert isinstance(refusal, CountyVisitRequired)
        visited = stories.county(story).when(VisitHome(END, ("c2", "c3"), stories.person(story, 0)))
        visited.by("990301100/township", "w8").when(ConfirmDibao(END, delegated_by=PAPER))


def test_an_opposed_notice_binds_the_township_too() -> None:
    story = noticed(delegated=True).when(ObjectToNotice(END, "income", "另有收入"))
    assert story.refused(ConfirmDibao(END, delegated_by=PAPER)).code == "objection-open"

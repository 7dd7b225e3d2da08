"""M57 art.2; L26 art.44: the county decides; a township by paper, and since 2026-07-01 by provincial rule only."""

from __future__ import annotations

from datetime import date

from domain.classification import GiveOpinion, PostNotice
from domain.context import DeciderRequired, NotCompetent
from domain.decision import (
    ConfirmDibao,
    DelegationPaperMissing,
    DibaoConfirmed,
    ReceiveFile,
    RefuseApplication,
)
from domain.exit import TerminateBenefit
from domain.intake import AcceptApplication, DelegationNotAllowed
from domain.message import Command
from domain.receipt import Actor
from domain.verification import StartInvestigation, StartVerification
from tests import stories
from tests.scenario import Life

ON, END = date(2025, 4, 21), date(2025, 4, 28)
PAPER = "试验县民发〔2022〕9号"


def noticed(on: date = ON) -> Life:
    return stories.township(stories.on_the_road(stories.ling_registered(on), on, until="close"))


def test_a_township_needs_the_paper() -> None:
    story = noticed()
    for command in (ConfirmDibao(END), RefuseApplication(END, "other", "理由")):
        assert isinstance(story.refused(command), DelegationPaperMissing)


def test_with_the_paper_it_decides_without_sending_the_file_up() -> None:
    story = noticed().when(ConfirmDibao(END, delegated_by=PAPER)).then(DibaoConfirmed)
    confirmed = story.events[-1]
    assert isinstance(confirmed, DibaoConfirmed)
    decider = confirmed.decision.decider
    assert (decider.level, decider.delegated_by) == ("township", PAPER)


def test_it_must_await_the_notice_like_the_county() -> None:
    story = stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="post"))
    assert story.refused(ConfirmDibao(END, delegated_by=PAPER)).code == "notice-missing"


def test_since_the_law_a_countys_paper_is_not_enough() -> None:
    story = noticed(date(2026, 6, 22))
    story.when(ConfirmDibao(date(2026, 6, 30), delegated_by=PAPER)).then(DibaoConfirmed)
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

"""M57 art.28: nobody enters Dibao without application, investigation and confirmation, in this order."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.aid.payments import OrderPayment
from domain.decision.confirmation import ConfirmDibao, ConfirmMarginal, RefuseApplication
from domain.decision.file import ReceiveFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.opinion import GiveOpinion
from domain.decision.status import Classified
from domain.household.command import Command
from domain.inquiry.verification import (
    ReportVerification,
    RequestVerification,
    StartInvestigation,
    StartVerification,
    VisitHome,
)
from domain.intake.application import AcceptApplication
from domain.values.spells import Category
from domain.watching.alerts import FeedBackAlert, RaiseAlert, VerifyAlert
from tests import stories
from tests.scenario import Life

ON = date(2025, 4, 21)
END = date(2025, 4, 28)

# the last step taken, the step left out on the way, what is then asked, the code of its refusal
SHORT_CUTS: list[tuple[str, str, Command, str]] = [
    ("accept", "accept", StartInvestigation(ON), "not-accepted"),
    ("investigate", "authorise", RequestVerification(ON), "authorisation-missing"),
    ("investigate", "request", StartVerification(ON), "not-requested"),
    ("request", "start", ReportVerification(ON, True), "not-started"),
    ("report", "report", GiveOpinion(ON), "not-investigated"),
    ("visit", "investigate", GiveOpinion(ON), "not-investigated"),
    ("visit", "opine", PostNotice(ON), "opinion-missing"),
    ("opine", "post", CloseNotice(END), "notice-missing"),
    ("post", "close", ReceiveFile(END), "notice-missing"),
    ("close", "receive", ConfirmDibao(END), "file-not-received"),
]
TOWNSHIP = {AcceptApplication, StartInvestigation, RequestVerification, GiveOpinion, PostNotice, CloseNotice}


@pytest.mark.parametrize(("until", "without", "command", "code"), SHORT_CUTS)
def test_a_step_left_out_stops_the_next(until: str, without: str, command: Command, code: str) -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until=until, without=without)
    story = stories.township(story) if type(command) in TOWNSHIP else stories.county(story)
    assert story.refused(command).code == code


def test_without_an_application_nothing_can_be_done() -> None:
    story = stories.ling_registered(ON)
    for command in (AcceptApplication(ON), StartInvestigation(ON), ConfirmDibao(ON), ConfirmMarginal(ON)):
        assert story.refused(command).code == "not-applied"


@pytest.mark.parametrize("until", stories.ROAD[:-1])
def test_no_decision_from_any_earlier_step(until: str) -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until=until)
    assert story.refused(ConfirmDibao(END)).article.startswith("M57 art.")
    assert story.refused(RefuseApplication(END, "other", "理由")).article.startswith("M57 art.")
    assert story.household.categories == ()


def test_the_whole_road_leads_to_dibao() -> None:
    stories.on_the_road(stories.ling_registered(ON), ON).when(ConfirmDibao(END)).then(Classified)


def test_a_red_alert_confirmed_on_site_opens_no_door() -> None:
    story = stories.yu_registered(date(2025, 4, 21))
    story = story.when(
        RaiseAlert(ON, "E-EXP-01", "RED", stories.person(story, 0)),
        VerifyAlert(ON, ("w1", "w2"), True),
        FeedBackAlert(ON, "application-started"),
    )
    assert story.household.categories == ()
    story = stories.county(story)
    assert story.refused(ConfirmDibao(ON)).code == "not-applied"
    assert story.refused(OrderPayment(date(2025, 5, 12))).code == "no-benefit-in-month"


def test_marginal_is_no_short_cut_either() -> None:
    """L26 art.43, 44: looked into, an opinion, a decision; no notice (N31)."""
    found = (stories.other(2_000),)

    def on_the_way(until: str) -> Life:
        story = stories.ling_registered(ON)
        return stories.on_the_road(story, ON, until=until, income=found, category=Category.MARGINAL)

    assert on_the_way("accept").refused(ConfirmMarginal(END)).code == "not-investigated"
    assert on_the_way("visit").refused(ConfirmMarginal(END)).code == "opinion-missing"
    assert on_the_way("opine").refused(ConfirmMarginal(END)).code == "file-not-received"
    on_the_way("opine").when(ReceiveFile(END), ConfirmMarginal(END)).then(Classified)


def backdated(until: str, command: Command) -> str:
    story = stories.on_the_road(stories.ling_registered(ON), ON + timedelta(days=2), until=until)
    story = stories.township(story) if type(command) in TOWNSHIP | {VisitHome} else stories.county(story)
    return story.refused(command).code


EARLIER = ON + timedelta(days=1)


@pytest.mark.parametrize(
    ("until", "command"),
    [
        ("authorise", AcceptApplication(EARLIER)),
        ("accept", StartInvestigation(EARLIER)),
        ("investigate", RequestVerification(EARLIER)),
        ("request", StartVerification(EARLIER)),
        ("start", ReportVerification(EARLIER, True)),
        ("visit", GiveOpinion(EARLIER)),
        ("opine", PostNotice(EARLIER)),
        ("close", ReceiveFile(EARLIER)),
        ("receive", ConfirmDibao(EARLIER)),
        ("receive", RefuseApplication(EARLIER, "other", "理由")),
        ("receive", ConfirmDibao(ON + timedelta(days=6))),
    ],
)
def test_a_step_dated_before_the_one_it_rests_on_is_refused(until: str, command: Command) -> None:
    assert backdated(until, command) == "steps-out-of-order"


def test_a_visit_is_not_dated_before_acceptance() -> None:
    story = stories.township(
        stories.on_the_road(stories.ling_registered(ON), ON + timedelta(days=2), until="accept")
    )
    visit = VisitHome(EARLIER, ("w1", "w2"), stories.person(story, 0))
    assert story.refused(visit).code == "steps-out-of-order"


def test_a_visit_noted_late_keeps_its_own_day() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="request")
    story = story.when(StartVerification(ON), ReportVerification(date(2025, 4, 25), True))
    story = stories.township(story)
    story.when(VisitHome(date(2025, 4, 23), ("w1", "w2"), stories.person(story, 0)))

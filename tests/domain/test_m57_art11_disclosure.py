"""M57 art.11, 20; MFD art.1045: relatives of staff are registered apart, whenever it comes out before the decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.decision.confirmation import ConfirmDibao, CountyVisitRequired
from domain.decision.file import ReceiveFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.opinion import GiveOpinion
from domain.decision.status import Classified
from domain.guards.procedure_guards import NotApplied, RelativeMayNotHandle
from domain.household.command import Command
from domain.household.context import NotCompetent
from domain.inquiry.verification import (
    ReportVerification,
    RequestVerification,
    StartInvestigation,
    StartVerification,
    VisitHome,
)
from domain.intake.application import AcceptanceContradicts, AcceptApplication, ApplicationAccepted
from domain.intake.application_closure import WithdrawApplication
from domain.intake.authorisation import AuthoriseVerification
from domain.intake.relatives import (
    DisclosedTooLate,
    RegisterRelative,
    RelativeNotAMember,
    RelativeRegistered,
    RelativeUnnamed,
)
from domain.values.person import PersonId
from domain.values.receipt import Actor
from tests import stories
from tests.scenario import SEED, Life

ON, DECIDED = date(2025, 4, 21), date(2025, 4, 30)


def known() -> Life:
    return stories.ling_registered(ON)


def who(ordinal: int) -> PersonId:
    return stories.person(known(), ordinal)


SPOUSE = RegisterRelative(ON, who(1), "sibling", "village-committee", "村主任某")


def up_to(step: str) -> Life:
    return stories.township(stories.on_the_road(known(), ON, until=step))


def test_what_is_disclosed_before_acceptance_is_not_forgotten_by_it() -> None:
    story = up_to("authorise").when(SPOUSE, AcceptApplication(ON))
    accepted = story.events[-1]
    assert isinstance(accepted, ApplicationAccepted)
    assert accepted.relatives
    assert story.household.case is not None
    assert story.household.case.relatives


@pytest.mark.parametrize("step", stories.ROAD)
def test_a_disclosure_at_any_step_makes_the_countys_visit_mandatory(step: str) -> None:
    story = up_to(step)
    day = max(event.on for event in story.events)
    story = story.when(replace(SPOUSE, on=day)).then(RelativeRegistered)
    rest = stories.ROAD[stories.ROAD.index(step) + 1 :]
    for each in rest:
        story = taken(story, each)
    story = stories.county(story)
    assert isinstance(story.refused(ConfirmDibao(DECIDED)), CountyVisitRequired)
    story.when(VisitHome(DECIDED, ("c2", "c3"), who(0)), ConfirmDibao(DECIDED)).then(Classified)


def taken(story: Life, step: str) -> Life:
    """One more step of the road, its notice closed at its end."""
    case = story.household.case
    assert case is not None
    end = case.notice_ends or ON
    by = stories.county if step in ("start", "report", "receive") else stories.township
    command: Command = {
        "authorise": AuthoriseVerification(ON, (who(0), who(1))),
        "accept": AcceptApplication(ON),
        "investigate": StartInvestigation(ON),
        "request": RequestVerification(ON),
        "start": StartVerification(ON),
        "report": ReportVerification(ON, True),
        "visit": VisitHome(ON, ("w1", "w2"), who(0)),
        "opine": GiveOpinion(ON),
        "post": PostNotice(ON),
        "close": CloseNotice(end),
        "receive": ReceiveFile(end),
    }[step]
    return by(story).when(command)


def test_name_is_sealed_and_relation_and_office_are_not() -> None:
    fact = up_to("accept").when(SPOUSE).events[-1]
    assert isinstance(fact, RelativeRegistered)
    assert (fact.relation, fact.office, fact.found, fact.after_decision) == (
        "sibling",
        "village-committee",
        False,
        False,
    )
    assert "村主任" not in repr(fact)


def test_the_same_disclosure_again_is_no_news_another_relative_is() -> None:
    story = up_to("accept").when(SPOUSE)
    story.no_news(SPOUSE)
    story.when(replace(SPOUSE, person=who(0))).then(RelativeRegistered)
    assert story.household.case is not None
    assert len(story.household.case.known_relatives) == 1


def test_accepting_again_with_other_answers_is_refused_not_swallowed() -> None:
    story = up_to("accept")
    story.no_news(AcceptApplication(ON))
    assert isinstance(story.refused(AcceptApplication(ON, relatives=True)), AcceptanceContradicts)
    assert isinstance(story.refused(AcceptApplication(ON, delegated=True)), AcceptanceContradicts)
    flagged = stories.township(stories.on_the_road(known(), ON, until="accept", relatives=True))
    flagged.no_news(AcceptApplication(ON, relatives=True))
    assert isinstance(flagged.refused(AcceptApplication(ON)), AcceptanceContradicts)
    story.when(SPOUSE).no_news(AcceptApplication(ON))


def test_what_was_hidden_and_found_is_marked_so_also_after_the_decision() -> None:
    found = replace(SPOUSE, found=True)
    fact = up_to("accept").when(found).events[-1]
    assert isinstance(fact, RelativeRegistered)
    assert fact.found
    decided = stories.on_the_road(known(), ON).when(ConfirmDibao(DECIDED))
    late = replace(found, on=date(2025, 6, 3))
    fact = decided.when(late).events[-1]
    assert isinstance(fact, RelativeRegistered)
    assert fact.after_decision
    assert isinstance(decided.refused(replace(late, found=False)), DisclosedTooLate)


def test_the_family_says_it_itself_the_office_finds() -> None:
    citizen = Life(known().region, Actor("citizen"), up_to("accept").events)
    citizen.when(SPOUSE).then(RelativeRegistered)
    assert isinstance(citizen.refused(replace(SPOUSE, found=True)), NotCompetent)


def test_the_relative_does_not_handle_the_case() -> None:
    story = up_to("authorise").when(replace(SPOUSE, officer="w1"))
    assert isinstance(story.refused(AcceptApplication(ON)), RelativeMayNotHandle)
    story.by("990301100/township", "w2").when(AcceptApplication(ON)).then(ApplicationAccepted)


def test_whose_relative_and_who_must_be_said() -> None:
    assert isinstance(up_to("accept").refused(replace(SPOUSE, name=" ")), RelativeUnnamed)
    assert isinstance(up_to("accept").refused(replace(SPOUSE, person=PersonId(SEED))), RelativeNotAMember)


def test_it_belongs_to_an_application() -> None:
    assert isinstance(known().refused(SPOUSE), NotApplied)
    withdrawn = up_to("accept").when(WithdrawApplication(ON))
    assert isinstance(withdrawn.refused(SPOUSE), DisclosedTooLate)

"""M57 art.4: who applied may take it back, freely, at any step before the decision; what was there stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.change.monitoring import ReturnedToMonitoring
from domain.decision.confirmation import ConfirmDibao
from domain.guards.order_of_steps import StepsOutOfOrder
from domain.guards.procedure_guards import NotApplied
from domain.guards.registered import NotAMember
from domain.household.replay import follow
from domain.household.state import Household
from domain.intake.application import Apply
from domain.intake.application_closure import (
    ApplicationWithdrawn,
    DecidedIsNotWithdrawn,
    NotTheApplicant,
    WithdrawApplication,
)
from domain.values.person import PersonId
from domain.values.receipt import Actor
from domain.values.spells import Label
from tests import stories
from tests.scenario import HOUSEHOLD, SEED, Life

ON, END = date(2025, 4, 21), date(2025, 4, 30)


def known() -> Life:
    return stories.ling_registered(ON)


def up_to(step: str, *, eligible: bool = True) -> Life:
    return stories.township(stories.on_the_road(known(), ON, until=step, eligible=eligible))


def who(ordinal: int) -> PersonId:
    return stories.person(known(), ordinal)


@pytest.mark.parametrize("step", stories.ROAD)
def test_at_every_step_before_the_decision(step: str) -> None:
    story = up_to(step).when(WithdrawApplication(END)).then(ApplicationWithdrawn)
    last = story.household.last_case
    assert last is not None
    assert (last.outcome, last.decided_on) == ("withdrawn", END)
    assert story.household.case is None
    assert [open_due.due.what for open_due in story.household.limits.dues] == ["return-to-monitoring"]
    story.no_news(WithdrawApplication(END))


def test_the_family_is_watched_afterwards_and_may_apply_again() -> None:
    story = up_to("accept").when(WithdrawApplication(END)).passed(END).then(ReturnedToMonitoring)
    assert [label.label for label in story.household.status.labels] == [Label.REFUSED]
    story.when(Apply(END, who(0)))


def test_a_family_that_is_aided_is_not_put_to_watching() -> None:
    story = stories.township(stories.ling_marginal())
    on = date(2026, 11, 2)
    story = story.when(Apply(on, who(0)), WithdrawApplication(on))
    gone = story.events[-1]
    assert isinstance(gone, ApplicationWithdrawn)
    assert gone.watch is None


def test_what_came_before_stays_visible_and_the_reason_is_sealed() -> None:
    """Withdrawn after a report against the family: the report, the officer and the day stand in the chain."""
    story = up_to("opine", eligible=False)
    before = story.household.case
    story = story.when(WithdrawApplication(END, reason="村干部劝其撤回"))
    gone = story.events[-1]
    assert isinstance(gone, ApplicationWithdrawn)
    assert (gone.by, gone.agent) == (who(0), None)
    assert gone.reason is not None
    assert "村干部" not in repr(gone)
    last = story.household.last_case
    assert before is not None
    assert last is not None
    assert (last.reported_on, last.report_eligible, last.visits) == (before.reported_on, False, before.visits)


def test_no_reason_is_asked() -> None:
    gone = up_to("apply").when(WithdrawApplication(ON)).events[-1]
    assert isinstance(gone, ApplicationWithdrawn)
    assert gone.reason is None


def test_only_the_applicant_takes_it_back() -> None:
    assert isinstance(up_to("accept").refused(WithdrawApplication(END, who(1))), NotTheApplicant)
    assert isinstance(up_to("accept").refused(WithdrawApplication(END, PersonId(SEED))), NotAMember)


def test_once_he_is_no_longer_a_member_another_adult_may() -> None:
    story = up_to("accept")
    household = Household(HOUSEHOLD)
    for event in story.events:
        household = follow(household, event)
    gone = tuple(replace(m, end=END) if m.person == who(0) else m for m in household.people.members)
    orphaned = replace(household, people=replace(household.people, members=gone))
    context = story.ground().context(story.region, END, story.actor, SEED)
    with pytest.raises(NotAMember):
        list(WithdrawApplication(END).decide(orphaned, context))
    with pytest.raises(NotTheApplicant):
        list(WithdrawApplication(END, who(2)).decide(orphaned, context))
    (withdrawn,) = WithdrawApplication(END, who(1)).decide(orphaned, context)
    assert isinstance(withdrawn, ApplicationWithdrawn)


def test_what_was_decided_is_not_withdrawn() -> None:
    story = stories.on_the_road(known(), ON)
    story = stories.township(story.when(ConfirmDibao(END)))
    refusal = story.refused(WithdrawApplication(END))
    assert isinstance(refusal, DecidedIsNotWithdrawn)
    assert refusal.facts == {"on": END}


def test_without_an_application_there_is_nothing_to_take_back() -> None:
    assert isinstance(known().refused(WithdrawApplication(ON)), NotApplied)


def test_the_family_may_say_so_itself_and_another_places_office_may_not() -> None:
    story = up_to("accept")
    Life(story.region, Actor("citizen"), story.events).when(WithdrawApplication(END)).then(
        ApplicationWithdrawn
    )
    assert story.by("990801100/township").refused(WithdrawApplication(END)).code == "outside-jurisdiction"


def test_it_is_not_dated_before_the_application() -> None:
    assert isinstance(up_to("apply").refused(WithdrawApplication(date(2025, 4, 20))), StepsOutOfOrder)

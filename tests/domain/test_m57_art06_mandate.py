"""M57 art.6; L26 art.37: others may apply for the family, by a written mandate and within it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.guards.procedure_guards import AgentMayNotHandle, NotApplied
from domain.guards.registered import NotAMember
from domain.intake.application import (
    AcceptApplication,
    AlreadyApplying,
    Applied,
    Apply,
    Channel,
    ChannelContradicts,
)
from domain.intake.application_closure import ApplicationWithdrawn, WithdrawApplication
from domain.intake.mandate import (
    AgentMandated,
    Mandate,
    MandateAgent,
    MandateByMinor,
    MandateIncomplete,
    MandateMissing,
    MandateNotInForce,
    MandateRevoked,
    MandateTooNarrow,
    NoMandate,
    RevokeMandate,
)
from domain.intake.register_entry import EnterFromRegister
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.person import PersonId
from tests import stories
from tests.scenario import SEED, Life, altered, life, with_pack

ON = date(2025, 4, 21)
VILLAGE = "990301100201"
MANDATE = Mandate("relative", "岭代", "委托书〔2025〕3号", relation="sibling")
ALL = replace(MANDATE, scope=("apply", "supplement", "withdraw"))


def known() -> Life:
    return stories.ling_registered(ON)


def head() -> PersonId:
    return stories.person(known(), 0)


def application(mandate: Mandate | None = MANDATE, channel: Channel = "agent") -> Apply:
    return Apply(ON, head(), channel, mandate=mandate)


def applied(mandate: Mandate = MANDATE) -> Life:
    return known().when(application(mandate))


def test_an_agent_without_a_written_mandate_is_refused() -> None:
    refusal = known().refused(application(None))
    assert isinstance(refusal, MandateMissing)
    assert refusal.article == "M57 art.6; L26 art.37"


def test_the_mandate_stands_beside_the_application_as_a_fact_of_its_own() -> None:
    story = applied().then(Applied, AgentMandated)
    mandated = story.events[-1]
    assert isinstance(mandated, AgentMandated)
    assert (mandated.signed_on, mandated.signed_by) == (ON, head())
    assert (mandated.kind, mandated.relation, mandated.paper) == (
        "relative",
        "sibling",
        "委托书〔2025〕3号",
    )
    assert mandated.name.value == "岭代"
    assert "岭代" not in repr(mandated)
    case = story.household.case
    assert case is not None
    assert case.agent is not None
    assert case.agent.paper == "委托书〔2025〕3号"


def test_the_committee_of_the_village_may_be_mandated_and_carries_it_by_its_own_channel() -> None:
    committee = replace(MANDATE, kind="village-committee", name="上岭村村委会", relation=None)
    known().when(application(committee, "village")).then(Applied, AgentMandated)
    known().when(application(None, "village")).then(Applied)


def test_a_place_may_ask_the_village_for_a_mandate_as_well() -> None:
    strict = with_pack(
        known(), altered("990301", "procedure.mandate-channels", ["agent", "village"], "words")
    )
    assert isinstance(strict.refused(application(None, "village")), MandateMissing)
    lax = with_pack(known(), altered("990301", "procedure.mandate-channels", ["village"], "words"))
    assert isinstance(lax.refused(application(None)), MandateMissing)


@pytest.mark.parametrize("channel", ["window", "online"])
def test_who_applies_in_person_shows_no_mandate(channel: Channel) -> None:
    assert isinstance(known().refused(application(MANDATE, channel)), ChannelContradicts)


@pytest.mark.parametrize(
    ("mandate", "missing"),
    [
        (replace(MANDATE, name=" "), "代理人姓名"),
        (replace(MANDATE, paper=""), "编号"),
    ],
)
def test_a_mandate_says_who_and_on_which_paper(mandate: Mandate, missing: str) -> None:
    refusal = known().refused(application(mandate))
    assert isinstance(refusal, MandateIncomplete)
    assert refusal.facts["missing"] == missing


def test_a_mandate_that_does_not_say_to_apply_does_not_reach_so_far() -> None:
    assert isinstance(known().refused(application(replace(MANDATE, scope=("receive",)))), MandateTooNarrow)
    assert isinstance(applied().refused(MandateAgent(ON, replace(MANDATE, scope=()))), MandateIncomplete)


def test_a_mandate_is_signed_by_the_day_it_is_used_and_its_last_day_counts() -> None:
    tomorrow = replace(MANDATE, signed_on=date(2025, 4, 22))
    ended = replace(MANDATE, signed_on=date(2025, 4, 1), until=date(2025, 4, 20))
    for mandate in (tomorrow, ended):
        assert isinstance(known().refused(application(mandate)), MandateNotInForce)
    applied(replace(ended, until=ON)).then(Applied, AgentMandated)


def test_an_adult_member_signs_it() -> None:
    child = stories.person(known(), 2)
    assert isinstance(known().refused(application(replace(MANDATE, signed_by=child))), MandateByMinor)
    assert isinstance(known().refused(application(replace(MANDATE, signed_by=PersonId(SEED)))), NotAMember)
    known().when(application(replace(MANDATE, signed_by=stories.person(known(), 1))))


def test_where_there_are_only_minors_one_of_them_may_sign() -> None:
    orphan = NewMember("H", "岭小", "head", birth=date(2010, 1, 1))
    story = life(VILLAGE, "990301100/township").when(RegisterHousehold(ON, VILLAGE, (orphan,)))
    story.when(Apply(ON, stories.person(story, 0), "agent", mandate=MANDATE)).then(Applied, AgentMandated)


def test_the_agent_does_not_handle_the_case_he_speaks_for() -> None:
    story = applied(replace(MANDATE, officer="w1"))
    refusal = story.refused(AcceptApplication(ON))
    assert isinstance(refusal, AgentMayNotHandle)
    story.by("990301100/township", "w2").when(AcceptApplication(ON))


def test_a_mandate_may_come_later_and_be_replaced() -> None:
    story = known().when(Apply(ON, head()), MandateAgent(date(2025, 4, 23), MANDATE)).then(AgentMandated)
    story.no_news(MandateAgent(date(2025, 4, 23), MANDATE))
    story.when(MandateAgent(date(2025, 4, 24), ALL)).then(AgentMandated)


def test_it_is_no_silent_news_when_a_mandate_is_shown_with_the_same_application() -> None:
    story = known().when(Apply(ON, head()))
    story.no_news(Apply(ON, head()))
    assert isinstance(story.refused(application()), AlreadyApplying)
    applied().no_news(application())


def test_the_family_takes_the_mandate_back_at_any_time() -> None:
    story = applied(ALL).when(RevokeMandate(date(2025, 4, 23))).then(MandateRevoked)
    story.no_news(RevokeMandate(date(2025, 4, 23)))
    assert isinstance(story.refused(RevokeMandate(date(2025, 4, 24))), NoMandate)
    assert isinstance(story.refused(WithdrawApplication(date(2025, 4, 23), by_agent=True)), NoMandate)


def test_the_agent_withdraws_only_where_the_mandate_says_so_and_while_it_runs() -> None:
    day = date(2025, 4, 25)
    assert isinstance(applied().refused(WithdrawApplication(day, by_agent=True)), MandateTooNarrow)
    story = applied(replace(ALL, until=date(2025, 4, 24)))
    assert isinstance(story.refused(WithdrawApplication(day, by_agent=True)), MandateNotInForce)
    gone = applied(ALL).when(WithdrawApplication(day, by_agent=True)).then(ApplicationWithdrawn).events[-1]
    assert isinstance(gone, ApplicationWithdrawn)
    assert (gone.by, gone.agent) == (None, "委托书〔2025〕3号")


def test_who_has_no_agent_has_none_to_revoke() -> None:
    assert isinstance(known().when(Apply(ON, head())).refused(RevokeMandate(ON)), NoMandate)
    assert isinstance(known().refused(MandateAgent(ON, MANDATE)), NotApplied)


def test_a_paper_register_names_the_channel_only_and_the_mandate_may_follow() -> None:
    member = NewMember("H", "岭某", "head", birth=date(1980, 1, 1))
    entry = EnterFromRegister(ON, RegisterHousehold(ON, VILLAGE, (member,)), 0, "agent")
    story = life(VILLAGE, "990301100/township").when(entry)
    assert story.household.case is not None
    story.when(MandateAgent(ON, MANDATE)).then(AgentMandated)

"""M57 art.6; L26 art.39: who is found in need is told, and helped to apply, by consent or for want of capacity."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.clock.supervision import DeadlineMissed
from domain.guards.registered import NotAMember
from domain.household.context import NotCompetent
from domain.intake.application import Applied, Apply, ChannelContradicts
from domain.intake.proactive_discovery import (
    AlertNeedUnverified,
    ConsentUnproven,
    DeclinedByMinor,
    FindingMissing,
    FindingSource,
    Found,
    HelpedToApply,
    HelpOffered,
    NeedFound,
    NobodyTold,
    NothingFound,
    OfferHelp,
    ReportNeed,
)
from domain.values.person import PersonId
from domain.watching.alerts import (
    AlertFedBack,
    AlertOutcome,
    AlertVerified,
    FeedBackAlert,
    RaiseAlert,
    VerifyAlert,
)
from tests import stories
from tests.scenario import SEED, Life

ON = date(2025, 4, 21)
NEXT = date(2025, 4, 22)


def known(on: date = ON) -> Life:
    return stories.ling_registered(on)


def who(ordinal: int) -> PersonId:
    return stories.person(known(), ordinal)


def found(source: FindingSource = "grid") -> Life:
    return known().when(ReportNeed(ON, source, who(0)))


def verified(*, need: bool = True) -> Life:
    return known().when(RaiseAlert(ON, "E-EXP-01", "RED", who(0)), VerifyAlert(ON, ("w1", "w2"), need))


def dues(story: Life) -> dict[str, date]:
    return {open_due.due.what: open_due.due.day for open_due in story.household.limits.dues}


@pytest.mark.parametrize("source", ["village-visit", "grid", "hotline"])
def test_a_need_found_is_to_be_answered_within_its_term(source: FindingSource) -> None:
    story = found(source).then(NeedFound)
    assert dues(story) == {"DL-HELP": date(2025, 4, 27)}  # five working days; the last a make-up Sunday
    story.passed(date(2025, 4, 28)).then(DeadlineMissed)


def test_the_village_reports_and_a_family_of_another_place_is_not_its_to_report() -> None:
    known().by("990301100201/village", "v1").when(ReportNeed(ON, "village-visit")).then(NeedFound)
    assert known().by("990801100201/village").refused(ReportNeed(ON, "grid")).code == "outside-jurisdiction"
    assert isinstance(known().by("99/civil-affairs").refused(ReportNeed(ON, "grid")), NotCompetent)


def test_the_same_report_again_is_no_news() -> None:
    found().no_news(ReportNeed(ON, "grid", who(0)))


def test_an_alert_verified_as_a_need_opens_the_duty_to_help() -> None:
    story = verified().then(AlertVerified, NeedFound)
    need = story.events[-1]
    assert isinstance(need, NeedFound)
    assert (need.source, need.alert, need.person) == (
        "data-alert",
        story.household.clues.alerts[0].id,
        who(0),
    )
    assert "DL-HELP" in dues(story)
    story.no_news(ReportNeed(NEXT, "data-alert"))


def test_an_alert_without_a_need_opens_none() -> None:
    story = verified(need=False).then(AlertVerified)
    assert "DL-HELP" not in dues(story)
    assert isinstance(story.refused(ReportNeed(NEXT, "data-alert")), AlertNeedUnverified)


@pytest.mark.parametrize(
    ("outcome", "open_still"),
    [
        ("watch", True),
        ("application-started", True),
        ("false-positive", True),
        ("temporary-aid", False),
        ("referred", False),
        ("policy-informed-declined", False),
        ("already-aided", False),
    ],
)
def test_the_alerts_answer_is_the_needs_only_where_it_helped(outcome: AlertOutcome, open_still: bool) -> None:
    story = verified().when(FeedBackAlert(ON, outcome))
    story.then(*((AlertFedBack,) if open_still else (AlertFedBack, HelpOffered)))
    assert ("DL-HELP" in dues(story)) is open_still
    story.no_news(FeedBackAlert(ON, outcome))


def test_before_the_measure_of_2021_no_term_ran() -> None:
    day = date(2021, 6, 30)
    story = known(day).when(RaiseAlert(day, "E-EXP-01", "RED"), VerifyAlert(day, ("w1", "w2"), True))
    story.then(AlertVerified)
    assert dues(known(day).when(ReportNeed(day, "grid"))) == {}


def test_telling_answers_every_open_finding_at_once() -> None:
    story = found().when(ReportNeed(ON, "hotline"), OfferHelp(NEXT, "told-will-apply", who(0)))
    story.then(HelpOffered)
    assert dues(story) == {}
    story.no_news(OfferHelp(NEXT, "told-will-apply", who(0)))
    assert isinstance(story.refused(OfferHelp(NEXT, "aid-arranged")), NothingFound)


def test_a_member_is_told_and_an_adult_declines() -> None:
    story = found()
    assert isinstance(story.refused(OfferHelp(NEXT, "told-will-apply")), NobodyTold)
    assert isinstance(story.refused(OfferHelp(NEXT, "told-will-apply", PersonId(SEED))), NotAMember)
    assert isinstance(story.refused(OfferHelp(NEXT, "told-declined", who(2))), DeclinedByMinor)
    story.when(OfferHelp(NEXT, "told-declined", who(1))).then(HelpOffered)
    story.when(OfferHelp(NEXT, "told-will-apply", who(2))).then(HelpOffered)


@pytest.mark.parametrize("channel", ["window", "active-finding"])
def test_an_application_answers_what_was_found(channel: str) -> None:
    story = found().when(Apply(NEXT, who(0), channel))  # type: ignore[arg-type]
    assert "DL-HELP" not in dues(story)
    assert [finding.answer for finding in story.household.clues.findings] == ["applied"]


def test_the_application_rests_on_the_finding_with_the_familys_consent() -> None:
    story = found().when(Apply(NEXT, who(0), "active-finding")).then(Applied, HelpedToApply)
    helped = story.events[-1]
    assert isinstance(helped, HelpedToApply)
    assert (helped.finding, helped.consent, helped.consented_by) == (
        story.household.clues.findings[0].id,
        "given",
        who(0),
    )
    assert story.household.case is not None
    assert story.household.case.finding == helped.finding


def test_a_finding_may_be_told_with_the_application_and_starts_no_term_any_more() -> None:
    story = known().when(Apply(ON, who(0), "active-finding", found=Found("hotline")))
    story.then(NeedFound, Applied, HelpedToApply)
    assert "DL-HELP" not in dues(story)


def test_active_finding_without_anything_found_is_refused() -> None:
    assert isinstance(known().refused(Apply(ON, who(0), "active-finding")), FindingMissing)
    refused = (
        found().when(OfferHelp(ON, "told-declined", who(0))).refused(Apply(ON, who(0), "active-finding"))
    )
    assert isinstance(refused, FindingMissing)
    assert isinstance(
        known().refused(Apply(ON, who(0), "active-finding", found=Found("data-alert"))), AlertNeedUnverified
    )


def test_an_alert_verified_as_a_need_is_a_finding_too() -> None:
    story = verified().when(FeedBackAlert(ON, "application-started"), Apply(ON, who(0), "active-finding"))
    story.then(Applied, HelpedToApply)


def test_who_came_by_himself_was_not_found() -> None:
    assert isinstance(known().refused(Apply(ON, who(0), "window", found=Found("grid"))), ChannelContradicts)


def test_consent_is_an_adults_and_want_of_capacity_needs_its_ground() -> None:
    def asked(said: Found) -> Apply:
        return Apply(ON, who(0), "active-finding", found=said)

    by_child = Found("grid", consented_by=who(2))
    assert isinstance(known().refused(asked(by_child)), ConsentUnproven)
    known().when(asked(replace(by_child, consented_by=who(1)))).then(NeedFound, Applied, HelpedToApply)
    without = Found("grid", "no-capacity")
    assert isinstance(known().refused(asked(without)), ConsentUnproven)
    story = known().when(asked(replace(without, ground="重度精神残疾，无其他成年成员")))
    helped = story.events[-1]
    assert isinstance(helped, HelpedToApply)
    assert helped.consented_by is None
    assert helped.ground is not None
    assert "精神" not in repr(helped)


def test_a_need_found_while_the_family_applies_starts_no_term() -> None:
    story = known().when(Apply(ON, who(0)), ReportNeed(ON, "grid")).then(NeedFound)
    assert "DL-HELP" not in dues(story)

"""M57 art.33; M83; S000: grace after work, six months in principle, within the band of income."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.change.grace import (
    GraceAlreadyRunning,
    GraceCauseNotRecognised,
    GraceExpiryWarned,
    GraceGranted,
    GrantGrace,
    IncomeOutsideGrace,
    LongGraceNeedsGround,
    NoCurrentDibao,
    NoGraceToWarn,
    ReviewMissing,
    SteppedGraceUnheard,
    WarnGraceExpiry,
)
from domain.change.hearing import HearOpinion
from domain.change.review import Recertify, ReportChange
from domain.change.termination import GraceStillRunning, TerminateBenefit
from domain.clock.supervision import DeadlineMissed
from domain.guards.delegation import DelegationNotAllowed, DelegationPaperMissing
from domain.values.assessment import IncomeItem
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.spells import Label, holds
from tests import stories
from tests.scenario import Life, altered, with_pack

ON = date(2025, 4, 21)
CHECKED = date(2025, 9, 1)
GRANTED = date(2025, 9, 10)


def earning(fen: int, village: str = "990301100201") -> Life:
    """In Dibao, checked and found with so much income a month for three; the county acts next."""
    story = stories.township(stories.ling_in_dibao(ON, village))
    item = IncomeItem("property", "monthly", Fen(fen))
    return stories.county(story.when(Recertify(CHECKED, (item,))))


def months(count: int) -> Months:
    return Months(Month(2025, 10), Month(2025, 9) + count)


def granted(story: Life) -> GraceGranted:
    (event,) = [event for event in story.events if isinstance(event, GraceGranted)]
    return event


@pytest.mark.parametrize("count", [1, 5, 6])
def test_up_to_six_months_need_no_ground(count: int) -> None:
    event = granted(earning(200_000).when(GrantGrace(GRANTED, months=months(count))))
    assert (event.months, event.long, event.ground) == (months(count), False, None)


@pytest.mark.parametrize("count", [7, 12])
def test_more_need_a_ground_and_are_marked(count: int) -> None:
    story = earning(200_000)
    refusal = story.refused(GrantGrace(GRANTED, months=months(count)))
    assert isinstance(refusal, LongGraceNeedsGround)
    event = granted(story.when(GrantGrace(GRANTED, months=months(count), ground="家中另有重病人")))
    assert event.long
    assert event.ground is not None


def test_left_out_the_months_are_the_six_after_the_decision() -> None:
    assert granted(earning(200_000).when(GrantGrace(GRANTED))).months == months(6)


STANDARD = 56_000 * 3


@pytest.mark.parametrize(
    ("fen", "inside"),
    [
        (STANDARD - 1, False),
        (STANDARD, True),
        (STANDARD + 1, True),
        (STANDARD * 3 // 2 - 1, True),
        (STANDARD * 3 // 2, False),
        (STANDARD * 3 // 2 + 1, False),
    ],
)
def test_the_band_reaches_from_the_standard_to_less_than_one_and_a_half_times(fen: int, inside: bool) -> None:
    if inside:
        earning(fen).when(GrantGrace(GRANTED)).then(GraceGranted)
    else:
        assert isinstance(earning(fen).refused(GrantGrace(GRANTED)), IncomeOutsideGrace)


def test_own_industry_is_a_cause_in_the_guangxi_like_county_only() -> None:
    own = GrantGrace(GRANTED, "own-industry")
    earning(200_000).when(own).then(GraceGranted)
    elsewhere = earning(240_000, "370786101215")
    refusal = elsewhere.refused(own)
    assert isinstance(refusal, GraceCauseNotRecognised)
    assert refusal.article == "M57 art.33; M83"
    elsewhere.when(GrantGrace(GRANTED)).then(GraceGranted)


def test_an_inheritance_is_no_cause_anywhere() -> None:
    assert isinstance(earning(200_000).refused(GrantGrace(GRANTED, "inheritance")), GraceCauseNotRecognised)


def test_a_change_reported_since_the_last_check_must_be_checked_first() -> None:
    story = stories.township(earning(200_000))
    story = story.when(ReportChange(date(2025, 9, 5), stories.person(story, 0), "employment"))
    assert isinstance(stories.county(story).refused(GrantGrace(GRANTED)), ReviewMissing)
    story = stories.county(story.when(Recertify(date(2025, 9, 8))))
    story.when(GrantGrace(GRANTED)).then(GraceGranted)


def test_there_is_no_grace_outside_dibao() -> None:
    assert isinstance(stories.ling_registered(ON).refused(GrantGrace(GRANTED)), NoCurrentDibao)


def test_there_is_no_grace_after_the_termination_was_decided() -> None:
    story = earning(200_000).when(TerminateBenefit(GRANTED, "income-above-standard", "收入超过标准"))
    assert isinstance(story.refused(GrantGrace(date(2025, 9, 20))), NoCurrentDibao)


def test_a_second_grace_is_refused_while_the_first_runs_and_the_same_again_is_no_news() -> None:
    story = earning(200_000).when(GrantGrace(GRANTED))
    story.no_news(GrantGrace(GRANTED))
    for command in (
        GrantGrace(date(2025, 9, 20)),
        GrantGrace(date(2025, 11, 5)),
        GrantGrace(date(2025, 11, 5), months=Months(Month(2026, 1), Month(2026, 6))),
        GrantGrace(date(2025, 11, 5), months=Months(Month(2026, 4), Month(2026, 6))),
    ):
        assert isinstance(story.refused(command), GraceAlreadyRunning)


def test_months_already_begun_are_no_grace() -> None:
    story = earning(200_000)
    for first in (Month(2025, 8), Month(2025, 9)):
        command = GrantGrace(GRANTED, months=Months(first, Month(2025, 12)))
        assert story.refused(command).code == "grace-begins-next-month"


def test_income_does_not_end_dibao_before_the_grace_does() -> None:
    story = earning(200_000).when(GrantGrace(GRANTED))
    for day in (date(2025, 9, 20), date(2025, 10, 1), date(2026, 2, 28)):
        command = TerminateBenefit(day, "income-above-standard", "收入超过标准")
        assert isinstance(story.refused(command), GraceStillRunning)
    story.when(TerminateBenefit(date(2026, 3, 1), "income-above-standard", "收入超过标准"))


def test_the_familys_own_wish_ends_dibao_and_its_grace_at_any_time() -> None:
    story = earning(200_000).when(GrantGrace(GRANTED))
    story = story.when(TerminateBenefit(date(2025, 12, 5), "own-request", "本人申请退出"))
    household = story.household
    assert not [o for o in household.limits.dues if o.due.what in ("DL-GRC", "warn-grace-expiry")]
    (label,) = [label for label in household.status.labels if label.label is Label.GRACE]
    assert (holds(label, date(2025, 12, 31)), holds(label, date(2026, 1, 1))) == (True, False)
    assert household.grace(Month(2025, 12)) is not None
    assert household.grace(Month(2026, 1)) is None


def test_the_grace_end_is_warned_of_and_passes_without_ending_anything() -> None:
    story = earning(200_000).when(GrantGrace(GRANTED)).passed(date(2026, 6, 1))
    assert [e.on for e in story.events if isinstance(e, GraceExpiryWarned)] == [date(2026, 3, 1)]
    missed = [(e.on, e.what) for e in story.events if isinstance(e, DeadlineMissed)]
    assert (date(2026, 4, 1), "DL-GRC") in missed
    assert story.household.in_any_category(date(2026, 6, 1))
    assert story.household.aid.benefits[-1].last is None


def test_a_warning_is_neither_early_nor_given_twice() -> None:
    story = earning(200_000).when(GrantGrace(GRANTED))
    assert isinstance(story.refused(WarnGraceExpiry(date(2026, 2, 28))), NoGraceToWarn)
    story.when(WarnGraceExpiry(date(2026, 3, 1))).no_news(WarnGraceExpiry(date(2026, 3, 1)))
    assert isinstance(earning(200_000).refused(WarnGraceExpiry(GRANTED)), NoGraceToWarn)


def test_the_warning_of_a_short_grace_is_not_dated_before_its_decision() -> None:
    story = earning(200_000).when(
        GrantGrace(date(2026, 1, 31), months=Months(Month(2026, 2), Month(2026, 2)))
    )
    assert granted(story).warning.day == date(2026, 1, 31)


def test_the_county_grants_it_and_a_township_only_with_the_paper() -> None:
    story = stories.township(earning(200_000))
    assert isinstance(story.refused(GrantGrace(GRANTED)), DelegationPaperMissing)
    event = granted(story.when(GrantGrace(GRANTED, delegated_by="试验县民字〔2025〕1号")))
    assert event.decision.decider.delegated_by == "试验县民字〔2025〕1号"
    late = GrantGrace(date(2026, 7, 1), delegated_by="试验县民字〔2025〕1号")
    assert isinstance(story.refused(late), DelegationNotAllowed)


def test_a_stepped_grace_is_heard_before_it_is_granted_since_2026_07_01() -> None:
    story = with_pack(earning(200_000), altered("990301", "grace.amount-mode", "STEPDOWN", "word"))
    story.when(GrantGrace(date(2026, 6, 30))).then(GraceGranted)
    command = GrantGrace(date(2026, 7, 1))
    refusal = story.refused(command)
    assert isinstance(refusal, SteppedGraceUnheard)
    assert refusal.article == "L26 art.48"
    hearing = HearOpinion(date(2026, 7, 1), "reduction", stories.person(story, 0))
    story.when(hearing, command).then(GraceGranted)


def test_a_grace_that_follows_on_another_needs_a_ground_as_one_of_seven_months_does() -> None:
    story = stories.county(stories.ling_graced())
    following = GrantGrace(date(2026, 9, 15), months=Months(Month(2026, 10), Month(2026, 10)))
    assert isinstance(story.refused(following), LongGraceNeedsGround)
    story = story.when(replace(following, ground="岗位尚不稳定"))
    granted = story.events[-1]
    assert isinstance(granted, GraceGranted)
    assert granted.long

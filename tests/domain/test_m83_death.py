"""A death is settled within three months of its day (M83); the month of death stays paid (S7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from domain.aid.payments import OrderPayment, SettlePayment
from domain.change.adjustment import AdjustBenefit, BenefitAdjusted
from domain.change.hearing import HearingNotHeld, HearOpinion, SurvivorsRemain
from domain.change.review import Recertify
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import ConfirmDibao
from domain.decision.status import Exited
from domain.guards.order_of_steps import StepsOutOfOrder
from domain.guards.registered import NobodyCounted, NotAMember
from domain.household.as_of import valid_on
from domain.household.claims import Claim, claims_of
from domain.household.replay import replayed
from domain.intake.application import Apply
from domain.members.death import DeathAlreadyRecorded, MemberDied, RecordDeath
from domain.members.registration import NewMember, RegisterHousehold
from domain.members.succession import HeadChanged, HeadNeeded
from domain.values.month import Month
from domain.values.spells import Category, CategorySpell
from tests import stories
from tests.scenario import HOUSEHOLD, Life, altered, life, with_pack

DIED, TOLD = date(2026, 3, 5), date(2026, 5, 20)
G1, G2 = "990301194501010015", "990301194903030022"


def couple() -> Life:
    """S7: an old couple, 646 yuan a month from 2026-02 (473 × 2 − 300), three months paid."""
    on = date(2026, 1, 8)
    members = (
        NewMember("G1", "甲", "head", birth=date(1945, 1, 1), work_capacity="none"),
        NewMember("G2", "乙", "spouse", birth=date(1949, 3, 3), work_capacity="none"),
    )
    story = life("990301100201", "990301100/township").when(RegisterHousehold(on, "990301100201", members))
    story = with_pack(story, altered("990301", "dibao.standard.rural", 47_300, "fen/person-month"))
    story = stories.on_the_road(story, on, income=(stories.other(300),))
    story = story.when(ConfirmDibao(date(2026, 1, 20)))
    for month in range(2, 6):
        day = date(2026, month, 10)
        story = story.when(OrderPayment(day), SettlePayment(day))
    return stories.township(story)


def died(story: Life, ordinal: int = 0, new_head: int | None = 1) -> Life:
    head = None if new_head is None else stories.person(story, new_head)
    return story.when(RecordDeath(TOLD, stories.person(story, ordinal), DIED, "death-certificate", head))


def settled() -> Life:
    story = died(couple()).when(Recertify(TOLD))
    return stories.county(story).when(AdjustBenefit(TOLD, "成员死亡"))


def test_the_settlement_is_due_three_months_from_the_death_not_from_the_report() -> None:
    story = died(couple()).then(MemberDied, HeadChanged)
    (due,) = [o.due for o in story.household.dues if o.due.what == "DL-DTH"]
    assert (due.day, due.rule) == (date(2026, 6, 5), "M83 §1.3")
    assert not any(o.due.what == "DL-DTH" for o in settled().household.dues)


def test_the_reduction_is_paid_from_the_next_month_and_the_overpayment_said() -> None:
    adjusted = settled().events[-1]
    assert isinstance(adjusted, BenefitAdjusted)
    assert (adjusted.was, adjusted.fen, adjusted.first) == (64_600, 17_300, Month(2026, 6))
    assert (adjusted.since, adjusted.overpaid) == (Month(2026, 4), 94_600)


def test_what_was_known_then_and_what_is_known_now_are_two_answers() -> None:
    story = settled()
    known_on_may_day = replayed(HOUSEHOLD, [e for e in story.events if e.on <= date(2026, 5, 1)])
    may = date(2026, 5, 1)
    assert (valid_on(known_on_may_day, may).fen, len(valid_on(known_on_may_day, may).members)) == (64_600, 2)
    now = [valid_on(story.household, date(2026, month, 1)) for month in (3, 4, 5, 6)]
    assert [each.fen for each in now] == [64_600, 64_600, 64_600, 17_300]
    assert [each.owed or each.fen for each in now] == [64_600, 17_300, 17_300, 17_300]


def test_the_dead_count_and_are_claimed_up_to_their_last_day() -> None:
    story = died(couple())
    dead = stories.person(story, 0)
    assert story.household.has_member(dead, DIED)
    assert not story.household.has_member(dead, date(2026, 3, 6))
    assert Claim(dead, date(2026, 1, 20), date(2026, 3, 6)) in claims_of(story.household)


def test_the_same_death_again_is_no_news_and_another_day_is_a_correction() -> None:
    story = died(couple())
    dead = stories.person(story, 0)
    story.no_news(RecordDeath(TOLD, dead, DIED, "death-certificate", stories.person(story, 1)))
    refusal = story.refused(RecordDeath(TOLD, dead, date(2026, 3, 4), "death-certificate"))
    assert isinstance(refusal, DeathAlreadyRecorded)


def test_a_death_is_of_a_member_and_not_to_come() -> None:
    story = couple()
    head, spouse = stories.person(story, 0), stories.person(story, 1)
    future = RecordDeath(TOLD, head, date(2026, 5, 21), "cremation-record", spouse)
    assert isinstance(story.refused(future), StepsOutOfOrder)
    before = RecordDeath(TOLD, head, date(2026, 1, 7), "cremation-record", spouse)
    assert isinstance(story.refused(before), NotAMember)
    assert isinstance(story.refused(replace(before, died_on=DIED, new_head=None)), HeadNeeded)


def test_a_death_before_the_rule_sets_no_three_months() -> None:
    on = date(2022, 10, 20)
    story = stories.township(stories.ling_in_dibao(date(2022, 6, 1)))
    spouse = stories.person(story, 1)
    early = story.when(RecordDeath(on, spouse, date(2022, 10, 19), "household-register"))
    late = story.when(RecordDeath(on, spouse, on, "household-register"))
    assert [[o.due.what for o in each.household.dues][-1] for each in (early, late)] == ["DL-CHG", "DL-DTH"]


def test_when_all_are_dead_the_aid_ends_without_a_hearing_that_nobody_could_hold() -> None:
    day = date(2026, 7, 6)
    alive = couple()
    assert isinstance(alive.refused(HearOpinion(day, substitute="death-without-survivors")), SurvivorsRemain)
    story = died(died(alive), 1, None)
    assert isinstance(story.refused(Recertify(day)), NobodyCounted)
    end = TerminateBenefit(day, "death", "全户死亡")
    assert isinstance(stories.county(story).refused(end), HearingNotHeld)
    story = story.when(HearOpinion(day, substitute="death-without-survivors"))
    story = stories.county(story).when(end).then(Exited)
    assert not any(o.due.what == "DL-DTH" for o in story.household.dues)
    assert {claim.end for claim in claims_of(story.household)} == {date(2026, 3, 6)}


def test_a_single_persons_aid_ends_with_the_person() -> None:
    story = couple()
    dead = stories.person(story, 0)
    own = CategorySpell(Category.DIBAO_SINGLE, date(2026, 1, 20), person=dead)
    (death, *_) = story.asked(RecordDeath(TOLD, dead, DIED, "death-certificate", stories.person(story, 1)))
    household = replace(story.household, categories=(own,))
    after = death.evolve(household)
    assert after.category(DIED, person=dead) is not None
    assert after.category(date(2026, 3, 6), person=dead) is None
    assert {c for c in claims_of(after) if c.person == dead} == {Claim(dead, own.start, date(2026, 3, 6))}


def test_an_application_goes_on_in_the_hands_of_the_new_head() -> None:
    on = date(2026, 1, 8)
    story = stories.ling_registered(on)
    head, spouse = stories.person(story, 0), stories.person(story, 1)
    story = story.when(Apply(on, head, income=(stories.other(300),)))
    story = story.when(RecordDeath(date(2026, 1, 12), head, date(2026, 1, 10), "cremation-record", spouse))
    case = story.household.case
    assert case is not None
    assert case.applicant == spouse

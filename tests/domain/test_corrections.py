"""A correction names what it corrects; the past reads otherwise, what was known then does not, decisions stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from domain.change.adjustment import (
    AdjustBenefit,
    BenefitAdjusted,
    ConcludeReassessment,
    ReassessmentConcluded,
)
from domain.change.review import Recertify
from domain.correction.fact_correction import (
    CorrectedAlready,
    CorrectIncome,
    CorrectResidence,
    CorrectVisitDay,
    DayDoesNotFit,
    DecidedOnIt,
    IncomeCorrected,
    NoSuchStep,
    NotCorrectable,
    OpinionRestsOnIt,
    ResidenceCorrected,
)
from domain.correction.member_correction import CorrectDeath, CorrectMember, DeathCorrected, MemberCorrected
from domain.decision.confirmation import RefuseApplication
from domain.decision.file import ReceiveFile
from domain.household.as_of import valid_on
from domain.household.claims import Claim, claims_of
from domain.household.event import Event
from domain.household.replay import replayed
from domain.inquiry.verification import HomeVisited
from domain.intake.application import Applied
from domain.members.death import MemberDied, RecordDeath
from domain.members.member_changes import AddMember, ChangeMember, MemberChanged, MemberJoined
from domain.members.registration import HouseholdRegistered, NewMember
from domain.values.person import PersonId
from tests import stories
from tests.scenario import HOUSEHOLD, SEED, Life

ON = date(2025, 4, 21)
NOW = date(2025, 8, 4)
DIED = date(2025, 6, 5)


def aided() -> Life:
    return stories.township(stories.ling_in_dibao(ON))


def person(n: int) -> PersonId:
    return stories.person(aided(), n)


def step_of(story: Life, kind: type[Event], last: int = 1) -> int:
    """The step, counted from 1, of the last fact of a kind (or the one before)."""
    return [n for n, event in enumerate(story.events, 1) if type(event) is kind][-last]


def of(story: Life, kind: type[Event]) -> Event:
    (last,) = [e for e in story.events[-1:] if isinstance(e, kind)]
    return last


# --- what may be corrected


def test_a_step_there_is_not_or_of_another_kind_or_twice_is_refused() -> None:
    story = aided()
    assert isinstance(story.refused(CorrectMember(NOW, 99, "笔误", relation="son")), NoSuchStep)
    assert isinstance(story.refused(CorrectMember(NOW, 1, "笔误", relation="son")), NotCorrectable)
    story = story.when(CorrectMember(NOW, 4, "笔误", relation="child"))
    assert isinstance(story.refused(CorrectMember(NOW, 4, "笔误", relation="son")), CorrectedAlready)
    again = CorrectMember(NOW, len(story.events), "笔误", relation="son")
    corrected = of(story.when(again), MemberCorrected)
    assert isinstance(corrected, MemberCorrected)
    assert corrected.relation == "son"


def test_a_correction_says_something_and_why() -> None:
    assert aided().refused(CorrectMember(NOW, 4, "笔误", relation="son")).code == "nothing-wrong"
    assert aided().refused(CorrectMember(NOW, 4, "  ", relation="child")).code == "correction-needs-reasons"


def test_the_corrected_step_stays_and_is_marked_by_step_and_event() -> None:
    story = aided()
    before = story.events
    story = story.when(CorrectMember(NOW, 4, "核对户口簿", relation="child"))
    assert story.events[: len(before)] == before
    corrected = of(story, MemberCorrected)
    assert isinstance(corrected, MemberCorrected)
    (mark,) = story.household.oversight.corrections
    assert (mark.step, mark.event, mark.on) == (4, corrected.corrects, NOW)


# --- members


def test_with_the_day_fixed_the_answer_changes_with_what_was_known() -> None:
    """Spouse entered as able to work; the certificate says otherwise since the first day."""
    story = aided().when(CorrectMember(NOW, 3, "核对残疾证", work_capacity="partial", relation="other"))
    day = date(2025, 5, 1)
    before, after = valid_on(replayed(HOUSEHOLD, story.events[:-1]), day), valid_on(story.household, day)
    then, now = (next(m for m in each.members if m.person == person(1)) for each in (before, after))
    assert (then.work_capacity, then.relation) == ("none", "spouse")
    assert (now.work_capacity, now.relation) == ("partial", "other")


def test_what_was_carried_over_wrongly_is_right_afterwards_and_what_changed_since_stays() -> None:
    story = aided().when(ChangeMember(date(2025, 6, 2), person(2), student=False))
    story = story.when(CorrectMember(NOW, 4, "笔误", relation="child", student=False, birth=date(2012, 3, 2)))
    rows = [m for m in story.household.people.members if m.person == person(2)]
    assert [(m.start, m.relation, m.student, m.birth) for m in rows] == [
        (ON, "child", False, date(2012, 3, 2)),
        (date(2025, 6, 2), "child", False, date(2012, 3, 2)),
    ]


def test_a_change_is_corrected_by_itself() -> None:
    story = aided().when(ChangeMember(date(2025, 6, 20), person(2), date(2025, 6, 2), student=False))
    step = step_of(story, MemberChanged)
    story = story.when(CorrectMember(NOW, step, "毕业日期有误", since=date(2025, 6, 16)))
    students = {
        day: next(m for m in story.household.counted(day) if m.person == person(2)).student
        for day in (date(2025, 6, 15), date(2025, 6, 16))
    }
    assert students == {date(2025, 6, 15): True, date(2025, 6, 16): False}
    assert len([m for m in story.household.counted(date(2025, 6, 10)) if m.person == person(2)]) == 1


def test_an_id_number_corrected_brings_birth_and_sex_and_a_name_its_own_token() -> None:
    story = aided().when(CorrectMember(NOW, 4, "证件录错", name="岭小山", id_number="99030120130320002X"))
    corrected = of(story, MemberCorrected)
    assert isinstance(corrected, MemberCorrected)
    assert (corrected.birth, corrected.sex) == (date(2013, 3, 20), "female")
    assert corrected.name is not None
    assert corrected.id_number is not None
    assert (corrected.name.owner, corrected.id_number.value) == (person(2), "99030120130320002X")
    member = next(m for m in story.household.people.members if m.person == person(2))
    assert member.name is corrected.name


def test_a_number_that_is_somebody_elses_is_no_correction() -> None:
    story = replace(aided(), persons=(("99030120130320002X", PersonId(SEED)),))
    refusal = story.refused(CorrectMember(NOW, 4, "证件录错", id_number="99030120130320002X"))
    assert refusal.code == "number-is-anothers"


def test_a_first_day_corrected_over_a_decision_opens_the_duty_to_decide_again() -> None:
    """The child was born, and counted, only after the confirmation that counted it."""
    baby = NewMember("C4", "岭小小", "daughter", birth=date(2025, 6, 20), work_capacity="none")
    story = aided().when(AddMember(date(2025, 7, 1), baby, "birth", date(2025, 6, 20)))
    story = stories.township(
        stories.county(story.when(Recertify(date(2025, 7, 1)))).when(
            AdjustBenefit(date(2025, 7, 2), "新生儿")
        )
    )
    adjustment = of(story, BenefitAdjusted)
    assert isinstance(adjustment, BenefitAdjusted)
    amounts = story.household.aid.benefits
    wrong = CorrectMember(NOW, step_of(story, MemberJoined), "户口登记日期", since=date(2025, 7, 10))
    story = story.when(wrong)
    corrected = of(story, MemberCorrected)
    assert isinstance(corrected, MemberCorrected)
    assert corrected.affected == (adjustment.adjustment,)
    assert corrected.due is not None
    assert story.household.aid.benefits == amounts
    answered = story.when(Recertify(NOW))
    stories.county(answered).when(AdjustBenefit(NOW, "重新核定")).then(BenefitAdjusted)


def test_a_correction_no_decision_rests_on_opens_nothing() -> None:
    corrected = of(aided().when(CorrectMember(NOW, 4, "笔误", relation="child")), MemberCorrected)
    assert isinstance(corrected, MemberCorrected)
    assert (corrected.affected, corrected.due) == ((), None)


# --- death


def dead() -> Life:
    head = RecordDeath(date(2025, 6, 10), person(0), DIED, "cremation-record", person(1))
    return aided().when(head)


def test_a_wrong_day_of_death_moves_everything_that_hung_on_it() -> None:
    right = date(2025, 5, 30)
    story = dead().when(CorrectDeath(NOW, step_of(dead(), MemberDied), "核对证明", right))
    household = story.household
    assert household.has_member(person(0), right)
    assert not household.has_member(person(0), date(2025, 5, 31))
    assert [household.head(day) for day in (right, date(2025, 5, 31))] == [person(0), person(1)]
    assert [o.due.day for o in household.limits.dues if o.due.what == "DL-DTH"] == [date(2025, 9, 1)]
    assert Claim(person(0), date(2025, 4, 28), date(2025, 5, 31)) in claims_of(household)


def test_who_is_alive_after_all_counts_again_as_if_never_dead() -> None:
    story = dead().when(CorrectDeath(NOW, step_of(dead(), MemberDied), "本人到场"))
    household = story.household
    assert [(m.person, m.relation, m.start, m.end, m.cause) for m in household.people.members] == [
        (m.person, m.relation, m.start, m.end, m.cause) for m in aided().household.people.members
    ]
    assert not [o for o in household.limits.dues if o.due.what == "DL-DTH"]
    assert claims_of(household) == claims_of(aided().household)
    known_before = valid_on(replayed(HOUSEHOLD, story.events[:-1]), NOW)
    assert (len(known_before.members), len(valid_on(household, NOW).members)) == (2, 3)


def test_an_amount_cut_for_a_death_that_was_none_is_to_be_decided_again() -> None:
    story = dead().when(Recertify(date(2025, 6, 11)))
    story = stories.county(story).when(AdjustBenefit(date(2025, 6, 12), "成员死亡"))
    adjustment = of(story, BenefitAdjusted)
    assert isinstance(adjustment, BenefitAdjusted)
    story = stories.township(story).when(CorrectDeath(NOW, step_of(dead(), MemberDied), "本人到场"))
    corrected = of(story, DeathCorrected)
    assert isinstance(corrected, DeathCorrected)
    assert corrected.affected == (adjustment.adjustment,)
    assert corrected.due is not None
    assert story.household.aid.benefits[-1].fen == 52_000
    story = stories.county(story.when(Recertify(NOW))).when(AdjustBenefit(NOW, "更正死亡登记"))
    assert story.household.aid.benefits[-1].fen == 108_000


def test_a_death_corrected_is_corrected_again_by_naming_the_correction() -> None:
    story = dead().when(CorrectDeath(NOW, step_of(dead(), MemberDied), "核对", date(2025, 5, 30)))
    story = story.when(CorrectDeath(NOW, len(story.events), "再核对", date(2025, 6, 1)))
    assert story.household.has_member(person(0), date(2025, 6, 1))
    assert len([o for o in story.household.limits.dues if o.due.what == "DL-DTH"]) == 1


# --- residence, income, visit


def test_a_residence_corrected_holds_from_the_first_day_and_touches_the_decision_taken_on_it() -> None:
    story = aided().when(CorrectResidence(NOW, 1, "户籍核对", "990301100001"))
    corrected = of(story, ResidenceCorrected)
    assert isinstance(corrected, ResidenceCorrected)
    assert story.household.area(ON) == "urban"
    (case,) = story.household.cases.procedures
    assert corrected.affected == (case.id,)
    assert corrected.due is not None
    assert isinstance(
        aided().refused(CorrectResidence(NOW, 1, "核对", since=date(2025, 8, 5))), DayDoesNotFit
    )
    assert type(story.events[0]) is HouseholdRegistered


def test_declared_income_is_corrected_until_the_opinion() -> None:
    story = stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="visit"))
    step = step_of(story, Applied)
    right = CorrectIncome(ON, step, "录入错误", (stories.other(500),))
    corrected = story.when(right).then(IncomeCorrected)
    assert corrected.household.case is not None
    assert corrected.household.case.income == (stories.other(500),)
    opined = stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="opine"))
    assert isinstance(opined.refused(right), OpinionRestsOnIt)
    assert isinstance(aided().refused(CorrectIncome(NOW, step, "录入错误", ())), DecidedOnIt)


def test_the_day_of_a_visit_is_corrected_between_acceptance_and_decision() -> None:
    story = aided()
    step = step_of(story, HomeVisited)
    corrected = story.when(CorrectVisitDay(NOW, step, "录入错误", date(2025, 4, 23)))
    assert corrected.household.cases.procedures[0].visits[0].on == date(2025, 4, 23)
    for day in (date(2025, 4, 20), date(2025, 4, 29)):
        assert isinstance(story.refused(CorrectVisitDay(NOW, step, "录入错误", day)), DayDoesNotFit)


# --- answered without an amount


def test_a_family_without_an_amount_is_answered_by_reasons() -> None:
    story = stories.on_the_road(
        stories.ling_registered(ON), ON, income=(stories.other(1_700),), until="opine"
    )
    story = story.when(ReceiveFile(ON), RefuseApplication(ON, "income-above-standard", "收入超过标准"))
    story = stories.township(story).when(CorrectResidence(NOW, 1, "户籍核对", "990301100001"))
    assert [o.due.what for o in story.household.limits.dues if o.due.what == "DL-CHG"]
    story = story.when(ConcludeReassessment(NOW, "已告知该户重新申请")).then(ReassessmentConcluded)
    story.no_news(ConcludeReassessment(NOW, "已告知该户重新申请"))
    assert story.refused(ConcludeReassessment(date(2025, 8, 5), "再次")).code == "nothing-to-conclude"


def test_a_family_in_dibao_is_answered_by_a_decision() -> None:
    story = aided().when(ChangeMember(NOW, person(2), student=False))
    assert story.refused(ConcludeReassessment(NOW, "无影响")).code == "adjust-instead"

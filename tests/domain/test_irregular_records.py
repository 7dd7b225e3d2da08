"""What the law forbids and happened is recorded, takes no claim, has its effect, and somebody answers for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.aid.payments import OrderPayment, PaymentOrdered
from domain.change.hearing import HearOpinion
from domain.change.monitoring import ReturnedToMonitoring
from domain.change.review import Recertify
from domain.change.termination import TerminateBenefit
from domain.correction.irregular import (
    AnswerSuspicion,
    EffectIncomplete,
    IrregularlyConfirmed,
    IrregularlyEnded,
    IrregularNeedsGround,
    IrregularRecorded,
    NoEffectToEnd,
    NoOpenSuspicion,
    NotHappenedYet,
    OutcomeNeedsFinding,
    RecordIrregular,
    SuspicionAnswered,
)
from domain.decision.confirmation import (
    AlreadyDecided,
    ConfirmDibao,
    ConfirmMarginal,
    OneCategoryOnly,
    RefuseApplication,
)
from domain.decision.status import Exited
from domain.decision.transfer import ConsentToTransfer, StartTransfer
from domain.household.claims import claims_of
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.spells import Category
from tests import stories
from tests.scenario import Life

ON, FOUND = date(2025, 4, 14), date(2025, 9, 1)
THEN = date(2025, 5, 20)


def known() -> Life:
    return stories.county(stories.ling_registered(ON))


def confirmed(*, fen: int | None = 100_000) -> RecordIrregular:
    amount = None if fen is None else Fen(fen)
    return RecordIrregular(FOUND, "confirmed-without-notice", THEN, "档案中没有公示单", ("w1",), fen=amount)


def single() -> RecordIrregular:
    return RecordIrregular(
        FOUND, "visited-alone", THEN, "入户调查表只有一人签字", ("w1",), "990301100/township"
    )


def dues(story: Life) -> set[str]:
    return {o.due.what for o in story.household.dues}


def test_a_record_names_the_act_its_day_who_did_it_and_who_found_it() -> None:
    event = known().when(single()).then(IrregularRecorded).events[-1]
    assert isinstance(event, IrregularRecorded)
    assert (event.act, event.day, event.officers, event.organ) == (
        "visited-alone",
        THEN,
        ("w1",),
        "990301100/township",
    )
    assert (event.recorder.officer, event.recorder.organ) == ("c1", "990301/civil-affairs")


def test_it_opens_a_suspicion_that_is_answered() -> None:
    story = known().when(single())
    assert [(each.kind, each.day) for each in story.household.suspicions] == [("visited-alone", THEN)]
    assert "DL-IRR-CHK" in dues(story)
    answer = AnswerSuspicion(FOUND, "mended", "已补做入户调查")
    story = story.when(answer).then(SuspicionAnswered)
    assert "DL-IRR-CHK" not in dues(story)
    story.no_news(answer)
    assert isinstance(story.refused(AnswerSuspicion(FOUND, "recovered", "x")), NoOpenSuspicion)


def test_it_has_a_ground_lies_in_the_past_and_an_answer_has_a_finding() -> None:
    assert isinstance(known().refused(RecordIrregular(FOUND, "other", THEN, " ")), IrregularNeedsGround)
    for day, refused in ((FOUND, False), (date(2025, 9, 2), True)):
        command = RecordIrregular(FOUND, "other", day, "说明")
        if refused:
            assert isinstance(known().refused(command), NotHappenedYet)
        else:
            known().when(command).then(IrregularRecorded)
    assert isinstance(
        known().when(single()).refused(AnswerSuspicion(FOUND, "mended", "")), OutcomeNeedsFinding
    )


def test_the_same_act_of_the_same_day_again_is_no_news() -> None:
    known().when(single()).no_news(single())


def test_a_visit_by_one_person_does_not_count_as_a_visit() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="accept").when(single())
    assert story.household.procedures[-1].visits == ()


def test_a_confirmation_that_took_effect_has_it_and_takes_no_claim() -> None:
    story = known().when(confirmed()).then(IrregularRecorded, IrregularlyConfirmed)
    household = story.household
    (spell,) = household.categories
    assert (spell.category, spell.start, spell.end, spell.irregular) == (Category.DIBAO, THEN, None, True)
    assert household.benefits[0].first == Month(2025, 6)
    assert claims_of(household) == frozenset()
    story.when(OrderPayment(FOUND, month=Month(2025, 6))).then(PaymentOrdered)


def test_lawful_spells_of_the_same_family_keep_their_claims() -> None:
    story = stories.ling_in_dibao(ON)
    assert len(claims_of(story.household)) == 3
    story.when(single())
    assert len(claims_of(story.when(single()).household)) == 3


@pytest.mark.parametrize("fen", [None, 0, -1])
def test_a_dibao_effect_says_the_amount(fen: int | None) -> None:
    assert isinstance(known().refused(confirmed(fen=fen)), EffectIncomplete)


def test_a_family_lawfully_aided_was_not_confirmed_beside_that() -> None:
    refusal = stories.ling_in_dibao(ON).refused(confirmed())
    assert isinstance(refusal, OneCategoryOnly)


def test_a_marginal_family_rose_into_it() -> None:
    day = date(2025, 6, 10)
    story = stories.township(stories.ling_in_dibao(ON)).when(Recertify(day, (stories.other(2_000),)))
    story = stories.county(story).when(
        HearOpinion(day, heard=stories.person(story, 0)),
        TerminateBenefit(day, "income-above-standard", "超过标准"),
        ConsentToTransfer(day, True, stories.person(story, 0)),
        StartTransfer(day),
        ConfirmMarginal(day),
    )
    act = RecordIrregular(FOUND, "confirmed-without-notice", date(2025, 8, 1), "未见公示单", fen=Fen(50_000))
    household = story.when(act).household
    assert [(s.category, s.end, s.irregular) for s in household.categories[1:]] == [
        (Category.MARGINAL, date(2025, 8, 1), False),
        (Category.DIBAO, None, True),
    ]
    assert {claim.end for claim in claims_of(household)} == {date(2025, 8, 1)}


def test_the_case_under_way_was_decided_by_it() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="opine").when(confirmed())
    assert story.household.case is None
    assert dues(story) == {"DL-IRR-CHK"}
    for command in (ConfirmDibao(FOUND), RefuseApplication(FOUND, "other", "理由")):
        assert isinstance(story.refused(command), AlreadyDecided)


def test_it_is_ended_like_any_other_by_a_decision() -> None:
    story = known().when(confirmed())
    story = story.when(
        HearOpinion(FOUND, heard=stories.person(story, 0)),
        TerminateBenefit(FOUND, "property-above-limit", "名下有经营性房产"),
    )
    story.then(Exited)
    assert [(s.end, s.irregular) for s in story.household.categories] == [(date(2025, 10, 1), True)]


def test_an_ending_nobody_decided_has_its_effect_and_the_family_is_watched() -> None:
    story = stories.ling_in_dibao(ON)
    act = RecordIrregular(FOUND, "ended-unheard", date(2025, 8, 15), "名单中直接删除", month=Month(2025, 9))
    story = story.when(act).then(IrregularRecorded, IrregularlyEnded)
    assert story.household.categories[0].end == date(2025, 9, 1)
    assert story.household.benefits[0].last == Month(2025, 8)
    assert dues(story) == {"DL-IRR-CHK", "return-to-monitoring"}
    assert {claim.end for claim in claims_of(story.household)} == {date(2025, 9, 1)}
    story.passed(FOUND).then(ReturnedToMonitoring)


def test_what_did_not_run_or_was_paid_all_the_same_did_not_end() -> None:
    act = RecordIrregular(FOUND, "ended-without-decision", THEN, "名单中直接删除")
    assert isinstance(known().refused(act), NoEffectToEnd)
    story = stories.ling_in_dibao(ON).when(*(OrderPayment(FOUND, month=Month(2025, m)) for m in (5, 6)))
    assert isinstance(story.refused(act), NoEffectToEnd)
    later = RecordIrregular(FOUND, "ended-without-decision", THEN, "名单中直接删除", month=Month(2025, 7))
    story.when(later).then(IrregularRecorded, IrregularlyEnded)


def test_two_payments_of_two_months_are_two_records_and_so_are_two_visits_by_two_people() -> None:
    def paid(month: int) -> RecordIrregular:
        return RecordIrregular(FOUND, "paid-early", THEN, "发放册", month=Month(2025, month), fen=Fen(1))

    story = known().when(paid(4), paid(5), single(), replace(single(), officers=("w2",)))
    assert len(story.household.suspicions) == 4
    story.no_news(paid(4))


def test_what_happened_in_no_listed_way_is_recorded_each_time() -> None:
    other = RecordIrregular(FOUND, "other", THEN, "说明")
    assert len(known().when(other, other).household.suspicions) == 2

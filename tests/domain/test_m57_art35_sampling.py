"""M57 art.2, 35; M43 art.16: the county draws by a ratio anybody can compute again, and records what it found."""

from __future__ import annotations

from datetime import date
from uuid import uuid5

import pytest

from domain.catalogue import RULES
from domain.change.hearing import HearOpinion
from domain.change.review import Recertify
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import ConfirmDibao
from domain.decision.transfer import ConsentToTransfer, StartTransfer
from domain.guards.separation_of_duties import DutiesNotSeparate
from domain.guards.visit_team import TeamTooSmall
from domain.inquiry.sampling import (
    CheckSample,
    DispositionMissing,
    DrawnAlready,
    DrawSample,
    NotDrawn,
    NothingToSample,
    SampleChecked,
    SampleDrawn,
    SeedMissing,
    is_drawn,
)
from domain.values.receipt import Receipt, replay
from tests import stories
from tests.scenario import SEED, Life, altered, with_pack

ON, END = date(2025, 4, 14), date(2025, 4, 21)


def decided() -> Life:
    """A township decided on its county's paper; the county acts next."""
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="close", delegated=True)
    story = story.by("990301100/township", "w8").when(ConfirmDibao(END, delegated_by="试验县民发〔2022〕9号"))
    return stories.county(story)


def with_ratio(story: Life, numerator: int, denominator: int) -> Life:
    ratio = {"numerator": numerator, "denominator": denominator}
    return with_pack(story, altered("990301", "dibao.sampling-ratio", ratio, "ratio"))


def drawn() -> Life:
    return with_ratio(decided(), 1, 1).when(DrawSample(END, "2025-2")).then(SampleDrawn)


def test_the_draw_is_a_number_anybody_computes_again() -> None:
    story = decided().when(DrawSample(END, "2025-2"))
    event = story.events[-1]
    assert isinstance(event, SampleDrawn)
    assert isinstance(event.receipt, Receipt)
    replay(event.receipt, RULES)
    assert event.drawn == is_drawn(seed="2025-2", subject=str(event.case), ratio=[3, 10])
    assert event.receipt.rules[0].inputs["ratio"] == [3, 10]


def test_three_in_ten_are_drawn_and_another_seed_draws_others() -> None:
    cases = [str(uuid5(SEED, f"case/{n}")) for n in range(2_000)]
    one = {case for case in cases if is_drawn(seed="a", subject=case, ratio=[3, 10])}
    other = {case for case in cases if is_drawn(seed="b", subject=case, ratio=[3, 10])}
    assert 540 < len(one) < 660
    assert one != other
    assert one == {case for case in cases if is_drawn(seed="a", subject=case, ratio=[3, 10])}
    assert one <= {case for case in cases if is_drawn(seed="a", subject=case, ratio=[1, 2])}


@pytest.mark.parametrize(("numerator", "hit"), [(0, False), (1, True)])
def test_none_of_none_and_all_of_all_are_drawn_and_only_a_hit_is_due(numerator: int, hit: bool) -> None:
    story = with_ratio(decided(), numerator, 1).when(DrawSample(END, "2025-2")).then(SampleDrawn)
    assert ("DL-SMP-CHK" in {o.due.what for o in story.household.limits.dues}) == hit
    if not hit:
        assert isinstance(story.refused(CheckSample(END, ("c2", "c3"), "in-order")), NotDrawn)


def test_a_case_is_drawn_once_so_that_nobody_draws_until_it_suits() -> None:
    story = drawn()
    story.no_news(DrawSample(END, "2025-2"))
    refusal = story.refused(DrawSample(END, "2025-3"))
    assert isinstance(refusal, DrawnAlready)
    assert refusal.facts == {"seed": "2025-2"}


def test_without_a_case_or_a_seed_there_is_no_draw_and_the_township_does_not_draw() -> None:
    story = stories.county(stories.ling_registered(ON))
    assert isinstance(story.refused(DrawSample(ON, "2025-2")), NothingToSample)
    assert isinstance(decided().refused(DrawSample(END, " ")), SeedMissing)
    assert stories.township(decided()).refused(DrawSample(END, "2025-2")).code == "not-competent"


def test_a_case_in_order_closes_its_check_and_a_defect_opens_a_suspicion() -> None:
    story = drawn()
    fine = story.when(CheckSample(END, ("c2", "c3"), "in-order")).then(SampleChecked)
    assert not {"DL-SMP-CHK", "DL-IRR-CHK"} & {o.due.what for o in fine.household.limits.dues}
    assert fine.household.oversight.suspicions == ()
    fine.no_news(CheckSample(END, ("c2", "c3"), "in-order"))
    bad = story.when(CheckSample(END, ("c2", "c3"), "defect", "mended", "缺少邻里访问")).then(SampleChecked)
    assert [each.kind for each in bad.household.oversight.suspicions] == ["sample-defect"]
    assert "DL-IRR-CHK" in {o.due.what for o in bad.household.limits.dues}


def test_a_defect_says_what_was_done_about_it() -> None:
    assert isinstance(drawn().refused(CheckSample(END, ("c2", "c3"), "defect")), DispositionMissing)


def test_the_check_is_made_by_a_team_that_had_no_part_in_the_case() -> None:
    assert isinstance(drawn().refused(CheckSample(END, ("c2",), "in-order")), TeamTooSmall)
    assert isinstance(drawn().refused(CheckSample(END, ("c2", "w1"), "in-order")), DutiesNotSeparate)


def test_a_drawn_case_is_checked_also_after_another_one_began() -> None:
    story = drawn()
    day = date(2025, 6, 10)
    story = stories.township(story).when(Recertify(day, (stories.other(2_000),)))
    story = stories.county(story).when(
        HearOpinion(day, heard=stories.person(story, 0)),
        TerminateBenefit(day, "income-above-standard", "超过标准"),
        ConsentToTransfer(day, True, stories.person(story, 0)),
        StartTransfer(day),
        CheckSample(day, ("c2", "c3"), "in-order"),
    )
    first, second = story.household.cases.procedures
    assert first.sample is not None
    assert (first.sample.result, second.sample) == ("in-order", None)
    assert "DL-SMP-CHK" not in {o.due.what for o in story.household.limits.dues}

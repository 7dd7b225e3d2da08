"""S001; L26 art.42: from Dibao straight to the marginal procedure, only if the family agreed, on the same papers."""

from __future__ import annotations

from datetime import date

import pytest

from domain.categories.marginal import BelowDibaoStandard, NotBelowMarginalLine
from domain.change.review import Recertify
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import ConfirmDibao, ConfirmMarginal, OneCategoryOnly, RefuseApplication
from domain.decision.file import ReceiveFile
from domain.decision.status import Classified
from domain.decision.transfer import (
    ConsentDeclined,
    ConsentMissing,
    ConsentToTransfer,
    EvidenceMissing,
    StartTransfer,
    TransferConsented,
    TransferStarted,
)
from domain.guards.registered import NotAMember
from domain.intake.application import AlreadyApplying, Apply, EndProcedure
from domain.values.person import PersonId
from domain.values.spells import Category
from tests import stories
from tests.scenario import SEED, Life

DAY = date(2026, 6, 10)


def ended(income: int = 2_000) -> Life:
    """Dibao ends with June 2026; the county acts next."""
    story = stories.township(stories.ling_in_dibao(date(2026, 3, 2)))
    story = stories.county(story.when(Recertify(date(2026, 6, 1), (stories.other(income),))))
    return story.when(TerminateBenefit(DAY, "income-above-standard", "人均收入超过标准"))


def asked(story: Life, given: bool, on: date = DAY) -> Life:
    return story.when(ConsentToTransfer(on, given, stories.person(story, 0)))


def test_unasked_the_family_is_not_passed_on() -> None:
    refusal = ended().refused(StartTransfer(DAY))
    assert isinstance(refusal, ConsentMissing)
    assert refusal.article == "S001"


def test_having_said_no_it_is_not_passed_on() -> None:
    assert isinstance(asked(ended(), False).refused(StartTransfer(DAY)), ConsentDeclined)


def test_the_last_word_counts() -> None:
    changed = asked(asked(ended(), False), True, date(2026, 6, 11))
    changed.when(StartTransfer(date(2026, 6, 11))).then(TransferStarted)
    withdrawn = asked(asked(ended(), True), False, date(2026, 6, 11))
    assert isinstance(withdrawn.refused(StartTransfer(date(2026, 6, 11))), ConsentDeclined)


def test_the_papers_go_along_and_the_family_does_not_apply_again() -> None:
    story = asked(ended(), True).when(StartTransfer(DAY)).then(TransferStarted)
    case = story.household.case
    assert case is not None
    assert (case.category, case.origin, case.accepted_on) == (Category.MARGINAL, "transfer", DAY)
    assert case.authorised == story.household.procedures[0].authorised
    assert case.reported_on == date(2026, 3, 2)
    assert [item.fen for item in case.income] == [200_000]
    story.when(ConfirmMarginal(date(2026, 6, 15))).then(Classified)


def test_one_consent_serves_one_transfer() -> None:
    story = asked(ended(), True).when(StartTransfer(DAY))
    story.no_news(StartTransfer(DAY))
    assert isinstance(story.refused(StartTransfer(date(2026, 6, 11))), AlreadyApplying)
    story = story.when(EndProcedure(DAY, "not-cooperating", "拒不配合"))
    assert isinstance(story.refused(StartTransfer(date(2026, 6, 11))), ConsentMissing)


def test_the_same_answer_again_is_no_news_also_after_it_served() -> None:
    story = asked(ended(), True)
    answer = ConsentToTransfer(DAY, True, stories.person(story, 0))
    story.no_news(answer)
    story.when(StartTransfer(DAY)).no_news(answer)


def test_only_a_member_answers() -> None:
    assert isinstance(ended().refused(ConsentToTransfer(DAY, True, PersonId(SEED))), NotAMember)
    asked(ended(), True).then(TransferConsented)


def test_a_family_never_looked_into_has_to_apply() -> None:
    story = asked(stories.ling_registered(date(2026, 3, 2)), True)
    assert isinstance(stories.county(story).refused(StartTransfer(DAY)), EvidenceMissing)


def test_nobody_is_passed_on_upwards() -> None:
    """M57 art.28: into Dibao leads only an application."""
    story = ended()
    story = story.when(ConsentToTransfer(DAY, True, stories.person(story, 0), Category.DIBAO))
    assert story.refused(StartTransfer(DAY, Category.DIBAO)).code == "wrong-procedure"


def test_marginal_is_confirmed_strictly_below_its_line() -> None:
    for income, fits in ((2_519, True), (2_520, False)):
        story = asked(ended(income), True).when(StartTransfer(DAY))
        if fits:
            story.when(ConfirmMarginal(DAY)).then(Classified)
        else:
            assert isinstance(story.refused(ConfirmMarginal(DAY)), NotBelowMarginalLine)


def test_marginal_begins_when_dibao_ends_so_that_no_day_has_two_or_none() -> None:
    household = asked(ended(), True).when(StartTransfer(DAY), ConfirmMarginal(DAY)).household
    for day, category in ((date(2026, 6, 30), Category.DIBAO), (date(2026, 7, 1), Category.MARGINAL)):
        found = [s.category for s in household.categories if s.start <= day and (not s.end or day < s.end)]
        assert found == [category]


def test_a_family_still_in_dibao_is_not_made_marginal() -> None:
    story = stories.ling_in_dibao(date(2026, 3, 2))
    story = asked(story, True).when(StartTransfer(DAY))
    assert isinstance(story.refused(ConfirmMarginal(DAY)), OneCategoryOnly)


def test_confirming_twice_is_no_news() -> None:
    story = asked(ended(), True).when(StartTransfer(DAY), ConfirmMarginal(DAY))
    story.no_news(ConfirmMarginal(DAY))


def test_a_marginal_family_may_apply_for_dibao_and_leaves_marginal_when_confirmed() -> None:
    story = asked(ended(), True).when(StartTransfer(DAY), ConfirmMarginal(DAY))
    day = date(2026, 8, 3)
    story = stories.on_the_road(stories.township(story), day)
    case = story.household.case
    assert case is not None
    assert case.file_received_on is not None
    confirmed = case.file_received_on
    household = story.when(ConfirmDibao(confirmed)).household
    assert [o.due.what for o in household.dues] == ["DL-REC-HALF"]
    assert [(s.category, s.start, s.end) for s in household.categories][1:] == [
        (Category.MARGINAL, date(2026, 7, 1), confirmed),
        (Category.DIBAO, confirmed, None),
    ]


def test_a_family_already_marginal_or_about_to_be_is_not_passed_on_again() -> None:
    story = asked(ended(), True).when(StartTransfer(DAY), ConfirmMarginal(DAY))
    for day in (date(2026, 6, 12), date(2026, 7, 20)):
        refusal = asked(story, True, day).refused(StartTransfer(day))
        assert refusal.code == "already-receives"


def test_a_family_in_dibao_cannot_apply_for_less_or_the_same() -> None:
    story = stories.ling_in_dibao(date(2026, 3, 2))
    for category in (Category.DIBAO, Category.MARGINAL):
        refusal = story.refused(Apply(DAY, stories.person(story, 0), category=category))
        assert refusal.code == "already-receives"
        assert "低保" in refusal.sentence


def applied_marginal(income: int) -> Life:
    story = stories.ling_registered(date(2026, 3, 2))
    found = (stories.other(income),)
    on = date(2026, 3, 2)
    story = stories.on_the_road(story, on, until="opine", income=found, category=Category.MARGINAL)
    return story.when(ReceiveFile(on))


@pytest.mark.parametrize(("income", "dibao_first"), [(1_679, True), (1_680, False)])
def test_a_family_below_the_dibao_standard_is_decided_for_dibao_first(income: int, dibao_first: bool) -> None:
    story = applied_marginal(income)
    command = ConfirmMarginal(date(2026, 3, 9))
    if dibao_first:
        refusal = story.refused(command)
        assert isinstance(refusal, BelowDibaoStandard)
        assert refusal.facts == {"per_capita": "559.67", "standard": "560.00"}
    else:
        story.when(command).then(Classified)


def test_once_dibao_was_refused_it_may_be_marginal() -> None:
    day = date(2026, 3, 2)
    story = stories.on_the_road(stories.ling_registered(day), day)
    refused = date(2026, 3, 9)
    story = story.when(RefuseApplication(refused, "property-above-limit", "名下有第二套住房"))
    story = stories.on_the_road(stories.township(story), refused, until="opine", category=Category.MARGINAL)
    story.when(ReceiveFile(refused), ConfirmMarginal(refused)).then(Classified)

"""L26 art.44, M57 art.2, 5: who may act is the organ of the place, and at the county civil affairs."""

from __future__ import annotations

from datetime import date

import pytest

from domain.change.grace import GrantGrace
from domain.decision.confirmation import ConfirmDibao
from domain.household.context import NotTheDepartment, OutsideJurisdiction
from domain.intake.application import AcceptApplication, Apply
from tests import stories

HERE = "370786101/township"


@pytest.mark.parametrize("organ", ["370786001/township", "370787101/township"])
def test_another_township_does_not_accept_the_application(organ: str) -> None:
    registered = stories.yu_registered()
    applied = registered.by(HERE).when(Apply(date(2021, 7, 1), stories.person(registered, 0)))
    assert isinstance(applied.by(organ).refused(AcceptApplication(date(2021, 7, 1))), OutsideJurisdiction)


def test_another_county_does_not_confirm() -> None:
    story = stories.yu_received().by("990301/civil-affairs", "x1")
    assert isinstance(story.refused(ConfirmDibao(date(2021, 7, 26))), OutsideJurisdiction)


def test_another_department_of_the_county_does_not_confirm_or_grant_grace() -> None:
    story = stories.yu_received().by("370786/human-resources", "h1")
    assert isinstance(story.refused(ConfirmDibao(date(2021, 7, 26))), NotTheDepartment)
    graced = stories.yu_confirmed().by("370786/agriculture", "a1")
    assert isinstance(graced.refused(GrantGrace(date(2022, 11, 18))), NotTheDepartment)

"""M57 art.11, 20: a close relative of staff or cadre is registered apart, and the county itself must visit."""

from __future__ import annotations

from datetime import date

from domain.decision.confirmation import (
    ApplicationRefused,
    ConfirmDibao,
    CountyVisitRequired,
    RefuseApplication,
)
from domain.decision.status import Classified
from domain.inquiry.verification import VisitHome
from tests import stories
from tests.scenario import Life

ON = date(2025, 4, 21)
DECIDED = date(2025, 4, 30)


def received(*, relatives: bool) -> Life:
    return stories.on_the_road(stories.ling_registered(ON), ON, relatives=relatives)


def test_the_townships_visit_is_not_enough() -> None:
    refusal = received(relatives=True).refused(ConfirmDibao(DECIDED))
    assert isinstance(refusal, CountyVisitRequired)
    assert refusal.article == "M57 art.11, 20"


def test_neither_is_a_refusal_without_the_countys_visit() -> None:
    command = RefuseApplication(DECIDED, "other", "另有固定收入")
    assert isinstance(received(relatives=True).refused(command), CountyVisitRequired)


def test_after_the_countys_visit_the_decision_stands() -> None:
    story = received(relatives=True)
    visit = VisitHome(DECIDED, ("c2", "c3"), stories.person(story, 0))
    story.when(visit, ConfirmDibao(DECIDED)).then(Classified)
    story.when(visit, RefuseApplication(DECIDED, "other", "另有固定收入")).then(ApplicationRefused)


def test_other_families_need_no_visit_by_the_county() -> None:
    received(relatives=False).when(ConfirmDibao(DECIDED)).then(Classified)

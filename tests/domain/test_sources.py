"""A step cites what was in force on its day, in its place."""

from __future__ import annotations

from datetime import date

from domain.catalogue import EVENTS
from domain.values.policy import Rules
from domain.values.sources import cited
from tests.scenario import reference

CHANGYI, GUANGXI = "370786101215", "990301100201"


def rules(on: date, region: str = CHANGYI) -> Rules:
    return reference().ground(region, on).policy.rules(on)


def test_the_law_of_2026_is_not_cited_the_day_before_it_came_into_force() -> None:
    basis = "M57 art.32; L26 art.48"
    assert cited(basis, rules(date(2026, 6, 30))) == "M57 art.32"
    assert cited(basis, rules(date(2026, 7, 1))) == basis


def test_the_interim_measures_are_cited_until_the_law_replaced_them() -> None:
    basis = "R649 art.47, 48; L26 art.29, 50"
    assert cited(basis, rules(date(2026, 6, 30))) == "R649 art.47, 48"
    assert cited(basis, rules(date(2026, 7, 1))) == "L26 art.29, 50"


def test_a_notice_of_shandong_is_cited_in_shandong_only() -> None:
    on = date(2026, 9, 3)
    assert cited("C2020; S001", rules(on)) == "C2020; S001"
    assert cited("C2020; S001", rules(on, GUANGXI)) == "C2020"


def test_every_paper_a_step_cites_stands_in_a_pack() -> None:
    papers = {part.partition(" ")[0] for kind in EVENTS.values() for part in kind.basis.split("; ") if part}
    known = rules(date(2026, 9, 3)).parameters
    assert papers - {"R649"} == {paper for paper in papers if f"paper.{paper}" in known}

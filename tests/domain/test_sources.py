"""A step cites what was in force on its day."""

from __future__ import annotations

from datetime import date

from domain.catalogue import EVENTS
from domain.sources import IN_FORCE, in_force


def test_the_law_of_2026_is_not_cited_the_day_before_it_came_into_force() -> None:
    basis = "M57 art.32; L26 art.48"
    assert in_force(basis, date(2026, 6, 30)) == "M57 art.32"
    assert in_force(basis, date(2026, 7, 1)) == basis


def test_the_interim_measures_are_cited_until_the_law_replaced_them() -> None:
    basis = "R649 art.47, 48; L26 art.29, 50"
    assert in_force(basis, date(2026, 6, 30)) == "R649 art.47, 48"
    assert in_force(basis, date(2026, 7, 1)) == "L26 art.29, 50"


def test_a_local_rule_is_cited_as_given() -> None:
    assert in_force("S001", date(2000, 1, 1)) == "S001"


def test_every_paper_a_step_cites_is_dated_or_local() -> None:
    cited = {part.partition(" ")[0] for kind in EVENTS.values() for part in kind.basis.split("; ") if part}
    assert cited - set(IN_FORCE) == {"S001"}

"""The papers (依据文件): from when to when each is in force, so that a step cites what held on its day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

IN_FORCE: Mapping[str, tuple[date, date | None]] = {
    "R649": (date(2014, 5, 1), date(2026, 7, 1)),
    "M23": (date(2018, 1, 23), None),
    "C2020": (date(2020, 8, 25), None),
    "M57": (date(2021, 7, 1), None),
    "M43": (date(2021, 7, 1), None),
    "M83": (date(2022, 10, 20), None),
    "G39": (date(2023, 10, 19), None),
    "N31": (date(2024, 4, 26), None),
    "T26": (date(2026, 1, 29), None),
    "L26": (date(2026, 7, 1), None),
}
"""First day in force, and the first day no longer; a paper not listed (a local rule) is taken as given."""


def in_force(basis: str, on: date) -> str:
    """Those citations of a basis (`M57 art.32; L26 art.48`) whose paper is in force on a day."""
    return "; ".join(cited for cited in basis.split("; ") if _holds(cited.partition(" ")[0], on))


def _holds(paper: str, on: date) -> bool:
    since, until = IN_FORCE.get(paper, (date.min, None))
    return since <= on and (until is None or on < until)

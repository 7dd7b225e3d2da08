"""The jurisdiction (辖区) and the calendar year: which packs and calendar editions were adopted, by what paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from domain.household.event import Event


@dataclass(frozen=True, slots=True)
class PackAdopted(Event):
    """A place adopted a policy pack for `[since, until)`, by a paper, approved by somebody (采用政策包)."""

    title: ClassVar[str] = "采用政策包"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    region: str
    pack: str
    since: date
    until: date | None
    paper: str
    approver: str


@dataclass(frozen=True, slots=True)
class EditionAdopted(Event):
    """A place adopted a calendar edition for a year; `assumed` before the yearly notice is out (采用日历)."""

    title: ClassVar[str] = "采用工作日历"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    region: str
    year: int
    edition: str
    assumed: bool
    paper: str

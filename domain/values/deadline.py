"""Deadlines (期限): computed once, when the act that starts them is decided, and stored with their ground."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

DueKind = Literal["limit", "period", "timer"]
"""`limit`: an office must act by the day; `period`: something runs until its end; `timer`: the system acts on it."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something awaited on or until the end of `day`.

    `what` is a deadline code (`DL-DIB-INV`) for limits and periods, the name of the act for timers
    (`warn-grace-expiry`). `subject` is the case, alert or notice it belongs to.
    `rule` cites the article, `editions` the calendar editions counted in; `assumed` tells that one of
    them was not yet published.
    """

    what: str
    day: date
    subject: UUID
    rule: str
    editions: tuple[str, ...] = ()
    assumed: bool = False
    kind: DueKind = "limit"


@dataclass(frozen=True, slots=True)
class OpenDue:
    """A deadline still running in a household's state; `missed` once the day has passed and been noted.

    `since` is the legal day of the act that started it.
    """

    due: Due
    missed: bool = False
    since: date | None = None


@dataclass(frozen=True, slots=True)
class EndedDue:
    """A deadline that ended: started by an act of `since`, ended by one of `ended_on`.

    `met` tells that it was set for that very act; otherwise it no longer mattered, whether its day had passed or not.
    """

    due: Due
    since: date | None
    ended_on: date
    met: bool = True

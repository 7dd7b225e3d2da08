"""Notions (事实的含义): the fixed set of questions that readers ask a fact, and the values it answers with.

An event answers each notion with a value, or says in `none` that it has nothing to say of it. A reader declares which
notions it reads and asks the event; it keeps no list of kinds of events. A new kind of fact therefore edits no reader,
and a new notion makes a test name every event and every reader that has to take a stand on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Literal, NamedTuple
from uuid import UUID

from domain.values.deadline import Due
from domain.values.month import Month
from domain.values.person import PersonId
from domain.values.spells import Category, Label, Programme


class Notion(StrEnum):
    """What a fact can be asked about."""

    LIMITS = "limits"
    """Which limits it opens, meets, closes or notes as missed (期限)."""
    CASE = "case"
    """Which case it begins, moves or ends (救助事项)."""
    HOME = "home"
    """Where the household lives from which day on (居住地)."""
    MEMBERS = "members"
    """Whether it changes who belongs to the household, or what is known of them (成员)."""
    CYCLE = "cycle"
    """Whether the chain enters its next cycle, or goes on in another household (轮次)."""
    STATUS = "status"
    """Which category or label begins or ends (类别与标识)."""
    BENEFIT = "benefit"
    """Which monthly benefit begins, changes or ends (待遇)."""
    MONEY = "money"
    """Which money is owed, ordered, has arrived, came back or is to be recovered (资金)."""
    AID = "aid"
    """Which aid is granted or delivered, of which programme (救助)."""
    STAGE = "stage"
    """Which stage it reaches, who has the file, which clock stands still (环节与计时)."""
    DUTIES = "duties"
    """Which duties it begins and ends (待办)."""
    COUNT = "count"
    """How it is counted (统计)."""
    RULING = "ruling"
    """What was decided against the family, with its remedy (不利决定)."""
    PAPER = "paper"
    """Which document was issued, delivered or could not be delivered (文书)."""
    FOUND = "found"
    """By which direct identifiers somebody is found from now on (检索)."""


ANSWERS: Final[Mapping[Notion, tuple[str, ...]]] = {
    Notion.LIMITS: ("opens", "meets", "closes", "misses"),
    Notion.CASE: ("moves_case",),
    Notion.HOME: ("settles",),
    Notion.MEMBERS: ("changes_members",),
    Notion.CYCLE: ("begins_cycle", "goes_on_in"),
    Notion.STATUS: ("changes_status",),
    Notion.BENEFIT: ("changes_benefit",),
    Notion.MONEY: ("moves_money",),
    Notion.AID: ("moves_aid",),
    Notion.STAGE: ("moves_clock",),
    Notion.DUTIES: ("turns", "bears_on_duties"),
    Notion.COUNT: ("counts",),
    Notion.RULING: ("rules_against",),
    Notion.PAPER: ("moves_paper",),
    Notion.FOUND: ("found_by",),
}
"""The attributes of an event that answer each notion; an event that overrides one of them answers it."""


Limit = tuple[str, UUID | None]
"""A limit as a fact names it: code and subject; `*` is every code, None every subject."""


def is_named(what: str, subject: UUID, limits: tuple[Limit, ...]) -> bool:
    """Whether a deadline is among the limits a fact names."""
    for code, about in limits:  # noqa: SIM110  # asked of every deadline at every step: no generator
        # numbers, not ids: these are compared by a function of Python's
        if code in (what, "*") and (about is None or about.int == subject.int):
            return True
    return False


class CaseStep(StrEnum):
    """How far a case has got (办理进度), in the order of the road; the last five end it."""

    SUBMITTED = "submitted"
    MATERIALS_MISSING = "materials-missing"
    MATERIALS_COMPLETE = "materials-complete"
    ACCEPTED = "accepted"
    INVESTIGATING = "investigating"
    VERIFIED = "verified"
    OPINION_GIVEN = "opinion-given"
    ON_NOTICE = "on-notice"
    OBJECTED = "objected"
    AWAITING_DECISION = "awaiting-decision"
    UNDER_DECISION = "under-decision"
    RETURNED = "returned"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    NOT_ACCEPTED = "not-accepted"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"

    @property
    def ends(self) -> bool:
        """Whether the case is over with this step."""
        return self in _ENDING


_ENDING: Final = frozenset(
    {
        CaseStep.CONFIRMED,
        CaseStep.REFUSED,
        CaseStep.NOT_ACCEPTED,
        CaseStep.WITHDRAWN,
        CaseStep.ENDED,
    }
)


@dataclass(frozen=True, slots=True)
class CaseMove:
    """What a fact does to a case: a step taken, begun or ended with it.

    `step` None leaves the case where it is; the fact is a step on its road all the same, unless it is not `on_road`.
    `begins` is the category of a case that begins with the fact, `applied` whether somebody asked for it. `asks` are
    papers asked for, `brings` papers handed in: the step to complete materials is reached only when none is missing.
    `told` says that the family knows on `day` what the data check found against it, or no longer does;
    `told-if-awaited` only where it had still to be told.
    """

    case: UUID
    step: CaseStep | None = None
    begins: Category | None = None
    applied: bool = False
    asks: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()
    told: Literal["told", "told-if-awaited", "untold"] | None = None
    day: date | None = None
    on_road: bool = True


class HomeMove(NamedTuple):
    """Where the household lives from `since` on; `begins` its chain there, or corrects the home since `was`.

    A household is `provisional` while nobody knows who it is.
    """

    region: str
    area: Literal["urban", "rural"]
    since: date
    begins: bool = False
    was: date | None = None
    provisional: bool = False


class Confirmed(NamedTuple):
    """A category that begins (类别确认): of the household or of one person, from which day.

    `aids` are the kinds of specialised aid it opens without another means test. `subject` stands for an irregular
    decision, which nobody lawfully made.
    """

    category: Category
    since: date
    person: PersonId | None = None
    aids: tuple[str, ...] = ()
    subject: UUID | None = None


class Labelled(NamedTuple):
    """A label that begins (标识), until a day or without end; `subject` is what it rests on."""

    label: Label
    since: date
    until: date | None = None
    subject: UUID | None = None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a fact does to categories and labels: whatever category runs on `ends_on` ends there, then others begin.

    With `persons` only their own categories end, otherwise the household's. `ends_labels` end on that day too,
    where they run on it. `organ` is who decided.
    """

    ends_on: date | None = None
    ends_labels: tuple[Label, ...] = ()
    persons: tuple[PersonId, ...] = ()
    confirmed: Confirmed | None = None
    labelled: Labelled | None = None
    organ: str | None = None


class BenefitBegun(NamedTuple):
    """A monthly benefit in fen from a month on."""

    benefit: UUID
    programme: Programme
    fen: int
    first: Month


@dataclass(frozen=True, slots=True)
class BenefitChange:
    """What a fact does to monthly benefits: those running end before `ends_before`, `replaces` alone where it is named.

    Then `begun` begins. `organ` is who decided.
    """

    ends_before: Month | None = None
    replaces: UUID | None = None
    begun: BenefitBegun | None = None
    organ: str | None = None


Movement = Literal["ordered", "settled", "returned", "overpaid"]
"""How money moves (资金去向): ordered, arrived, came back, or found to have been paid above what was due."""


class MoneyMove(NamedTuple):
    """Money in fen of a programme: for which month, of which benefit or grant, by which payment."""

    movement: Movement
    programme: Programme
    fen: int
    benefit: UUID
    month: Month
    payment: UUID | None = None
    cause: str | None = None
    run: UUID | None = None


class AidMove(NamedTuple):
    """An aid granted by an organ or delivered: which grant or benefit, its programme and kind, its amount in fen.

    `fen` is None where the aid is a measure and not money.
    """

    move: Literal["granted", "delivered"]
    aid: UUID
    programme: Programme
    kind: str
    fen: int | None
    organ: str | None = None


Holder = Literal["applicant", "village", "township", "county", "bank"]
"""Who may have the file (经手方)."""

ClockKind = Literal["alert", "finding", "case", "aid"]
"""What is timed: an alert, a need found by others, a case, or a temporary aid."""

CLUE_MONEY: Final = "clue-money"
"""The stage from the clue to the money; it begins at no step of its case, but at the clue that led to it."""
NO_STAGE: Final[frozenset[str]] = frozenset()
UNTIL_PAID: Final = frozenset({"money", "application-money", CLUE_MONEY})
"""The stages that go on when a case is confirmed with money to come."""
UNTIL_TOLD: Final = frozenset({"notify"})
"""The stage that goes on when a case ended against the family."""


class Carried(NamedTuple):
    """An alert that came along from another household and is timed on from the day it was raised."""

    alert: UUID
    raised_on: date
    verified: bool


@dataclass(frozen=True, slots=True)
class ClockMove:
    """What a fact does to the clocks of its subjects: milestones it reaches, who has the file from then on.

    `stop` names the standstill that begins. `drops` are stages given up unfinished; with `leaves`, the subject is
    settled and of what still runs only these go on. `day` is the day it counts on, if not its own. `begins` is the
    kind and category of a clock that begins with the fact; one that `follows_clues` takes over the clock of the clue
    that led to it, and answers every clue. `paid_by` is a benefit whose money the clock waits for from now on; `pays`
    says that the clocks meant are those that wait for this benefit's money. `answers` closes a clue, which is timed
    on where an application is awaited.
    """

    about: tuple[UUID, ...] = ()
    reaches: tuple[str, ...] = ()
    holder: Holder | None = None
    stop: str | None = None
    drops: frozenset[str] = NO_STAGE
    leaves: frozenset[str] | None = None
    day: date | None = None
    begins: tuple[ClockKind, str] | None = None
    follows_clues: bool = False
    carried: tuple[Carried, ...] = ()
    asks: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()
    paid_by: UUID | None = None
    pays: UUID | None = None
    answers: Literal["application-awaited", "closed"] | None = None


class Count(NamedTuple):
    """How a fact is counted: under which word, for which category, in what detail, with how much money in fen.

    `category` None is that of `case`.
    """

    what: str
    category: str | None = ""
    detail: str = ""
    fen: int = 0
    case: UUID | None = None


RulingKind = Literal["non-acceptance", "refusal", "ended", "reduction", "termination"]


class Ruling(NamedTuple):
    """A decision against the family: what it is about, its ground, the sentence on remedies, when it takes effect."""

    subject: UUID
    kind: RulingKind
    ground: str | None
    remedy: str | None
    effective_on: date


@dataclass(frozen=True, slots=True)
class PaperMove:
    """What happened to a document, or to a notice without a document of its own (`document` None).

    A document issued has its `number`, and names the one it `replaces`. A delivered one has its day and the periods for
    remedies that run from it.
    """

    move: Literal["issued", "delivered", "failed"]
    document: UUID | None
    subject: UUID | None = None
    number: str = ""
    replaces: UUID | None = None
    on: date | None = None
    periods: tuple[Due, ...] = ()

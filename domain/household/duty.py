"""One duty (待办): what is to be done, about what, by whom; and how a fact ends duties and begins others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from domain.household.duty_context import DutyContext

_NOTHING: Final[frozenset[str]] = frozenset()


class OpenDuty(Protocol):
    """Anything that says of an open duty what is to be done and about what."""

    @property
    def step(self) -> str: ...
    @property
    def subject(self) -> UUID: ...
    @property
    def month(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty: a step, its subject (case, alert, notice, grace, benefit, aid or the household), and the
    month it is about (`YYYY-MM`, empty where it is about none)."""

    step: str
    subject: UUID
    month: str = ""


D = TypeVar("D", bound=OpenDuty)
About = Callable[[Any, UUID], UUID | tuple[UUID, ...] | None]
"""The subject of a fact's duties, or several, from the fact and the household; None is every subject there is."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a fact does to the duties of one subject: it ends `closes` (`*`: all), then begins `opens`.

    `when` is asked of the fact and of the household's duty context after it. With `once_done` the turn opens only
    if it ended something and none of these steps is left: the last of several to be done leads on. With `beside`
    it opens only where one of those is open. `month` tells the month of a payment.
    """

    about: About
    closes: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    when: Callable[[Any, DutyContext], bool] | None = None
    once_done: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    month: Callable[[Any], str] | None = None


def of(field: str) -> About:
    """The subject a fact names in one of its fields."""

    def about(event: Any, household: UUID) -> UUID | None:
        return getattr(event, field)  # type: ignore[no-any-return]

    return about


def of_household(event: Any, household: UUID) -> UUID | None:
    """The household itself as subject."""
    return household


def of_every(event: Any, household: UUID) -> UUID | None:
    """Every subject: for turns that only close."""
    return None


def of_due(event: Any, household: UUID) -> UUID | None:
    """The subject of the limit the fact set; None where it set none."""
    return event.due.subject if event.due else None


def is_limited(event: Any, context: DutyContext) -> bool:
    """The fact set a day for what it calls for."""
    return event.due is not None


def is_delegated(event: Any, context: DutyContext) -> bool:
    """The township decides for the county."""
    return context.delegated


def goes_to_county(event: Any, context: DutyContext) -> bool:
    """The county decides itself."""
    return not context.delegated


def is_complete(event: Any, context: DutyContext) -> bool:
    """All the papers asked for are there."""
    return not context.missing


def owes_visit(event: Any, context: DutyContext) -> bool:
    """The county must still visit before it decides."""
    return context.owes_visit


def has_visited(event: Any, context: DutyContext) -> bool:
    """The county owes no visit, or no longer."""
    return not context.owes_visit


def is_looked_at_anyway(event: Any, context: DutyContext) -> bool:
    """No rule sets a day, and yet an aided family changed: somebody has to look."""
    return event.due is None and context.held is not None


INQUIRY: Final = (
    "start-investigation",
    "request-verification",
    "start-verification",
    "report-verification",
    "visit-home",
)
"""The duties of the inquiry."""
UP_TO_OPINION: Final = (*INQUIRY, "give-opinion", "inquire", "mend-file", "receive-file")
"""The duties of a case up to the township's opinion."""
FROM_NOTICE_ON: Final = (
    "post-notice",
    "close-notice",
    "send-file",
    "decide",
    "decide-delegated",
    "visit-home-county",
)
"""The duties of a case from the opinion to the decision."""
AIDED: Final = ("recertify", "check-change", "adjust-after-check", "decide-after-check")
"""The duties towards a family in a category."""
MEMBERS_CHANGED: Final = (
    Turn(of_due, opens=("adjust-after-change",), when=is_limited),
    Turn(of_household, opens=("check-change",), when=is_looked_at_anyway),
)
"""What a change of members calls for."""
CORRECTED: Final = (Turn(of_due, opens=("adjust-after-change",), when=is_limited),)
"""What a correction calls for: nothing, where no decision rests on what was wrong."""
STATUS_ENDED: Final = (Turn(of_household, closes=AIDED), Turn(of_every, closes=("decide-after-grace",)))
"""What a status that ends makes idle."""


def taken(
    turns: Iterable[Turn], event: Any, household: UUID, context: DutyContext, open_duties: Iterable[D]
) -> tuple[list[D], list[Duty]]:
    """These turns taken in order: the open duties they ended, and the new ones; none is opened twice."""
    ended: list[D] = []
    begun: list[Duty] = []
    left = list(open_duties)
    for turn in turns:
        if turn.when is not None and not turn.when(event, context):
            continue
        about = turn.about(event, household)
        subjects = (about,) if isinstance(about, UUID) else about
        month = turn.month(event) if turn.month else ""
        done = _closed(turn, left, subjects, month) if left and turn.closes else []
        if done:
            ended += done
            gone = set(map(id, done))
            left = [each for each in left if id(each) not in gone]
        if not turn.opens or (turn.once_done and not done):
            continue
        for subject in subjects or ():
            mine = _steps([*left, *begun], subject, month) if left or begun else _NOTHING
            if mine.intersection(turn.once_done) or (turn.beside and not mine.intersection(turn.beside)):
                continue
            begun += [Duty(step, subject, month) for step in turn.opens if step not in mine]
    return ended, begun


def _closed(turn: Turn, duties: Iterable[D], subjects: tuple[UUID, ...] | None, month: str) -> list[D]:
    steps = turn.closes
    named = list(duties) if "*" in steps else [each for each in duties if each.step in steps]
    if subjects is None or not named:
        return named
    # ids are compared as numbers: their own comparison is a call of Python's, made for every duty and fact
    keys = [subject.int for subject in subjects]
    return [each for each in named if each.month == month and each.subject.int in keys]


def _steps(duties: Iterable[OpenDuty], subject: UUID, month: str) -> frozenset[str]:
    key = subject.int
    return frozenset([each.step for each in duties if each.month == month and each.subject.int == key])

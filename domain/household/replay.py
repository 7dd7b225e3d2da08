"""Replay (重放): the fold over the events of a household, and the deadlines that each of them starts and ends."""

from __future__ import annotations

from collections.abc import Iterable

from domain.household.event import Event
from domain.household.notions import is_named
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.values.deadline import EndedDue, OpenDue
from domain.values.immutables import become, in_place, replace, same_as
from domain.values.person import HouseholdId


@in_place
class _OpenCase(Procedure):
    """A case within a chain that is being replayed: changed where it is."""

    __slots__ = ()


@in_place
class _Unfolding(Household):
    """A household while its chain is replayed: changed where it is, for nobody else holds it yet."""

    __slots__ = ()

    def with_case(self, **changes: object) -> Household:
        case = self.procedures[-1]
        if type(case) is not _OpenCase:
            case = same_as(case, _OpenCase)
            replace(self, procedures=(*self.procedures[:-1], case))
        replace(case, **changes)  # type: ignore[arg-type]
        return self


class Replay:
    """A chain being replayed (重放): the fold over a household's events, one after the other.

    Answers what `follow` answers from step to step, without a copy of the whole state for each step.
    """

    __slots__ = ("_household",)

    def __init__(self, household: Household) -> None:
        self._household: Household = same_as(household, _Unfolding)

    def take(self, event: Event) -> None:
        """The next event."""
        self._household = follow(self._household, event)

    @property
    def household(self) -> Household:
        """The household after all events taken; what is taken after that is followed by copies."""
        household = self._household
        if type(household) is _Unfolding:
            become(household, Household)
            for case in household.procedures:
                if type(case) is _OpenCase:
                    become(case, Procedure)
        return household


def follow(household: Household, event: Event) -> Household:
    """One step of the fold: the event's own effect, then the deadlines it met, closed and started."""
    household = event.evolve(household)
    opened, met, closed = event.opens(), event.meets(), event.closes()
    if not met and not closed:
        if not opened:
            return household
        return replace(household, dues=(*household.dues, *[OpenDue(due, since=event.on) for due in opened]))
    kept: list[OpenDue] = []
    ended = household.ended
    for awaited in household.dues:
        due = awaited.due
        if is_named(due.what, due.subject, met):
            ended = (*ended, EndedDue(due, awaited.since, event.on))
        elif is_named(due.what, due.subject, closed):
            ended = (*ended, EndedDue(due, awaited.since, event.on, met=False))
        else:
            kept.append(awaited)
    kept += [OpenDue(due, since=event.on) for due in opened]
    return replace(household, dues=tuple(kept), ended=ended)


def replayed(household_id: HouseholdId, events: Iterable[Event]) -> Household:
    """The household after all its events; folding a prefix answers what was known then."""
    replay = Replay(Household(household_id))
    for event in events:
        replay.take(event)
    return replay.household

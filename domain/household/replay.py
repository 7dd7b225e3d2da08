"""Replay (重放): the fold over the events of a household, and the deadlines that each of them starts and ends."""

from __future__ import annotations

from collections.abc import Iterable

from domain.household.event import Event
from domain.household.notions import is_named
from domain.household.state import Household
from domain.values.deadline import EndedDue, OpenDue
from domain.values.immutables import replace
from domain.values.person import HouseholdId


def follow(household: Household, event: Event) -> Household:
    """One step of the fold: the event's own effect, then the deadlines it met, closed and started."""
    household = event.evolve(household)
    opened, met, closed = event.opens(), event.meets(), event.closes()
    if not met and not closed:
        if not opened:
            return household
        return replace(
            household,
            limits=replace(
                household.limits,
                dues=(*household.limits.dues, *[OpenDue(due, since=event.on) for due in opened]),
            ),
        )
    kept: list[OpenDue] = []
    ended = household.limits.ended
    for awaited in household.limits.dues:
        due = awaited.due
        if is_named(due.what, due.subject, met):
            ended = (*ended, EndedDue(due, awaited.since, event.on))
        elif is_named(due.what, due.subject, closed):
            ended = (*ended, EndedDue(due, awaited.since, event.on, met=False))
        else:
            kept.append(awaited)
    kept += [OpenDue(due, since=event.on) for due in opened]
    return replace(household, limits=replace(household.limits, dues=tuple(kept), ended=ended))


def replayed(household_id: HouseholdId, events: Iterable[Event]) -> Household:
    """The household after all its events; folding a prefix answers what was known then."""
    household = Household(household_id)
    for event in events:
        household = follow(household, event)
    return household

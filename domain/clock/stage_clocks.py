"""Stage clocks (环节计时): what each fact does to the stages that are being timed, by what the fact itself says."""

from __future__ import annotations

from datetime import date
from functools import cache
from uuid import UUID

from domain.clock.stages import ROAD, STOPS, Clock, Finished, Held, Stage, parts_of
from domain.household.event import Event
from domain.household.notions import CLUE_MONEY, ClockKind, ClockMove
from domain.values.immutables import replace

Clocks = tuple[Clock, ...]


def advance(clocks: Clocks, event: Event) -> tuple[Clocks, tuple[Finished, ...]]:
    """A household's clocks after a fact, and the stretches it brought to their end."""
    if event.goes_on_in() is not None:
        return (), ()  # the chain ends; alerts not yet answered go on being timed in the other household
    if event.begins_cycle() is not None:  # a clue of the cycle before leads to no application of the next
        return tuple(clock for clock in clocks if not clock.is_clue or clock.open), ()
    move = event.moves_clock()
    if move is None:
        return clocks, ()
    finished: list[Finished] = []
    if move.follows_clues:  # what was found and not answered yet is answered by the application
        for clock in clocks:
            finished += _moved(clock, event.on, ClockMove(reaches=("helped",)))[1]
    rest: list[Clock] = []
    for clock in _begun(clocks, event.on, move):
        if not _concerns(clock, move):
            rest.append(clock)
            continue
        after, done = _moved(clock, move.day or event.on, _possible(clock, move))
        finished += done
        after = _marked(after, move)
        if after.running:
            rest.append(after)
    if move.answers is not None:
        for subject in move.about:
            rest = _linked_late(rest, subject)
    return tuple(rest), tuple(finished)


def _concerns(clock: Clock, move: ClockMove) -> bool:
    if move.pays is not None:
        number = move.pays.int
        return any(benefit.int == number for benefit in clock.benefits)
    # ids are compared as numbers: their own comparison is a call of Python's
    number = clock.subject.int
    return any(subject.int == number for subject in move.about)


def _possible(clock: Clock, move: ClockMove) -> ClockMove:
    """The move as far as it goes: a standstill for papers ends with the last paper asked for, not before."""
    if move.brings and not (clock.missing and set(clock.missing) <= set(move.brings)):
        return ClockMove()
    return move


@cache
def _ended_by(reaches: tuple[str, ...]) -> tuple[Stage, ...]:
    """The stages that end where one of these is reached, in the order of the road."""
    return tuple(stage for stage in ROAD if stage.until in reaches)


@cache
def _begun_by(reaches: tuple[str, ...]) -> tuple[Stage, ...]:
    """The stages that begin where one of these is reached, in the order of the road."""
    return tuple(stage for stage in ROAD if stage.since in reaches)


def _moved(clock: Clock, on: date, move: ClockMove) -> tuple[Clock, list[Finished]]:
    running = dict(clock.running)
    finished = []
    for stage in _ended_by(move.reaches) if running else ():
        if stage.code in running:
            since = running.pop(stage.code)
            until = max(on, since)
            parts = parts_of(clock.held, stage.code, since, until)
            finished.append(Finished(clock.subject, stage.code, clock.category, since, until, parts))
    kept = running.keys() if move.leaves is None else move.leaves
    running = {code: since for code, since in running.items() if code in kept and code not in move.drops}
    for stage in _begun_by(move.reaches):
        running.setdefault(stage.code, on)
    last = clock.last
    ends = last.stop is not None and not STOPS[last.stop].until.isdisjoint(move.reaches)
    stop = move.stop or (None if ends else last.stop)
    holder = move.holder or last.holder
    held = clock.held
    if (holder, stop) != (last.holder, last.stop):
        held = (*held, Held(on, holder, stop))
    return replace(clock, running=tuple(running.items()), held=held), finished


def _marked(clock: Clock, move: ClockMove) -> Clock:
    """What else a fact says of its clock: papers missing, what is to be paid, whether a clue was answered."""
    if move.asks:
        return replace(clock, missing=move.asks)
    if move.brings:
        return replace(clock, missing=tuple(item for item in clock.missing if item not in move.brings))
    if move.paid_by is not None:
        benefits = (move.paid_by,) if move.pays is None else (*clock.benefits, move.paid_by)
        return replace(clock, benefits=benefits)
    if move.answers is not None:
        # an answered clue runs on only while the application it called for is awaited
        waits = move.answers == "application-awaited"
        return replace(clock, open=False, running=((CLUE_MONEY, clock.first),) if waits else ())
    return clock


def _begun(clocks: Clocks, on: date, move: ClockMove) -> Clocks:
    """The clocks with those this fact begins; a case takes over the clock of the clue that led to it."""
    if move.carried:
        return (*clocks, *(_carried(*each) for each in move.carried))
    if move.begins is None:
        return clocks
    kind, category = move.begins
    begun = _clock(move.about[0], kind, category, on, move)
    if not move.follows_clues:
        return (*clocks, begun)
    clues = [each for each in clocks if each.kind == "finding" or (each.is_clue and not each.open)]
    first = min(clues, key=lambda clue: clue.first, default=begun)
    if first.first <= on and first is not begun:  # whatever called for it: the road begins with the first
        begun = _led(begun, first)
    return (*(clock for clock in clocks if clock not in clues), begun)


def _clock(subject: UUID, kind: ClockKind, category: str, on: date, move: ClockMove) -> Clock:
    benefits = () if move.paid_by is None else (move.paid_by,)
    return Clock(subject, kind, category, (), (Held(on, move.holder or "township"),), benefits=benefits)


def _carried(alert: UUID, raised_on: date, verified: bool) -> Clock:
    running = [("clue-answered", raised_on)] + ([] if verified else [("clue-verified", raised_on)])
    return Clock(alert, "alert", "", tuple(running), (Held(raised_on, "township"),))


def _led(case: Clock, clue: Clock) -> Clock:
    """The case, its road beginning at the clue; from its own beginning on its own hands count."""
    held = tuple(each for each in clue.held if each.day <= case.first)
    running = (*case.running, (CLUE_MONEY, clue.first))
    return replace(case, running=running, held=(*held, *case.held))


def _linked_late(clocks: list[Clock], alert: UUID) -> list[Clock]:
    """An alert answered only after the application it led to: the case under way takes its clock over."""
    clue = next(
        (each for each in clocks if each.kind == "alert" and each.subject == alert and each.running), None
    )
    case = next((each for each in clocks if dict(each.running).keys() & {"accept", "total"}), None)
    if clue is None or case is None:
        return clocks
    led = CLUE_MONEY in dict(case.running) or clue.first > case.first
    linked = case if led else _led(case, clue)
    return [linked if each is case else each for each in clocks if each is not clue]

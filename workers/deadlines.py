"""The deadline worker (期限值守): warns, notes what was missed, returns families to monitoring, each on its day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from threading import Event as Stop
from uuid import UUID

import structlog

from application.handling.command_handler import CommandHandler
from application.handling.request import Request
from application.handling.system_acts import ACTOR, act_id
from domain.clock.supervision import system_acts
from domain.values.person import HouseholdId
from domain.values.refusals import Refusal, code_of
from eventstore.errors import OwnerErased, StreamErased

MAX_ACTS = 100
"""How many acts one household may need in one round; more than this is a fault, not a backlog."""

_log = structlog.get_logger("deadlines")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did: households looked at, acts carried out, acts refused."""

    households: int = 0
    acts: int = 0
    refused: int = 0


def carry_out(
    handler: CommandHandler, household: HouseholdId, today: date, at: datetime | None = None
) -> Round:
    """Do what the system has to do for one household by the end of `today`, each act on its own day.

    Repeatable and safe beside other workers: an act's command id comes from household, act and day.
    """
    acts = refused = 0
    seen: set[UUID] = set()
    while len(seen) < MAX_ACTS:
        act = next(
            (
                a
                for a in system_acts(handler.households.get(household), today)
                if act_id(household, a) not in seen
            ),
            None,
        )
        if act is None:
            break
        seen.add(act_id(household, act))
        try:
            handled = handler.handle(Request(act_id(household, act), act, ACTOR, household, at=at))
            acts += handled.news and not handled.repeated
        except (Refusal, StreamErased, OwnerErased) as refusal:
            refused += 1
            _log.warning("act refused", household=str(household), act=code_of(type(act)), code=refusal.code)
    return Round(1, acts, refused)


def one_round(
    handler: CommandHandler,
    candidates: Callable[[date], Iterable[HouseholdId]],
    today: date,
    stop: Stop | None = None,
) -> Round:
    """One pass over the households that await the system today; ends early when told to stop."""
    total = Round()
    for household in candidates(today):
        if stop is not None and stop.is_set():
            break
        done = carry_out(handler, household, today)
        total = Round(total.households + 1, total.acts + done.acts, total.refused + done.refused)
    return total


def run(
    handler: CommandHandler,
    candidates: Callable[[date], Iterable[HouseholdId]],
    today: Callable[[], date],
    stop: Stop,
    pause: float = 30.0,
) -> None:
    """Rounds until told to stop; a failing round is logged and tried again after the pause (seconds)."""
    while not stop.is_set():
        try:
            done = one_round(handler, candidates, today(), stop)
            if done.acts or done.refused:
                _log.info("round", households=done.households, acts=done.acts, refused=done.refused)
        except Exception:
            _log.exception("round failed")
        stop.wait(pause)

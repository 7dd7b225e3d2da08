"""The outcome of a script (脚本结果), read from the read models, as `hulian run --json` prints it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection

from application.scripts.script_run import ScriptRun, ScriptStopped
from bootstrap.wiring import CHINA
from domain.values.month import Month
from domain.values.person import HouseholdId, PersonId
from projections.card import WholeCard, card_of
from projections.card_spells import BenefitRow
from projections.chain import Step, chain_of
from projections.dues import Deadline, dues_of
from projections.payments import Payment, payments_of

Json = dict[str, Any]

AID_GRANTED = "household.temporary-aid-granted.1"


class OutcomeUnread(RuntimeError):
    """读模型中还没有脚本所办的户，请稍后用 hulian show 查看。"""

    code = "outcome-unread"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def outcome_json(run: ScriptRun, connection: Connection[Any], stopped: ScriptStopped | None = None) -> Json:
    """The households by the script's keys with chain, categories, labels, benefits, payments, dues and cycle;
    the refused steps; and the step at which the run stopped, null where it came to its end.

    `to` is the first day, or for benefits the first month, that no longer holds; null while it runs. Amounts
    are fen. `joined_into` and `split_from` are the household it went on in and the one it came out of; null where
    there is none. The read models must have taken in `run.reached`; raises `OutcomeUnread` where a household is
    missing.
    """
    keys = {household: key for key, household in run.households.items()}
    origins = {step.begins: step.household for step in run.script.steps if step.begins is not None}
    households = {
        key: {
            **household_json(connection, household, key, run.subjects, keys),
            "split_from": origins.get(key),
        }
        for household, key in keys.items()
    }
    refused = [
        {
            "step": each.step,
            "on": each.on.isoformat(),
            "household": each.household,
            "do": each.do,
            "code": each.code,
            "sentence": each.sentence,
            "article": each.article or None,
        }
        for each in run.refused
    ]
    return {"households": households, "refused": refused, "stopped": _stopped(stopped)}


def household_json(
    connection: Connection[Any],
    household: UUID,
    key: str,
    subjects: Mapping[PersonId, str],
    keys: Mapping[HouseholdId, str],
) -> Json:
    """One household's part of the outcome; `subjects` names persons, `keys` households by the script's keys."""
    card = card_of(connection, household)
    if card is None:
        raise OutcomeUnread
    steps = chain_of(connection, household)
    return {
        "chain": chain_rows(steps),
        "categories": _categories(card, key, subjects),
        "labels": [
            {"subject": key, "label": row.label, "from": _text(row.since), "to": _text(row.until)}
            for row in card.labels
        ],
        "benefits": [*_benefits(card.benefits), *_aid(steps)],
        "payments": [_payment(row) for row in payments_of(connection, household)],
        "due": [_due(row) for row in dues_of(connection, household) if row.kind != "timer"],
        "cycle": card.card.cycle,
        "joined_into": _key(card.card.joined_into, keys),
    }


def _stopped(stop: ScriptStopped | None) -> Json | None:
    if stop is None:
        return None
    return {"step": stop.step, "on": stop.on.isoformat(), "do": stop.do, "code": stop.code}


def _key(household: UUID | None, keys: Mapping[HouseholdId, str]) -> str | None:
    return None if household is None else keys.get(HouseholdId(household), str(household))


def chain_rows(steps: Iterable[Step]) -> list[Json]:
    """The chain, one row a step: date, title, event, who, basis, the limit it met and whether in time, facts."""
    return [
        {
            "date": _text(step.effective_on),
            "title": step.title,
            "event": step.name,
            "actor": step.actor,
            "organ": step.organ,
            "basis": step.basis,
            "due": _text(step.due),
            "in_time": step.in_time,
            "recorded_at": step.recorded_at.astimezone(CHINA).isoformat(),
            "facts": json.loads(step.facts) if step.facts else {},
        }
        for step in steps
    ]


def _categories(card: WholeCard, key: str, subjects: Mapping[PersonId, str]) -> list[Json]:
    return [
        {
            "subject": key if row.person is None else subjects.get(PersonId(row.person), str(row.person)),
            "category": row.category,
            "from": _text(row.since),
            "to": _text(row.until),
        }
        for row in card.categories
    ]


def _benefits(rows: Sequence[BenefitRow]) -> list[Json]:
    return [
        {
            "kind": row.kind,
            "fen": row.fen,
            "from": row.first_month,
            "to": None if row.last_month is None else str(Month.parse(row.last_month) + 1),
        }
        for row in rows
    ]


def _aid(steps: Iterable[Step]) -> list[Json]:
    """Temporary aid as a benefit of the one month it was granted in."""
    granted = [step for step in steps if step.name == AID_GRANTED]
    return [
        {
            "kind": "TEMPORARY",
            "fen": json.loads(step.facts or "{}").get("fen"),
            "from": str(Month.of(step.effective_on)),
            "to": str(Month.of(step.effective_on) + 1),
        }
        for step in granted
    ]


def _payment(row: Payment) -> Json:
    return {"kind": row.kind, "month": row.month, "fen": row.fen, "state": row.state}


def _due(row: Deadline) -> Json:
    return {"what": row.what, "due": _text(row.day), "done": _text(row.done_on), "met": row.met}


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()

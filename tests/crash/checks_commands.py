"""Checks of commands (办理核对): carried out once and whole, answered the same, none lost, none twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from application.handling.request import Handled
from domain.values.refusals import Refusal
from eventstore.errors import StoreError
from eventstore.lanes import event_id, lane_of
from tests.crash.entrances import answer_of
from tests.crash.evidence import Checked, Evidence
from tests.crash.journal import Asked, Fields

ASKED_AGAIN = 200
"""So many acknowledged commands of each door are sent once more."""

_COMMANDS = "SELECT lane, command_id, streams, versions FROM es_command ORDER BY lane, command_id"
_EVENTS = "SELECT event_id, lane, stream_id, version, name FROM es_event"
_MOST = 700


def commands(evidence: Evidence) -> Checked:
    """Every command row has its events, up to the versions it tells; every event was made by one command, once."""
    checked = Checked()
    events: dict[UUID, tuple[UUID, int]] = {}
    for id, lane, stream, version, name in evidence.rows(_EVENTS):
        if id in events:
            checked.fault(
                f"lane {lane}, stream {stream}, version {version} ({name}): event {id} is there twice"
            )
        events[id] = (stream, version)
    unclaimed = set(events)
    seen: set[UUID] = set()
    for lane, id, streams, versions in evidence.rows(_COMMANDS):
        checked.examined += 1
        if id in seen:
            checked.fault(f"command {id}: carried out in more than one lane")
        seen.add(id)
        if streams and lane != lane_of(streams[0]):
            checked.fault(f"command {id}: lies in lane {lane}, its stream in lane {lane_of(streams[0])}")
        reached: dict[UUID, list[int]] = {}
        for ordinal in range(_MOST):
            made = event_id(id, ordinal)
            if made not in events:
                break
            unclaimed.discard(made)
            stream, version = events[made]
            reached.setdefault(stream, []).append(version)
        for stream, version in zip(streams, versions, strict=True):
            found = sorted(reached.pop(stream, ()))
            if not found or found[-1] != version or found != list(range(found[0], version + 1)):
                checked.fault(f"command {id}: says stream {stream} version {version}, its events are {found}")
        for stream, found in reached.items():
            checked.fault(f"command {id}: wrote versions {found} of stream {stream}, and does not say so")
    for made in sorted(unclaimed, key=str):
        stream, version = events[made]
        checked.fault(f"stream {stream}, version {version}: no command made this event")
    return checked


def acknowledged(evidence: Evidence) -> Checked:
    """What was acknowledged is in the store with the answer that was given; what was refused left nothing."""
    checked = Checked()
    store = evidence.installation.store
    there = {row[1] for row in evidence.rows(_COMMANDS)}
    for asked, answer in evidence.told.acknowledged():
        checked.examined += 1
        request = asked.request
        try:
            found = store.command(
                asked.id, lane_of(request.stream), store.keys.request_hash(request.content())
            )
        except StoreError as error:
            checked.fault(f"{_shown(asked)}: {error.code}")
            continue
        if not answer["news"]:
            if asked.id in there:
                checked.fault(f"{_shown(asked)}: answered as no news, but something was written")
        elif found is None:
            checked.fault(f"{_shown(asked)}: acknowledged, and lost")
        else:
            told = answer_of(Handled.of(request.stream, found, {}))
            for what, (first, now) in _differences(answer, told).items():
                checked.fault(f"{_shown(asked)}: {what} was answered {first}, and is {now}")
    for id, code in evidence.told.refused.items():
        checked.examined += 1
        if id in there:
            checked.fault(f"{_shown(evidence.told.asked[id])}: refused ({code}), and yet carried out")
    return checked


def asked_again(evidence: Evidence) -> Checked:
    """Who sends an acknowledged command again gets the answer it had, and nothing is written."""
    checked = Checked()
    heads = evidence.installation.store.heads()
    random = Random(evidence.seed)
    for door, again in evidence.again.items():
        known = [(asked, answer) for asked, answer in evidence.told.acknowledged() if asked.door == door]
        for asked, answer in random.sample(known, min(ASKED_AGAIN, len(known))):
            if not answer["news"]:
                continue
            checked.examined += 1
            try:
                told = again(asked)
            except (Refusal, StoreError) as refused:
                checked.fault(f"{_shown(asked)}: asked again, it was refused ({refused.code})")
                continue
            if told is None:
                checked.fault(f"{_shown(asked)}: asked again, it was not answered")
                continue
            for what, (first, now) in _differences(answer, told).items():
                checked.fault(f"{_shown(asked)}: asked again, {what} was {first}, and is {now}")
    if evidence.installation.store.heads() != heads:
        checked.fault("asking again has written something")
    return checked


def _differences(first: Fields, now: Fields) -> dict[str, tuple[Any, Any]]:
    """What two answers to one command differ in."""
    one, other = _comparable(first), _comparable(now)
    return {what: (one[what], other[what]) for what in one if what in other and one[what] != other[what]}


def _comparable(answer: Fields) -> Mapping[str, Any]:
    at = answer["recordedAt"]
    told: dict[str, Any] = {
        "household": answer["household"],
        "version": answer["version"],
        "others": sorted((each["household"], each["version"]) for each in answer["others"]),
        "position": answer["position"],
        "recordedAt": None if at is None else datetime.fromisoformat(at),
    }
    if "steps" in answer:
        told["steps"] = answer["steps"]
    return told


def _shown(asked: Asked) -> str:
    return f"command {asked.id} ({asked.door}, {asked.do})"

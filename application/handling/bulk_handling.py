"""Deciding for many at once (批量办理): look everything up together, decide each, append a lane in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from application.handling.command_handler import Desk, Handled, Request, handled
from application.handling.envelope_factory import claim_changes, enclosed, index_entries, said
from domain.household.event import Event
from domain.household.replay import follow
from domain.household.state import Household
from domain.values.person import PersonId
from domain.values.refusals import Refusal
from eventstore.appending.append_types import CommandKey, OneAppend, StreamAppend
from eventstore.errors import StoreError
from eventstore.lanes import lane_of


@dataclass(frozen=True, slots=True)
class Draft:
    """A command decided and not yet appended: the facts that would become true."""

    request: Request
    events: tuple[Event, ...]
    append: OneAppend


def key_of(desk: Desk, request: Request) -> CommandKey:
    """The command's id and the keyed hash of what is asked, the same as when it is handled by itself."""
    return CommandKey(request.id, desk.store.keys.request_hash(said(request)))


def asked_before(desk: Desk, keys: Mapping[CommandKey, Request]) -> dict[CommandKey, bool]:
    """Which of these commands were carried out: True when it was the same request, False for another content."""
    done = desk.store.asked([(lane_of(request.stream), key.id) for key, request in keys.items()])
    return {key: done[key.id] == key.hash for key in keys if key.id in done}


def persons_of(desk: Desk, numbers: Iterable[str]) -> dict[str, PersonId]:
    """Who of these has a person id, nationwide, by normalised ID number; one statement."""
    found = desk.store.find_each("id-number", sorted(set(numbers)))
    return {number: PersonId(person) for number, person in found.items()}


def draft(desk: Desk, key: CommandKey, request: Request, region: str, known: Mapping[str, PersonId]) -> Draft:
    """Decide a command that begins a chain in a region; raises the domain's `Refusal`.

    `known` are the people who have a person id already, by normalised ID number.
    """
    stream = request.stream
    before = after = Household(stream)
    context = desk.reference.context(region, request.command.on, request.actor, request.id, known)
    events = tuple(request.command.decide(before, context))
    for event in events:
        after = follow(after, event)
    envelopes = enclosed(request, context, 0, events, after)
    claims = claim_changes(stream, before, after, request.command.on)
    to = StreamAppend(stream, "household", 0, envelopes)
    return Draft(request, events, OneAppend(key, to, claims, list(index_entries(events))))


def append_drafts(desk: Desk, drafts: Sequence[Draft]) -> list[Handled | Refusal | StoreError]:
    """Append drafts of one lane in one statement, each answered by itself, in order.

    Whoever clashes with somebody who was quicker is decided again by itself.
    """
    if not drafts:
        return []
    answers: list[Handled | Refusal | StoreError] = []
    appended = desk.store.append_many([each.append for each in drafts], drafts[0].request.at)
    for each, answer in zip(drafts, appended, strict=True):
        if isinstance(answer, StoreError):
            answers.append(_alone(desk, each.request))
        else:
            answers.append(
                handled(
                    each.request.stream, answer, {} if answer.repeated else {each.request.stream: each.events}
                )
            )
    return answers


def _alone(desk: Desk, request: Request) -> Handled | Refusal | StoreError:
    try:
        return desk.handle(request)
    except (Refusal, StoreError) as refused:
        return refused

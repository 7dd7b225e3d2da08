"""Many commands decided at once (批量办理): looked up together, decided each, appended lane by lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.handling.command_handler import CommandHandler
from application.handling.decision import decide
from application.handling.envelope_factory import enclose
from application.handling.household_repository import EnclosedCommand
from application.handling.loaded_household import LoadedHousehold
from application.handling.request import Handled, NewEvents, Request
from domain.household.state import Household
from domain.values.person import PersonId
from domain.values.refusals import Refusal
from eventstore.appending.append_types import CommandKey
from eventstore.errors import StoreError


@dataclass(frozen=True, slots=True)
class Draft:
    """A command decided and not yet appended: the events that would become true, and what would be appended."""

    request: Request
    events: NewEvents
    enclosed: EnclosedCommand


def draft(
    handler: CommandHandler, key: CommandKey, request: Request, persons: Mapping[str, PersonId]
) -> Draft:
    """Decide a command that begins a household; raises the domain's `Refusal`.

    `persons` are the people who have a person id already, by normalised ID number.
    """
    # nothing is loaded: what this command would begin is known not to be there
    loaded = {request.stream: LoadedHousehold(Household(request.stream), 0)}
    context = handler.contexts.of(request, loaded, persons)
    events = decide(request, loaded, context)
    return Draft(request, events, EnclosedCommand(key, enclose(request, loaded, events, context)))


def append_drafts(handler: CommandHandler, drafts: Sequence[Draft]) -> list[Handled | Refusal | StoreError]:
    """Append drafts of one lane in one statement, each answered by itself, in order.

    A command that clashes with somebody who was quicker is decided again by itself.
    """
    if not drafts:
        return []
    at = drafts[0].request.at
    appended = handler.households.append_lane([each.enclosed for each in drafts], at)
    return [
        _alone(handler, each.request)
        if isinstance(answer, StoreError)
        else Handled.of(each.request.stream, answer, each.events)
        for each, answer in zip(drafts, appended, strict=True)
    ]


def _alone(handler: CommandHandler, request: Request) -> Handled | Refusal | StoreError:
    try:
        return handler.handle(request)
    except (Refusal, StoreError) as refused:
        return refused

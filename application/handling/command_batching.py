"""Commands that wait at the same time (合并办理): read together, decided each, appended in one commit.

A wrapper around the command handler. Off where the lanes lie on several servers: one commit writes lanes of several.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from application.handling.batch_queue import BatchQueue
from application.handling.command_handler import CommandHandler
from application.handling.decision import decide
from application.handling.envelope_factory import enclose
from application.handling.household_repository import EnclosedCommand
from application.handling.loaded_household import LoadedHousehold
from application.handling.request import Handled, NewEvents, Request
from domain.correction.fact_correction import CorrectionCommand
from domain.household.command import JointCommand
from domain.household.context import Context
from domain.values.person import HouseholdId


@dataclass(slots=True)
class _Batched:
    """A command of a batch on its way: the household it rests on, then what was decided of it."""

    place: int
    request: Request
    loaded: dict[HouseholdId, LoadedHousehold]
    context: Context | None = None
    events: NewEvents = field(default_factory=dict)


class CommandBatching:
    """Carries out commands as its handler does, those that wait at the same time together; safe between threads."""

    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler
        self._queue = BatchQueue(handler.handle, self._together)

    def handle(self, request: Request) -> Handled:
        """Carry out one command; answers and raises what the handler does."""
        return self._queue.answer(request) if self._may_wait(request) else self._handler.handle(request)

    def _may_wait(self, request: Request) -> bool:
        """Whether a request may be carried out together with others: it reads one household and nothing else."""
        command = request.command
        return (
            request.household is not None
            and request.at is None
            and not isinstance(command, (JointCommand, CorrectionCommand))
            and not self._handler.prepares(type(command))
            and not command.numbers()
        )

    def _together(self, requests: Sequence[Request]) -> list[Handled | None]:
        """Carry out requests of several households with one read and one append.

        None for each that is not plainly news: refused, asked before, overtaken, with claims. It goes alone.
        """
        # Step by step for all of them: each step finds in the caches what it needed for the one before.
        batch = [each for each in self._load(requests) if self._decide(each)]
        enclosed = [one for one in map(self._enclose, batch) if one is not None]
        appended = self._handler.households.append_together(enclosed) if len(enclosed) > 1 else {}
        answers: list[Handled | None] = [None] * len(requests)
        for each in batch:
            if each.request.id in appended:
                stream = each.request.stream
                answers[each.place] = Handled.of(stream, appended[each.request.id], each.events)
        return answers

    def _load(self, requests: Sequence[Request]) -> list[_Batched]:
        """The requests that can go together: one for each household and id, based on its version as it is."""
        loaded = self._handler.households.load_many([request.stream for request in requests])
        batch: list[_Batched] = []
        ids: set[UUID] = set()
        for place, request in enumerate(requests):
            household = loaded.pop(request.stream, None)
            if household is None or request.id in ids or request.expected not in (None, household.version):
                continue
            ids.add(request.id)
            batch.append(_Batched(place, request, {request.stream: household}))
        return batch

    def _decide(self, each: _Batched) -> bool:
        """Whether a command makes something true; one that is refused is told why when it goes alone."""
        with suppress(Exception):
            each.context = self._handler.contexts.of(each.request, each.loaded)
            each.events = decide(each.request, each.loaded, each.context)
        return bool(each.events)

    def _enclose(self, each: _Batched) -> EnclosedCommand | None:
        """What a command appends; None when it is more than events of its household."""
        assert each.context is not None
        enclosed = enclose(each.request, each.loaded, each.events, each.context)
        if enclosed.claims or enclosed.found_by or enclosed.closes:
            return None
        return EnclosedCommand(self._handler.households.key_of(each.request), enclosed)

"""The command handler (命令处理): one command from its request to its answer, all or nothing.

Each command goes through once, top to bottom: receive, load, decide, enclose, append. `CommandBatching` is a wrapper
around it; `bulk_handling` takes the same steps for many commands at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Protocol
from uuid import UUID

from application.handling.decision import DecisionContexts, decide
from application.handling.envelope_factory import EnclosedEvents, enclose
from application.handling.household_repository import HouseholdRepository
from application.handling.loaded_household import LoadedHouseholds
from application.handling.request import Handled, NewEvents, Request
from application.reference.reference import Reference
from domain.household.command import Command
from domain.household.context import Context
from domain.household.state import Household
from domain.values.person import HouseholdId
from eventstore.appending.append_types import CommandKey
from eventstore.errors import ClaimConflict, StreamClosed, VersionConflict

ATTEMPTS = 5
"""How often a command is decided again when somebody else was quicker."""

Preparation = Callable[[Request, Household, int, Context], Context]
"""What has to exist before a command is decided (a numbered and rendered document): the request, the household
and its version, and the context, which is given back with what was prepared."""


class HandlesCommands(Protocol):
    """Whoever carries out commands: the handler, or a wrapper around it."""

    def handle(self, request: Request) -> Handled:
        """Carry out one command; see `CommandHandler.handle`."""
        ...


def _again_when_overtaken(
    handle: Callable[[CommandHandler, Request], Handled],
) -> Callable[[CommandHandler, Request], Handled]:
    """Carry out a command anew when somebody else was quicker and the caller need not be told."""

    @wraps(handle)
    def attempts(handler: CommandHandler, request: Request) -> Handled:
        for _ in range(ATTEMPTS - 1):
            try:
                return handle(handler, request)
            except (VersionConflict, StreamClosed, ClaimConflict) as conflict:
                if not _may_go_again(request, conflict):
                    raise
        return handle(handler, request)

    return attempts


class CommandHandler:
    """Carries out commands on the households of one store, by one set of reference data; safe between threads."""

    def __init__(self, households: HouseholdRepository, reference: Reference) -> None:
        self.households = households
        self.reference = reference
        self.contexts = DecisionContexts(reference, households)
        self._preparations: dict[type[Command], Preparation] = {}

    def prepare(self, kind: type[Command], preparation: Preparation) -> None:
        """Have every command of a kind prepared before it is decided; said once, when things are wired."""
        self._preparations[kind] = preparation

    def prepares(self, kind: type[Command]) -> bool:
        """Whether something is prepared for commands of a kind."""
        return kind in self._preparations

    @_again_when_overtaken
    def handle(self, request: Request) -> Handled:
        """Carry out one command, of one household or of several, all or nothing.

        The same request again gets the first answer. Raises the domain's `Refusal`, and of the store
        `VersionConflict` (only with `expected`), `ChangedCommand`, `ClaimConflict`, `StreamClosed`,
        `StreamErased`, `OwnerErased`.
        """
        key, answer = self._receive(request)
        if answer is not None:
            return answer
        loaded = self._load(request)
        try:
            events, context = self._decide(request, loaded)
        except Exception:
            # what is refused now may have been carried out before
            if answer := self.households.first_answer(key, request.stream):
                return answer
            raise
        if not events:
            return self.households.first_answer(key, request.stream) or _no_news(request, loaded)
        enclosed = enclose(request, loaded, events, context)
        return self._append(request, key, enclosed, events)

    def preview(self, request: Request, loaded: LoadedHouseholds) -> NewEvents:
        """What a command would make true of households as far as `loaded` tells them; nothing is written.

        `loaded` are those of `request.households`, in that order. Raises the domain's `Refusal`.
        """
        return decide(request, loaded, self.contexts.of(request, loaded))

    def _receive(self, request: Request) -> tuple[CommandKey, Handled | None]:
        """The key of the command, and its first answer when that has to be known before anything is prepared."""
        key = self.households.key_of(request)
        if not self.prepares(type(request.command)):
            return key, None
        # What is prepared lies outside the append: not again for what was answered already.
        return key, self.households.first_answer(key, request.stream)

    def _load(self, request: Request) -> LoadedHouseholds:
        return {household: self.households.load(household) for household in request.households}

    def _decide(self, request: Request, loaded: LoadedHouseholds) -> tuple[NewEvents, Context]:
        """What becomes true, and the context in which that was decided, with what was prepared for it."""
        household, version = loaded[request.stream]
        if request.expected not in (None, version):
            raise VersionConflict(current=version, expected=request.expected)
        context = self.contexts.of(request, loaded)
        preparation = self._preparations.get(type(request.command))
        if preparation is not None:
            context = preparation(request, household, version, context)
        return decide(request, loaded, context), context

    def _append(
        self, request: Request, key: CommandKey, enclosed: EnclosedEvents, events: NewEvents
    ) -> Handled:
        appended = self.households.append(key, enclosed, request.at)
        return Handled.of(request.stream, appended, events)


def _no_news(request: Request, loaded: LoadedHouseholds) -> Handled:
    return Handled(request.stream, loaded[request.stream].version, (), {}, None, news=False)


def _may_go_again(request: Request, conflict: VersionConflict | StreamClosed | ClaimConflict) -> bool:
    """Whether a command that was overtaken is decided again, rather than its caller told."""
    if isinstance(conflict, VersionConflict):
        return request.expected is None or not _is_about(conflict, request.stream)
    if isinstance(conflict, ClaimConflict):
        # Somebody gave the same ID number a person at the same moment: it is looked up again.
        return conflict.kind == "identity"
    # Joined to another household a moment ago: what is loaded next says so.
    return True


def _is_about(conflict: VersionConflict, stream: HouseholdId) -> bool:
    """Whether a conflict is about this household, and not about another of the same command."""
    told = conflict.facts.get("stream")
    return told is None or UUID(str(told)) == stream

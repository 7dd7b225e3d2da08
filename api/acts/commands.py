"""Commands over HTTP (办理): every command of the catalogue, one operation each, handled once and only once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from inspect import getdoc
from itertools import takewhile
from sys import modules
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from asgi_correlation_id import correlation_id
from fastapi import APIRouter, Body, Depends, Header, Response
from pydantic import Field

from api.access.access_log import Looks
from api.access.area_scope import Areas
from api.access.identity import Identity, identified
from api.access.permissions import permission_for, require_command
from api.access.read_session import PRIVATE, HouseholdPath
from api.acts.command_schemas import CommandShape, shape_of
from api.http.freshness import POSITION, position_of
from api.http.openapi_docs import ANSWERED, LOCATION, described
from api.http.problems import ChangedMeanwhile, Problem, WentOn, etag
from api.http.schemas import Shape
from application.handling.command_handler import HandlesCommands
from application.handling.household_repository import HouseholdRepository
from application.handling.request import Handled, Other, Request
from application.reference.reference import NATURAL_KEYS
from domain.catalogue import COMMANDS, NAMES
from domain.guards.registered import HouseholdUnknown
from domain.household.command import Command, JointCommand
from domain.household.event import Event
from domain.household.state import Household
from domain.values.person import HouseholdId
from domain.values.refusals import Refusal
from eventstore.errors import StoreError, VersionConflict
from eventstore.lanes import event_id

BEGINS: Final = "register-household"
"""The command that begins a chain, and so has no household in its path."""

MOST_STEPS: Final = 600
"""The most steps one command makes true: a household has at most 500 members."""

_GATE: Final = "command"

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r'^"?[A-Za-z0-9_.:-]{8,200}"?$',
        description="办理编号，每次新的办理换一个（如 UUID）；因故重发时用原来的，只会办理一次",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^"v[0-9]{1,9}"$',
        description="办理所依据的版本，即查询时得到的 ETag",
        examples=['"v7"'],
    ),
]


class VersionRequired(Problem):
    """办理须用 If-Match 写明所依据的版本（查询该户时得到的 ETag）。请先查询该户。"""

    status = 428


class StepTaken(Shape):
    """办理后成立的一步。"""

    version: int
    name: str = Field(description="事件名称，含义不变")
    title: str
    on: date


class OtherAnswer(Shape):
    """同一次办理涉及的另一户，及其新成立的各步。"""

    household: UUID
    version: int
    steps: list[StepTaken]


class CommandAnswer(Shape):
    """办理结果：该户的版本和新成立的各步；news 为 false 表示早已如此，没有写入任何内容。"""

    household: UUID
    version: int
    news: bool
    steps: list[StepTaken]
    others: list[OtherAnswer] = Field(description="一并办理的其他户（分户、并户、成员转入）")
    position: str | None = Field(description="写入到的位置；查询时放入 X-Min-Position 可看到本次结果")
    recorded_at: datetime | None


class Commands:
    """The commands of the catalogue; who may give them is asked here, whether they are lawful in the domain."""

    def __init__(
        self, handler: HandlesCommands, households: HouseholdRepository, looks: Looks, areas: Areas
    ) -> None:
        self._handler = handler
        self._households = households
        self._looks = looks
        self._areas = areas

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1/households")
        for name, kind in COMMANDS.items():
            shape = shape_of(name)
            begins = name == BEGINS
            router.add_api_route(
                "" if begins else f"/{{household}}/{name}",
                self._beginning(shape) if begins else self._continuing(shape),
                methods=["POST"],
                status_code=201 if begins else 200,
                response_model=CommandAnswer,
                tags=[chapter_of(kind)],
                summary=shape.title,
                description=_description(shape),
                operation_id=_operation_id(name),
                responses=_responses(begins, joint=issubclass(kind, JointCommand)),
                openapi_extra={"x-command": shape.component, "x-rule": permission_for(name).rule},
            )
        return router

    def begin(self, said: Command, identity: Identity, key: str) -> Response:
        """Begin a chain where the identity may; the same key again finds the same chain."""
        # asked of every command that begins a chain: it says where
        region: str = said.region  # type: ignore[attr-defined]
        self._areas.require(identity, region, said.on)
        asked = command_id(identity, key, None)
        handled = self._handler.handle(Request(asked, said, identity.actor, correlation=correlation_id.get()))
        location = f"/v1/households/{handled.household}"
        return self._answered(handled, asked, 201, {"Location": location})

    def go_on(
        self, household: UUID, said: Command, identity: Identity, key: str, based_on: str | None
    ) -> Response:
        """One step of a household in the identity's area, based on the version it was seen at."""
        if based_on is None:
            raise VersionRequired
        asked = command_id(identity, key, household)
        request = Request(
            asked,
            said,
            identity.actor,
            HouseholdId(household),
            int(based_on.strip('"v')),
            correlation=correlation_id.get(),
        )
        gone = self._reached(identity, request.stream).joined_into
        if isinstance(said, JointCommand):
            for other in said.households():
                self._reached(identity, other)
        try:
            handled = self._handler.handle(request)
        except (Refusal, StoreError) as error:
            # what was done before it went on in another household is still told to who repeats it
            if gone is not None:
                raise WentOn(household=gone) from None
            if isinstance(error, VersionConflict) and error.current is not None:
                raise self._changed(identity, household, error) from None
            raise
        return self._answered(handled, asked, 200, {})

    def _changed(self, identity: Identity, household: UUID, conflict: VersionConflict) -> Exception:
        """What is told to whom somebody was quicker than: which step, of whom, when; looked up only now."""
        stream = conflict.facts.get("stream")
        if stream is not None and UUID(str(stream)) != household:
            return conflict
        newest = self._households.store.slice(household, 0, upto=None, newest_first=True, limit=1)
        if not newest:
            return conflict
        self._looks.in_passing(identity, household, _GATE, "last-step")
        (row,) = newest
        return ChangedMeanwhile(
            row.originator_version,
            {
                "officer": row.meta.actor,
                "organ": row.meta.organ,
                "title": type(row.event).title,
                "on": row.event.on.isoformat(),
                "recordedAt": row.recorded_at.isoformat(),
            },
        )

    def _beginning(self, shape: CommandShape) -> Callable[..., Response]:
        def begin(said: Any, identity: Any, key: IdempotencyKey) -> Response:
            return self.begin(said, identity, key)

        return _typed(begin, shape)

    def _continuing(self, shape: CommandShape) -> Callable[..., Response]:
        def go_on(
            household: HouseholdPath, said: Any, identity: Any, key: IdempotencyKey, based_on: IfMatch = None
        ) -> Response:
            return self.go_on(household, said, identity, key, based_on)

        return _typed(go_on, shape)

    def _reached(self, identity: Identity, household: HouseholdId) -> Household:
        """The household, if it lies in the identity's area; refused on record like one there is not."""
        try:
            known = self._households.get(household)
        except HouseholdUnknown:
            known = None
        if known is None or not self._areas.holds(identity, known):
            self._looks.refused(identity, household, _GATE)
            raise HouseholdUnknown
        return known

    def _answered(self, handled: Handled, command: UUID, status: int, more: dict[str, str]) -> Response:
        others = [self._other(other, command, handled.repeated) for other in handled.others]
        begun = next((other for other in others if other.steps and other.steps[0].version == 1), None)
        if begun is not None:
            status, more = 201, {"Location": f"/v1/households/{begun.household}"}
        position = position_of(handled.reached)
        answer = CommandAnswer(
            household=handled.household,
            version=handled.version,
            news=handled.news,
            steps=self._steps(
                handled.household, handled.version, handled.events, command, again=handled.repeated
            ),
            others=others,
            position=position,
            recorded_at=handled.recorded_at,
        )
        headers = {"ETag": etag(handled.version), **PRIVATE, **more}
        if position is not None:
            headers[POSITION] = position
        if handled.repeated:
            headers["Idempotent-Replayed"] = "true"
        return Response(answer.model_dump_json(), status, headers, "application/json")

    def _other(self, other: Other, command: UUID, again: bool) -> OtherAnswer:
        steps = self._steps(other.household, other.version, other.events, command, again=again)
        return OtherAnswer(household=other.household, version=other.version, steps=steps)

    def _steps(
        self, household: UUID, upto: int, events: Sequence[Event], command: UUID, *, again: bool
    ) -> list[StepTaken]:
        """The steps that became true, or of a command told again, that had become true."""
        if again:
            return self._steps_again(household, upto, command)
        first = upto - len(events) + 1
        return [
            StepTaken(version=first + n, name=NAMES[type(event)], title=type(event).title, on=event.on)
            for n, event in enumerate(events)
        ]

    def _steps_again(self, household: UUID, upto: int, command: UUID) -> list[StepTaken]:
        """By their events' ids, which follow from the command's."""
        ids = {event_id(command, ordinal) for ordinal in range(MOST_STEPS)}
        rows = self._households.store.slice(
            household, max(0, upto - MOST_STEPS), upto=upto, newest_first=True
        )
        steps = [
            StepTaken(
                version=row.originator_version, name=row.name, title=type(row.event).title, on=row.event.on
            )
            for row in takewhile(lambda row: row.event_id in ids, rows)
        ]
        return steps[::-1]


def chapter_of(kind: type) -> str:
    """The Chinese name of the chapter a command or event stands in, as its module says it."""
    first = (getdoc(modules[kind.__module__]) or "").partition("\n")[0]
    _, _, rest = first.partition("(")
    return rest.partition(")")[0] or kind.__module__.rpartition(".")[2]


def _typed(endpoint: Callable[..., Response], shape: CommandShape) -> Callable[..., Response]:
    """An endpoint for one command: its body is that command, and the gate before it is that command's."""

    async def allowed(identity: Annotated[Identity, Depends(identified)]) -> Identity:
        require_command(identity, shape.name, shape.title)
        return identity

    endpoint.__annotations__ |= {
        "said": Annotated[shape.body, Body()],
        "identity": Annotated[Identity, Depends(allowed)],
    }
    return endpoint


def _responses(begins: bool, *, joint: bool) -> dict[int | str, dict[str, Any]]:
    answers: dict[int | str, dict[str, Any]] = {
        201 if begins else 200: {"description": "办理结果", "headers": ANSWERED}
    }
    if begins or joint:
        answers[201] = {
            "model": CommandAnswer,
            "description": "办理结果，并登记了一户",
            "headers": {**ANSWERED, **LOCATION},
        }
    problems = (400, 401, 403, 409, 410, 413, 415, 422, 503, *(() if begins else (308, 404, 412, 428)))
    return {**answers, **described(*problems)}


def command_id(identity: Identity, key: str, household: UUID | None) -> UUID:
    """UUIDv5 of client and Idempotency-Key; a client is who asks, for one household or for a new one."""
    client = f"client/{identity.organ}/{identity.officer}/{household or 'new'}"
    return uuid5(uuid5(NATURAL_KEYS, client), key.strip('"'))


def _operation_id(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)


def _description(shape: CommandShape) -> str:
    permission = permission_for(shape.name)
    return f"{shape.description}\n\n{permission.reason}（{permission.rule}）不合规定的，说明理由和依据。"

"""The doors (办理的两条路): HTTP, and the command handler itself; each sends one request until it is answered."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid5

import httpx2
import psycopg
from psycopg_pool import PoolTimeout

from api.access.identity import Identity, Role, issue_token
from api.acts.command_schemas import named
from api.acts.commands import BEGINS, command_id
from api.http.freshness import position_of
from application.handling.command_handler import HandlesCommands
from application.handling.household_repository import HouseholdRepository
from application.handling.request import Handled
from application.reference.reference import jurisdiction_stream
from domain.members.arrival import MemberArrived
from domain.members.member_changes import MemberJoined
from domain.members.registration import MemberAdded
from domain.values.receipt import Actor
from domain.values.refusals import Refusal
from eventstore.errors import StoreError
from samples.office_life import COUNTY_ORGAN
from samples.office_people import COUNTY
from tests.crash.journal import Asked, Fields, Journal, Seen

CLIENTS = UUID("5f0c9e0a-6a3d-5d0b-8f39-2b1c7d4e5a60")
"""The namespace of the ids that clients of the command handler give their commands."""

STALE = "version-conflict"
_PATIENCE = 90.0
_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.3)


class Answer(NamedTuple):
    """What became of a command: its answer, or the code of its refusal, or neither when it was given up."""

    told: Fields | None = None
    code: str | None = None


class Door(Protocol):
    """A way to give commands and to learn who belongs to a household."""

    def asked(
        self,
        name: str,
        do: str,
        fields: Fields,
        by: Actor,
        household: UUID | None = None,
        base: int | None = None,
    ) -> Asked:
        """The request of that name, not sent yet."""
        ...

    def carry_out(self, asked: Asked, patience: float = _PATIENCE) -> Answer:
        """Send it, noted before and after, the same again after every error, for at most so many seconds."""
        ...

    def look(self, household: UUID, position: str | None) -> tuple[int, tuple[UUID, ...]]:
        """The household's version and its people, in the order they came."""
        ...


class Stopped(Exception):
    """The run is over, or nobody answered for too long."""


class Unseen(Exception):
    """A household could not be read: it went on in another, or the read models do not follow."""


class HttpDoor:
    """A client program of an office: its own connection, any of the API's processes, a token an officer."""

    def __init__(
        self,
        ports: Sequence[int],
        key_directory: Path,
        journal: Journal,
        name: str,
        random: Random,
        stop: Event,
    ) -> None:
        self._urls = [f"http://127.0.0.1:{port}" for port in ports]
        self._keys = key_directory
        self._journal = journal
        self._name = name
        self._random = random
        self._stop = stop
        self._client = httpx2.Client(timeout=httpx2.Timeout(45.0, connect=2.0))
        self._tokens: dict[tuple[str, str], str] = {}
        self._looks = itertools.count(1)

    def close(self) -> None:
        self._client.close()

    def asked(
        self,
        name: str,
        do: str,
        fields: Fields,
        by: Actor,
        household: UUID | None = None,
        base: int | None = None,
    ) -> Asked:
        key = f"crash/{self._name}/{name}".replace("/", ":")
        return Asked(
            command_id(_identity(by), key, household),
            "http",
            do,
            fields,
            by.officer,
            by.organ,
            household,
            base,
            key,
        )

    def carry_out(self, asked: Asked, patience: float = _PATIENCE) -> Answer:
        self._journal.asks(asked)
        answer = self.again(asked, patience)
        if answer is None:
            return Answer()
        if answer.status_code in (200, 201):
            told = answer.json()
            self._journal.answered(asked.id, told)
            return Answer(told=told)
        code = str(answer.json().get("code", answer.status_code))
        self._journal.refused(asked.id, code)
        return Answer(code=code)

    def again(self, asked: Asked, patience: float = _PATIENCE) -> httpx2.Response | None:
        """The answer of whichever process has one, asked until one does; None after so many seconds."""
        by = Actor(asked.officer, asked.organ)
        headers = {"Authorization": f"Bearer {self._token(by)}", "Idempotency-Key": str(asked.key)}
        if asked.base is not None:
            headers["If-Match"] = f'"v{asked.base}"'
        path = "/v1/households" if asked.do == BEGINS else f"/v1/households/{asked.household}/{asked.do}"
        body = _camel(asked.fields)
        return self._until(lambda url: self._client.post(url + path, json=body, headers=headers), patience)

    def look(self, household: UUID, position: str | None) -> tuple[int, tuple[UUID, ...]]:
        until = time.monotonic() + _PATIENCE
        while True:
            answer = self.read(f"/v1/households/{household}", "card", (household,), position)
            told = answer.json()
            if answer.status_code == 200:
                return told["version"], tuple(UUID(each["person"]) for each in told["members"])
            if told.get("code") == "not-seen-yet" and time.monotonic() < until and not self._stop.is_set():
                self._pause(0.1)
                continue
            raise Unseen(str(told.get("code")))

    def read(
        self, path: str, what: str, subjects: Sequence[UUID] | None = None, position: str | None = None
    ) -> httpx2.Response:
        """One GET by an officer of this read alone; what it showed is noted once it was answered.

        Without `subjects` it is a list: the households are those it names.
        """
        officer = f"{self._name}-{next(self._looks)}"
        headers = {"Authorization": f"Bearer {self._issued(officer, COUNTY_ORGAN, [Role.CASEWORKER])}"}
        if position is not None:
            headers["X-Min-Position"] = position
        answer = self._until(lambda url: self._client.get(url + path, headers=headers), _PATIENCE)
        if answer is None:
            raise Stopped
        if answer.status_code == 200:
            if subjects is None:
                items = answer.json()["items"]
                subjects = tuple({UUID(item.get("household") or item["id"]) for item in items})
            self._journal.saw(Seen(officer, what, tuple(subjects)))
        return answer

    def listen(self, seconds: float) -> int:
        """Listen to the stream of changes for so long; every household it named was put on record before."""
        officer = f"{self._name}-{next(self._looks)}"
        headers = {"Authorization": f"Bearer {self._issued(officer, COUNTY_ORGAN, [Role.CASEWORKER])}"}
        url = self._random.choice(self._urls) + "/v1/work-items/events"
        named_there: set[UUID] = set()
        until = time.monotonic() + seconds
        try:
            with self._client.stream(
                "GET", url, headers=headers, timeout=httpx2.Timeout(seconds, connect=2.0)
            ) as told:
                if told.status_code != 200:
                    return 0
                self._journal.saw(Seen(officer, "work-item-events", (jurisdiction_stream(COUNTY),)))
                for line in told.iter_lines():
                    if line.startswith("data:") and '"households"' in line:
                        _, _, listed = line.partition("[")
                        named_there |= {
                            UUID(each.strip(' "')) for each in listed.partition("]")[0].split(",")
                        }
                    if time.monotonic() > until or self._stop.is_set():
                        break
        except httpx2.HTTPError:
            pass
        if named_there:
            self._journal.saw(Seen(officer, "work-item-events", tuple(named_there)))
        return len(named_there)

    def _until(self, send: Callable[[str], httpx2.Response], patience: float) -> httpx2.Response | None:
        until = time.monotonic() + patience
        pauses = iter(_PAUSES)
        while True:
            try:
                answer = send(self._random.choice(self._urls))
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            except httpx2.HTTPError:
                pass
            if time.monotonic() > until:
                return None
            self._pause(next(pauses, _PAUSES[-1]))

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds * (0.5 + self._random.random()))

    def _token(self, by: Actor) -> str:
        known = self._tokens.get((by.officer, by.organ))
        if known is None:
            identity = _identity(by)
            known = self._issued(identity.officer, identity.organ, sorted(identity.roles))
            self._tokens[by.officer, by.organ] = known
        return known

    def _issued(self, officer: str, organ: str, roles: Sequence[Role]) -> str:
        return issue_token(self._keys, officer=officer, organ=organ, roles=roles)


class HandlerDoor:
    """A program that calls the command handler itself, as workers and imports do: no HTTP, no version it insists on."""

    def __init__(
        self, handler: HandlesCommands, households: HouseholdRepository, journal: Journal, name: str
    ) -> None:
        self._handler = handler
        self._households = households
        self._journal = journal
        self._name = name

    def asked(
        self,
        name: str,
        do: str,
        fields: Fields,
        by: Actor,
        household: UUID | None = None,
        base: int | None = None,
    ) -> Asked:
        return Asked(
            uuid5(CLIENTS, f"{self._name}/{name}"), "handler", do, fields, by.officer, by.organ, household
        )

    def carry_out(self, asked: Asked, patience: float = _PATIENCE) -> Answer:
        self._journal.asks(asked)
        return self.go_on(asked, patience)

    def go_on(self, asked: Asked, patience: float = _PATIENCE) -> Answer:
        """Send what was noted before, as one does who was killed over it."""
        until = time.monotonic() + patience
        pauses = iter(_PAUSES)
        while True:
            try:
                told = answer_of(self._handler.handle(asked.request))
                self._journal.answered(asked.id, told)
                return Answer(told=told)
            except (Refusal, StoreError) as refusal:
                self._journal.refused(asked.id, refusal.code)
                return Answer(code=refusal.code)
            except (psycopg.OperationalError, PoolTimeout):
                if time.monotonic() > until:
                    return Answer()
                time.sleep(next(pauses, _PAUSES[-1]))

    def look(self, household: UUID, position: str | None) -> tuple[int, tuple[UUID, ...]]:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                loaded = self._households.store.load(household)
                break
            except (psycopg.OperationalError, PoolTimeout):
                if time.monotonic() > until:
                    raise Stopped from None
                time.sleep(0.1)
        came = (row.event for row in loaded.rows)
        brought = [e.person for e in came if isinstance(e, MemberAdded | MemberJoined | MemberArrived)]
        return loaded.version, tuple(brought)


def answer_of(handled: Handled) -> dict[str, Any]:
    """What the command handler answered, in the words of the API."""
    return {
        "household": str(handled.household),
        "version": handled.version,
        "news": handled.news,
        "others": [{"household": str(each.household), "version": each.version} for each in handled.others],
        "position": position_of(handled.reached),
        "recordedAt": None if handled.recorded_at is None else handled.recorded_at.isoformat(),
    }


def _identity(by: Actor) -> Identity:
    if by.officer.startswith("system:"):
        return Identity(by.officer.removeprefix("system:"), COUNTY_ORGAN, COUNTY, frozenset({Role.SYSTEM}))
    return Identity(by.officer, by.organ, by.region, frozenset({Role.CASEWORKER, Role.FINANCE}))


def _camel(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {named(name): _camel(each) for name, each in value.items()}
    return [_camel(each) for each in value] if isinstance(value, list | tuple) else value

"""A day at the sample office (样例机构的一天): its API over TCP, its workers, its clock, and a diary of every look."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any
from uuid import UUID

import psycopg
from httpx2 import Client

from api.access.identity import DevelopmentTokens, Role, issue_token
from api.app import create_app
from api.http.paging import Cursors
from api.serve import serving
from application.reference.adoption import adopt_shipped
from application.reference.packs import pack_of
from application.reference.reference import Shipped, publish, shipped
from bootstrap.wiring import SINCE, Installation, opened
from domain.values.pack import Pack
from domain.values.person import HouseholdId
from eventstore.access_records import access_log
from eventstore.lanes import LANES
from projections.dues import awaiting
from samples.office import Planned, make_office, plan
from tests.database import Databases
from tests.installations import addresses_of, installed
from workers.deadlines import one_round
from workers.projector import ProjectorWorker

MORNING = date(2026, 8, 3)
HOUSEHOLDS = 60
TOWNSHIP, OTHER_TOWNSHIP, COUNTY = "990801100", "990801101", "990801"
ELSEWHERE, ELSEWHERE_TOWNSHIP, ELSEWHERE_VILLAGE = "370786", "370786101", "370786101215"

Body = Mapping[str, Any]
Diary = Counter[tuple[str, str]]
"""How often who (officer@organ) looked at what."""


class Listener(Thread):
    """Somebody whose work list is open all day: the stream, and the households it told of."""

    def __init__(self, base: str, token: str) -> None:
        super().__init__(name="listener")
        self._base, self._token = base, token
        self._told = Condition()
        self.kinds: list[str] = []
        self.households: set[UUID] = set()

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with (
            Client(base_url=self._base, headers=headers, timeout=120) as client,
            client.stream("GET", "/v1/work-items/events") as answer,
        ):
            kind = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    with self._told:
                        self.kinds.append(kind)
                        self.households |= {UUID(each) for each in json.loads(value).get("households", ())}
                        self._told.notify_all()

    def until(self, households: set[UUID], seconds: float = 20) -> None:
        """Wait until the stream has begun and told of all of these."""
        with self._told:
            assert self._told.wait_for(lambda: self.kinds and households <= self.households, seconds), (
                f"never told of {households - self.households}"
            )


@dataclass
class Day:
    """The office from its morning on: its day is a clock on the wall, everything else is as it is every day."""

    installation: Installation
    key_directory: Path
    plans: list[Planned]
    kinds: dict[str, list[UUID]]
    base: str = ""
    today: date = MORNING
    diary: Diary = field(default_factory=Counter)
    versions: dict[UUID, int] = field(default_factory=dict)
    positions: dict[UUID, str] = field(default_factory=dict)
    last: str | None = None
    _begun: list[int] = field(default_factory=list)
    _looks_before: Diary = field(default_factory=Counter)
    _open: ExitStack = field(default_factory=ExitStack)

    def opens(self) -> None:
        """Unlock the door: the API on its socket, the projector beside it."""
        one, stop = self.installation, Event()
        app = create_app(
            pool=one.pool, keys=one.keys, handler=one.commands, households=one.households,
            reference=one.reference, attachments=one.attachments, documents=one.documents, record=access_log(one.pool),
            tokens=DevelopmentTokens(self.key_directory), cursors=Cursors(self.key_directory),
            today=lambda: self.today, pending=lambda: (), threads=8,
        )  # fmt: skip
        worker = Thread(target=ProjectorWorker(one.projector()).run, args=(stop,), name="projector")
        listening = self._open.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._open.callback(worker.join)
        self._open.callback(stop.set)
        worker.start()
        self._open.enter_context(serving(app, listening))
        self.base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._begun = self.heads()
        self._looks_before = self.looks()

    def closes(self) -> None:
        """Lock it: the streams end, the server and the projector stop."""
        self._open.close()

    def token(self, officer: str, organ: str, *roles: Role) -> str:
        """The token of somebody of an organ, a caseworker unless something else is said."""
        who = roles or (Role.CASEWORKER,)
        return issue_token(self.key_directory, officer=officer, organ=organ, roles=who)

    def becomes(self, day: str) -> None:
        """The clock goes on to a later day; the system does by itself what its days bring."""
        assert date.fromisoformat(day) > self.today
        self.settles()
        self.today = date.fromisoformat(day)
        with self.installation.pool.connection() as connection:
            waiting = [HouseholdId(each) for each in awaiting(connection, self.today)]
        assert one_round(self.installation.handler, lambda _: waiting, self.today).refused == 0
        for household in waiting:
            self.versions.pop(household, None)
        self.settles()

    def settles(self) -> None:
        """Wait until the read models hold everything written, as the API itself says."""
        until = time.monotonic() + 60
        with Client(base_url=self.base, timeout=30) as client:
            while any(client.get("/readyz").json()["lag"].values()):
                assert time.monotonic() < until, "the projector does not keep up"
                time.sleep(0.02)

    def heads(self) -> list[int]:
        """How far each lane of the store is."""
        heads = self.installation.store.heads()
        return [heads.get(lane, 0) for lane in range(LANES)]

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What stands in the store itself, seen from behind."""
        with psycopg.connect(self.installation.addresses.store_owner) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def touched(self, area: str) -> set[UUID]:
        """The households of an area to which anything happened since the morning."""
        rows = self.rows(
            "SELECT DISTINCT e.stream_id FROM unnest(%s::smallint[], %s::bigint[]) AS w (lane, position)"
            " JOIN es_event e ON e.lane = w.lane AND e.position > w.position"
            " WHERE starts_with(convert_from(e.meta, 'UTF8')::json ->> 'region', %s)",
            list(range(LANES)), self._begun, area,
        )  # fmt: skip
        return {household for (household,) in rows}

    def looks(self) -> Diary:
        """The access records since the morning: who looked at what, and how often."""
        rows = self.rows(
            "SELECT actor || '@' || organ, purpose, fields FROM es_access WHERE organ IS NOT NULL"
        )
        return Counter((who, _seen(purpose, fields)) for who, purpose, fields in rows) - self._looks_before


def _seen(purpose: str, fields: list[str]) -> str:
    """What a record says was seen, in one word: the view, or `names` where it was but the card."""
    if purpose == "issue-document":
        return purpose
    return next((each for each in fields if each not in ("name", "id-number", "card")), "names")


def delegating() -> Pack:
    """The pack of the province 99 that lets townships decide, as L26 art.44 asks it of a province."""
    (body,) = [pack.to_json() for pack in shipped(files("policy")).packs if pack.region == "99"]
    paper = {"from": "2026-07-01", "value": True, "unit": "flag", "source": "试验省民发〔2026〕5号"}
    return pack_of(
        {**body, "chapters": {**body["chapters"], "own": {"procedure.delegation-allowed": [paper]}}}
    )


@contextmanager
def opened_day(databases: Databases, directory: Path) -> Iterator[Day]:
    """The sample office on the morning of `MORNING`, its province having let townships decide by paper."""
    keys = directory / "keys"
    with installed(databases, keys, trial=True) as before:
        rule = delegating()
        with psycopg.connect(databases.store, autocommit=True) as connection:
            publish(connection, Shipped((rule,), (), ()))
        assert adopt_shipped(before.chains, Shipped((rule,), (), ()), MORNING, SINCE, "province") == 1
    with opened(addresses_of(databases), keys, pool_size=8) as installation:
        standings = make_office(installation.handler, HOUSEHOLDS, today=MORNING)
        kinds: dict[str, list[UUID]] = {}
        for each in standings:
            kinds.setdefault(each.kind.key, []).append(each.household)
        installation.caught_up()
        plans = list(plan(installation.handler, HOUSEHOLDS, today=MORNING))
        day = Day(installation, keys, plans, kinds)
        day.opens()
        try:
            yield day
        finally:
            day.closes()

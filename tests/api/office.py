"""An office (办公室): the API on a store of its own, with the people who ask it."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4, uuid5

import psycopg
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from api.access.identity import DevelopmentTokens, Role, issue_token
from api.app import create_app
from api.http.limits import RateLimits
from api.http.paging import Cursors
from application.documents.issuing import Documents
from application.handling.command_batching import CommandBatching
from application.handling.command_handler import CommandHandler
from application.handling.envelope_factory import index_entries
from application.handling.household_repository import HouseholdRepository
from application.handling.request import Request
from application.reference.reference import Reference
from domain.catalogue import EVENTS, UPCASTERS
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.citizen_id import check_digit
from domain.values.receipt import Actor
from eventstore.access_records import access_log
from eventstore.adapter import Chains
from eventstore.appending.append_types import CommandKey
from eventstore.attachments import Attachments, Numbers
from eventstore.events.codec import Codec
from eventstore.events.envelope import Envelope, Meta
from eventstore.keys.keys import KeyRing
from eventstore.lanes import event_id
from eventstore.postgres.libpq_client import Pool
from eventstore.postgres.pools import open_pool
from eventstore.store import LaneStore
from projections.engine.projector import Projector
from projections.registry import ALL
from tests.database import Databases
from tests.scenario import Life, reference

HERE = "http://127.0.0.1"
TODAY = date(2026, 11, 22)
YU_VILLAGE, YU_TOWNSHIP, YU_COUNTY = "370786101215", "370786101", "370786"
OTHER_COUNTY, OTHER_VILLAGE = "990301", "990301100201"


@dataclass(frozen=True)
class Office:
    """Everything behind the API, so that a test can write and look behind it."""

    databases: Databases
    pool: Pool
    keys: KeyRing
    store: LaneStore
    chains: Chains
    reference: Reference
    households: HouseholdRepository
    handler: CommandHandler
    commands: CommandBatching
    projector: Projector
    attachments: Attachments
    documents: Documents
    key_directory: Path

    def app(
        self,
        *,
        listens_on: str | None = "127.0.0.1",
        pending: tuple[str, ...] = (),
        limits: RateLimits | None = None,
    ) -> FastAPI:
        """The API on this office."""
        return create_app(
            pool=self.pool,
            keys=self.keys,
            handler=self.commands,
            households=self.households,
            reference=self.reference,
            attachments=self.attachments,
            documents=self.documents,
            record=access_log(self.pool),
            tokens=DevelopmentTokens(self.key_directory),
            cursors=Cursors(self.key_directory),
            today=lambda: TODAY,
            pending=lambda: pending,
            threads=8,
            listens_on=listens_on,
            limits=limits,
        )

    def token(
        self,
        region: str = YU_COUNTY,
        role: Role = Role.CASEWORKER,
        roles: tuple[Role, ...] | None = None,
        **more: Any,
    ) -> str:
        """A token of an officer of a region's office."""
        organ = "cn/civil-affairs" if region == "cn" else f"{region}/civil-affairs"
        return issue_token(
            self.key_directory, officer="c1", organ=organ, region=region, roles=roles or (role,), **more
        )

    def client(self, token: str | None = None, app: FastAPI | None = None) -> AsyncClient:
        """Somebody who asks, in process: the app of the whole run, or one of the test's own."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return AsyncClient(transport=ASGITransport(app or _app_of_the_run()), base_url=HERE, headers=headers)

    def tell(self, life: Life) -> UUID:
        """Write a life of the stories, and project it; the household's id."""
        household = life.household.id
        meta = Meta("w1", f"{YU_TOWNSHIP}/township", life.region)
        command = uuid5(household, "told")
        envelopes = [
            Envelope(household, n + 1, event, event_id(command, n), meta)
            for n, event in enumerate(life.events)
        ]
        self.chains.append(
            *envelopes, command=CommandKey(command, bytes(32)), index=list(index_entries(life.events))
        )
        self.project()
        return household

    def register(self, sequence: int, region: str = YU_VILLAGE, *, project: bool = True) -> UUID:
        """Register a new household of one; project it unless told not to."""
        first17 = f"9901011970010{sequence // 1000 % 9 + 1}{sequence % 1000:03d}"
        member = NewMember("P", f"测试{sequence}", "head", first17 + check_digit(first17))
        request = Request(
            uuid4(),
            RegisterHousehold(date(2026, 3, 2), region, (member,)),
            Actor("w1", f"{region[:9]}/township"),
        )
        handled = self.handler.handle(request)
        if project:
            self.project()
        return handled.household

    def project(self) -> None:
        """Take everything written into the read models."""
        while self.projector.page().events:
            pass

    def looks(self, household: UUID | None = None) -> list[tuple[Any, ...]]:
        """The access records: subject, actor, organ, purpose, fields; the oldest first."""
        with psycopg.connect(self.databases.store) as connection:
            return connection.execute(
                "SELECT subject, actor, organ, purpose, fields FROM es_access"
                " WHERE %s::uuid IS NULL OR subject = %s ORDER BY at",
                (household, household),
            ).fetchall()


class _Stand:
    """Stands for a part of the office that is open: to build an app takes longer than most tests."""

    open: ClassVar[dict[str, Any]] = {}

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self.open[self._part], name)

    def __call__(self, *arguments: Any) -> Any:
        return self.open[self._part](*arguments)


@cache
def _app_of_the_run() -> FastAPI:
    """One app for all tests that want no other: it always serves the office opened last."""
    parts: dict[str, Any] = {
        part: _Stand(part)
        for part in (
            *("pool", "keys", "handler", "households", "reference", "attachments", "documents"),
            *("record", "tokens", "cursors", "limits"),
        )
    }
    return create_app(**parts, today=lambda: TODAY, pending=lambda: (), threads=8, listens_on="127.0.0.1")


@cache
def _codec() -> Codec:
    return Codec(EVENTS, UPCASTERS)


@contextmanager
def opened_office(databases: Databases, directory: Path) -> Iterator[Office]:
    """An office on empty databases; closed on the way out."""
    with ExitStack() as stack:
        pool = stack.enter_context(open_pool(databases.app, size=8))
        keys_pool = stack.enter_context(open_pool(databases.keyring, size=2))
        keys = KeyRing.in_directory(keys_pool, directory, access=access_log(pool))
        store = LaneStore(pool, _codec(), keys)
        chains = Chains(store)
        stack.callback(chains.close)
        projector = Projector(pool, _codec(), ALL)
        households = HouseholdRepository(chains)
        handler = CommandHandler(households, reference())
        attachments = Attachments(pool, keys, access_log(pool))
        documents = Documents(handler, attachments, Numbers(pool))
        office = Office(
            databases,
            pool,
            keys,
            store,
            chains,
            handler.reference,
            households,
            handler,
            CommandBatching(handler),
            projector,
            attachments,
            documents,
            directory,
        )
        _Stand.open = {
            **{field.name: getattr(office, field.name) for field in fields(office)},
            "handler": office.commands,
            "record": access_log(pool),
            "tokens": DevelopmentTokens(directory),
            "cursors": Cursors(directory),
            "limits": RateLimits(),
        }
        yield office


class Watched:
    """ASGI: counts the access records there are at the moment an answer begins."""

    def __init__(self, app: FastAPI, office: Office) -> None:
        self.app = app
        self.office = office
        self.seen: list[int] = []

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def watched(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.seen.append(len(self.office.looks()))
            await send(message)

        await self.app(scope, receive, watched)

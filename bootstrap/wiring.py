"""Wiring (装配): the one place that builds everything an installation runs on; nothing is built at import."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from application.documents.issuing import Documents
from application.handling.command_batching import CommandBatching
from application.handling.command_handler import CommandHandler, HandlesCommands
from application.handling.household_repository import HouseholdRepository
from application.reference.adoption import adopt_shipped, adopted_reference
from application.reference.reference import Reference, publish, shipped
from bootstrap.addresses import Addresses
from bootstrap.database_rights import put_right
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import Settings, as_role
from domain.catalogue import EVENTS, UPCASTERS
from eventstore.access_records import access_log
from eventstore.adapter import Chains
from eventstore.attachments import Attachments, Numbers
from eventstore.events.codec import Codec
from eventstore.keys.keys import KeyRing
from eventstore.postgres.libpq_client import Pool
from eventstore.postgres.pools import SteadyPool, open_pool
from eventstore.sealing.seals import Sealer
from eventstore.sealing.signing import SealKeys
from eventstore.sealing.witness import FileWitness
from eventstore.store import LaneStore
from migrations.distribution import on_citus
from migrations.runner import migrate, pending
from projections.engine.projector import Projector
from projections.registry import ALL

if TYPE_CHECKING:
    from fastapi import FastAPI

CHINA = timezone(timedelta(hours=8))
"""The one time zone of the country, without summer time; no zone database is needed for it."""

SINCE = date(2020, 1, 1)
"""The first day the shipped packs are in force; every value in them is dated by itself."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What one process works with, until it is closed.

    `handler` carries out each command by itself; `commands` is for callers in several threads: the same handler,
    or, where commands are batched, the wrapper that carries out together those that wait at the same time.
    """

    addresses: Addresses
    pool: Pool
    projecting: Pool
    keys: KeyRing
    store: LaneStore
    chains: Chains
    reference: Reference
    households: HouseholdRepository
    handler: CommandHandler
    commands: HandlesCommands
    attachments: Attachments
    documents: Documents

    def projector(self) -> Projector:
        """A projector over all read models; makes the tables of new ones."""
        return Projector(self.projecting, self.store.codec, ALL)

    def caught_up(self) -> None:
        """Bring every read model up to date with the events there are now, beside any workers."""
        projector = self.projector()
        while projector.page().events:
            pass
        projector.switch()


def addresses_told(settings: Settings) -> Addresses | None:
    """The configured addresses; None when the installation uses the embedded server."""
    if settings.database_url is None or settings.keys_url is None:
        return None
    return Addresses(
        settings.database_url,
        settings.keys_url,
        settings.migrations_url or settings.database_url,
        settings.keys_migrations_url or settings.keys_url,
        settings.digest,
    )


def running_addresses(settings: Settings) -> Addresses | None:
    """The addresses of the running databases; starts nothing, and is None while the embedded server does not run."""
    told = addresses_told(settings)
    if told is not None:
        return told
    server = EmbeddedPostgres(settings.home / "postgres")
    return addresses_on(server, settings.digest) if server.running() else None


@contextmanager
def database(settings: Settings) -> Iterator[Addresses]:
    """The databases of the installation while this process uses them.

    The embedded server is started when the installation uses it; the last process to leave stops it.
    """
    told = addresses_told(settings)
    if told is not None:
        yield told
        return
    with embedded(settings) as server:
        for name in ("hulian", "hulian_keys"):
            server.ensure_database(name)
        yield addresses_on(server, settings.digest)


def addresses_on(server: EmbeddedPostgres, digest: str = "sha256") -> Addresses:
    """The addresses of an installation's databases on an embedded server."""
    # With logins of their own, not as the superuser in a role: such a session cannot gain more rights.
    store = server.uri("hulian", user="hulian_app")
    keys = server.uri("hulian_keys", user="hulian_keys")
    owner, keys_owner = server.uri("hulian"), server.uri("hulian_keys")
    sealing = server.uri("hulian", user="hulian_sealer")
    return Addresses(store, keys, owner, keys_owner, digest, sealing)


@contextmanager
def embedded(settings: Settings) -> Iterator[EmbeddedPostgres]:
    """The embedded server, running while any process is in this block; the last process to leave stops it."""
    server = EmbeddedPostgres(settings.home / "postgres")
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "postgres.users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        server.start()
        try:
            yield server
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            # Nobody else holds the lock: nobody uses the server, and a process that starts now waits.
            with suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                server.stop()


def migrated(where: Addresses) -> list[str]:
    """Bring both databases up to date and publish the shipped packs, calendars, regions; the files applied."""
    applied = [f"keys/{number:04d}" for number in migrate(where.keys_owner, "keys")]
    applied += [f"store/{number:04d}" for number in migrate(where.store_owner, "store")]
    with psycopg.connect(where.store_owner, autocommit=True) as connection:
        publish(connection, shipped(files("policy")))
        if where.digest == "sm3":
            connection.execute(
                "UPDATE es_meta SET digest_algorithm = 2 WHERE NOT EXISTS (SELECT 1 FROM es_event)"
            )
    put_right(where)
    return applied


def ready(where: Addresses, key_directory: Path) -> None:
    """Bring the databases up to date unless they are; what a command calls before it opens them."""
    if pending(where.store_owner, "store") or pending(where.keys_owner, "keys"):
        migrated(where)
        adopt(where, key_directory, today())


def today() -> date:
    """The legal day it is now in China; the one clock of days, read at the edge only."""
    return datetime.now(CHINA).date()


@contextmanager
def opened(
    where: Addresses, key_directory: Path, *, pool_size: int = 10, batching: bool = True
) -> Iterator[Installation]:
    """Everything one process needs on migrated databases; closed on the way out.

    `batching` is whether commands that wait at the same time go together; they never do on Citus.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(open_pool(as_role(where.store, "hulian_app"), size=pool_size))
        key_pool = stack.enter_context(open_pool(as_role(where.keys, "hulian_keys"), size=4))
        projecting: Pool = stack.enter_context(
            SteadyPool(as_role(where.store, "hulian_app"), min_size=0, max_size=2, open=True)
        )
        keys = KeyRing.in_directory(key_pool, key_directory, access=access_log(pool))
        store = LaneStore(pool, Codec(EVENTS, UPCASTERS), keys)
        chains = Chains(store)
        stack.callback(chains.close)
        reference = adopted_reference(store, pool)
        households = HouseholdRepository(chains)
        handler = CommandHandler(households, reference)
        commands = CommandBatching(handler) if batching and not _on_citus(pool) else handler
        attachments = Attachments(pool, keys, access_log(pool))
        documents = Documents(handler, attachments, Numbers(pool))
        yield Installation(
            where,
            pool,
            projecting,
            keys,
            store,
            chains,
            reference,
            households,
            handler,
            commands,
            attachments,
            documents,
        )


def _on_citus(pool: Pool) -> bool:
    with pool.connection() as connection:
        return on_citus(connection)


@contextmanager
def migrated_installation(
    where: Addresses, key_directory: Path, *, pool_size: int = 4, batching: bool = True
) -> Iterator[Installation]:
    """An installation brought up to date first, and opened."""
    ready(where, key_directory)
    with opened(where, key_directory, pool_size=pool_size, batching=batching) as installation:
        yield installation


@contextmanager
def sealing(where: Addresses, settings: Settings) -> Iterator[Sealer]:
    """A sealer with the installation's seal keys and, where one is set, its witness."""
    witness = None if settings.witness is None else FileWitness(settings.witness)
    with open_pool(where.sealer, size=2) as pool:
        yield Sealer(pool, SealKeys(settings.key_directory), witness)


def adopt(where: Addresses, key_directory: Path, today: date, approver: str = "system:setup") -> int:
    """Adopt the shipped packs and calendar editions not adopted yet; how many."""
    with opened(where, key_directory, pool_size=2) as installation:
        return adopt_shipped(installation.chains, shipped(files("policy")), today, SINCE, approver)


def api_of(installation: Installation, settings: Settings) -> FastAPI:
    """The API on an opened installation."""
    from api.access.identity import DevelopmentTokens
    from api.app import create_app
    from api.http.paging import Cursors

    where = installation.addresses

    def waiting() -> list[str]:
        return [
            f"{folder}/{number:04d}"
            for url, folder in ((where.store_owner, "store"), (where.keys_owner, "keys"))
            for number in pending(url, folder)
        ]

    return create_app(
        pool=installation.pool,
        keys=installation.keys,
        handler=installation.commands,
        households=installation.households,
        reference=installation.reference,
        attachments=installation.attachments,
        documents=installation.documents,
        record=access_log(installation.pool),
        tokens=DevelopmentTokens(settings.key_directory),
        cursors=Cursors(settings.key_directory),
        today=today,
        pending=waiting,
        threads=settings.pool_size,
    )

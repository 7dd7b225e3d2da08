"""An installation on a test's own databases: migrated, packs adopted, keys in a directory of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from uuid import UUID, uuid5

import psycopg

from application.handling.request import Handled, Request
from bootstrap.addresses import Addresses
from bootstrap.wiring import Installation, adopt, migrated, opened
from domain.household.command import Command
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from tests.database import Databases

SCRIPT = UUID("00000000-0000-5000-8000-0000000000bb")


def addresses_of(databases: Databases) -> Addresses:
    """The addresses of a test's databases, as the wiring wants them."""
    return Addresses(databases.store, databases.keys, databases.store, databases.keys)


@contextmanager
def installed(databases: Databases, directory: Path, *, trial: bool = False) -> Iterator[Installation]:
    """An opened installation, its packs adopted; a trial store takes told times."""
    where = addresses_of(databases)
    migrated(where)
    if trial:
        with psycopg.connect(databases.owner, autocommit=True) as connection:
            connection.execute("SELECT es_make_trial()")
    adopt(where, directory, date(2026, 11, 20))
    with opened(where, directory, pool_size=8) as installation:
        yield installation


def told(
    installation: Installation,
    steps: Sequence[tuple[str, Command]],
    household: HouseholdId | None = None,
    *,
    name: str = "test",
    at: datetime | None = None,
) -> list[Handled]:
    """Each command handled in turn for one household, by `w1` of the organ beside it; deterministic ids."""
    answers: list[Handled] = []
    for n, (organ, command) in enumerate(steps):
        request = Request(uuid5(SCRIPT, f"{name}/{n}"), command, Actor("w1", organ), household, at=at)
        answers.append(installation.handler.handle(request))
        household = answers[-1].household
    return answers

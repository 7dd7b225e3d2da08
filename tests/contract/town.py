"""A town (一地): the sample office's households on a real store, behind an API on a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from api.access.identity import Role
from api.http.limits import Limited, RateLimits
from api.serve import serving
from samples.office import make_office, plan
from samples.office_people import COUNTY
from tests.api.office import TODAY, Office, opened_office
from tests.database import Databases

HOUSEHOLDS = 53
"""One of each kind of life."""

_OFTEN = 1_000_000


@dataclass(frozen=True)
class Town:
    """Where its API is reached, its households, and what is said of nobody in clear."""

    office: Office
    url: str
    households: tuple[UUID, ...]
    secrets: tuple[str, ...]

    def token(self, *roles: Role, region: str = COUNTY) -> str:
        """A token of an officer of the county, or of elsewhere."""
        return self.office.token(region=region, roles=roles or (Role.CASEWORKER,))

    def version(self, household: UUID) -> int:
        """At which version a household stands."""
        return self.office.store.load(household).version


@contextmanager
def opened_town(databases: Databases, directory: Path, households: int = HOUSEHOLDS) -> Iterator[Town]:
    """A town on empty databases; closed on the way out."""
    with psycopg.connect(databases.owner, autocommit=True) as connection:
        connection.execute("SELECT es_make_trial()")
    with opened_office(databases, directory) as office, socket.create_server(("127.0.0.1", 0)) as listening:
        standings = make_office(office.handler, households, today=TODAY)
        office.project()
        families = [planned.family for planned in plan(office.handler, households, today=TODAY)]
        secrets = [
            *(
                str(member[field])
                for family in families
                for member in family.members
                for field in ("name", "id_number")
            ),
            *(text for family in families for text in (family.phone, family.account, family.address)),
        ]
        # how often one may try is another test's business
        app = office.app(limits=RateLimits(dict.fromkeys(Limited, _OFTEN)))
        with serving(app, listening):
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            yield Town(office, url, tuple(each.household for each in standings), tuple(secrets))

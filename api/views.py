"""Views (查询): the read models as one asker may see them, all at one moment, and each look on record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Path, Request
from psycopg import Connection

from api.freshness import await_position
from api.identity import Identity, Reader, reading
from api.looks import Looks
from api.problems import WentOn
from api.reach import reached
from domain.membership import HouseholdUnknown
from eventstore.wire import Pool
from projections.engine.progress import Progress
from projections.engine.walls import read_as
from projections.place import Place

PRIVATE: Final = {"Cache-Control": "private, no-store"}
"""Headers of every answer that is about somebody."""

Reads = Annotated[Reader, Depends(reading)]
HouseholdPath = Annotated[UUID, Path(description="户编号", examples=["00000000-0000-5000-8000-000000000001"])]


class Opened(NamedTuple):
    """A household somebody may see: a connection to read it with, the position of what is read, where it lives."""

    connection: Connection[Any]
    position: str
    place: Place


class Views:
    """Where every read of the read models goes through."""

    def __init__(self, pool: Pool, looks: Looks, progress: Progress) -> None:
        self._pool = pool
        self._progress = progress
        self.looks = looks

    @contextmanager
    def of_one(
        self,
        reader: Reader,
        household: UUID,
        projections: tuple[str, ...],
        seen: str | None,
        *,
        past: bool = False,
    ) -> Iterator[Opened]:
        """Read one household, up to the position asked for; `past` also one that went on in another.

        Raises `HouseholdUnknown`, on record, for one there is not and for one outside the reader's area alike,
        and `WentOn` with the way to the other household.
        """
        await_position(self._progress, projections, seen)
        with self._pool.connection() as connection, _at_one_moment(connection, reader.identity):
            found = reached(connection, reader.identity, household, projections)
            if found is not None and (past or found.place.joined_into is None):
                yield Opened(connection, found.position, found.place)
                return
        # after the connection is given back: whoever records needs one, too
        if found is not None:
            self.looks.at(reader, household, "joined-into")
            raise WentOn(household=found.place.joined_into)
        self.looks.refused(reader.identity, household, reader.purpose)
        raise HouseholdUnknown

    @contextmanager
    def of_area(
        self, identity: Identity, projections: tuple[str, ...], seen: str | None
    ) -> Iterator[Connection[Any]]:
        """Read what lies in the identity's area, up to the position asked for."""
        await_position(self._progress, projections, seen)
        with self._pool.connection() as connection, _at_one_moment(connection, identity):
            yield connection


def next_page(request: Request, cursor: str | None) -> dict[str, str]:
    """The `Link` header to the next page, if there is one."""
    if cursor is None:
        return {}
    query = urlencode({**request.query_params, "cursor": cursor})
    return {"Link": f'<{request.url.path}?{query}>; rel="next"'}


@contextmanager
def _at_one_moment(connection: Connection[Any], identity: Identity) -> Iterator[None]:
    """All statements of the block see the read models at one moment, as a reader of the identity's area."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        read_as(connection, identity.region)
        yield
    finally:
        # a rollback would have psycopg forget, and make again, every statement prepared on the connection
        if not connection.broken:
            connection.execute("COMMIT")

"""Views (查询): the read models as one asker may see them, all at one moment, and each look on record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Path, Request
from psycopg import Connection
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool

from api.access.access_log import Looks, not_recorded
from api.access.area_scope import reached
from api.access.identity import NATION, Identity, Reader, reading
from api.http.freshness import await_position
from api.http.problems import WentOn
from domain.guards.registered import HouseholdUnknown
from eventstore.postgres.libpq_client import Broken, Call, Pool, Row, run_pipeline, run_pipeline_async
from projections.engine.progress import Progress
from projections.engine.row_security import begin_as, reading_as
from projections.household_location import Place, placed, placing

PRIVATE: Final = {"Cache-Control": "private, no-store"}
"""Headers of every answer that is about somebody."""

_MOVED: Final = "joined-into"

Reads = Annotated[Reader, Depends(reading)]
HouseholdPath = Annotated[UUID, Path(description="户编号", examples=["00000000-0000-5000-8000-000000000001"])]


class Opened(NamedTuple):
    """A household somebody may see: a connection to read it with, the position of what is read, where it lives."""

    connection: Connection[Any]
    position: str
    place: Place


class Answered(NamedTuple):
    """What was read of a household at once: the rows of each call, and the position they stand at."""

    rows: list[list[Row]]
    position: str


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
            self.looks.at(reader, household, _MOVED)
            raise WentOn(household=found.place.joined_into)
        self.looks.refused(reader.identity, household, reader.purpose)
        raise HouseholdUnknown

    async def at_once(
        self,
        reader: Reader,
        household: UUID,
        projections: tuple[str, ...],
        seen: str | None,
        asked: Sequence[Call],
        what: str,
        *,
        past: bool = False,
    ) -> Answered:
        """What `of_one` reads with these calls, and the look at it on record as `what`: all in one round trip.

        The record is written in the transaction that reads, and that is durable before this answers. Raises as
        `of_one`, and `LookNotRecorded`. No thread waits for the database meanwhile.
        """
        if seen is not None:
            await run_in_threadpool(await_position, self._progress, projections, seen)
        identity = reader.identity
        record = self.looks.beside(reader, household)
        calls = [
            reading_as(identity.region),
            placing(household, projections, what, None if past else _MOVED),
            *asked,
            *record,
        ]
        try:
            _, place_rows, *rows = await self._soon(calls, writes=bool(record))
        except Broken as broken:
            error = broken.__cause__
            if broken.call >= len(calls) - len(record):
                raise not_recorded(error) from None
            assert error is not None
            raise error from None
        place = placed(place_rows, household)
        if place is None or identity.region not in (NATION, *place.codes):
            if record:
                self.looks.told_refused(identity, household, reader.purpose)
            else:
                await run_in_threadpool(self.looks.refused, identity, household, reader.purpose)
            raise HouseholdUnknown
        gone = place.joined_into is not None and not past
        if not record:
            await run_in_threadpool(self.looks.at, reader, household, _MOVED if gone else what)
        if gone:
            raise WentOn(household=place.joined_into)
        return Answered(rows[: len(asked)], f"{place.lane}:{place.position}")

    async def _soon(self, calls: Sequence[Call], *, writes: bool) -> list[list[Row]]:
        try:
            return await run_pipeline_async(self._pool, calls, writes=writes)
        except PoolTimeout:
            # waits for a connection as every other read, and has the pool grow
            return await run_in_threadpool(run_pipeline, self._pool, calls, writes=writes)

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
    begin_as(connection, identity.region)
    try:
        yield
    finally:
        # a rollback would have psycopg forget, and make again, every statement prepared on the connection
        if not connection.broken:
            connection.execute("COMMIT")

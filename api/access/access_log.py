"""Looks (查阅): every time somebody sees a household's data, that is on record before they see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Final
from uuid import UUID

import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from psycopg_pool import PoolClosed, PoolTimeout
from starlette.concurrency import run_in_threadpool

from api.access.identity import Identity, Purpose, Reader
from api.http.problems import Denied, Problem, told
from application.reference.reference import jurisdiction_stream
from domain.values.private import Private
from eventstore.access_records import Access, AccessLog
from eventstore.keys.keys import KeyRing
from eventstore.postgres.libpq_client import Call

Recorder = Callable[[Sequence[Access]], None]
"""Writes access records durably before it returns: `eventstore.access_records.access_log`."""

Privates = Sequence[Private[str] | None]

REFUSED: Final = "refused"
"""What stands in an access record in place of what was seen, when nothing was shown."""

_UNSAID: Final = "not-stated"

_log = structlog.stdlib.get_logger(__name__)


class LookNotRecorded(Problem):
    """查阅记录未能保存，因此不能显示家庭信息。请稍后重试。"""

    status = 503
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class Looks:
    """The one way from stored rows to what somebody is shown; raises `LookNotRecorded`, and then shows nothing."""

    def __init__(self, keys: KeyRing, record: Recorder) -> None:
        self._keys = keys
        self._record = record

    def at(self, reader: Reader, household: UUID, *what: str) -> None:
        """Record a look at one household in which no sealed value is opened; `what` names what was seen."""
        self.at_each(reader, [household], *what)

    def at_each(self, reader: Reader, households: Sequence[UUID], *what: str) -> None:
        """The same for several households, a record each."""
        self._note(reader.identity, reader.purpose, households, what)

    def over(self, reader: Reader, region: str, *what: str) -> None:
        """Record a look over a whole area (`cn`: everywhere), on the jurisdiction itself.

        For what is not about known households: a search that may find nothing, a stream of changes.
        """
        self._note(reader.identity, reader.purpose, [jurisdiction_stream(region)], what)

    def into(self, reader: Reader, household: UUID, privates: Privates, *what: str) -> list[str | None]:
        """The clear values of one household, recorded with whatever else is seen of it."""
        return self.through(reader, [(household, privates)], *what)[0]

    def through(
        self,
        reader: Reader,
        groups: Sequence[tuple[UUID, Privates]],
        *what: str,
        ground: str | None = None,
    ) -> list[list[str | None]]:
        """The clear values of a page of households, a record each; also of those with nothing sealed.

        `what` names what else is seen with them. `ground` is said beside the purpose where somebody must say why.
        """
        identity = reader.identity
        purpose = str(reader.purpose) if ground is None else f"{reader.purpose}: {ground}"
        plain = [household for household, privates in groups if not any(privates)]
        self._note(identity, purpose, plain, what or ("card",))
        with _recorded():
            return self._keys.reveal_many(
                groups, purpose=purpose, actor=identity.officer, organ=identity.organ, beside=what
            )

    def beside(self, reader: Reader, household: UUID) -> Sequence[Call]:
        """The record of a look at one household as calls that end the transaction of what is read.

        The transaction itself says what was seen (`projections.household_location.placing`); nothing: somebody asked
        for a household and is shown nothing. Empty where records are not written beside what is read: then `at` is
        to be asked afterwards.
        """
        if not isinstance(self._record, AccessLog):
            return ()
        identity = reader.identity
        return self._record.beside(
            Access(household, identity.officer, identity.organ, reader.purpose, (REFUSED,))
        )

    def told_refused(self, identity: Identity, household: UUID, purpose: str) -> None:
        """Say in the log what is on record already: somebody asked for a household and was shown nothing."""
        _log.warning(
            "not shown", household=str(household), officer=identity.officer, organ=identity.organ,
            region=identity.region, purpose=purpose,
        )  # fmt: skip

    def in_passing(self, identity: Identity, household: UUID, purpose: str, *what: str) -> None:
        """Record what somebody is told of a household they did not ask to look at."""
        self._note(identity, purpose, [household], what)

    def refused(self, identity: Identity, household: UUID, purpose: str) -> None:
        """Record that somebody asked for a household and was shown nothing."""
        self._note(identity, purpose, [household], (REFUSED,))
        self.told_refused(identity, household, purpose)

    def _note(
        self, identity: Identity, purpose: str, households: Sequence[UUID], what: tuple[str, ...]
    ) -> None:
        with _recorded():
            self._record(
                [
                    Access(household, identity.officer, identity.organ, purpose, what)
                    for household in households
                ]
            )


def handle_denied(app: FastAPI, looks: Looks) -> None:
    """Answer what is denied as a problem, recorded first when it was about one household."""

    async def denied(request: Request, error: Exception) -> Response:
        assert isinstance(error, Denied)
        identity: Identity | None = getattr(request.state, "identity", None)
        household = _uuid(request.path_params.get("household"))
        if identity is not None and household is not None:
            said = request.headers.get("X-Purpose")
            # another word may be anything somebody typed, and is not written down
            purpose = said if said in set(Purpose) else _UNSAID
            try:
                await run_in_threadpool(looks.refused, identity, household, purpose)
            except LookNotRecorded as lost:
                return told(lost)
        return told(error)

    app.add_exception_handler(Denied, denied)


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


@contextmanager
def _recorded() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, PoolTimeout, PoolClosed) as error:
        raise not_recorded(error) from None


def not_recorded(error: BaseException | None) -> LookNotRecorded:
    """What is raised where a record could not be written; said in the log."""
    _log.error("look not recorded", error=type(error).__name__)
    return LookNotRecorded()

"""Looks (查阅): every time somebody sees a household's data, that is on record before they see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import PoolClosed, PoolTimeout

from api.identity import Reader
from api.problems import Problem
from domain.private import Private
from eventstore.access import Access
from eventstore.keys import KeyRing

Recorder = Callable[[Sequence[Access]], None]
"""Writes access records durably before it returns: `eventstore.access.access_log`."""

Privates = Sequence[Private[str] | None]

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
        self._note(reader, [household], what)

    def into(self, reader: Reader, household: UUID, privates: Privates) -> list[str | None]:
        """The clear values of one household, recorded."""
        return self.through(reader, [(household, privates)])[0]

    def through(self, reader: Reader, groups: Sequence[tuple[UUID, Privates]]) -> list[list[str | None]]:
        """The clear values of a page of households, a record each; also of those with nothing sealed."""
        identity = reader.identity
        plain = [household for household, privates in groups if not any(privates)]
        self._note(reader, plain, ("card",))
        with _recorded():
            return self._keys.reveal_many(
                groups, purpose=reader.purpose, actor=identity.officer, organ=identity.organ
            )

    def _note(self, reader: Reader, households: Sequence[UUID], what: tuple[str, ...]) -> None:
        identity = reader.identity
        with _recorded():
            self._record(
                [
                    Access(household, identity.officer, identity.organ, reader.purpose, what)
                    for household in households
                ]
            )


@contextmanager
def _recorded() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, PoolTimeout, PoolClosed) as error:
        _log.error("look not recorded", error=type(error).__name__)
        raise LookNotRecorded from None

"""Verification of a restored installation (恢复核对): the digests of events, the sealed values, the rights of roles."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psycopg

from bootstrap.addresses import Addresses
from bootstrap.cli.progress import progress
from bootstrap.settings import SettingsFault, as_role
from bootstrap.wiring import Installation, opened
from eventstore.events.digest import digest
from eventstore.events.recorded import Recorded

PAGE = 1_000
SOME = 4
"""How many events at each end of a lane are verified unless all are."""

_ALGORITHM = "SELECT digest_algorithm FROM es_meta"
_RIGHTS = """
SELECT has_database_privilege('hulian_app', current_database(), 'CREATE'),
       NOT has_table_privilege('hulian_app', 'es_event', 'INSERT'),
       has_function_privilege(
           'hulian_app', 'es_record_access(smallint[], uuid[], uuid[], text[], text[], text[], text[])', 'EXECUTE'),
       pg_has_role('hulian_app', 'hulian_reader', 'MEMBER')
"""


class Verified(NamedTuple):
    """How many digests were computed anew, and how many sealed values opened."""

    digests: int
    opened: int


class DigestWrong(SettingsFault):
    """An event does not have the digest it was recorded with."""

    code = "digest-wrong"


class RightsWrong(SettingsFault):
    """A role lacks a right that it needs, or has one that it must not have."""

    code = "rights-wrong"


def verify(where: Addresses, key_directory: Path, *, everything: bool) -> Verified:
    """Verify every event, or the first and last of each lane, and open their sealed values.

    Raises `DigestWrong`, `RightsWrong`, and `WrongKey` for a value that does not open.
    """
    with psycopg.connect(as_role(where.store, "hulian_app"), autocommit=True) as connection:
        rights = connection.execute(_RIGHTS).fetchone()
        row = connection.execute(_ALGORITHM).fetchone()
    assert row is not None
    if rights != (True, True, True, True):
        raise RightsWrong("应用角色 hulian_app 的权限不对，请执行 hulian doctor。")
    digests = values = 0
    with opened(where, key_directory, pool_size=2) as installation, progress("核对事件摘要") as tell:
        heads = installation.store.heads()
        for lane, head in sorted(heads.items()):
            after = 0
            while after < head:
                page = installation.store.read(lane, after, PAGE if everything else SOME)
                _require_digests(page, row[0])
                values += _opened(installation, page)
                digests += len(page)
                after = page[-1].position
                if not everything:
                    after = max(after, head - SOME) if after < head - SOME else after
                tell(lane, len(heads))
    return Verified(digests, values)


def _require_digests(page: Iterable[Recorded], algorithm: int) -> None:
    for each in page:
        fields = (each.event_id.bytes, each.originator_id.bytes, each.originator_version, each.name)
        rest = (each.effective_on, each.meta_bytes, each.data, each.private)
        if digest(algorithm, *fields, *rest) != each.digest:
            raise DigestWrong(
                f"通道 {each.lane} 位置 {each.position} 的事件与其摘要不符，请勿使用，并报告安全管理员。"
            )


def _opened(installation: Installation, page: Iterable[Recorded]) -> int:
    codec = installation.store.codec
    sealed = [
        (private.owner, private.kind, private.token)
        for each in page
        if each.private is not None
        for private in codec.encode(each.event).privates
        if private.token is not None
    ]
    return sum(clear is not None for clear in installation.keys.open_many(sealed))

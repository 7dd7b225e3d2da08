"""Our read models under the bench: forgotten before a round, audited after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from bench.rows import AuditFailed
from projections.registry import ALL


def forget_ours(store: str) -> None:
    """Have no read model and no checkpoint."""
    with psycopg.connect(store, autocommit=True) as connection:
        for (name,) in connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'read\\_%'"
        ).fetchall():
            connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(name)))
        connection.execute("TRUNCATE read_model, read_checkpoint, read_parked")


def audit_ours(store: str, events: int, before: Mapping[str, int], version: int = 0) -> dict[str, int]:
    """The rows of all live read models: each stands at the head of every lane, every event of a household is a
    step of its chain, nobody is parked, and all rounds leave the same number of rows.

    `version` is how far they must be above their version in the registry. Raises `AuditFailed`.
    """
    with psycopg.connect(store, autocommit=True) as connection:
        stand: dict[str, Any] = dict(
            connection.execute(
                "SELECT c.projection || ' ' || c.version, sum(position) FROM read_checkpoint c"
                " JOIN es_lane USING (lane, position) WHERE c.live GROUP BY 1"
            ).fetchall()
        )
        heads = _one(connection, "SELECT sum(position) FROM es_lane")
        parked = _one(connection, "SELECT count(*) FROM read_parked")
        rows = {}
        for projection in ALL:
            for table in projection.tables:
                place = Identifier(f"read_{projection.name}", table.name)
                rows[f"{projection.name}.{table.name}"] = _one(
                    connection, SQL("SELECT count(*) FROM {}").format(place)
                )
    expected = {f"{projection.name} {projection.version + version}": heads for projection in ALL}
    if stand != expected or parked:
        raise AuditFailed(f"{heads} events, projected {stand}, {parked} parked")
    if rows.get("chain.step") != events or (before and rows != dict(before)):
        raise AuditFailed(f"{events} events, rows {rows}, before {dict(before)}")
    return rows


def _one(connection: psycopg.Connection[Any], query: Any) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]

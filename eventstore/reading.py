"""The statements by which the store reads: one round trip each, every one by lane."""

from __future__ import annotations

from typing import Final

from eventstore.events.recorded import COLUMNS
from eventstore.postgres.libpq_client import Statement

LOAD: Final = Statement(
    "es_load",
    f"""
    SELECT {COLUMNS}, (SELECT s.state FROM es_stream s WHERE s.lane = $2::smallint AND s.stream_id = $3::uuid)
    FROM es_event e
    WHERE e.lane = $2::smallint AND e.stream_id = $3::uuid AND e.version > $1::integer
    ORDER BY e.version
    """,
)
BRIEF: Final = Statement(
    "es_brief",
    """
    SELECT e.version, e.name, e.data, e.private, e.effective_on IS NOT NULL
    FROM es_event e
    WHERE e.lane = $2::smallint AND e.stream_id = $3::uuid AND e.version > $1::integer
    ORDER BY e.version
    """,
)
BRIEFS: Final = Statement(
    "es_briefs",
    """
    SELECT e.stream_id, e.version, e.name, e.data, e.private, e.effective_on IS NOT NULL
    FROM unnest($1::smallint[], $2::uuid[]) AS u (lane, stream_id)
    JOIN es_event e ON e.lane = u.lane AND e.stream_id = u.stream_id
    ORDER BY e.lane, e.stream_id, e.version
    """,
)
LOAD_KNOWN_AT: Final = Statement(
    "es_load_known_at",
    f"""
    SELECT {COLUMNS}, s.version, s.state
    FROM es_stream s
    LEFT JOIN es_event e ON e.lane = s.lane AND e.stream_id = s.stream_id AND e.version > $1::integer
                        AND e.recorded_at <= $4::timestamptz
    WHERE s.lane = $2::smallint AND s.stream_id = $3::uuid
    ORDER BY e.version
    """,
)
SLICE, SLICE_DOWN = (
    Statement(
        name,
        f"""
        SELECT {COLUMNS} FROM es_event e
        WHERE e.lane = $1::smallint AND e.stream_id = $2::uuid
          AND e.version > $3::integer AND e.version <= $4::integer
        ORDER BY e.version {direction} LIMIT $5::bigint
        """,
    )
    for name, direction in (("es_slice", "ASC"), ("es_slice_down", "DESC"))
)
READ: Final = Statement(
    "es_read",
    f"""
    SELECT {COLUMNS} FROM es_event e
    WHERE e.lane = $1::smallint AND e.position > $2::bigint ORDER BY e.position LIMIT $3::bigint
    """,
)
READ_MANY: Final = Statement(
    "es_read_many",
    f"""
    SELECT r.* FROM unnest($1::smallint[], $2::bigint[]) AS c (lane, position)
    JOIN es_lane h ON h.lane = c.lane AND h.position > c.position
    CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM es_event e
        WHERE e.lane = c.lane AND e.position > c.position ORDER BY e.position LIMIT $3::bigint) r
    LIMIT $3::bigint
    """,
)
FIND: Final = Statement(
    "es_find",
    """
    SELECT DISTINCT owner FROM es_index i
    JOIN unnest($1::smallint[], $2::smallint[], $3::bytea[]) AS u (lane, key_version, blind)
         USING (lane, key_version, blind)
    WHERE i.kind = $4::text ORDER BY owner
    """,
)
FIND_EACH: Final = Statement(
    "es_find_each",
    """
    SELECT DISTINCT u.n, i.owner FROM es_index i
    JOIN unnest($1::smallint[], $2::smallint[], $3::bytea[], $4::integer[]) AS u (lane, key_version, blind, n)
         USING (lane, key_version, blind)
    WHERE i.kind = $5::text
    """,
)
ASKED: Final = Statement(
    "es_asked",
    """
    SELECT c.command_id, c.request_hash FROM es_command c
    JOIN unnest($1::smallint[], $2::uuid[]) AS u (lane, command_id) USING (lane, command_id)
    """,
)
META: Final = Statement("es_meta", "SELECT store_id, trial, digest_algorithm, lanes FROM es_meta")
HEADS: Final = Statement("es_heads", "SELECT lane, position FROM es_lane")
CUT: Final = Statement("es_take_cut", "SELECT * FROM es_take_cut($1::uuid, $2::text)")
FORGET: Final = Statement("es_forget", "SELECT es_forget($1::uuid)")
ERASE: Final = Statement("es_erase_stream", "SELECT es_erase_stream($1::smallint, $2::uuid)")

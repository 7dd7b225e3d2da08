"""Scale-out (横向扩展): whether a schema can be spread over lanes, and the one step that spreads it on Citus.

The rules are those of `docs/scale-out.md`: whatever belongs to a stream lies in its lane, and nothing rests on what
only one server can give (a sequence, a trigger, a lock of its own).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from psycopg import Connection

REFERENCE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "public.es_meta": "one row about the store",
        "public.es_cut": "a cut is of all lanes",
        "public.es_checkpoint": "a signed checkpoint is of all lanes",
        "public.hulian_migration": "what was applied to the schema",
        "public.read_model": "which read models there are",
        "public.ref_calendar": "calendar editions, by content",
        "public.ref_pack": "packs, by content",
        "public.ref_region": "the register of regions",
        "read_statistics.day_count": "figures of all lanes, merged at a cut",
        "read_statistics.figure": "figures of all lanes, merged at a cut",
        "read_statistics.merged": "which cuts were merged",
    }
)
"""Tables that belong to no stream, and why; on Citus every node holds them whole."""

OF_ONE_LANE: Final = ("es_put_attachment", "es_take_number")
"""Functions that touch no lane but `p_lane`: on Citus they run where the lane lies, also within a transaction."""

DELEGATED: Final = (*OF_ONE_LANE, "es_append", "es_answer")
"""Functions that on Citus are sent to where `p_lane` lies. `es_append` and `es_answer` mostly stay in it, but a command
of several households, its claims and its index entries lie in other lanes too, so that they are not held to it."""

SHARDS: Final = 32
"""Shards the 256 lanes are put into; the number of lanes is for ever, this one is not."""

_ROW_OF_ALL = "public.es_lane"

FORBIDDEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        r"\b(nextval|currval|lastval|setval)\s*\(": "序列有空号，在多台服务器上也没有次序",
        r"\bpg_(try_)?advisory_\w+\s*\(": "咨询锁只在一台服务器上有效，应锁定一行",
        r"\b(NOTIFY|LISTEN)\s+\w|\bpg_notify\s*\(": "通知（NOTIFY）只在一台服务器上听得到",
        r"\bLOCK\s+TABLE\b": "表锁使所有写入排队",
        r"\btxid_\w+\s*\(|\bpg_\w*xact\w*\s*\(|\bpg_(?!export_)\w*snapshot\w*\s*\(|\bxid8\b|\bxmin\b": (
            "各服务器的事务号互不相干，不能用来排序"
        ),
        r"\bMERGE\s+INTO\b": "MERGE 不能用于分布的表",
        r"\bDO\s+UPDATE\s+SET\b[^;]*\b(now|clock_timestamp|random|gen_random_uuid)\s*\(": (
            "ON CONFLICT 中不能取当前时间或随机值，应由程序给出"
        ),
        r"\bEXISTS\s*\(\s*SELECT\s+FROM\b": "EXISTS 中的查询须有列，否则 Citus 不能分发",
    }
)
"""What no statement of the program may say, and why."""

_TABLES = """
SELECT n.nspname || '.' || t.relname, t.relkind::text, t.relispartition,
       (SELECT format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN '' ELSE ' NULL' END
        FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'lane' AND NOT a.attisdropped),
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary),
       (SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_attribute a
        WHERE a.attrelid = t.oid AND a.attnum > 0 AND (a.attidentity <> '' OR a.attgenerated <> ''))
FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE t.relkind IN ('r', 'p', 'f', 'm', 'S') AND n.nspname !~ '^(pg_|information_schema$)'
ORDER BY 1
"""
_UNIQUE = """
SELECT n.nspname || '.' || t.relname, c.relname,
       (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = i.indkey[0])
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE (i.indisunique OR i.indisexclusion) AND n.nspname !~ '^(pg_|information_schema$)'
ORDER BY 1, 2
"""
_FOREIGN = """
SELECT k.conrelid::regclass::text, k.conname,
       EXISTS (SELECT 1 FROM pg_attribute a
               WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) AND a.attname = 'lane'),
       n.nspname || '.' || f.relname
FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace n ON n.oid = f.relnamespace
WHERE k.contype = 'f' ORDER BY 1, 2
"""
_TRIGGERS = """
SELECT g.tgrelid::regclass::text, g.tgname FROM pg_trigger g WHERE NOT g.tgisinternal
UNION ALL
SELECT r.ev_class::regclass::text, r.rulename FROM pg_rewrite r JOIN pg_class t ON t.oid = r.ev_class
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE r.rulename <> '_RETURN' AND n.nspname !~ '^(pg_|information_schema$)'
UNION ALL
SELECT 'the database', evtname FROM pg_event_trigger
ORDER BY 1, 2
"""
_FUNCTIONS = """
SELECT n.nspname || '.' || p.proname, p.prosrc, p.prosecdef,
       coalesce(array_to_string(p.proconfig, ' '), ''), p.oid::regprocedure::text,
       (SELECT array_agg(format_type(u.kind, NULL) ORDER BY u.at)
        FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (kind, at))
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^(pg_|information_schema$)'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1, 5
"""
_EXTENSIONS = "SELECT extname FROM pg_extension WHERE extname NOT IN ('plpgsql', 'citus', 'citus_columnar')"
_HAS_CITUS = "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')"
_SPREAD = """
SELECT n.nspname || '.' || t.relname
FROM pg_dist_partition d JOIN pg_class t ON t.oid = d.logicalrelid JOIN pg_namespace n ON n.oid = t.relnamespace
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the schema that could not be spread: where it is, and why not."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def faults(connection: Connection[Any]) -> list[Fault]:
    """What stands in the way of spreading this database over servers by lanes; none when it is ready."""
    return [
        *_tables(connection),
        *_keys(connection),
        *(Fault(f"{table}: {name}", "触发器与规则不能分布") for table, name in connection.execute(_TRIGGERS)),
        *_functions(connection),
        *(Fault(name, "不使用扩展") for (name,) in connection.execute(_EXTENSIONS)),
    ]


def said_wrong(text: str) -> list[str]:
    """What a statement says that no statement of the program may say; the reasons."""
    plain = re.sub(r"--[^\n]*", "", text)
    return [why for pattern, why in FORBIDDEN.items() if re.search(pattern, plain, re.IGNORECASE)]


def distribute(connection: Connection[Any], shards: int = SHARDS) -> str:
    """The statements that spread this database on Citus, to be run once on the coordinator.

    On a database that is spread already: those for the tables that came since, as when a read model is rebuilt.
    """
    spread = _spread_already(connection)
    lanes: list[str] = []
    whole: list[str] = []
    for table, kind, partition, lane, _, _ in connection.execute(_TABLES).fetchall():
        if kind == "r" and not partition and table not in spread:
            (whole if lane is None else lanes).append(table)
    lines = [
        "-- Run once, on the coordinator, by the owner; every node needs CREATE EXTENSION citus and is added first.",
        "-- Best before there are events: rows that are there already are moved to their nodes by the same calls.",
        "",
        *(f"SELECT create_reference_table('{table}');" for table in whole),
    ]
    if _ROW_OF_ALL in lanes:
        lanes.remove(_ROW_OF_ALL)
        lines.append(
            f"SELECT create_distributed_table('{_ROW_OF_ALL}', 'lane', shard_count => {shards},"
            " colocate_with => 'none');"
        )
    lines += [
        f"SELECT create_distributed_table('{table}', 'lane', colocate_with => '{_ROW_OF_ALL}');"
        for table in lanes
    ]
    if not spread:
        lines += [
            f"SELECT create_distributed_function('{name}({', '.join(kinds)})', 'p_lane',"
            f" colocate_with => '{_ROW_OF_ALL}', force_delegation => {str(_bare(name) in OF_ONE_LANE).lower()});"
            for name, kinds in _delegated(connection)
        ]
        lines += [
            "SELECT truncate_local_data_after_distributing_table('public.es_lane');",
            "ALTER ROLE hulian_app SET citus.propagate_set_commands = 'local';",
            "ALTER ROLE hulian_reader SET citus.propagate_set_commands = 'local';",
        ]
    return "\n".join(lines) + "\n"


def on_citus(connection: Connection[Any]) -> bool:
    """Whether this database lies on Citus: then its lanes may lie on several servers."""
    row = connection.execute(_HAS_CITUS).fetchone()
    return row is not None and bool(row[0])


def _spread_already(connection: Connection[Any]) -> set[str]:
    return {table for (table,) in connection.execute(_SPREAD)} if on_citus(connection) else set()


def _delegated(connection: Connection[Any]) -> Iterator[tuple[str, Sequence[str]]]:
    for name, _, _, _, _, kinds in connection.execute(_FUNCTIONS).fetchall():
        if _bare(name) in DELEGATED:
            yield name, kinds


def _bare(name: str) -> str:
    """A function's name without the schema all of ours lie in."""
    return name.removeprefix("public.")


def _tables(connection: Connection[Any]) -> Iterator[Fault]:
    for table, kind, partition, lane, keyed, made in connection.execute(_TABLES).fetchall():
        if kind == "S":
            yield Fault(table, "序列在多台服务器上没有次序")
        elif kind in ("p", "m", "f") or partition:
            yield Fault(table, "不使用分区表、物化视图与外部表")
        elif table not in REFERENCE:
            if lane is None:
                yield Fault(table, "没有 lane 列，也不在各节点共有的表之列")
            elif lane != "smallint":
                yield Fault(table, f"lane 列应为 smallint NOT NULL，实为 {lane}")
        elif lane is not None:
            yield Fault(table, "有 lane 列，却列在各节点共有的表中")
        if kind == "r" and not keyed:
            yield Fault(table, "没有主键")
        yield from (Fault(f"{table}.{column}", "不使用自增列与生成列") for column in made)


def _keys(connection: Connection[Any]) -> Iterator[Fault]:
    for table, index, first in connection.execute(_UNIQUE).fetchall():
        if table not in REFERENCE and first != "lane":
            yield Fault(f"{table}: {index}", "唯一索引须以 lane 开头")
    for table, name, by_lane, other in connection.execute(_FOREIGN).fetchall():
        if not by_lane and other not in REFERENCE:
            yield Fault(f"{table}: {name}", "外键须含 lane")


def _functions(connection: Connection[Any]) -> Iterator[Fault]:
    for name, body, definer, settings, signature, _ in connection.execute(_FUNCTIONS).fetchall():
        yield from (Fault(signature, why) for why in said_wrong(body))
        if definer and "search_path=" not in settings:
            yield Fault(signature, "SECURITY DEFINER 函数须固定 search_path")
        if _bare(name) in DELEGATED and "p_lane" not in body:
            yield Fault(signature, "委派到节点执行的函数须按 p_lane 定位")

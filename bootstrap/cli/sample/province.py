"""`hulian sample province` (样例省): a trial installation of its own with a seeded province of any size.

Several processes append to some lanes each, one batch in a transaction. When the command was stopped, the same command
continues where it was; when it was complete, the same command adds nothing.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from application.reference.adoption import adopt_shipped, adopted_reference
from application.reference.reference import publish, shipped
from bootstrap.addresses import Addresses
from bootstrap.cli.options import print_json
from bootstrap.cli.progress import progress
from bootstrap.cli.sample.office import sample_store
from bootstrap.settings import Settings, as_role
from bootstrap.trial_store import ADOPTED_ON
from bootstrap.wiring import SINCE, Installation, opened
from domain.values.refusals import Refusal, Told
from samples.province import Batch, Province, Wish, model_pack
from samples.province_lives import KINDS

if TYPE_CHECKING:
    from eventstore.postgres.libpq_client import Pool

HOME = "province"
"""The folder of the sample province's own installation, below the data directory."""
ASKED = 5_000
"""How many batches are looked for in one statement."""

Tell = Callable[[int, int], None]
"""Takes how much is done, and how much there is in all."""


class AnotherProvince(Refusal):
    """该库中已有另一套样例（户数、事实数、种子、日期或者程序版本不同）；请用 HULIAN_HOME 另设数据目录，
    或者沿用原来的选项。"""


class ProcessFailed(Told):
    """写入样例的进程出错：{reason}"""


@dataclass(frozen=True, slots=True)
class ProvinceRequest:
    """Which province, by how many processes, and whether its read models are built."""

    province: Wish
    processes: int
    projections: bool = True
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a run: events and households new in it, seconds, and how many events it holds in all."""

    events: int
    households: int
    seconds: float
    total: int


def sample_province(settings: Settings, request: ProvinceRequest) -> None:
    """Make the province, or what is missing of it, build its read models, and print a summary.

    Without configured databases it is an installation of its own in `<home>/province`. Raises `NotForSamples`,
    `AnotherProvince`, `EventsOutOfReach`, `ProvinceFaulty`.
    """
    own = settings if settings.database_url else settings.model_copy(update={"home": settings.home / HOME})
    with sample_store(own) as installation:
        where, keys = installation.addresses, own.key_directory
        province = province_of(installation, request.province)
        with progress("写入事实", quiet=request.as_json) as tell:
            filled = fill(installation, keys, province, request.processes, tell)
        projecting = 0.0
        if request.projections:
            with progress("建立读模型", quiet=request.as_json) as tell:
                projecting = project(installation, keys, request.processes, tell)
            _analysed(where, installation.pool)
    if request.as_json:
        print_json(_json(province, filled, projecting, own.home))
    else:
        _show(province, filled, projecting, None if settings.database_url else own.home)


def province_of(installation: Installation, wish: Wish) -> Province:
    """The province wished, as it is decided by the rules in force in this installation."""
    return Province(wish, installation.reference, model_pack(shipped(files("policy")).packs))


def fill(
    installation: Installation, key_directory: Path, province: Province, processes: int, tell: Tell
) -> Filled:
    """Append every missing household with so many processes. Raises as `sample_province`."""
    batches = list(province.batches())
    todo = _missing(installation, province, batches)
    _adopted(installation, province)
    began, done, new, households = time.monotonic(), len(batches) - len(todo), 0, 0
    tell(done, len(batches))
    shares = [[batch for batch in todo if batch.lane % processes == n] for n in range(processes)]
    tasks = [
        (_append, (installation.addresses, key_directory, province.wish, share)) for share in shares if share
    ]
    for events, count in _in_processes(tasks):
        new, households, done = new + events, households + count, done + 1
        tell(done, len(batches))
    return Filled(new, households, time.monotonic() - began, province.events)


def project(installation: Installation, key_directory: Path, processes: int, tell: Tell) -> float:
    """Bring every read model up to date with so many processes; returns how many seconds it took."""
    installation.projector()  # makes the tables of new ones, once
    with installation.pool.connection() as connection:
        total, stand = (int(n) for n in connection.execute(_STAND).fetchone() or (0, 0))
    began, done = time.monotonic(), 0
    tell(stand, total)
    tasks = [(_project, (installation.addresses, key_directory)) for _ in range(processes)]
    for events, _ in _in_processes(tasks):
        done += events
        tell(min(stand + done, total), total)
    installation.caught_up()
    tell(total, total)
    return time.monotonic() - began


_STAND = """
SELECT (SELECT sum(position) FROM es_lane),
       (SELECT coalesce(sum(at), 0) FROM (SELECT min(position) AS at FROM read_checkpoint GROUP BY lane) AS c)
"""


def _missing(installation: Installation, province: Province, batches: Sequence[Batch]) -> list[Batch]:
    """The batches not appended yet; refuses a store with households that are not this province's."""
    hash = province.request_hash(installation.store)
    there: set[object] = set()
    for n in range(0, len(batches), ASKED):
        asked = installation.store.asked([(batch.lane, batch.head) for batch in batches[n : n + ASKED]])
        if any(found != hash for found in asked.values()):
            raise AnotherProvince
        there.update(asked)
    if not there:
        with installation.pool.connection() as connection:
            row = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM es_stream WHERE category = 'household')"
            ).fetchone()
        if row is not None and row[0]:
            raise AnotherProvince
    return [batch for batch in batches if batch.head not in there]


def _adopted(installation: Installation, province: Province) -> None:
    """Have the province's places in the register and its counties' packs in force."""
    published = province.places.published()
    with psycopg.connect(installation.addresses.store_owner, autocommit=True) as connection:
        publish(connection, published)
    adopt_shipped(installation.chains, published, ADOPTED_ON, SINCE, "system:setup")
    installation.reference.renew(adopted_reference(installation.store, installation.pool))


def _analysed(where: Addresses, pool: Pool) -> None:
    """Update the planner's statistics, because autovacuum has not run yet."""
    with psycopg.connect(as_role(where.store_owner, "hulian_owner"), autocommit=True) as connection:
        connection.execute("ANALYZE es_event, es_stream, es_index, es_command, es_claim")
    with pool.connection() as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'read\\_%'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"ANALYZE {table}".encode())


# tasks of processes: each yields (events, households) after every batch


def _in_processes(
    tasks: Sequence[tuple[Callable[..., Iterator[tuple[int, int]]], tuple[Any, ...]]],
) -> Iterator[tuple[int, int]]:
    """Carry out tasks in a process each, and yield their answers as they come. Raises `ProcessFailed`."""
    context = multiprocessing.get_context("spawn")
    lines: list[Connection] = []
    processes = []
    try:
        for task, arguments in tasks:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs, task, arguments), daemon=True)
            process.start()
            theirs.close()
            lines.append(ours)
            processes.append(process)
        while lines:
            for line in wait(lines):
                assert isinstance(line, Connection)
                try:
                    answer = line.recv()
                except EOFError:
                    raise ProcessFailed(reason="中途停止") from None
                if answer is None:
                    lines.remove(line)
                elif isinstance(answer, str):
                    raise ProcessFailed(reason=answer)
                else:
                    yield answer
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _work(
    line: Connection, task: Callable[..., Iterator[tuple[int, int]]], arguments: tuple[Any, ...]
) -> None:
    # a broken pipe means that the parent process has ended
    try:
        for answer in task(*arguments):
            line.send(answer)
        line.send(None)
    except BrokenPipeError:
        sys.exit(1)
    except Refusal as refused:
        line.send(str(refused))
    except Exception:
        line.send(traceback.format_exc())


def _append(
    where: Addresses, key_directory: Path, wish: Wish, batches: Sequence[Batch]
) -> Iterator[tuple[int, int]]:
    with opened(where, key_directory, pool_size=2) as installation:
        province = province_of(installation, wish)
        for batch in batches:
            yield province.appended(installation.store, batch), batch.count


def _project(where: Addresses, key_directory: Path) -> Iterator[tuple[int, int]]:
    with opened(where, key_directory, pool_size=2) as installation:
        projector = installation.projector()
        while events := projector.page().events:
            yield events, 0


# what is shown


def _show(province: Province, filled: Filled, projecting: float, home: Path | None) -> None:
    wish, counts = province.wish, province.by_kind()
    table = Table(title=f"样例省（种子 {wish.seed}，截至 {wish.today}）", title_justify="left")
    table.add_column("办理到哪一步")
    table.add_column("户数", justify="right")
    for kind in KINDS:
        if counts[kind.key]:
            table.add_row(kind.stands, str(counts[kind.key]))
    Console().print(table)
    typer.echo(
        f"共 {wish.households} 户、{filled.total} 条事实，分布在 {len(province.places.counties)} 个县；"
        f"本次新增 {filled.households} 户、{filled.events} 条，用时 {filled.seconds:.0f} 秒"
        f"（每秒 {filled.events / max(filled.seconds, 0.001):,.0f} 条）。"
    )
    if projecting:
        typer.echo(f"读模型已建立，用时 {projecting:.0f} 秒。")
    if home is not None:
        typer.echo(f"进去看看：HULIAN_HOME={home} hulian up")


def _json(province: Province, filled: Filled, projecting: float, home: Path) -> dict[str, Any]:
    wish = province.wish
    return {
        "seed": wish.seed,
        "on": wish.today.isoformat(),
        "home": str(home),
        "households": wish.households,
        "events": filled.total,
        "counties": len(province.places.counties),
        "new": {"households": filled.households, "events": filled.events},
        "seconds": {"events": round(filled.seconds, 1), "projections": round(projecting, 1)},
        "kinds": {key: count for key, count in province.by_kind().items() if count},
    }

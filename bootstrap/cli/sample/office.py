"""`hulian sample office` (样例经办机构): a trial installation of its own with households at every step."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from bootstrap.addresses import Addresses
from bootstrap.cli.options import print_json
from bootstrap.settings import Settings, as_role
from bootstrap.trial_store import ADOPTED_ON, trial_in
from bootstrap.wiring import Installation, adopt, database, migrated, opened
from domain.values.refusals import Refusal
from samples.office import DAY, Progress, Standing, begun, make_office, plan
from samples.office_lives import KINDS

EVERY = 50
"""Without a terminal, one line of progress every so many households."""
HOME = "office"
"""The folder of the sample office's own installation, below the data directory."""


class NotForSamples(Refusal):
    """该库已有数据，不能放入样例；请用 HULIAN_HOME 另设数据目录，或者另建一对空库。"""


class AnotherOffice(Refusal):
    """该库中已有另一套样例（户数、种子或者日期不同）；请用 HULIAN_HOME 另设数据目录，或者沿用原来的选项。"""


class NotADay(Refusal):
    """“{text}”不是日期；请写作 2026-11-20 这样的日期。"""


@dataclass(frozen=True, slots=True)
class OfficeRequest:
    """Which office: how many households, by which seed, as of which day."""

    households: int
    seed: int
    on: date
    as_json: bool = False


def day_of(text: str | None) -> date:
    """The day a text says, the sample's own day when there is none; raises `NotADay`."""
    try:
        return DAY if text is None else date.fromisoformat(text)
    except ValueError:
        raise NotADay(text=text) from None


def sample_office(settings: Settings, request: OfficeRequest) -> None:
    """Make the office, or what is missing of it, and print how many households are at which step.

    Without configured databases it is an installation of its own in `<home>/office`. Raises `NotForSamples`,
    `AnotherOffice`, `OfficeStopped`.
    """
    own = settings if settings.database_url else settings.model_copy(update={"home": settings.home / HOME})
    with sample_store(own) as installation:
        _require_room(installation, request)
        with _progress(request) as tell:
            standings = make_office(
                installation.handler, request.households, request.seed, request.on, progress=tell
            )
    if request.as_json:
        print_json(_json(standings, request, own.home))
    else:
        _show(standings, request, None if settings.database_url else own.home)


@contextmanager
def sample_store(settings: Settings) -> Iterator[Installation]:
    """A sample's trial store, opened: made one when it is new. Raises `NotForSamples`."""
    with database(settings) as where:
        migrated(where)
        if _is_trial(where):
            adopt(where, settings.key_directory, ADOPTED_ON)
            with opened(where, settings.key_directory, pool_size=4) as installation:
                yield installation
            return
        if _has_events(where):
            raise NotForSamples
        with trial_in(where, settings.key_directory) as installation:
            yield installation


def _is_trial(where: Addresses) -> bool:
    return _asked(where, "SELECT trial FROM es_meta")


def _has_events(where: Addresses) -> bool:
    return _asked(where, "SELECT EXISTS (SELECT 1 FROM es_event)")


def _asked(where: Addresses, question: str) -> bool:
    with psycopg.connect(as_role(where.store_owner, "hulian_owner"), autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    return bool(row and row[0])


def _require_room(installation: Installation, request: OfficeRequest) -> None:
    """Refuse a store that holds households but not the first of this office: its people would be there twice."""
    first = next(plan(installation.handler, request.households, request.seed, request.on))
    if begun(installation.handler, first):
        return
    with installation.pool.connection() as connection:
        row = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM es_stream WHERE category = 'household')"
        ).fetchone()
    if row is not None and row[0]:
        raise AnotherOffice


@contextmanager
def _progress(request: OfficeRequest) -> Iterator[Progress | None]:
    console = Console(stderr=True)
    if request.as_json:
        yield None
    elif console.is_terminal:
        from rich.progress import Progress as Bar

        with Bar(console=console, transient=True) as bar:
            task = bar.add_task("生成样例", total=request.households)
            yield lambda standing: bar.update(task, advance=1, description=f"生成样例 {standing.kind.stands}")
    else:
        done = Counter[str]()

        def tell(standing: Standing) -> None:
            done["households"] += 1
            if done["households"] % EVERY == 0:
                print(f"生成样例 {done['households']}/{request.households}", file=sys.stderr, flush=True)

        yield tell


def _show(standings: Sequence[Standing], request: OfficeRequest, home: Path | None) -> None:
    counts = Counter(standing.kind.key for standing in standings)
    late = Counter(standing.kind.key for standing in standings if standing.missed)
    table = Table(title=f"样例经办机构（种子 {request.seed}，截至 {request.on}）", title_justify="left")
    for heading in ("办理到哪一步", "户数", "其中逾期"):
        table.add_column(heading, justify="left" if heading == "办理到哪一步" else "right")
    for kind in KINDS:
        if counts[kind.key]:
            table.add_row(kind.stands, str(counts[kind.key]), str(late[kind.key] or ""))
    Console().print(table)
    events = sum(standing.events for standing in standings)
    typer.echo(f"共 {len(standings)} 户，其中有逾期的 {sum(late.values())} 户；本次新增事实 {events} 条。")
    typer.echo(f"其中一户：{standings[0].household}")
    if home is not None:
        typer.echo(f"进去看看：HULIAN_HOME={home} hulian up")


def _json(standings: Sequence[Standing], request: OfficeRequest, home: Path) -> dict[str, Any]:
    return {
        "seed": request.seed,
        "on": request.on.isoformat(),
        "home": str(home),
        "events": sum(standing.events for standing in standings),
        "households": [
            {
                "id": str(standing.household),
                "kind": standing.kind.key,
                "stands": standing.kind.stands,
                "missed": standing.missed,
            }
            for standing in standings
        ],
    }

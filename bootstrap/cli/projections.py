"""`hulian projections` (读模型): how far each read model is, which households it has set aside, retry and rebuild.

A rebuild gives the read model that is there the version before its own. All workers then take it for an upgrade: they
build the new one beside it and put it in its place once it has caught up.
"""

from __future__ import annotations

import sys
from time import sleep
from typing import Annotated, Any, Final
from uuid import UUID

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from bootstrap.cli.exit_status import REFUSED
from bootstrap.cli.options import Json, print_json
from bootstrap.cli.progress import progress
from bootstrap.settings import Settings, as_role, load_settings
from bootstrap.wiring import Installation, database, migrated_installation
from domain.values.refusals import Refusal
from projections.engine.dead_letters import Parked
from projections.engine.models import Model, models_of
from projections.engine.progress import Failure, Progress
from projections.registry import ALL

_PAUSE: Final = 0.05
_HELD = "SELECT version FROM read_checkpoint WHERE projection = %s ORDER BY lane, version FOR UPDATE"
_MODELS = "SELECT count(*), bool_and(live) FROM read_model WHERE projection = %s"
_OLDER = (
    "UPDATE read_model SET version = version - 1 WHERE projection = %s",
    "UPDATE read_checkpoint SET version = version - 1 WHERE projection = %s",
    "UPDATE read_parked SET version = version - 1 WHERE projection = %s",
)

app = typer.Typer(help="读模型（投影）：进度、停放与重试。", no_args_is_help=True)


class RebuildRunning(Refusal):
    """读模型“{name}”正在重建，请等它完成；进度见 hulian projections list。"""


@app.command("list")
def _list(as_json: Json = False) -> None:
    """列出读模型：版本、落后多少事件、停放的家庭；有停放或停滞时退出码为 1。"""
    if not list_projections(load_settings(), as_json=as_json):
        sys.exit(REFUSED)


@app.command("retry")
def _retry(
    name: Annotated[str | None, typer.Argument(help="读模型名；不写则全部。")] = None,
    household: Annotated[UUID | None, typer.Option(help="只重试这一户。")] = None,
) -> None:
    """重试停放的家庭，从停放处补到当前进度；仍有停放时退出码为 1。"""
    if not retry(load_settings(), name, household):
        sys.exit(REFUSED)


@app.command("rebuild")
def _rebuild(name: Annotated[str, typer.Argument(help="读模型名。")]) -> None:
    """从事件重新建立一个读模型，建成后替换；期间照常办理，读到的是开始重建时的内容。"""
    rebuild(load_settings(), name)


def list_projections(settings: Settings, *, as_json: bool) -> bool:
    """Show every read model, its lag and its parked households; False when some are parked or a model has stopped."""
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory, pool_size=2) as installation,
    ):
        installation.projector()  # makes the tables of new ones
        models = Progress(installation.pool)
        with installation.pool.connection() as connection:
            known = models_of(connection)
        lag, parked, failures = models.lag(), models.parked(), models.failures()
    if as_json:
        print_json(_json(known, lag, parked, failures))
    else:
        _shown(known, lag, parked, failures)
    return not parked and not failures


def retry(settings: Settings, name: str | None, household: UUID | None) -> bool:
    """Retry parked households, all or those named; False when one of them is still parked."""
    if name is not None and name not in {each.name for each in ALL}:
        raise typer.BadParameter(f"没有读模型“{name}”；全部读模型见 hulian projections list。")
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory, pool_size=2) as installation,
    ):
        return _retried(installation, name, household)


def _retried(installation: Installation, name: str | None, household: UUID | None) -> bool:
    projector = installation.projector()
    waiting = Progress(installation.pool).parked(name, household)
    if not waiting:
        typer.echo("没有停放的家庭。")
        return True
    still = 0
    for each in waiting:
        done = projector.retry(each)
        still += not done
        typer.echo(f"{each.projection} {each.household} {'已补上' if done else '仍未成功'}")
    if still:
        typer.echo(f"{still} 户仍停放；原因见 hulian projections list。", err=True)
    return not still


def _json(
    known: list[Model], lag: dict[str, int], parked: list[Parked], failures: list[Failure]
) -> dict[str, Any]:
    return {
        "projections": [
            {
                "name": each.projection,
                "version": each.version,
                "live": each.live,
                "lag": lag.get(each.key, 0),
                "parked": sum(p.projection == each.projection for p in parked) if each.live else 0,
            }
            for each in known
        ],
        "parked": [
            {
                "projection": each.projection,
                "household": str(each.household),
                "lane": each.lane,
                "position": each.position,
                "attempts": each.attempts,
                "since": each.since.isoformat(),
                "error": each.error,
            }
            for each in parked
        ],
        "failures": [
            {
                "projection": each.projection,
                "lane": each.lane,
                "position": each.position,
                "since": each.since.isoformat(),
                "error": each.error,
            }
            for each in failures
        ],
    }


def _shown(known: list[Model], lag: dict[str, int], parked: list[Parked], failures: list[Failure]) -> None:
    console = Console()
    table = Table("读模型", "版本", "状态", "落后事件", "停放户数")
    for each in known:
        waiting = sum(p.projection == each.projection for p in parked) if each.live else 0
        state = "在用" if each.live else "重建中"
        table.add_row(
            each.projection,
            str(each.version),
            state,
            str(lag.get(each.key, 0)),
            str(waiting) if waiting else "",
        )
    console.print(table)
    for household in parked:
        console.print(
            f"停放：{household.projection} 户 {household.household}，自通道 {household.lane} 位置"
            f" {household.position} 起，试过 {household.attempts} 次：{household.error}",
            soft_wrap=True,
            markup=False,
        )
    for failure in failures:
        console.print(
            f"停滞：{failure.projection} 通道 {failure.lane}：{failure.error}", soft_wrap=True, markup=False
        )
    if parked:
        console.print("原因排除后：hulian projections retry")


def rebuild(settings: Settings, name: str) -> None:
    """Rebuild a read model and switch to it; until then, reads see it as it was when the rebuild began.

    Raises `RebuildRunning`; an unknown name is wrong usage (`typer.BadParameter`).
    """
    if name not in {each.name for each in ALL}:
        raise typer.BadParameter(f"没有读模型“{name}”；全部读模型见 hulian projections list。")
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory, pool_size=2) as installation,
    ):
        installation.projector()  # makes the tables of new ones
        with psycopg.connect(as_role(where.store, "hulian_app")) as connection:
            connection.execute(_HELD, (name,))
            count, live = connection.execute(_MODELS, (name,)).fetchone() or (0, False)
            if count != 1 or not live:
                raise RebuildRunning(name=name)
            for statement in _OLDER:
                connection.execute(statement.encode(), (name,))
        _built(installation, name)
    typer.echo(f"读模型 {name} 已重建并启用。")


def _built(installation: Installation, name: str) -> None:
    """Project page by page, beside the workers, until the rebuilt read model has replaced the old one."""
    projector, models = installation.projector(), Progress(installation.pool)
    total = models.lag().get(f"{name}_next", 0)
    with progress(f"重建 {name}") as tell:
        while (left := models.lag().get(f"{name}_next")) is not None:
            tell(max(0, total - left), total)
            taken = projector.page().events
            if not projector.switch() and not taken:
                # a worker is completing it, or holds the remaining lanes
                sleep(_PAUSE)

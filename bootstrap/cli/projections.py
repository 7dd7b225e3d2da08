"""`hulian projections`: how far each read model is, who waits outside one, and trying those again."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from bootstrap.settings import Settings
from bootstrap.wiring import Installation, database, migrated_installation
from projections.engine.dead_letters import Parked
from projections.engine.models import Model, models_of
from projections.engine.progress import Failure, Progress
from projections.registry import ALL


def list_projections(settings: Settings, *, as_json: bool) -> bool:
    """Show every read model, its lag, and the households parked outside it; False when something is amiss."""
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory, pool_size=2) as installation,
    ):
        installation.projector()  # makes the tables of new ones
        progress = Progress(installation.pool)
        with installation.pool.connection() as connection:
            known = models_of(connection)
        lag, parked, failures = progress.lag(), progress.parked(), progress.failures()
    if as_json:
        typer.echo(json.dumps(_told(known, lag, parked, failures), ensure_ascii=False, indent=2))
    else:
        _shown(known, lag, parked, failures)
    return not parked and not failures


def retry(settings: Settings, name: str | None, household: UUID | None) -> bool:
    """Try parked households again, all or those named; False when one of them still waits."""
    if name is not None and name not in {each.name for each in ALL}:
        raise typer.BadParameter(f"没有读模型“{name}”；全部读模型见 hulian projections list。")
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory, pool_size=2) as installation,
    ):
        return _retried(installation, name, household)


def _retried(installation: Installation, name: str | None, household: UUID | None) -> bool:
    projector, progress = installation.projector(), Progress(installation.pool)
    waiting = progress.parked(name, household)
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


def _told(
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

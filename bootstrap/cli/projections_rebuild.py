"""`hulian projections rebuild` (重建读模型): a read model made anew from the events, beside the one that is read.

What is there is called the version before, so that all workers take it for an upgrade: they build the new one beside
it and put it in its place once it has caught up.
"""

from __future__ import annotations

from time import sleep
from typing import Final

import psycopg
import typer

from bootstrap.cli.progress import telling
from bootstrap.settings import Settings, as_role
from bootstrap.wiring import Installation, database, migrated_installation
from domain.values.refusals import Refusal
from projections.engine.progress import Progress
from projections.registry import ALL

_PAUSE: Final = 0.05
_HELD = "SELECT version FROM read_checkpoint WHERE projection = %s ORDER BY lane, version FOR UPDATE"
_MODELS = "SELECT count(*), bool_and(live) FROM read_model WHERE projection = %s"
_OLDER = (
    "UPDATE read_model SET version = version - 1 WHERE projection = %s",
    "UPDATE read_checkpoint SET version = version - 1 WHERE projection = %s",
    "UPDATE read_parked SET version = version - 1 WHERE projection = %s",
)


class RebuildRunning(Refusal):
    """读模型“{name}”正在重建，请等它完成；进度见 hulian projections list。"""


def rebuild(settings: Settings, name: str) -> None:
    """Build a read model anew and put it in place; reads see it as it was when this began until then.

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
    """Page by page beside whatever workers do, until it stands in its place."""
    projector, progress = installation.projector(), Progress(installation.pool)
    total = progress.lag().get(f"{name}_next", 0)
    with telling(f"重建 {name}") as tell:
        while (left := progress.lag().get(f"{name}_next")) is not None:
            tell(max(0, total - left), total)
            taken = projector.page().events
            if not projector.switch() and not taken:
                # a worker is completing it, or holds the lanes that are left
                sleep(_PAUSE)

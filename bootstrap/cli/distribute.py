"""`hulian distribute` (横向扩展): the statements that spread this store over the servers of a Citus cluster."""

from __future__ import annotations

import psycopg
import typer

from bootstrap.settings import Settings
from bootstrap.wiring import database
from domain.values.refusals import Refusal
from migrations.distribution import distribute, faults


class CannotBeSpread(Refusal):
    """该库的结构不能按通道分布：{faults}。请先升级数据库结构（hulian migrate），仍然如此则报告此问题。"""


def print_distribution(settings: Settings, shards: int) -> None:
    """Print the statements for the store as it is migrated now; raises `CannotBeSpread`."""
    with database(settings) as where, psycopg.connect(where.store_owner) as connection:
        found = faults(connection)
        if found:
            raise CannotBeSpread(faults="；".join(map(str, found)))
        typer.echo(distribute(connection, shards), nl=False)

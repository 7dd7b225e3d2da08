"""`hulian distribute` (横向扩展): the statements that spread this store over the servers of a Citus cluster."""

from __future__ import annotations

from typing import Annotated

import psycopg
import typer

from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import database
from domain.values.refusals import Refusal
from migrations.distribution import distribute, faults


class CannotBeSpread(Refusal):
    """该库的结构不能按通道分布：{faults}。请先升级数据库结构（hulian migrate），仍然如此则报告此问题。"""


def command(
    shards: Annotated[int, typer.Option(min=1, max=256, help="256 条通道分入多少个分片。")] = 32,
) -> None:
    """打印把业务库分布到 Citus 集群的语句；在协调节点上执行一次（见 docs/scale-out.md）。"""
    print_distribution(load_settings(), shards)


def print_distribution(settings: Settings, shards: int) -> None:
    """Print the statements for the store as it is migrated now; raises `CannotBeSpread`."""
    with database(settings) as where, psycopg.connect(where.store_owner) as connection:
        found = faults(connection)
        if found:
            raise CannotBeSpread(faults="；".join(map(str, found)))
        typer.echo(distribute(connection, shards), nl=False)

"""`hulian sample` (样例): made-up offices and provinces, the same for the same seed, each in a trial store."""

from __future__ import annotations

from typing import Annotated

import typer

from bootstrap.cli.options import Json
from bootstrap.cli.sample.office import OfficeRequest, day_of, sample_office
from bootstrap.cli.sample.province import ProvinceRequest, sample_province
from bootstrap.settings import load_settings
from samples.province import Wish

app = typer.Typer(help="生成样例（虚构数据，种子相同则结果相同）。", no_args_is_help=True)

Day = Annotated[str | None, typer.Option("--on", help="截至哪一天（YYYY-MM-DD），默认 2026-11-20。")]


@app.command("office")
def office(
    households: Annotated[int, typer.Option(min=1, max=2000, help="多少户。")] = 200,
    seed: Annotated[int, typer.Option(help="种子：相同的种子、户数和日期，结果完全相同。")] = 1,
    on: Day = None,
    as_json: Json = False,
) -> None:
    """生成一个样例经办机构：各户处在办理过程的不同步骤，存放在自己的试验库中。再次执行不会重复。"""
    sample_office(load_settings(), OfficeRequest(households, seed, day_of(on), as_json))


@app.command("province")
def province(
    households: Annotated[int, typer.Option(min=100, max=2_000_000, help="多少户。")] = 10_000,
    events: Annotated[int | None, typer.Option(help="一共约多少条事实，默认每户平均 14 条。")] = None,
    seed: Annotated[int, typer.Option(min=0, help="种子：相同的种子和选项，结果完全相同。")] = 1,
    on: Day = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="用几个进程写入。")] = 2,
    without_projections: Annotated[
        bool, typer.Option("--no-projections", help="只写事实，不建立读模型。")
    ] = False,
    as_json: Json = False,
) -> None:
    """生成一个样例省：任意多户，分布在多个县，处在办理过程的各个步骤，存放在自己的试验库中。

    中途停下（断电、误关）时，再执行同一命令即可接着生成；已完成时再次执行不会重复。
    """
    wish = Wish(households, 14 * households if events is None else events, seed, day_of(on))
    sample_province(load_settings(), ProvinceRequest(wish, processes, not without_projections, as_json))

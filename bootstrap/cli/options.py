"""Options (选项) that several subcommands take, and how all of them print JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")]
Officer = Annotated[str, typer.Option("--officer", help="经办人代号（不是姓名）。")]
Actor = Annotated[str, typer.Option("--actor", help="经办人代号（不是姓名）。")]
Household = Annotated[str, typer.Argument(help="户编号（UUID，或开头几位）。")]
Programs = Annotated[
    Path | None, typer.Option("--programs", help="pg_dump、pg_restore 所在目录；不写则自动查找。")
]


def print_json(data: Any) -> None:
    """Print data as JSON that people can read; what JSON has no form for is printed as its text."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str))

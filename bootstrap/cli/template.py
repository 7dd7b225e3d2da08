"""`hulian template` (模板): empty workbooks to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from application.register.template import write_template

app = typer.Typer(help="写出空白模板。", no_args_is_help=True)


@app.command("register")
def register(
    out: Annotated[Path, typer.Argument(help="写到哪个文件。")] = Path("申请登记册.xlsx"),
) -> None:
    """写出空白的申请登记册模板。"""
    write_template(out)
    typer.echo(f"已写出模板：{out}")

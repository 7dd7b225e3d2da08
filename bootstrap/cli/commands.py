"""`hulian commands` (命令): every command that can be handed over, with its fields and an example."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from application.describing.commands import describe
from bootstrap.cli.options import Json, print_json
from domain.catalogue import COMMANDS


def command(
    name: Annotated[str | None, typer.Argument(help="命令名，例如 grant-grace。")] = None,
    as_json: Json = False,
) -> None:
    """列出可以办理的全部命令；给出命令名时，列出它的字段和示例。"""
    if name is None:
        show_commands(as_json)
    else:
        show_command(name, as_json)


def show_commands(as_json: bool) -> None:
    """Every command with its first sentence, in the order of the chain."""
    described = [describe(name) for name in COMMANDS]
    if as_json:
        data = [{"name": each.name, "summary": _first(each.summary)} for each in described]
        print_json(data)
        return
    table = Table(show_header=False, box=None)
    for each in described:
        table.add_row(each.name, _first(each.summary))
    Console().print(table)
    typer.echo("\n字段与示例：hulian commands 命令名")


def show_command(name: str, as_json: bool) -> None:
    """One command's fields and an example; raises `UnknownCommand`."""
    described = describe(name)
    if as_json:
        print_json(asdict(described))
        return
    typer.echo(f"{described.name}\n\n{described.summary}\n")
    table = Table()
    for heading in ("字段", "写法", "必填", "缺省", "含义"):
        table.add_column(heading, overflow="fold")
    for field in described.fields:
        default = "" if field.default is None else str(field.default)
        table.add_row(field.name, field.type, "是" if field.required else "", default, field.doc)
    Console().print(table)
    typer.echo("\n示例：")
    step = {"do": described.name, **described.example}
    written = yaml.safe_dump([step], allow_unicode=True, sort_keys=False, default_flow_style=None)
    # A script's loader reads `on` as the word it is, so it needs no quotes.
    typer.echo(written.replace("'on':", "on:"))


def _first(summary: str) -> str:
    return summary.split("\n\n", maxsplit=1)[0].replace("\n", " ")

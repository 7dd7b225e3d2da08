"""`hulian commands`: what can be asked, each command with its fields and an example."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
import yaml
from rich.console import Console
from rich.table import Table

from application.describing.commands import describe
from domain.catalogue import COMMANDS


def show_commands(as_json: bool) -> None:
    """Every command with its first sentence, in the order of the chain."""
    described = [describe(name) for name in COMMANDS]
    if as_json:
        told = [{"name": each.name, "summary": _first(each.summary)} for each in described]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
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
        typer.echo(json.dumps(asdict(described), ensure_ascii=False, indent=2, default=str))
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

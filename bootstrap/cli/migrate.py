"""`hulian migrate` (升级): both databases brought up to date, and what is shipped adopted."""

from __future__ import annotations

import typer

from bootstrap.cli.options import Json, print_json
from bootstrap.settings import load_settings
from bootstrap.wiring import adopt, database, migrated, today


def command(as_json: Json = False) -> None:
    """把数据库结构升级到当前程序的版本，发布并采用随附的政策包、日历和区划。"""
    settings = load_settings()
    with database(settings) as where:
        applied = migrated(where)
        adopted = adopt(where, settings.key_directory, today())
    if as_json:
        print_json({"applied": applied, "adopted": adopted})
    else:
        typer.echo(f"已执行升级 {len(applied)} 项，采用政策包和日历 {adopted} 件。")

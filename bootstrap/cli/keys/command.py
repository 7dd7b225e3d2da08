"""`hulian keys` (密钥): list the keys, replace them, and retire those that were replaced."""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import UUID

import typer

from bootstrap.cli.exit_status import REFUSED
from bootstrap.cli.keys.inventory import list_keys
from bootstrap.cli.keys.rotation import backup_destroyed, retire, rotate
from bootstrap.cli.options import Actor, Json
from bootstrap.settings import load_settings

app = typer.Typer(help="密钥：列出、更换、退役。", no_args_is_help=True)


@app.command("list")
def _list(as_json: Json = False) -> None:
    """列出各版密钥、其下的密钥和索引项、封存公钥的指纹、密钥库备份；有应做未做的事时退出码为 1。"""
    if not list_keys(load_settings(), as_json=as_json):
        sys.exit(REFUSED)


@app.command("rotate")
def _rotate(
    what: Annotated[
        str,
        typer.Argument(help="kek 密钥加密密钥；index 盲索引密钥；seal 封存密钥；owner 某人或某户的密钥。"),
    ],
    owner: Annotated[UUID | None, typer.Argument(help="人员或户的编号，只用于 owner。")] = None,
    only_make: Annotated[
        bool, typer.Option("--only-make", help="只生成新的密钥文件，先复制到其他主机，再执行一次。")
    ] = False,
) -> None:
    """更换密钥，不停机；中途停下时再执行同一命令即接着做。"""
    rotate(load_settings(), what, owner, only_make=only_make, quiet=False)


@app.command("retire")
def _retire(
    without_backup: Annotated[
        bool, typer.Option("--without-backup", help="没有新密钥下的密钥库备份也退役。")
    ] = False,
) -> None:
    """使换下的密钥退役：不再有任何内容需要它时，永久删除其文件。"""
    retire(load_settings(), without_backup=without_backup)


@app.command("backup-destroyed")
def _backup_destroyed(
    name: Annotated[str, typer.Argument(help="备份名，见 hulian keys list。")], actor: Actor
) -> None:
    """登记一份密钥库备份（连同全部副本）已经销毁。"""
    backup_destroyed(load_settings(), name, actor)

"""The commands of safekeeping (密钥、抹除、备份): `hulian keys`, `hulian erase`, `hulian backup`, `hulian restore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

NOT_IN_ORDER = 1

safekeeping = typer.Typer(no_args_is_help=True)
keys = typer.Typer(help="密钥：列出、更换、退役。", no_args_is_help=True)
safekeeping.add_typer(keys, name="keys")

Json = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")]
Actor = Annotated[str, typer.Option("--actor", help="经办人代号（不是姓名）。")]
Programs = Annotated[
    Path | None, typer.Option("--programs", help="pg_dump、pg_restore 所在目录；不写则自动查找。")
]


@keys.command("list")
def list_keys(as_json: Json = False) -> None:
    """列出各版密钥、其下的密钥和索引项、封存公钥的指纹、密钥库备份；有应做未做的事时退出码为 1。"""
    from bootstrap.cli.keys import list_keys
    from bootstrap.settings import load_settings

    if not list_keys(load_settings(), as_json=as_json):
        sys.exit(NOT_IN_ORDER)


@keys.command("rotate")
def rotate(
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
    from bootstrap.cli.keys import rotate
    from bootstrap.settings import load_settings

    rotate(load_settings(), what, owner, only_make=only_make, quiet=False)


@keys.command("retire")
def retire(
    without_backup: Annotated[
        bool, typer.Option("--without-backup", help="没有新密钥下的密钥库备份也退役。")
    ] = False,
) -> None:
    """使换下的密钥退役：不再有任何内容需要它时，永久删除其文件。"""
    from bootstrap.cli.keys import retire
    from bootstrap.settings import load_settings

    retire(load_settings(), without_backup=without_backup)


@keys.command("backup-destroyed")
def backup_destroyed(
    name: Annotated[str, typer.Argument(help="备份名，见 hulian keys list。")], actor: Actor
) -> None:
    """登记一份密钥库备份（连同全部副本）已经销毁。"""
    from bootstrap.cli.keys import backup_destroyed
    from bootstrap.settings import load_settings

    backup_destroyed(load_settings(), name, actor)


@safekeeping.command()
def erase(
    subject: Annotated[str, typer.Argument(help="person 人员，household 户。")],
    id: Annotated[UUID, typer.Argument(help="人员或户的编号（UUID）。")],
    ground: Annotated[str, typer.Option(help="依据：档案鉴定意见书的文号。不得写入个人信息。")],
    actor: Actor,
    approved_by: Annotated[list[str], typer.Option("--approved-by", help="批准人代号，须写两次，两人。")],
    basis: Annotated[
        str, typer.Option(help="retention-over 保管期满；unlawful-record 本不应收集或记录。")
    ] = "retention-over",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只说明将抹除什么，不执行。")] = False,
    as_json: Json = False,
) -> None:
    """抹除一人或一户的个人信息：销毁密钥，永远不能恢复。事件和证明保留，个人信息显示为（信息已抹除）。"""
    from bootstrap.cli.erase import ErasureWish, erase
    from bootstrap.settings import load_settings
    from eventstore.keys.erasures import Subject, Warrant

    if subject not in ("person", "household"):
        raise typer.BadParameter("请写 person 或 household。", param_hint="SUBJECT")
    warrant = Warrant(basis, ground, actor, tuple(approved_by))
    whom: Subject = "person" if subject == "person" else "household"
    erase(load_settings(), ErasureWish(whom, id, warrant, dry_run, as_json))


@safekeeping.command()
def backup(
    to: Annotated[Path, typer.Argument(help="业务库备份写到哪个目录。")],
    keys_to: Annotated[Path, typer.Option("--keys-to", help="密钥库备份写到哪个目录，须与业务库分开。")],
    key_files_to: Annotated[
        Path | None, typer.Option("--key-files-to", help="另外备份密钥文件，写到第三个目录；不写则不备份。")
    ] = None,
    programs: Programs = None,
    as_json: Json = False,
) -> None:
    """备份业务库、密钥库，以及（另行要求时）密钥文件，各在一处。办理不必停。"""
    from bootstrap.cli.backup import BackupWish, backup
    from bootstrap.settings import load_settings

    backup(load_settings(), BackupWish(to, keys_to, key_files_to, programs, as_json))


@safekeeping.command()
def restore(
    store: Annotated[Path, typer.Option("--store", help="业务库备份文件（store.dump）。")],
    keys: Annotated[Path, typer.Option("--keys", help="密钥库备份文件（keys.dump）。")],
    key_files: Annotated[
        Path | None, typer.Option("--key-files", help="密钥文件所在目录；不写则用数据目录中已有的。")
    ] = None,
    without_key_files: Annotated[
        bool,
        typer.Option("--without-key-files", help="没有密钥文件也恢复：个人信息在放入密钥文件之前不能解开。"),
    ] = False,
    into: Annotated[
        Path | None, typer.Option("--into", help="恢复到这个数据目录的内置数据库，而不是所设置的数据库。")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="核对全部事件的摘要，而不是抽查。")] = False,
    programs: Programs = None,
    as_json: Json = False,
) -> None:
    """把备份恢复到空的数据库，补上角色和权限，并核对。中途停下时再执行同一命令。"""
    from bootstrap.cli.restore import RestoreWish, restore
    from bootstrap.settings import load_settings

    settings = load_settings()
    if into is not None:
        settings = settings.model_copy(
            update={
                "home": into,
                "database_url": None,
                "keys_url": None,
                "migrations_url": None,
                "keys_migrations_url": None,
            }
        )
    wish = RestoreWish(store, keys, key_files, without_key_files, verify, programs, as_json)
    restore(settings, wish)

"""`hulian doctor` (自检): what is wrong with this installation, and the one command that mends it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from bootstrap.embedded import EmbeddedPostgres
from bootstrap.settings import Settings, as_role
from domain.catalogue import EVENTS
from migrations.runner import MigrationFault, pending

OLDEST, NEWEST = 150000, 190000
"""PostgreSQL server versions this program is made for: 15 to 18."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: in order, worth knowing, or wrong, with the command that mends it."""

    what: str
    sentence: str
    wrong: bool = False
    warning: bool = False
    mend: str | None = None

    def line(self) -> str:
        """One line for the terminal."""
        mark = "✗" if self.wrong else "!" if self.warning else "✓"
        return f"{mark} {self.what}：{self.sentence}" + (f"  → {self.mend}" if self.mend else "")

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything an installation needs; nothing is changed, the embedded server is not started."""
    return list(_examined(settings))


def _examined(settings: Settings) -> Iterator[Finding]:
    yield Finding("Python", sys.version.split()[0])
    yield from _keys(settings.key_directory)
    if settings.embedded:
        server = EmbeddedPostgres(settings.home / "postgres")
        if not server.running():
            yield Finding("数据库", "内置数据库没有运行", wrong=True, mend="hulian up")
            return
        yield Finding(
            "数据库",
            "内置数据库仅供试用、培训和离线办公；本机运行它的操作系统用户可以改动一切，不能防篡改",
            warning=True,
            mend="正式使用请设置 HULIAN_DATABASE_URL 与 HULIAN_KEYS_URL",
        )
        store, keys = server.uri("hulian"), server.uri("hulian_keys")
    else:
        store, keys = settings.database_url or "", settings.keys_url or ""
    for name, url, folder in (("业务库", store, "store"), ("密钥库", keys, "keys")):
        yield from _database(name, url, folder)
    yield from _roles(store)
    yield from _events(store)


def _keys(directory: Path) -> Iterator[Finding]:
    if not directory.exists():
        yield Finding("密钥", "尚未生成，首次启动时生成", warning=True, mend="hulian up")
        return
    open_files = [
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_files:
        yield Finding(
            "密钥",
            f"密钥文件 {'、'.join(open_files)} 可被他人读取",
            wrong=True,
            mend=f"chmod -R go-rwx {directory}",
        )
    elif not os.access(directory, os.R_OK | os.X_OK):
        yield Finding("密钥", "当前用户读不到密钥目录", wrong=True, mend=f"ls -ld {directory}")
    else:
        yield Finding("密钥", "密钥文件仅本用户可读；请与数据库分开备份")


def _database(name: str, url: str, folder: str) -> Iterator[Finding]:
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            version = connection.info.server_version
            if not OLDEST <= version < NEWEST:
                yield Finding(name, f"PostgreSQL {version // 10000} 不在支持范围 15–18 内", wrong=True)
            waiting = pending(url, folder)
    except psycopg.OperationalError:
        yield Finding(name, "连接不上", wrong=True, mend="检查数据库地址和服务是否启动")
        return
    except MigrationFault as fault:
        yield Finding(name, str(fault), wrong=True)
        return
    if waiting:
        yield Finding(name, f"有 {len(waiting)} 项结构升级未执行", wrong=True, mend="hulian migrate")
    else:
        yield Finding(name, f"PostgreSQL {version // 10000}，结构为最新")


def _roles(store: str) -> Iterator[Finding]:
    try:
        with psycopg.connect(as_role(store, "hulian_app"), connect_timeout=5, autocommit=True) as connection:
            row = connection.execute(
                "SELECT has_table_privilege('es_event', 'INSERT') OR has_table_privilege('es_event', 'UPDATE')"
                " OR has_table_privilege('es_event', 'DELETE')"
            ).fetchone()
    except psycopg.Error:
        yield Finding("权限", "应用角色 hulian_app 不可用", wrong=True, mend="hulian migrate")
        return
    if row is None or row[0]:
        yield Finding("权限", "应用角色可以改写事件表", wrong=True, mend="hulian migrate")
    else:
        yield Finding("权限", "应用角色只能通过函数追加事件，不能改写")


def _events(store: str) -> Iterator[Finding]:
    try:
        with psycopg.connect(as_role(store, "hulian_app"), connect_timeout=5, autocommit=True) as connection:
            rows = connection.execute("SELECT DISTINCT name FROM es_event").fetchall()
    except psycopg.Error:
        return
    unknown = sorted({name for (name,) in rows} - set(EVENTS))
    if unknown:
        yield Finding("事件", f"库中有本程序不认识的事件：{'、'.join(unknown)}", wrong=True, mend="升级程序")
    else:
        yield Finding("事件", "库中的事件本程序全部认识")

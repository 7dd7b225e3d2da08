"""The servers (数据库服务器): whether they answer, are durable, have connections left, and have the right time."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from bootstrap.addresses import Addresses
from bootstrap.cli.doctor.finding import Finding, Limits, psql, psql_program
from bootstrap.installation_state import Side, refusal_of, side_of
from bootstrap.settings import Settings

OLDEST, NEWEST = 15, 18
"""PostgreSQL server versions this program is made for."""

WORDS = {"store": "业务库", "keys": "密钥库"}
LOCAL = ("", "localhost", "127.0.0.1", "::1")

SERVE_BESIDE, WORK_STORE, KEYS_EACH, SPARE = 3, 9, 4, 10
"""Connections beyond its pool of the API to the store, of a worker to it, of either to the keys; and for commands."""

_DURABLE = """
SELECT name, source FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name
"""
_WHY = {
    "fsync": "断电可能毁坏整个库",
    "full_page_writes": "断电可能毁坏数据页",
    "synchronous_commit": "断电会丢失已经答复的办理",
}
_ROOM = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int,
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = session_user)
"""
_WHO = "SELECT rolsuper, rolname::text FROM pg_roles WHERE rolname = session_user"
_SAME = "SELECT system_identifier::text FROM pg_control_system()"


def answering(where: Addresses) -> tuple[list[Finding], bool, bool]:
    """Whether both databases answer, at the addresses of the migrations and of the application, in a known version.

    The second value says whether all of them answer, the third whether both are migrated.
    """
    found, answer, migrated = [], True, True
    for kind, owner, address in (
        ("store", where.store_owner, where.store),
        ("keys", where.keys_owner, where.keys),
    ):
        side = side_of(owner, kind)
        found.append(_answering(WORDS[kind], owner, side))
        refused = refusal_of(address) if address != owner and side.reachable else None
        if refused is not None:
            found.append(_unreachable(WORDS[kind], address, refused))
        answer = answer and side.reachable and side.fault is None and refused is None
        migrated = migrated and side.usable
    return found, answer, migrated


def _answering(word: str, url: str, side: Side) -> Finding:
    if not side.reachable:
        return _unreachable(word, url, side.fault or "")
    if not OLDEST <= side.major <= NEWEST:
        return Finding(
            word,
            f"PostgreSQL {side.major} 不在支持范围 {OLDEST}–{NEWEST} 内",
            wrong=True,
            mend=f"请换用 PostgreSQL {OLDEST}–{NEWEST}（hulian backup、hulian restore）",
            code="postgres-version",
        )
    if side.fault is not None:
        return Finding(word, side.fault, wrong=True, mend="请安装与数据库相符的程序版本", code="schema")
    if side.pending:
        waiting = f"有 {len(side.pending)} 项结构升级未执行"
        return Finding(word, waiting, wrong=True, mend="hulian migrate", code="migrations-pending")
    return Finding(word, f"PostgreSQL {side.postgres}，结构为最新")


def _unreachable(word: str, url: str, said: str) -> Finding:
    told = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    host, port = told.get("host", ""), told.get("port", "5432")
    at = ["-h", host or "/var/run/postgresql", "-p", port]
    if "does not exist" in said and "database" in said:
        create = f"CREATE DATABASE {_quoted(told.get('dbname', ''))}"
        user = told.get("user", "postgres")
        mend = shlex.join([psql_program(), *at, "-U", user, "-d", "postgres", "-c", create])
        code = "database-missing"
    elif "too many" in said or "remaining connection slots" in said:
        mend, code = "hulian status（连接数已满：减少进程，或调小 HULIAN_POOL_SIZE）", "connections-full"
    elif "password" in said or "authentication" in said or "role" in said:
        mend, code = "核对地址中的用户和口令，以及服务器的 pg_hba.conf", "login-refused"
    elif host in LOCAL or host.startswith("/"):
        mend, code = "sudo systemctl start postgresql", "unreachable"
    else:
        mend, code = shlex.join(["pg_isready", *at]), "unreachable"
    return Finding(word, f"连接不上（{said or '没有应答'}）", wrong=True, mend=mend, code=code)


def servers(where: Addresses, settings: Settings, limits: Limits) -> Iterator[Finding]:
    """Checks of the server of each database, made with the application's own logins."""
    with (
        psycopg.connect(where.store, connect_timeout=5, autocommit=True) as store,
        psycopg.connect(where.keys, connect_timeout=5, autocommit=True) as keys,
    ):
        for kind, connection in (("store", store), ("keys", keys)):
            yield from _durable(WORDS[kind], connection)
            yield from _clock(WORDS[kind], connection, limits.skew)
            if not settings.embedded:
                yield from _login(WORDS[kind], connection)
                yield from _transport(WORDS[kind], connection)
        same_server = _same_server(store, keys)
        if same_server and not settings.embedded:
            yield Finding(
                WORDS["keys"],
                "密钥库与业务库在同一台服务器上；分开才能分别保管和备份",
                warning=True,
                mend="在另一台服务器上恢复密钥库，改写 HULIAN_KEYS_URL",
                code="keys-beside-store",
            )
        yield from _room(store, keys, settings.pool_size, same_server=same_server)


def _durable(word: str, connection: Connection[Any]) -> Iterator[Finding]:
    for name, source in connection.execute(_DURABLE).fetchall():
        info = connection.info
        if source in ("database", "user", "database user"):
            database, user = _quoted(info.dbname), _quoted(info.user)
            scope = {
                "database": f"ALTER DATABASE {database}",
                "user": f"ALTER ROLE {user}",
                "database user": f"ALTER ROLE {user} IN DATABASE {database}",
            }[source]
            mend = psql(connection, f"{scope} RESET {name}")
        else:
            mend = psql(connection, f"ALTER SYSTEM SET {name} = on", "SELECT pg_reload_conf()")
        yield Finding(word, f"{name} 已关闭：{_WHY[name]}", wrong=True, mend=mend, code=f"{name}-off")


def _clock(word: str, connection: Connection[Any], skew: timedelta) -> Iterator[Finding]:
    before = datetime.now(UTC)
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    after = datetime.now(UTC)
    there: datetime = before if row is None else row[0]
    away = max(before - there, there - after)
    if away > skew:
        yield Finding(
            word,
            f"数据库服务器的时钟与本机相差 {away.total_seconds():.0f} 秒",
            wrong=True,
            mend="sudo timedatectl set-ntp true",
            code="clock-skew",
        )


def _login(word: str, connection: Connection[Any]) -> Iterator[Finding]:
    row = connection.execute(_WHO).fetchone()
    if row is not None and row[0]:
        name = "hulian_service"
        roles = "hulian_app, hulian_sealer" if word == WORDS["store"] else "hulian_keys"
        yield Finding(
            word,
            f"所用的登录角色 {row[1]} 是超级用户，权限形同虚设。请另建登录角色并改写地址（执行后设口令）",
            wrong=True,
            mend=psql(connection, f"CREATE ROLE {name} LOGIN IN ROLE {roles}"),
            code="superuser-login",
        )


def _transport(word: str, connection: Connection[Any]) -> Iterator[Finding]:
    host = connection.info.host
    if not connection.pgconn.ssl_in_use and host not in LOCAL and not host.startswith("/"):
        yield Finding(
            word,
            f"到 {host} 的连接没有加密",
            warning=True,
            mend="在地址中加上 sslmode=verify-full",
            code="no-tls",
        )


def _same_server(store: Connection[Any], keys: Connection[Any]) -> bool:
    try:
        here, there = store.execute(_SAME).fetchone(), keys.execute(_SAME).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return False
    return here is not None and here == there


def _room(
    store: Connection[Any], keys: Connection[Any], pool: int, *, same_server: bool
) -> Iterator[Finding]:
    """Whether there are enough connections for one API and one worker."""
    need_store, need_keys = pool + SERVE_BESIDE + WORK_STORE + SPARE, 2 * KEYS_EACH + SPARE
    on_server = need_store + need_keys if same_server else 0
    for word, connection, need in (
        (WORDS["store"], store, need_store),
        (WORDS["keys"], keys, need_keys),
    ):
        server, database, role = connection.execute(_ROOM).fetchone() or (0, -1, -1)
        name, user = _quoted(connection.info.dbname), _quoted(connection.info.user)
        most = f"接口一个、后台一个最多要 {need} 个连接"
        if 0 <= database < need:
            mend = psql(connection, f"ALTER DATABASE {name} CONNECTION LIMIT -1")
            sentence = f"该库限 {database} 个连接，而{most}"
            yield Finding(word, sentence, wrong=True, mend=mend, code="database-connections")
        if 0 <= role < need:
            mend = psql(connection, f"ALTER ROLE {user} CONNECTION LIMIT -1")
            sentence = f"登录角色 {connection.info.user} 限 {role} 个连接，而{most}"
            yield Finding(word, sentence, wrong=True, mend=mend, code="role-connections")
        wanted = max(need, on_server)
        if server < wanted:
            enough = (wanted // 50 + 2) * 50
            mend = psql(connection, f"ALTER SYSTEM SET max_connections = {enough}")
            both = "（两库同在一台服务器）" if on_server else ""
            sentence = f"服务器只有 {server} 个连接可用，接口一个、后台一个最多要 {wanted} 个{both}；改后须重启数据库"
            yield Finding(word, sentence, wrong=True, mend=mend, code="server-connections")
            if same_server:
                return


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""Rights (权限): what the roles must be able to do with the databases and what they must not, and putting it right.

What a dump of one database leaves out, and what somebody granted by hand, `hulian migrate` puts right;
`hulian doctor` finds it by the same questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql

from bootstrap.addresses import Addresses
from bootstrap.settings import SettingsFault, as_role

_MAY_CREATE = "SELECT has_database_privilege('hulian_app', current_database(), 'CREATE')"
_MAY_READ = "SELECT pg_has_role('hulian_app', 'hulian_reader', 'MEMBER')"
_REWRITABLE = """
SELECT c.relname::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE 'es\\_%'
  AND (has_table_privilege('hulian_app', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
       OR has_table_privilege('hulian_reader', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
ORDER BY 1
"""
_MEMBER = "SELECT pg_has_role(%s, %s, 'MEMBER')"
_LOGIN = "SELECT session_user::text"


class RightsRefused(SettingsFault):
    """The login of the migrations may not grant or revoke what is needed."""

    code = "rights-refused"


@dataclass(frozen=True, slots=True)
class Amiss:
    """A right that is missing or too much, and the statement that puts it right."""

    code: str
    sentence: str
    statement: sql.Composed
    as_owner: bool = False


def amiss_in_store(connection: Connection[Any]) -> Iterator[Amiss]:
    """What is wrong in the store, asked on any connection to it."""
    if not _holds(connection, _MAY_CREATE):
        name = sql.Identifier(connection.info.dbname)
        yield Amiss(
            "create-missing",
            "应用角色 hulian_app 不能在业务库中建立读模型（常见于手工恢复的库）",
            sql.SQL("GRANT CREATE ON DATABASE {} TO hulian_app").format(name),
        )
    if not _holds(connection, _MAY_READ):
        yield Amiss(
            "reader-missing",
            "应用角色 hulian_app 不属于 hulian_reader，按辖区查阅不可用",
            sql.Composed([sql.SQL("GRANT hulian_reader TO hulian_app")]),
        )
    tables = [name for (name,) in connection.execute(_REWRITABLE.encode()).fetchall()]
    if tables:
        yield Amiss(
            "events-rewritable",
            f"应用角色可以改写 {'、'.join(tables)}",
            sql.SQL(
                "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {} FROM hulian_app, hulian_reader, PUBLIC"
            ).format(sql.SQL(", ").join(map(sql.Identifier, tables))),
            as_owner=True,
        )


def amiss_with_login(connection: Connection[Any], login: str, *roles: str) -> Iterator[Amiss]:
    """The roles a login must be able to put on, and cannot."""
    for role in roles:
        if not _holds(connection, _MEMBER, login, role):
            yield Amiss(
                f"not-{role.replace('_', '-')}",
                f"登录角色 {login} 不属于 {role}",
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(login)),
            )


def put_right(where: Addresses) -> list[str]:
    """Grant and revoke what is amiss in both databases; the codes of what was. Raises `RightsRefused`."""
    done = []
    with psycopg.connect(where.store_owner, autocommit=True) as connection:
        found = list(amiss_in_store(connection))
        login = login_of(where.store)
        if login is not None:
            found += amiss_with_login(connection, login, *roles_of(login))
        done += _put_right(where.store_owner, connection, found)
    with psycopg.connect(where.keys_owner, autocommit=True) as connection:
        login = login_of(where.keys)
        if login is not None:
            done += _put_right(
                where.keys_owner, connection, list(amiss_with_login(connection, login, "hulian_keys"))
            )
    return done


def roles_of(login: str) -> tuple[str, ...]:
    """The roles a login to the store must have; the application's own role is not given the sealer's rights."""
    return ("hulian_app",) if login == "hulian_app" else ("hulian_app", "hulian_sealer")


def login_of(url: str) -> str | None:
    """Who connects by an address, None when it does not answer."""
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            row = connection.execute(_LOGIN).fetchone()
    except psycopg.OperationalError:
        return None
    return None if row is None else str(row[0])


def _put_right(owner: str, connection: Connection[Any], found: list[Amiss]) -> list[str]:
    for each in found:
        try:
            if each.as_owner:
                with psycopg.connect(as_role(owner, "hulian_owner"), autocommit=True) as as_owner:
                    as_owner.execute(each.statement)
            else:
                connection.execute(each.statement)
        except psycopg.errors.InsufficientPrivilege:
            said = each.statement.as_string(connection)
            raise RightsRefused(
                f"{each.sentence}，而升级所用的登录角色无权修复。请由数据库管理员执行：{said};"
            ) from None
    return [each.code for each in found]


def _holds(connection: Connection[Any], statement: LiteralString, *parameters: object) -> bool:
    row = connection.execute(statement, parameters).fetchone()
    return row is not None and bool(row[0])

"""Roles (角色): what must be there before the schema: the five roles, and what the login and they may do.

They are made in a transaction of their own: on a cluster of servers a role is known everywhere only after its commit.
All that the schema consists of then belongs to these roles and never to a login, so that any login that belongs to
them can migrate, back up and restore.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, LiteralString

from psycopg import Connection, errors, sql

OWNER: Final = "hulian_owner"
ROLES: Final = ("hulian_app", "hulian_keys", OWNER, "hulian_reader", "hulian_sealer")

_THERE: Final = "SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%s)"
_LOGIN: Final = "SELECT current_user::text"
# As a member that inherits, for pg_dump and pg_restore, and one that may put the role on.
_BELONGS: Final = """
SELECT r.role FROM unnest(%s::text[]) AS r (role)
WHERE NOT pg_has_role(current_user, r.role, 'USAGE')
   OR NOT pg_has_role(current_user, r.role, CASE WHEN current_setting('server_version_num')::integer < 160000
                                                 THEN 'MEMBER' ELSE 'SET' END)
"""
_READS: Final = "SELECT pg_has_role('hulian_app', 'hulian_reader', 'MEMBER')"
_MAKES_TABLES: Final = """
SELECT has_schema_privilege('hulian_owner', 'public', 'CREATE')
   AND has_schema_privilege('hulian_owner', 'public', 'USAGE')
"""
_MAKES_SCHEMAS: Final = "SELECT has_database_privilege('hulian_app', current_database(), 'CREATE')"
_RACE: Final = (errors.DuplicateObject, errors.UniqueViolation, errors.InternalError)
"""Somebody else migrates another database of the same server in the same instant."""


class NotAllowed(Exception):
    """The login may not make the roles; `statements` are for who may."""

    def __init__(self, login: str, statements: str) -> None:
        super().__init__(login)
        self.login = login
        self.statements = statements


def make_roles(connection: Connection[Any], *, schemas: bool) -> None:
    """Make the roles that are missing and give the login and them what they need; nothing where nothing is missing.

    `connection` commits by itself. `schemas`: the application makes schemas of its own here. Raises `NotAllowed`.
    """
    try:
        there = {name for (name,) in connection.execute(_THERE, [list(ROLES)]).fetchall()}
        for role in ROLES:
            if role not in there:
                _do(connection, sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        for statement in _missing(connection, schemas=schemas):
            _do(connection, statement)
    except errors.InsufficientPrivilege:
        raise _not_allowed(connection) from None


def _do(connection: Connection[Any], statement: sql.Composed) -> None:
    for _ in range(3):
        try:
            connection.execute(statement)
        except errors.InternalError:  # "tuple concurrently updated"
            continue
        except _RACE:
            pass
        return


def _missing(connection: Connection[Any], *, schemas: bool) -> Iterator[sql.Composed]:
    login = sql.Identifier(_login(connection))
    for (role,) in connection.execute(_BELONGS, [list(ROLES)]).fetchall():
        yield sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), login)
    if not _holds(connection, _READS):
        yield sql.Composed([sql.SQL("GRANT hulian_reader TO hulian_app")])
    if not _holds(connection, _MAKES_TABLES):
        yield sql.Composed([sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO hulian_owner")])
    if schemas and not _holds(connection, _MAKES_SCHEMAS):
        database = sql.Identifier(connection.info.dbname)
        yield sql.SQL("GRANT CREATE ON DATABASE {} TO hulian_app").format(database)


def _not_allowed(connection: Connection[Any]) -> NotAllowed:
    login = _login(connection)
    there = {name for (name,) in connection.execute(_THERE, [list(ROLES)]).fetchall()}
    text = [f"CREATE ROLE {role} LOGIN" for role in ROLES if role not in there]
    text += ["GRANT hulian_reader TO hulian_app"]
    text += [f"GRANT {', '.join(ROLES)} TO {sql.Identifier(login).as_string(connection)}"]
    return NotAllowed(login, "".join(f"{each}; " for each in text).strip())


def _login(connection: Connection[Any]) -> str:
    row = connection.execute(_LOGIN).fetchone()
    assert row is not None
    return str(row[0])


def _holds(connection: Connection[Any], statement: LiteralString) -> bool:
    row = connection.execute(statement).fetchone()
    return row is not None and bool(row[0])

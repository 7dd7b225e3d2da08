"""Rights (权限): the roles of the application can do what they must, and nothing that would rewrite history."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from bootstrap.addresses import Addresses
from bootstrap.cli.doctor.finding import Finding, psql
from bootstrap.database_rights import amiss_in_store, amiss_with_login, login_of, roles_of
from bootstrap.settings import as_role

MEND = "hulian migrate"


def rights(where: Addresses) -> Iterator[Finding]:
    """The rights that `hulian migrate` mends, and whether each role can be assumed."""
    found = []
    with psycopg.connect(where.store, connect_timeout=5, autocommit=True) as connection:
        found += list(amiss_in_store(connection))
        login = login_of(where.store) or ""
        found += amiss_with_login(connection, login, *roles_of(login))
        if not where.sealing and "hulian_sealer" not in roles_of(login):
            create = "CREATE ROLE hulian_service LOGIN IN ROLE hulian_app, hulian_sealer"
            yield Finding(
                "权限",
                "以 hulian_app 本身登录，后台不能封存。请另建登录角色并改写 HULIAN_DATABASE_URL（执行后设口令）",
                wrong=True,
                mend=psql(connection, create),
                code="login-is-role",
            )
    with psycopg.connect(where.keys, connect_timeout=5, autocommit=True) as connection:
        found += amiss_with_login(connection, login_of(where.keys) or "", "hulian_keys")
    for each in found:
        yield Finding("权限", each.sentence, wrong=True, mend=MEND, code=each.code)
    if not found:
        yield Finding("权限", "应用角色只能通过函数追加事件，不能改写")


def usable(where: Addresses) -> bool:
    """Whether the application's roles can be assumed in both databases."""
    try:
        for url, role in ((where.store, "hulian_app"), (where.keys, "hulian_keys")):
            psycopg.connect(as_role(url, role), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True

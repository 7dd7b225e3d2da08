"""Every statement of the store fits the migrated schema."""

from __future__ import annotations

import psycopg
from psycopg.pq import ExecStatus

from eventstore import access_records as access
from eventstore import reading
from eventstore.appending import append, append_many
from eventstore.keys import keys
from eventstore.postgres.libpq_client import Statement
from tests.database import Databases


def statements(*modules: object) -> dict[str, Statement]:
    found = [value for module in modules for value in vars(module).values()]
    found += [each for value in found if isinstance(value, tuple) for each in value]
    return {each.name.decode(): each for each in found if isinstance(each, Statement)}


OF_THE_STORE = statements(reading, append, append_many, access)
OF_THE_KEYS = {
    name: each
    for name, each in statements(keys).items()
    if name not in statements(reading, append, append_many, access)
}


def test_every_statement_can_be_prepared(databases: Databases) -> None:
    assert len(OF_THE_STORE) > 10
    with psycopg.connect(databases.app) as connection:
        for name, statement in OF_THE_STORE.items():
            made = connection.pgconn.prepare(statement.name, statement.text)
            assert made.status == ExecStatus.COMMAND_OK, (name, made.error_message)
    with psycopg.connect(databases.keyring) as connection:
        for name, statement in OF_THE_KEYS.items():
            made = connection.pgconn.prepare(statement.name, statement.text)
            assert made.status == ExecStatus.COMMAND_OK, (name, made.error_message)

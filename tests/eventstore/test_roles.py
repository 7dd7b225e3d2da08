"""Append-only by privilege: what each role may do, and what nobody may."""

from __future__ import annotations

import psycopg
import pytest

from tests.database import Databases

TABLES = [
    "es_meta",
    "es_lane",
    "es_stream",
    "es_event",
    "es_command",
    "es_claim",
    "es_index",
    "es_access",
    "es_cut",
]


def refused(address: str, statement: str) -> bool:
    with psycopg.connect(address) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO {} DEFAULT VALUES", "UPDATE {} SET ctid = ctid", "DELETE FROM {}", "TRUNCATE {}"],
)
def test_nobody_but_the_owner_writes_past_the_functions(
    databases: Databases, table: str, statement: str
) -> None:
    column = (
        "lane" if table not in ("es_meta", "es_cut") else {"es_meta": "single", "es_cut": "cut_id"}[table]
    )
    said = statement.format(table).replace("ctid", column)
    for address in (databases.app, databases.reader, databases.sealer):
        assert refused(address, said), address
    assert not refused(databases.store, said.replace("DEFAULT VALUES", f"SELECT * FROM {table} LIMIT 0"))


@pytest.mark.parametrize(
    "table", ["es_event", "es_stream", "es_index", "es_claim", "es_access", "event_readable"]
)
def test_the_reader_of_read_models_sees_no_events(databases: Databases, table: str) -> None:
    assert refused(databases.reader, f"SELECT FROM {table}")
    assert not refused(databases.app, f"SELECT FROM {table}")


def test_the_sealer_reads_events_and_nothing_about_who_looked(databases: Databases) -> None:
    assert not refused(databases.sealer, "SELECT FROM es_event")
    assert refused(databases.sealer, "SELECT FROM es_access")
    assert refused(databases.sealer, "SELECT FROM es_index")


def test_inner_functions_are_nobodys_to_call(databases: Databases) -> None:
    for call in (
        "es_refuse(0::smallint, gen_random_uuid(), 0)",
        "es_begin(0::smallint, gen_random_uuid(), '', 0, 1, 0::smallint, now())",
        "es_take_claims('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
        "es_change_index('{}', '{}', '{}', '{}', '{}', '{}', '{}')",
        "es_add_checkpoint(1, '{}', '{}', '', now())",
        "es_make_trial()",
    ):
        assert refused(databases.app, f"SELECT {call}"), call
        assert refused(databases.reader, f"SELECT {call}"), call
    assert refused(databases.reader, "SELECT es_take_cut(gen_random_uuid(), 'x')")


def test_every_function_with_the_owners_rights_has_a_pinned_search_path(databases: Databases) -> None:
    with psycopg.connect(databases.store) as connection:
        rows = connection.execute(
            "SELECT proname, proconfig, pg_get_userbyid(proowner), has_function_privilege('public', oid, 'EXECUTE')"
            " FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        ).fetchall()
    assert {row[0] for row in rows} >= {"es_append", "es_append_many", "es_record_access"}
    for name, settings, owner, anybody in rows:
        assert settings is not None, name
        assert "search_path=pg_catalog, public, pg_temp" in settings, name
        assert owner == "hulian_owner"
        assert not anybody, name


def test_the_application_makes_nothing_in_the_schema(databases: Databases) -> None:
    assert refused(databases.app, "CREATE TABLE public.es_event_2 (a int)")


def test_the_key_role_cannot_forget_that_a_key_was(databases: Databases) -> None:
    assert refused(databases.keyring, "DELETE FROM key_data")
    assert refused(databases.keyring, "UPDATE key_data SET owner = gen_random_uuid()")
    assert refused(databases.keyring, "TRUNCATE key_check")

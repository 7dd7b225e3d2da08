"""`hulian projections`: who waits outside a read model is listed with the reason, and taken in when tried again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bootstrap.server.embedded import EmbeddedPostgres
from tests.bootstrap.test_cli import SAMPLES, hulian, told


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hulian-cli-") as directory:
        home = Path(directory) / "home"
        server = EmbeddedPostgres(home / "postgres")
        yield home
        server.destroy()


def told_the_store(home: Path, *statements: str) -> None:
    server = EmbeddedPostgres(home / "postgres")
    server.start()
    try:
        with psycopg.connect(server.uri("hulian")) as connection:
            for statement in statements:
                connection.execute(statement.encode())
    finally:
        server.stop()


def test_a_parked_household_is_listed_and_tried_again(home: Path) -> None:
    workbook = str(SAMPLES / "register-sample.xlsx")
    imported = told(home, "import", "register", workbook, status=1)["imported"]
    household, other = imported[0]["id"], imported[1]["id"]
    hulian(home, "show", other)
    fine = told(home, "projections", "list")
    assert fine["parked"] == []
    assert {each["lag"] for each in fine["projections"]} == {0}
    rename = "UPDATE es_event SET name = '{}' WHERE name = '{}' AND stream_id = '" + household + "'"
    told_the_store(
        home,
        rename.format("household.not-yet-known.1", "household.applied.1"),
        "DROP SCHEMA read_chain CASCADE",
        "DELETE FROM read_model WHERE projection = 'chain'",
        "DELETE FROM read_checkpoint WHERE projection = 'chain'",
    )
    hulian(home, "show", other)  # brings the read models up to date first
    listed = told(home, "projections", "list", status=1)
    assert [(each["projection"], each["household"]) for each in listed["parked"]] == [("chain", household)]
    assert {each["lag"] for each in listed["projections"]} == {0}
    said = hulian(home, "projections", "list", status=1).stdout
    assert household in said
    assert "hulian projections retry" in said
    assert "仍未成功" in hulian(home, "projections", "retry", status=1).stdout
    told_the_store(home, rename.format("household.applied.1", "household.not-yet-known.1"))
    assert "已补上" in hulian(home, "projections", "retry", "chain", "--household", household).stdout
    assert told(home, "projections", "list")["parked"] == []
    assert "申请" in hulian(home, "show", household).stdout
    assert "没有停放的家庭" in hulian(home, "projections", "retry").stdout


def test_an_unknown_read_model_is_wrong_usage(home: Path) -> None:
    assert "projections list" in hulian(home, "projections", "retry", "chian", status=2).stderr

"""A person is erased at the end of retention: unreadable for ever, and everything else goes on as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest

from bootstrap.cli.backup.command import BackupRequest, backup
from bootstrap.cli.erase import (
    ErasureRequest,
    GroundMissing,
    GroundTellsWho,
    PersonUnknown,
    TwoMustApprove,
    erase,
    planned,
)
from bootstrap.cli.erase import carry_out as destroy
from bootstrap.cli.keys.inventory import list_keys
from bootstrap.cli.keys.open_keys import open_keys
from bootstrap.cli.keys.rotation import NothingToKeepBy, backup_destroyed, retire
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation
from domain.household.command import Command
from domain.household.retention import RetentionRuns, StillInUse
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.citizen_id import check_digit
from domain.values.person import HouseholdId
from domain.watching.alerts import RaiseAlert
from eventstore import errors
from eventstore.attachments import Look
from eventstore.keys.erasures import Warrant
from eventstore.keys.keys import ERASED
from eventstore.keys.rotation import counts
from eventstore.lanes import lane_of
from projections import registry
from projections.engine.projector import Projector
from tests.database import Databases
from tests.installations import SCRIPT, installed, told
from tests.projections.conftest import caught_up
from tests.projections.lives import codec
from tests.projections.test_engine import digests
from workers.deadlines import carry_out

VILLAGE, TOWNSHIP = "370786101215", "370786101/township"
NOW = date(2036, 11, 20)
WARRANT = Warrant("retention-over", "档鉴〔2036〕3号", "k1", ("a1", "a2"))
NUMBERS = tuple(f"99010119730412{n:03d}" for n in (1, 2, 3))


@dataclass(frozen=True)
class Archive:
    """An installation with one household of two, registered long ago."""

    settings: Settings
    installation: Installation
    household: UUID
    father: UUID
    daughter: UUID

    def erase(self, whom: UUID, subject: Any = "person", on: date = NOW, **changes: Any) -> None:
        dry_run = changes.pop("dry_run", False)
        erase(
            self.settings,
            ErasureRequest(subject, whom, WARRANT._replace(**changes), dry_run, as_json=True),
            on,
        )

    def asked(self, command: Command, household: UUID | None = None) -> UUID:
        home = HouseholdId(household) if household else None
        name = f"{type(command).__name__} {command.on} {household}"
        (answer,) = told(self.installation, [(TOWNSHIP, command)], home, name=name)
        return answer.household

    def read(self, household: UUID | None = None) -> list[str | None]:
        """Every sealed value of a household, as an officer is shown it a minute later."""
        self.installation.keys._cache.clear()
        rows = self.installation.store.load(household or self.household).rows
        sealed = [p for row in rows for p in self.installation.store.codec.encode(row.event).privates]
        return self.installation.keys.reveal(sealed, purpose="x", actor="w1", subject=self.household)


@pytest.fixture
def archive(databases: Databases, tmp_path: Path) -> Iterator[Archive]:
    settings = load_settings(home=tmp_path / "home", database_url=databases.store, keys_url=databases.keys)
    with installed(databases, settings.key_directory) as installation:
        household = register(installation, "home", ("于福来", NUMBERS[0]), ("于小妮", NUMBERS[1]))
        father, daughter = (
            member.person for member in installation.households.get(HouseholdId(household)).people.members
        )
        yield Archive(settings, installation, household, father, daughter)


def register(installation: Installation, key: str, *people: tuple[str, str]) -> UUID:
    relations = ("head", "daughter", "son")
    members = tuple(
        NewMember(f"A{n}", name, relations[n], first17 + check_digit(first17))  # type: ignore[arg-type]
        for n, (name, first17) in enumerate(people)
    )
    command = RegisterHousehold(date(2026, 3, 2), VILLAGE, members, address="福宁村七号")
    (answer,) = told(installation, [(TOWNSHIP, command)], name=key)
    return answer.household


def record(databases: Databases, owner: UUID) -> tuple[Any, ...]:
    with psycopg.connect(databases.store) as connection:
        (row,) = connection.execute(
            "SELECT subject, basis, ground, actor, approvers, done_at IS NOT NULL, entries FROM es_erasure"
            " WHERE lane = %s AND owner = %s",
            (lane_of(owner), owner),
        ).fetchall()
    return tuple(row)


def records(databases: Databases) -> int:
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT count(*) FROM es_erasure").fetchone()
    return int(row[0]) if row else -1


def test_a_person_is_erased_and_replay_and_rebuild_go_on(
    archive: Archive, databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    installation = archive.installation
    picture = uuid5(SCRIPT, "picture")
    for owner, id in ((archive.father, picture), (archive.daughter, uuid5(SCRIPT, "other"))):
        installation.attachments.put(id, owner, "photo", "image/png", b"picture of " + owner.bytes)
    projector = Projector(installation.projecting, codec(), registry.ALL)
    caught_up(projector)
    before = digests(databases.store)
    events = rows(databases.store, "SELECT * FROM es_event ORDER BY lane, position")
    state = installation.households.get(HouseholdId(archive.household))
    number = NUMBERS[0] + check_digit(NUMBERS[0])
    assert installation.store.find("id-number", number) == archive.father

    archive.erase(archive.father)

    shown = archive.read()
    assert sorted(set(shown), key=str) == sorted(
        {ERASED, "于小妮", NUMBERS[1] + check_digit(NUMBERS[1]), "福宁村七号"}
    )
    assert record(databases, archive.father) == (
        "person", "retention-over", "档鉴〔2036〕3号", "k1", ["a1", "a2"], True, 2,
    )  # fmt: skip
    assert installation.store.find("id-number", number) is None
    assert installation.store.find_all("name", "于福来") == []
    look = Look("w1", "x", archive.household)
    assert installation.attachments.get(picture, look).erased
    assert installation.attachments.get(uuid5(SCRIPT, "other"), look).data is not None
    with open_keys(archive.settings) as kept:
        assert kept.kek.current()[0] == 2
        assert {each.version: each.living for each in counts(kept.keys) if each.living} == {2: 2}

    # not a byte of the events moved, the state folds as before, every read model is built anew the same
    assert rows(databases.store, "SELECT * FROM es_event ORDER BY lane, position") == events
    assert installation.households.get(HouseholdId(archive.household)) == state
    with psycopg.connect(databases.app) as connection:
        for projection in registry.ALL:
            connection.execute(f"DROP SCHEMA read_{projection.name} CASCADE".encode())
        connection.execute("DELETE FROM read_model")
        connection.execute("DELETE FROM read_checkpoint")
    assert caught_up(Projector(installation.projecting, codec(), registry.ALL)) == len(events)
    assert digests(databases.store) == before
    with psycopg.connect(databases.store) as connection:
        parked = connection.execute("SELECT count(*) FROM read_parked").fetchone()
    assert parked == (0,)

    # the household's chain goes on, only nothing more is kept about him
    archive.asked(RaiseAlert(date(2026, 4, 2), "EN-01", "YELLOW"), archive.household)
    caught_up(projector)
    with pytest.raises(errors.OwnerErased):
        installation.keys.seal(archive.father, "name", b"x")
    told_json = json.loads(capsys.readouterr().out)
    assert told_json["erased"] == [{"id": str(archive.father), "subject": "person"}]
    assert told_json["papers"] == [str(archive.household)]


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_number_erased_may_come_again_as_another_person(archive: Archive) -> None:
    archive.erase(archive.father)
    again = register(archive.installation, "again", ("于福来", NUMBERS[0]))
    (member,) = archive.installation.households.get(HouseholdId(again)).people.members
    assert member.person != archive.father
    assert "于福来" in archive.read(again)


def test_a_household_goes_with_those_who_were_in_no_other(archive: Archive, databases: Databases) -> None:
    installation = archive.installation
    other = register(installation, "other", ("于小妮", NUMBERS[1]), ("于小宝", NUMBERS[2]))
    archive.erase(archive.household, "household", dry_run=True)
    assert records(databases) == 0
    archive.erase(archive.household, "household")
    number = NUMBERS[1] + check_digit(NUMBERS[1])
    assert set(archive.read()) == {ERASED, "于小妮", number}
    assert "于小妮" in archive.read(other)
    assert record(databases, archive.household)[0] == "household"
    assert record(databases, archive.father)[0] == "person"
    assert records(databases) == 2
    with pytest.raises(errors.StreamErased):
        archive.asked(RaiseAlert(date(2026, 4, 2), "EN-01", "YELLOW"), archive.household)
    # the deadline worker passes it by
    carry_out(installation.handler, HouseholdId(archive.household), NOW)
    # once the other household is over she goes as well
    archive.erase(other, "household")
    assert set(archive.read()) == set(archive.read(other)) == {ERASED}
    assert records(databases) == 5


def test_nobody_is_erased_before_the_file_is_over(archive: Archive, databases: Databases) -> None:
    last = date(2036, 3, 2)
    with pytest.raises(RetentionRuns) as runs:
        archive.erase(archive.father, on=last)
    assert "2036-03-02" in runs.value.sentence
    archive.erase(archive.father, on=date(2036, 3, 3), dry_run=True)
    # whoever ought never to have been recorded need not wait, but nothing may be going on
    archive.erase(archive.daughter, on=date(2026, 3, 3), basis="unlawful-record", dry_run=True)
    archive.asked(RaiseAlert(date(2026, 4, 2), "EN-01", "YELLOW"), archive.household)
    for basis in ("retention-over", "unlawful-record"):
        with pytest.raises(StillInUse):
            archive.erase(archive.father, basis=basis)
    assert records(databases) == 0
    assert archive.read().count(ERASED) == 0


def test_an_erasure_needs_a_paper_two_approvals_and_says_nothing_of_whom(
    archive: Archive, databases: Databases
) -> None:
    with pytest.raises(GroundMissing):
        archive.erase(archive.father, ground=" ")
    for approvers in ((), ("a1",), ("a1", "a1"), ("a1", "k1")):
        with pytest.raises(TwoMustApprove):
            archive.erase(archive.father, approvers=approvers)
    number = NUMBERS[0] + check_digit(NUMBERS[0])
    for ground in ("于福来去世十年", f"证件{number}", "福宁村七号档案"):
        whom, subject = (archive.household, "household") if "村" in ground else (archive.father, "person")
        with pytest.raises(GroundTellsWho):
            archive.erase(whom, subject, ground=ground)
    for unknown in (uuid5(SCRIPT, "nobody"), archive.household):
        with pytest.raises(PersonUnknown):
            archive.erase(unknown)
    assert records(databases) == 0


def test_an_erasure_that_was_interrupted_is_known_and_finished(
    archive: Archive, databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.installation.caught_up()
    wish = ErasureRequest("person", archive.father, WARRANT)
    destroy(archive.installation, planned(archive.installation, wish, NOW), WARRANT)
    assert record(databases, archive.father)[5] is False
    assert not list_keys(archive.settings, as_json=False)
    assert "没有做完" in capsys.readouterr().out
    archive.erase(archive.father, ground="另一文号")
    done = record(databases, archive.father)
    assert (done[2], done[5]) == ("档鉴〔2036〕3号", True)


def test_until_older_backups_of_the_keys_are_gone_it_is_said_that_they_hold_the_erased(
    archive: Archive, databases: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def backed_up() -> str:
        return backup(archive.settings, BackupRequest(tmp_path / "s", tmp_path / "k"))

    old = backed_up()
    archive.erase(archive.father)
    with pytest.raises(NothingToKeepBy):
        retire(archive.settings, without_backup=False)
    backed_up()
    capsys.readouterr()
    retire(archive.settings, without_backup=False)
    assert not (archive.settings.key_directory / "kek-1.key").exists()
    capsys.readouterr()
    assert not list_keys(archive.settings, as_json=True)
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert old in warning
    backup_destroyed(archive.settings, old, "k1")
    assert list_keys(archive.settings, as_json=False)
    # a backup of before put back by hand brings the key back, and it is seen
    with psycopg.connect(databases.keys) as connection:
        connection.execute(
            "UPDATE key_data SET wrapped = 'x', destroyed_at = NULL WHERE owner = %s", (archive.father,)
        )
    capsys.readouterr()
    assert not list_keys(archive.settings, as_json=False)
    assert str(archive.father) in capsys.readouterr().out

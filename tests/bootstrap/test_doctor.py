"""`hulian doctor`: each fault is really there, is found, and is gone after the very command that was printed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bootstrap.cli.doctor import server as server_checks
from bootstrap.cli.doctor.finding import Limits
from eventstore.keys.erasures import Warrant, begin_erasure
from tests.bootstrap.site import LOGIN, Site, site_in

SERVER_WIDE = {"keys-beside-store"}
"""What is true of the site all along: both databases are on one server."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="hulian-doctor-") as directory, site_in(Path(directory)) as site:
        site.household()
        with site.opened() as installation:
            installation.caught_up()
        site.hulian("audit", "seal")
        places = Path(directory) / "backups"
        words = [
            str(places / "store"),
            "--keys-to",
            str(places / "keys"),
            "--key-files-to",
            str(places / "files"),
        ]
        site.hulian("backup", *words)
        yield site


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.1)


def mended(site: Site, code: str, cwd: Path, limits: Limits | None = None) -> None:
    """Have a fault found, do what is printed, and see it gone."""
    found = site.found(limits)
    assert code in found, found
    mend = found[code].mend
    assert mend is not None
    site.shell(mend, cwd)
    # a server reads its settings again a moment after it is told to
    until(lambda: code not in site.found(limits), 5)


def test_an_installation_in_order_has_nothing_wrong(site: Site) -> None:
    assert set(site.found()) == SERVER_WIDE
    assert "✓ 业务库" in site.hulian("doctor").stdout


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_forgets_what_it_confirmed(site: Site, tmp_path: Path, setting: str) -> None:
    site.as_superuser(f"ALTER SYSTEM SET {setting} = off", "SELECT pg_reload_conf()")
    until(lambda: f"{setting}-off" in site.found(), 5)
    mended(site, f"{setting}-off", tmp_path)


@pytest.mark.parametrize("scope", [f"ROLE {LOGIN}", "DATABASE hulian", f"ROLE {LOGIN} IN DATABASE hulian"])
def test_a_login_or_database_that_does_not_wait_for_the_disk(site: Site, tmp_path: Path, scope: str) -> None:
    site.as_superuser(f"ALTER {scope} SET synchronous_commit = off")
    mended(site, "synchronous_commit-off", tmp_path)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("REVOKE CREATE ON DATABASE hulian FROM hulian_app", "create-missing"),
        ("REVOKE hulian_reader FROM hulian_app", "reader-missing"),
        ("GRANT UPDATE ON es_event TO hulian_app", "events-rewritable"),
        ("GRANT DELETE ON es_event TO PUBLIC", "events-rewritable"),
        (f"REVOKE hulian_app FROM {LOGIN}", "not-hulian-app"),
        (f"REVOKE hulian_sealer FROM {LOGIN}", "not-hulian-sealer"),
        ("REVOKE hulian_keys FROM web_keys", "not-hulian-keys"),
    ],
)
def test_a_right_that_is_missing_or_too_much(site: Site, tmp_path: Path, statement: str, code: str) -> None:
    site.as_superuser(statement)
    mended(site, code, tmp_path)
    assert set(site.found()) == SERVER_WIDE


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("ALTER DATABASE hulian CONNECTION LIMIT 5", "database-connections"),
        ("ALTER DATABASE hulian_keys CONNECTION LIMIT 5", "database-connections"),
        (f"ALTER ROLE {LOGIN} CONNECTION LIMIT 5", "role-connections"),
    ],
)
def test_a_limit_below_what_the_processes_need(site: Site, tmp_path: Path, statement: str, code: str) -> None:
    site.as_superuser(statement)
    mended(site, code, tmp_path)


def test_a_server_with_fewer_connections_than_the_pools(site: Site, tmp_path: Path) -> None:
    wide = site.but(pool_size="150")
    finding = wide.found()["server-connections"]
    assert "重启" in finding.sentence
    assert finding.mend is not None
    site.shell(finding.mend, tmp_path)
    site.server.stop()
    site.server.start()
    assert "server-connections" not in wide.found()
    site.as_superuser("ALTER SYSTEM RESET max_connections")


def test_a_superuser_or_the_role_itself_as_the_login(site: Site, tmp_path: Path) -> None:
    uri = site.server.uri
    as_superuser = site.but(database_url=uri("hulian"))
    finding = as_superuser.found()["superuser-login"]
    as_role = site.but(database_url=uri("hulian", user="hulian_app"))
    assert as_role.found()["login-is-role"].mend == finding.mend
    assert finding.mend is not None
    site.shell(finding.mend, tmp_path)
    assert set(site.but(database_url=uri("hulian", user="hulian_service")).found()) == SERVER_WIDE
    assert "superuser-login" in site.but(keys_url=uri("hulian_keys")).found()
    site.as_superuser("DROP ROLE hulian_service")


def test_databases_that_are_missing_then_empty(site: Site, tmp_path: Path) -> None:
    uri = site.server.uri
    new = site.but(
        database_url=uri("another", user="web"),
        keys_url=uri("another_keys", user="web_keys"),
        migrations_url=uri("another"),
        keys_migrations_url=uri("another_keys"),
        home=str(tmp_path / "another"),
        witness=None,
    )
    created = 0
    while "database-missing" in (found := new.found()):
        mend = found["database-missing"].mend
        assert mend is not None
        site.shell(mend, tmp_path)
        created += 1
    assert created == 2
    mended(new, "migrations-pending", tmp_path)
    assert {code for code, each in new.found().items() if each.wrong} == set()
    for name in ("another", "another_keys"):
        site.as_superuser(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_server_that_does_not_answer_or_does_not_know_us(site: Site, tmp_path: Path) -> None:
    away = f"postgresql://web@/hulian?host={tmp_path}&port=5432"
    assert site.but(database_url=away, migrations_url=away).found()["unreachable"].mend is not None
    assert site.but(database_url=away).found()["unreachable"].what == "业务库"
    unknown = site.server.uri("hulian", user="nobody_there")
    finding = site.but(database_url=unknown).found()["login-refused"]
    assert "nobody_there" in finding.sentence
    assert str(tmp_path) not in str(site.but(database_url=away).found()["unreachable"].sentence)


def test_a_database_newer_than_the_program(site: Site) -> None:
    newer = "INSERT INTO hulian_migration VALUES (9999, '9999_later.sql', 'x')"
    site.as_superuser(newer)
    finding = site.found()["schema"]
    assert "9999_later.sql" in finding.sentence
    assert "[database-newer]" in finding.sentence
    site.as_superuser("DELETE FROM hulian_migration WHERE number = 9999")
    assert set(site.found()) == SERVER_WIDE


def test_the_embedded_server_is_said_to_protect_nothing(site: Site) -> None:
    alone = site.but(database_url=None, keys_url=None, migrations_url=None, keys_migrations_url=None)
    found = alone.found()
    assert set(found) == {"embedded"}
    assert "不能防篡改" in found["embedded"].sentence
    assert "没有传输加密" in found["embedded"].sentence
    elsewhere = alone.but(home=str(site.home / "nothing"))
    assert set(elsewhere.found()) == {"not-running", "keys-new"}


def test_a_trial_store_in_earnest(site: Site) -> None:
    site.as_superuser("UPDATE es_meta SET trial = true")
    assert site.found()["trial-in-use"].wrong
    site.as_superuser("UPDATE es_meta SET trial = false")
    assert set(site.found()) == SERVER_WIDE


def test_events_of_a_newer_program(site: Site) -> None:
    moved = "UPDATE es_event SET name = '{}' WHERE name = '{}'"
    site.as_superuser(moved.format("household.not-yet-known.1", "household.registered.1"))
    finding = site.found()["events-unknown"]
    site.as_superuser(moved.format("household.registered.1", "household.not-yet-known.1"))
    assert "household.not-yet-known.1" in finding.sentence
    assert set(site.found()) == SERVER_WIDE


def test_key_files_that_others_can_read(site: Site, tmp_path: Path) -> None:
    (site.home / "keys" / "kek-1.key").chmod(0o644)
    mended(site, "keys-open", tmp_path)
    (site.home / "keys").chmod(0o755)
    mended(site, "keys-open", tmp_path)


@pytest.mark.parametrize("fault", ["key-file-missing", "key-file-wrong"])
def test_a_key_file_that_is_gone_or_another(site: Site, tmp_path: Path, fault: str) -> None:
    file = site.home / "keys" / "index-1.key"
    file.unlink()
    if fault == "key-file-wrong":
        file.write_bytes(os.urandom(32))
        file.chmod(0o600)
    (backup,) = (site.home.parent / "backups" / "files").glob("2*")
    finding = site.found()[fault]
    assert finding.mend is not None
    assert "密钥文件备份目录" in finding.mend
    site.shell(finding.mend.replace("密钥文件备份目录", str(backup)), tmp_path)
    assert set(site.found()) == SERVER_WIDE


def test_a_disk_that_is_full(site: Site, tmp_path: Path) -> None:
    mend = site.found(Limits(free_bytes=1 << 60))["disk-low"].mend
    assert mend is not None
    assert "keys" in site.shell(mend, tmp_path)


def test_a_clock_that_is_an_hour_ahead(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(hours=1)

    monkeypatch.setattr(server_checks, "datetime", Ahead)
    finding = site.found()["clock-skew"]
    assert "3600 秒" in finding.sentence
    assert finding.mend == "sudo timedatectl set-ntp true"


def test_events_recorded_in_the_future(site: Site) -> None:
    moved = "UPDATE es_event SET recorded_at = recorded_at {} interval '2 hours' WHERE name = 'household.registered.1'"
    site.as_superuser(moved.format("+"))
    assert site.found()["clock-was-ahead"].warning
    site.as_superuser(moved.format("-"))
    assert set(site.found()) == SERVER_WIDE


def test_a_household_parked_outside_a_read_model(site: Site, tmp_path: Path) -> None:
    renamed = "UPDATE es_event SET name = '{}' WHERE name = '{}'"
    site.as_superuser(
        renamed.format("household.not-yet-known.1", "household.registered.1"),
        "DROP SCHEMA read_chain CASCADE",
        "DELETE FROM read_model WHERE projection = 'chain'",
        "DELETE FROM read_checkpoint WHERE projection = 'chain'",
    )
    with site.opened() as installation:
        installation.caught_up()
    site.as_superuser(renamed.format("household.registered.1", "household.not-yet-known.1"))
    mended(site, "parked", tmp_path)


def test_events_that_wait_while_no_worker_runs(site: Site) -> None:
    limits = Limits(waiting=timedelta(0))
    site.household()
    finding = site.found(limits)["no-worker"]
    assert finding.mend == "hulian work"
    command = [sys.executable, "-m", "bootstrap", "work"]
    worker = subprocess.Popen(
        command, env={**os.environ, **site.told}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: set(site.found(limits)) == SERVER_WIDE)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


def test_events_no_checkpoint_covers(site: Site, tmp_path: Path) -> None:
    site.household()
    with site.opened() as installation:
        installation.caught_up()
    mended(site, "unsealed", tmp_path, Limits(unsealed=timedelta(0)))


def test_a_witness_that_is_missing_unreachable_behind_or_ahead(site: Site, tmp_path: Path) -> None:
    assert site.but(witness=None).found()["no-witness"].warning
    witness = Path(site.told["HULIAN_WITNESS"])
    away = witness.rename(witness.with_name("away"))
    finding = site.found()["witness-unreachable"]
    assert finding.mend == f"mount {witness}"
    away.rename(witness)
    newest = max(witness.glob("*.json"), key=lambda path: int(path.stem))
    newest.unlink()
    mended(site, "witness-behind", tmp_path)
    site.as_superuser(
        "CREATE TABLE kept AS SELECT * FROM es_checkpoint",
        f"DELETE FROM es_checkpoint WHERE number = {newest.stem}",
    )
    finding = site.found()["witness-ahead"]
    assert finding.mend == "hulian audit verify"
    assert "✗" in site.hulian("audit", "verify", status=1).stdout
    site.as_superuser(
        "INSERT INTO es_checkpoint SELECT * FROM kept ON CONFLICT DO NOTHING", "DROP TABLE kept"
    )
    assert set(site.found()) == SERVER_WIDE


@pytest.mark.parametrize("kind", ["kek", "index"])
def test_a_rotation_that_was_begun(site: Site, tmp_path: Path, kind: str) -> None:
    site.household()
    site.hulian("keys", "rotate", kind, "--only-make")
    mended(site, f"{kind}-pending", tmp_path)
    site.hulian("backup", str(tmp_path / "store"), "--keys-to", str(tmp_path / "keys"))
    mended(site, f"{kind}-retire", tmp_path)


def test_a_seal_key_that_waits_and_one_that_was_replaced(site: Site, tmp_path: Path) -> None:
    site.household()
    site.hulian("audit", "seal")
    site.hulian("keys", "rotate", "seal", "--only-make")
    mended(site, "seal-waits", tmp_path)
    mended(site, "seal-retire", tmp_path)


def test_a_seal_key_that_is_damaged(site: Site, tmp_path: Path) -> None:
    site.household()
    site.hulian("audit", "seal")
    kept = tmp_path / "密钥文件备份目录"
    shutil.copytree(site.settings.key_directory, kept)
    (site.settings.key_directory / "seal-1.pub").write_text("不是公钥")
    mended(site, "seal-key-damaged", tmp_path)


def test_an_erasure_that_was_interrupted(site: Site, tmp_path: Path) -> None:
    household = site.household()
    with site.opened() as installation:
        (member,) = installation.households.get(household).people.members  # type: ignore[arg-type]
    warrant = Warrant("unlawful-record", "档鉴〔2026〕3号", "k1", ("a1", "a2"))
    with psycopg.connect(site.server.uri("hulian"), autocommit=True) as connection:
        connection.execute("SET ROLE hulian_app")
        begin_erasure(connection, member.person, "person", warrant)
    mended(site, "erasure-open", tmp_path)


def test_backups_that_are_missing_old_or_kept_too_long(site: Site, tmp_path: Path) -> None:
    site.as_superuser("DELETE FROM key_backup", base="hulian_keys")
    mended(site, "no-backup", tmp_path)
    site.as_superuser("UPDATE key_backup SET taken_at = taken_at - interval '5 days'", base="hulian_keys")
    mended(site, "backup-old", tmp_path)
    site.as_superuser(
        "UPDATE key_backup SET taken_at = taken_at - interval '40 days' WHERE taken_at < now() - interval '1 day'",
        base="hulian_keys",
    )
    mended(site, "backup-kept", tmp_path)
    assert datetime.now(UTC) - _newest(site) < timedelta(days=1)


def _newest(site: Site) -> datetime:
    ((taken_at,),) = site.as_superuser("SELECT max(taken_at) FROM key_backup", base="hulian_keys")
    assert isinstance(taken_at, datetime)
    return taken_at

"""What the installation is told, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError

from bootstrap.settings import PortTaken, as_role, default_home, listen, load_settings
from tests.database import TestServer


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "DATABASE_URL", "KEYS_URL", "MIGRATIONS_URL", "PORT"):
        monkeypatch.delenv(f"HULIAN_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_nothing_told_means_the_embedded_database_on_loopback(tmp_path: Path) -> None:
    (tmp_path / ".hulian").mkdir()
    settings = load_settings()
    assert settings.embedded
    assert settings.home == tmp_path / ".hulian"
    assert settings.host == "127.0.0.1"
    assert settings.key_directory == tmp_path / ".hulian" / "keys"


def test_a_home_elsewhere_carries_its_keys_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HULIAN_HOME", "/srv/hulian")
    assert load_settings().key_directory == Path("/srv/hulian/keys")
    assert load_settings(home=Path("/else")).key_directory == Path("/else/keys")


def test_a_dot_env_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("HULIAN_POOL_SIZE=7\nHULIAN_LOG_LEVEL=DEBUG\nOTHER=1\n")
    assert (load_settings().pool_size, load_settings().log_level) == (7, "DEBUG")
    monkeypatch.setenv("HULIAN_POOL_SIZE", "8")
    assert load_settings().pool_size == 8


def test_home_is_the_users_own_outside_a_source_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_home() == tmp_path / "data" / "hulian"


def test_a_server_needs_both_addresses_and_they_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HULIAN_DATABASE_URL", "postgresql://clerk:secret-word@db/hulian")
    with pytest.raises(ValidationError, match="keys-url-missing"):
        load_settings()
    monkeypatch.setenv("HULIAN_KEYS_URL", "postgresql://clerk:secret-word@db/hulian")
    with pytest.raises(ValidationError, match="keys-not-apart"):
        load_settings()
    monkeypatch.setenv("HULIAN_KEYS_URL", "postgresql://keeper:secret-word@vault/keys")
    settings = load_settings()
    assert settings.migrations_url == settings.database_url
    assert settings.keys_migrations_url == settings.keys_url
    assert "secret-word" not in repr(settings)


def test_a_refused_address_does_not_show_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HULIAN_DATABASE_URL", "postgresql://clerk:secret-word@db/hulian")
    with pytest.raises(ValidationError) as refused:
        load_settings()
    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize(
    "conninfo",
    [
        "postgresql://clerk:p%40ss@db:5433/hulian?sslmode=require",
        "postgresql://clerk@/hulian?host=%2Frun%2Fhulian+x&options=-c%20search_path%3Dpublic",
        "host=/run/hulian dbname=hulian options='-c search_path=public'",
    ],
)
def test_a_role_is_added_and_nothing_else_is_changed(conninfo: str) -> None:
    before, after = conninfo_to_dict(conninfo), conninfo_to_dict(as_role(conninfo, "hulian_app"))
    options = f"{before.pop('options', '')} -c role=hulian_app".strip()
    assert after.pop("options") == options
    assert after == before


def test_the_role_is_the_one_rights_are_judged_by(server: TestServer) -> None:
    uri = as_role(server.uri("postgres"), "pg_monitor")
    with psycopg.connect(uri) as connection:
        assert connection.execute("select current_user").fetchone() == ("pg_monitor",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table public.refused ()")


def test_a_taken_port_gives_way_to_the_next_unless_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen(load_settings()) as first, listen(load_settings()) as second:
        taken = first.getsockname()[1]
        assert second.getsockname()[1] > taken
        monkeypatch.setenv("HULIAN_PORT", str(taken))
        with pytest.raises(PortTaken, match=r"\[port-taken\]"):
            listen(load_settings())

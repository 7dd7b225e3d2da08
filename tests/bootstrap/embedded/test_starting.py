"""The embedded server: starts for anybody, once, and says why when it cannot."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from bootstrap.server import embedded
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.server.home import DataMissing, EmbeddedFault, NotStarted, OtherMajorVersion
from tests.bootstrap.embedded.servers import (
    REPOSITORY,
    SMALL,
    data_of,
    value,
    write_rows,
)


def test_the_second_start_keeps_the_rows(server: EmbeddedPostgres) -> None:
    server.start()
    write_rows(server)
    server.stop()
    assert not server.running()
    server.start()
    assert value(server, "select count(*) from kept") == 1000


def test_starting_a_live_server_changes_nothing(server: EmbeddedPostgres) -> None:
    server.start()
    before = value(server, "select pg_postmaster_start_time()")
    server.start()
    EmbeddedPostgres(server.home).start()
    assert value(server, "select pg_postmaster_start_time()") == before


def test_the_server_has_no_tcp_a_fixed_order_of_text_and_chinese_time(server: EmbeddedPostgres) -> None:
    server.start()
    assert value(server, "show listen_addresses") == ""
    assert value(server, "show timezone") == "Asia/Shanghai"
    assert value(server, "show data_checksums") == "on"
    assert value(server, "show fsync") == "on"
    assert value(server, "show shared_buffers") == "16MB"
    locale = "select concat_ws(' ', datlocprovider, datlocale, pg_encoding_to_char(encoding)) from pg_database limit 1"
    assert value(server, locale) == "b C.UTF-8 UTF8"
    rules = (
        "select string_agg(distinct type || ' ' || auth_method, ', ' order by type || ' ' || auth_method) "
    )
    assert value(server, rules + "from pg_hba_file_rules") == "host reject, local trust"


def test_settings_of_the_installation_win_over_ours(server: EmbeddedPostgres) -> None:
    server.start()
    (data_of(server).parent / "conf.d" / "20-own.conf").write_text("work_mem = '7MB'\n")
    server.stop()
    server.start()
    assert value(server, "show work_mem") == "7MB"


def test_a_database_is_made_once_also_by_two_at_a_time(server: EmbeddedPostgres) -> None:
    server.start()
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(server.ensure_database, ["hulian"] * 4))
    server.ensure_database("hulian")
    with psycopg.connect(server.uri("hulian")) as connection:
        assert connection.execute("select current_database()").fetchone() == ("hulian",)


def test_four_processes_at_once_share_one_server(base: Path) -> None:
    code = (
        "import sys, psycopg; from pathlib import Path; from bootstrap.server.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start()\n"
        "with psycopg.connect(server.uri('postgres')) as connection:\n"
        "    print(connection.execute('select system_identifier, pg_postmaster_start_time()"
        " from pg_control_system()').fetchone())"
    )
    command = [sys.executable, "-c", code, str(base / "home")]
    started = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0]
    assert len(set(answers)) == 1
    assert answers[0].startswith("(")


def test_an_initialisation_cut_short_is_done_again(server: EmbeddedPostgres) -> None:
    left = server.home / "postgres" / "data.new"
    left.mkdir(parents=True)
    server.home.chmod(0o711)
    left.parent.chmod(0o711)
    (left / "PG_VERSION").write_text("18\n")
    server.start()
    assert server.running()
    assert not left.exists()


def test_an_address_before_the_first_start_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(NotStarted):
        server.uri("hulian")
    assert not server.running()
    server.stop()
    server.destroy()
    assert not server.home.exists()


def test_lost_data_are_not_replaced_by_an_empty_database(server: EmbeddedPostgres) -> None:
    server.start()
    data = data_of(server)
    server.stop()
    data.rename(data.with_name("gone"))
    with pytest.raises(DataMissing):
        server.start()


def test_data_of_another_major_version_are_refused(server: EmbeddedPostgres) -> None:
    server.start()
    data = data_of(server)
    server.stop()
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(OtherMajorVersion, match="pg_dump"):
        server.start()


def test_a_server_that_cannot_start_says_why(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "GHOST_SECONDS", 0.2)
    with pytest.raises(EmbeddedFault, match=r"no_such_setting[\s\S]*\[embedded-server-failed\]"):
        EmbeddedPostgres(base / "home", {**SMALL, "no_such_setting": "on"}).start()

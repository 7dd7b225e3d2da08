"""The embedded server survives anything: killed, lied to, swept away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.server import embedded
from bootstrap.server.embedded import EmbeddedPostgres
from tests.bootstrap.embedded.servers import (
    AS_ROOT,
    REPOSITORY,
    data_of,
    lie,
    postmaster_of,
    value,
    write_rows,
)


def test_committed_rows_survive_a_killed_postmaster(server: EmbeddedPostgres) -> None:
    server.start()
    write_rows(server)
    os.kill(postmaster_of(data_of(server)), signal.SIGKILL)
    server.start()
    assert value(server, "select count(*) from kept") == 1000


def test_committed_rows_survive_when_client_and_postmaster_are_killed(server: EmbeddedPostgres) -> None:
    code = (
        "import os, sys, psycopg; from pathlib import Path; from bootstrap.server.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start()\n"
        "connection = psycopg.connect(server.uri('postgres'), autocommit=True)\n"
        "connection.execute('create table kept as select generate_series(1, 1000) as n')\n"
        "connection.execute('begin'); connection.execute('insert into kept values (0)')\n"
        "data = connection.execute('show data_directory').fetchone()[0]\n"
        "os.kill(int(open(data + '/postmaster.pid').readline()), 9); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code, str(server.home)]
    assert subprocess.run(command, cwd=REPOSITORY, check=False, timeout=120).returncode == -signal.SIGKILL
    server.start()
    assert value(server, "select count(*) from kept") == 1000


def test_a_client_killed_while_it_starts_the_server_leaves_no_lock(server: EmbeddedPostgres) -> None:
    code = (
        "import sys; from pathlib import Path; from bootstrap.server.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server._directories.make_home()\n"
        "with server._directories.locked(): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(server.home)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    server.start()
    assert server.running()


def test_a_stale_pid_file_that_names_us_is_not_believed(server: EmbeddedPostgres) -> None:
    server.start()
    data = data_of(server)
    server.stop()
    lie(data, os.getpid())
    assert not server.running()
    server.stop()  # would signal us if it believed the file
    server.start()
    assert postmaster_of(data) != os.getpid()


@pytest.mark.parametrize("dead", [False, True], ids=["reused", "zombie"])
def test_a_stale_pid_file_that_names_a_process_of_the_same_user_is_not_believed(
    server: EmbeddedPostgres, dead: bool
) -> None:
    server.start()
    data = data_of(server)
    owner = data.stat()
    server.stop()
    as_owner = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    stranger = subprocess.Popen(["sleep", "600"], **as_owner)  # type: ignore[call-overload]
    try:
        if dead:
            os.kill(stranger.pid, signal.SIGKILL)
            os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has reaped it
        lie(data, stranger.pid)
        server.stop()
        server.start()
        assert server.running()
        assert dead or stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_whose_socket_was_swept_away_is_started_anew(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start()
    write_rows(server)
    (Path(str(value(server, "show unix_socket_directories"))) / ".s.PGSQL.5432").unlink()
    monkeypatch.setattr(embedded, "GHOST_SECONDS", 0.2)
    server.start()
    assert value(server, "select count(*) from kept") == 1000

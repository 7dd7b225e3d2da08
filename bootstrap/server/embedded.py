"""The embedded PostgreSQL (内置数据库): a supervisor over the binaries of a wheel, nothing else.

It is fit for one machine, trials, training, an offline county office and tests. The operating-system user of the
server is its superuser; there is no TCP, no TLS and no fixed port.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import errors, sql

from bootstrap.server.home import (
    DIRECTORY,
    SHARED,
    NotStarted,
    OtherMajorVersion,
    ServerDirectories,
    ServerFailed,
    make_directory,
    private_directory,
)

StopMode = Literal["smart", "fast", "immediate"]

MAJOR = "18"
SUPERUSER = "postgres"
START_SECONDS = 110
GHOST_SECONDS = 10
NO_PROCESS = 99_999_999  # above every kernel's highest PID

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",
    "random_page_cost": "1.1",
    "timezone": "Asia/Shanghai",
    "log_timezone": "Asia/Shanghai",
    "idle_in_transaction_session_timeout": "5min",
    "logging_collector": "on",
    "log_filename": "postgresql-%d.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_min_duration_statement": "1s",
    # values of statements may be about people and never belong in a log
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class EmbeddedPostgres:
    """One PostgreSQL server, its data and its socket, belonging to one `home` directory.

    The server outlives the process that started it, until `stop`. Any number of processes may hold an
    object for the same home; what they do to the server goes one after the other.
    """

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are added to, or replace, those of `SETTINGS` at the next start."""
        self._directories = ServerDirectories(home)
        self._settings = {**SETTINGS, **(settings or {})}

    @property
    def home(self) -> Path:
        """The directory it belongs to, absolute."""
        return self._directories.home

    def start(self) -> None:
        """Start the server; initialise it when there is none yet, recover it after a crash.

        Does nothing when it answers already. Raises an `EmbeddedFault`.
        """
        if self.running():
            return
        self._directories.make_home()
        with self._directories.locked():
            if self.running():
                return
            place = self._directories.place()
            if not (place / "data" / "PG_VERSION").exists():
                self._initialise(place)
            self._launch(place)

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server and wait until it has ended; does nothing when it does not run."""
        if self._directories.record_file.exists():
            with self._directories.locked():
                self._halt(mode)

    def running(self) -> bool:
        """Whether the server answers a query now."""
        if not self._directories.record().get("socket"):
            return False
        try:
            with psycopg.connect(self.uri("postgres"), connect_timeout=5, autocommit=True) as connection:
                return connection.execute("select 1").fetchone() == (1,)
        except psycopg.OperationalError as refused:
            # a server whose connections are all in use is running
            return "too many clients" in str(refused) or "remaining connection slots" in str(refused)

    def uri(self, dbname: str, user: str = SUPERUSER) -> str:
        """The address of a database for psycopg, over the Unix socket.

        Raises `NotStarted` before the first start.
        """
        socket = self._directories.record().get("socket")
        if not socket:
            raise NotStarted(f"内置数据库还没有启动过({self.home}),请先运行 hulian up。")
        return (
            f"postgresql://{quote(user, safe='')}@/{quote(dbname, safe='')}"
            f"?host={quote(str(self._directories.absolute(socket)), safe='')}&port=5432"
        )

    def ensure_database(self, name: str) -> None:
        """Create a database of that name on the running server unless it exists."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
            if found is None:
                # another process has created it at the same moment
                with contextlib.suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                    connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    def destroy(self) -> None:
        """Stop the server and delete its data, binaries, socket and record: for tests and discarded trials."""
        if not self._directories.record_file.exists():
            return
        with self._directories.locked():
            self._halt("immediate")
            record = self._directories.record()
            for place in (record.get("socket"), record.get(DIRECTORY)):
                if place:
                    shutil.rmtree(self._directories.absolute(place), ignore_errors=True)
            self._directories.record_file.unlink()
        if os.geteuid() == 0:
            with contextlib.suppress(OSError):  # goes only with its last tenant
                SHARED.rmdir()

    def _initialise(self, place: Path) -> None:
        """Make an empty cluster under another name and rename it, so that a kill leaves no half cluster."""
        user = self._directories.user()
        new = place / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        private_directory(new, user)
        initdb = self._directories.programs(place, user) / "initdb"
        command = [
            str(initdb),
            f"--pgdata={new}",
            f"--username={SUPERUSER}",
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            # the same order of text on every machine
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        made = self._directories.run(place, user, command)
        if made.returncode != 0:
            raise ServerFailed(f"无法建立数据库目录 {place / 'data'}:{made.stdout.strip()[-2000:]}")
        # the settings themselves lie outside the data, where only we can write
        _append(new / "postgresql.conf", "\ninclude_dir '../conf.d'\n")
        new.rename(place / "data")
        self._directories.remember(data=MAJOR)

    def _launch(self, place: Path) -> None:
        data = place / "data"
        version = (data / "PG_VERSION").read_text("ascii").strip()
        if version != MAJOR:
            raise OtherMajorVersion(
                f"{data} 是 PostgreSQL {version} 的数据,本程序带的是 {MAJOR}。请先用旧版导出(pg_dump)再导入。"
            )
        user = self._directories.user(place)
        program = self._directories.programs(place, user) / "pg_ctl"
        log = private_directory(place / "log", user)
        socket = self._directories.socket(place, user)
        self._write_settings(place, socket, log)
        command = [str(program), "start", "--wait", f"--timeout={START_SECONDS}"]
        command += [f"--pgdata={data}", f"--log={log / 'start.log'}"]

        said = ""
        ghosts_until = time.monotonic() + GHOST_SECONDS
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.running():
                return
            late = time.monotonic() > ghosts_until
            if _postmaster(data) is not None:  # ours: still recovering, or on its way out
                if late and not (socket / ".s.PGSQL.5432").exists():
                    self._halt("fast")  # alive, but its socket was swept away
                time.sleep(0.1)
                continue
            _disown_foreign_process(data)
            started = self._directories.run(place, user, command)
            if started.returncode != 0:
                said = started.stdout.strip()
                if late:
                    break
                time.sleep(0.25)  # processes of a killed server may hold its memory for some seconds yet
        raise ServerFailed(f"内置数据库没有启动成功:{said[-500:]}\n{_tail(log)}")

    def _write_settings(self, place: Path, socket: Path, log: Path) -> None:
        settings = {**self._settings, "unix_socket_directories": str(socket), "log_directory": str(log)}
        lines = [f"{name} = {_quoted(value)}\n" for name, value in settings.items()]
        make_directory(place / "conf.d", 0o755)
        written = place / "conf.d" / "10-hulian.conf"
        heading = "# written at every start; put your own settings into 20-….conf\n"
        written.write_text(heading + "".join(lines), "utf-8")
        written.chmod(0o644)

    def _halt(self, mode: StopMode) -> None:
        directory = self._directories.record().get(DIRECTORY)
        # checked first, because pg_ctl would signal any process that has this number now
        if directory is None or _postmaster(self._directories.absolute(directory) / "data") is None:
            return
        place = self._directories.absolute(directory)
        user = self._directories.user(place)
        program = self._directories.programs(place, user) / "pg_ctl"
        command = [str(program), "stop", f"--mode={mode}", "--wait", f"--timeout={START_SECONDS}"]
        stopped = self._directories.run(place, user, [*command, f"--pgdata={place / 'data'}"])
        if stopped.returncode != 0 and _postmaster(place / "data") is not None:
            raise ServerFailed(f"内置数据库停不下来:{stopped.stdout.strip()[-500:]}")


def _postmaster(data: Path) -> int | None:
    """The PID of the live postmaster of this data directory; None when there is none or the file is stale."""
    try:
        pid = int((data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    process = Path("/proc") / str(pid)
    if Path("/proc/self/stat").exists():
        try:
            state = (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
            here = os.path.samefile(process / "cwd", data)  # a postmaster works in its data directory
        except OSError:
            return None
        return pid if here and state not in "ZX" else None
    command = ["ps", "-o", "state=,args=", "-p", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return pid if listed and not listed.startswith("Z") and str(data) in listed else None


def _disown_foreign_process(data: Path) -> None:
    """Let a stale postmaster.pid name no process, so that a zombie or a reused PID cannot hold up the start.

    The rest of the file stays: PostgreSQL still finds there the shared memory that orphaned backends may use.
    """
    with contextlib.suppress(FileNotFoundError):
        file = os.open(data / "postmaster.pid", os.O_RDWR | os.O_NOFOLLOW)
        with os.fdopen(file, "r+", encoding="utf-8") as opened:
            _, newline, rest = opened.read().partition("\n")
            opened.seek(0)
            opened.write(f"{NO_PROCESS}{newline}{rest}")
            opened.truncate()


def _append(path: Path, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    with os.fdopen(file, "a", encoding="utf-8") as opened:
        opened.write(text)


def _quoted(value: str) -> str:
    doubled = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def _tail(log: Path) -> str:
    newest = sorted(log.glob("*.log"), key=lambda file: file.stat().st_mtime)
    return "\n".join(file.read_text("utf-8", "replace")[-1500:].strip() for file in newest)

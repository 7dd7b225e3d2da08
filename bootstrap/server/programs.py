"""PostgreSQL's own programs (pg_dump、pg_restore): find those on this machine that fit a server, and run them."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bootstrap.server.home import SERVER_DIRECTORY, WHEEL
from bootstrap.settings import SettingsFault

DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_SHOWN = 2_000
_ASK_EVERY = 0.2


class ProgramsMissing(SettingsFault):
    """No pg_dump or pg_restore here fits the server."""

    code = "postgres-programs-missing"


class ProgramFailed(SettingsFault):
    """pg_dump or pg_restore ended with an error."""

    code = "postgres-program-failed"


def server_major(url: str) -> int:
    """The major version of the server behind an address."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        return connection.info.server_version // 10_000


def program_for(name: str, least: int, told: Path | None = None) -> tuple[Path, int]:
    """The program of the lowest major version that is at least `least`, and that version.

    It is looked for in `told` if given, otherwise beside the embedded server, in Debian's folders and on the PATH.
    Raises `ProgramsMissing`.
    """
    found = sorted(
        (major, place)
        for place in _places(told)
        if (major := _major(place / name)) is not None and major >= least
    )
    if not found:
        raise ProgramsMissing(
            f"找不到适用于 PostgreSQL {least} 的 {name}。请安装 PostgreSQL {least} 或更新版的客户端程序，"
            "或用 --programs 指明其所在目录。"
        )
    major, place = found[0]
    return place / name, major


def run(
    command: Sequence[str | Path],
    url: str,
    *,
    watched: Path | None = None,
    tell: Callable[[int], None] | None = None,
) -> None:
    """Run a program on a database; the address is passed in the environment, where other users cannot see it.

    `tell` is called with the size of the `watched` file from time to time. Raises `ProgramFailed`.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **_by_environment(url)}
    program = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        umask=0o077,
    )
    try:
        while True:
            try:
                _, said = program.communicate(timeout=_ASK_EVERY)
                break
            except subprocess.TimeoutExpired:
                if watched is not None and tell is not None and watched.exists():
                    tell(watched.stat().st_size)
    except BaseException:
        program.kill()
        program.wait()
        raise
    if program.returncode != 0:
        raise ProgramFailed(f"{Path(command[0]).name} 没有成功：{said.strip()[-_SHOWN:]}")


def _places(told: Path | None) -> Iterator[Path]:
    if told is not None:
        yield told
        return
    wheel = importlib.util.find_spec(WHEEL)  # never imported: its import touches locks of its own
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        yield Path(place) / SERVER_DIRECTORY / "bin"
    if DEBIAN.is_dir():
        yield from (place / "bin" for place in DEBIAN.iterdir())
    yield from (Path(place) for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if place)


def _major(program: Path) -> int | None:
    if not os.access(program, os.X_OK):
        return None
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(told.stdout)
    return int(found[1]) if found else None


def _by_environment(url: str) -> dict[str, str]:
    names = {
        option.keyword.decode(): option.envvar.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.envvar
    }
    told = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    return {names[name]: value for name, value in told.items() if name in names}

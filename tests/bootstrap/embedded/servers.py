"""Embedded servers in tests: what is asked of them, and acting as somebody else."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import stat
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from bootstrap.server.embedded import EmbeddedPostgres

REPOSITORY = Path(__file__).resolve().parents[3]
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root starts the server as somebody else")
SMALL = {"shared_buffers": "16MB"}


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


def lie(data: Path, pid: int) -> None:
    """Leave a postmaster.pid that names another process, as a crash and a busy machine do."""
    (data / "postmaster.pid").write_text(
        f"{pid}\n{data}\n1790000000\n5432\n/tmp\n\n  1234567   1234567\nready\n"
    )

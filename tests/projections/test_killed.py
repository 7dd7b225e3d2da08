"""A projector killed at any moment loses nothing and repeats nothing: real processes, real signals."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.database import Databases, TestServer
from tests.projections.conftest import Pool
from tests.projections.lives import fill, many
from tests.projections.test_engine import count, digests

EVENTS = 12_000


def started(databases: Databases, *arguments: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.projections.mortal", databases.app, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(
    "dies",
    [
        pytest.param((400, 3), id="its rows written"),
        pytest.param((2_500, 1), id="its rows written, a long page"),
        pytest.param((2_500, 1, 1), id="its rows on their way"),
    ],
)
def test_a_worker_killed_in_mid_page_beside_another_loses_and_repeats_nothing(
    databases: Databases, server: TestServer, dies: tuple[int, ...]
) -> None:
    total = fill(databases.store, many(EVENTS))
    page = dies[0]
    dying = started(databases, *dies)
    # there are few long pages: it has its own before the others have taken all
    last_words = said(dying) if dies[1] == 1 else ""
    killed = started(databases, page)
    assert said(killed).startswith("page")
    killed.kill()  # wherever it stands
    living = started(databases, page)
    try:
        last_words += dying.communicate(timeout=60)[0]
        assert "dying" in last_words
        assert (dying.returncode, killed.wait()) == (-signal.SIGKILL, -signal.SIGKILL)
        # what the dead took with them is free again: another comes and helps to the end
        helping = started(databases, page)
        for process in (living, helping):
            process.communicate(timeout=120)
            assert process.returncode == 0
    finally:
        for process in (dying, killed, living):
            process.kill()
            process.communicate()
    assert count(databases.store, "SELECT count(*) FROM read_chain.step") == total
    with server.databases() as alone:
        assert fill(alone.store, many(EVENTS)) == total
        with_one = started(alone, 5_000)
        with_one.communicate(timeout=120)
        assert with_one.returncode == 0
        assert digests(databases.store) == digests(alone.store)


def test_workers_at_once_do_every_event_once(databases: Databases, pool: Pool) -> None:
    total = fill(databases.store, many(EVENTS // 2))
    workers = [started(databases, 300) for _ in range(2)]
    taken = [
        sum(int(line.split()[1]) for line in worker.communicate(timeout=120)[0].splitlines())
        for worker in workers
    ]
    assert all(worker.returncode == 0 for worker in workers)
    # pages may split a lane's projections between workers: each then reads it, and writes its own
    assert sum(taken) >= total
    assert all(taken)
    assert count(databases.store, "SELECT count(*) FROM read_chain.step") == total

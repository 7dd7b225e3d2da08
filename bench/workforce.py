"""The crews: one or two processes a contestant, which run samples when told and say what they used."""

from __future__ import annotations

import multiprocessing
import resource
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from bench.contestants import Contestant, Making, made
from bench.profiling import profiled, watched
from bench.rows import Sample
from bench.server import BenchServer, peak_memory


class WorkerFailed(Exception):
    """A worker process raised; the text is its traceback."""


class Crew:
    """The processes of one contestant."""

    def __init__(self, making: Sequence[Making], alone: int) -> None:
        """One process for each `making`; its clients are the shares, of which number `alone` of the first
        process works when there is one client only."""
        context = multiprocessing.get_context()
        self._alone = alone
        self._clients = [len(each.shares) - (alone < len(each.shares)) for each in making]
        self._lines: list[Connection] = []
        self._processes = []
        for each in making:
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, each), daemon=True)
            process.start()
            theirs.close()
            self._lines.append(ours)
            self._processes.append(process)
        for line in self._lines:
            _answer(line)

    def sample(self, server: BenchServer, clients: int, seconds: float) -> Sample:
        """Let one client (of one process), or all of all processes, work for so long."""
        if clients == 1:
            tasks = {self._lines[0]: [self._alone]}
        else:
            tasks = {line: list(range(n)) for line, n in zip(self._lines, self._clients, strict=True)}
        for line in tasks:
            line.send(("ready",))
        for line in tasks:
            _answer(line)
        before = server.cpu()
        for line, who in tasks.items():
            line.send(("run", who, seconds))
        answers = [_answer(line) for line in tasks]
        used = server.cpu() - before
        done = sum(answer[0] for answer in answers)
        return Sample(done, max(answer[1] for answer in answers), sum(answer[2] for answer in answers), used)

    def profile(self, seconds: float) -> str:
        """Where one client's time goes, as text."""
        self._lines[0].send(("profile", self._alone, seconds))
        return str(_answer(self._lines[0]))

    def peak(self) -> int:
        """The most memory any of its processes has held, in KiB."""
        for line in self._lines:
            line.send(("peak",))
        return max(int(_answer(line)) for line in self._lines)

    def close(self) -> None:
        """End the processes."""
        for line, process in zip(self._lines, self._processes, strict=True):
            with suppress(OSError):
                line.send(("end",))
            process.join(10)
            if process.is_alive():
                process.kill()


@contextmanager
def crew(making: Sequence[Making], alone: int) -> Iterator[Crew]:
    """A crew at work, ended on the way out."""
    working = Crew(making, alone)
    try:
        yield working
    finally:
        working.close()


def _answer(line: Connection) -> Any:
    failed, answer = line.recv()
    if failed:
        raise WorkerFailed(answer)
    return answer


def _work(line: Connection, making: Making) -> None:
    try:
        with made(making) as contestant:
            line.send((False, None))
            while True:
                match line.recv():
                    case ("ready",):
                        contestant.ready()
                        line.send((False, None))
                    case ("run", who, seconds):
                        line.send((False, _run(contestant, who, seconds)))
                    case ("profile", who, seconds):
                        line.send((False, _profile(contestant, who, seconds)))
                    case ("peak",):
                        line.send((False, peak_memory()))
                    case _:
                        return
    except BaseException:
        line.send((True, traceback.format_exc()))


def _run(contestant: Contestant, who: Sequence[int], seconds: float) -> tuple[int, float, float]:
    if len(who) == 1:
        began, used = time.perf_counter(), _cpu()
        done = _steps(contestant, who[0], began + seconds)
        return done, time.perf_counter() - began, _cpu() - used
    counts = [0] * len(who)
    errors: list[BaseException] = []
    begin = threading.Barrier(len(who) + 1)

    def work(n: int) -> None:
        begin.wait()
        try:
            counts[n] = _steps(contestant, who[n], time.perf_counter() + seconds)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(who))]
    for thread in threads:
        thread.start()
    used = _cpu()
    began = time.perf_counter()
    begin.wait()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return sum(counts), time.perf_counter() - began, _cpu() - used


def _steps(contestant: Contestant, client: int, until: float) -> int:
    done = 0
    while time.perf_counter() < until:
        contestant.step(client)
        done += 1
    return done


def _profile(contestant: Contestant, client: int, seconds: float) -> str:
    contestant.ready()
    with watched() as watch:
        done = _steps(contestant, client, time.perf_counter() + seconds)
    return f"{done} commands\n{profiled(watch)}"


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

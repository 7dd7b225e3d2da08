"""Tasks in processes of their own, begun together, and what each used."""

from __future__ import annotations

import multiprocessing
import resource
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from bench.profiling import profiled, watched
from bench.rows import Sample
from bench.server import BenchServer, peak_memory
from bootstrap.logging import configure_logging


class WorkerFailed(Exception):
    """A process raised; the text is its traceback."""


Task = Callable[..., AbstractContextManager[Callable[[], Any]]]
"""Gets ready and gives what is to be measured, any number of times, which answers how much it did, or anything
else that can be sent; a function of a module."""
Job = tuple[Task, tuple[Any, ...]]
"""A task and what it is given."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one process did, in how long, with how much CPU; its peak in KiB; a profile if asked for."""

    told: Any
    seconds: float
    cpu: float
    peak_kib: int
    profile: str


class Apart:
    """Jobs at work in processes of their own until the block ends; with the profiler on, all of the time."""

    def __init__(self, jobs: Sequence[Job], *, profile: bool = False) -> None:
        self._processes = [_Process(task, arguments, profile) for task, arguments in jobs]

    def __enter__(self) -> Apart:
        try:
            for process in self._processes:
                process.answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.end()

    def begin(self) -> None:
        """Let all begin."""
        for process in self._processes:
            process.say("go")

    def answers(self) -> list[Answer]:
        """What each answered, in order, when all are done. Raises `WorkerFailed`."""
        return [process.answer() for process in self._processes]

    def sample(self, server: BenchServer) -> tuple[Sample, int]:
        """Let all work once, which answer how much they did; together, and the highest peak in KiB."""
        before, began = server.cpu(), time.perf_counter()
        self.begin()
        answers = self.answers()
        seconds, used = time.perf_counter() - began, server.cpu() - before
        done, cpu = sum(each.told for each in answers), sum(each.cpu for each in answers)
        took = answers[0].seconds if len(answers) == 1 else seconds
        return Sample(done, took, cpu, used), max(each.peak_kib for each in answers)


def together(server: BenchServer, jobs: Sequence[Job]) -> tuple[Sample, int]:
    """One sample of jobs in new processes, and the highest peak in KiB."""
    with Apart(jobs) as apart:
        return apart.sample(server)


def profile_of(job: Job) -> str:
    """Where the time of a job goes, done once, as text."""
    with Apart([job], profile=True) as apart:
        apart.begin()
        return apart.answers()[0].profile


class _Process:
    def __init__(self, task: Task, arguments: tuple[Any, ...], profile: bool) -> None:
        context = multiprocessing.get_context()
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_guarded, args=(theirs, task, arguments, profile), daemon=True)
        self._process.start()
        theirs.close()

    def end(self) -> None:
        self._line.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def say(self, word: str) -> None:
        self._line.send(word)

    def answer(self) -> Any:
        try:
            failed, answer = self._line.recv()
        except EOFError:
            raise WorkerFailed(f"a process ended by itself ({self._process.exitcode})") from None
        if failed:
            raise WorkerFailed(answer)
        return answer


def _guarded(line: Connection, task: Task, arguments: tuple[Any, ...], profile: bool) -> None:
    configure_logging("WARNING", json=False)
    try:
        with task(*arguments) as work:
            line.send((False, None))
            while True:
                line.recv()
                line.send((False, _watched(work) if profile else _measured(work)))
    except (EOFError, BrokenPipeError):
        # the block has ended: what closing costs is nobody's sample
        pass
    except BaseException:
        line.send((True, traceback.format_exc()))


def _measured(work: Callable[[], Any]) -> Answer:
    began, used = time.perf_counter(), _cpu()
    told = work()
    return Answer(told, time.perf_counter() - began, _cpu() - used, peak_memory(), "")


def _watched(work: Callable[[], Any]) -> Answer:
    began, used = time.perf_counter(), _cpu()
    with watched() as watch:
        told = work()
    took, cpu = time.perf_counter() - began, _cpu() - used
    text = f"{told if isinstance(told, int) else ''} in {took:.2f} s\n{profiled(watch)}"
    return Answer(told, took, cpu, peak_memory(), text)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

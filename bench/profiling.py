"""Where our side's time goes: a profile of its Python, and how often and how long it waited for which statement."""

from __future__ import annotations

import cProfile
import io
import pstats
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from eventstore.postgres.libpq_client import LibpqClient

TOP: Final = 25
"""How many lines of a profile are shown."""
WIDTH: Final = 110


class Watch:
    """A profile, and by statement its calls and the seconds until the server had answered."""

    def __init__(self) -> None:
        self.profile = cProfile.Profile()
        self.statements: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def answered(self, statement: str, seconds: float) -> None:
        """Count one call."""
        with self._lock:
            calls, before = self.statements.get(statement, (0, 0.0))
            self.statements[statement] = calls + 1, before + seconds


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch this thread's Python, and the statements of the whole process.

    No extension of the server is needed: what is told is the time the client waited, its own part included.
    """
    watch = Watch()
    wire, execute = LibpqClient._rows, psycopg.Cursor.execute

    def rows(self: LibpqClient, statement: Any, parameters: Any) -> Any:
        return _timed(watch, statement.name.decode(), lambda: wire(self, statement, parameters))

    def executed(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        return _timed(watch, _short(query, self), lambda: execute(self, query, *args, **kwargs))

    try:
        LibpqClient._rows = rows  # type: ignore[method-assign]
        psycopg.Cursor.execute = executed  # type: ignore[method-assign]
        watch.profile.enable()
        yield watch
    finally:
        watch.profile.disable()
        LibpqClient._rows = wire  # type: ignore[method-assign]
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]


def profiled(watch: Watch) -> str:
    """The top of a profile: statements, then Python by own time, then by time with everything called."""
    text = io.StringIO()
    text.write(f"{'calls':>8} {'seconds':>9} {'ms each':>9}  statement\n")
    by_time = sorted(watch.statements.items(), key=lambda each: -each[1][1])
    for statement, (calls, seconds) in by_time[:TOP]:
        text.write(f"{calls:>8} {seconds:>9.3f} {seconds * 1e3 / calls:>9.3f}  {statement}\n")
    stats = pstats.Stats(watch.profile, stream=text).strip_dirs()
    stats.sort_stats("tottime").print_stats(TOP)
    stats.sort_stats("cumulative").print_stats(TOP)
    return text.getvalue()


def _timed(watch: Watch, statement: str, call: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    try:
        return call()
    finally:
        watch.answered(statement, time.perf_counter() - began)


def _short(query: Any, cursor: psycopg.Cursor[Any]) -> str:
    if not isinstance(query, str | bytes):
        query = query.as_string(cursor)
    text = query.decode() if isinstance(query, bytes) else query
    return " ".join(text.split())[:WIDTH]

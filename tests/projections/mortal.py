"""A projector in a process of its own, that can be killed: `python -m tests.projections.mortal URI PAGE [DIES]`.

It says a line for every page and ends when nothing is new. With DIES it kills itself in the middle of that page,
its rows written and nothing committed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool

from projections import registry
from projections.engine.progress import Progress
from projections.engine.projector import Projector
from tests.projections.lives import codec


class MortalProjector(Projector):
    """Dies with everything written but the checkpoints, at page number `dies`."""

    pages = 0
    dies = 0

    def _save(self, cursor: Cursor[Any], saved: Sequence[Any]) -> None:
        self.pages += 1
        if self.pages == self.dies:
            rows = cursor.execute("SELECT count(*) FROM read_chain.step").fetchone()
            print("dying", rows and rows[0], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        super()._save(cursor, saved)


def main(uri: str, page: int, dies: int = 0) -> None:
    pool: ConnectionPool[Connection[Any]]
    with ConnectionPool(uri, min_size=1, max_size=2, open=True) as pool:
        projector = MortalProjector(pool, codec(), registry.ALL, lanes=24)
        projector.dies = dies
        progress = Progress(pool)
        while any(progress.lag().values()):
            print("page", projector.page(page).events, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)

"""A projector in a process of its own: `python -m tests.projections.mortal URI PAGE [DIES [COPYING]]`.

It says a line for every page and ends when nothing is new. With DIES it kills itself in the middle of that page, its
rows written and nothing committed; with COPYING, not 0, while some of its rows are still on their way.
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
from projections.engine import projector as engine
from projections.engine import sending
from projections.engine.progress import Progress
from projections.engine.projector import Projector
from projections.engine.sending import Outbox
from tests.projections.lives import codec


class MortalOutbox(Outbox):
    """Dies at its second look at a COPY under way."""

    looks = 0

    def push(self) -> None:
        super().push()
        if self._left is not None:
            MortalOutbox.looks += 1
            if self.looks == 2:
                print("dying", len(self._left), "bytes left", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)


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


def main(uri: str, page: int, dies: int = 0, copying: int = 0) -> None:
    if copying:
        vars(sending)["_SLICE"] = 1 << 13
    pool: ConnectionPool[Connection[Any]]
    with ConnectionPool(uri, min_size=1, max_size=2, open=True) as pool:
        projector = MortalProjector(pool, codec(), registry.ALL, lanes=24)
        projector.dies = dies
        progress = Progress(pool)
        while any(progress.lag().values()):
            if copying and projector.pages == dies - 1:
                vars(engine)["Outbox"] = MortalOutbox
            print("page", projector.page(page).events, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))

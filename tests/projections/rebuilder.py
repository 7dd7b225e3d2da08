"""A projector worker in a process of its own whose projections are all one version on: it builds them anew
beside the live ones and switches. `python -m tests.projections.rebuilder URI PAGE`; ends on SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from threading import Event
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from projections import registry
from projections.engine.projector import Projector
from tests.projections.lives import codec
from workers.projector import ProjectorWorker


def main(uri: str, page: int) -> None:
    for projection in registry.ALL:
        projection.version += 1
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    pool: ConnectionPool[Connection[Any]]
    with ConnectionPool(uri, min_size=1, max_size=2, open=True) as pool:
        projector = Projector(pool, codec(), registry.ALL, lanes=48)
        print("building", flush=True)
        ProjectorWorker(projector, page=page).run(stop)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

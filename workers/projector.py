"""The projector worker (投影进程): keeps the read models up with the store, until it is told to stop."""

from __future__ import annotations

from threading import Event
from typing import Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from projections.engine.projector import Projector

_log = structlog.stdlib.get_logger(__name__)
_SHORTEST: Final = 0.05
_LONGEST: Final = 0.25
_AFTER_FAILURE: Final = 2.0
_NEARLY_THERE: Final = 5_000
"""A read model being built is switched once fewer events than this were left for a page."""


class ProjectorWorker:
    """Runs a projector; any number of workers, in any number of processes, share the lanes among them.

    While there is work it goes page by page; then it looks at the heads every 50 to 250 ms, sooner when woken.
    """

    def __init__(self, projector: Projector, *, page: int | None = None) -> None:
        """`page` is the most events of a page; without it pages grow with what waits."""
        self._projector = projector
        self._page = page
        self._woken = Event()

    def wake(self) -> None:
        """Tell the worker that something was appended; for whoever appends in the same process."""
        self._woken.set()

    def run(self, stop: Event) -> None:
        """Work until `stop` is set; the page under way is finished first. Survives the database going away."""
        pause = _SHORTEST
        while not stop.is_set():
            self._woken.clear()
            try:
                result = self._projector.page(self._page)
                if self._projector.building and result.events < (self._page or _NEARLY_THERE):
                    self._projector.switch()
            except (psycopg.OperationalError, PoolTimeout) as lost:
                _log.warning("projector waits for the database", error=type(lost).__name__)
                stop.wait(_AFTER_FAILURE)
                continue
            except Exception:
                # nothing of the page was kept; a worker that dies of it would leave all lanes standing
                _log.exception("projector page failed")
                stop.wait(_AFTER_FAILURE)
                continue
            if result.events:
                pause = _SHORTEST
                continue
            pause = _SHORTEST if self._woken.wait(pause) else min(pause * 1.25, _LONGEST)

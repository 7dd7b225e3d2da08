"""A sealer in a process of its own that dies: `python -m tests.eventstore.sealing.mortal URI FOLDER WHERE N`.

It kills itself at the N-th time it comes to WHERE: `page` (nodes and seal written, not committed), `checkpoint`
(lanes sealed, nothing signed) or `witness` (signed, not handed over).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from eventstore.postgres.pools import open_pool
from eventstore.sealing.seals import Sealer
from eventstore.sealing.signing import SealKeys
from eventstore.sealing.witness import FileWitness


class MortalSealer(Sealer):
    where = ""
    left = 0

    def _here(self, where: str) -> None:
        if where == self.where:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def _keep(self, *given: Any) -> None:
        super()._keep(*given)
        self._here("page")

    def _checkpoint(self, *given: Any) -> Any:
        self._here("checkpoint")
        return super()._checkpoint(*given)

    def _deliver(self, *given: Any) -> int:
        self._here("witness")
        return super()._deliver(*given)


def main(uri: str, folder: str, where: str, n: str) -> None:
    with open_pool(uri, size=1) as pool:
        place = Path(folder)
        sealer = MortalSealer(pool, SealKeys(place / "keys"), FileWitness(place / "witness"), page=50)
        sealer.where, sealer.left = where, int(n)
        sealer.run_once()


if __name__ == "__main__":
    main(*sys.argv[1:])

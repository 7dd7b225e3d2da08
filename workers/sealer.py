"""The sealer (封存进程): seals what is new, signs a checkpoint of it and hands it to the witness, again and again."""

from __future__ import annotations

from threading import Event as Stop
from typing import Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from eventstore.errors import StoreError
from eventstore.sealing.seals import Pass, Sealer

EVERY: Final = 60.0
"""Seconds between two passes: how long an event rests on privileges alone, at most, and how many checkpoints a day."""

_log = structlog.get_logger("sealer")


def run(sealer: Sealer, stop: Stop, pause: float = EVERY) -> None:
    """A pass every `pause` seconds until told to stop; what fails, or is refused, is tried again after the pause.

    Any number of workers may run. A refusal is said once, and again when it is another.
    """
    said = None
    while not stop.is_set():
        try:
            _told(sealer.run_once())
            said = None
        except StoreError as refused:
            if said != refused.sentence:
                _log.error("not sealed", code=refused.code, why=refused.sentence)
            said = refused.sentence
        except (psycopg.OperationalError, PoolTimeout) as lost:
            _log.warning("sealer waits for the database", error=type(lost).__name__)
        except Exception:
            _log.exception("sealing failed")
        stop.wait(pause)


def _told(done: Pass) -> None:
    if done.checkpoint is not None or done.witnessed:
        number = None if done.checkpoint is None else done.checkpoint.number
        _log.info("sealed", events=done.sealed, checkpoint=number, witnessed=done.witnessed)

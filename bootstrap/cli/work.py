"""`hulian work` (后台): what runs by itself, until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date

import structlog

from bootstrap.logging import configure_logging
from bootstrap.process import name_connections, reference_kept_current, stop_signal
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation, database, migrated_installation, sealing, today
from domain.values.person import HouseholdId
from projections.dues import awaiting
from workers import deadlines, sealer, statistics
from workers.projector import ProjectorWorker

_log = structlog.get_logger("hulian")


def command() -> None:
    """启动后台：投影与期限值守，直到收到停止信号。"""
    work(load_settings())


def work(settings: Settings) -> None:
    """Run projections, deadlines, statistics and the sealer until told to stop; each in a thread of this process."""
    configure_logging(settings.log_level, json=settings.log_json)
    name_connections("work")
    with (
        stop_signal() as stop,
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
        reference_kept_current(installation),
        sealing(where, settings) as lanes_sealer,
    ):
        threads = [
            threading.Thread(
                target=ProjectorWorker(installation.projector()).run,
                args=(stop,),
                name="projector",
            ),
            threading.Thread(
                target=deadlines.run,
                args=(installation.handler, _awaiting(installation), today, stop),
                name="deadlines",
            ),
            threading.Thread(
                target=statistics.run,
                args=(installation.store, installation.pool, installation.reference, today, stop),
                name="statistics",
            ),
            threading.Thread(target=sealer.run, args=(lanes_sealer, stop), name="sealer"),
        ]
        for thread in threads:
            thread.start()
        _log.info("working")
        stop.wait()
        for thread in threads:
            thread.join()
        _log.info("stopped")


def _awaiting(installation: Installation) -> Callable[[date], list[HouseholdId]]:
    """The households the system has something to do for, by the deadlines' read model."""

    def candidates(day: date) -> list[HouseholdId]:
        with installation.pool.connection() as connection:
            return [HouseholdId(each) for each in awaiting(connection, day)]

    return candidates

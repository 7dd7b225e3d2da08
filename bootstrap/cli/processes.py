"""The processes of an installation (进程): the API, the worker, and a development token for trying them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta

import structlog
import typer

from application.reference.adoption import ReferenceRefresh
from bootstrap.installation_state import name_connections
from bootstrap.logging import configure_logging
from bootstrap.settings import Settings, listen
from bootstrap.wiring import Installation, database, migrated_installation, sealing, today
from domain.values.person import HouseholdId
from projections.dues import awaiting

_log = structlog.get_logger("hulian")


def serve_api(settings: Settings) -> None:
    """Serve the API until told to stop."""
    from api.serve import serve
    from bootstrap.wiring import api_of

    configure_logging(settings.log_level, json=settings.log_json)
    name_connections("serve")
    socket = listen(settings)
    with database(settings) as where:
        size = settings.pool_size
        with (
            migrated_installation(
                where, settings.key_directory, pool_size=size, batching=settings.batching
            ) as installation,
            following(installation),
        ):
            serve(api_of(installation, settings), socket)


def work_on(settings: Settings) -> None:
    """Run projections, deadlines, statistics and the sealer until told to stop; each in a thread of this process."""
    from workers import deadlines, sealer, statistics
    from workers.projector import ProjectorWorker

    configure_logging(settings.log_level, json=settings.log_json)
    name_connections("work")
    with (
        stopping() as stop,
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
        following(installation),
        sealing(where, settings) as lanes_sealer,
    ):
        candidates = _awaiting(installation)
        threads = [
            threading.Thread(
                target=ProjectorWorker(installation.projector()).run,
                args=(stop,),
                name="projector",
            ),
            threading.Thread(
                target=deadlines.run,
                args=(installation.handler, candidates, today, stop),
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


FOLLOWED_EVERY = 5.0
"""Seconds until what another process adopted is decided by here at the latest."""

TRYING = ("caseworker", "finance", "operator")
"""The roles of who tries things: is caseworker, pays out, and watches the machine."""


@contextmanager
def following(installation: Installation, every: float = FOLLOWED_EVERY) -> Iterator[None]:
    """Take up what other processes adopt (packs, calendar editions, regions), in a thread, while the block runs."""
    adopted = ReferenceRefresh(installation.store, installation.pool, installation.reference)
    stop = threading.Event()

    def follow() -> None:
        said = None
        while not stop.wait(every):
            try:
                if adopted.refresh():
                    _log.info("reference data renewed")
                said = None
            except Exception as error:
                # whatever it is, decisions go on by what was in force before
                if said is not type(error):
                    _log.error("reference data not renewed", error=type(error).__name__)
                said = type(error)

    thread = threading.Thread(target=follow, name="reference")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def development_token(
    settings: Settings,
    officer: str,
    organ: str,
    hours: int = 8,
    region: str | None = None,
    roles: Sequence[str] = (),
) -> str:
    """A token for trying the API on this machine; accepted on the loopback address only.

    `region` is what it lets see: the organ's own by default, `cn` everything; `roles` are `TRYING` by default.
    A role there is not, and an organ or area that is none, are wrong usage (`typer.BadParameter`).
    """
    from api.access.identity import ROLE_WORDS, OrganUnclear, Role, issue_token

    for role in roles:
        if role not in set(Role):
            known = "、".join(f"{each}（{ROLE_WORDS[each]}）" for each in Role)
            raise typer.BadParameter(f"没有角色“{role}”。可选：{known}。", param_hint="--role")
    try:
        return issue_token(
            settings.key_directory,
            officer=officer,
            organ=organ,
            region=region,
            roles=[Role(role) for role in roles or TRYING],
            lifetime=timedelta(hours=hours),
        )
    except OrganUnclear as unclear:
        raise typer.BadParameter(str(unclear), param_hint="--organ / --region") from None


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that is set by SIGTERM or SIGINT."""
    stop = threading.Event()

    def told(*_: object) -> None:
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _awaiting(installation: Installation) -> Callable[[date], list[HouseholdId]]:
    """The households the system has something to do for, by the deadlines' read model."""

    def candidates(day: date) -> list[HouseholdId]:
        with installation.pool.connection() as connection:
            return [HouseholdId(each) for each in awaiting(connection, day)]

    return candidates

"""Load (负载): a process of clients. `python -m tests.crash.clients http|handler HOME CLIENTS SEED STARTED [PORT …]`.

It works until SIGTERM, then ends what it has begun. The one that calls the command handler may be
killed: started again, it first asks once more about what it was killed over, some of it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

import psycopg

from bootstrap.cli.exit_status import exit_status_of
from bootstrap.settings import load_settings
from bootstrap.wiring import database, opened, today
from tests.crash.entrances import HandlerDoor, HttpDoor, Stopped
from tests.crash.journal import Journal, read_journals
from tests.crash.walks import Home, Walker
from tests.scenario import reference

PAUSE = 0.04
"""Seconds a client thinks between two commands: what is under test needs the machine, too."""
READERS = 2
LISTS = ("/v1/households?limit=20", "/v1/work-items?whose=area&limit=20")
READS = ("", "/chain", "/benefit-statement", "/work-items")


def main() -> None:
    kind, home, clients, seed, started, *ports = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    os.nice(5)
    numbers = range(int(clients))
    work = _http if kind == "http" else _handler
    print("working", flush=True)
    work(Path(home), numbers, f"{seed}/{started}", [int(port) for port in ports], stop)


def _http(home: Path, numbers: range, seed: str, ports: list[int], stop: threading.Event) -> None:
    settings, shipped, day = load_settings(), reference(), today()
    homes: list[Home] = []

    def door_of(name: str, random: Random) -> HttpDoor:
        journal = Journal(home / "journal" / f"http-{name}.jsonl")
        return HttpDoor(ports, settings.key_directory, journal, name, random, stop)

    def walk(n: int) -> None:
        door = door_of(f"walker-{n}", Random(f"{seed}/doors/{n}"))
        walker = Walker(door, shipped, f"{seed}/http/{n}", day, stop, PAUSE)
        while not stop.is_set():
            walker.walk()
            homes.extend(walker.homes[-2:])

    def read(n: int) -> None:
        random = Random(f"{seed}/reads/{n}")
        door = door_of(f"reader-{n}", random)
        while not stop.wait(random.uniform(0, 2 * PAUSE)):
            if not homes or random.random() < 0.1:
                door.read(random.choice(LISTS), "list")
                continue
            known = random.choice(homes)
            view = random.choice(READS)
            door.read(f"/v1/households/{known.id}{view}", view.strip("/") or "card", (known.id,))

    def listen() -> None:
        random = Random(f"{seed}/listens")
        door = door_of("listener", random)
        while not stop.wait(0.2):
            door.listen(random.uniform(1, 5))

    works = [lambda n=n: walk(n) for n in numbers]
    _together([*works, *(lambda n=n: read(n) for n in range(READERS)), listen])


def _handler(home: Path, numbers: range, seed: str, _: list[int], stop: threading.Event) -> None:
    settings = load_settings()
    with ExitStack() as stack:
        try:
            where = stack.enter_context(database(settings))
            installation = stack.enter_context(opened(where, settings.key_directory, pool_size=4))
        except psycopg.OperationalError as away:
            # the server went while this one was starting: as every program of ours it says so, and is started again
            traceback.print_exc()
            raise SystemExit(exit_status_of(away)) from away
        before = [each for each in read_journals(home / "journal").open() if each.door == "handler"]

        def walk(n: int) -> None:
            journal = Journal(home / "journal" / f"handler-{n}.jsonl")
            door = HandlerDoor(installation.commands, installation.households, journal, f"{seed}/handler/{n}")
            for asked in before[n :: len(numbers)]:
                if asked.id.int % 3:
                    door.go_on(asked)
            walker = Walker(door, installation.reference, f"{seed}/handler/{n}", today(), stop, PAUSE)
            while not stop.is_set():
                walker.walk()

        _together([lambda n=n: walk(n) for n in numbers])  # type: ignore[misc]


def _together(works: list[Callable[[], None]]) -> None:
    """Each in a thread; what none of them expects ends the process at once, and is seen."""

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Stopped:
            return
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()

"""The driver (故障演练): load on everything, kills at random moments, recovery each time."""

from __future__ import annotations

import math
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random

import psycopg

from projections.registry import ALL
from tests.crash.journal import count_acknowledged
from tests.crash.program import RELEASE
from tests.crash.site import Register, Site, free_ports, registers_in
from tests.crash.workers import Crew, Member

APIS, WORKERS, HTTP_CLIENTS, HANDLER_CLIENTS = 2, 2, 4, 2
HOUSEHOLDS = 250
"""How many households a register has."""
REGISTERS = 12
"""The most registers a run begins; then it imports them again."""
UP_SECONDS = 120.0
FLOW_SECONDS = 20.0
"""How long a kill of the server waits for a command acknowledged since the one before."""
SERVER = ("postgres", "postmaster", "backend", "everything")

VICTIMS: Mapping[str, int] = {
    "postgres": 5,
    "postmaster": 2,
    "backend": 5,
    "api": 5,
    "worker": 4,
    "import": 4,
    "rebuild": 4,
    "handler": 2,
    "everything": 1,
}
"""Who is killed, and how often in comparison: `postgres` is the server with all its processes at one moment,
`postmaster` it alone, `backend` one of its processes; `everything` is as if the machine's power had failed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run shall be: how many kills, by which seed, how long at most (minutes), pauses between kills (s)."""

    kills: int
    seed: int
    minutes: float = 60.0
    pauses: tuple[float, float] = (0.6, 2.8)
    registers: int = REGISTERS
    households: int = HOUSEHOLDS


@dataclass(slots=True)
class Kill:
    """One kill: whom, when (s since the epoch), what the server called it, and when all it took along was up again."""

    number: int
    victim: str
    at: float
    what: str
    waits: set[str]
    again: float | None = None


@dataclass
class Run:
    """A run as it went: its kills, what was rebuilt and imported, and who ended unbidden."""

    plan: Plan
    kills: list[Kill] = field(default_factory=list)
    begun: float = field(default_factory=time.time)
    ended: float = 0.0
    rebuilt: int = 0
    imports: int = 0
    away: int = 0
    unexpected: list[str] = field(default_factory=list)
    interrupted: bool = False


Say = Callable[[str], None]


class Driver:
    """Drives one site; `drive` kills, `settle` lets everything end and finish, so that it can be checked."""

    def __init__(self, site: Site, plan: Plan, say: Say) -> None:
        self.site = site
        self.plan = plan
        self.run = Run(plan)
        self.registers: list[Register] = registers_in(
            site.home, min(plan.registers, 1 + plan.kills // 8), plan.households
        )
        self.ports = free_ports(APIS)
        self._say = say
        self._random = Random(plan.seed)
        self._release = 0
        self._turn: Iterator[Register] = cycle(self.registers)
        self._register = next(self._turn)
        self._whole: set[Path] = set()
        self._crew = Crew(site.environment, site.logs)
        self._journals: dict[Path, tuple[int, int]] = {}
        self._recovering: threading.Thread | None = None
        self._rebuild_at = time.monotonic() + 2.0
        self._server_up = True
        self._flowed = 0

    def drive(self) -> None:
        """Start everything, kill as often as planned; an interrupt ends the killing and nothing else."""
        self._man()
        until = time.monotonic() + self.plan.minutes * 60
        try:
            self._until(lambda: len(self._crew.alive()) >= len(self._crew.members) - 1, UP_SECONDS)
            self.run.begun = time.time()
            self._say(f"everything is up: {', '.join(self._crew.alive())}")
            for number in range(1, self.plan.kills + 1):
                self._pass(self._random.uniform(*self.plan.pauses))
                if time.monotonic() > until:
                    break
                self._kill(number)
            self._until(lambda: all(kill.again is not None for kill in self.run.kills), UP_SECONDS)
        except KeyboardInterrupt:
            self.run.interrupted = True
            self._say("interrupted: no more kills, everything is brought to its end and checked")
        finally:
            self.run.ended = time.time()

    def settle(self) -> None:
        """Have the clients end what they began, every register imported to its end; only the API stays."""
        crew = self._crew
        self._until(lambda: self._server_up and not self._recovers(), UP_SECONDS)
        self._until(lambda: {"api-1", "api-2"} <= set(crew.alive()), UP_SECONDS)
        self._rebuild_at = math.inf
        crew.stop(["http", "handler"], 150)
        if "rebuild" in crew.members:
            crew.stop(["rebuild"])
        # those begun and not ended are taken up again to their end
        self._turn = iter(
            [each for each in self.registers if each != self._register and each.workbook not in self._whole]
        )
        if self._register.workbook in self._whole:
            crew.stop(["import"])
            self._next_register()
        # one that cannot be imported to its end is named by the check of the imports
        patience = 60.0 + 20 * len(self.registers)
        self._until(lambda: len(self._whole) == len(self.registers), patience, or_go_on=True)
        crew.stop(["import", *(f"worker-{n + 1}" for n in range(WORKERS))])
        self.run.away, self.run.unexpected = crew.away, crew.unexpected

    def acknowledged(self) -> int:
        """How many commands were acknowledged so far."""
        return count_acknowledged(self._journals, self.site.journal)

    def close(self) -> None:
        """Nobody of the crew is left."""
        self._crew.close()
        if self._recovering is not None:
            self._recovering.join()

    # who works

    def _man(self) -> None:
        crew, home = self._crew, str(self.site.home)
        ports = [str(port) for port in self.ports]
        for n, port in enumerate(self.ports):
            serving = ("bootstrap", "serve", "--port", str(port))
            crew.add(Member(f"api-{n + 1}", lambda c=serving: c, dict, lambda _, p=port: _answers(p)))  # type: ignore[misc]
        for n in range(WORKERS):
            crew.add(self._worker(f"worker-{n + 1}", lambda: self._release))
        crew.add(Member("import", self._importing, dict, lambda _: True, self._imported))
        for kind, clients in (("http", HTTP_CLIENTS), ("handler", HANDLER_CLIENTS)):
            crew.add(
                Member(
                    kind,
                    lambda k=kind, c=clients: (  # type: ignore[misc]
                        *("tests.crash.clients", k, home, str(c), str(self.plan.seed)),
                        *(str(crew.members[k].starts), *ports),
                    ),
                    dict,
                    lambda said: "working" in said,
                )
            )

    def _worker(self, name: str, release: Callable[[], int]) -> Member:
        return Member(
            name,
            lambda: ("tests.crash.program", "work"),
            lambda: {RELEASE: str(release()), "HULIAN_LOG_LEVEL": "INFO"},
            lambda said: '"working"' in said,
        )

    def _importing(self) -> Sequence[str]:
        return ("bootstrap", "import", "register", str(self._register.workbook), "--json")

    def _imported(self, status: int) -> bool:
        if status != 0:
            return False
        self.run.imports += 1
        self._whole.add(self._register.workbook)
        self._next_register()
        return True

    def _next_register(self) -> None:
        """The one after the last; once the run is over only those that are not whole, each once."""
        following = next(self._turn, None)
        if following is None:
            self._crew.members["import"].wanted = False
        else:
            self._register = following
            self._crew.members["import"].wanted = True

    # who is killed

    def _kill(self, number: int) -> None:
        victims = list(VICTIMS)
        victim = self._random.choices(victims, [VICTIMS[each] for each in victims])[0]
        chance = self._random.random()
        self._until(
            lambda: self._server_up and not self._recovers() and bool(self._targets(victim)), UP_SECONDS
        )
        if victim in SERVER:
            # the next one shall fall into work under way, not upon a server nobody has come back to
            self._until(lambda: self.acknowledged() > self._flowed, FLOW_SECONDS, or_go_on=True)
            self._flowed = self.acknowledged()
        self._tend()  # who came up meanwhile is told before they are killed again
        targets = self._targets(victim)
        if not targets and victim not in SERVER:
            # ended by itself meanwhile: somebody else is killed in its place
            self._kill(number)
            return
        at, what, waits = time.time(), "", set(targets)
        if victim == "backend":
            what, waits = self.site.kill_backend(chance), {"postgres"}
        elif victim in ("postgres", "postmaster"):
            what, waits = self.site.kill_server(alone=victim == "postmaster"), {"postgres"}
        elif victim == "everything":
            what = self.site.kill_server()
            for name in targets:
                self._crew.kill(name)
            waits = {"postgres", *targets}
        else:
            what = targets[int(chance * len(targets))]
            waits = {what}
            self._crew.kill(what)
        self.run.kills.append(Kill(number, victim, at, what, waits))
        if "postgres" in waits:
            self._recover()

    def _targets(self, victim: str) -> list[str]:
        """Who can be killed of this kind now."""
        alive = self._crew.alive()
        if victim in ("postgres", "postmaster", "backend"):
            return ["postgres"] if self._server_up else []
        if victim == "everything":
            return [name for name in alive if name != "http"]
        return [name for name in alive if name.startswith(victim)]

    def _recover(self) -> None:
        """Have the server answer again, beside everything else."""
        self._server_up = False

        def recover() -> None:
            # a server that lost one process starts anew by itself; `start` waits for it, or starts it
            while not self.site.answers():
                self.site.server.start()
            self._server_up = True

        self._recovering = threading.Thread(target=recover, name="recovery")
        self._recovering.start()

    def _recovers(self) -> bool:
        return self._recovering is not None and self._recovering.is_alive()

    # what goes on meanwhile

    def _pass(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tend()

    def _until(self, reached: Callable[[], bool], seconds: float, *, or_go_on: bool = False) -> None:
        until = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > until:
                if or_go_on:
                    return
                raise NotUpAgain(", ".join(sorted(set(self._crew.members) - set(self._crew.alive()))))
            self._tend()

    def _tend(self) -> None:
        came = set(self._crew.tend())
        if self._server_up:
            came.add("postgres")
        for kill in self.run.kills:
            if kill.again is None:
                kill.waits -= came
                if not kill.waits:
                    kill.again = time.time()
                    self._tell(kill)
        if time.monotonic() >= self._rebuild_at:
            self._rebuild_at = time.monotonic() + 0.25
            with suppress(psycopg.Error):
                self._rebuilding()
        time.sleep(0.03)

    def _tell(self, kill: Kill) -> None:
        assert kill.again is not None
        what = f" ({kill.what})" if kill.what else ""
        self._say(
            f"kill {kill.number}/{self.plan.kills}: {kill.victim}{what}, up again after"
            f" {kill.again - kill.at:.1f} s, {self.acknowledged()} commands acknowledged"
        )

    def _rebuilding(self) -> None:
        """A release whose read models are one version on: built beside, switched, then the workers follow."""
        member = self._crew.members.get("rebuild")
        if member is not None and member.wanted:
            with psycopg.connect(
                self.site.server.uri("hulian"), connect_timeout=2, autocommit=True
            ) as connection:
                rows = connection.execute("SELECT projection, version FROM read_model WHERE live").fetchall()
            live: dict[str, int] = dict(rows)
            if not all(live.get(each.name) == each.version + self._release + 1 for each in ALL):
                return
            self._release += 1
            self.run.rebuilt += 1
            self._say(f"release {self._release}: every read model was rebuilt and switched")
            self._crew.stop(["rebuild"])
            for n in range(WORKERS):
                self._crew.replace(f"worker-{n + 1}")
            self._rebuild_at = time.monotonic() + self._random.uniform(3, 8)
        elif member is None:
            self._crew.add(self._worker("rebuild", lambda: self._release + 1))
        else:
            member.wanted, member.due = True, 0.0


class NotUpAgain(RuntimeError):
    """Something that was killed did not come up again in time; the message names it."""


@contextmanager
def driven(site: Site, plan: Plan, say: Say) -> Iterator[Driver]:
    """A site founded, driven and settled, its API still up; nobody is left on the way out."""
    say("starting PostgreSQL, migrating, adopting packs")
    site.found()
    driver = Driver(site, plan, say)
    try:
        driver.drive()
        say("settling: clients end, registers are imported to their end")
        driver.settle()
        yield driver
    finally:
        driver.close()


def victims_of(run: Run) -> Counter[str]:
    """How often who was killed."""
    return Counter(kill.victim for kill in run.kills)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=0.5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False

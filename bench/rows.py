"""What a row of the bench is, and how a module offers some.

A module of the bench measures one thing. It is named once in `bench.__main__.MODULES` (`"http": "bench.http"`), and
offers one function, which prepares its own databases (`bench.databases`), measures all
contestants in turn, round by round, audits every sample, and answers::

    def measure(server: BenchServer, extent: Extent) -> Outcome:
        ours, bare = Measure("HuLian, masked", unit="requests"), Measure("bare endpoint", unit="requests")
        for n in range(extent.few(5, quick=1)):               # rounds
            for contestant in rotated([ours, bare], n):
                contestant.samples.append(…)                   # Sample(done, seconds, client_cpu, server_cpu)
        rows = [rates("chain over HTTP, masked: rate / bare endpoint", ours, bare, must=0.5, goal=0.7),
                amount("county and month", milliseconds, "ms", must=10.0, goal=5.0)]
        return Outcome(rows, [ours, bare], audited=…, profile=… if extent.profiled(rows) else "")

Raise `AuditFailed` where the database does not hold what was claimed. `extent.quick` asks for a run of seconds that
shows correctness, audits included; its figures count for nothing. Nothing of a module may outlive `measure`, no
process and no connection; databases go with the server, large ones should be dropped before (`server.drop`).
An installation of its own, packs adopted, costs a module a second: `bench.databases.installed(server, name)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeVar

Each = TypeVar("Each")


class AuditFailed(Exception):
    """The database does not hold what a contestant was counted for."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a run is: `quick` shows in seconds that everything works, otherwise figures are wanted."""

    quick: bool
    profile: bool = False

    def few(self, full: int, *, quick: int) -> int:
        """A size: the one of a full run or the one of a quick run."""
        return quick if self.quick else full

    def profiled(self, rows: Sequence[Row]) -> bool:
        """Whether our side is to be profiled: when it was asked for, or something was missed in earnest."""
        return self.profile or (not self.quick and any(row.met == "missed" for row in rows))


@dataclass(frozen=True, slots=True)
class Sample:
    """What one sample did: units of work, seconds, and the CPU seconds of clients and server."""

    done: int
    seconds: float
    client_cpu: float
    server_cpu: float

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.done / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU a unit, client and server together."""
        return (self.client_cpu + self.server_cpu) * 1e3 / max(self.done, 1)


@dataclass(slots=True)
class Measure:
    """One contestant as measured: a sample a round, and the most memory any of its processes held (KiB).

    `unit` is what is counted, in the plural; `clients` how many worked at once.
    """

    contestant: str
    unit: str = "commands"
    clients: int = 1
    samples: list[Sample] = field(default_factory=list)
    peak_kib: int = 0

    @property
    def rates(self) -> list[float]:
        """Units a second, by round."""
        return [each.rate for each in self.samples]

    @property
    def cpus(self) -> list[float]:
        """Milliseconds of CPU a unit, by round."""
        return [each.cpu_ms for each in self.samples]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with what it must and should be; `lowest` and `highest` of all rounds.

    `unit` empty: a ratio. `must` None: for information. `at_most`: smaller is better.
    """

    what: str
    value: float
    lowest: float
    highest: float
    must: float | None = None
    goal: float | None = None
    at_most: bool = False
    unit: str = ""

    @property
    def met(self) -> str:
        """`goal`, `must`, `missed`, or empty when nothing is asked."""
        if self.must is None:
            return ""
        if self.goal is not None and self._good(self.goal):
            return "goal"
        return "must" if self._good(self.must) else "missed"

    def _good(self, asked: float) -> bool:
        return self.value <= asked if self.at_most else self.value >= asked


@dataclass(slots=True)
class Outcome:
    """What a module found: rows, contestants as measured, how many samples were audited without a difference.

    `notes` are sentences shown under the table: sizes, what was left out. `data` goes into the JSON file only.
    `profile` is the text written to `--out` when a row was missed.
    """

    rows: list[Row]
    measures: list[Measure] = field(default_factory=list)
    audited: int = 0
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    profile: str = ""


def ratios(
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    must: float | None = None,
    goal: float | None = None,
    *,
    at_most: bool = False,
) -> Row:
    """The median of the ratios within the rounds."""
    found = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Row(what, median(found), min(found), max(found), must, goal, at_most)


def rates(
    what: str, ours: Measure, theirs: Measure, must: float | None = None, goal: float | None = None
) -> Row:
    """Our rate in theirs, by rounds."""
    return ratios(what, ours.rates, theirs.rates, must, goal)


def cpus(
    what: str, ours: Measure, theirs: Measure, must: float | None = None, goal: float | None = None
) -> Row:
    """Our CPU a unit in theirs, by rounds; less is better."""
    return ratios(what, ours.cpus, theirs.cpus, must, goal, at_most=True)


def amount(
    what: str, values: Sequence[float], unit: str, must: float | None = None, goal: float | None = None
) -> Row:
    """A figure of ours alone, of which little is good: the median of the rounds."""
    return Row(what, median(values), min(values), max(values), must, goal, True, unit)


def rotated(entries: Sequence[Each], by: int) -> list[Each]:
    """The same entries begun elsewhere, so that nobody always comes after the same one."""
    at = by % len(entries)
    return [*entries[at:], *entries[:at]]


def megabytes(kib: int) -> float:
    """KiB, as the kernel tells them, in the megabytes that DESIGN asks for."""
    return kib * 1024 / 1e6

"""The journal (流水): what clients asked, on disk before it was sent, and what they were answered, on disk after.

A file a client, a line of JSON a note; what a killed client left half written was never sent.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from application.describing.commands import parse
from application.handling.request import Request
from domain.values.person import HouseholdId
from domain.values.receipt import Actor

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One command as it was asked: its id in the store, the door it went through, what was said and by whom.

    `base` is the version it was based on (If-Match), `key` the Idempotency-Key; only through the HTTP door.
    """

    id: UUID
    door: str
    do: str
    fields: Fields
    officer: str
    organ: str
    household: UUID | None = None
    base: int | None = None
    key: str | None = None

    @property
    def request(self) -> Request:
        """The same as the command handler is asked it."""
        household = None if self.household is None else HouseholdId(self.household)
        actor = Actor(self.officer, self.organ)
        return Request(self.id, parse(self.do, self.fields), actor, household, self.base)


@dataclass(frozen=True, slots=True)
class Seen:
    """One answered read: by an officer of that read alone, of which households and areas."""

    officer: str
    what: str
    subjects: tuple[UUID, ...]


@dataclass
class Told:
    """All journals of a run: what was asked, answered, refused and read; `times` are of asking and answering."""

    asked: dict[UUID, Asked] = field(default_factory=dict)
    answered: dict[UUID, Fields] = field(default_factory=dict)
    refused: dict[UUID, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    times: dict[UUID, tuple[float, float | None]] = field(default_factory=dict)

    def acknowledged(self) -> Iterator[tuple[Asked, Fields]]:
        """What was acknowledged to have been carried out, with its answer."""
        return ((self.asked[id], answer) for id, answer in self.answered.items())

    def open(self) -> Iterator[Asked]:
        """What was asked and never answered."""
        return (
            asked for id, asked in self.asked.items() if id not in self.answered and id not in self.refused
        )


class Journal:
    """One client's journal; every note is on the disk when the call returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # what a killed predecessor left half written must not swallow our first line
        cut = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if cut:
            os.write(self._file, b"\n")

    def asks(self, asked: Asked) -> None:
        """Note a command that is about to be sent."""
        self._note(
            "ask",
            id=str(asked.id), door=asked.door, do=asked.do, fields=asked.fields, officer=asked.officer,
            organ=asked.organ, household=_text(asked.household), base=asked.base, key=asked.key,
        )  # fmt: skip

    def answered(self, id: UUID, answer: Fields) -> None:
        """Note that a command was carried out, or was no news, with all it was answered."""
        self._note("ack", id=str(id), answer=answer)

    def refused(self, id: UUID, code: str) -> None:
        """Note that a command was answered with a refusal."""
        self._note("refused", id=str(id), code=code)

    def saw(self, seen: Seen) -> None:
        """Note what a read showed."""
        self._note(
            "saw", officer=seen.officer, what=seen.what, subjects=[str(each) for each in seen.subjects]
        )

    def close(self) -> None:
        os.close(self._file)

    def _note(self, kind: str, **what: Any) -> None:
        line = json.dumps({"k": kind, "t": time.time(), **what}, ensure_ascii=False, default=str)
        os.write(self._file, f"{line}\n".encode())
        os.fsync(self._file)


def read_journals(directory: Path) -> Told:
    """Everything the clients of a run noted."""
    told = Told()
    notes = []
    for path in directory.glob("*.jsonl"):
        for line in path.read_bytes().split(b"\n"):
            try:
                notes.append(json.loads(line))
            except ValueError:
                continue  # half written by a client that was killed over it
    # one client may have been answered what another was killed over
    for note in sorted(notes, key=lambda each: float(each["t"])):
        _take(told, note)
    return told


def count_acknowledged(files: dict[Path, tuple[int, int]], directory: Path) -> int:
    """How many commands were acknowledged so far; `files` remembers how far each journal was counted."""
    for path in directory.glob("*.jsonl"):
        at, count = files.get(path, (0, 0))
        with path.open("rb") as opened:
            opened.seek(at)
            new = opened.read()
        files[path] = (at + len(new), count + new.count(b'{"k": "ack"'))
    return sum(count for _, count in files.values())


def _take(told: Told, note: Mapping[str, Any]) -> None:
    at = float(note["t"])
    if note["k"] == "saw":
        subjects = tuple(UUID(each) for each in note["subjects"])
        told.seen.append(Seen(note["officer"], note["what"], subjects))
        return
    id = UUID(note["id"])
    if note["k"] == "ask":
        household = None if note["household"] is None else UUID(note["household"])
        told.asked[id] = Asked(
            id, note["door"], note["do"], note["fields"], note["officer"], note["organ"], household,
            note["base"], note["key"],
        )  # fmt: skip
        told.times.setdefault(id, (at, None))
        return
    if note["k"] == "ack":
        told.answered[id] = note["answer"]
    else:
        told.refused[id] = note["code"]
    told.times[id] = (told.times[id][0], at)


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def longest(values: Sequence[float], share: float) -> float:
    """The value that so large a share of these are at or below; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

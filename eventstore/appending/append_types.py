"""The words of the append contract: what a call says, and what it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from domain.values.private import Private
from eventstore.events.envelope import Envelope
from eventstore.lanes import lane_of


@dataclass(frozen=True, slots=True)
class CommandKey:
    """A command's id, the same for every retry, and a keyed hash of what was asked."""

    id: UUID
    hash: bytes


class StreamAppend(NamedTuple):
    """Events for one stream that is expected at a version: 0 when it must be new.

    `closes` ends the stream with these events: nothing can be appended after them.
    """

    stream: UUID
    category: str
    expected: int
    envelopes: Sequence[Envelope]
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A holder's (household's) right to a key (person) for `[valid_from, valid_to)`."""

    kind: str
    key: UUID
    holder: UUID
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The end of a holder's claim: from `valid_to` on; None when it should never have been."""

    kind: str
    key: UUID
    holder: UUID
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class ClaimChanges:
    """Claims to release and to take; releases come first."""

    take: Sequence[Claim] = ()
    release: Sequence[Release] = ()

    def __bool__(self) -> bool:
        return bool(self.take or self.release)


NO_CLAIMS = ClaimChanges()


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A clear text by which an owner shall be found; only its keyed hash is stored.

    An ID number (`id-number`) belongs to one owner: another one raises `ClaimConflict("identity")`. So does one
    the owner was `known` by, when they are found by it no more.
    """

    kind: str
    text: str = field(repr=False)
    owner: UUID
    known: bool = False


@dataclass(frozen=True, slots=True)
class IndexRelease:
    """A private value its owner shall be found by no more, as it is sealed; entries of others are left alone."""

    value: Private[str]


@dataclass(frozen=True, slots=True)
class OneAppend:
    """One command with its one stream, and what it claims and is found by."""

    command: CommandKey
    stream: StreamAppend
    claims: ClaimChanges = NO_CLAIMS
    index: Sequence[IndexEntry | IndexRelease] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did: per stream its version after, and the position of its last event in its lane.

    `news` is False when there was nothing to append and nothing was written; `repeated` is True when this is
    the answer of the same command sent before.
    """

    streams: tuple[UUID, ...]
    versions: tuple[int, ...]
    positions: tuple[int, ...]
    recorded_at: datetime | None
    repeated: bool = False
    news: bool = True
    result: bytes | None = None

    @property
    def reached(self) -> dict[int, int]:
        """By lane, the position a reader must have reached to see all of it."""
        reached: dict[int, int] = {}
        for stream, position in zip(self.streams, self.positions, strict=False):
            lane = lane_of(stream)
            reached[lane] = max(position, reached.get(lane, 0))
        return reached


@dataclass(frozen=True, slots=True)
class Cut:
    """The positions of all lanes at one moment (截点), by lane: what a report names and rests on."""

    id: UUID
    positions: tuple[int, ...]
    taken_at: datetime

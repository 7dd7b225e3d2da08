"""One lane verified (逐通道核对): every event's digest, the lane's tree, its heads, what was kept of the tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from struct import Struct
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.types.string import ByteaBinaryLoader

from eventstore.events.digest import digest
from eventstore.sealing.chain import Mark
from eventstore.sealing.faults import Fault
from eventstore.sealing.merkle import (
    HASH_BYTES,
    LEVELS,
    TILE,
    TILE_LEVELS,
    Frontier,
    empty_root,
    event_leaf,
    hash_of,
)

_LONG: Final = Struct(">q")
_INT: Final = Struct(">i")
_SINCE_1970: Final = 946_684_800_000_000
_DAY_ZERO: Final = date(2000, 1, 1).toordinal()
_MOST_FILLED: Final = 1_000_000
_NEVER: Final = 1 << 62
_UNREADABLE: Final = date.min
_EVENTS: Final = """
SELECT position, stream_id, version, event_id, name, effective_on, recorded_at, meta, data, private, digest
FROM es_event WHERE lane = %s AND position > %s ORDER BY position LIMIT %s
"""
_STREAMS: Final = """
SELECT stream_id, version, last_recorded_at FROM es_stream
WHERE lane = %s AND stream_id > %s ORDER BY stream_id LIMIT %s
"""
_FIRST_STREAM: Final = """
SELECT stream_id, version, last_recorded_at FROM es_stream WHERE lane = %s ORDER BY stream_id LIMIT %s
"""
_NODES: Final = """
SELECT level, index, hash FROM es_seal_node
WHERE lane = %s AND level = %s AND index >= %s AND index <= %s
"""
_EXTRA: Final = """
SELECT level, index FROM es_seal_node
WHERE lane = %s AND (NOT level = ANY(%s) OR index < 0 OR (index + 1) > (%s >> level)) ORDER BY level, index LIMIT 100
"""


class LaneCheck:
    """Reads a lane once, in order, and says what is wrong with it."""

    def __init__(
        self,
        connection: Connection[Any],
        algorithm: int,
        lane: int,
        page: int,
        told: Callable[[int, int], None],
    ) -> None:
        self._connection = connection
        self._algorithm = algorithm
        self._hash = hash_of(algorithm)
        self._lane = lane
        self._page = page
        self._told = told
        self._days: dict[bytes | None, date | None] = {None: None}
        self._streams: dict[bytes, tuple[int, int]] = {}
        self._nodes: list[tuple[int, int, bytes]] = []
        self._tiles: list[int] = []
        """Tiles of 256 leaves whose kept hash is not that of the events."""
        self._above: list[tuple[int, int]] = []
        """Kept hashes higher up that are not those of the events: level, index."""
        self._tree = Frontier(self._hash, on_node=lambda *node: self._nodes.append(node))
        self._whole = True
        """Whether the tree can still be compared: a gap too wide to be filled ends that."""
        self._sealed = 0
        self._at_seal: list[bytes] | None = None
        """The complete subtrees at the size the lane is sealed to."""
        self._marks: Iterator[Mark] = iter(())
        self._mark: Mark | None = None
        self._stop = 0
        self._fitting, self._fits = 0, True
        self._reached = 0
        self._seal_mark: Mark | None = None
        """The mark of the size the lane is sealed to, when there is one."""
        self._changed: list[tuple[int, Mark]] = []
        """Marks that do not fit, each with the first position after the last one that did."""
        self.events = 0

    def faults(self, marks: Iterator[Mark], signed: int) -> Iterator[Fault]:
        """What is wrong with the lane; `signed` is its size under the newest checkpoint."""
        lane = self._lane
        head = self._connection.execute("SELECT position FROM es_lane WHERE lane = %s", [lane]).fetchone()
        seal = self._connection.execute(
            "SELECT size, root, frontier FROM es_seal WHERE lane = %s", [lane], binary=True
        ).fetchone()
        sealed = 0 if seal is None else max(0, seal[0])
        reached = yield from self._read(marks, sealed)
        if head is None:
            yield Fault("lane-missing", lane=lane)
        elif head[0] != reached:
            yield Fault("head-mismatch", lane=lane, expected=head[0], found=reached)
        if reached < signed:
            yield Fault("sealed-missing", lane=lane, position=reached + 1, until=signed)
        yield from self._stream_rows()
        yield from self._altered(seal)
        yield from self._seal_row(seal, signed)
        yield from self._kept_nodes(sealed)

    def _read(self, marks: Iterator[Mark], sealed: int) -> Any:
        """All events of the lane; a generator of faults that returns the last position."""
        cursor = self._raw_cursor()
        self._marks, self._sealed = marks, sealed
        self._mark = next(marks, None)
        self._passed()
        # The hot loop: names are local, and what is wrong is looked into elsewhere.
        lane, algorithm, hash, append = self._lane, self._algorithm, self._hash, self._tree.append
        streams, days, unpack = self._streams, self._days, _LONG.unpack
        expected = 0
        more = True
        while more:
            rows = cursor.execute(_EVENTS, [lane, expected, self._page]).fetchall()
            more = len(rows) == self._page
            for row in rows:
                position, stream, version, event_id, name, day, at, meta, data, private, kept = row
                expected += 1
                if position != expected:
                    yield Fault("position-gap", lane=lane, position=expected, until=position - 1)
                    self._fill(position - expected)
                    expected = position
                recorded = unpack(at)[0]
                before = streams.get(stream)
                if before is None or version != before[0] + 1 or recorded < before[1] or stream[15] != lane:
                    yield from self._out_of_order(row, recorded, before)
                streams[stream] = (version, recorded)
                on = days[day] if day in days else self._day(day)
                if on is _UNREADABLE:
                    yield self._fault("event-unreadable", row)
                elif digest(algorithm, event_id, stream, version, name, on, meta, data, private) != kept:
                    yield self._fault("digest-mismatch", row)
                try:
                    leaf = event_leaf(hash, lane, position, recorded + _SINCE_1970, kept)
                except OverflowError:
                    yield self._fault("event-unreadable", row)
                    leaf = b""
                append(leaf)
                if expected >= self._stop:
                    self._passed()
            self.events += len(rows)
            self._compare()
            self._told(lane, len(rows))
        return expected

    def _out_of_order(
        self, row: tuple[Any, ...], recorded: int, before: tuple[int, int] | None
    ) -> Iterator[Fault]:
        stream, version = row[1], row[2]
        if stream[15] != self._lane:
            yield self._fault("wrong-lane", row)
        # The library's own aggregates, which have no legal day, may begin at 0.
        expected = before[0] + 1 if before is not None else 0 if version == 0 and row[5] is None else 1
        if version != expected:
            yield self._fault("version-gap", row, expected=expected, found=version)
        if before is not None and recorded < before[1]:
            yield self._fault("recorded-backwards", row)

    def _passed(self) -> None:
        """Hold the tree against the marks of its size now; `_stop` is the size at which to come again."""
        size = self._tree.size
        if size == self._sealed:
            self._at_seal = list(self._tree.subtrees)
        while self._mark is not None and self._mark.size <= size:
            if self._mark.size == size and self._whole:
                self._reached = self._mark.checkpoint
                if size == self._sealed:
                    self._seal_mark = self._mark
                good = self._tree.root() == self._mark.root
                if self._fits and not good:
                    self._changed.append((self._fitting + 1, self._mark))
                self._fits = good
                if good:
                    self._fitting = size
            self._mark = next(self._marks, None)
        stops = [self._sealed] if self._sealed > size else []
        if self._mark is not None:
            stops.append(self._mark.size)
        self._stop = min(stops, default=_NEVER)

    def _raw_cursor(self) -> Cursor[Any]:
        """A cursor that hands ids, days and instants over as their bytes."""
        cursor = self._connection.cursor(binary=True)
        for kind in ("uuid", "timestamptz", "date"):
            cursor.adapters.register_loader(kind, ByteaBinaryLoader)
        return cursor

    def _fault(
        self, code: str, row: tuple[Any, ...], expected: int | None = None, found: int | None = None
    ) -> Fault:
        stream, event = UUID(bytes=row[1]), UUID(bytes=row[3])
        return Fault(code, self._lane, row[0], event=event, stream=stream, expected=expected, found=found)

    def _day(self, raw: bytes) -> date | None:
        try:
            day = date.fromordinal(_DAY_ZERO + _INT.unpack(raw)[0])
        except (ValueError, OverflowError):
            return _UNREADABLE
        if len(self._days) < _MOST_FILLED:
            self._days[raw] = day
        return day

    def _fill(self, missing: int) -> None:
        """Let nothing stand for what is missing, so that what comes after keeps its place in the tree."""
        if missing > _MOST_FILLED:
            self._whole = False
            return
        for _ in range(missing):
            self._tree.append(b"")
            if self._tree.size >= self._stop:
                self._passed()

    def _compare(self) -> None:
        """Hold the hashes of subtrees completed since against those kept."""
        nodes = [node for node in self._nodes if (node[1] + 1) << node[0] <= self._sealed]
        self._nodes.clear()
        if not self._whole:
            return
        for level in {node[0] for node in nodes}:
            found = {index: hash for at, index, hash in nodes if at == level}
            kept = {
                index: hash
                for _, index, hash in self._connection.execute(
                    _NODES, [self._lane, level, min(found), max(found)], binary=True
                ).fetchall()
            }
            for index, hash in found.items():
                if kept.get(index) != hash:
                    if level == TILE_LEVELS:
                        self._tiles.append(index)
                    else:
                        self._above.append((level, index))

    def _altered(self, seal: tuple[Any, ...] | None) -> Iterator[Fault]:
        """The positions among which something was altered, as narrow as what was kept and signed allows."""
        narrowed = self._narrowed(seal)
        for first, mark in self._changed:
            spans = [
                (max(first, low), min(mark.size, high))
                for low, high in narrowed
                if low <= mark.size and high >= first
            ]
            for low, high in spans or [(first, mark.size)]:
                yield Fault("root-mismatch", self._lane, low, high, checkpoint=mark.checkpoint)
        for low, high in narrowed:
            if self._changed and low > self._changed[-1][1].size:
                yield Fault("root-mismatch", self._lane, low, high, checkpoint=self._reached)

    def _narrowed(self, seal: tuple[Any, ...] | None) -> list[tuple[int, int]]:
        """Where what was kept differs from the events, as far as it can be believed; nothing when it tells nothing."""
        mark = self._seal_mark
        tiles = [(index * TILE + 1, (index + 1) * TILE) for index in self._tiles]
        if mark is None or seal is None or self._at_seal is None or not self._signed_frontier(seal, mark):
            return tiles
        # The kept frontier leads to the signed root, so each of its hashes is to be believed.
        spans, start = [], 0
        kept = [seal[2][at : at + HASH_BYTES] for at in range(0, len(seal[2]), HASH_BYTES)]
        heights = [bit for bit in range(mark.size.bit_length() - 1, -1, -1) if mark.size >> bit & 1]
        for height, hash, found in zip(heights, kept, self._at_seal, strict=True):
            end = start + (1 << height)
            if hash != found:
                within = [tile for tile in tiles if start < tile[0] <= end]
                spans += within or [(start + 1, end)]
            start = end
        return spans

    def _signed_frontier(self, seal: tuple[Any, ...], mark: Mark) -> bool:
        if seal[0] != mark.size or len(seal[2]) != mark.size.bit_count() * HASH_BYTES:
            return False
        frontier = Frontier.of_bytes(self._hash, mark.size, seal[2])
        return bool(frontier.root() == mark.root)

    def _seal_row(self, seal: tuple[Any, ...] | None, signed: int) -> Iterator[Fault]:
        """The lane's seal: at least as far as signed, and of these events. A changed event was named already."""
        if seal is None or seal[0] < signed or seal[0] > self._tree.size:
            yield Fault("seal-mismatch", self._lane)
            return
        size, root, packed = seal
        if self._changed or not self._whole:
            return
        if size == 0:
            sound = root in (None, empty_root(self._hash)) and packed == b""
        else:
            at = self._at_seal or []
            sound = packed == b"".join(at) and root == Frontier(self._hash, size, at).root()
        if not sound:
            yield Fault("seal-mismatch", self._lane, position=1, until=size)

    def _kept_nodes(self, sealed: int) -> Iterator[Fault]:
        """Kept hashes that are wrong while the events are right, and those that should not be there."""
        if not self._changed:
            for level, index in [*((TILE_LEVELS, index) for index in self._tiles), *self._above]:
                first = (index << level) + 1
                yield Fault("node-mismatch", self._lane, first, (index + 1) << level)
        extra = self._connection.execute(_EXTRA, [self._lane, list(LEVELS), sealed]).fetchall()
        for _ in extra:
            yield Fault("node-mismatch", self._lane)

    def _stream_rows(self) -> Iterator[Fault]:
        """Every stream's row, held against the last of its events."""
        cursor = self._raw_cursor()
        rows = cursor.execute(_FIRST_STREAM, [self._lane, self._page]).fetchall()
        while rows:
            for stream, version, recorded in rows:
                last = self._streams.pop(stream, None)
                if last is None or last != (version, _LONG.unpack(recorded)[0]):
                    found = 0 if last is None else last[0]
                    yield Fault(
                        "stream-mismatch",
                        self._lane,
                        stream=UUID(bytes=stream),
                        expected=version,
                        found=found,
                    )
            if len(rows) < self._page:
                break
            after = UUID(bytes=rows[-1][0])
            rows = cursor.execute(_STREAMS, [self._lane, after, self._page]).fetchall()
        for stream in self._streams:
            yield Fault("stream-missing", self._lane, stream=UUID(bytes=stream))

"""The chain of checkpoints (检查点链) checked, in the store and at the witness; what lanes are then held against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from eventstore.sealing.checkpoint import Checkpoint, CheckpointMalformed, empty_roots, parse
from eventstore.sealing.faults import Fault
from eventstore.sealing.signing import PublicKeys
from eventstore.sealing.witness import Witness, WitnessUnreadable

_MARK: Final = Struct(">qq32s")
_IN_MEMORY: Final = 1 << 14
_PAGE: Final = 200
_ROWS: Final = """
SELECT number, sizes, roots, text, taken_at FROM es_checkpoint WHERE number > %s ORDER BY number LIMIT %s
"""


class Mark(NamedTuple):
    """What a lane's root was at a size, by a checkpoint that can be believed."""

    size: int
    checkpoint: int
    root: bytes


class Marks:
    """The marks of all lanes asked for, in the order of checkpoints; beyond a few they lie in temporary files."""

    def __init__(self, algorithm: int, lanes: Iterable[int]) -> None:
        self._files: dict[int, IO[bytes]] = {
            lane: SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed by `__exit__`)
            for lane in lanes
        }
        self._sizes = [0] * 256
        self._roots = list(empty_roots(algorithm))
        self.newest = 0
        """The number of the newest checkpoint believed; 0 for none."""
        self.sizes: tuple[int, ...] = tuple(self._sizes)
        """The sizes of the newest checkpoint believed."""

    def __enter__(self) -> Marks:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, checkpoint: Checkpoint) -> None:
        """Hold lanes against this checkpoint too."""
        for lane, file in self._files.items():
            size, root = checkpoint.sizes[lane], checkpoint.roots[lane]
            if size != self._sizes[lane] or root != self._roots[lane]:
                file.write(_MARK.pack(size, checkpoint.number, root))
                self._sizes[lane], self._roots[lane] = size, root
        self.newest = checkpoint.number
        self.sizes = checkpoint.sizes

    def of(self, lane: int) -> Iterator[Mark]:
        """A lane's marks, sizes ascending; where a checkpoint shrank, which was found before, it is left out."""
        file = self._files[lane]
        file.seek(0)
        reached = 0
        while packed := file.read(_MARK.size):
            size, number, root = _MARK.unpack(packed)
            if size >= reached:
                reached = size
                yield Mark(size, number, root)


class Chain:
    """Checks every checkpoint kept, and every one witnessed; collects the marks of those to be believed."""

    def __init__(
        self,
        connection: Connection[Any],
        store: UUID,
        algorithm: int,
        keys: PublicKeys,
        witness: Witness | None,
        marks: Marks,
    ) -> None:
        self._connection = connection
        self._store = store
        self._algorithm = algorithm
        self._keys = keys
        self._witness = witness
        self._marks = marks
        self.checkpoints = 0
        self.witnessed = 0

    def faults(self) -> Iterator[Fault]:
        """What is wrong with the checkpoints, in their order."""
        kept = self._kept()
        row = next(kept, None)
        if not self._keys.keys and row is not None:
            yield Fault("keys-missing")
        before: Checkpoint | None = None
        number = 0
        for reached, witnessed in self._witnessed():
            while row is not None and (reached is None or row[0] < reached):
                yield from self._missing(number + 1, row[0] - 1)
                number = row[0]
                if reached is not None:
                    yield Fault("witness-missing", checkpoint=number)
                found = yield from self._sound(row, before)
                if found is not None:
                    self._marks.add(found)
                before, row = found, next(kept, None)
            if reached is None:
                break
            assert witnessed is not None
            mine = row if row is not None and row[0] == reached else None
            yield from self._missing(number + 1, reached - 1)
            number = reached
            found = None
            if mine is not None:
                found = yield from self._sound(mine, before)
                row = next(kept, None)
            else:
                yield Fault("checkpoint-missing", checkpoint=reached)
            believed = yield from self._believed(reached, witnessed)
            if mine is not None and believed is not None and mine[1:4] != _columns(believed):
                yield Fault("checkpoint-differs", checkpoint=reached)
            before = believed or found
            if before is not None:
                self._marks.add(before)

    def _kept(self) -> Iterator[tuple[Any, ...]]:
        after = -(1 << 62)
        while rows := self._connection.execute(_ROWS, [after, _PAGE], binary=True).fetchall():
            yield from rows
            after = rows[-1][0]

    def _witnessed(self) -> Iterator[tuple[int | None, Checkpoint | WitnessUnreadable | None]]:
        if self._witness is not None:
            yield from self._witness.each()
        yield None, None

    def _missing(self, first: int, last: int) -> Iterator[Fault]:
        if first == last:
            yield Fault("checkpoint-missing", checkpoint=first)
        elif first < last:
            yield Fault("checkpoint-missing", checkpoint=first, why=f"{first}–{last}")

    def _sound(self, row: tuple[Any, ...], before: Checkpoint | None) -> Any:
        """A checkpoint kept, if it can be believed; a generator of its faults that returns it or None."""
        number, sizes, roots, text, taken_at = row
        self.checkpoints += 1
        try:
            checkpoint = Checkpoint(parse(text), tuple(sizes), tuple(roots))
        except CheckpointMalformed as malformed:
            yield Fault("checkpoint-malformed", checkpoint=number, why=str(malformed.facts["why"]))
            return None
        why = self._wrong(checkpoint, number)
        if why is None and taken_at != checkpoint.note.at:
            why = "时间不同"
        if why is not None:
            yield Fault("checkpoint-mismatch", checkpoint=number, why=why)
        signed = not self._keys.keys or checkpoint.note.signed_by(self._keys)
        if not signed:
            yield Fault("checkpoint-signature", checkpoint=number)
        linked = (number == 1) == (checkpoint.note.before is None)
        if before is not None and before.number == number - 1:
            linked = checkpoint.note.before == before.note.chain_hash
        if not linked:
            yield Fault("checkpoint-chain", checkpoint=number)
        yield from _shrunk(before, checkpoint)
        return checkpoint if why is None and signed else None

    def _believed(self, number: int, witnessed: Checkpoint | WitnessUnreadable) -> Any:
        """A checkpoint witnessed, if it can be believed; a generator of its faults that returns it or None."""
        if isinstance(witnessed, WitnessUnreadable):
            yield Fault("witness-unreadable", checkpoint=number, why=str(witnessed.facts["why"]))
            return None
        self.witnessed += 1
        why = self._wrong(witnessed, number)
        if why is None and self._keys.keys and not witnessed.note.signed_by(self._keys):
            why = "不是用本系统的封存密钥签署的"
        if why is not None:
            yield Fault("witness-malformed", checkpoint=number, why=why)
            return None
        return witnessed

    def _wrong(self, checkpoint: Checkpoint, number: int) -> str | None:
        note = checkpoint.note
        if note.number != number:
            return f"正文的编号为 {note.number}"
        if note.store != self._store:
            return f"正文属于另一个库 {note.store}"
        if note.algorithm != self._algorithm:
            return "正文所用的摘要算法与库不同"
        return checkpoint.wrong()


def _columns(checkpoint: Checkpoint) -> tuple[list[int], list[bytes], str]:
    return list(checkpoint.sizes), list(checkpoint.roots), checkpoint.text


def _shrunk(before: Checkpoint | None, checkpoint: Checkpoint) -> Iterator[Fault]:
    if before is None or len(before.sizes) != len(checkpoint.sizes):
        return
    for lane, (old, new) in enumerate(zip(before.sizes, checkpoint.sizes, strict=True)):
        if new < old:
            yield Fault("checkpoint-shrunk", lane=lane, checkpoint=checkpoint.number, expected=old, found=new)

"""Witnesses (见证): keep checkpoints where whoever rules the store does not; here, in a folder.

A folder is only as good as the place it lies in: another machine, or a medium that is taken away.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from eventstore.errors import StoreError
from eventstore.lanes import LANES
from eventstore.sealing.checkpoint import Checkpoint, CheckpointMalformed, parse
from eventstore.sealing.merkle import empty_root, hash_of, verify_consistency

_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_FILE: Final = re.compile(r"([1-9][0-9]*)\.json")


class WitnessRefused(StoreError):
    """见证处拒收检查点 {number}：{why}。"""


class WitnessFork(WitnessRefused):
    """见证处已有内容不同的检查点 {number}：历史出现分叉，数据可能被篡改或从备份恢复。请执行 hulian audit verify。"""


class WitnessAhead(WitnessRefused):
    """见证处已到检查点 {number}，库中只到 {ours}：可能被篡改或从旧备份恢复。确系恢复的，请留存原见证目录，另设新的。"""


class WitnessSkipped(WitnessRefused):
    """见证处拒收检查点 {number}：应先交编号 {expected}。"""


class WitnessUnlinked(WitnessRefused):
    """见证处拒收检查点 {number}：它不接在已见证的上一个检查点之后。"""


class WitnessShrunk(WitnessRefused):
    """见证处拒收检查点 {number}：通道 {lane} 的事件数由 {before} 减为 {after}。"""


class WitnessInconsistent(WitnessRefused):
    """见证处拒收检查点 {number}：通道 {lane} 的新树不是由已见证的旧树增长而来。"""


class WitnessUnreadable(StoreError):
    """见证文件 {path} 无法读取：{why}。"""


class Witness(Protocol):
    """Who keeps checkpoints elsewhere, and takes only what continues what it has."""

    def newest(self) -> Checkpoint | None:
        """The last checkpoint taken, None when there is none."""
        ...

    def take(self, checkpoint: Checkpoint, proofs: Mapping[int, Sequence[bytes]]) -> None:
        """Take a checkpoint, with a proof of consistency for every lane that grew; raises `WitnessRefused` kinds.

        The same checkpoint again is no news.
        """
        ...

    def each(self) -> Iterator[tuple[int, Checkpoint | WitnessUnreadable]]:
        """All checkpoints taken, in order, each with its number; those that cannot be read as why not."""
        ...


class FileWitness:
    """A folder of checkpoints, `<number>.json` with `text`, `sizes` and `roots` (base64); none is overwritten."""

    def __init__(self, folder: Path) -> None:
        """The folder is looked at only when it is used, and never made: what is not mounted is not replaced."""
        self._folder = folder
        self._newest: Checkpoint | None = None

    def newest(self) -> Checkpoint | None:
        number = 0 if self._newest is None else self._newest.number
        if number and self._path(number).exists():
            # Others may have handed over what follows; a look at the next file is cheaper than at all.
            while self._path(number + 1).exists():
                number += 1
        else:
            number = max(self._numbers(), default=0)
        if number == 0:
            self._newest = None
        elif self._newest is None or self._newest.number != number:
            self._newest = self._read(number)
        return self._newest

    def take(self, checkpoint: Checkpoint, proofs: Mapping[int, Sequence[bytes]]) -> None:
        # What came before is looked up first: another sealer may hand this very checkpoint over at any moment.
        before = self.newest()
        if self._path(checkpoint.number).exists():
            if self._read(checkpoint.number) != checkpoint:
                raise WitnessFork(number=checkpoint.number)
            return
        self._accept(checkpoint, before, proofs)
        if not self._put(checkpoint) and self._read(checkpoint.number) != checkpoint:
            raise WitnessFork(number=checkpoint.number)
        self._newest = checkpoint

    def each(self) -> Iterator[tuple[int, Checkpoint | WitnessUnreadable]]:
        for number in sorted(self._numbers()):
            try:
                yield number, self._read(number)
            except WitnessUnreadable as unreadable:
                yield number, unreadable

    def _accept(
        self, new: Checkpoint, before: Checkpoint | None, proofs: Mapping[int, Sequence[bytes]]
    ) -> None:
        number = new.number
        expected = 1 if before is None else before.number + 1
        if number < expected:
            raise WitnessFork(number=number)
        if number > expected:
            raise WitnessSkipped(number=number, expected=expected)
        wrong = new.wrong()
        if wrong is not None:
            raise WitnessRefused(number=number, why=wrong)
        chain = None if before is None else before.note.chain_hash
        others = before is not None and (
            before.note.store != new.note.store or before.note.algorithm != new.note.algorithm
        )
        if new.note.before != chain or others:
            raise WitnessUnlinked(number=number)
        hash = hash_of(new.note.algorithm)
        for lane in range(LANES):
            old, root = (0, empty_root(hash)) if before is None else (before.sizes[lane], before.roots[lane])
            size = new.sizes[lane]
            if size < old:
                raise WitnessShrunk(number=number, lane=lane, before=old, after=size)
            if not verify_consistency(hash, old, size, proofs.get(lane, ()), root, new.roots[lane]):
                raise WitnessInconsistent(number=number, lane=lane)

    def _numbers(self) -> list[int]:
        try:
            names = os.listdir(self._folder)
        except OSError as error:
            raise WitnessUnreadable(path=self._folder, why=error.strerror) from None
        return [int(match[1]) for name in names if (match := _FILE.fullmatch(name))]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.json"

    def _read(self, number: int) -> Checkpoint:
        path = self._path(number)
        try:
            kept = json.loads(path.read_text("utf-8"))
            roots = tuple(b64decode(root, validate=True) for root in kept["roots"])
            found = Checkpoint(parse(kept["text"]), tuple(int(size) for size in kept["sizes"]), roots)
        except OSError as error:
            raise WitnessUnreadable(path=path, why=error.strerror) from None
        except (ValueError, KeyError, TypeError, AttributeError, CheckpointMalformed) as error:
            raise WitnessUnreadable(path=path, why=str(error)) from None
        if found.number != number:
            raise WitnessUnreadable(path=path, why=f"其中是检查点 {found.number}")
        return found

    def _put(self, checkpoint: Checkpoint) -> bool:
        """Write the file, whole or not at all; False when there is one already."""
        content = json.dumps(
            {
                "text": checkpoint.text,
                "sizes": checkpoint.sizes,
                "roots": [b64encode(root).decode() for root in checkpoint.roots],
            },
            ensure_ascii=False,
        )
        path = self._path(checkpoint.number)
        draft = self._folder / f".{path.name}.{secrets.token_hex(8)}"
        try:
            with draft.open("x", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if not _linked(draft, path):
                return False
        except OSError as error:
            raise WitnessUnreadable(path=path, why=error.strerror) from None
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return True


def _linked(draft: Path, path: Path) -> bool:
    """Give a whole file its name; False when there is one of that name."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS or path.exists():
            raise
        # Sticks and some shared folders know no links; one sealer hands over to such a witness.
        draft.rename(path)
    return True

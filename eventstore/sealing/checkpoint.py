"""Checkpoints (检查点): the signed text that says how far every lane is sealed, and under which root."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from eventstore.errors import StoreError
from eventstore.lanes import LANES
from eventstore.sealing.merkle import HASH_BYTES, NAMES, empty_root, hash_of, lane_leaves, root_of
from eventstore.sealing.signing import PublicKeys, Signer, key_hash

FORMAT: Final = "hulian.seal/1"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_ALGORITHMS: Final = {name: algorithm for algorithm, name in NAMES.items()}


class CheckpointMalformed(StoreError):
    """检查点正文不合格式：{why}。"""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name, the four bytes that name it, the signature."""

    name: str
    key_hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint's text taken apart. `before` is the hash of the text before, None for the first."""

    text: str
    store: UUID
    number: int
    total: int
    root: bytes
    at: datetime
    before: bytes | None
    algorithm: int
    signatures: tuple[Signature, ...]

    @property
    def body(self) -> bytes:
        """What is signed: everything before the empty line, with its last line's end."""
        return self.text[: self.text.index("\n\n") + 1].encode()

    @property
    def chain_hash(self) -> bytes:
        """The hash of the whole text with its signatures, which the next checkpoint names."""
        return hash_of(self.algorithm)(self.text.encode())

    def signed_by(self, keys: PublicKeys) -> bool:
        """Whether one of the signatures is of a key known, under the name of this store."""
        name = key_name(self.store)
        return any(
            each.name == name and keys.verify(name, each.key_hash, each.signature, self.body)
            for each in self.signatures
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as it is kept: its note, and the sizes and roots of all lanes that it stands for."""

    note: Note
    sizes: tuple[int, ...]
    roots: tuple[bytes, ...]

    @property
    def number(self) -> int:
        return self.note.number

    @property
    def text(self) -> str:
        return self.note.text

    def wrong(self) -> str | None:
        """Why sizes and roots are not those that were signed; None when they are."""
        if len(self.sizes) != LANES or len(self.roots) != LANES:
            return f"应有 {LANES} 条通道"
        if any(size < 0 for size in self.sizes) or any(len(root) != HASH_BYTES for root in self.roots):
            return "通道的大小或树根不合格式"
        if sum(self.sizes) != self.note.total:
            return "各通道大小之和与正文不符"
        if lane_tree_root(self.note.algorithm, self.sizes, self.roots) != self.note.root:
            return "各通道树根与正文的总根不符"
        return None


def key_name(store: UUID) -> str:
    """The name under which a store's checkpoints are signed."""
    return f"hulian-{store}"


def lane_tree_root(algorithm: int, sizes: Sequence[int], roots: Sequence[bytes]) -> bytes:
    """The root of the tree over all lanes."""
    hash = hash_of(algorithm)
    return root_of(hash, lane_leaves(hash, sizes, roots))


def issue(
    store: UUID,
    number: int,
    algorithm: int,
    sizes: Sequence[int],
    roots: Sequence[bytes],
    at: datetime,
    before: Note | None,
    signer: Signer,
) -> Checkpoint:
    """Write and sign a checkpoint; `before` is the one it follows, None for the first."""
    body = "".join(
        f"{line}\n"
        for line in (
            f"{FORMAT} {store}",
            number,
            sum(sizes),
            _base64(lane_tree_root(algorithm, sizes, roots)),
            at.astimezone(UTC).isoformat(timespec="microseconds"),
            "-" if before is None else _base64(before.chain_hash),
            NAMES[algorithm],
        )
    )
    name = key_name(store)
    named_by = key_hash(name, signer.public, signer.type)
    signature = _base64(named_by + signer.sign(body.encode()))
    return Checkpoint(parse(f"{body}\n\u2014 {name} {signature}\n"), tuple(sizes), tuple(roots))


def parse(text: str) -> Note:
    """A checkpoint's text taken apart; its signatures are not looked at. Raises `CheckpointMalformed`."""
    body, empty, signed = text.partition("\n\n")
    lines = body.split("\n")
    if not empty or len(lines) != 7:
        raise CheckpointMalformed(why="应为七行正文、一个空行和签名")
    head, number, total, root, at, before, algorithm = lines
    kind, _, store = head.partition(" ")
    if kind != FORMAT:
        raise CheckpointMalformed(why=f"首行应以 {FORMAT} 开头")
    if algorithm not in _ALGORITHMS:
        raise CheckpointMalformed(why=f"不认识的摘要算法 {algorithm}")
    if not _NUMBER.fullmatch(number) or not _NUMBER.fullmatch(total):
        raise CheckpointMalformed(why="编号和总数应为整数")
    try:
        note = Note(
            text,
            UUID(store),
            int(number),
            int(total),
            _hash(root),
            datetime.fromisoformat(at),
            None if before == "-" else _hash(before),
            _ALGORITHMS[algorithm],
            tuple(_signatures(signed)),
        )
    except ValueError as error:
        raise CheckpointMalformed(why=str(error)) from None
    if note.at.tzinfo is None:
        raise CheckpointMalformed(why="时间缺少时区")
    return note


def empty_roots(algorithm: int) -> tuple[bytes, ...]:
    """The roots of a store nothing of which is sealed."""
    return (empty_root(hash_of(algorithm)),) * LANES


def _signatures(signed: str) -> list[Signature]:
    *lines, rest = signed.split("\n")
    if rest or not lines:
        raise ValueError("签名行须以换行结束")
    found = []
    for line in lines:
        dash, name, content = line.split(" ")
        raw = b64decode(content, validate=True)
        if dash != "\u2014" or len(raw) <= 4:
            raise ValueError("签名行不合格式")
        found.append(Signature(name, raw[:4], raw[4:]))
    return found


def _hash(text: str) -> bytes:
    raw = b64decode(text, validate=True)
    if len(raw) != HASH_BYTES:
        raise ValueError("哈希应为 32 字节")
    return raw


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()

"""Hash trees (哈希树) of RFC 9162 §2.1: roots, frontiers, inclusion and consistency proofs, and their verification.

Nothing here knows a database. A tree is over leaf hashes counted from 0; a proof is a list of hashes from the leaf
upwards. Proofs are made by whoever can answer the hash of any part of the tree, `[start, end)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives import hashes

from eventstore.events.digest import SHA256, SM3
from eventstore.lanes import LANES

Hash = Callable[[bytes], bytes]
"""A hash function: any bytes to 32."""

Part = Callable[[int, int], bytes]
"""The hash of the leaves `[start, end)` of a tree, as a tree of its own."""

HASH_BYTES: Final = 32
TILE: Final = 256
"""How many leaves, or nodes, stand under one kept node."""
TILE_LEVELS: Final = 8
LEVELS: Final = (8, 16, 24, 32)
"""The heights at which the hash of every complete subtree is kept."""


def _sha256(content: bytes) -> bytes:
    return sha256(content).digest()


def _sm3(content: bytes) -> bytes:
    context = hashes.Hash(hashes.SM3())
    context.update(content)
    return context.finalize()


_HASHES: Final[dict[int, Hash]] = {SHA256: _sha256, SM3: _sm3}
NAMES: Final = {SHA256: "sha256", SM3: "sm3"}
"""How a checkpoint calls the hash of the store."""


def hash_of(algorithm: int) -> Hash:
    """The hash function of a store by its `digest_algorithm`: 1 is SHA-256, 2 is SM3."""
    return _HASHES[algorithm]


def leaf_hash(hash: Hash, content: bytes) -> bytes:
    """The hash of a leaf."""
    return hash(b"\x00" + content)


def node_hash(hash: Hash, left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return hash(b"\x01" + left + right)


def empty_root(hash: Hash) -> bytes:
    """The root of a tree without leaves."""
    return hash(b"")


def event_leaf(hash: Hash, lane: int, position: int, recorded_us: int, digest: bytes) -> bytes:
    """The leaf of an event in the tree of its lane; `recorded_us` is µs since 1970 UTC, signed."""
    return hash(
        b"\x00"
        + lane.to_bytes(2, "big")
        + position.to_bytes(8, "big")
        + recorded_us.to_bytes(8, "big", signed=True)
        + digest
    )


def lane_leaf(hash: Hash, lane: int, size: int, root: bytes) -> bytes:
    """The leaf of a lane in the tree over all lanes."""
    return hash(b"\x00" + lane.to_bytes(2, "big") + size.to_bytes(8, "big") + root)


def lane_leaves(hash: Hash, sizes: Sequence[int], roots: Sequence[bytes]) -> list[bytes]:
    """The leaves of the tree over all lanes, in the order of lanes."""
    return [lane_leaf(hash, lane, sizes[lane], roots[lane]) for lane in range(LANES)]


def root_of(hash: Hash, leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaf hashes."""
    frontier = Frontier(hash)
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


class Frontier:
    """A tree that only grows (前沿): the hashes of its complete subtrees, largest first; all that growing needs.

    `on_node(level, index, hash)` is told of every complete subtree of 256, 65,536, … leaves as it becomes complete.
    """

    __slots__ = ("_hash", "_on_node", "size", "subtrees")

    def __init__(
        self,
        hash: Hash,
        size: int = 0,
        subtrees: Sequence[bytes] = (),
        on_node: Callable[[int, int, bytes], None] | None = None,
    ) -> None:
        if len(subtrees) != size.bit_count():
            raise ValueError("a frontier has one hash for every bit of its size")
        self._hash = hash
        self.size = size
        self.subtrees = list(subtrees)
        self._on_node = on_node

    @classmethod
    def of_bytes(
        cls,
        hash: Hash,
        size: int,
        packed: bytes,
        on_node: Callable[[int, int, bytes], None] | None = None,
    ) -> Frontier:
        """The frontier kept as bytes; raises ValueError when they are not those of a tree of this size."""
        if len(packed) != size.bit_count() * HASH_BYTES:
            raise ValueError("a frontier has 32 bytes for every bit of its size")
        parts = [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]
        return cls(hash, size, parts, on_node)

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        before = self.size
        self.size = before + 1
        subtrees = self.subtrees
        hash = self._hash
        if before & 0xFF == 0xFF and self._on_node is not None:
            self._append_told(leaf, before)
            return
        while before & 1:
            leaf = hash(b"\x01" + subtrees.pop() + leaf)
            before >>= 1
        subtrees.append(leaf)

    def _append_told(self, leaf: bytes, before: int) -> None:
        level = 0
        while before & 1:
            leaf = self._hash(b"\x01" + self.subtrees.pop() + leaf)
            before >>= 1
            level += 1
            if level % TILE_LEVELS == 0 and self._on_node is not None:
                self._on_node(level, before, leaf)
        self.subtrees.append(leaf)

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self.subtrees:
            return self._hash(b"")
        root = self.subtrees[-1]
        for subtree in self.subtrees[-2::-1]:
            root = self._hash(b"\x01" + subtree + root)
        return root

    def to_bytes(self) -> bytes:
        """The hashes of the complete subtrees, largest first, one after the other."""
        return b"".join(self.subtrees)


def inclusion_proof(index: int, size: int, part: Part) -> list[bytes]:
    """That the leaf `index` is in the tree of `size` leaves; raises ValueError when it is not."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    return [part(start, end) for start, end in _siblings(index, size)]


def _siblings(index: int, size: int) -> Iterator[tuple[int, int]]:
    start, end = 0, size
    found = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return reversed(found)


def consistency_proof(old: int, new: int, part: Part) -> list[bytes]:
    """That the tree of `new` leaves begins with that of `old`; empty for the same tree and for an empty old one."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not begin with one of {old}")
    if old in (0, new):
        return []
    start, end, whole = 0, new, True
    found: list[tuple[int, int]] = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start, whole = middle, False
    if not whole:
        found.append((start, end))
    return [part(*span) for span in reversed(found)]


def _split(size: int) -> int:
    """The largest power of two below the size, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(
    hash: Hash, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the proof leads from the leaf to the root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, found = index, size - 1, leaf
    for part in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            found = hash(b"\x01" + part + found)
            while first & 1 == 0 and first:
                first, last = first >> 1, last >> 1
        else:
            found = hash(b"\x01" + found + part)
        first, last = first >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    hash: Hash, old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Whether the proof leads from the old root to the new one (RFC 9162 §2.1.4.2).

    Every tree begins with the empty one; a tree begins with itself; both with an empty proof.
    """
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == empty_root(hash)
    parts = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not parts:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    found_old = found_new = parts[0]
    for part in parts[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            found_old = hash(b"\x01" + part + found_old)
            found_new = hash(b"\x01" + part + found_new)
            while first & 1 == 0 and first:
                first, last = first >> 1, last >> 1
        else:
            found_new = hash(b"\x01" + found_new + part)
        first, last = first >> 1, last >> 1
    return last == 0 and found_old == old_root and found_new == new_root


def part_of(hash: Hash, leaves: Sequence[bytes]) -> Part:
    """The parts of a tree whose leaf hashes are all at hand."""
    return lambda start, end: root_of(hash, leaves[start:end])

"""The tree is that of RFC 9162, held against its definition written down once more, and against known vectors."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.sealing.merkle import (
    Frontier,
    consistency_proof,
    empty_root,
    hash_of,
    inclusion_proof,
    leaf_hash,
    part_of,
    root_of,
    verify_consistency,
    verify_inclusion,
)

HASH = hash_of(1)
SIZES = st.integers(0, 70)


def h(content: bytes) -> bytes:
    return sha256(content).digest()


def mth(leaves: list[bytes]) -> bytes:
    """§2.1.1, word for word."""
    n = len(leaves)
    if n == 0:
        return h(b"")
    if n == 1:
        return h(b"\x00" + leaves[0])
    k = split(n)
    return h(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """§2.1.3.1."""
    n = len(leaves)
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """§2.1.4.1."""
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = split(n)
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def contents(n: int) -> list[bytes]:
    return [bytes([i % 7]) * (i % 5) + str(i).encode() for i in range(n)]


def hashed(leaves: list[bytes]) -> list[bytes]:
    return [leaf_hash(HASH, leaf) for leaf in leaves]


# The inputs and roots that Certificate Transparency's implementations have in their tests.
INPUTS = [
    *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_known_ones(size: int) -> None:
    leaves = hashed([bytes.fromhex(text) for text in INPUTS[:size]])
    assert root_of(HASH, leaves).hex() == ROOTS[size]
    assert empty_root(HASH).hex() == ROOTS[0]


def test_the_hash_of_the_standard_gives_the_standards_example() -> None:
    # GB/T 32905-2016, example 1
    assert hash_of(2)(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@given(SIZES)
def test_a_frontier_has_the_root_of_the_tree_at_every_size(size: int) -> None:
    frontier = Frontier(HASH)
    for n, leaf in enumerate(hashed(contents(size)), start=1):
        frontier.append(leaf)
        frontier = Frontier.of_bytes(HASH, n, frontier.to_bytes())
    assert frontier.root() == mth(contents(size))


@given(st.data())
def test_inclusion_is_proved_as_defined_and_only_for_what_is_included(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    leaves = contents(size)
    proof = inclusion_proof(index, size, part_of(HASH, hashed(leaves)))
    assert proof == path(index, leaves)
    leaf, root = leaf_hash(HASH, leaves[index]), mth(leaves)
    assert verify_inclusion(HASH, leaf, index, size, proof, root)
    assert not verify_inclusion(HASH, leaf_hash(HASH, b"?"), index, size, proof, root)
    assert not verify_inclusion(HASH, leaf, index, size, proof, h(b"?"))
    assert not verify_inclusion(HASH, leaf, index, size, [*proof, h(b"?")], root)
    assert not verify_inclusion(HASH, leaf, index, index, proof, root)
    if proof:
        assert not verify_inclusion(HASH, leaf, index, size, proof[:-1], root)
        n = data.draw(st.integers(0, len(proof) - 1))
        assert not verify_inclusion(HASH, leaf, index, size, [*proof[:n], h(b"?"), *proof[n + 1 :]], root)
    other = data.draw(st.integers(0, size - 1))
    assert verify_inclusion(HASH, leaf, other, size, proof, root) == (other == index)


@given(st.data())
def test_consistency_is_proved_as_defined_and_only_of_trees_that_grew(data: st.DataObject) -> None:
    new = data.draw(SIZES)
    old = data.draw(st.integers(0, new))
    leaves = contents(new)
    proof = consistency_proof(old, new, part_of(HASH, hashed(leaves)))
    assert proof == ([] if old == 0 else subproof(old, leaves, True))
    old_root, new_root = mth(leaves[:old]), mth(leaves)
    assert verify_consistency(HASH, old, new, proof, old_root, new_root)
    assert not verify_consistency(HASH, old, new, [*proof, h(b"?")], old_root, new_root)
    assert not verify_consistency(HASH, old, new, proof, h(b"?"), new_root)
    if old:
        assert not verify_consistency(HASH, old, new, proof, old_root, h(b"?"))
        changed = data.draw(st.integers(0, old - 1))
        other = [*leaves[:changed], b"?", *leaves[changed + 1 :]]
        forged = consistency_proof(old, new, part_of(HASH, hashed(other)))
        assert not verify_consistency(HASH, old, new, forged, old_root, mth(other))
    if proof:
        assert not verify_consistency(HASH, old, new, proof[:-1], old_root, new_root)
    assert not verify_consistency(HASH, new + 1, new, proof, old_root, new_root)


def test_what_is_not_there_is_not_proved() -> None:
    part = part_of(HASH, hashed(contents(4)))
    with pytest.raises(ValueError, match="no leaf 4"):
        inclusion_proof(4, 4, part)
    with pytest.raises(ValueError, match="does not begin"):
        consistency_proof(5, 4, part)
    with pytest.raises(ValueError, match="every bit"):
        Frontier.of_bytes(HASH, 3, bytes(32))


def test_complete_subtrees_are_told_as_they_become_complete() -> None:
    told: list[tuple[int, int, bytes]] = []
    frontier = Frontier(HASH, on_node=lambda *node: told.append(node))
    leaves = hashed(contents(600))
    for leaf in leaves:
        frontier.append(leaf)
    assert told == [(8, 0, root_of(HASH, leaves[:256])), (8, 1, root_of(HASH, leaves[256:512]))]

"""The file witness takes only what continues what it has, and nothing in it is ever written over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from eventstore.sealing.checkpoint import Checkpoint, empty_roots, issue
from eventstore.sealing.merkle import consistency_proof, hash_of, leaf_hash, part_of, root_of
from eventstore.sealing.signing import Ed25519Signer
from eventstore.sealing.witness import (
    FileWitness,
    WitnessFork,
    WitnessInconsistent,
    WitnessRefused,
    WitnessShrunk,
    WitnessSkipped,
    WitnessUnlinked,
    WitnessUnreadable,
)

STORE = UUID("00000000-0000-4000-8000-000000000001")
HASH = hash_of(1)
SIGNER = Ed25519Signer(bytes(32))
LANE = 5
LEAVES = [leaf_hash(HASH, bytes([n])) for n in range(20)]


def checkpoint(
    number: int, leaves: Sequence[bytes], before: Checkpoint | None, store: UUID = STORE
) -> Checkpoint:
    """A checkpoint of a store with events in one lane only."""
    sizes, roots = [0] * 256, list(empty_roots(1))
    sizes[LANE], roots[LANE] = len(leaves), root_of(HASH, leaves)
    at = datetime(2026, 3, 5, number, tzinfo=UTC)
    return issue(store, number, 1, sizes, roots, at, None if before is None else before.note, SIGNER)


def proof(old: int, leaves: Sequence[bytes]) -> dict[int, list[bytes]]:
    return {LANE: consistency_proof(old, len(leaves), part_of(HASH, leaves))}


FIRST = checkpoint(1, LEAVES[:3], None)
SECOND = checkpoint(2, LEAVES[:11], FIRST)


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def second(witness: FileWitness) -> FileWitness:
    """A witness of two checkpoints."""
    witness.take(FIRST, {})
    witness.take(SECOND, proof(3, LEAVES[:11]))
    return witness


def test_it_keeps_what_it_took(second: FileWitness, tmp_path: Path) -> None:
    assert second.newest() == FileWitness(tmp_path / "witness").newest() == SECOND
    assert list(second.each()) == [(1, FIRST), (2, SECOND)]
    kept = json.loads((tmp_path / "witness" / "2.json").read_text())
    assert (kept["text"], kept["sizes"][LANE], len(kept["roots"])) == (SECOND.text, 11, 256)


def test_the_same_again_is_no_news(second: FileWitness, tmp_path: Path) -> None:
    before = content(tmp_path / "witness")
    second.take(FIRST, {})
    FileWitness(tmp_path / "witness").take(SECOND, {})
    assert content(tmp_path / "witness") == before


@pytest.mark.parametrize("look", [1, 2])
@pytest.mark.parametrize("earlier", [True, False])
def test_the_same_handed_over_by_another_meanwhile_is_no_news(
    second: FileWitness, tmp_path: Path, look: int, earlier: bool
) -> None:
    third = checkpoint(3, LEAVES[:12], SECOND)
    proofs = proof(11, LEAVES[:12])

    class Overtaken(FileWitness):
        """Another sealer hands the third over just before, or just after, one of its looks at what came last."""

        looks = 0

        def newest(self) -> Checkpoint | None:
            self.looks += 1
            if earlier and self.looks == look:
                second.take(third, proofs)
            found = super().newest()
            if self.looks == look:
                second.take(third, proofs)
            return found

    Overtaken(tmp_path / "witness").take(third, proofs)
    assert second.newest() == third


@pytest.mark.parametrize("number", [1, 2])
def test_another_of_the_same_number_is_a_fork(second: FileWitness, tmp_path: Path, number: int) -> None:
    before = content(tmp_path / "witness")
    other = checkpoint(number, LEAVES[:12], None if number == 1 else FIRST)
    with pytest.raises(WitnessFork, match=f"检查点 {number}"):
        second.take(other, proof(3, LEAVES[:12]))
    assert content(tmp_path / "witness") == before


REFUSED = {
    "a number left out": (checkpoint(4, LEAVES, SECOND), proof(11, LEAVES), WitnessSkipped),
    "another before it": (checkpoint(3, LEAVES, FIRST), proof(11, LEAVES), WitnessUnlinked),
    "nothing before it": (checkpoint(3, LEAVES, None), proof(11, LEAVES), WitnessUnlinked),
    "of another store": (
        checkpoint(3, LEAVES, SECOND, UUID(int=9)),
        proof(11, LEAVES),
        WitnessUnlinked,
    ),
    "a lane that shrank": (checkpoint(3, LEAVES[:10], SECOND), {}, WitnessShrunk),
    "no proof": (checkpoint(3, LEAVES, SECOND), {}, WitnessInconsistent),
    "a proof of less": (checkpoint(3, LEAVES, SECOND), proof(10, LEAVES), WitnessInconsistent),
    "another past": (
        checkpoint(3, [LEAVES[19], *LEAVES[1:]], SECOND),
        proof(11, [LEAVES[19], *LEAVES[1:]]),
        WitnessInconsistent,
    ),
    "another past of the same length": (
        checkpoint(3, LEAVES[1:12], SECOND),
        {},
        WitnessInconsistent,
    ),
    "other sizes than signed": (
        replace(checkpoint(3, LEAVES, SECOND), sizes=SECOND.sizes),
        proof(11, LEAVES),
        WitnessRefused,
    ),
    "other roots than signed": (
        replace(checkpoint(3, LEAVES, SECOND), roots=SECOND.roots),
        proof(11, LEAVES),
        WitnessRefused,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses(second: FileWitness, tmp_path: Path, case: str) -> None:
    before = content(tmp_path / "witness")
    given, proofs, refusal = REFUSED[case]
    with pytest.raises(refusal):
        second.take(given, proofs)
    assert content(tmp_path / "witness") == before
    # and what does continue it is taken
    second.take(checkpoint(3, LEAVES, SECOND), proof(11, LEAVES))


def test_a_chain_begins_at_one(witness: FileWitness) -> None:
    with pytest.raises(WitnessSkipped, match="应先交编号 1"):
        witness.take(SECOND, proof(3, LEAVES[:11]))


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    absent = FileWitness(tmp_path / "absent")
    with pytest.raises(WitnessUnreadable, match="absent"):
        absent.newest()
    with pytest.raises(WitnessUnreadable, match="absent"):
        absent.take(FIRST, {})
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    "damage", ["", "{}", "[]", '{"text": "x", "sizes": [], "roots": []}', "\x00", '{"text": 1}']
)
def test_a_damaged_file_is_named(second: FileWitness, tmp_path: Path, damage: str) -> None:
    (tmp_path / "witness" / "1.json").write_text(damage)
    found = list(second.each())
    assert isinstance(found[0][1], WitnessUnreadable)
    assert "1.json" in found[0][1].sentence
    assert found[1] == (2, SECOND)


def test_a_file_under_another_number_is_named(second: FileWitness, tmp_path: Path) -> None:
    (tmp_path / "witness" / "2.json").rename(tmp_path / "witness" / "3.json")
    with pytest.raises(WitnessUnreadable, match="其中是检查点 2"):
        FileWitness(tmp_path / "witness").newest()

"""Seal keys replaced and retired in their directory: killed anywhere, by several at once, beside who signs."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from eventstore.sealing.signing import Ed25519Signer, PublicKeys, SealKeyFault, SealKeys

KILLED = 9
RENEWED_AND_KILLED = """
import os, sys
from pathlib import Path
from eventstore.sealing.signing import SealKeys

left, directory = int(sys.argv[1]), sys.argv[2]

def dies(event, about):
    global left
    if event in ("open", "os.link", "os.rename", "os.remove") and directory in str(about[0]):
        left -= 1
        if left == 0:
            os._exit(9)

sys.addaudithook(dies)
SealKeys(Path(directory)).renew()
"""
"""Renews, and ends for ever before it does the n-th thing to a file."""


def states(keys: SealKeys) -> list[tuple[int, str]]:
    return [(each.number, each.state) for each in keys.each()]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if not path.name.startswith("."))


def test_a_renewal_killed_anywhere_leaves_no_key_that_is_not_published_and_goes_on(tmp_path: Path) -> None:
    outcomes = []
    for left in range(1, 100):
        directory = tmp_path / str(left)
        keys = SealKeys(directory)
        first = keys.signer().public
        command = [sys.executable, "-c", RENEWED_AND_KILLED, str(left), str(directory)]
        ended = subprocess.run(command, timeout=60, check=False).returncode
        found = dict(states(keys))
        outcomes.append((found.get(1), found.get(2)))
        published = PublicKeys.in_directory(directory).keys
        signing = max(int(path.stem.removeprefix("seal-")) for path in directory.glob("seal-*.key"))
        private = (directory / f"seal-{signing}.key").read_bytes()
        assert Ed25519Signer(private).public in published, left  # before anybody mends anything
        if signing == 1:
            waited = directory / "seal-2.next"
            taken = waited.read_bytes() if waited.exists() else None
            assert keys.renew() == 2
            assert taken in (None, (directory / "seal-2.key").read_bytes())
        assert states(keys) == [(1, "replaced"), (2, "signs")]
        assert names(directory) == ["seal-1.key", "seal-1.pub", "seal-2.key", "seal-2.pub"]
        assert keys.public().keys == (first, keys.signer().public)
        if ended == 0:
            break
        assert ended == KILLED
    # it was killed before, in the midst of, and after every step there is
    assert list(dict.fromkeys(outcomes)) == [("signs", None), ("signs", "waits"), ("replaced", "signs")]
    assert outcomes.count(("replaced", "signs")) > 1


def test_a_key_that_waits_is_published_and_does_not_sign(tmp_path: Path) -> None:
    keys = SealKeys(tmp_path / "keys")
    assert keys.each() == []
    assert not (tmp_path / "keys").exists()  # looking makes nothing
    first = keys.signer().public
    assert keys.make_next() == keys.make_next() == 2
    assert states(keys) == [(1, "signs"), (2, "waits")]
    assert keys.signer().public == first
    _, second = keys.public().keys
    assert (tmp_path / "keys" / "seal-2.next").stat().st_mode & 0o777 == 0o600
    assert keys.retire() == []
    assert keys.renew() == 2
    assert keys.signer().public == second
    assert keys.retire() == [1]
    assert states(keys) == [(1, "public"), (2, "signs")]
    assert keys.public().keys == (first, second)
    # a key file lost is not made again under the number of one that signed
    (tmp_path / "keys" / "seal-2.key").unlink()
    assert keys.renew() == 4
    assert states(keys) == [(1, "public"), (2, "public"), (3, "replaced"), (4, "signs")]
    (tmp_path / "keys" / "seal-5.next").write_bytes(b"short")
    with pytest.raises(SealKeyFault, match=r"seal-5\.next"):
        keys.renew()
    assert states(SealKeys(tmp_path / "none")) == []


@pytest.mark.parametrize("at", [1, 2])
def test_what_is_left_of_a_key_retired_while_it_is_read_signs_nothing(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is overwritten before it goes: who opened it before reads what no public half belongs to."""
    keys, others = SealKeys(tmp_path / "keys"), SealKeys(tmp_path / "keys")
    keys.signer()
    reads, looks = SealKeys._signer, 0

    def reads_late(self: SealKeys, number: int, kind: str = "key") -> Ed25519Signer:
        nonlocal looks
        looks += self is keys
        if self is keys and looks == at:
            others.renew()
            others.retire()
            return Ed25519Signer(os.urandom(32))
        return reads(self, number, kind)

    monkeypatch.setattr(SealKeys, "_signer", reads_late)
    assert keys.signer().public == others.signer().public
    assert states(keys) == [(1, "public"), (2, "signs")]
    assert len(keys.public().keys) == 2


def test_who_signs_is_not_disturbed_by_several_who_renew_and_retire(tmp_path: Path) -> None:
    keys = SealKeys(tmp_path / "keys")
    keys.signer()
    over = Event()

    def signs() -> int:
        signed = 0
        while not over.is_set() or signed < 10:
            signer = SealKeys(tmp_path / "keys").signer()
            name = "hulian-test"
            hashed = next(each for each, key in keys.public().named(name).items() if key == signer.public)
            assert keys.public().verify(name, hashed, signer.sign(b"text"), b"text")
            signed += 1
        return signed

    def renews(_: int) -> list[int]:
        made = []
        for _ in range(10):
            made.append(SealKeys(tmp_path / "keys").renew())
            SealKeys(tmp_path / "keys").retire()
        return made

    with ThreadPoolExecutor(8) as at_once:
        signing = [at_once.submit(signs) for _ in range(4)]
        try:
            made = [number for numbers in at_once.map(renews, range(4)) for number in numbers]
        finally:
            over.set()
        assert all(each.result(timeout=60) >= 10 for each in signing)
    assert sorted(made) == list(range(2, 42))  # each its own
    assert [each for each in states(keys) if each[1] != "public"] == [(41, "signs")]
    assert len(keys.public().keys) == 41

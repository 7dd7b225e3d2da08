"""Whatever is changed in a bundle, its verifier finds: every field, proof, order, pack, file."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.audit import verify_bundle
from eventstore.sealing.signing import Ed25519Signer, key_hash
from tests import stories
from tests.application.bundles import Files, altered, codes, content, sealed_office, unpacked
from tests.application.papers import issued, lived
from tests.database import TestServer

Change = Callable[[dict[str, Any]], object]
OTHER = "00000000-0000-5000-8000-000000000001"
UNPROVED = {"exportedAt", "attachments"}


@pytest.fixture(scope="module")
def files(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """A sound bundle: a family up to its confirmation sealed, its document after the checkpoint."""
    with server.databases() as pair, sealed_office(pair, tmp_path_factory.mktemp("office")) as office:
        lived(office.office, stories.yu_confirmed())
        office.seal()
        on = stories.yu_confirmed().events[-1].on
        issued(office.office, "confirmation-notice", on, "370786/civil-affairs")
        yield unpacked(office.exported()[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bundle.zip"


def event(n: int, **said: object) -> Change:
    """An event said otherwise."""
    return lambda told: told["events"][n].update(said)


def digested_anew(n: int, **said: object) -> Change:
    """An event said otherwise, with the digest of what it says now."""

    def change(told: dict[str, Any]) -> None:
        one = told["events"][n]
        one.update(said)
        private = None if one["private"] is None else b64decode(one["private"])
        household = verify_bundle.id_of(told["household"], "")
        one["digest"] = _base64(verify_bundle.digest_of(told["hash"], household, one, private))

    return change


def checkpoint(old: str, new: str) -> Change:
    return lambda told: told.update(checkpoint=told["checkpoint"].replace(old, new, 1))


def line(n: int, said: str) -> Change:
    """A line of the checkpoint said otherwise."""

    def change(told: dict[str, Any]) -> None:
        lines = told["checkpoint"].split("\n")
        assert lines[n] != said
        told["checkpoint"] = "\n".join((*lines[:n], said, *lines[n + 1 :]))

    return change


def flipped(text: str) -> str:
    """The base64 with its first bit turned."""
    raw = b64decode(text)
    return _base64(bytes([raw[0] ^ 0x80]) + raw[1:])


def turned(*place: str | int) -> Change:
    """The base64 at this place with its first bit turned."""

    def change(told: Any) -> None:
        *way, last = place
        for key in way:
            told = told[key]
        told[last] = flipped(told[last])

    return change


def another_household(told: dict[str, Any]) -> None:
    """Another household of the same lane."""
    told["household"] = OTHER[:-2] + told["household"][-2:]


def signed_by_another(told: dict[str, Any]) -> None:
    """The checkpoint signed by a key of the forger's, said to be the store's."""
    signer = Ed25519Signer(Ed25519PrivateKey.generate().private_bytes_raw())
    body = told["checkpoint"].partition("\n\n")[0] + "\n"
    name = f"hulian-{told['store']}"
    blob = _base64(key_hash(name, signer.public) + signer.sign(body.encode()))
    told["checkpoint"] = f"{body}\n— {name} {blob}\n"
    told["publicKeys"] = [{"name": name, "key": _base64(signer.public)}]


def swapped(told: dict[str, Any]) -> None:
    told["events"][3], told["events"][4] = told["events"][4], told["events"][3]


def renumbered(told: dict[str, Any]) -> None:
    """One event taken out and the rest numbered on."""
    del told["events"][5]
    for n, one in enumerate(told["events"], start=1):
        one["version"] = n


def demoted(told: dict[str, Any]) -> None:
    """The last sealed event altered and passed off as recorded after the checkpoint."""
    last = told["events"].pop()
    del last["proof"]
    told["unsealed"].insert(0, last)


def promoted(told: dict[str, Any]) -> None:
    """The unsealed event passed off as sealed, with a proof of another."""
    one = told["unsealed"].pop()
    told["events"].append({**one, "proof": told["events"][-1]["proof"]})


TAMPERED: list[tuple[str, Change, str]] = [
    ("position", event(3, position=5), "event-not-in-lane"),
    ("position-order", event(3, position=1), "order-wrong"),
    ("version", event(3, version=5), "version-gap"),
    ("event-id", event(3, eventId=OTHER), "digest-differs"),
    ("event-id-form", event(3, eventId="x"), "field-wrong"),
    ("name", event(3, name="household.applied.1"), "digest-differs"),
    ("day", event(3, effectiveOn="2021-06-27"), "digest-differs"),
    ("day-none", event(3, effectiveOn=None), "digest-differs"),
    ("day-form", event(3, effectiveOn="20210628"), "field-wrong"),
    ("recorded", event(3, recordedAt="2026-11-22T00:00:00.000000+00:00"), "order-wrong"),
    (
        "recorded-by-a-microsecond",
        lambda told: told["events"][-1].update(recordedAt=_later(told["events"][-1]["recordedAt"])),
        "event-not-in-lane",
    ),
    ("recorded-form", event(3, recordedAt="2026-11-22"), "field-wrong"),
    ("meta", event(3, meta="{}"), "digest-differs"),
    ("data", event(3, data="{}"), "digest-differs"),
    ("data-not-json", digested_anew(3, data="nothing"), "data-not-json"),
    ("private", turned("events", 1, "private"), "digest-differs"),
    ("private-none", event(1, private=None), "digest-differs"),
    ("private-empty", event(3, private=""), "field-wrong"),
    ("private-missing", lambda told: told["events"][3].pop("private"), "field-wrong"),
    ("digest", turned("events", 3, "digest"), "digest-differs"),
    ("digested-anew", digested_anew(3, meta="{}"), "event-not-in-lane"),
    ("proof", turned("events", 3, "proof", 0), "event-not-in-lane"),
    ("proof-short", lambda told: told["events"][3]["proof"].pop(), "event-not-in-lane"),
    ("proof-long", lambda told: told["events"][3]["proof"].append(told["laneRoot"]), "event-not-in-lane"),
    ("proof-missing", lambda told: told["events"][3].pop("proof"), "field-wrong"),
    ("proof-of-another", lambda told: told["events"][3].update(proof=told["events"][6]["proof"]), "event-not-in-lane"),
    ("field-added", event(3, remark="approved"), "field-unknown"),
    ("top-field-added", lambda told: told.update(remark="approved"), "field-unknown"),
    ("event-missing", lambda told: told["events"].pop(5), "version-gap"),
    ("event-missing-renumbered", renumbered, "digest-differs"),
    ("first-event-missing", lambda told: told["events"].pop(0), "version-gap"),
    ("event-twice", lambda told: told["events"].insert(5, told["events"][5]), "version-gap"),
    ("order", swapped, "version-gap"),
    ("no-events", lambda told: told.update(events=[], unsealed=[]), "chain-empty"),
    ("sealed-as-unsealed", demoted, "seal-misplaced"),
    ("unsealed-as-sealed", promoted, "seal-misplaced"),
    ("unsealed-data", lambda told: told["unsealed"][0].update(data="{}"), "digest-differs"),
    ("household", another_household, "digest-differs"),
    ("household-of-another-lane", lambda told: told.update(household=OTHER), "lane-wrong"),
    ("lane", lambda told: told.update(lane=(told["lane"] + 1) % 256), "lane-wrong"),
    ("lane-size", lambda told: told.update(laneSize=told["laneSize"] - 1), "lane-not-in-checkpoint"),
    ("lane-size-beyond", lambda told: told.update(laneSize=10**6), "lane-wrong"),
    ("lane-root", turned("laneRoot"), "lane-not-in-checkpoint"),
    ("lane-proof", turned("laneProof", 7), "lane-not-in-checkpoint"),
    ("lane-proof-short", lambda told: told["laneProof"].pop(), "lane-not-in-checkpoint"),
    ("store", lambda told: told.update(store=OTHER), "checkpoint-other-store"),
    ("hash", lambda told: told.update(hash="sm3"), "checkpoint-other-store"),
    ("checkpoint-format", line(0, "hulian.seal/2 00000000-0000-5000-8000-000000000001"), "checkpoint-malformed"),
    ("checkpoint-number", line(1, "2"), "checkpoint-malformed"),
    ("checkpoint-total", line(2, "999"), "signature-invalid"),
    ("checkpoint-root", line(3, b64encode(bytes(32)).decode()), "signature-invalid"),
    ("checkpoint-time", line(4, "2020-01-01T00:00:00.000000+00:00"), "signature-invalid"),
    ("checkpoint-before", line(5, b64encode(bytes(32)).decode()), "checkpoint-malformed"),
    ("checkpoint-hash", line(6, "md5"), "checkpoint-malformed"),
    ("checkpoint-line-added", checkpoint("\n\n", "\nmore\n\n"), "checkpoint-malformed"),
    ("checkpoint-ending", lambda told: told.update(checkpoint=told["checkpoint"].rstrip()), "checkpoint-malformed"),
    ("signature-none", lambda told: told.update(checkpoint=told["checkpoint"].split("— ")[0]), "checkpoint-malformed"),
    ("signer-name", checkpoint("— hulian-", "— hulian_"), "key-unknown"),
    ("public-key", turned("publicKeys", 0, "key"), "key-unknown"),
    ("public-key-none", lambda told: told.update(publicKeys=[]), "key-unknown"),
    ("public-key-name", lambda told: told["publicKeys"][0].update(name="another"), "field-wrong"),
    ("attachment-hash", lambda told: told["attachments"][0].update(sha256="0" * 64), "attachment-differs"),
    ("attachment-id", lambda told: told["attachments"][0].update(id=OTHER), "attachment-unknown"),
]  # fmt: skip


def test_a_bundle_left_alone_holds(files: Files, path: Path) -> None:
    assert codes(files, path) == []
    assert codes(altered(files, lambda told: None), path) == []


@pytest.mark.parametrize(("change", "code"), [pytest.param(c, code, id=name) for name, c, code in TAMPERED])
def test_what_was_changed_is_found_and_named(files: Files, path: Path, change: Change, code: str) -> None:
    assert code in codes(altered(files, change), path)


def test_one_altered_event_is_one_fault_that_says_where(files: Files, path: Path) -> None:
    """Nothing else is accused along with it."""
    for n in range(len(content(files)["events"])):
        assert codes(altered(files, event(n, meta='{"actor":"other"}')), path) == ["digest-differs"]


def test_an_end_cut_off_is_beyond_what_a_bundle_can_show(
    files: Files, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the report says so, as docs/audit.md does."""

    def cut(told: dict[str, Any]) -> None:
        del told["events"][-3:]
        told.update(unsealed=[], attachments=[])

    kept = altered(files, cut)
    names = {one["name"] for one in content(kept)["events"]}
    kept = {n: each for n, each in kept.items() if not n.startswith("schemas/") or n[8:-5] in names}
    assert codes(kept, path) == []
    assert verify_bundle.main([str(path)]) == 0
    assert "末尾是否另有事件未导出，本包不能证明" in capsys.readouterr().out


def test_a_signature_turned_by_a_bit_is_invalid(files: Files, path: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        head, _, blob = told["checkpoint"].rstrip("\n").rpartition(" ")
        raw = bytearray(b64decode(blob))
        raw[20] ^= 1
        told["checkpoint"] = f"{head} {_base64(bytes(raw))}\n"

    assert codes(altered(files, change), path) == ["signature-invalid"]


def test_a_forgers_own_key_stands_up_only_until_the_right_one_is_insisted_on(
    files: Files, path: Path
) -> None:
    right = b64decode(content(files)["publicKeys"][0]["key"])
    forged = altered(files, signed_by_another)
    assert codes(forged, path) == []
    assert codes(forged, path, keys=[right]) == ["key-unknown"]
    assert codes(files, path, keys=[right]) == []


def test_packs_are_held_to_the_hashes_decisions_name(files: Files, path: Path) -> None:
    packs = [name for name in files if name.startswith("packs/")]
    assert packs
    for name in packs:
        assert codes({**files, name: files[name].replace(b"20", b"21", 1)}, path) == ["pack-differs"]
        assert codes({n: data for n, data in files.items() if n != name}, path) == ["pack-missing"]
    assert codes({**files, f"packs/{'0' * 64}.json": b"{}"}, path) == ["file-unknown"]
    assert codes({**files, "opinion.pdf": b""}, path) == ["file-unknown"]
    assert codes({**files, "schemas/household.moved.1.json": b"{}"}, path) == ["file-unknown"]


def test_what_two_readers_would_read_differently_is_not_read(files: Files, path: Path) -> None:
    doubled = files["bundle.json"].replace(b'"events"', b'"events": [], "events"', 1)
    assert codes({**files, "bundle.json": doubled}, path) == ["bundle-unreadable"]
    assert codes({**files, "Bundle.json": b"{}"}, path) == ["bundle-unreadable"]
    with ZipFile(path, "w") as archive:
        archive.writestr("bundle.json", files["bundle.json"])
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("bundle.json", b"{}")
    with pytest.raises(verify_bundle.Unreadable):
        verify_bundle.Files(path)


@pytest.mark.parametrize("bad", [b"", b"[]", b"{", b'{"format": "hulian.bundle/2"}', b"\xff", b"[" * 100_000])
def test_what_is_no_bundle_is_unreadable(files: Files, path: Path, bad: bytes) -> None:
    assert codes({**files, "bundle.json": bad}, path) == ["bundle-unreadable"]


# without a database of examples: each run tampers with a bundle of its own, an older example fits no other
@settings(
    max_examples=150,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_value_put_in_the_place_of_another_is_found(
    files: Files, path: Path, data: st.DataObject
) -> None:
    told = content(files)
    place, key = _somewhere(told, data)
    before = place[key]
    place[key] = data.draw(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**70), 2**70),
            st.floats(allow_nan=False),
            st.text(max_size=20),
            st.lists(st.none(), max_size=2),
            st.just({}),
            st.sampled_from([value for value in _values(told) if type(value) is type(before)]),
        )
    )
    said = json.dumps(told).encode()
    if json.loads(said) != content(files):
        assert codes({**files, "bundle.json": said}, path) != []


def _somewhere(told: dict[str, Any], data: st.DataObject) -> tuple[Any, Any]:
    place: Any = told
    key: Any = data.draw(st.sampled_from(sorted(told.keys() - UNPROVED)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 9)):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    return place, key


def _values(told: Any) -> Iterator[Any]:
    if isinstance(told, dict | list):
        for each in told.values() if isinstance(told, dict) else told:
            yield from _values(each)
    yield told


def _later(at: str) -> str:
    return (datetime.fromisoformat(at) + timedelta(microseconds=1)).isoformat(timespec="microseconds")


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()

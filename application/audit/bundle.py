"""The audit bundle (审计包): a household's events with the proofs that they stand sealed, to be checked by anybody.

For the command line::

    bundles = Bundles(store, pool, attachments, public_keys, record=access_log(pool))
    exported = bundles.export(household, out, Asked(actor=…, purpose=…, organ=…), at=now)

A zip of `bundle.json` (format `hulian.bundle/1`, decision 0012), `page.html`, `schemas/`, `packs/` and `verify.py`.
Written as it is read, a page of events at a time; nothing sealed is opened, no key is asked for. Two bundles of one
household under one checkpoint differ in `exportedAt` alone, as long as nothing was recorded in between.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from io import BufferedWriter
from typing import IO, Any, Final
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import rfc8785

from application.audit.page import Head, Notes, Stored, attachments_in, moment, page
from domain.guards.registered import HouseholdUnknown
from domain.values.person import HouseholdId
from domain.values.refusals import Refusal
from eventstore.access_records import Access
from eventstore.attachments import Attachments, AttachmentUnknown
from eventstore.events.digest import verify
from eventstore.events.recorded import Recorded
from eventstore.lanes import lane_of
from eventstore.postgres.libpq_client import Pool
from eventstore.sealing.checkpoint import Checkpoint, key_name
from eventstore.sealing.merkle import NAMES, event_leaf, hash_of, verify_inclusion
from eventstore.sealing.proofs import microseconds, prove, prove_lane
from eventstore.sealing.seals import SealMissing, checkpoints, newest
from eventstore.sealing.signing import PublicKeys
from eventstore.store import LaneStore

FORMAT: Final = "hulian.bundle/1"
SHOWN: Final = "audit-bundle"
"""What an access record says was handed out."""

PAGE: Final = 100
"""How many events are held at a time."""
_BUFFER: Final = 1 << 16
_NEVER: Final = 2**31 - 1
_NEXT_LIST: Final = b'\n],\n"unsealed": ['
_DAY_OF_FILES: Final = (1980, 1, 1, 0, 0, 0)


class CheckpointUnknown(Refusal):
    """没有第 {number} 号检查点；请核对编号。"""


class PurposeMissing(Refusal):
    """导出审计包须写明用途。"""


class EventDamaged(Refusal):
    """第 {version} 步的内容已损坏，读不出来，不能导出；请执行 hulian audit verify 查明原因。"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for the bundle, what for; recorded before anything is read."""

    actor: str
    purpose: str
    organ: str | None = None


@dataclass(slots=True)
class Exported:
    """What a bundle holds. `faults` are the versions that would not stand up to verification."""

    household: HouseholdId
    checkpoint: int
    sealed: int = 0
    unsealed: int = 0
    faults: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    """What the events named on the way, in the order of names."""

    names: set[str] = field(default_factory=set)
    packs: set[str] = field(default_factory=set)
    papers: dict[str, None] = field(default_factory=dict)

    def take(self, row: Recorded) -> None:
        """Raises `EventDamaged` for what is not text or no JSON object."""
        self.names.add(row.name)
        try:
            data = json.loads(row.data)
            row.meta_bytes.decode()
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise EventDamaged(version=row.originator_version)
        self.packs.update(_packs_in(data))
        if isinstance(data.get("document"), str) and isinstance(data.get("sha256"), str):
            self.papers[data["document"]] = None
        self.papers.update(dict.fromkeys(attachments_in(data)))


class Bundles:
    """Exports bundles out of one store; safe to share between threads.

    `pool` is the store's (role `hulian_app`), `keys` the public halves checkpoints are believed by, `record`
    writes access records durably: `access_log(pool)`.
    """

    def __init__(
        self,
        store: LaneStore,
        pool: Pool,
        attachments: Attachments,
        keys: PublicKeys,
        record: Callable[[Sequence[Access]], None],
    ) -> None:
        self._store = store
        self._pool = pool
        self._attachments = attachments
        self._keys = keys
        self._record = record

    def export(
        self, household: HouseholdId, out: IO[bytes], asked: Asked, at: datetime, number: int | None = None
    ) -> Exported:
        """Write the bundle of a household to a seekable file, under the newest checkpoint or the one of a number.

        The access record is durable before anything is read. Raises `HouseholdUnknown`, `SealMissing`,
        `CheckpointUnknown`, `PurposeMissing`, `EventDamaged`, and `SealIncomplete` when what proofs are made of
        is not there.
        """
        if not asked.purpose.strip():
            raise PurposeMissing
        upto = self._store.load(household, after=_NEVER).current
        if not upto:
            raise HouseholdUnknown
        self._record([Access(household, asked.actor, asked.organ, asked.purpose.strip(), (SHOWN,))])
        checkpoint = self._checkpoint(number)
        exported = Exported(household, checkpoint.number)
        found = _Found()
        with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=6) as archive:
            _write(archive, "verify.py", [_verifier()])
            _write(archive, "bundle.json", self._bundle(checkpoint, upto, at, exported, found))
            _write(archive, "page.html", self._page(checkpoint, upto, exported, found))
            for name in sorted(found.names):
                schema = files("schemas").joinpath("events", f"{name}.json")
                if schema.is_file():
                    _write(archive, f"schemas/{name}.json", [schema.read_bytes()])
            for pack, body in self._packs(found.packs):
                _write(archive, f"packs/{pack}.json", [body])
        return exported

    def _checkpoint(self, number: int | None) -> Checkpoint:
        with self._pool.connection() as connection:
            last = newest(connection)
            if last is None:
                raise SealMissing
            if number is None or last.number == number:
                return last
            found = next(checkpoints(connection, number - 1), None)
        if found is None or found.number != number:
            raise CheckpointUnknown(number=number)
        return found

    def _pages(self, household: UUID, upto: int) -> Iterator[list[Recorded]]:
        after = 0
        while rows := self._store.slice(household, after, upto=upto, limit=PAGE):
            yield rows
            after = rows[-1].originator_version

    def _proofs(self, rows: Sequence[Recorded], checkpoint: Checkpoint) -> dict[int, list[bytes]]:
        """The proofs of a page, by position; what was read of the tree is forgotten with it, to stay small."""
        lane = rows[0].lane
        size = checkpoint.sizes[lane]
        sealed = [row.position for row in rows if row.position <= size]
        with self._pool.connection() as connection:
            return prove(connection, hash_of(checkpoint.note.algorithm), lane, sealed, size)

    def _bundle(
        self, checkpoint: Checkpoint, upto: int, at: datetime, exported: Exported, found: _Found
    ) -> Iterator[bytes]:
        note = checkpoint.note
        hash = hash_of(note.algorithm)
        lane = lane_of(exported.household)
        name = key_name(note.store)
        named = self._keys.named(name)
        signers = [named[each.key_hash] for each in note.signatures if each.key_hash in named]
        yield _opened(
            {
                "format": FORMAT,
                "store": str(note.store),
                "hash": NAMES[note.algorithm],
                "household": str(exported.household),
                "exportedAt": at.astimezone(UTC).isoformat(timespec="microseconds"),
                "checkpoint": note.text,
                "publicKeys": [{"name": name, "key": _base64(key)} for key in signers],
                "lane": lane,
                "laneSize": checkpoint.sizes[lane],
                "laneRoot": _base64(checkpoint.roots[lane]),
                "laneProof": [
                    _base64(each) for each in prove_lane(hash, checkpoint.sizes, checkpoint.roots, lane)
                ],
            }
        )
        yield b'"events": ['
        for rows in self._pages(exported.household, upto):
            proofs = self._proofs(rows, checkpoint)
            for row in rows:
                found.take(row)
                proof = proofs.get(row.position)
                if not (verify(row) and (proof is None or _holds(row, proof, checkpoint))):
                    exported.faults.append(row.originator_version)
                if proof is None:
                    if not exported.unsealed:
                        yield _NEXT_LIST
                    yield (b",\n" if exported.unsealed else b"\n") + _json(_said(row))
                    exported.unsealed += 1
                else:
                    said = {**_said(row), "proof": [_base64(each) for each in proof]}
                    yield (b",\n" if exported.sealed else b"\n") + _json(said)
                    exported.sealed += 1
        if not exported.unsealed:
            yield _NEXT_LIST
        papers = b",".join(b"\n" + _json(each) for each in self._papers(found))
        yield b'\n],\n"attachments": [' + papers + b"\n]\n}\n"

    def _papers(self, found: _Found) -> Iterator[dict[str, Any]]:
        for id in found.papers:
            try:
                stored = self._attachments.about(UUID(id))
            except AttachmentUnknown:
                continue
            yield {
                "id": id,
                "kind": stored.kind,
                "media": stored.media,
                "size": stored.size,
                "sha256": stored.sha256,
            }

    def _page(self, checkpoint: Checkpoint, upto: int, exported: Exported, found: _Found) -> Iterator[bytes]:
        note, lane = checkpoint.note, lane_of(exported.household)
        head = Head(
            str(exported.household),
            str(note.store),
            lane,
            note.number,
            moment(note.at.isoformat()),
            note.total,
            checkpoint.sizes[lane],
            exported.sealed,
            exported.unsealed,
        )
        notes = Notes(str(exported.household), {each["id"]: each["sha256"] for each in self._papers(found)})
        steps = (
            Stored(
                row.position,
                row.originator_version,
                row.name,
                row.effective_on,
                row.recorded_at,
                row.meta_bytes.decode(),
                row.data.decode(),
                row.digest.hex(),
                row.position <= checkpoint.sizes[lane],
            )
            for rows in self._pages(exported.household, upto)
            for row in rows
        )
        for piece in page(head, steps, notes):
            yield piece.encode()

    def _packs(self, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
        for pack in sorted(wanted):
            with self._pool.connection() as connection:
                row = connection.execute("SELECT body FROM ref_pack WHERE hash = %s", [pack]).fetchone()
            if row is not None:
                yield pack, rfc8785.dumps(json.loads(row[0]))


def _holds(row: Recorded, proof: Sequence[bytes], checkpoint: Checkpoint) -> bool:
    hash, lane = hash_of(checkpoint.note.algorithm), row.lane
    leaf = event_leaf(hash, lane, row.position, microseconds(row.recorded_at), row.digest)
    return verify_inclusion(
        hash, leaf, row.position - 1, checkpoint.sizes[lane], proof, checkpoint.roots[lane]
    )


def _said(row: Recorded) -> dict[str, Any]:
    return {
        "position": row.position,
        "version": row.originator_version,
        "eventId": str(row.event_id),
        "name": row.name,
        "effectiveOn": row.effective_on.isoformat() if row.effective_on else None,
        "recordedAt": row.recorded_at.isoformat(timespec="microseconds"),
        "meta": row.meta_bytes.decode(),
        "data": row.data.decode(),
        "private": _base64(row.private) if row.private else None,
        "digest": _base64(row.digest),
    }


def _packs_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _packs_in(each)
    elif isinstance(value, dict):
        packs = value.get("packs") if "rules" in value else None
        if isinstance(packs, list):
            yield from (each for each in packs if isinstance(each, str))
        for each in value.values():
            yield from _packs_in(each)


def _verifier() -> bytes:
    return files("application").joinpath("audit", "verify_bundle.py").read_bytes()


def _write(archive: ZipFile, name: str, pieces: Iterable[bytes]) -> None:
    entry = ZipInfo(name, _DAY_OF_FILES)
    entry.compress_type = ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o600 << 16
    with BufferedWriter(archive.open(entry, "w"), _BUFFER) as file:
        for piece in pieces:
            file.write(piece)


def _opened(fields: dict[str, Any]) -> bytes:
    """A JSON object without its end, for more to follow."""
    return json.dumps(fields, ensure_ascii=False, indent=1).encode()[:-2] + b",\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _base64(content: bytes) -> str:
    return b64encode(content).decode()

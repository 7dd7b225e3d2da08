"""Attachments (附件) and document numbers (文号): sealed bytes beside the events, and series without doubles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5

from eventstore.access_records import Access
from eventstore.errors import StoreError
from eventstore.keys.keys import KeyRing
from eventstore.lanes import lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import LibpqClient, Parameter, Pool, Row, Statement

LARGEST: Final = 10 * 1024 * 1024
"""How many bytes an attachment may have, before it is sealed."""

SERIES: Final = UUID("5d0f7a52-7c4e-5b0e-8f0a-9f2c1c6f7e44")
"""The namespace of number series: their lane is that of UUIDv5 of `organ/year/kind`."""

_COLUMNS: Final = "o_owner, o_kind, o_media, o_size, o_sha256, o_recorded_at"
_PUT: Final = Statement(
    "es_put_attachment",
    f"SELECT {_COLUMNS} FROM es_put_attachment"
    "($1::smallint, $2::uuid, $3::uuid, $4::text, $5::text, $6::bytea)",
)
_OF: Final = Statement(
    "es_attachment_of",
    f"SELECT {_COLUMNS}, o_sealed FROM es_attachment_of($1::smallint, $2::uuid, $3::boolean)",
)
_TAKE: Final = Statement(
    "es_take_number",
    "SELECT o_n FROM es_take_number($1::smallint, $2::text, $3::integer, $4::text, $5::uuid)",
)


class AttachmentTooLarge(StoreError):
    """附件有 {size} 字节，超过 10 MiB 的上限。请压缩或者分成几份后再上传。"""


class AttachmentUnknown(StoreError):
    """没有这个附件。请核对附件编号。"""


class AttachmentChanged(StoreError):
    """附件编号 {id} 已用于另一份附件。请换用新的编号。"""


class AttachmentDamaged(StoreError):
    """附件 {id} 的密文与登记的摘要不符，不能使用。请从备份恢复并报告安全管理员。"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An attachment as it lies in the store: `size` in bytes and `sha256` in hex are of the sealed bytes."""

    id: UUID
    owner: UUID
    kind: str
    media: str
    size: int
    sha256: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, from which organ, for what, and about which household; recorded before anything is shown."""

    actor: str
    purpose: str
    subject: UUID
    organ: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment opened: `data` is None when its owner was erased."""

    stored: Stored
    data: bytes | None

    @property
    def erased(self) -> bool:
        """Whether the key that sealed it was destroyed."""
        return self.data is None


class Attachments:
    """Sealed attachments of one store; safe to share between threads.

    `pool` is the store's (role `hulian_app`), `record` writes access records durably: `access_log(pool)`.
    """

    def __init__(self, pool: Pool, keys: KeyRing, record: Callable[[Sequence[Access]], None]) -> None:
        self._client = LibpqClient(pool)
        self._keys = keys
        self._record = record

    def put(self, id: UUID, owner: UUID, kind: str, media: str, data: bytes) -> Stored:
        """Seal and store bytes under the owner's key, before the event that will name them.

        `id` is UUIDv5 of the command id, so a retry is answered with what was stored first, also when it
        was sealed with another nonce. Raises `AttachmentTooLarge`, `AttachmentChanged` when the id belongs
        to another owner, kind or content, `OwnerErased`.
        """
        if len(data) > LARGEST:
            raise AttachmentTooLarge(size=len(data))
        sealed = self._keys.seal(owner, _kind(id), data)
        parameters = (
            binary.short(lane_of(id)),
            id.bytes,
            owner.bytes,
            kind.encode(),
            media.encode(),
            sealed,
        )
        stored = _stored(id, self._client.rows(_PUT, parameters)[0])
        if (stored.owner, stored.kind, stored.media) != (owner, kind, media):
            raise AttachmentChanged(id=id)
        if stored.sha256 != sha256(sealed).hexdigest() and self._open(id)[1] != data:
            raise AttachmentChanged(id=id)
        return stored

    def about(self, id: UUID) -> Stored:
        """What is known of an attachment without opening it; raises `AttachmentUnknown`."""
        return _stored(id, self._row(id, whole=False))

    def get(self, id: UUID, look: Look) -> Attachment:
        """The attachment in clear, for somebody to see; an access record is durable before this answers.

        Its `data` is None when the owner was erased. Raises `AttachmentUnknown`, `AttachmentDamaged`.
        """
        stored, data = self._open(id)
        self._record(
            [Access(look.subject, look.actor, look.organ, look.purpose, (f"attachment:{stored.kind}",))]
        )
        return Attachment(stored, data)

    def _open(self, id: UUID) -> tuple[Stored, bytes | None]:
        row = self._row(id, whole=True)
        stored, sealed = _stored(id, row), row[6]
        if sha256(sealed).hexdigest() != stored.sha256:
            raise AttachmentDamaged(id=id)
        return stored, self._keys.open(stored.owner, _kind(id), sealed)

    def _row(self, id: UUID, *, whole: bool) -> Row:
        parameters: tuple[Parameter, ...] = (binary.short(lane_of(id)), id.bytes, binary.boolean(whole))
        rows = self._client.rows(_OF, parameters)
        if not rows:
            raise AttachmentUnknown
        return rows[0]


class Numbers:
    """The series documents are numbered from, one for each organ, year and kind; safe between threads."""

    def __init__(self, pool: Pool) -> None:
        self._client = LibpqClient(pool)

    def take(self, organ: str, year: int, kind: str, taker: UUID) -> int:
        """The next number of a series, from 1; never given to two takers, always the same to one.

        `taker` is the command that needs it: its retry gets the number it had. Gaps are allowed.
        """
        lane = lane_of(uuid5(SERIES, f"{organ}/{year}/{kind}"))
        parameters = (
            binary.short(lane),
            organ.encode(),
            binary.integer(year),
            kind.encode(),
            taker.bytes,
        )
        return int(self._client.rows(_TAKE, parameters)[0][0])


def _kind(id: UUID) -> str:
    # Part of the sealing's additional data: the bytes of one attachment cannot stand for another's.
    return f"attachment:{id}"


def _stored(id: UUID, row: Row) -> Stored:
    return Stored(id, UUID(bytes=row[0]), row[1], row[2], row[3], row[4].hex(), binary.instant(row[5]))

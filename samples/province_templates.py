"""Templates of the sample province (样例省的模板): a decided life cut where households differ, and put together anew.

What differs between copies: ids, places, officers, the county's pack, and every private value. Days, amounts, due
dates and receipts stay as they were decided, so a copy is what the deciders would have said in its county, whose
rules are those of the model county under its own code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha1, sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain.household.event import Event
from domain.members.member_changes import MemberJoined
from domain.members.registration import MemberAdded
from domain.values.citizen_id import check_digit
from domain.values.private import Private, PrivateKind
from eventstore.appending.append_types import (
    Claim,
    ClaimChanges,
    CommandKey,
    IndexEntry,
    OneAppend,
    StreamAppend,
)
from eventstore.events.codec import Codec
from eventstore.events.envelope import Encoded, Envelope, Meta
from samples.office_people import FEMALE, MALE, SURNAMES, YOUNG
from samples.province_lives import MODEL_COUNTY, Lived
from samples.province_places import Home

CATEGORY: Final = "household"

_OFFICERS: Final = {"w1": "township", "w2": "township", "w3": "township", "v1": "village"} | {
    "c1": "county",
    "c2": "county",
}
_CUT: Final = re.compile(
    rb"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    rb"|(?P<pack>[0-9a-f]{64})"
    rb'|(?<=")(?P<place>%b(?:01(?:[0-9]{6}|[0-9]{3})?)?)(?![0-9])'
    rb'|(?<=")(?P<officer>%b)(?=")' % (MODEL_COUNTY[:4].encode(), "|".join(_OFFICERS).encode())
)
_COUNTIES: Final = 10_000
"""How many registration counties 99xxxx there are; every so many households take the next serial number."""
_APART: Final = 200
MOST: Final = _COUNTIES * _APART
"""How many households can be told apart by their people's ID numbers."""

Maker = Callable[["Copy"], str]
"""Makes a private value of a copy."""


class Copy(NamedTuple):
    """One household to be: its number among all, its command and id, chance of its own, where it lives."""

    number: int
    command: UUID
    household: UUID
    chance: bytes
    home: Home


class Sealed(NamedTuple):
    """A private value of a template: whose, of what kind, and which slot makes a copy's own."""

    owner: int
    kind: PrivateKind
    value: int


class Cut(NamedTuple):
    """One event of a template: the texts between the slots and the slots, in turn; who entered it."""

    name: str
    event: Event
    parts: list[bytes]
    slots: tuple[int, ...]
    sealed: tuple[Sealed, ...]
    meta: Meta
    actor: int | None
    organ: int | None
    region: int | None


@dataclass(frozen=True, slots=True)
class Template:
    """A life as it can be copied: its events, and what the copies claim and are found by."""

    key: str
    urban: bool
    cuts: tuple[Cut, ...]
    slots: tuple[Maker, ...]
    owners: tuple[int, ...]
    claims: tuple[tuple[int, Claim], ...]
    index: tuple[Sealed, ...]

    def __len__(self) -> int:
        return len(self.cuts)

    def copied(self, copy: Copy, hash: bytes) -> OneAppend:
        """The life as another household's: one command that begins its chain."""
        texts = [made(copy) for made in self.slots]
        values = [text.encode() for text in texts]
        ids = {slot: UUID(texts[slot]) for slot in self.owners}
        household, command = copy.household, copy.command.bytes
        envelopes = []
        for ordinal, cut in enumerate(self.cuts):
            parts = cut.parts.copy()
            parts[1::2] = [values[slot] for slot in cut.slots]
            meta = cut.meta
            meta = Meta(
                meta.actor if cut.actor is None else texts[cut.actor],
                meta.organ if cut.organ is None else texts[cut.organ],
                meta.region if cut.region is None else texts[cut.region],
                meta.command,
                legal_basis=meta.legal_basis,
            )
            id = UUID(bytes=name_based(command, b"event/%d" % ordinal))
            # the model's event stands in for its own: only its day is looked at, what is stored is encoded here
            envelope = Envelope(household, ordinal + 1, cut.event, id, meta)
            envelope.encoded = Encoded(
                cut.name,
                b"".join(parts),
                [Private(ids[each.owner], each.kind, texts[each.value]) for each in cut.sealed],
            )
            envelopes.append(envelope)
        return OneAppend(
            CommandKey(copy.command, hash),
            StreamAppend(household, CATEGORY, 0, envelopes),
            ClaimChanges(
                [Claim(c.kind, ids[slot], household, c.valid_from, c.valid_to) for slot, c in self.claims]
            ),
            [IndexEntry(each.kind, texts[each.value], ids[each.owner]) for each in self.index],
        )


def name_based(namespace: bytes, name: bytes) -> bytes:
    """The bytes of a UUIDv5, at a quarter of `uuid5`'s cost."""
    made = bytearray(sha1(namespace + name, usedforsecurity=False).digest()[:16])
    made[6] = made[6] & 0x0F | 0x50
    made[8] = made[8] & 0x3F | 0x80
    return bytes(made)


def template_of(life: Lived, codec: Codec, pack: str) -> Template:
    """A life cut into a template; `pack` is the hash of the model county's pack."""
    return _Cutting(life, codec, pack).template()


class _Cutting:
    def __init__(self, life: Lived, codec: Codec, pack: str) -> None:
        self._life = life
        self._codec = codec
        self._pack = pack.encode()
        self._slots: dict[bytes, int] = {}
        self._makers: list[Maker] = []
        self._steps = {str(one.event_id).encode(): one.originator_version - 1 for one in life.envelopes}
        self._people = _People(life)
        self._slot(str(life.household).encode(), lambda copy: str(copy.household))

    def template(self) -> Template:
        cuts = tuple(self._cut(one) for one in self._life.envelopes)
        claims = tuple((self._owner(claim.key), claim) for claim in self._life.claims)
        index = tuple(
            Sealed(self._owner(entry.owner), _kind(entry), self._private(entry.kind, entry.text))
            for entry in self._life.index
        )
        owners = {each.owner for cut in cuts for each in cut.sealed} | {slot for slot, _ in claims}
        return Template(
            self._life.kind.key,
            self._life.urban,
            cuts,
            tuple(self._makers),
            tuple(sorted(owners)),
            claims,
            index,
        )

    def _cut(self, one: Envelope) -> Cut:
        encoded = self._codec.encode(one.event)
        texts: list[bytes] = []
        slots: list[int] = []
        end = 0
        for found in _CUT.finditer(encoded.data):
            maker = self._maker(found)
            if maker is None:
                continue
            texts.append(encoded.data[end : found.start()])
            slots.append(self._slot(found[0], maker))
            end = found.end()
        texts.append(encoded.data[end:])
        parts = [b""] * (2 * len(slots) + 1)
        parts[::2] = texts
        sealed = tuple(
            Sealed(self._owner(each.owner), each.kind, self._private(each.kind, str(each.value)))
            for each in encoded.privates
        )
        meta = one.meta
        return Cut(
            encoded.name,
            one.event,
            parts,
            tuple(slots),
            sealed,
            meta,
            self._told(meta.actor),
            self._told(meta.organ),
            self._told(meta.region),
        )

    def _maker(self, found: re.Match[bytes]) -> Maker | None:
        text = found[0]
        if found["id"] is not None:
            return self._id(text)
        if found["pack"] is not None:
            return (lambda copy: copy.home.pack) if text == self._pack else None
        if found["place"] is not None:
            return _place(text.decode())
        officer, level = text.decode(), _OFFICERS[text.decode()]
        return lambda copy: f"{officer}-{getattr(copy.home, level)}"

    def _id(self, text: bytes) -> Maker:
        ordinal = self._steps.get(text)
        name = b"id/%d" % len(self._makers) if ordinal is None else b"event/%d" % ordinal
        return lambda copy: str(UUID(bytes=name_based(copy.command.bytes, name)))

    def _told(self, text: str | None) -> int | None:
        """The slot of what an envelope names: an officer, an organ."""
        if text is None:
            return None
        quoted = f'"{text}"'.encode()
        found = _CUT.search(quoted)
        if found is None:
            return None
        maker = self._maker(found)
        assert maker is not None
        before, after = (quoted[1 : found.start()].decode(), quoted[found.end() : -1].decode())
        return self._slot(quoted, lambda copy: f"{before}{maker(copy)}{after}")

    def _private(self, kind: str, value: str) -> int:
        return self._slot(f"{kind} {value}".encode(), self._people.maker(kind, value))

    def _owner(self, owner: UUID) -> int:
        text = str(owner).encode()
        return self._slot(text, self._id(text))

    def _slot(self, text: bytes, maker: Maker) -> int:
        slot = self._slots.get(text)
        if slot is None:
            slot = self._slots[text] = len(self._makers)
            self._makers.append(maker)
        return slot


class _People:
    """The private values of a life, and how a copy's own are made of a copy's chance."""

    def __init__(self, life: Lived) -> None:
        family = life.family
        brought = [
            each.event for each in life.envelopes if isinstance(each.event, MemberAdded | MemberJoined)
        ]
        names = [each.name.value for each in brought if each.name is not None]
        numbers = [each.id_number.value for each in brought if each.id_number is not None]
        self._names = {name: n for n, name in enumerate(dict.fromkeys(names)) if name is not None}
        self._head = next(iter(self._names))
        self._alike: dict[str, int] = {}
        seen: dict[str, int] = {}
        for number in filter(None, dict.fromkeys(numbers)):
            like = f"{number[6:14]}/{int(number[16]) % 2}"
            self._alike[number] = seen[like] = seen.get(like, -1) + 1
        self._said: dict[tuple[str, str], Maker] = {
            ("phone", family.phone): _phone,
            ("account", family.account): _account,
            ("address", family.address): _address,
        }

    def maker(self, kind: str, value: str) -> Maker:
        """How a value of this kind is made; one that names nobody of the family stays as it is."""
        if kind == "id-number":
            return _number(value, self._alike[value])
        if kind == "name" and value in self._names:
            return self._name(value, self._names[value])
        made = self._said.get((kind, value))
        if made is not None:
            return made
        return _other_address if kind == "address" else (lambda copy: value)

    def _name(self, value: str, n: int) -> Maker:
        pairs = next(_pairs(names) for names in (YOUNG, MALE, FEMALE) if value[1:] in _pairs(names))
        # children are called like the head, whose surname is the household's
        family = 6 if value[0] == self._head[0] else 24 + n % 8

        def name(copy: Copy) -> str:
            chance = copy.chance
            first, second = (pairs[chance[at + n % 8] % len(pairs)] for at in (8, 16))
            return SURNAMES[chance[family] % len(SURNAMES)] + first[0] + second[1]

        return name


def _pairs(names: str) -> list[str]:
    return [names[n : n + 2] for n in range(0, len(names) - 1, 2)]


def _place(code: str) -> Maker:
    if len(code) == 4:
        return lambda copy: copy.home.city
    if len(code) == 6:
        return lambda copy: copy.home.county
    if len(code) == 9:
        return lambda copy: copy.home.township
    if code in ("990801100201", "990801101001"):
        return lambda copy: copy.home.village
    return lambda copy: copy.home.neighbour


def _kind(entry: IndexEntry) -> Any:
    return entry.kind


def _number(value: str, alike: int) -> Maker:
    """An ID number of the same birth day and sex, no other person's among `MOST` households.

    `alike` tells apart people of one day and sex within one family.
    """
    birth, male = value[6:14], int(value[16]) % 2

    def number(copy: Copy) -> str:
        again, county = divmod(copy.number, _COUNTIES)
        first = f"99{county:04d}{birth}{2 * (again + _APART * alike) + male:03d}"
        return first + check_digit(first)

    return number


def _phone(copy: Copy) -> str:
    return f"199{copy.number * 7_919 % 100_000_000:08d}"


def _account(copy: Copy) -> str:
    return f"试验省农村商业银行 620099{copy.number * 104_729 % 10**13:013d}"


def _address(copy: Copy) -> str:
    return f"{copy.home.name}{1 + copy.chance[4] % 9}组{1 + copy.chance[5] % 80}号"


def _other_address(copy: Copy) -> str:
    return f"{1 + copy.chance[5] % 9}组{1 + copy.chance[4] % 80}号"


def chance_of(command: bytes) -> bytes:
    """Thirty-two bytes of a household's own, the same whenever it is made."""
    return sha256(command).digest()


def fingerprint(templates: Sequence[Template], today: date) -> bytes:
    """What all copies rest on: another program, pack or day makes another province."""
    made = sha256(today.isoformat().encode())
    for template in templates:
        made.update(template.key.encode())
        for cut in template.cuts:
            made.update(b"|".join([cut.name.encode(), *cut.parts, bytes(str(cut.slots), "ascii")]))
    return made.digest()

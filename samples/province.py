"""The sample province (样例省): as many households as are wished, at every step, spread over cities and counties.

Every household is a copy of a life decided by the domain (`samples.province_lives`), appended as one command of its
own under ids that follow from the wish: the same wish gives the same ids and the same facts, in whatever order and
however often it is carried out. A batch is some households of one lane: one transaction.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from itertools import accumulate
from math import exp, gcd
from typing import Final
from uuid import UUID

from application.reference.reference import Reference
from domain.catalogue import EVENTS, UPCASTERS
from domain.values.pack import Pack
from domain.values.refusals import Refusal
from eventstore.appending.append_types import Appended, OneAppend
from eventstore.events.codec import Codec
from eventstore.lanes import LANES
from eventstore.store import LaneStore
from samples.office import DAY
from samples.province_lives import KINDS, MODEL_COUNTY, lived
from samples.province_places import Places, places_for
from samples.province_templates import MOST, Copy, Template, chance_of, fingerprint, name_based, template_of

__all__ = ["DAY", "MODEL_COUNTY", "MOST", "Batch", "Province", "ProvinceFaulty", "Wish", "model_pack"]

BATCH: Final = 200
"""How many households of a lane are appended in one transaction."""

_PROVINCE: Final = UUID("5d0f6e0a-9a17-5c85-8a1a-6f0d2f3c7a44").bytes
_EVENING: Final = time(18, tzinfo=timezone(timedelta(hours=8)))
_WEIGHTS: Final = {kind.key: kind.weight for kind in KINDS}


class EventsOutOfReach(Refusal):
    """平均每户 {wanted} 条事实做不到；请使每户平均在 {least} 条与 {most} 条之间。"""


class ProvinceFaulty(Refusal):
    """样例户 {household} 未能写入：{reason}"""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which province: how many households, how many events in all, by which seed, as of which day."""

    households: int
    events: int
    seed: int
    today: date = DAY


@dataclass(frozen=True, slots=True)
class Batch:
    """Some households of one lane, appended together; `head` is the command of the first of them."""

    lane: int
    first: int
    count: int
    head: UUID


class Province:
    """A province as it is wished: its places, how many households live which life, and who they are."""

    def __init__(self, wish: Wish, reference: Reference, model: Pack) -> None:
        """Decides all lives; takes some seconds. Raises `EventsOutOfReach`."""
        self.wish = wish
        self.places: Places = places_for(wish.households, model)
        codec = Codec(EVENTS, UPCASTERS)
        self._templates = [
            template_of(life, codec, model.hash)
            for life in lived(reference, wish.seed, wish.today, wish.households)
        ]
        self.counts = _counts(self._templates, wish)
        self._until = list(accumulate(self.counts))
        told = f"{wish.seed}/{wish.today}/{wish.households}/{wish.events}".encode()
        self._ids = name_based(_PROVINCE, told)
        self._said = told + fingerprint(self._templates, wish.today)
        self._stride = _coprime(wish.households)
        self._numbers, self._from = self._by_lane()

    @property
    def events(self) -> int:
        """How many events all households have together."""
        return sum(n * len(template) for n, template in zip(self.counts, self._templates, strict=True))

    @property
    def recorded_at(self) -> datetime:
        """When everything is recorded, as in an office that enters its files at once."""
        return datetime.combine(self.wish.today, _EVENING)

    def by_kind(self) -> dict[str, int]:
        """How many households live each kind of life."""
        found = dict.fromkeys(_WEIGHTS, 0)
        for n, template in zip(self.counts, self._templates, strict=True):
            found[template.key] += n
        return found

    def batches(self) -> Iterator[Batch]:
        """All batches, lane by lane."""
        for lane in range(LANES):
            first, end = self._from[lane], self._from[lane + 1]
            for start in range(first, end, BATCH):
                head = UUID(bytes=self._command(self._numbers[start]))
                yield Batch(lane, start, min(BATCH, end - start), head)

    def appended(self, store: LaneStore, batch: Batch) -> int:
        """Append a batch, or what is missing of it; how many events were new. Raises `ProvinceFaulty`."""
        hash = self.request_hash(store)
        numbers = self._numbers[batch.first : batch.first + batch.count]
        each = [self.household(number, hash) for number in numbers]
        new = 0
        answers = store.append_many(each, self.recorded_at)
        for one, answer in zip(each, answers, strict=True):
            if not isinstance(answer, Appended):
                raise ProvinceFaulty(household=one.stream.stream, reason=answer.sentence)
            new += 0 if answer.repeated else len(one.stream.envelopes)
        return new

    def household(self, number: int, hash: bytes) -> OneAppend:
        """A household by its number, from 0: what is appended for it."""
        template = self._template(number)
        command = self._command(number)
        chance = chance_of(command)
        home = self.places.home(chance, template.urban)
        id = UUID(bytes=name_based(command, b"household/0"))
        return template.copied(Copy(number, UUID(bytes=command), id, chance, home), hash)

    def request_hash(self, store: LaneStore) -> bytes:
        """What every household's command says was asked: the whole wish, and what all copies rest on."""
        return store.keys.request_hash(self._said)

    def _template(self, number: int) -> Template:
        # a permutation of the numbers, so that neighbours live different lives
        place = (number * self._stride + self.wish.seed) % self.wish.households
        return self._templates[bisect_right(self._until, place)]

    def _command(self, number: int) -> bytes:
        return name_based(self._ids, b"%d" % number)

    def _by_lane(self) -> tuple[array[int], list[int]]:
        """The numbers of all households in the order of their lanes, and where each lane begins."""
        count = self.wish.households
        lanes = bytes(name_based(self._command(n), b"household/0")[15] for n in range(count))
        sizes = [lanes.count(lane) for lane in range(LANES)]
        begins = [0, *accumulate(sizes)]
        ordered, at = array("I", bytes(4 * count)), begins.copy()
        for number, lane in enumerate(lanes):
            ordered[at[lane]] = number
            at[lane] += 1
        return ordered, begins


def model_pack(packs: Sequence[Pack]) -> Pack:
    """The pack of the model county among these."""
    return next(pack for pack in packs if pack.region == MODEL_COUNTY)


def _counts(templates: Sequence[Template], wish: Wish) -> list[int]:
    """How many households live each life: by its weight, tilted to the events wished, whole numbers."""
    lengths = [len(template) for template in templates]
    variants = {key: sum(template.key == key for template in templates) for key in _WEIGHTS}
    weights = [_WEIGHTS[template.key] / variants[template.key] for template in templates]
    shares = _tilted(weights, lengths, wish.events / wish.households)
    exact = [share * wish.households for share in shares]
    counts = [int(each) for each in exact]
    by_rest = sorted(range(len(counts)), key=lambda n: (counts[n] - exact[n], n))
    for n in by_rest[: wish.households - sum(counts)]:
        counts[n] += 1
    return counts


def _tilted(weights: Sequence[float], lengths: Sequence[int], mean: float) -> list[float]:
    """Shares in proportion to the weights, longer lives made rarer or commoner until their mean length is so."""
    least, most = min(lengths), max(lengths)
    if not least < mean < most:
        raise EventsOutOfReach(wanted=round(mean, 1), least=least + 1, most=most - 1)

    def shares(tilt: float) -> list[float]:
        # seen from one end, so that nothing overflows
        end = most if tilt > 0 else least
        tilted = [
            weight * exp(tilt * (length - end)) for weight, length in zip(weights, lengths, strict=True)
        ]
        total = sum(tilted)
        return [each / total for each in tilted]

    low, high = -5.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        found = sum(share * length for share, length in zip(shares(middle), lengths, strict=True))
        low, high = (middle, high) if found < mean else (low, middle)
    return shares((low + high) / 2)


def _coprime(count: int) -> int:
    """A stride that visits all of so many places once."""
    stride = max(1, int(count * 0.618))
    while gcd(stride, count) != 1:
        stride += 1
    return stride

"""The places of the sample province (样例省的区划): cities, counties, townships and villages under the made-up 99.

Every county has the model county's rules under a code and pack of its own, so that a life decided in the model
county is decided alike in all of them. Large counties and townships stand beside small ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import Final, NamedTuple

from application.reference.packs import pack_hash
from application.reference.reference import Shipped
from domain.values.pack import Pack
from domain.values.region import Region

PROVINCE: Final = "99"
HOUSEHOLDS_A_COUNTY: Final = 10_000
FEWEST: Final = 2
MOST: Final = 96
COUNTIES_A_CITY: Final = 8
TOWNSHIPS: Final = 12
TOWNS: Final = ("001", "002")
VILLAGES: Final = ("201", "202", "203", "204", "205", "206", "207", "208")
"""The urban and the rural places of each township, by the last digits of their codes."""

_FIRST_CITY: Final = 10
_SINCE: Final = date(2000, 1, 1)


class Home(NamedTuple):
    """Where a household lives: codes from the city down, another village near by, and whose rules hold there."""

    city: str
    county: str
    township: str
    village: str
    neighbour: str
    name: str
    pack: str


class _County(NamedTuple):
    city: str
    code: str
    name: str
    pack: str


@dataclass(frozen=True, slots=True)
class Places:
    """The province: its counties with their packs, and how its households spread over them."""

    counties: Sequence[_County]
    packs: tuple[Pack, ...]
    _bounds: Sequence[float]
    _towns: Sequence[float]

    def home(self, chance: bytes, urban: bool) -> Home:
        """Where a household lives that drew these bytes."""
        at = int.from_bytes(chance[24:28], "big") / (1 << 32)
        county = self.counties[bisect_right(self._bounds, at)]
        at = int.from_bytes(chance[28:32], "big") / (1 << 32)
        n = bisect_right(self._towns, at)
        township = f"{county.code}{100 + n}"
        within = TOWNS if urban else VILLAGES
        place = chance[0] % len(within)
        village, neighbour = (township + within[each % len(within)] for each in (place, place + 1))
        name = f"{county.name}第{n + 1}镇{_name(within[place])}"
        return Home(county.city, county.code, township, village, neighbour, name, county.pack)

    def published(self) -> Shipped:
        """What has to be published and adopted before anybody lives there."""
        return Shipped(self.packs, (), tuple(self._regions()))

    def _regions(self) -> Iterator[Region]:
        for city in dict.fromkeys(county.city for county in self.counties):
            yield _region(city, f"试验{city[2:]}市", "city", PROVINCE)
        for county in self.counties:
            yield _region(county.code, county.name, "county", county.city)
            for n in range(TOWNSHIPS):
                township = f"{county.code}{100 + n}"
                yield _region(township, f"第{n + 1}镇", "township", county.code)
                for last in (*TOWNS, *VILLAGES):
                    urban_rural = "121" if last in TOWNS else "220"
                    yield _region(f"{township}{last}", _name(last), "village", township, urban_rural)


def places_for(households: int, model: Pack) -> Places:
    """The province for so many households, each county under the rules of the `model` county's pack."""
    count = max(FEWEST, min(MOST, -(-households // HOUSEHOLDS_A_COUNTY)))
    counties, packs = [], []
    for n in range(count):
        city = f"{PROVINCE}{_FIRST_CITY + n // COUNTIES_A_CITY}"
        code = f"{city}{1 + n % COUNTIES_A_CITY:02d}"
        pack = _under(model, code)
        packs.append(pack)
        counties.append(_County(city, code, f"试验{code[2:]}县", pack.hash))
    return Places(counties, tuple(packs), _bounds(count), _bounds(TOWNSHIPS))


def _bounds(count: int) -> list[float]:
    """The upper bounds of shares that fall off slowly, the last of them 1."""
    shares = list(accumulate((1 + n) ** -0.35 for n in range(count)))
    return [share / shares[-1] for share in shares][:-1]


def _under(model: Pack, code: str) -> Pack:
    """The same rules as another county's pack."""
    hash = pack_hash(Pack(code, "", model.chapters).to_json())
    chapters = {
        name: {key: tuple(replace(each, pack=hash) for each in entries) for key, entries in chapter.items()}
        for name, chapter in model.chapters.items()
    }
    return Pack(code, hash, chapters)


def _name(last: str) -> str:
    return f"第{int(last)}社区" if last in TOWNS else f"第{int(last) - 200}村"


def _region(code: str, name: str, level: str, parent: str, urban_rural: str | None = None) -> Region:
    return Region(
        code=code,
        id=code,
        name=name,
        level=level,  # type: ignore[arg-type]  # the four literals above
        parent=parent,
        since=_SINCE,
        until=None,
        successors=(),
        urban_rural=urban_rural,
        mark="synthetic",
    )

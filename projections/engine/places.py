"""Places (所在区划): the five codes above a village as columns of a row, and which of them a region's code is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypedDict

from domain.values.region import Level

DIGITS: Final[Mapping[Level, int]] = {"province": 2, "city": 4, "county": 6, "township": 9, "village": 12}
"""How many digits a code of each level has."""
LEVELS: Final[Mapping[int, Level]] = {digits: level for level, digits in DIGITS.items()}
"""Of which level a code of so many digits is."""


class Codes(TypedDict):
    """The codes of a place, province to village."""

    province: str
    city: str
    county: str
    township: str
    village: str


@lru_cache(maxsize=4096)
def codes_of(region: str) -> Codes:
    """The five codes of a village; those below a larger region are its own code."""
    return Codes(
        province=region[:2], city=region[:4], county=region[:6], township=region[:9], village=region[:12]
    )

"""Organs on paper (机关署名): what an organ is called, and the head of its document numbers (文号)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from domain.values.issued import DocumentKind
from domain.values.region import RegionRegister

_DEPARTMENTS: Final[Mapping[str, tuple[str, str]]] = {"civil-affairs": ("民政局", "民")}
_SUFFIXES: Final = ("自治县", "街道", "县", "市", "区", "旗", "镇", "乡")
_MARKS: Final[Mapping[DocumentKind, str]] = {
    "missing-items-notice": "告",
    "non-acceptance-notice": "不受",
    "acceptance-notice": "受",
    "verification-authorisation": "授",
    "home-visit-form": "调",
    "verification-result": "核",
    "public-notice": "示",
    "file-return-notice": "退",
    "extension-notice": "延",
    "approval-form": "批",
    "confirmation-notice": "确",
    "refusal-decision": "不确",
    "procedure-end-notice": "终",
    "grace-form": "渐",
    "hearing-record": "听",
    "reduction-notice": "减",
    "termination-notice": "停",
    "transfer-notice": "转",
    "delivery-receipt": "证",
}


def organ_name(organ: str, regions: RegionRegister, on: date) -> str:
    """An organ as it signs: 昌邑市民政局, 昌邑市卜庄镇人民政府; by the region names of the day."""
    code, _, department = organ.partition("/")
    region = regions.at(code, on)
    if region.level == "township":
        county = regions.at(regions.ancestor(code, "county", on), on).name
        office = "办事处" if region.name.endswith("街道") else "人民政府"
        return f"{county}{region.name}{office}"
    return region.name + _DEPARTMENTS.get(department, ("人民政府", ""))[0]


def document_number(
    organ: str, kind: DocumentKind, year: int, n: int, regions: RegionRegister, on: date
) -> str:
    """The number on the page: 昌邑民救确〔2021〕7号; its series is the organ's, the kind's and the year's."""
    code, _, department = organ.partition("/")
    name = regions.at(code, on).name
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix) + 1:
            name = name.removesuffix(suffix)
            break
    head = name + _DEPARTMENTS.get(department, ("", ""))[1]
    return f"{head}救{_MARKS[kind]}〔{year}〕{n}号"


def place_name(region: str, regions: RegionRegister, on: date) -> str:
    """Where a household lives, from the county down: 昌邑市卜庄镇于家福宁村."""
    path = list(dict.fromkeys(regions.path(region, on)))
    return "".join(regions.at(code, on).name for code in path if len(code) >= 6)

"""Reading policy packs and calendars (政策包、工作日历): checked values, or a refusal by file and line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Any

import rfc8785
import yaml

from application.reference.pack_sheet import PackRefused, Sheet
from domain.values.calendar import CalendarEdition, CalendarEditionFaulty
from domain.values.pack import DIGITS, LOCAL, NATION, Pack, Parameter, Value, out_of_bounds, overstepping

__all__ = [
    "UNITS",
    "PackRefused",
    "overrides_refused",
    "pack_hash",
    "pack_of",
    "read_calendars",
    "read_packs",
]

_KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*(\.([a-z0-9]+(-[a-z0-9]+)*|[A-Z][A-Z0-9]*(-[A-Z0-9]+)*))*")
_REGION = re.compile(rf"{NATION}|\d{{2}}|\d{{4}}|\d{{6}}")
_RATIO = re.compile(r"(\d+)/([1-9]\d*)")
_ENTRY = ("from", "to", "value", "unit", "source", "mark", "bounds", "by")
_MARKS = (LOCAL, "D", "K", "2nd-hand")
_NUMBERS = ("wd", "d", "months", "quarters", "fen", "fen/person-month", "count")
UNITS = (*_NUMBERS, "ratio", "flag", "word", "words")
"""What a parameter's value is measured in; the first ones take whole numbers."""


def read_packs(root: Traversable) -> list[Pack]:
    """The packs under a policy folder, nation first, each folder `<region>/<chapter>.yaml` one pack.

    Overrides are checked against the packs above. Raises `PackRefused` with file, line and reason.
    """
    folders = (each for each in root.iterdir() if each.is_dir() and _REGION.fullmatch(each.name))
    ordered = sorted(folders, key=lambda each: (each.name != NATION, len(each.name), each.name))
    read: dict[str, Pack] = {}
    for folder in ordered:
        pack, places = _read_folder(folder)
        above = [read[code] for code in _above(pack.region) if code in read]
        for upper, entry, reason in overrides_refused(pack, above):
            file, line = places[entry]
            raise PackRefused(file, line, f"不得改动 {upper} 已定的参数“{entry.key}”：{reason}")
        read[pack.region] = pack
    return list(read.values())


def pack_hash(body: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a pack's canonical JSON (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(dict(body))).hexdigest()


def pack_of(body: Mapping[str, Any]) -> Pack:
    """The pack a stored body holds, its hash worked out anew."""
    return Pack.from_json(body, pack_hash(body))


def overrides_refused(pack: Pack, above: Iterable[Pack]) -> Iterator[tuple[str, Parameter, str]]:
    """Where a pack oversteps those above (nation first): the region above, the entry, and why.

    Looked at on each day on which the entry or an entry above begins.
    """
    above = list(above)
    if not above:
        return
    for key, entries in pack.parameters.items():
        line = [(upper.region, upper.parameters.get(key, ())) for upper in above]
        for entry in entries:
            days = {entry.since} | {each.since for _, uppers in line for each in uppers}
            days |= {each.until for _, uppers in line for each in uppers if each.until is not None}
            for day in sorted(each for each in days if entry.holds(each)):
                ruling = [(region, each) for region, uppers in line for each in uppers if each.holds(day)]
                region, upper = ruling[-1] if ruling else (above[0].region, None)
                if (reason := overstepping(entry, pack.region, upper)) is not None:
                    yield region, entry, f"{day}，{reason}" if upper is None else reason
                    break


def read_calendars(root: Traversable) -> list[CalendarEdition]:
    """The calendar editions under `<root>/calendar`, by region, year and number; raises `PackRefused`."""
    folder = root.joinpath("calendar")
    editions = [_read_calendar(file) for file in _yaml_files(folder)]
    editions.sort(key=lambda each: (each.region, each.year, each.number))
    for one, other in pairwise(editions):
        if one.id == other.id:
            raise PackRefused(folder.name, 1, f"工作日历 {one.id} 有两份")
    return editions


def _above(region: str) -> tuple[str, ...]:
    """The regions a pack's region lies under; a pack's folder follows the code's own digits."""
    if region == NATION:
        return ()
    return (NATION, *(region[:digits] for digits in (2, 4) if digits < len(region)))


def _yaml_files(folder: Traversable) -> list[Traversable]:
    return sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda f: f.name)


def _read_folder(folder: Traversable) -> tuple[Pack, dict[Parameter, tuple[str, int]]]:
    chapters: dict[str, dict[str, tuple[Parameter, ...]]] = {}
    places: dict[Parameter, tuple[str, int]] = {}
    first: dict[str, str] = {}
    for file in _yaml_files(folder):
        sheet = Sheet(file, f"{folder.name}/{file.name}")
        chapter = chapters.setdefault(file.name.removesuffix(".yaml"), {})
        for key_node, node in sheet.pairs(sheet.root):
            key = sheet.text(key_node)
            if not _KEY.fullmatch(key):
                raise sheet.refused(key_node, f"参数名“{key}”应由小写词以连字号、句点相连")
            if key in first:
                raise sheet.refused(key_node, f"参数“{key}”已在 {first[key]} 中出现")
            first[key] = sheet.name
            entries: list[Parameter] = []
            for each in sheet.items(node):
                entry = _read_entry(sheet, key, each)
                if entries:
                    _check_order(sheet, each, entries[-1], entry)
                entries.append(entry)
                places[entry] = sheet.name, sheet.line(each)
            if not entries:
                raise sheet.refused(node, f"参数“{key}”没有任何取值")
            chapter[key] = tuple(entries)
    draft = Pack(folder.name, "", chapters)
    digest = pack_hash(draft.to_json())
    sealed = {entry: replace(entry, pack=digest) for entry in places}
    pack = Pack(
        folder.name,
        digest,
        {
            name: {key: tuple(sealed[entry] for entry in entries) for key, entries in chapter.items()}
            for name, chapter in chapters.items()
        },
    )
    return pack, {sealed[entry]: place for entry, place in places.items()}


def _check_order(sheet: Sheet, node: yaml.Node, earlier: Parameter, later: Parameter) -> None:
    if later.since <= earlier.since:
        raise sheet.refused(node, f"起始日 {later.since} 不晚于前一项的 {earlier.since}，应按时间先后排列")
    if earlier.until is None or earlier.until > later.since:
        raise sheet.refused(node, f"与前一项重叠：前一项应写明 to，且不晚于 {later.since}")
    if later.unit != earlier.unit:
        raise sheet.refused(node, f"单位“{later.unit}”与前一项“{earlier.unit}”不同")


def _read_entry(sheet: Sheet, key: str, node: yaml.Node) -> Parameter:
    fields = sheet.fields(node, _ENTRY)
    for name in ("from", "value", "unit", "source"):
        if name not in fields:
            raise sheet.refused(node, f"“{key}”缺少 {name}")
    unit = sheet.text(fields["unit"])
    if unit not in UNITS:
        raise sheet.refused(fields["unit"], f"不认识的单位“{unit}”，可用：{'、'.join(UNITS)}")
    source = sheet.text(fields["source"]).strip()
    if not source:
        raise sheet.refused(fields["source"], f"“{key}”没有写明依据（source）")
    mark = _read_mark(sheet, fields.get("mark"))
    since = sheet.day(fields["from"])
    until = sheet.day(fields["to"]) if "to" in fields else None
    if until is not None and until <= since:
        raise sheet.refused(fields["to"], f"截止日 {until} 不晚于起始日 {since}（to 为不含当日）")
    local = mark is not None and LOCAL in mark.split()
    least, most = _read_bounds(sheet, fields.get("bounds"), unit, local)
    by = _read_by(sheet, fields.get("by"), local)
    empty = sheet.is_null(fields["value"])
    if empty and not local:
        raise sheet.refused(fields["value"], f"“{key}”没有取值；只有 mark: {LOCAL} 的参数可以留空")
    value = None if empty else _read_value(sheet, fields["value"], unit)
    entry = Parameter(key, value, unit, source, mark, since, until, "", least, most, by)
    if (reason := out_of_bounds(value, entry)) is not None:
        raise sheet.refused(fields["value"], reason)
    return entry


def _read_mark(sheet: Sheet, node: yaml.Node | None) -> str | None:
    if node is None:
        return None
    mark = sheet.text(node)
    unknown = [word for word in mark.split() if word not in _MARKS]
    if unknown or not mark.split():
        raise sheet.refused(node, f"不认识的标记“{mark}”，可用：{'、'.join(_MARKS)}，以空格分开")
    return " ".join(mark.split())


def _read_by(sheet: Sheet, node: yaml.Node | None, local: bool) -> str | None:
    if node is None:
        return None
    by = sheet.text(node)
    if not local or by not in DIGITS:
        raise sheet.refused(node, f"by 只用于 mark: {LOCAL} 的参数，取 {'、'.join(DIGITS)} 之一")
    return by


def _read_bounds(
    sheet: Sheet, node: yaml.Node | None, unit: str, local: bool
) -> tuple[Value | None, Value | None]:
    if node is None:
        return None, None
    if not local or unit not in (*_NUMBERS, "ratio"):
        raise sheet.refused(node, f"bounds 只用于 mark: {LOCAL} 的数量参数")
    sides = sheet.fields(node, ("min", "max"))
    least, most = (
        _read_value(sheet, sides[side], unit) if side in sides else None for side in ("min", "max")
    )
    return least, most


def _read_value(sheet: Sheet, node: yaml.Node, unit: str) -> Value:
    if node.tag == "tag:yaml.org,2002:float":
        raise sheet.refused(node, f"不得用小数 {node.value}：金额以分为单位写整数，比例写成 3/2")
    if unit in _NUMBERS:
        return sheet.whole(node)
    if unit == "ratio":
        return _read_ratio(sheet, node)
    if unit == "flag":
        return sheet.flag(node)
    if unit == "word":
        return sheet.word(node)
    words = tuple(sheet.word(each) for each in sheet.items(node))
    if len(set(words)) < len(words):
        raise sheet.refused(node, "词表中有重复的词")
    return words


def _read_ratio(sheet: Sheet, node: yaml.Node) -> Fraction:
    if isinstance(node, yaml.MappingNode):
        parts = sheet.fields(node, ("numerator", "denominator"))
        if len(parts) < 2:
            raise sheet.refused(node, "比例要有 numerator 和 denominator")
        numerator, denominator = sheet.whole(parts["numerator"]), sheet.whole(parts["denominator"])
        if denominator == 0:
            raise sheet.refused(parts["denominator"], "比例的分母须为正")
        return Fraction(numerator, denominator)
    match = _RATIO.fullmatch(sheet.text(node))
    if match is None:
        raise sheet.refused(node, "比例应写成 3/2，或 {numerator: 3, denominator: 2}")
    return Fraction(int(match[1]), int(match[2]))


def _read_calendar(file: Traversable) -> CalendarEdition:
    sheet = Sheet(file, f"calendar/{file.name}")
    names = ("region", "year", "number", "assumed", "source", "off", "work")
    fields = sheet.fields(sheet.root, names)
    for name in names:
        if name not in fields:
            raise sheet.refused(sheet.root, f"工作日历缺少 {name}")
    region = sheet.text(fields["region"])
    if not _REGION.fullmatch(region):
        raise sheet.refused(fields["region"], f"“{region}”不是行政区划代码")
    try:
        return CalendarEdition(
            region=region,
            year=sheet.whole(fields["year"]),
            number=sheet.whole(fields["number"]),
            off=frozenset(_days(sheet, fields["off"])),
            work=frozenset(_days(sheet, fields["work"])),
            assumed=sheet.flag(fields["assumed"]),
            source=sheet.text(fields["source"]),
        )
    except CalendarEditionFaulty as error:
        raise sheet.refused(sheet.root, str(error)) from error


def _days(sheet: Sheet, node: yaml.Node) -> Iterator[date]:
    for each in sheet.items(node):
        first, _, last = sheet.text(each).partition("..")
        start = sheet.day(each, first)
        end = sheet.day(each, last) if last else start
        if end < start:
            raise sheet.refused(each, f"起止日颠倒：{first}..{last}")
        yield from (start + timedelta(days=n) for n in range((end - start).days + 1))

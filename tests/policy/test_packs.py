from __future__ import annotations

import hashlib
import json
from datetime import date
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from application.reference.packs import UNITS, PackRefused, pack_of, read_calendars, read_packs
from domain.values.policy import Adoption, Policy, Rules

ROOT = files("policy")
PACKS = read_packs(ROOT)
POLICY = Policy([Adoption(pack, date(2000, 1, 1)) for pack in PACKS])
BEFORE, AFTER = date(2026, 6, 30), date(2026, 7, 1)

DEADLINES = {
    "DL-DIB-INV": (3, "wd"),
    "DL-DIB-CHK": (3, "wd"),
    "DL-DIB-NOT": (7, "d"),
    "DL-DIB-CTY": (10, "wd"),
    "DL-DIB-REF": (3, "wd"),
    "DL-DIB-TOT": (30, "wd"),
    "DL-DIB-DEL": (20, "wd"),
    "DL-DIB-EXT": (45, "wd"),
    "DL-DTH": (3, "months"),
    "DL-GRC": (6, "months"),
    "DL-GRC-WARN": (30, "d"),
    "DL-REC-HALF": (6, "months"),
    "DL-REC-YEAR": (12, "months"),
    "DL-ONE-NOTICE": (5, "wd"),
    "DL-ALERT-R": (3, "wd"),
    "DL-ALERT-O": (5, "wd"),
    "DL-ALERT-Y": (10, "wd"),
    "DL-ALERT-B": (30, "wd"),
    "DL-TEK-INV": (15, "wd"),
    "DL-TEK-NOT": (7, "d"),
    "DL-TEK-CTY": (15, "wd"),
    "DL-TEK-REF": (3, "wd"),
    "DL-TEK-CARE": (10, "wd"),
    "DL-TEK-END": (7, "d"),
    "DL-RIG-TOT": (30, "wd"),
    "DL-RIG-EXT": (45, "wd"),
    "DL-RIG-VAL": (12, "months"),
    "DL-TMP-QUICK": (3, "d"),
    "DL-FXS-FILE": (60, "d"),
    "DL-FXS-DEC": (60, "d"),
    "DL-GDS-UNC": (1, "wd"),
    "DL-GDS-CON": (10, "wd"),
    "DL-GDS-PROV": (20, "wd"),
    "DL-GDS-CORR": (10, "wd"),
}


def rules(on: date, area: str | None = None) -> Rules:
    return POLICY.rules(on, area)


# --- the packs shipped


@pytest.mark.parametrize("code", DEADLINES)
def test_a_shipped_deadline_has_the_value_and_unit_of_the_law(code: str) -> None:
    for day in (AFTER, date(2026, 11, 20)):
        deadline = rules(day).days(code)
        assert (deadline.value, deadline.unit) == DEADLINES[code]


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("DL-DIB-TOT", date(2021, 7, 1)),
        ("DL-DIB-DEL", date(2022, 10, 20)),
        ("DL-DTH", date(2022, 10, 20)),
        ("DL-RIG-TOT", date(2025, 1, 1)),
        ("DL-TMP-QUICK", date(2026, 1, 29)),
        ("DL-ALERT-R", date(2020, 1, 1)),
    ],
)
def test_a_deadline_begins_with_its_document(code: str, first: date) -> None:
    assert rules(first).get(f"deadline.{code}") is not None
    assert rules(date.fromordinal(first.toordinal() - 1)).get(f"deadline.{code}") is None


def test_the_notice_of_seven_days_is_older_than_the_present_measure() -> None:
    assert rules(date(2021, 6, 30)).days("DL-DIB-NOT").source == "M220"
    assert rules(date(2021, 7, 1)).days("DL-DIB-NOT").source == "M57 art.19"


def test_six_months_of_grace_are_a_default_until_the_notice_of_2022_says_so() -> None:
    early, late = rules(date(2022, 10, 19)).days("DL-GRC"), rules(date(2022, 10, 20)).days("DL-GRC")
    assert (early.value, early.source, early.mark) == (6, "M57 art.33", "D local")
    assert (late.value, late.source, late.mark) == (6, "M83 §1.3", None)


def test_the_law_of_2026_changes_what_it_changes_on_its_day() -> None:
    old, new = rules(BEFORE, "990301"), rules(AFTER, "990301")
    for key, was, now in (
        ("procedure.hearing-before-reduction", False, True),
        ("procedure.delegation", "where-conditions-allow", "province-rule"),
        ("procedure.delegation-allowed", True, False),
        ("fraud.fine-multiple", 3, 2),
        ("temporary.urgent-acts-first", False, True),
    ):
        assert (old[key].value, new[key].value) == (was, now), key
        assert new[key].source.startswith("L26 art."), key
        assert new[key].since == AFTER, key


def test_the_marginal_line_is_national_before_and_the_provinces_after() -> None:
    assert rules(BEFORE).ratio("marginal.line-ratio") == Fraction(3, 2)
    assert rules(AFTER).get("marginal.line-ratio") is None
    for province in ("37", "99"):
        line = rules(AFTER, f"{province}0801")["marginal.line-ratio"]
        assert line.value == Fraction(3, 2)
        assert line.pack == next(pack.hash for pack in PACKS if pack.region == province)


def test_the_stories_find_their_parameters() -> None:
    changyi = rules(date(2021, 7, 26), "370786101215")
    assert changyi.integer("dibao.standard.rural") == 70000
    assert changyi.words("grace.causes") == ("employment",)
    assert changyi.ratio("income.employment-cost-ratio") == 0
    guangxi = rules(date(2026, 3, 10), "990301100201")
    assert guangxi.integer("dibao.standard.rural") == 56000
    assert guangxi.words("grace.causes") == ("employment", "own-industry")
    assert guangxi.ratio("income.employment-cost-ratio") == Fraction(1, 5)
    wage, land = 260000, 10000
    assert wage * (1 - guangxi.ratio("income.employment-cost-ratio")) + land == 218000
    for place in (changyi, guangxi):
        assert place.word("grace.amount-mode") == "FULL"
        assert place.ratio("grace.line-ratio") == Fraction(3, 2)
        assert place.word("procedure.decider") == "county"
        assert place.integer("benefit.first-month-offset") == place.integer("termination.month-offset") == 1
        assert place.integer("procedure.home-visit-team") == 2


def test_the_alert_on_medical_spending_has_rules_before_the_measure() -> None:
    early = rules(date(2021, 6, 28), "370786")
    assert early.integer("alert.E-EXP-01.threshold") == 5_000_000
    assert early.word("alert.E-EXP-01.level") == "RED"
    assert early.days("DL-ALERT-R").value == 3


def test_every_place_has_consistent_rules_on_every_day_they_change() -> None:
    for pack in PACKS:
        place = POLICY.of(None if pack.region == "cn" else pack.region)
        for day in place.breaks():
            assert place.rules(day).on == day


def test_every_source_cited_is_a_known_document() -> None:
    known = tuple(yaml.safe_load(ROOT.joinpath("sources.yaml").read_text(encoding="utf-8")))
    for pack in PACKS:
        for key, entries in pack.parameters.items():
            for entry in entries:
                assert entry.source.startswith(known), (pack.region, key, entry.source)


def test_every_project_default_may_be_changed_by_a_place() -> None:
    national = next(pack for pack in PACKS if pack.region == "cn")
    stuck = {
        key
        for key, entries in national.parameters.items()
        for entry in entries
        if entry.mark and "D" in entry.mark.split() and not entry.local
    }
    assert stuck == {"termination.month-offset"}


def test_test_places_are_marked_as_such() -> None:
    for pack in PACKS:
        if pack.region == "cn":
            continue
        standards = [pack.parameters.get(f"dibao.standard.{kind}", ()) for kind in ("urban", "rural")]
        assert all("试验值" in entry.source for entries in standards for entry in entries)


# --- hash and storing


def test_the_hash_is_of_the_canonical_json() -> None:
    for pack in PACKS:
        body = pack.to_json()
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert pack.hash == hashlib.sha256(canonical.encode()).hexdigest()
        assert {entry.pack for entries in pack.parameters.values() for entry in entries} == {pack.hash}


def test_a_pack_is_read_back_from_what_was_stored() -> None:
    for pack in PACKS:
        assert pack_of(json.loads(json.dumps(pack.to_json()))) == pack


def test_comments_and_order_do_not_change_the_hash_but_a_value_does(tmp_path: Path) -> None:
    one = "a: [{from: 2021-07-01, value: 1, unit: count, source: M57}]\n"
    two = "b: [{from: 2021-07-01, value: 2, unit: count, source: M57}]\n"
    hashes = []
    for n, text in enumerate((one + two, "# 注\n" + two + one, one + two.replace("value: 2", "value: 3"))):
        root = tmp_path / str(n)
        write(root, "cn/x.yaml", text)
        hashes.append(read_packs(root)[0].hash)
    assert hashes[0] == hashes[1] != hashes[2]


# --- packs refused


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


GOOD = """\
# 全国
fixed: [{from: 2021-07-01, value: 3, unit: wd, source: M57 art.15}]
open: [{from: 2021-07-01, value: 6, unit: months, source: M83, mark: local, bounds: {min: 1, max: 6}}]
line:
  - {from: 2021-07-01, to: 2026-07-01, value: 3/2, unit: ratio, source: M57 art.8}
  - {from: 2026-07-01, value: null, unit: ratio, source: L26 art.21, mark: local, by: province}
"""


def refused(root: Path) -> tuple[str, int, str]:
    with pytest.raises(PackRefused) as error:
        read_packs(root)
    found = error.value
    assert str(found) == f"{found.file} 第 {found.line} 行：{found.reason}"
    return found.file, found.line, found.reason


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{from: 2021-07-01, value: 3, unit: wd, source: M57, note: x}", "不认识的项“note”"),
        ("{from: 2021-07-01, value: 3, unit: wd}", "缺少 source"),
        ("{from: 2021-07-01, value: 3, unit: wd, source: }", "没有写明依据"),
        ("{value: 3, unit: wd, source: M57}", "缺少 from"),
        ("{from: 2021-07-01, unit: wd, source: M57}", "缺少 value"),
        ("{from: 2021-07-01, value: 3, source: M57}", "缺少 unit"),
        ("{from: 2021-07-01, value: 3, unit: hours, source: M57}", "不认识的单位“hours”"),
        ("{from: 2021-07-01, value: 1.5, unit: ratio, source: M57}", "不得用小数 1.5"),
        ("{from: 2021-07-01, value: 3.0, unit: wd, source: M57}", "不得用小数 3.0"),
        ("{from: 2021-07-01, value: 1e3, unit: fen, source: M57}", "应为不带正负号的整数"),
        ("{from: 2021-07-01, value: three, unit: wd, source: M57}", "应为不带正负号的整数"),
        ("{from: 2021-07-01, value: -3, unit: wd, source: M57}", "应为不带正负号的整数"),
        ("{from: 2021-07-01, value: 1:30, unit: count, source: M57}", "应为不带正负号的整数"),
        ("{from: 2021-07-01, value: 010, unit: count, source: M57}", "应为不带正负号的整数"),
        ("{from: 2021-07-01, value: true, unit: wd, source: M57}", "应为不带正负号的整数"),
        ("{from: 2021-07-01, value: 3, unit: flag, source: M57}", "应为 true 或 false"),
        ("{from: 2021-07-01, value: yes, unit: flag, source: M57}", "应为 true 或 false"),
        ("{from: 2021-07-01, value: 3, unit: word, source: M57}", "应为一个词"),
        ("{from: 2021-07-01, value: a, unit: words, source: M57}", "应为列表"),
        ("{from: 2021-07-01, value: [a, a], unit: words, source: M57}", "重复的词"),
        ("{from: 2021-07-01, value: 3/0, unit: ratio, source: M57}", "比例应写成"),
        ("{from: 2021-07-01, value: {numerator: 3}, unit: ratio, source: M57}", "numerator 和 denominator"),
        ("{from: 2021-07-01, value: {numerator: 3, denominator: 0}, unit: ratio, source: M57}", "分母须为正"),
        ("{from: 2021-07-01, value: null, unit: wd, source: M57}", "没有取值"),
        ("{from: 2021-7-1, value: 3, unit: wd, source: M57}", "日期应写成"),
        ("{from: 2021-02-30, value: 3, unit: wd, source: M57}", "日期应写成"),
        ("{from: 2021-07-01, to: 2021-07-01, value: 3, unit: wd, source: M57}", "不晚于起始日"),
        ("{from: 2021-07-01, value: 3, unit: wd, source: M57, mark: guess}", "不认识的标记“guess”"),
        ("{from: 2021-07-01, value: 3, unit: wd, source: M57, bounds: {min: 1}}", "bounds 只用于"),
        ("{from: 2021-07-01, value: 3, unit: wd, source: M57, mark: local, bounds: {low: 1}}", "项“low”"),
        ("{from: 2021-07-01, value: 3, unit: wd, source: M57, mark: local, bounds: {max: 2}}", "高于上限 2"),
        ("{from: 2021-07-01, value: 3, unit: wd, source: M57, by: province}", "by 只用于"),
        ("{from: 2021-07-01, value: 3, unit: wd, source: M57, mark: local, by: village}", "by 只用于"),
        ("{from: 2021-07-01, from: 2021-07-02, value: 3, unit: wd, source: M57}", "“from”重复"),
        ("[3]", "对照"),
    ],
)
def test_a_bad_entry_is_refused_with_file_and_line(tmp_path: Path, entry: str, reason: str) -> None:
    write(tmp_path, "cn/good.yaml", GOOD)
    write(tmp_path, "cn/bad.yaml", f"# 头\nsome.key:\n  - {entry}\n")
    file, line, why = refused(tmp_path)
    assert (file, line) == ("cn/bad.yaml", 3)
    assert reason in why


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("{from: 2021-06-01, value: 3, unit: wd, source: M57}", "不晚于前一项"),
        ("{from: 2022-07-01, value: 3, unit: wd, source: M57}", "与前一项重叠"),
        ("{from: 2023-01-01, value: 3, unit: d, source: M57}", "单位“d”"),
    ],
)
def test_entries_that_run_into_each_other_are_refused(tmp_path: Path, second: str, reason: str) -> None:
    first = "{from: 2021-07-01, to: 2023-01-01, value: 3, unit: wd, source: M57}"
    write(tmp_path, "cn/bad.yaml", f"some.key:\n  - {first}\n  - {second}\n")
    file, line, why = refused(tmp_path)
    assert (file, line) == ("cn/bad.yaml", 3)
    assert reason in why


def test_an_open_entry_may_not_be_followed(tmp_path: Path) -> None:
    write(
        tmp_path,
        "cn/bad.yaml",
        "some.key:\n"
        "  - {from: 2021-07-01, value: 3, unit: wd, source: M57}\n"
        "  - {from: 2026-07-01, value: 3, unit: wd, source: L26}\n",
    )
    assert refused(tmp_path)[:2] == ("cn/bad.yaml", 3)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("fixed: []\nfixed: []\n", 1, "已在 cn/a.yaml"),
        ("x: []\n", 1, "没有任何取值"),
        ("x: &a [1]\nx: *a\n", 1, "对照"),
        ("Bad_Key: []\n", 1, "应由小写词"),
        ("- x\n", 1, "对照"),
        ("", 1, "空的"),
        ("x: [\n", 2, "不是合法的 YAML"),
    ],
)
def test_a_bad_chapter_is_refused_with_file_and_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    write(tmp_path, "cn/a.yaml", GOOD)
    write(tmp_path, "cn/b.yaml", text)
    file, at, why = refused(tmp_path)
    assert (file, at) == ("cn/b.yaml", line)
    assert reason in why


def test_a_key_written_twice_in_one_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "cn/a.yaml", GOOD + "fixed: [{from: 2021-07-01, value: 5, unit: wd, source: M57}]\n")
    assert refused(tmp_path) == ("cn/a.yaml", 7, "“fixed”重复出现")


@pytest.mark.parametrize(
    ("region", "entry", "reason"),
    [
        ("990301", "fixed: [{from: 2021-07-01, value: 5, unit: wd, source: 试验值}]", "未把它留给地方"),
        ("990301", "open: [{from: 2021-07-01, value: 7, unit: months, source: 试验值}]", "高于上限 6"),
        ("990301", "open: [{from: 2021-07-01, value: 0, unit: months, source: 试验值}]", "低于下限 1"),
        ("990301", "open: [{from: 2021-07-01, value: 5, unit: d, source: 试验值}]", "单位应为 months"),
        ("990301", "open: [{from: 2020-01-01, value: 5, unit: months, source: 试验值}]", "上级当日没有"),
        ("990301", "opne: [{from: 2021-07-01, value: 5, unit: months, source: 试验值}]", "上级当日没有"),
        ("99", "line: [{from: 2021-07-01, value: 2/1, unit: ratio, source: 试验值}]", "未把它留给地方"),
        ("990301", "line: [{from: 2026-07-01, value: 2/1, unit: ratio, source: 试验值}]", "只能由省级规定"),
    ],
)
def test_an_override_beyond_its_leave_is_refused(
    tmp_path: Path, region: str, entry: str, reason: str
) -> None:
    write(tmp_path, "cn/a.yaml", GOOD)
    write(tmp_path, f"{region}/b.yaml", f"# 地方\n{entry}\n")
    file, line, why = refused(tmp_path)
    assert (file, line) == (f"{region}/b.yaml", 2)
    assert reason in why
    assert "cn" in why


def test_an_override_that_outlives_its_leave_is_refused(tmp_path: Path) -> None:
    national = (
        "x:\n"
        "  - {from: 2021-07-01, to: 2026-07-01, value: 1, unit: wd, source: M57, mark: local}\n"
        "  - {from: 2026-07-01, value: 1, unit: wd, source: L26}\n"
    )
    write(tmp_path, "cn/a.yaml", national)
    write(tmp_path, "99/a.yaml", "x: [{from: 2022-01-01, value: 2, unit: wd, source: 试验值}]\n")
    assert "自 2026-07-01 起未把它留给地方" in refused(tmp_path)[2]
    write(
        tmp_path, "99/a.yaml", "x: [{from: 2022-01-01, to: 2026-07-01, value: 2, unit: wd, source: 试验值}]\n"
    )
    assert [pack.region for pack in read_packs(tmp_path)] == ["cn", "99"]


def test_a_county_is_held_by_what_its_province_closed(tmp_path: Path) -> None:
    write(tmp_path, "cn/a.yaml", GOOD)
    write(tmp_path, "99/a.yaml", "open: [{from: 2021-07-01, value: 3, unit: months, source: 试验值}]\n")
    write(tmp_path, "990301/a.yaml", "open: [{from: 2021-07-01, value: 2, unit: months, source: 试验值}]\n")
    file, _, why = refused(tmp_path)
    assert file == "990301/a.yaml"
    assert "不得改动 99 " in why
    (tmp_path / "99" / "a.yaml").unlink()
    (tmp_path / "99").rmdir()
    assert len(read_packs(tmp_path)) == 2


def test_a_ratio_may_be_written_in_two_ways(tmp_path: Path) -> None:
    text = "x: [{from: 2021-07-01, value: %s, unit: ratio, source: M57}]\n"
    hashes = set()
    for n, value in enumerate(("3/2", "{numerator: 3, denominator: 2}", "6/4")):
        write(tmp_path / str(n), "cn/a.yaml", text % value)
        hashes.add(read_packs(tmp_path / str(n))[0].hash)
    assert len(hashes) == 1


def test_every_unit_is_in_use_or_a_plain_word() -> None:
    used = {entry.unit for pack in PACKS for entries in pack.parameters.values() for entry in entries}
    assert used == set(UNITS)


# --- calendars


def test_the_shipped_calendars_cover_2020_to_2027() -> None:
    editions = read_calendars(ROOT)
    assert [each.id for each in editions] == [f"cn/{year}#1" for year in range(2020, 2028)]
    assert [each.year for each in editions if each.assumed] == [2027]
    assert all(each.source for each in editions)


CALENDAR = "region: cn\nyear: 2026\nnumber: 1\nassumed: false\nsource: 通知\noff: [2026-01-01..2026-01-03]\n"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (CALENDAR, 1, "缺少 work"),
        (CALENDAR + "work: [2026-13-01]\n", 7, "日期应写成"),
        (CALENDAR + "work: [2026-01-05..2026-01-04]\n", 7, "颠倒"),
        (CALENDAR + "work: [2025-12-31]\n", 1, "不在 2026 年之内"),
        (CALENDAR + "work: [2026-01-02]\n", 1, "既列为放假又列为上班"),
        (CALENDAR + "work: []\nrest: []\n", 8, "不认识的项“rest”"),
        (CALENDAR.replace("cn", "Mars") + "work: []\n", 1, "不是行政区划代码"),
    ],
)
def test_a_bad_calendar_is_refused_with_file_and_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    write(tmp_path, "calendar/cn-2026.yaml", text)
    with pytest.raises(PackRefused, match=reason) as error:
        read_calendars(tmp_path)
    assert (error.value.file, error.value.line) == ("calendar/cn-2026.yaml", line)


def test_one_edition_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path, f"calendar/{name}.yaml", CALENDAR + "work: []\n")
    with pytest.raises(PackRefused, match="cn/2026#1 有两份"):
        read_calendars(tmp_path)

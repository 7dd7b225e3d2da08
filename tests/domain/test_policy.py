from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from domain.values.policy import (
    Adoption,
    OverrideNotAllowed,
    Pack,
    Parameter,
    ParameterMissing,
    ParameterMistyped,
    Policy,
    Value,
)

START = date(2021, 7, 1)
LAW = date(2026, 7, 1)
EVER = date(2000, 1, 1)


def entry(
    key: str,
    value: Value | None,
    *,
    unit: str = "count",
    mark: str | None = None,
    since: date = START,
    until: date | None = None,
    bounds: tuple[Value | None, Value | None] = (None, None),
    by: str | None = None,
) -> Parameter:
    return Parameter(key, value, unit, "M57 art.1", mark, since, until, "hash", *bounds, by)


def pack(region: str, *entries: Parameter, name: str | None = None) -> Pack:
    chapter: dict[str, tuple[Parameter, ...]] = {}
    for each in entries:
        chapter[each.key] = (*chapter.get(each.key, ()), each)
    return Pack(region, name or f"hash-{region}", {"chapter": chapter})


def policy(*packs: Pack, area: str | None = None) -> Policy:
    return Policy([Adoption(each, EVER) for each in packs], area)


NATION = pack(
    "cn",
    entry("fixed", 3),
    entry("open", 6, mark="D local", bounds=(1, 12)),
    entry("unset", None, mark="local"),
    entry("hearing", False, unit="flag", until=LAW),
    entry("hearing", True, unit="flag", since=LAW),
)


def test_the_rule_of_the_day_of_the_act_holds() -> None:
    rules = policy(NATION)
    assert rules.rules(date(2026, 6, 30)).flag("hearing") is False
    assert rules.rules(LAW).flag("hearing") is True


def test_a_day_before_any_rule_names_key_and_day() -> None:
    with pytest.raises(ParameterMissing, match=r"2021-06-30.*hearing") as missing:
        policy(NATION).rules(date(2021, 6, 30)).flag("hearing")
    assert missing.value.code == "parameter-missing"


def test_a_parameter_left_open_is_missing_until_a_place_sets_it() -> None:
    county = pack("990301", entry("unset", 5, since=LAW))
    rules = policy(NATION, county)
    with pytest.raises(ParameterMissing):
        rules.rules(LAW, "990801").integer("unset")
    assert rules.rules(date(2026, 6, 30), "990301").get("unset") is None
    assert rules.rules(LAW, "990301").integer("unset") == 5


def test_the_nearest_place_on_the_path_prevails() -> None:
    province = pack("99", entry("open", 4, mark="local"))
    county = pack("990301", entry("open", 2))
    rules = policy(NATION, province, county)
    assert rules.rules(LAW).integer("open") == 6
    assert rules.rules(LAW, "99").integer("open") == 4
    assert rules.rules(LAW, "9908").integer("open") == 4
    assert rules.rules(LAW, "990301100201").integer("open") == 2
    assert rules.rules(LAW, "37").integer("open") == 6


def test_packs_are_cited_from_nation_to_county() -> None:
    rules = policy(pack("990301", entry("open", 2)), pack("99", entry("open", 4, mark="local")), NATION)
    assert rules.rules(LAW, "990301").packs == ("hash-cn", "hash-99", "hash-990301")


def test_an_explicit_path_decides_where_code_and_government_differ() -> None:
    rules = policy(NATION, pack("990301", entry("open", 2)), pack("990801", entry("open", 8)))
    path = ("99", "9908", "990801", "990301100", "990301100201")
    assert policy(NATION).rules(LAW, path).integer("open") == 6
    with pytest.raises(OverrideNotAllowed):
        policy(NATION, pack("99", entry("fixed", 1))).rules(LAW, path)
    assert rules.rules(LAW, path[:3]).integer("open") == 8


def test_a_policy_of_one_place_answers_for_it() -> None:
    rules = policy(NATION, pack("990301", entry("open", 2)), area="990301")
    assert rules.rules(LAW).integer("open") == 2
    assert rules.of("990801").rules(LAW).integer("open") == 6
    assert rules.of("990801").area == "990801"


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        (entry("fixed", 1), "未把它留给地方"),
        (entry("open", 0), "低于下限 1"),
        (entry("open", 13), "高于上限 12"),
        (entry("open", 2, unit="months"), "单位应为 count"),
        (entry("made-up", 1), "上级当日没有这个参数"),
        (entry("open", 2, since=date(2020, 1, 1)), "上级当日没有这个参数"),
    ],
)
def test_a_place_that_oversteps_is_refused(override: Parameter, reason: str) -> None:
    rules = policy(NATION, pack("990301", override))
    with pytest.raises(OverrideNotAllowed, match=reason):
        rules.rules(override.since, "990301")
    assert rules.rules(LAW, "37").integer("fixed") == 3


def test_a_county_may_not_change_what_its_province_closed() -> None:
    province = pack("99", entry("open", 4))
    rules = policy(NATION, province, pack("990301", entry("open", 2)))
    with pytest.raises(OverrideNotAllowed, match=r"990301.*open"):
        rules.rules(LAW, "990301")


def test_only_the_level_named_may_set_it() -> None:
    nation = pack("cn", entry("line", None, mark="local", by="province"))
    assert policy(nation, pack("99", entry("line", 3))).rules(LAW, "9903").integer("line") == 3
    with pytest.raises(OverrideNotAllowed, match="只能由省级规定"):
        policy(nation, pack("990301", entry("line", 3))).rules(LAW, "990301")


def test_a_later_adoption_takes_over_and_an_ended_one_falls_away() -> None:
    first, second = pack("cn", entry("fixed", 1), name="one"), pack("cn", entry("fixed", 2), name="two")
    rules = Policy(
        [Adoption(second, date(2023, 1, 1), date(2024, 1, 1)), Adoption(first, EVER, date(2025, 1, 1))]
    )
    found = [rules.rules(date(year, 6, 1)).integer("fixed") for year in (2022, 2023, 2024)]
    assert found == [1, 2, 1]
    assert rules.rules(date(2023, 6, 1)).packs == ("two",)
    with pytest.raises(ParameterMissing):
        rules.rules(date(2025, 1, 1)).integer("fixed")


def test_a_county_pack_without_a_national_one_is_refused() -> None:
    with pytest.raises(OverrideNotAllowed, match="没有这个参数"):
        policy(pack("990301", entry("open", 2))).rules(LAW, "990301")


def test_breaks_are_the_days_on_which_rules_change() -> None:
    assert policy(NATION).breaks() == [EVER, START, LAW]


def test_each_value_is_read_in_its_own_type() -> None:
    values: dict[str, Value] = {
        "deadline.DL-X": 30,
        "flag": True,
        "word": "county",
        "words": ("employment", "own-industry"),
        "ratio": Fraction(3, 2),
    }
    rules = policy(pack("cn", *(entry(key, value) for key, value in values.items()))).rules(LAW)
    assert rules.days("DL-X").value == rules.integer("deadline.DL-X") == 30
    assert rules.flag("flag") is True
    assert rules.word("word") == "county"
    assert rules.words("words") == ("employment", "own-industry")
    assert rules.ratio("ratio") == Fraction(3, 2)
    assert set(rules) == set(values)
    assert len(rules) == 5
    assert "flag" in rules
    for key, ask in (
        ("flag", rules.integer),
        ("deadline.DL-X", rules.flag),
        ("words", rules.word),
        ("word", rules.words),
        ("word", rules.ratio),
    ):
        with pytest.raises(ParameterMistyped, match=key):
            ask(key)


def test_a_pack_returns_unchanged_from_json() -> None:
    rich = pack(
        "cn",
        entry(
            "ratio", Fraction(3, 2), unit="ratio", mark="local", bounds=(Fraction(1), Fraction(3)), by="city"
        ),
        entry("words", ("a", "b"), unit="words", until=LAW),
        entry("open", None, mark="local"),
        entry("flag", False, unit="flag"),
        name="hash",
    )
    assert Pack.from_json(rich.to_json(), "hash") == rich


def test_a_float_never_becomes_a_value() -> None:
    body = entry("key", 1).to_json() | {"value": 1.5}
    with pytest.raises(ParameterMistyped, match=r"1\.5"):
        Parameter.from_json("key", body, "hash")

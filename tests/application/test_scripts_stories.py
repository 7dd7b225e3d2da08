"""The two stories of the fact sheet (S1, S3), told by the sample scripts on a real store: every figure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from tests.application.trials import carried_out, sample, trial
from tests.database import TestServer

Json = dict[str, Any]


@pytest.fixture(scope="module")
def yu(server: TestServer) -> Iterator[Json]:
    with trial(server) as installation:
        outcome = carried_out(installation, sample("story-yu"))
        assert outcome["refused"] == []
        yield outcome["households"]["yu"]


@pytest.fixture(scope="module")
def lings(server: TestServer) -> Iterator[dict[str, Json]]:
    """All three tellings in one store: they are three families."""
    names = ("story-ling", "story-ling-june", "story-ling-unheard")
    with trial(server) as installation:
        yield {name: carried_out(installation, sample(name)) for name in names}


@pytest.fixture(scope="module")
def ling(lings: dict[str, Json]) -> Json:
    assert lings["story-ling"]["refused"] == []
    household: Json = lings["story-ling"]["households"]["ling"]
    return household


def settled(household: Json, kind: str = "DIBAO") -> dict[str, int]:
    """What arrived, in fen by month."""
    return {
        row["month"]: row["fen"]
        for row in household["payments"]
        if (row["kind"], row["state"]) == (kind, "settled")
    }


def days(household: Json, event: str) -> list[str]:
    """The days on which an event stands in the chain."""
    return [row["date"] for row in household["chain"] if row["event"] == f"household.{event}.1"]


def step(household: Json, event: str, on: str) -> Json:
    """The one step of an event on a day."""
    (found,) = [
        row for row in household["chain"] if (row["event"], row["date"]) == (f"household.{event}.1", on)
    ]
    return found  # type: ignore[no-any-return]


def classes(household: Json, day: str) -> list[str]:
    """Category and labels on a day, in the order of the story."""
    spells = [(row["category"], row) for row in household["categories"]]
    spells += [(row["label"], row) for row in household["labels"]]
    return [name for name, row in spells if row["from"] <= day and (row["to"] is None or day < row["to"])]


def test_yu_is_paid_27_537_yuan_in_all(yu: Json) -> None:
    assert len(settled(yu)) == 22
    assert settled(yu, "TEMPORARY") == {"2021-07": 553_700}
    assert sum(settled(yu).values()) + sum(settled(yu, "TEMPORARY").values()) == 2_753_700


def test_yu_receives_16_months_before_and_6_within_grace(yu: Json) -> None:
    before = [month for month in settled(yu) if month < "2022-12"]
    assert (before[0], before[-1], len(before)) == ("2021-08", "2022-11", 16)
    within = [month for month in settled(yu) if month >= "2022-12"]
    assert (within[0], within[-1], len(within)) == ("2022-12", "2023-05", 6)
    assert set(settled(yu).values()) == {100_000}


def test_yu_s_classes_follow_the_dates(yu: Json) -> None:
    assert yu["categories"] == [
        {"subject": "yu", "category": "DIBAO", "from": "2021-07-26", "to": "2023-06-01"}
    ]
    for day, held in {
        "2021-07-25": [],
        "2021-07-26": ["DIBAO"],
        "2022-11-30": ["DIBAO"],
        "2022-12-01": ["DIBAO", "GRACE"],
        "2023-05-31": ["DIBAO", "GRACE"],
        "2023-06-01": ["EXITED"],
    }.items():
        assert classes(yu, day) == held, day
    assert yu["cycle"] == 2


def test_yu_s_benefits_run_by_month_with_an_open_end(yu: Json) -> None:
    assert yu["benefits"] == [
        {"kind": "DIBAO", "fen": 100_000, "from": "2021-08", "to": "2023-06"},
        {"kind": "TEMPORARY", "fen": 553_700, "from": "2021-07", "to": "2021-08"},
    ]


def test_yu_s_deadlines_are_those_of_the_story_and_all_met(yu: Json) -> None:
    due = {(row["what"], row["due"]): row["done"] for row in yu["due"]}
    assert due["DL-ALERT-R", "2021-07-01"] == "2021-06-29"
    assert due["DL-DIB-INV", "2021-07-06"] == "2021-07-02"
    assert due["DL-DIB-CHK", "2021-07-07"] == "2021-07-02"
    assert due["DL-DIB-NOT", "2021-07-16"] == "2021-07-16"
    assert due["DL-DIB-CTY", "2021-08-02"] == "2021-07-26"
    assert due["DL-DIB-TOT", "2021-08-12"] == "2021-07-26"
    assert due["DL-GRC", "2023-05-31"] == "2023-05-24"
    assert [row["due"] for row in yu["due"] if row["what"] == "DL-REC-HALF"][:2] == [
        "2022-01-26",
        "2022-07-26",
    ]
    assert [row for row in yu["due"] if row["done"] is None] == []
    assert [row for row in yu["chain"] if row["in_time"] is False] == []
    assert days(yu, "deadline-missed") == []


def test_yu_s_chain_has_every_row_of_the_story(yu: Json) -> None:
    assert days(yu, "alert-raised") == ["2021-06-28"]
    assert days(yu, "alert-verified") == days(yu, "alert-fed-back") == ["2021-06-29"]
    assert days(yu, "verification-authorised") == days(yu, "application-accepted") == ["2021-07-01"]
    assert days(yu, "investigation-started") == days(yu, "verification-started") == ["2021-07-02"]
    assert days(yu, "verification-reported") == ["2021-07-06"]
    assert days(yu, "home-visited") == ["2021-07-07"]
    assert days(yu, "temporary-aid-granted") == days(yu, "opinion-given") == ["2021-07-08"]
    assert (days(yu, "notice-posted"), days(yu, "notice-closed")) == (["2021-07-09"], ["2021-07-16"])
    assert days(yu, "file-received") == ["2021-07-19"]
    assert days(yu, "classified") == days(yu, "confirmation-published") == ["2021-07-26"]
    assert days(yu, "recertified") == ["2022-01-26", "2022-07-26", "2022-11-17", "2023-05-17"]
    assert (days(yu, "change-reported"), days(yu, "grace-granted")) == (["2022-11-15"], ["2022-11-18"])
    assert days(yu, "grace-expiry-warned") == ["2023-05-01"]
    assert days(yu, "exited") == days(yu, "transfer-consented") == ["2023-05-24"]
    assert days(yu, "returned-to-monitoring") == ["2023-06-01"]


def test_yu_s_steps_tell_who_on_which_ground_and_how_much(yu: Json) -> None:
    granted = step(yu, "temporary-aid-granted", "2021-07-08")
    assert (granted["organ"], granted["facts"]["fen"]) == ("370786/civil-affairs", 553_700)
    opinion = step(yu, "opinion-given", "2021-07-08")
    assert (opinion["organ"], opinion["facts"]["fen"]) == ("370786101/township", 100_000)
    confirmed = step(yu, "classified", "2021-07-26")
    assert (confirmed["due"], confirmed["in_time"], confirmed["basis"]) == (
        "2021-08-02",
        True,
        "M57 art.20, 21, 23",
    )
    warned = step(yu, "grace-expiry-warned", "2023-05-01")
    assert (warned["actor"], warned["organ"]) == ("system:deadlines", None)
    assert step(yu, "transfer-consented", "2023-05-24")["facts"]["given"] is False
    assert step(yu, "returned-to-monitoring", "2023-06-01")["facts"] == {"cycle": 2, "watch": "EXITED"}


def test_everything_was_recorded_by_the_script_s_clock(yu: Json) -> None:
    for row in yu["chain"]:
        assert row["recorded_at"] == f"{row['date']}T09:00:00+08:00"


def test_ling_receives_1_080_a_month_and_6_480_in_grace(ling: Json) -> None:
    assert ling["benefits"] == [{"kind": "DIBAO", "fen": 108_000, "from": "2025-06", "to": "2026-10"}]
    assert list(settled(ling)) == [
        *(f"2025-{month:02d}" for month in range(6, 13)),
        *(f"2026-{month:02d}" for month in range(1, 10)),
    ]
    grace = {month: fen for month, fen in settled(ling).items() if "2026-04" <= month <= "2026-09"}
    assert len(grace) == 6
    assert sum(grace.values()) == 648_000


def test_ling_s_chain_has_every_row_of_the_story(ling: Json) -> None:
    assert days(ling, "classified") == ["2025-05-20", "2026-09-22"]
    assert days(ling, "recertified") == ["2025-11-20", "2026-03-10", "2026-09-08"]
    assert days(ling, "change-reported") == ["2026-02-24"]
    assert days(ling, "grace-granted") == ["2026-03-12"]
    assert days(ling, "grace-expiry-warned") == ["2026-08-31"]
    assert days(ling, "opinion-heard") == days(ling, "transfer-consented") == ["2026-09-03"]
    assert days(ling, "exited") == ["2026-09-10"]
    assert days(ling, "notice-delivered") == ["2026-09-11"]
    assert days(ling, "transfer-started") == ["2026-09-14"]
    assert step(ling, "grace-granted", "2026-03-12")["facts"]["months"] == {
        "first": "2026-04",
        "last": "2026-09",
    }
    assert step(ling, "recertified", "2026-03-10")["facts"]["finding"] == "above-standard"
    assert step(ling, "opinion-heard", "2026-09-03")["basis"] == "L26 art.48"


def test_ling_is_marginal_from_the_day_dibao_ends(ling: Json) -> None:
    assert ling["categories"] == [
        {"subject": "ling", "category": "DIBAO", "from": "2025-05-20", "to": "2026-10-01"},
        {"subject": "ling", "category": "MARGINAL", "from": "2026-10-01", "to": None},
    ]
    assert ling["labels"] == [{"subject": "ling", "label": "GRACE", "from": "2026-04-01", "to": "2026-10-01"}]
    assert ling["cycle"] == 1


def test_nothing_of_ling_s_is_late(ling: Json) -> None:
    assert [row for row in ling["chain"] if row["in_time"] is False] == []
    assert [row["what"] for row in ling["due"] if row["done"] is None] == ["DL-REC-HALF"]


def test_without_a_hearing_the_termination_of_2026_09_10_is_refused(lings: dict[str, Json]) -> None:
    unheard = lings["story-ling-unheard"]
    (refused,) = unheard["refused"]
    assert (refused["household"], refused["do"], refused["on"]) == ("ling", "terminate-benefit", "2026-09-10")
    assert (refused["code"], refused["article"]) == ("hearing-not-held", "L26 art.48")
    household = unheard["households"]["ling"]
    assert days(household, "opinion-heard") == ["2026-09-11"]
    assert days(household, "exited") == ["2026-09-14"]


def test_three_months_earlier_the_same_termination_is_accepted_unheard(lings: dict[str, Json]) -> None:
    june = lings["story-ling-june"]
    household = june["households"]["ling"]
    assert june["refused"] == []
    assert days(household, "opinion-heard") == []
    assert days(household, "grace-expiry-warned") == ["2026-05-31"]
    assert days(household, "exited") == ["2026-06-10"]
    assert step(household, "grace-granted", "2025-12-12")["facts"]["months"] == {
        "first": "2026-01",
        "last": "2026-06",
    }
    assert classes(household, "2026-06-30") == ["DIBAO", "GRACE"]
    assert classes(household, "2026-07-01") == ["MARGINAL"]


def test_due_tells_no_timers_and_days_are_days(yu: Json) -> None:
    for row in yu["due"]:
        assert row["what"].startswith("DL-")
        assert date.fromisoformat(row["due"])
        assert set(row) == {"what", "due", "done", "met"}

"""A road with objections, a return, an extension, a complaint and a sample; and a double case found on paper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from application.scripts.script_reader import read_script
from tests.application.trials import carried_out, trial
from tests.database import TestServer

Json = dict[str, Any]

OPPOSED = """
title: 有异议的一户
persons:
  C1: {name: 岭某, id: "990301198105050038"}
households:
  ling: {region: "990301100201", members: {C1: head}}
steps:
  - {on: 2025-04-14, by: &t {organ: 990301100/township, officer: w1}, do: register-household, household: ling}
  - {on: 2025-04-14, by: *t, do: apply, household: ling, applicant: C1,
     income: [{kind: other, period: monthly, fen: "300 元"}]}
  - {on: 2025-04-14, by: *t, do: authorise-verification, household: ling, persons: [C1]}
  - {on: 2025-04-14, by: *t, do: accept-application, household: ling}
  - {on: 2025-04-14, by: *t, do: start-investigation, household: ling}
  - {on: 2025-04-14, by: *t, do: request-verification, household: ling}
  - {on: 2025-04-14, by: &c {organ: 990301/civil-affairs, officer: c1}, do: start-verification, household: ling}
  - {on: 2025-04-15, by: *c, do: report-verification, household: ling, eligible: false, sources: [vehicle]}
  - {on: 2025-04-15, by: *t, do: tell-result, household: ling, told: C1}
  - {on: 2025-04-16, by: {person: C1}, do: object-to-report, household: ling, person: C1, evidence: [车辆过户登记]}
  - {on: 2025-04-17, by: *t, do: give-opinion, household: ling, refused: recheck-pending}
  - {on: 2025-04-17, by: *t, do: recheck, household: ling, eligible: true, sources: [vehicle]}
  - {on: 2025-04-17, by: *t, do: visit-home, household: ling, investigators: [w1, w2], signed_by: C1}
  - {on: 2025-04-17, by: *t, do: give-opinion, household: ling}
  - {on: 2025-04-18, by: *t, do: post-notice, household: ling}
  - {on: 2025-04-25, by: *t, do: object-to-notice, household: ling, about: income, text: 有务工收入, name: 赵某}
  - {on: 2025-04-25, by: *t, do: close-notice, household: ling, refused: objection-open}
  - {on: 2025-04-27, by: *c, do: extend-limit, household: ling, reason: notice-objected, ground: 公示有异议,
     proposer: w1}
  - {on: 2025-04-28, by: *t, do: reinvestigate, household: ling, investigators: [w3, w4], finding: 务工收入已中断}
  - {on: 2025-04-28, by: *t, do: give-opinion, household: ling}
  - {on: 2025-04-28, by: *t, do: post-notice, household: ling}
  - {on: 2025-05-07, by: *t, do: object-to-notice, household: ling, about: income, text: 有务工收入,
     refused: objection-too-late}
  - {on: 2025-05-07, by: *t, do: close-notice, household: ling}
  - {on: 2025-05-07, by: *c, do: receive-file, household: ling}
  - {on: 2025-05-07, by: *t, do: receive-complaint, household: ling, channel: hotline, about: eligibility,
     text: 有务工收入, name: 赵某}
  - {on: 2025-05-08, by: *c, do: return-file, household: ling, items: [入户调查表], reasons: 照片不清}
  - {on: 2025-05-09, by: *t, do: resubmit-file, household: ling, items: [入户调查表]}
  - {on: 2025-05-09, by: *c, do: receive-file, household: ling}
  - {on: 2025-05-12, by: *c, do: confirm-dibao, household: ling, refused: county-visit-required}
  - {on: 2025-05-12, by: *c, do: visit-home, household: ling, investigators: [c2, c3], signed_by: C1}
  - {on: 2025-05-12, by: &c2 {organ: 990301/civil-affairs, officer: c2}, do: confirm-dibao, household: ling,
     refused: duties-not-separate}
  - {on: 2025-05-12, by: *c, do: confirm-dibao, household: ling}
  - {on: 2025-05-13, by: *c, do: answer-complaint, household: ling, outcome: unsubstantiated, finding: 经查不实}
  - {on: 2025-05-20, by: *c, do: draw-sample, household: ling, seed: 2025-2}
"""


def road(village: str, family: str) -> str:
    """The steps of a lawful confirmation in a village, on one day each of April and May 2025."""
    township, county = f"{village[:9]}/township", f"{village[:6]}/civil-affairs"
    t, c = f"{{organ: {township}, officer: w1}}", f"{{organ: {county}, officer: c1}}"
    said = (
        (t, "2025-04-14", "register-household", ""),
        (t, "2025-04-14", "apply", ", applicant: C1, income: [{kind: other, period: monthly, fen: 300 元}]"),
        (t, "2025-04-14", "authorise-verification", ", persons: [C1]"),
        (t, "2025-04-14", "accept-application", ""),
        (t, "2025-04-14", "start-investigation", ""),
        (t, "2025-04-14", "request-verification", ""),
        (c, "2025-04-14", "start-verification", ""),
        (c, "2025-04-14", "report-verification", ", eligible: true"),
        (t, "2025-04-14", "visit-home", ", investigators: [w1, w2], signed_by: C1"),
        (t, "2025-04-14", "give-opinion", ""),
        (t, "2025-04-14", "post-notice", ""),
        (t, "2025-04-21", "close-notice", ""),
        (c, "2025-04-22", "receive-file", ""),
    )
    return "".join(
        f"  - {{on: {on}, by: {by}, do: {do}, household: {family}{rest}}}\n" for by, on, do, rest in said
    )


DOUBLE = (
    """
title: 档案中发现的重复保障
persons:
  C1: {name: 岭某, id: "990301198105050038"}
households:
  here: {region: "990301100201", members: {C1: head}}
  there: {region: "990801100201", members: {C1: head}}
steps:
"""
    + "".join(
        sorted(
            (road("990301100201", "here") + road("990801100201", "there")).splitlines(keepends=True),
            key=lambda line: line[9:19],
        )
    )
    + """
  - {on: 2025-04-23, by: {organ: 990301/civil-affairs, officer: c1}, do: confirm-dibao, household: here}
  - {on: 2025-04-23, by: {organ: 990801/civil-affairs, officer: c1}, do: confirm-dibao, household: there,
     refused: claim-conflict}
  - {on: 2025-09-01, by: {organ: 990801/civil-affairs, officer: c1}, do: record-irregular, household: there,
     act: confirmed-without-verification, day: 2025-04-30, fen: 300 元, officers: [c9],
     ground: 纸质档案中有确认表而无核对报告}
"""
)


@pytest.fixture(scope="module")
def opposed(server: TestServer) -> Iterator[Json]:
    with trial(server) as installation:
        yield carried_out(installation, read_script(OPPOSED, "opposed"))


@pytest.fixture(scope="module")
def double(server: TestServer) -> Iterator[Json]:
    with trial(server) as installation:
        yield carried_out(installation, read_script(DOUBLE, "double"))


def steps(outcome: Json, household: str) -> list[str]:
    """The names of a household's facts in the order of its chain."""
    return [row["event"].split(".")[1] for row in outcome["households"][household]["chain"]]


def test_the_whole_road_is_carried_out_and_refused_where_the_law_says_so(opposed: Json) -> None:
    assert [each["code"] for each in opposed["refused"]] == [
        "recheck-pending",
        "objection-open",
        "objection-too-late",
        "county-visit-required",
        "duties-not-separate",
    ]
    told = steps(opposed, "ling")
    for name in (
        "result-told",
        "report-objected",
        "report-rechecked",
        "notice-objected",
        "limit-extended",
        "reinvestigated",
        "complaint-received",
        "file-returned",
        "file-resubmitted",
        "classified",
        "complaint-answered",
        "sample-drawn",
    ):
        assert told.count(name) == 1, name
    assert told.count("notice-posted") == told.count("file-received") == told.count("opinion-given") == 2


def test_nothing_of_who_objected_or_complained_is_shown(opposed: Json) -> None:
    assert "赵某" not in str(opposed)


def test_a_person_lawfully_aided_elsewhere_is_not_confirmed_and_is_recorded_when_it_happened(
    double: Json,
) -> None:
    assert [each["code"] for each in double["refused"]] == ["claim-conflict"]
    assert "classified" not in steps(double, "there")
    assert steps(double, "there")[-2:] == ["irregular-recorded", "irregularly-confirmed"]

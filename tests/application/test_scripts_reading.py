"""Scripts as written: what is refused before anything is carried out, by step, field, reason and line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from importlib.resources import files

import pytest

from application.scripts.script import CHINA, REGISTER, Script, ScriptFault, ScriptRefused
from application.scripts.script_reader import read_script, refusal_codes

HEAD = """\
title: 试读
regions: ["370786"]
persons:
  A1: {name: 于某, id: "990101197304120013"}
households:
  yu: {region: "370786101215", members: {A1: head}}
steps:
"""
BY = "by: {organ: 370786101/township, officer: w1}"


def script(*steps: str, head: str = HEAD) -> Script:
    return read_script(head + "".join(f"  - {{{step}}}\n" for step in steps), "test")


def faults(*steps: str, head: str = HEAD) -> tuple[ScriptFault, ...]:
    with pytest.raises(ScriptRefused) as caught:
        script(*steps, head=head)
    return caught.value.faults


def told(found: Iterable[ScriptFault]) -> list[tuple[int | None, str, str]]:
    return [(fault.step, fault.field, fault.code) for fault in found]


def test_every_fault_of_the_whole_script_is_found_at_once() -> None:
    found = faults(
        f"on: 2021-07-01, {BY}, do: accept-aplication, household: yu",
        f"on: 2021-06-31, {BY}, do: apply, household: wu, applicant: A2",
        f"on: 2021-07-02, {BY}, do: apply, household: yu, applicant: A1, incone: []",
        "on: 2021-07-02, by: w1, do: start-investigation",
        f"on: 2021-07-02, {BY}, do: close-notice, household: yu, refused: notice-running",
        f"on: 2021-07-01, {BY}, do: close-notice, household: yu",
    )
    assert told(found) == [
        (1, "do", "unknown-command"),
        (2, "on", "not-a-date"),
        (2, "household", "unknown-household"),
        (2, "applicant", "unknown-person"),
        (3, "incone", "unknown-field"),
        (4, "household", "missing-field"),
        (4, "by", "not-an-actor"),
        (5, "refused", "unknown-refusal"),
    ]
    assert [fault.line for fault in found] == [8, 9, 9, 9, 10, 11, 11, 12]


def test_a_fault_says_line_step_field_reason_and_code() -> None:
    with pytest.raises(ScriptRefused) as caught:
        script(f"on: 2021-07-01, {BY}, do: raise-alert, household: yu, code: E-EXP-01, level: PURPLE")
    refused = caught.value
    assert (refused.step, refused.field, refused.line) == (1, "level", 8)
    assert str(refused) == "第8行，第1步，level：应为以下之一：RED、ORANGE、YELLOW、BLUE。 [not-one-of]"


def test_days_that_run_backwards_are_refused() -> None:
    found = faults(
        f"on: 2021-07-02, {BY}, do: start-investigation, household: yu",
        f"on: 2021-07-01, {BY}, do: close-notice, household: yu",
    )
    assert told(found) == [(2, "on", "dates-backwards")]


def test_told_times_that_run_backwards_are_refused() -> None:
    found = faults(
        f"on: 2021-07-01, at: '16:00', {BY}, do: start-investigation, household: yu",
        f"on: 2021-07-01, at: '15:59', {BY}, do: close-notice, household: yu",
    )
    assert told(found) == [(2, "at", "dates-backwards")]
    found = faults(
        f"on: 2021-07-01, at: 2021-06-30T23:59, {BY}, do: close-notice, household: yu",
        f"on: 2021-07-01, at: noon, {BY}, do: close-notice, household: yu",
    )
    assert told(found) == [(1, "at", "at-before-on"), (2, "at", "not-a-time")]


def test_the_outer_form_is_checked() -> None:
    assert told(faults(head="- 1\n")) == [(None, "*", "not-an-object")]
    assert told(faults(head="title: [\n")) == [(None, "*", "not-yaml")]
    assert told(faults(head="")) == [(None, "*", "script-empty")]
    assert told(faults(head="titel: x\n")) == [
        (None, "titel", "unknown-field"),
        (None, "title", "not-text"),
        (None, "households", "missing-field"),
        (None, "steps", "missing-field"),
    ]
    assert told(faults(head="title: x\ntitle: y\n")) == [(None, "*", "name-twice")]


def test_persons_and_households_are_checked() -> None:
    head = """\
title: 试读
persons:
  A1: {name: 于某, id: 990101197304120013}
  A2: {name: 于某某, id: "990101200109030024"}
  A3: {name: 于某某, id: "990101200109030025", birth: 2001-09-04}
  A4: {id: "990101200109030025", sexe: female}
households:
  yu: {region: 370786101215, members: {A1: head, A2: niece, A9: son}}
  wu: {region: "37078610121", members: {A1: head, A9: son}}
steps:
"""
    step = f"on: 2021-07-01, {BY}, do: close-notice, household: yu"
    assert told(faults(step, head=head)) == [
        (None, "persons.A1.id", "not-text"),
        (None, "persons.A2.id", "id-wrong-check-digit"),
        (None, "persons.A3", "birth-contradicts-id"),
        (None, "persons.A4.sexe", "unknown-field"),
        (None, "persons.A4.name", "missing-field"),
        (None, "households.yu.region", "not-text"),
        (None, "households.yu.members.A2", "not-one-of"),
        (None, "households.wu.region", "not-a-region"),
        (None, "households.wu.members.A9", "unknown-person"),
    ]


def test_a_household_without_a_step_is_refused() -> None:
    head = HEAD.replace("steps:", '  wu: {region: "370786101215", members: {A1: head}}\nsteps:')
    step = f"on: 2021-07-01, {BY}, do: close-notice, household: yu"
    assert told(faults(step, head=head)) == [(None, "households.wu", "household-without-step")]


def test_no_fault_repeats_a_name_or_an_id_number() -> None:
    step = f"on: 2021-07-01, {BY}, do: apply, household: 欧阳, applicant: 欧阳某某, channel: 欧阳"
    found = (
        *faults(step, head=HEAD.replace("于某", "[欧阳某某]")),
        *faults(step, head=HEAD.replace("0013", "0014")),
    )
    assert [fault.code for fault in found] == [
        "not-text",
        "unknown-household",
        "unknown-person",
        "not-one-of",
        "id-wrong-check-digit",
        "unknown-household",
        "unknown-person",
        "not-one-of",
    ]
    shown = "\n".join(map(str, found))
    assert "欧阳" not in shown
    assert "9901011973" not in shown


def test_words_are_read_as_they_are_written() -> None:
    read = script(
        f"on: 2021-07-01, {BY}, do: verify-alert, household: yu, investigators: [no, on], need: true"
    )
    (step,) = read.steps
    assert step.on == date(2021, 7, 1)
    assert step.fields["investigators"] == ["no", "on"]


def test_an_actor_is_an_officer_a_person_or_the_system() -> None:
    read = script(
        f"on: 2021-07-01, {BY}, do: close-notice, household: yu",
        "on: 2021-07-01, by: {person: A1}, do: close-notice, household: yu",
        "on: 2021-07-01, by: system:deadlines, do: close-notice, household: yu",
    )
    assert [(step.by.officer, step.by.organ, step.by.person) for step in read.steps] == [
        ("w1", "370786101/township", None),
        ("", "", "A1"),
        ("system:deadlines", "", None),
    ]
    found = faults(
        "on: 2021-07-01, by: {organ: township, officer: w1}, do: close-notice, household: yu",
        "on: 2021-07-01, by: {person: A2}, do: close-notice, household: yu",
    )
    assert told(found) == [(1, "by.organ", "not-an-organ"), (2, "by", "not-an-actor")]


def test_a_household_is_registered_before_its_first_step() -> None:
    read = script(f"on: 2021-07-01, {BY}, do: close-notice, household: yu")
    first, second = read.occurrences()
    assert (first.opens, first.on, first.tag) == ("implied", date(2021, 7, 1), "household/yu")
    assert (second.opens, second.tag) == (None, "1")
    stated = script(f"on: 2021-07-01, {BY}, do: {REGISTER}, household: yu")
    assert [each.opens for each in stated.occurrences()] == ["stated"]
    head = HEAD.replace("{A1: head}", "{A1: head}, registered: 2021-06-01")
    early = script(f"on: 2021-07-01, {BY}, do: close-notice, household: yu", head=head)
    assert [each.on for each in early.occurrences()] == [date(2021, 6, 1), date(2021, 7, 1)]
    late = faults(f"on: 2021-05-01, {BY}, do: close-notice, household: yu", head=head)
    assert told(late) == [(None, "households.yu.registered", "dates-backwards")]


def test_a_repeated_step_happens_each_month_among_the_others() -> None:
    read = script(
        f"on: 2021-08-31, {BY}, do: order-payment, household: yu, every: month, until: 2021-11",
        f"on: 2021-08-31, {BY}, do: settle-payment, household: yu, every: month, until: 2021-09",
        f"on: 2021-10-01, {BY}, do: recertify, household: yu",
    )
    assert [(each.on, each.tag) for each in read.occurrences()] == [
        (date(2021, 8, 31), "household/yu"),
        (date(2021, 8, 31), "1/2021-08"),
        (date(2021, 8, 31), "2/2021-08"),
        (date(2021, 9, 30), "1/2021-09"),
        (date(2021, 9, 30), "2/2021-09"),
        (date(2021, 10, 1), "3"),
        (date(2021, 10, 31), "1/2021-10"),
        (date(2021, 11, 30), "1/2021-11"),
    ]
    assert read.last_day == date(2021, 11, 30)


@pytest.mark.parametrize(
    ("repeat", "field", "code"),
    [
        ("every: month", "every", "every-without-until"),
        ("until: 2021-09", "every", "every-without-until"),
        ("every: week, until: 2021-09", "every", "not-one-of"),
        ("every: month, until: 2021-9", "until", "not-a-month"),
        ("every: month, until: 2021-07", "until", "until-out-of-range"),
        ("every: month, until: 2121-07", "until", "until-out-of-range"),
        ("every: month, until: 2021-09, at: '10:00'", "at", "at-with-every"),
    ],
)
def test_a_repetition_that_cannot_be_is_refused(repeat: str, field: str, code: str) -> None:
    found = faults(f"on: 2021-08-10, {BY}, do: order-payment, household: yu, {repeat}")
    assert told(found) == [(1, field, code)]


def test_a_time_without_offset_is_chinese_time() -> None:
    read = script(
        f"on: 2021-07-01, at: '14:30', {BY}, do: close-notice, household: yu",
        f"on: 2021-07-01, at: 2021-07-05 08:00, {BY}, do: close-notice, household: yu",
        f"on: 2021-07-01, at: 2021-07-05T08:00:00Z, {BY}, do: close-notice, household: yu",
    )
    assert [step.at for step in read.steps] == [
        datetime(2021, 7, 1, 14, 30, tzinfo=CHINA),
        datetime(2021, 7, 5, 8, 0, tzinfo=CHINA),
        datetime(2021, 7, 5, 16, 0, tzinfo=CHINA),
    ]


def test_every_refusal_of_domain_and_store_may_be_expected() -> None:
    codes = refusal_codes()
    assert {"hearing-not-held", "claim-conflict", "not-competent", "region-abolished"} <= codes


def test_a_file_that_grows_without_measure_is_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert [fault.code for fault in faults(head="\n".join(lines))] == ["script-too-large"]
    assert [fault.code for fault in faults(head="a: &a [*a]")] == ["script-too-large"]


@pytest.mark.parametrize(
    "name", sorted(each.name for each in files("samples").iterdir() if each.name.endswith(".yaml"))
)
def test_the_samples_read(name: str) -> None:
    text = files("samples").joinpath(name).read_text("utf-8")
    assert read_script(text, name.removesuffix(".yaml")).steps

"""Reading scripts (读脚本): every fault of the whole script is found before anything is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import uuid5

from application.describing.commands import BadField, UnknownCommand, parse
from application.describing.fields import Day, Fault, MonthField, OneOf, Reading, Text, fields_of
from application.reference.reference import NATURAL_KEYS
from application.scripts.script import (
    OPENING,
    REGISTER,
    SPLIT,
    By,
    HouseholdSaid,
    PersonSaid,
    Script,
    ScriptFault,
    ScriptRefused,
    Step,
    instant_of,
)
from application.scripts.sheet import Sheet, SheetRefused, read_sheet
from domain.household.command import JointCommand
from domain.values.citizen_id import CitizenIdRefused
from domain.values.citizen_id import parse as parse_citizen_id
from domain.values.month import Month
from domain.values.person import HouseholdId, PersonId
from domain.values.refusals import Refusal, code_of
from eventstore.errors import StoreError

__all__ = ["ScriptFault", "ScriptRefused", "read_script", "refusal_codes"]

OUTER: Final = ("title", "regions", "persons", "households", "steps")
STEP: Final = ("on", "at", "by", "do", "household", "begins", "refused", "every", "until")
"""The words of a step that are not the command's own fields (`on` is both)."""

MOST_REPEATS: Final = 600
"""How often a step may be repeated: fifty years of months."""


def read_script(text: str, name: str) -> Script:
    """The script written in a YAML text; raises `ScriptRefused` with every fault, by line."""
    try:
        sheet = read_sheet(text)
    except SheetRefused as refused:
        fault = ScriptFault(None, refused.field or "*", refused.code, refused.reason, refused.line)
        raise ScriptRefused((fault,)) from None
    return _Reader(sheet, name).script()


_NO_STEPS: Final = frozenset({"domain.household.retention"})
"""Modules whose refusals answer an operator, never a step."""


def refusal_codes() -> frozenset[str]:
    """Every code a step may be refused with: the domain's refusals and the store's."""
    return frozenset(_codes(Refusal, "domain.")) | frozenset(_codes(StoreError, "eventstore.errors"))


def _codes(kind: type[Refusal] | type[StoreError], floor: str) -> Iterator[str]:
    # by package, because the command line and tests have refusals of their own
    below: list[type[Refusal] | type[StoreError]] = list(kind.__subclasses__())
    for each in below:
        if each.__module__.startswith(floor) and each.__module__ not in _NO_STEPS:
            yield code_of(each)
        yield from _codes(each, floor)


class _Reader:
    def __init__(self, sheet: Sheet, name: str) -> None:
        self._sheet = sheet
        self._name = name
        self._faults: list[ScriptFault] = []
        self._placeholders: dict[str, PersonId] = {}
        self._known: dict[str, HouseholdId] = {}

    def script(self) -> Script:
        content = self._sheet.content
        if not isinstance(content, Mapping):
            self._fault(
                None, "", "not-an-object", "脚本应为 title、regions、persons、households、steps 的对照。"
            )
            raise ScriptRefused(tuple(self._faults))
        for word in content:
            if word not in OUTER:
                self._fault(None, word, "unknown-field", f"没有这一项；可用：{'、'.join(OUTER)}。")
        title = self._read(Text(), content.get("title"), "title") or ""
        regions = self._regions(content.get("regions", ()))
        persons = self._persons(content.get("persons", {}))
        households = self._households(content.get("households"), persons)
        steps = self._steps(content.get("steps"), households)
        self._check_openings(households, steps)
        if self._faults:
            raise ScriptRefused(tuple(sorted(self._faults, key=lambda fault: fault.line)))
        script = Script(self._name, title, regions, persons, households, tuple(steps))
        self._check_clock(script)
        if self._faults:
            raise ScriptRefused(tuple(self._faults))
        return script

    def _regions(self, said: object) -> tuple[str, ...]:
        if not isinstance(said, list | tuple):
            self._fault(None, "regions", "not-a-list", '应为区划代码的列表，例如 ["370786"]。')
            return ()
        return tuple(self._region(code, f"regions[{n}]") for n, code in enumerate(said))

    def _region(self, said: object, path: str) -> str:
        if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) in (2, 4, 6, 9, 12):
            return said
        self._fault(None, path, "not-a-region", "区划代码应为加引号的2、4、6、9或12位数字。")
        return ""

    def _persons(self, said: object) -> dict[str, PersonSaid]:
        found: dict[str, PersonSaid] = {}
        for key, value in self._entries(said, "persons", required=False):
            # a placeholder even for a faulty one, so that no step reports the fault again
            self._placeholders[key] = PersonId(uuid5(NATURAL_KEYS, f"placeholder/{key}"))
            person = self._read(fields_of(PersonSaid), value, f"persons.{key}")
            if person is None:
                continue
            found[key] = person
            if person.id is not None:
                self._check_id(person, f"persons.{key}")
        return found

    def _check_id(self, person: PersonSaid, path: str) -> None:
        try:
            citizen = parse_citizen_id(person.id or "")
        except CitizenIdRefused as refused:
            self._fault(None, f"{path}.id", refused.code, f"{refused}{refused.advice}")
            return
        if person.birth not in (None, citizen.birth) or person.sex not in (None, citizen.sex):
            self._fault(None, path, "birth-contradicts-id", "出生日期或性别与身份证号不一致；请核对。")

    def _households(self, said: object, persons: Mapping[str, PersonSaid]) -> dict[str, HouseholdSaid]:
        found: dict[str, HouseholdSaid] = {}
        for key, value in self._entries(said, "households", required=True):
            path = f"households.{key}"
            self._known[key] = _standing_for(key)
            household = self._read(fields_of(HouseholdSaid), value, path)
            if household is None:
                continue
            self._region(household.region, f"{path}.region")
            for member in household.members:
                if member not in self._placeholders:
                    self._fault(
                        None,
                        f"{path}.members.{member}",
                        "unknown-person",
                        f"persons 中没有这个人；已有：{'、'.join(persons) or '无'}。",
                    )
            found[key] = household
        return found

    def _steps(self, said: object, households: Mapping[str, HouseholdSaid]) -> list[Step]:
        if not isinstance(said, list) or not said:
            self._fault(None, "steps", "missing-field", "缺少 steps：至少要有一步。")
            return []
        codes = refusal_codes()
        steps: list[Step] = []
        latest = date.min
        for number, entry in enumerate(said, start=1):
            before = len(self._faults)
            step = self._step(number, entry, households, codes)
            if step is None or len(self._faults) > before:
                continue
            if step.on < latest:
                self._step_fault(
                    number, "on", "dates-backwards", f"日期早于前面的步骤（{latest}）；步骤应按日期排列。"
                )
            latest = max(latest, step.on)
            steps.append(step)
        return steps

    def _step(
        self, number: int, said: object, households: Mapping[str, HouseholdSaid], codes: frozenset[str]
    ) -> Step | None:
        if not isinstance(said, Mapping):
            self._step_fault(number, "", "not-an-object", "每一步应为 {on, by, do, household, …} 的对照。")
            return None
        for word in ("on", "by", "do", "household"):
            if word not in said:
                self._step_fault(number, word, "missing-field", "缺少必填字段。")
        prefix = f"steps[{number - 1}]"
        on = self._read(Day(), said["on"], f"{prefix}.on", number) if "on" in said else None
        by = self._by(number, said["by"], prefix) if "by" in said else None
        household = said.get("household")
        if "household" in said and household not in self._known:
            known = "、".join(self._known) or "无"
            self._step_fault(number, "household", "unknown-household", f"此前没有这一户；已有：{known}。")
        refused = said.get("refused")
        if refused is not None and refused not in codes:
            self._step_fault(
                number, "refused", "unknown-refusal", "没有这个退回代码，例如 hearing-not-held。"
            )
        at, until = self._at(number, said, on), self._until(number, said, on, prefix)
        fields = {word: value for word, value in said.items() if word not in STEP}
        do = said.get("do")
        others: tuple[str, ...] = ()
        if "do" in said:
            others = self._check_command(number, do, fields, on, households.get(str(household)))
        begins = self._begins(number, said)
        if on is None or by is None or not isinstance(do, str) or not isinstance(household, str):
            return None
        line = self._sheet.line(prefix)
        return Step(number, line, on, by, do, household, fields, at, refused, until, others, begins)

    def _begins(self, number: int, said: Mapping[str, object]) -> str | None:
        """The key of the household a split sets up: new to the script, and known to the steps after it."""
        begins, carried_out = said.get("begins"), said.get("refused") is None
        if said.get("do") != SPLIT or not carried_out:
            if "begins" in said:
                self._step_fault(
                    number, "begins", "begins-nothing", "只有办成的分户（split-household）才设立新户。"
                )
            return None
        if not isinstance(begins, str) or not begins:
            self._step_fault(number, "begins", "missing-field", "缺少必填字段：新设立的户的代号。")
        elif begins in self._known:
            self._step_fault(number, "begins", "household-twice", "这个代号已有一户，请另取一个。")
        elif said.get("every") is not None:
            self._step_fault(number, "begins", "begins-with-every", "分户不能按月重复。")
        else:
            self._known[begins] = _standing_for(begins)
            return begins
        return None

    def _by(self, number: int, said: object, prefix: str) -> By | None:
        if isinstance(said, str):
            if said.startswith("system:") and said[7:].replace("-", "").isalpha():
                return By(said)
        elif isinstance(said, Mapping) and set(said) == {"person"} and said["person"] in self._placeholders:
            return By(person=str(said["person"]))
        elif isinstance(said, Mapping) and set(said) <= {"organ", "officer"} and "officer" in said:
            officer = self._read(Text(), said["officer"], f"{prefix}.by.officer", number)
            organ = self._read(Text(), said.get("organ", ""), f"{prefix}.by.organ", number)
            code, slash, department = str(organ).partition("/")
            if officer is None or organ is None:
                return None
            if slash and department and code.isascii() and code.isdigit():
                return By(officer, organ)
            if not organ and officer.startswith("system:"):
                return By(officer)
            self._step_fault(
                number, "by.organ", "not-an-organ", "机构应写成“区划代码/部门”，如 370786/civil-affairs。"
            )
            return None
        self._step_fault(
            number,
            "by",
            "not-an-actor",
            "应为 {organ: 机构, officer: 经办人代号}、{person: 人员代号} 或者 system:deadlines。",
        )
        return None

    def _at(self, number: int, said: Mapping[str, object], on: date | None) -> datetime | None:
        if said.get("at") is None or on is None:
            return None
        at = instant_of(said["at"], on)
        if at is None:
            self._step_fault(number, "at", "not-a-time", "时刻应写成 14:30 或者 2026-07-01T14:30+08:00。")
        elif at.astimezone(OPENING.tzinfo).date() < on:
            self._step_fault(number, "at", "at-before-on", "记录时刻不能早于办理日期。")
        elif said.get("every") is not None:
            self._step_fault(number, "at", "at-with-every", "重复的步骤不能指定时刻。")
        return at

    def _until(self, number: int, said: Mapping[str, object], on: date | None, prefix: str) -> Month | None:
        every, until = said.get("every"), said.get("until")
        if every is None and until is None:
            return None
        if every is None or until is None:
            self._step_fault(
                number, "every", "every-without-until", "every: month 与 until: 年-月 应同时填写。"
            )
            return None
        self._read(OneOf(("month",)), every, f"{prefix}.every", number)
        month = self._read(MonthField(), until, f"{prefix}.until", number)
        if month is None or on is None:
            return None
        repeats = month - Month.of(on) + 1
        if not 1 <= repeats <= MOST_REPEATS:
            self._step_fault(number, "until", "until-out-of-range", "until 应不早于起始月，且不超过五十年。")
        assert isinstance(month, Month)
        return month

    def _check_command(
        self,
        number: int,
        do: object,
        fields: Mapping[str, object],
        on: date | None,
        household: HouseholdSaid | None,
    ) -> tuple[str, ...]:
        """Check that a command reads; answers the keys of the further households it names."""
        if not isinstance(do, str):
            self._step_fault(number, "do", "not-text", "应为命令名，例如 accept-application。")
            return ()
        said: dict[str, object] = {"on": on or date(2000, 1, 1), **fields}
        if do == REGISTER and household is not None:
            # these stand in the household's own section
            said = {"region": household.region, "members": [], **said}
        try:
            command = parse(do, said, self._placeholders, self._known)
        except UnknownCommand as unknown:
            self._step_fault(number, "do", unknown.code, str(unknown))
        except BadField as bad:
            for fault in bad.faults:
                self._step_fault(number, fault.field, fault.code, fault.reason)
        else:
            named = command.households() if isinstance(command, JointCommand) else ()
            return tuple(key for key, stands_for in self._known.items() if stands_for in named)
        return ()

    def _check_openings(self, households: Mapping[str, HouseholdSaid], steps: list[Step]) -> None:
        for key, household in households.items():
            own = [step for step in steps if step.touches(key)]
            if not own and not self._faults:
                self._fault(None, f"households.{key}", "household-without-step", "这一户没有任何步骤。")
            elif own and household.registered is not None and household.registered > own[0].on:
                self._fault(
                    None,
                    f"households.{key}.registered",
                    "dates-backwards",
                    f"登记晚于涉及该户的第一步（{own[0].on}）。",
                )

    def _check_clock(self, script: Script) -> None:
        """Told times must not run backwards either, repeated steps included."""
        clock: datetime | None = None
        for occurrence in script.occurrences():
            step, at = occurrence.step, None if occurrence.opens == "implied" else occurrence.step.at
            if at is not None and clock is not None and at < clock:
                self._step_fault(step.number, "at", "dates-backwards", "记录时刻早于前面的步骤。")
            told = at or datetime.combine(occurrence.on, OPENING)
            clock = told if clock is None else max(clock, told)

    def _entries(self, said: object, path: str, *, required: bool) -> Iterator[tuple[str, object]]:
        if said is None and required:
            self._fault(None, path, "missing-field", f"缺少 {path}。")
        elif isinstance(said, Mapping):
            yield from said.items()
        elif said is not None:
            self._fault(None, path, "not-an-object", "应为“代号: {…}”的对照。")

    def _read(self, reader: Any, value: object, path: str, step: int | None = None) -> Any:
        faults: list[Fault] = []
        found = reader.read(value, path, Reading(self._placeholders, faults))
        for fault in faults:
            field = fault.field.partition("].")[2] if step is not None else fault.field
            self._faults.append(
                ScriptFault(step, field, fault.code, fault.reason, self._sheet.line(fault.field))
            )
        return None if faults else found

    def _step_fault(self, number: int, field: str, code: str, reason: str) -> None:
        path = f"steps[{number - 1}].{field}" if field else f"steps[{number - 1}]"
        self._faults.append(ScriptFault(number, field or "*", code, reason, self._sheet.line(path)))

    def _fault(self, step: int | None, field: str, code: str, reason: str) -> None:
        self._faults.append(ScriptFault(step, field or "*", code, reason, self._sheet.line(field)))


def _standing_for(household: str) -> HouseholdId:
    return HouseholdId(uuid5(NATURAL_KEYS, f"placeholder/household/{household}"))

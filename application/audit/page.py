"""The page of a bundle (审计页): a household's chain as people read it, out of the events' own bytes alone.

No key is asked for: people stand as 人员一, 人员二, and what is sealed is named, never opened. So the page of a
bundle is the same before and after an erasure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template

from application.describing.facts import value_word
from application.describing.labels import (
    code_word,
    deadline_word,
    event_of,
    field_label,
    input_label,
    rule_label,
)
from application.documents.chinese import papers
from domain.catalogue import EVENTS
from domain.values.issued import DOCUMENT_WORDS

CHINA: Final = timezone(timedelta(hours=8))

UNSHOWN: Final = frozenset({"birth", "sex", "student", "disability", "work_capacity"})
"""Plain in the facts, because rules read them, and yet about a person: not on the page."""

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOLD_ELSEWHERE: Final = frozenset({"on", "decision", "receipt", "fields"})
_SEALED: Final = frozenset({"owner", "kind", "n"})


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the chain: which household, under which checkpoint."""

    household: str
    store: str
    lane: int
    number: int
    sealed_at: str
    total: int
    lane_size: int
    sealed: int
    unsealed: int


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as it is stored; `meta` and `data` are JSON texts, `digest` is hex."""

    position: int
    version: int
    name: str
    effective_on: date | None
    recorded_at: datetime
    meta: str
    data: str
    digest: str
    sealed: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a receipt, in words."""

    name: str
    word: str
    article: str
    since: str
    inputs: str
    result: str


@dataclass(frozen=True, slots=True)
class ShownReceipt:
    """A receipt: the packs it rests on, and every rule applied."""

    packs: tuple[str, ...]
    rules: tuple[Rule, ...]


@dataclass(slots=True)
class Step:
    """One step of the chain, in words."""

    version: int
    on: str
    title: str
    name: str
    recorded: str
    stated: str
    entered: str
    basis: str
    position: int
    digest: str
    sealed: bool
    decided: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    dues: list[str] = field(default_factory=list)
    receipts: list[ShownReceipt] = field(default_factory=list)
    secrets: str = ""


@dataclass(slots=True)
class Known:
    """A person as the page calls them."""

    label: str
    id: str
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """An attachment or issued document a step names; `proved` where the step itself says its hash."""

    version: int
    what: str
    id: str
    sha256: str
    proved: bool


class Notes:
    """What is gathered on the way through the chain: people, papers, packs; complete after its last step."""

    def __init__(self, household: str, hashes: Mapping[str, str] | None = None) -> None:
        """`hashes` are those of attachments whose steps do not say them, by id."""
        self._household = household
        self._hashes = hashes or {}
        self._persons: dict[str, Known] = {}
        self._packs: dict[str, None] = {}
        self.papers: list[Paper] = []
        self.joined = ""

    @property
    def persons(self) -> list[Known]:
        """Everybody named, in the order in which they come up."""
        return list(self._persons.values())

    @property
    def packs(self) -> list[str]:
        """The hash of every pack a decision rests on."""
        return list(self._packs)

    def label(self, person: str) -> str:
        """What the page calls an owner: 本户, or 人员 and a number."""
        if person == self._household:
            return "本户"
        return self._known(person).label

    def told(self, stored: Stored) -> Step:
        """A step in words; what it names is noted. One that was altered out of shape says so."""
        data, meta = json.loads(stored.data), _meta(stored.meta)
        kind = EVENTS.get(stored.name)
        step = Step(
            stored.version,
            stored.effective_on.isoformat() if stored.effective_on else "",
            (kind.title if kind else "") or stored.name,
            stored.name,
            stored.recorded_at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S.%f"),
            meta.get("stated_at") or "",
            " ".join(str(meta[each]) for each in ("organ", "actor") if meta.get(each)) or "无记载",
            basis_words(meta.get("legal_basis") or ""),
            stored.position,
            stored.digest,
            stored.sealed,
        )
        try:
            self._say(stored, data, step)
        except (AttributeError, KeyError, TypeError, ValueError):
            step.facts = [("内容", "不合该步骤的格式，未能显示；原文见 bundle.json")]
        return step

    def _say(self, stored: Stored, data: dict[str, Any], step: Step) -> None:
        secrets: dict[str, None] = {}
        self._walk(data, step, secrets)
        step.facts = [
            (field_label(place).word, text)
            for name, value in data.items()
            if name not in _TOLD_ELSEWHERE and name not in UNSHOWN
            for place in [f"{event_of(stored.name)}.{name}"]
            if (text := self._text(place, value))
        ]
        step.secrets = "、".join(secrets)
        self._paper(stored, data)
        if stored.name.startswith("household.joined-into."):
            self.joined = (
                f"本户已并入 {data['into']}（该户第 {data['into_version']} 步），此后各步见该户的救助链。"
            )

    def _walk(self, value: Any, step: Step, secrets: dict[str, None]) -> None:
        if isinstance(value, list):
            for each in value:
                self._walk(each, step, secrets)
        if not isinstance(value, dict):
            return
        keys = value.keys()
        if keys == _SEALED:
            secrets[f"{code_word(value['kind'], 'private.kind')}（{self.label(value['owner'])}）"] = None
            return
        if "person" in keys and isinstance(value.get("relation"), str) and _is_id(value["person"]):
            self._known(value["person"]).relation = code_word(value["relation"])
        if {"what", "day", "rule"} <= keys and value.get("kind") != "timer":
            assumed = "，暂定日历" if value.get("assumed") else ""
            step.dues.append(f"{deadline_word(value['what'])} {value['day']}（{value['rule']}{assumed}）")
        if {"officer", "organ", "level"} <= keys:
            by = f"，凭 {value['delegated_by']}" if value.get("delegated_by") else ""
            step.decided.append(
                f"{value['organ']} {value['officer']}（{code_word(value['level'], 'level')}{by}）"
            )
        if {"packs", "rules"} <= keys:
            step.receipts.append(self._receipt(value))
        for each in value.values():
            self._walk(each, step, secrets)

    def _receipt(self, receipt: dict[str, Any]) -> ShownReceipt:
        self._packs.update(dict.fromkeys(receipt["packs"]))
        rules = tuple(
            Rule(
                each["rule"],
                rule_label(each["rule"]).word,
                basis_words(each["article"]),
                each["since"] or "",
                "；".join(
                    f"{label.word} {value_word(value, style=label.style)}"
                    for name, value in each["inputs"].items()
                    for label in [input_label(name)]
                ),
                value_word(each["result"], style=rule_label(each["rule"]).style),
            )
            for each in receipt["rules"]
        )
        return ShownReceipt(tuple(receipt["packs"]), rules)

    def _text(self, place: str, value: Any) -> str:
        """A field in words, by its place; empty for what is told elsewhere or not shown."""
        if value is None or value == []:
            return ""
        style = field_label(place).style
        if isinstance(value, str):
            if _is_id(value):
                return self.label(value) if style == "person" else value
            return value_word(value, place, style)
        if isinstance(value, list) and any(isinstance(each, dict | str) for each in value):
            return "；".join(filter(None, (self._text(place, each) for each in value)))
        if isinstance(value, dict) and value.keys() != {"first", "last"}:
            if value.keys() == _SEALED or {"what", "day", "rule"} <= value.keys() or "level" in value:
                return ""
            parts = (
                (inside, self._text(inside, inner))
                for each, inner in value.items()
                if each not in UNSHOWN and each not in _TOLD_ELSEWHERE
                for inside in [f"{place}.{each}"]
            )
            return "，".join(f"{field_label(inside).word} {text}" for inside, text in parts if text)
        return value_word(value, place, style)

    def _paper(self, stored: Stored, data: dict[str, Any]) -> None:
        if isinstance(data.get("document"), str) and isinstance(data.get("sha256"), str):
            what = f"{DOCUMENT_WORDS.get(data['kind'], data['kind'])} {data.get('number', '')}"
            self.papers.append(Paper(stored.version, what, data["document"], data["sha256"], True))
        kind = EVENTS.get(stored.name)
        for id in attachments_in(data):
            what = kind.title if kind else stored.name
            self.papers.append(Paper(stored.version, what, id, self._hashes.get(id, "库中没有"), False))

    def _known(self, person: str) -> Known:
        known = self._persons.get(person)
        if known is None:
            known = self._persons[person] = Known(f"人员{len(self._persons) + 1}", person)
        return known


def attachments_in(value: Any) -> list[str]:
    """The ids of attachments a fact names, beside issued documents."""
    if isinstance(value, list):
        return [id for each in value for id in attachments_in(each)]
    if not isinstance(value, dict):
        return []
    own = value.get("attachment")
    inner = [id for each in value.values() for id in attachments_in(each)]
    return [own, *inner] if isinstance(own, str) else inner


def page(head: Head, steps: Iterable[Stored], notes: Notes) -> Iterator[str]:
    """The page as a whole HTML document, piece by piece: self-contained, in Chinese, for screen and print."""
    told = (notes.told(each) for each in steps)
    return _template().generate(head=head, steps=told, notes=notes)


def moment(at: str) -> str:
    """An instant as the page shows it, in the country's time."""
    return datetime.fromisoformat(at).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def basis_words(cited: str) -> str:
    """Citations as papers and articles (`《…》第三十三条`); as they stand where a place has papers of its own."""
    try:
        return "；".join(papers(cited))
    except (KeyError, ValueError, IndexError):
        return cited


def _meta(text: str) -> dict[str, Any]:
    try:
        meta = json.loads(text or "{}")
    except ValueError:
        meta = None
    return meta if isinstance(meta, dict) else {}


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


@cache
def _template() -> Template:
    source = files("application").joinpath("audit", "templates", "page.html").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)

"""The words of the field (用语): what commands, fields, codes, deadlines and rules are called when people read them.

They stand in YAML beside what they name: `domain/change/grace.yaml` beside `grace.py`, and in `domain/words.yaml` what
several chapters share; there the form of these files is described. They are read once, when a word is first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import yaml

WORD_FILE: Final = "words"
"""The file of the words that several chapters share."""


@dataclass(frozen=True, slots=True)
class Label:
    """What something is called; `no` is said of a flag that is false, `style` is how the value is written."""

    word: str
    no: str = ""
    style: str = ""


@dataclass(slots=True)
class Labels:
    """All words, by what they name; a key may begin with the place in which alone it holds (`reason/other`)."""

    commands: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    command_fields: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Label] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Label] = field(default_factory=dict)
    inputs: dict[str, Label] = field(default_factory=dict)


@cache
def labels() -> Labels:
    """The words of all files."""
    known = Labels()
    for sections in word_files().values():
        known.commands.update(sections.get("commands", {}))
        known.command_fields.update(sections.get("command-fields", {}))
        known.fields.update(_labelled(sections.get("fields", {})))
        for table in sections.get("tables", ()):
            known.codes.update(table_of(table))
        known.codes.update(sections.get("codes", {}))
        known.codes.update(sections.get("open-codes", {}))
        known.limits.update(sections.get("limits", {}))
        known.rules.update(_labelled(sections.get("rules", {})))
        known.inputs.update(_labelled(sections.get("inputs", {})))
    return known


def word_files() -> dict[str, dict[str, Any]]:
    """What stands in each file, by its module without `domain` (`change.grace`), the shared one as `words`."""
    return {
        name: yaml.load(file.read_text("utf-8"), Loader=_Loader)
        for name, file in _yaml_below(files("domain"), "")
    }


def table_of(path: str) -> dict[str, str]:
    """The words of a table that stands in Python: a mapping, or an enumeration whose members have a `word`.

    `ground/intake.application_closure.GROUND_WORDS` gives its codes in the place `ground` alone.
    """
    place, slash, dotted = path.rpartition("/")
    module, _, name = dotted.rpartition(".")
    table = getattr(import_module(f"domain.{module}"), name)
    words = table if isinstance(table, Mapping) else {each.value: each.word for each in table}
    return {f"{place}{slash}{code}": word for code, word in words.items()}


def command_sentence(command: str) -> str:
    """What a command does, in the words of those who give it."""
    return str(labels().commands.get(command, {}).get("sentence", ""))


def command_field_word(command: str, name: str) -> str:
    """What a field of a command means; empty when no file says it."""
    own = labels().commands.get(command, {}).get("fields", {})
    return str(own.get(name) or labels().command_fields.get(name, ""))


def command_example(command: str) -> Mapping[str, object]:
    """Fields that stand in the example of a command beside, or instead of, the generated required ones."""
    example: Mapping[str, object] = labels().commands.get(command, {}).get("example", {})
    return example


def field_label(place: str) -> Label:
    """What a field of a fact is called, by its place: `fen`, or with what it stands in, `grace-granted.cause`."""
    known = labels().fields
    while place not in known:
        head, _, rest = place.partition(".")
        if not rest:
            return Label(head)
        place = rest
    return known[place]


def code_word(code: str, place: str = "") -> str:
    """What a code is called, by the place of its field where it has several meanings (`income.kind`).

    The code itself where it has no word: a local cause, a source's own name.
    """
    known = labels().codes
    while place:
        if found := known.get(f"{place}/{code}"):
            return found
        place = place.partition(".")[2]
    return known.get(code, str(code))


def deadline_word(code: str) -> str:
    """What a deadline is called; the code itself where a place has one of its own."""
    return labels().limits.get(code, code)


def rule_label(rule: str) -> Label:
    """What a rule of a receipt is called."""
    return labels().rules.get(rule) or Label(rule)


def input_label(name: str) -> Label:
    """What an input of a rule is called."""
    return labels().inputs.get(name) or Label(name)


def event_of(stored: str) -> str:
    """The place that a stored name gives to its fields: `household.grace-granted.1` → `grace-granted`."""
    return stored.partition(".")[2].rpartition(".")[0]


def _labelled(section: Mapping[str, Any]) -> Iterator[tuple[str, Label]]:
    for key, said in section.items():
        if isinstance(said, str):
            yield key, Label(said)
        else:
            yield key, Label(said["word"], said.get("no", ""), said.get("as", ""))


def _yaml_below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            yield from _yaml_below(each, f"{prefix}{each.name}.")
        elif each.name.endswith(".yaml"):
            yield prefix + each.name.removesuffix(".yaml"), each


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.2's plain values: `on` and `no` are names, days stay text; by libyaml where it is there."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]*)$"), list("-0123456789")
)

"""Refusals (不予办理的理由): what people are told when something is not done; the class name is the code."""

from __future__ import annotations

import re
from typing import ClassVar


class Told(Exception):
    """未能完成该操作。"""

    # What people are told: the class docstring is the sentence, the class name the code.

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.sentence)

    @property
    def code(self) -> str:
        """The stable English code: the class name in kebab case, `HearingNotHeld` → `hearing-not-held`."""
        return code_of(type(self))

    @property
    def sentence(self) -> str:
        """The sentence shown to people: the class docstring, with the facts filled in."""
        text = (type(self).__doc__ or "").strip()
        return text.format_map(_Facts(self.facts))


class Refusal(Told):
    """该操作不符合规定。"""

    article: ClassVar[str] = ""
    """The article or rule the refusal rests on, as cited in policy packs; empty for plain order."""


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "…"


def code_of(kind: type) -> str:
    """The kebab-case name of a class: `GrantGrace` → `grant-grace`."""
    code = _codes.get(kind)
    if code is None:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", kind.__name__)
        code = _codes[kind] = words.lower()
    return code


_codes: dict[type, str] = {}

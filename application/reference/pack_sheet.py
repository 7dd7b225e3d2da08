"""One YAML file of a policy pack, read as nodes that know their lines, so that refusals can name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from importlib.resources.abc import Traversable

import yaml

_WORD = re.compile(r"[A-Za-z0-9]+([-_][A-Za-z0-9]+)*")
_WHOLE = re.compile(r"0|[1-9]\d*")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class PackRefused(ValueError):
    """政策包不合规定：`file` 第 `line` 行，`reason`。"""

    def __init__(self, file: str, line: int, reason: str) -> None:
        self.file = file
        self.line = line
        self.reason = reason
        super().__init__(f"{file} 第 {line} 行：{reason}")


class Sheet:
    """One YAML file as nodes that know their lines; duplicate keys and wrong kinds are refused."""

    def __init__(self, file: Traversable, name: str) -> None:
        self.name = name
        try:
            root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise PackRefused(name, line, f"不是合法的 YAML：{error.problem}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise PackRefused(name, 1, "不是合法的 UTF-8 YAML 文件") from error
        if root is None:
            raise PackRefused(name, 1, "文件是空的")
        self.root: yaml.Node = root

    def line(self, node: yaml.Node) -> int:
        """The line a node begins on, from 1."""
        return int(node.start_mark.line) + 1

    def refused(self, node: yaml.Node, reason: str) -> PackRefused:
        """A refusal that names this file and the node's line."""
        return PackRefused(self.name, self.line(node), reason)

    def pairs(self, node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The entries of a mapping in order; duplicate names are refused."""
        if not isinstance(node, yaml.MappingNode):
            raise self.refused(node, "此处应为“名称: 取值”的对照")
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key)
            if name in seen:
                raise self.refused(key, f"“{name}”重复出现")
            seen.add(name)
            yield key, value

    def fields(self, node: yaml.Node, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        """A mapping by name; names not in `known` are refused."""
        found = {}
        for key, value in self.pairs(node):
            if key.value not in known:
                raise self.refused(key, f"不认识的项“{key.value}”，可用：{'、'.join(known)}")
            found[str(key.value)] = value
        return found

    def items(self, node: yaml.Node) -> list[yaml.Node]:
        """The members of a list."""
        if not isinstance(node, yaml.SequenceNode):
            raise self.refused(node, "此处应为列表")
        return list(node.value)

    def is_null(self, node: yaml.Node) -> bool:
        """Whether the value is left empty."""
        return bool(node.tag == "tag:yaml.org,2002:null")

    def text(self, node: yaml.Node) -> str:
        """A scalar exactly as written."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.refused(node, "此处应为一个值")
        return str(node.value)

    def day(self, node: yaml.Node, text: str | None = None) -> date:
        """A day `YYYY-MM-DD`: the node's own text, or the piece of it given."""
        text = self.text(node) if text is None else text
        if _DAY.fullmatch(text):
            with suppress(ValueError):
                return date.fromisoformat(text)
        raise self.refused(node, f"日期应写成 2026-07-01，不是“{text}”")

    def whole(self, node: yaml.Node) -> int:
        """A whole number, not negative, in plain decimal digits."""
        text = self.text(node)
        if node.tag != "tag:yaml.org,2002:int" or not _WHOLE.fullmatch(text):
            raise self.refused(node, f"应为不带正负号的整数，不是“{text}”")
        return int(text)

    def flag(self, node: yaml.Node) -> bool:
        """`true` or `false`, in no other spelling."""
        text = self.text(node)
        if node.tag != "tag:yaml.org,2002:bool" or text not in ("true", "false"):
            raise self.refused(node, f"应为 true 或 false，不是“{text}”")
        return text == "true"

    def word(self, node: yaml.Node) -> str:
        """A single word of letters, digits and hyphens."""
        text = self.text(node)
        if node.tag != "tag:yaml.org,2002:str" or not _WORD.fullmatch(text):
            raise self.refused(node, f"应为一个词（字母、数字、连字号），不是“{text}”")
        return text

"""The text of a script (脚本文本): YAML read into plain values, each with its line.

The rules are those of YAML 1.2, not 1.1: `on` is a name and no truth value, days and amounts stay text, only `true`
and `false` are flags. Anchors may be used; a file that grows too large through them is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import yaml

DEEPEST: Final = 20
MOST_VALUES: Final = 200_000


class SheetRefused(ValueError):
    """The text is not YAML a script can be read from: `line` (from 1), `field`, stable `code`, `reason`."""

    def __init__(self, line: int, field: str, code: str, reason: str) -> None:
        self.line = line
        self.field = field
        self.code = code
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The text's content, and by path (`steps[0].household`) the line each value stands on."""

    content: object
    lines: Mapping[str, int]

    def line(self, path: str) -> int:
        """The line of a value, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]*)$"), list("-0123456789")
)


def read_sheet(text: str) -> Sheet:
    """The plain values of a YAML text: mappings, lists, text, whole numbers, flags, nothing.

    Raises `SheetRefused`: no YAML, a name twice, too deep, too large.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SheetRefused(line, "*", "not-yaml", "不是合法的 YAML，请检查缩进、引号和括号。") from None
    except (yaml.YAMLError, RecursionError):
        raise SheetRefused(1, "*", "not-yaml", "不是合法的 YAML 文本。") from None
    if root is None:
        raise SheetRefused(1, "*", "script-empty", "脚本是空的。")
    lines: dict[str, int] = {}
    return Sheet(_Values(lines).plain(root, "", 0), lines)


class _Values:
    def __init__(self, lines: dict[str, int]) -> None:
        self._lines = lines

    def plain(self, node: yaml.Node, path: str, depth: int) -> object:
        line = node.start_mark.line + 1
        self._lines[path] = line
        if depth > DEEPEST or len(self._lines) > MOST_VALUES:
            raise SheetRefused(line, path, "script-too-large", "嵌套过深或者内容过多。")
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, f"{path}[{n}]", depth + 1) for n, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        return _scalar(node, path, line)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        dot = f"{path}." if path else ""
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise SheetRefused(line, path, "not-a-name", "此处应为“名称: 取值”的对照。")
            name = str(key.value)
            if name in found:
                raise SheetRefused(line, path, "name-twice", "同一名称在此处写了两次。")
            found[name] = self.plain(value, f"{dot}{name}", depth + 1)
        return found


def _scalar(node: yaml.Node, path: str, line: int) -> object:
    match node.tag.rpartition(":")[2]:
        case "str":
            return str(node.value)
        case "null":
            return None
        case "bool" if node.value in ("true", "false"):
            return bool(node.value == "true")
        case "int" if len(node.value) <= 20 and re.fullmatch(r"-?[0-9]+", node.value):
            return int(node.value)
    raise SheetRefused(line, path, "tag-unknown", "此处的 YAML 标记或数字不能识别。")

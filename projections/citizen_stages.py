"""Stages in the family's words (办理环节): where a case can be, and what can have been decided against a family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a case is, in words for the family; `open` while something is still to come."""

    code: str
    words: str
    open: bool = True


_STAGES: Final = (
    Stage("submitted", "已提交申请，等待乡镇（街道）审查材料"),
    Stage("materials-missing", "材料不齐，等待您补充"),
    Stage("materials-complete", "材料已补齐，等待乡镇（街道）受理"),
    Stage("accepted", "已受理，即将调查核实"),
    Stage("investigating", "正在调查核实家庭经济状况"),
    Stage("verified", "调查核实已完成，等待提出审核意见"),
    Stage("opinion-given", "乡镇（街道）已提出审核意见"),
    Stage("on-notice", "正在村（社区）公示"),
    Stage("objected", "公示期间有人提出异议，正在核实"),
    Stage("awaiting-decision", "审核程序已完成，等待审核确认"),
    Stage("under-decision", "正在审核确认"),
    Stage("returned", "县级要求完善材料，乡镇（街道）正在补正"),
    Stage("confirmed", "已确认，纳入救助", open=False),
    Stage("refused", "不予确认", open=False),
    Stage("not-accepted", "不予受理", open=False),
    Stage("withdrawn", "您已撤回申请", open=False),
    Stage("ended", "程序已终止", open=False),
)
STAGES: Final[Mapping[str, Stage]] = {stage.code: stage for stage in _STAGES}
"""Every stage of a case by its code."""

TITLES: Final[Mapping[str, str]] = {
    "non-acceptance": "不予受理",
    "refusal": "不予确认",
    "ended": "终止审核确认程序",
    "reduction": "减发低保金",
    "termination": "终止低保",
}
"""What was decided against the family, in words."""

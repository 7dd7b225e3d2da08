"""Faults (核对发现的问题): what verification finds, each with a stable code, where it is, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

SENTENCES: Final = {
    "digest-mismatch": "事件内容与摘要不符，内容被改动过",
    "event-unreadable": "事件的日期或时间超出范围，内容被改动过",
    "root-mismatch": "事件与已签名的树根不符，其中有事件被改动、增删或调换",
    "sealed-missing": "已封存的事件不见了",
    "position-gap": "位置不连续，事件不见了",
    "version-gap": "版本不连续：应为 {expected}，实为 {found}",
    "recorded-backwards": "记录时间早于同一事件流的上一个事件",
    "wrong-lane": "事件不在其事件流所属的通道",
    "lane-missing": "通道没有计数记录",
    "lane-unknown": "通道号不在 0 至 255 之间",
    "head-mismatch": "通道的计数为 {expected}，最后一个事件的位置为 {found}",
    "stream-missing": "有事件而没有事件流的记录",
    "stream-mismatch": "事件流的记录（版本 {expected}）与其事件（版本 {found}）不符",
    "seal-mismatch": "封存记录与事件不符",
    "node-mismatch": "封存的树节点缺失、多余或与事件不符，事件本身相符",
    "checkpoint-missing": "检查点不见了",
    "checkpoint-malformed": "检查点正文不合格式：{why}",
    "checkpoint-mismatch": "检查点的各列与签名的正文不符：{why}",
    "checkpoint-signature": "检查点不是用本系统的封存密钥签署的",
    "checkpoint-chain": "检查点没有接在上一个之后",
    "checkpoint-shrunk": "检查点的事件数比上一个少",
    "checkpoint-differs": "检查点与见证的不同",
    "keys-missing": "没有封存公钥（seal-*.pub），无法核对签名",
    "witness-missing": "见证处缺少该检查点",
    "witness-malformed": "见证的检查点不可信：{why}",
    "witness-unreadable": "见证文件无法读取：{why}",
}
"""The sentence of every code; the code never changes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing found: its code and where. Positions `position` to `until`, both included, when it is not just one."""

    code: str
    lane: int | None = None
    position: int | None = None
    until: int | None = None
    event: UUID | None = None
    stream: UUID | None = None
    checkpoint: int | None = None
    expected: int | None = None
    found: int | None = None
    why: str | None = None

    @property
    def sentence(self) -> str:
        """Where and what, for people."""
        return f"{self.place}：{SENTENCES[self.code].format(expected=self.expected, found=self.found, why=self.why)}"

    @property
    def place(self) -> str:
        """Where it is, for people."""
        said = []
        if self.lane is not None:
            said.append(f"通道 {self.lane}")
        if self.position is not None:
            until = "" if self.until in (None, self.position) else f" 至 {self.until}"
            said.append(f"位置 {self.position}{until}")
        if self.event is not None:
            said.append(f"事件 {self.event}")
        if self.stream is not None:
            said.append(f"事件流 {self.stream}")
        if self.checkpoint is not None:
            said.append(f"检查点 {self.checkpoint}")
        return " ".join(said) or "全库"

    def to_json(self) -> dict[str, Any]:
        """Code, place and sentence; what does not apply is left out."""
        told = {
            "code": self.code,
            "lane": self.lane,
            "position": self.position,
            "until": self.until,
            "event": None if self.event is None else str(self.event),
            "stream": None if self.stream is None else str(self.stream),
            "checkpoint": self.checkpoint,
            "sentence": self.sentence,
        }
        return {name: value for name, value in told.items() if value is not None}

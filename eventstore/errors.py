"""What the event store refuses: one class a reason, a Chinese sentence, a stable English code; nothing written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.values.refusals import Told

if TYPE_CHECKING:
    from psycopg import Error


class StoreError(Told):
    """事件库未能完成该操作。"""


class VersionConflict(StoreError):
    """该户已有更新的记录(当前版本 {current}，期望版本 {expected})。请刷新后重试。"""

    @property
    def current(self) -> int | None:
        """The stream's version now; None when there is no such stream."""
        current = self.facts.get("current")
        return current if isinstance(current, int) else None


class StreamClosed(StoreError):
    """该事件流已关闭，不能再追加。请到并入后的户办理。"""


class StreamErased(StoreError):
    """该事件流的个人信息已抹除，不能再追加。"""


class UnknownEvent(StoreError):
    """库中有本版本程序不认识的事件“{name}”。请升级程序。"""


class UnsuitableEvent(StoreError):
    """事件“{name}”的字段 {field} 不能存储：{why}。"""


class NaiveTime(StoreError):
    """事件“{name}”的时刻缺少时区。请写明时区，例如 +08:00。"""


class NoPrivateValue(StoreError):
    """事件“{name}”的个人信息字段({kind})既无明文也无密文，不能存储。"""


class WrongKey(StoreError):
    """密钥不符，无法解开个人信息({what})。请检查密钥目录与密钥库是否属于同一套系统。"""


class KeysMissing(WrongKey):
    """缺少密钥文件 {what}，个人信息无法解开。请从密钥文件的备份恢复到密钥目录，切勿另行生成。"""


class KeyRetired(WrongKey):
    """密钥 {what} 已经退役，不能再用来保护新的密钥。请把新版本的密钥文件放到本机密钥目录。"""


class KeyInUse(StoreError):
    """密钥 {what} 仍在使用（{left} 项），不能退役。请先执行 hulian keys rotate。"""


class OwnerUnknown(StoreError):
    """没有这个人员或户的密钥。请核对编号。"""


class ChangedCommand(StoreError):
    """同一请求编号 {command} 已用于内容不同的请求。请换用新的请求编号。"""


class ClaimConflict(StoreError):
    """该对象在同一时期已由他户占用({kind})，不能重复。请先核实，或在原户终止后再办。"""

    @property
    def kind(self) -> str:
        """Which claim: `category`, `identity`, …"""
        return str(self.facts.get("kind"))

    @property
    def key(self) -> UUID | None:
        """What was claimed (a person id); None for an identity, which has no id of its own."""
        key = self.facts.get("key")
        return UUID(str(key)) if key is not None else None

    @property
    def holder(self) -> UUID:
        """Who holds it: the household of a claim, the person of an identity."""
        return UUID(str(self.facts["holder"]))


class PastClaimConflict(ClaimConflict):
    """该人员此后已在另一户取得救助，而每人只保留最近一户的占用，更早的期间有无重复无从核对。确需载明的，请登记不规范事项。"""


class OwnerErased(StoreError):
    """该人员(户)的个人信息已依法抹除，不能再为其保存个人信息。"""


class NotATrial(StoreError):
    """正式库的记录时间以数据库时钟为准，不能指定；只有试验库可以按脚本时间记录。"""


class NoTotalOrder(StoreError):
    """事件库按 256 条通道各自排序，没有全局顺序。请按通道读取(read、read_many)。"""


class BadCall(StoreError):
    """对事件库的调用有误：{why}。"""


class TrialTooLate(StoreError):
    """库中已有事件，不能再改为试验库。请另建新库。"""


_BY_SQLSTATE: dict[str, type[StoreError]] = {
    "HL001": VersionConflict,
    "HL002": StreamClosed,
    "HL003": StreamErased,
    "HL004": ChangedCommand,
    "HL005": ClaimConflict,
    "HL006": NotATrial,
    "HL007": BadCall,
    "HL008": TrialTooLate,
}


def told(error: Error) -> StoreError | None:
    """The store's own refusal behind a database error, None when it is any other error."""
    if error.sqlstate not in _BY_SQLSTATE:
        return None
    detail = error.diag.message_detail
    return refusal(error.sqlstate, json.loads(detail) if detail else {})


def refusal(sqlstate: str, facts: Mapping[str, Any]) -> StoreError:
    """The refusal of a code of the store's own functions, with what they said of it."""
    kind = _BY_SQLSTATE[sqlstate]
    # over before the other begins: lawful perhaps, and beyond what one row a key can tell
    return (PastClaimConflict if kind is ClaimConflict and facts.get("past") else kind)(**facts)

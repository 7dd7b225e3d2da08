"""Issued documents (文书) as values: their kinds, what state keeps of each, and how they may be delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from domain.values.private import Private

DocumentKind = Literal[
    "missing-items-notice",
    "non-acceptance-notice",
    "acceptance-notice",
    "verification-authorisation",
    "home-visit-form",
    "verification-result",
    "public-notice",
    "file-return-notice",
    "extension-notice",
    "approval-form",
    "confirmation-notice",
    "refusal-decision",
    "procedure-end-notice",
    "grace-form",
    "hearing-record",
    "reduction-notice",
    "termination-notice",
    "transfer-notice",
    "delivery-receipt",
]

DOCUMENT_WORDS: Mapping[DocumentKind, str] = {
    "missing-items-notice": "一次性告知书",
    "non-acceptance-notice": "不予受理告知书",
    "acceptance-notice": "受理通知书",
    "verification-authorisation": "家庭经济状况核对授权书",
    "home-visit-form": "入户调查表",
    "verification-result": "核对结果告知书",
    "public-notice": "审核公示单",
    "file-return-notice": "退回补正通知",
    "extension-notice": "延期办理告知书",
    "approval-form": "审核确认审批表",
    "confirmation-notice": "确认通知书",
    "refusal-decision": "不予确认决定书",
    "procedure-end-notice": "终止审核确认程序告知书",
    "grace-form": "渐退审批表",
    "hearing-record": "听取意见笔录",
    "reduction-notice": "减发通知书",
    "termination-notice": "停发通知书",
    "transfer-notice": "转办告知书",
    "delivery-receipt": "文书送达回证",
}
"""What each kind is called on paper."""

DeliveryMethod = Literal[
    "direct", "left-with-witnesses", "mail", "electronic", "proxy", "public-announcement"
]

METHOD_WORDS: Mapping[DeliveryMethod, str] = {
    "direct": "直接送达",
    "left-with-witnesses": "留置送达",
    "mail": "邮寄送达",
    "electronic": "电子送达",
    "proxy": "委托送达",
    "public-announcement": "公告送达",
}

FailureCause = Literal["absent", "refused", "moved", "address-wrong", "returned", "unreachable"]


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One attempt at delivery that failed (未能送达)."""

    on: date
    method: DeliveryMethod
    cause: FailureCause


@dataclass(frozen=True, slots=True)
class IssuedDocument:
    """A document (文书) as far as later steps ask for it.

    `subject` is what it is about: a case, a termination, a grace, the household, or for a delivery receipt
    another document. `step_on` tells which of several alike steps of the subject it certifies.
    """

    id: UUID
    kind: DocumentKind
    number: str
    organ: str
    subject: UUID
    step_on: date | None
    on: date
    replaced: bool = False
    failures: tuple[FailedAttempt, ...] = ()
    delivered_on: date | None = None


@dataclass(frozen=True, slots=True)
class SealedField:
    """One personal value as it stands on the paper, sealed under its own owner."""

    name: str
    value: Private[str]


@dataclass(frozen=True, slots=True)
class Printed:
    """A document as it was numbered, rendered and stored before it is decided on (印制).

    `document` is also the id of the attachment with the rendered bytes, `sha256` (hex) that of its sealed
    bytes. `template` pins the template by its content. `fields` are what stands on the page and is not
    personal; `organ` is whose document it is.
    """

    document: UUID
    number: str
    organ: str
    template: str
    sha256: str
    fields: dict[str, str]
    personal: tuple[SealedField, ...] = ()

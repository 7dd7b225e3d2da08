"""Kinds of duties (待办事项): each with its title, the office that owes it and its limits, in the order of the road."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from domain.categories.roads import codes

Office = Literal["applicant", "village", "township", "county", "bank"]
"""Who has to act: the family, an office by its level, or the bank that pays out."""


@dataclass(frozen=True, slots=True)
class DutyKind:
    """One kind of duty (待办事项): stable code, Chinese title, who acts, and the deadlines that limit it.

    `limits` are deadline codes of the duty's own, one ending in `*` standing for all that begin so; a duty of
    a case that has none running is limited by the case's total.
    """

    code: str
    title: str
    office: Office
    limits: tuple[str, ...] = ()

    def is_limited_by(self, what: str) -> bool:
        """Whether a deadline code is one of the duty's own."""
        return any(
            what.startswith(limit[:-1]) if limit.endswith("*") else what == limit for limit in self.limits
        )


_KINDS: Final = (
    # monitoring and finding
    DutyKind("verify-alert", "入户核实预警", "township", ("DL-ALERT-*",)),
    DutyKind("answer-alert", "反馈预警处置结果", "township", ("DL-ALERT-*",)),
    DutyKind("offer-help", "告知救助政策，协助申请", "township", ("DL-HELP",)),
    # intake
    DutyKind("accept-or-notify", "审查申请材料，受理或者一次性告知", "township", ("DL-ONE-NOTICE",)),
    DutyKind("await-materials", "补齐告知的材料", "applicant", ("DL-SUP",)),
    DutyKind("accept", "材料已补齐，办理受理", "township"),
    # verification
    DutyKind("start-investigation", "启动家庭经济状况调查", "township", codes("investigate")),
    DutyKind("request-verification", "提请信息核对", "township"),
    DutyKind("start-verification", "启动信息核对", "county", codes("check")),
    DutyKind("report-verification", "出具核对报告", "county"),
    DutyKind("visit-home", "入户调查", "township"),
    DutyKind("tell-result", "告知核对结果", "township", codes("tell")),
    DutyKind("recheck", "复查核对结果", "township", ("DL-OBJ-CHK",)),
    # classification
    DutyKind("give-opinion", "提出审核意见", "township"),
    DutyKind("post-notice", "张榜公示", "township"),
    DutyKind("close-notice", "公示期满，登记公示结果", "township", codes("notice")),
    DutyKind("inquire", "公示有异议：重新调查或者民主评议", "township"),
    DutyKind("send-file", "报送审核材料", "township", codes("send")),
    # decision
    DutyKind("mend-file", "补正退回的材料并重新报送", "township", codes("mend")),
    DutyKind("receive-file", "登记收到重新报送的材料", "county"),
    DutyKind("visit-home-county", "县级入户调查", "county", codes("decide")),
    DutyKind("decide", "审核确认，作出决定", "county", codes("decide")),
    DutyKind("decide-delegated", "受委托作出审核确认决定", "township"),
    DutyKind("deliver-notice", "送达决定文书", "township", (*codes("notify"), "DL-NAC")),
    DutyKind("deliver-document", "送达其他文书", "township"),
    DutyKind("publish-confirmation", "公布确认结果", "township"),
    # supervision
    DutyKind("answer-complaint", "核查处理投诉举报并反馈", "county", ("DL-CMP-ANS",)),
    DutyKind("check-sample", "抽查核实", "county", ("DL-SMP-CHK",)),
    DutyKind("answer-suspicion", "查清疑点并处置", "county", ("DL-IRR-CHK",)),
    # benefit
    DutyKind("pay-temporary-aid", "安排发放临时救助", "county", ("DL-TMP-QUICK",)),
    DutyKind("confirm-payment", "答复发放结果", "bank"),
    DutyKind("order-again", "核对退回原因，重新安排发放", "county"),
    # review
    DutyKind("check-change", "核查报告的家庭变化", "township"),
    DutyKind("recertify", "定期核查", "township", ("DL-REC-*",)),
    DutyKind("adjust-after-death", "成员死亡后核定待遇", "county", ("DL-DTH",)),
    DutyKind("take-over-file", "接收跨县迁入家庭的档案", "county", ("DL-MOV",)),
    DutyKind("adjust-after-change", "家庭变动后核定待遇", "county", ("DL-CHG",)),
    DutyKind("adjust-after-check", "按核查结果核定待遇", "county"),
    DutyKind("decide-after-check", "按核查结果决定渐退或者停发", "county"),
    DutyKind("decide-after-grace", "渐退期届满前作出决定", "county", ("DL-GRC",)),
    # transfer
    DutyKind("start-transfer", "启动转办程序", "township"),
)
DUTY_KINDS: Final[Mapping[str, DutyKind]] = {step.code: step for step in _KINDS}
"""Every kind of duty by its code, in the order of the story."""

TOTALS: Final = codes("total", "total-delegated", "total-extended")
"""The deadlines that limit a case as a whole, and so every duty of it without one of its own."""

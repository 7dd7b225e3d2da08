"""The steps somebody owes (待办事项): every kind of duty, with title, office and limits, as the story goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.clock.duty import Step

_STEPS: Final = (
    # monitoring and finding
    Step("verify-alert", "入户核实预警", "township", ("DL-ALERT-*",)),
    Step("answer-alert", "反馈预警处置结果", "township", ("DL-ALERT-*",)),
    Step("offer-help", "告知救助政策，协助申请", "township", ("DL-HELP",)),
    # intake
    Step("accept-or-notify", "审查申请材料，受理或者一次性告知", "township", ("DL-ONE-NOTICE",)),
    Step("await-materials", "补齐告知的材料", "applicant", ("DL-SUP",)),
    Step("accept", "材料已补齐，办理受理", "township"),
    # verification
    Step("start-investigation", "启动家庭经济状况调查", "township", ("DL-DIB-INV",)),
    Step("request-verification", "提请信息核对", "township"),
    Step("start-verification", "启动信息核对", "county", ("DL-DIB-CHK",)),
    Step("report-verification", "出具核对报告", "county"),
    Step("visit-home", "入户调查", "township"),
    Step("tell-result", "告知核对结果", "township", ("DL-DIB-TELL",)),
    Step("recheck", "复查核对结果", "township", ("DL-OBJ-CHK",)),
    # classification
    Step("give-opinion", "提出审核意见", "township"),
    Step("post-notice", "张榜公示", "township"),
    Step("close-notice", "公示期满，登记公示结果", "township", ("DL-DIB-NOT",)),
    Step("inquire", "公示有异议：重新调查或者民主评议", "township"),
    Step("send-file", "报送审核材料", "township", ("DL-DIB-SND",)),
    # decision
    Step("mend-file", "补正退回的材料并重新报送", "township", ("DL-DIB-RTN",)),
    Step("receive-file", "登记收到重新报送的材料", "county"),
    Step("visit-home-county", "县级入户调查", "county", ("DL-DIB-CTY",)),
    Step("decide", "审核确认，作出决定", "county", ("DL-DIB-CTY",)),
    Step("decide-delegated", "受委托作出审核确认决定", "township"),
    Step("deliver-notice", "送达决定文书", "township", ("DL-DIB-REF", "DL-NAC")),
    Step("deliver-document", "送达其他文书", "township"),
    Step("publish-confirmation", "公布确认结果", "township"),
    # supervision
    Step("answer-complaint", "核查处理投诉举报并反馈", "county", ("DL-CMP-ANS",)),
    Step("check-sample", "抽查核实", "county", ("DL-SMP-CHK",)),
    Step("answer-suspicion", "查清疑点并处置", "county", ("DL-IRR-CHK",)),
    # benefit
    Step("pay-temporary-aid", "安排发放临时救助", "county", ("DL-TMP-QUICK",)),
    Step("confirm-payment", "答复发放结果", "bank"),
    Step("order-again", "核对退回原因，重新安排发放", "county"),
    # review
    Step("check-change", "核查报告的家庭变化", "township"),
    Step("recertify", "定期核查", "township", ("DL-REC-*",)),
    Step("adjust-after-death", "成员死亡后核定待遇", "county", ("DL-DTH",)),
    Step("take-over-file", "接收跨县迁入家庭的档案", "county", ("DL-MOV",)),
    Step("adjust-after-change", "家庭变动后核定待遇", "county", ("DL-CHG",)),
    Step("adjust-after-check", "按核查结果核定待遇", "county"),
    Step("decide-after-check", "按核查结果决定渐退或者停发", "county"),
    Step("decide-after-grace", "渐退期届满前作出决定", "county", ("DL-GRC",)),
    # transfer
    Step("start-transfer", "启动转办程序", "township"),
)
STEPS: Final[Mapping[str, Step]] = {step.code: step for step in _STEPS}
"""Every kind of duty by its code, in the order of the story."""

TOTALS: Final = ("DL-DIB-TOT", "DL-DIB-DEL", "DL-DIB-EXT")
"""The deadlines that limit a case as a whole, and so every duty of it without one of its own."""

"""Words of the audit page (审计用语): what rules, their inputs and the fields of facts are called there."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from application.describing.labels import FIELDS
from application.documents.chinese import amount, papers
from application.documents.document_labels import word

RULE_WORDS: Final[Mapping[str, str]] = {
    "income.annual": "家庭年收入",
    "income.per-capita-month": "月人均收入",
    "marginal.line": "低保边缘家庭收入线",
    "marginal.is-below-line": "月人均收入低于边缘线",
    "dibao.is-below-standard": "月人均收入低于低保标准",
    "dibao.gap-benefit": "补差金额",
    "decision.delegated": "可以下放确认",
    "sampling.is-drawn": "是否抽中",
    "grace.within-band": "收入在渐退幅度之内",
    "exit.hearing": "已听取意见，可以减停",
    "temporary.urgent-needs-notice": "急难型救助须先公示",
}
"""Every rule a receipt may name."""

INPUT_WORDS: Final[Mapping[str, str]] = {
    "allowed": "当地准许下放",
    "annual": "年收入",
    "asked": "当地要求公示",
    "heard": "已听取",
    "line": "收入线",
    "members": "人数",
    "monthly": "按月收入合计",
    "monthly_wages": "其中按月工资",
    "paper": "下放文件",
    "ratio": "抽查比例",
    "required": "当地要求听取",
    "seed": "批次",
    "standard": "低保标准",
    "step": "取整单位",
    "subject": "编号",
    "times": "倍数",
    "wage_deduction": "就业成本扣减比例",
    "yearly": "按年收入合计",
    "yearly_wages": "其中按年工资",
}
"""What the rules are given."""

_FIELDS: Final[Mapping[str, str]] = {
    "account": "发放账户",
    "address": "住址",
    "adjustment": "调整编号",
    "affected": "所涉决定",
    "after": "办理之后",
    "aid": "救助编号",
    "alert": "预警编号",
    "alerts": "预警",
    "annual": "年收入",
    "assessment": "核定",
    "attachment": "附件",
    "benefit": "待遇编号",
    "business": "经营",
    "by": "由谁",
    "carried": "随带",
    "case": "办理编号",
    "complaint": "投诉编号",
    "consented_by": "同意人",
    "corrects": "更正的事件",
    "death": "死亡登记",
    "document": "文书编号",
    "during": "办理期间",
    "dwellings": "住房套数",
    "elsewhere": "他处",
    "extension": "延长编号",
    "fen": "金额",
    "fields": "文书所载",
    "financial": "金融资产",
    "findings": "结论",
    "floor_area": "面积",
    "grace": "渐退编号",
    "guardian": "监护人",
    "handing": "移交",
    "heard": "被听取人",
    "hits": "查到的情况",
    "income": "收入",
    "into": "并入的户",
    "investigators": "入户人员",
    "irregular": "不规范记录编号",
    "legal_basis": "文书依据",
    "line": "收入线",
    "minutes": "记录",
    "note": "说明",
    "objection": "异议编号",
    "officer": "工作人员",
    "officers": "工作人员",
    "organ": "机关",
    "origin": "来源",
    "payment": "发放编号",
    "per_capita": "月人均收入",
    "period": "期间",
    "periods": "期间",
    "person": "人员",
    "personal": "个人信息",
    "persons": "人员",
    "phone": "电话",
    "property": "财产",
    "proposer": "提出人",
    "raised_on": "下发日期",
    "merged_on": "合并日期",
    "verified_on": "核实日期",
    "reasons": "理由",
    "received_by": "签收人",
    "recipient": "代收人",
    "recorder": "记录人",
    "remedy": "救济途径",
    "replaces": "替换的文书",
    "run": "发放批次",
    "sample": "抽查编号",
    "sha256": "密文摘要",
    "signed_by": "签字人",
    "sources": "核对来源",
    "spending": "支出",
    "standard": "低保标准",
    "statement": "意见",
    "subject": "所涉编号",
    "suspicion": "疑点编号",
    "template": "版式",
    "tenure": "住房性质",
    "termination": "停发编号",
    "text": "内容",
    "vehicles": "车辆数",
    "why": "更正原因",
    "witnesses": "见证人",
}

PRIVATE_WORDS: Final[Mapping[str, str]] = {
    "name": "姓名",
    "id-number": "身份证号",
    "phone": "电话",
    "account": "账户",
    "address": "住址",
    "text": "文字",
}
"""What sort of value is sealed."""

_MONEY: Final = frozenset(
    {
        "annual",
        "fen",
        "financial",
        "line",
        "overpaid",
        "per_capita",
        "standard",
        "step",
        "was",
    }
)
_AMOUNTS: Final = frozenset({"monthly", "monthly_wages", "yearly", "yearly_wages"})
_RATIOS: Final = frozenset({"ratio", "times", "wage_deduction"})
_MONEY_RULES: Final = frozenset(
    {"income.annual", "income.per-capita-month", "marginal.line", "dibao.gap-benefit"}
)


def field_word(name: str) -> str:
    """What a field of a fact is called; its own name where nobody has said yet."""
    return FIELDS.get(name) or _FIELDS.get(name) or name


def value_word(name: str, value: object) -> str:
    """A plain value of a fact or of a rule's input as people read it."""
    if name in _MONEY:
        money = _money(value)
        if money is not None:
            return money
    if name in _AMOUNTS and isinstance(value, list):
        return "、".join(value_word("fen", each) for each in value) or "无"
    if name in _RATIOS and _is_ratio(value):
        assert isinstance(value, list)
        return str(Fraction(*value))
    if isinstance(value, bool):
        return "是" if value else "否"
    if value is None:
        return "无"
    if isinstance(value, list):
        return "、".join(value_word("", each) for each in value)
    if isinstance(value, dict) and set(value) == {"first", "last"}:
        return f"{value['first']} 至 {value['last']}"
    return word(str(value))


def result_word(rule: str, value: object) -> str:
    """What a rule answered, as people read it."""
    return value_word("fen" if rule in _MONEY_RULES else "", value)


def basis_words(cited: str) -> str:
    """Citations as papers and articles (`《…》第三十三条`); as they stand where a place has papers of its own."""
    try:
        return "；".join(papers(cited))
    except (KeyError, ValueError, IndexError):
        return cited


def _money(value: Any) -> str | None:
    if _is_ratio(value):
        numerator, denominator = value
        if numerator % denominator:
            return f"{amount(numerator // denominator)}又 {numerator % denominator}/{denominator} 分"
        return amount(numerator // denominator)
    return amount(value) if type(value) is int else None


def _is_ratio(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(each) is int for each in value)
        and value[1] > 0
    )

"""What the fields of commands mean (字段说明), and examples where the generated ones would not do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "about": "听取的是减发还是停发的意见",
        "account": "发放账户（加密保存）",
        "address": "住址（加密保存）",
        "applicant": "申请人，须为该户成员",
        "category": "申请认定的类别",
        "cause": "原因",
        "channel": "申请渠道",
        "code": "预警指标代码，例如 E-EXP-01",
        "delegated": "县级是否已将确认权限下放到乡镇（街道）",
        "delegated_by": "由乡镇（街道）确认时，委托或下放文件的名称",
        "eligible": "核对结论是否符合条件",
        "fen": "金额：整数分，或写成“5537 元”",
        "from_month": "自哪个月起停发；不填即下月",
        "given": "是否同意",
        "ground": "理由",
        "guardian": "代为签字的监护人，须已本人签署",
        "heard": "被听取意见的成员",
        "hits": "各数据源查到的收入或财产",
        "housing": "住房情况（加密保存）",
        "income": "收入项目；不填即沿用已有的",
        "interval": "核查周期；不填按家庭情况确定",
        "investigators": "入户人员，至少两名",
        "items": "材料名称",
        "kind": "种类",
        "level": "预警等级",
        "members": "共同生活家庭成员，其中户主一名",
        "month": "所属月份；不填即办理日所在月",
        "months": "渐退期起止月份，均含在内；不填按当地规定",
        "need": "是否确有困难",
        "note": "说明（加密保存）",
        "on": "办理日期",
        "outcome": "处置结果",
        "person": "所涉成员",
        "persons": "签署授权的成员",
        "phone": "联系电话（加密保存）",
        "promised": "是否已书面承诺材料真实完整",
        "property": "财产情况（加密保存）",
        "provisional": "是否为身份未明的临时户",
        "reasons": "理由（加密保存）",
        "received_by": "签收人，须为该户成员",
        "region": "所在村（社区）的十二位区划代码",
        "relatives": "是否属近亲属备案对象",
        "run": "发放批次编号",
        "signed_by": "在调查表上签字的家庭成员",
        "sources": "已核对的数据源",
        "spending": "刚性支出项目",
        "statement": "意见内容（加密保存）",
        "substitute": "依法未能听取意见的情形",
        "by_promise": "以书面承诺代替材料",
        "to": "转入的类别",
        "type": "临时救助类型",
        "what": "期限代码，例如 DL-DIB-INV",
    }
)

_OWN: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("grant-temporary-aid", "cause"): "困难原因（加密保存）",
        ("grant-grace", "cause"): "渐退情形，须为当地规定的情形",
        ("grant-grace", "ground"): "超过通常期限的理由（加密保存）",
        ("end-procedure", "cause"): "终止程序的情形",
        ("return-payment", "cause"): "退回原因",
        ("settle-payment", "month"): "所属月份；不填即最早一笔未到账的",
        ("return-payment", "month"): "所属月份；不填即最早一笔未到账的",
        ("give-opinion", "income"): "调查认定的收入；不填即按申报收入",
        ("apply", "income"): "申报的收入项目",
        ("recertify", "income"): "核查认定的收入；不填即与上次相同",
        ("register-household", "members"): "共同生活家庭成员，其中户主一名；key 为自用的人员代号",
        ("notify-missing-items", "items"): "需要补充的全部材料，一次告知",
        ("supplement-materials", "items"): "已补充的材料",
    }
)

EXAMPLES: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "register-household": {
            "region": "370786101215",
            "members": [
                {"key": "A1", "name": "于某", "relation": "head", "id_number": "990101197304120013"},
                {
                    "key": "A2",
                    "name": "于某某",
                    "relation": "daughter",
                    "birth": "2001-09-03",
                    "student": True,
                },
            ],
        },
        "raise-alert": {"code": "E-EXP-01", "person": "A1", "fen": "70000 元"},
        "verify-alert": {"investigators": ["w1", "w2"]},
        "apply": {"income": [{"kind": "wage", "period": "monthly", "fen": "400 元", "person": "A1"}]},
        "notify-missing-items": {"items": ["住院费用发票"]},
        "supplement-materials": {"items": ["住院费用发票"]},
        "authorise-verification": {"persons": ["A1", "A2"]},
        "report-verification": {"sources": ["bank", "vehicle", "real-estate"]},
        "visit-home": {"investigators": ["w1", "w2"], "signed_by": "A1"},
        "end-procedure": {"reasons": "经两次书面通知仍未签署核对授权"},
        "refuse-application": {"reasons": "家庭人均收入高于保障标准"},
        "grant-temporary-aid": {"cause": "住院自付费用过高"},
        "grant-grace": {"months": {"first": "2026-08", "last": "2027-01"}},
        "recertify": {"income": [{"kind": "wage", "period": "monthly", "fen": "2080 元", "person": "A1"}]},
        "hear-opinion": {"heard": "A1", "statement": "同意"},
        "terminate-benefit": {"reasons": "就业后人均收入高于保障标准"},
        "note-missed-deadline": {"what": "DL-DIB-INV"},
    }
)
"""Fields that stand in an example beside, or instead of, the generated required ones."""


def words_for(command: str, field: str) -> str:
    """What a field of a command means, in Chinese; empty when nobody has said yet."""
    return _OWN.get((command, field)) or _WORDS.get(field, "")

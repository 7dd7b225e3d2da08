"""Words on paper (文书用词): what codes are called on a page people keep, where that differs from the glossary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from application.describing.labels import VALUES

_WORDS: Final[Mapping[str, str]] = {
    "male": "男",
    "female": "女",
    "none": "无",
    "partial": "部分",
    "full": "有",
    "wage": "工资性收入",
    "business": "经营净收入",
    "property": "财产净收入",
    "transfer": "转移净收入",
    "monthly": "每月",
    "yearly": "每年",
    "medical": "医疗",
    "education": "教育",
    "rehabilitation": "康复",
    "housing": "住房",
    "owned": "自有",
    "rented": "租住",
    "public": "公租房",
    "borrowed": "借住",
    "bank": "银行存款",
    "vehicle": "车辆",
    "real-estate": "不动产",
    "tax": "税务",
    "social-insurance": "社会保险",
    "business-registration": "工商登记",
    "securities": "证券",
    "window": "窗口申请",
    "online": "网上申请",
    "village": "村（社区）代为提交",
    "income-above-standard": "家庭人均收入不低于规定的标准",
    "property-above-limit": "家庭财产超过规定的限额",
    "not-a-household": "所报人员不属于共同生活的家庭成员",
    "false-statement": "申报情况与事实不符",
    "authorisation-refused": "拒绝授权核对家庭经济状况",
    "not-cooperating": "无正当理由拒绝配合调查",
    "death": "对象死亡",
    "own-industry": "自主发展产业",
    "termination": "停发",
    "half-yearly": "每半年",
    "unreachable": "下落不明",
    "extension:notice-objected": "公示有异议",
    "extension:person-apart": "人户分离",
    "extension:applied-elsewhere": "异地申请",
    "extension:difficult-investigation": "家庭经济状况调查难度较大",
    "extension:other": "其他特殊情况",
    "township": "乡镇（街道）",
    "county": "县级",
}


def word(code: str) -> str:
    """What a code is called; the code itself where it has no word (a local cause, a source's own name)."""
    return _WORDS.get(code) or VALUES.get(code, code)

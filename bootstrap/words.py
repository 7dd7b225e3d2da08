"""The words of the field (用语): what codes are called when people read them."""

from __future__ import annotations

from collections.abc import Mapping

from domain.money import yuan

FIELDS: Mapping[str, str] = {
    "about": "事项",
    "approves": "拟确认",
    "assumed": "暂定日历",
    "by_promise": "以承诺代替",
    "category": "类别",
    "cause": "原因",
    "channel": "渠道",
    "code": "指标",
    "cycle": "轮次",
    "day": "期限",
    "delegated": "下放确认",
    "eligible": "符合条件",
    "eligible_for": "可享专项救助",
    "finding": "结论",
    "first": "首发月",
    "from_month": "自",
    "given": "同意",
    "ground": "事由",
    "interval": "核查周期",
    "kind": "种类",
    "last": "末月",
    "level": "级别",
    "long": "超过通常期限",
    "members": "人数",
    "month": "月份",
    "months": "期间",
    "need": "确有困难",
    "notice": "文书",
    "outcome": "结果",
    "provisional": "临时户",
    "area": "城乡",
    "relation": "关系",
    "relatives": "近亲属备案",
    "reviewed_on": "沿用核查",
    "start": "自",
    "substitute": "未听取的法定情形",
    "to": "转入",
    "type": "类型",
    "watch": "监测标识",
    "what": "期限",
}

ANSWERS = frozenset({"approves", "eligible", "given", "need"})
"""Facts whose "no" is worth saying."""

VALUES: Mapping[str, str] = {
    "TEKUN": "特困人员",
    "DIBAO": "低保",
    "DIBAO_SINGLE": "单人保",
    "MARGINAL": "低保边缘家庭",
    "RIGID": "刚性支出困难家庭",
    "OTHER": "其他困难",
    "TEMPORARY": "临时救助",
    "GRACE": "渐退期",
    "EXITED": "已退出",
    "REFUSED": "申请未获确认",
    "RELAPSE_MONITORING": "防止返贫监测对象",
    "LIFTED_OUT": "脱贫人口",
    "RED": "红色",
    "ORANGE": "橙色",
    "YELLOW": "黄色",
    "BLUE": "蓝色",
    "urban": "城镇",
    "rural": "农村",
    "window": "窗口",
    "online": "网上",
    "village": "村（社区）代办",
    "agent": "委托代理",
    "active-finding": "主动发现",
    "head": "户主",
    "spouse": "配偶",
    "son": "子",
    "daughter": "女",
    "child": "子女",
    "parent": "父母",
    "sibling": "兄弟姐妹",
    "grandparent": "祖父母（外祖父母）",
    "grandchild": "孙子女（外孙子女）",
    "other": "其他",
    "false-positive": "误报",
    "already-aided": "已在救助",
    "policy-informed-declined": "已告知政策，本人不申请",
    "application-started": "已启动申请",
    "temporary-aid": "已给予临时救助",
    "referred": "已转介",
    "adjusted": "已调整",
    "terminated": "已终止",
    "authorisation-refused": "拒绝授权核对",
    "not-cooperating": "不配合调查",
    "income-above-standard": "收入超过标准",
    "property-above-limit": "财产超过限额",
    "not-a-household": "不属于共同生活家庭",
    "false-statement": "虚假陈述",
    "own-request": "本人申请",
    "death": "死亡",
    "death-without-survivors": "死亡且无其他成员",
    "unreachable": "多次联系不上",
    "employment": "就业",
    "own-industry": "自主产业",
    "income": "收入",
    "property": "财产",
    "residence": "住所",
    "half-yearly": "半年",
    "yearly": "一年",
    "unchanged": "无变化",
    "less": "收入减少",
    "more": "收入增加",
    "above-standard": "收入达到或超过标准",
    "urgent": "急难型",
    "expenditure": "支出型",
    "termination": "终止",
    "reduction": "减发",
    "refusal": "不予确认决定书",
    "account-closed": "账户已注销",
    "account-wrong": "账户有误",
    "payee-dead": "收款人死亡",
    "bank-error": "银行差错",
    "medical": "医疗救助",
    "education": "教育救助",
    "housing": "住房救助",
    "rehabilitation": "残疾康复",
}
"""Codes of closed lists; `members`, `watch` and the like are field names too and stand above."""

_MEMBERS_CHANGED = {"members": "家庭成员", "watch": "列入监测"}


def fact(name: str, value: object) -> str:
    """One fact as people read it: `fen` as yuan, months as a span, codes by their word."""
    if name == "fen" and isinstance(value, int):
        return f"{yuan(value)} 元"
    said = word(value)
    if value is True:
        return FIELDS.get(name, name)
    return f"{FIELDS.get(name, name)} {said}"


def word(value: object) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dict) and set(value) == {"first", "last"}:
        return f"{value['first']} 至 {value['last']}"
    if isinstance(value, list):
        return "、".join(word(each) for each in value)
    text = str(value)
    return VALUES.get(text) or _MEMBERS_CHANGED.get(text) or text

"""What deadlines are called (期限名称) when people read them; their length and ground stand in the packs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DEADLINE_WORDS: Final[Mapping[str, str]] = {
    # monitoring and finding
    "DL-ALERT-R": "红色预警核实处置",
    "DL-ALERT-O": "橙色预警核实处置",
    "DL-ALERT-Y": "黄色预警核实处置",
    "DL-ALERT-B": "蓝色预警核实处置",
    "DL-HELP": "主动发现后告知政策、协助申请",
    "DL-MON-ID": "返贫线索识别",
    "DL-MON-NOT": "监测对象村内公示",
    # intake
    "DL-ONE-NOTICE": "材料不齐一次性告知",
    "DL-SUP": "补齐材料",
    "DL-NAC": "不予受理的书面告知",
    # the road of Dibao
    "DL-DIB-INV": "启动家庭经济状况调查",
    "DL-DIB-CHK": "启动信息核对",
    "DL-DIB-TELL": "告知核对结果",
    "DL-OBJ-CHK": "复查核对结果",
    "DL-DIB-NOT": "初审公示",
    "DL-DIB-SND": "报送县级",
    "DL-DIB-RTN": "补正退回的材料并重新报送",
    "DL-DIB-CTY": "县级审核确认",
    "DL-DIB-REF": "不予确认的书面告知",
    "DL-DIB-TOT": "审核确认的总期限",
    "DL-DIB-DEL": "下放乡镇（街道）审核确认的总期限",
    "DL-DIB-EXT": "延长后的总期限",
    # changes, review, grace
    "DL-DTH": "成员死亡后核定待遇",
    "DL-CHG": "家庭变动后核定待遇",
    "DL-MOV": "接收跨县迁入家庭的档案",
    "DL-REC-HALF": "每半年定期核查",
    "DL-REC-YEAR": "每年定期核查",
    "DL-GRC": "渐退期",
    "DL-GRC-WARN": "渐退期届满提醒",
    # other roads
    "DL-TEK-INV": "特困调查核实和初审",
    "DL-TEK-NOT": "特困初审公示",
    "DL-TEK-OBJ": "特困公示有异议后重新初审",
    "DL-TEK-CTY": "特困县级审核确认",
    "DL-TEK-REF": "特困不予同意的书面告知",
    "DL-TEK-CARE": "生活自理能力复核评估",
    "DL-TEK-END": "拟终止供养公示",
    "DL-TEK-END-OBJ": "拟终止有异议后作出决定",
    "DL-TEK-REC": "特困每年核查",
    "DL-RIG-TOT": "刚性支出困难家庭认定",
    "DL-RIG-EXT": "刚性支出困难家庭认定（延长）",
    "DL-RIG-VAL": "刚性支出困难家庭有效期",
    "DL-TMP-QUICK": "小额快救支付",
    "DL-REF-FB": "转介反馈",
    # supervision and remedy
    "DL-CMP-ANS": "投诉举报核查反馈",
    "DL-SMP-CHK": "抽查核实",
    "DL-IRR-CHK": "查清疑点并处置",
    "DL-FXS-FILE": "申请行政复议",
    "DL-FXS-ACC": "行政复议审查受理",
    "DL-FXS-COPY": "行政复议送达副本",
    "DL-FXS-REPLY": "行政复议书面答复",
    "DL-FXS-DEC": "行政复议决定",
    "DL-FXS-EXT": "行政复议决定延长",
    "DL-XSL-FILE": "提起行政诉讼",
    # data shared between departments
    "DL-GDS-UNC": "无条件共享申请的答复",
    "DL-GDS-CON": "有条件共享申请的答复",
    "DL-GDS-PROV": "同意共享后提供数据",
    "DL-GDS-CORR": "数据校核请求的处理",
}


def deadline_word(code: str) -> str:
    """What a deadline is called; the code itself where a place has one of its own."""
    return DEADLINE_WORDS.get(code, code)

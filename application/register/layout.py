"""The register's layout (登记册版式): sheets, columns and words, the one place template and reader share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from application.register.rows import Channel, ExpenditureKind, Side, Tenure
from domain.values.assessment import IncomeKind, Period
from domain.values.person import DisabilityKind, Relation, Sex, WorkCapacity

C = TypeVar("C")

CellKind = Literal["text", "number", "code", "date", "amount", "count", "choice"]
"""`number`: a local number; `code`: digits that must never become a number; `amount`: yuan."""


@dataclass(frozen=True, slots=True)
class Choice(Generic[C]):
    """One word of a drop-down list, what it means to us, and other words people write for it."""

    code: C
    word: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `width` in characters; a required cell may not be empty; `help` and `example` for 说明."""

    key: str
    header: str
    kind: CellKind
    width: int
    help: str
    example: str
    required: bool = False
    choices: tuple[Choice[Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, what one row is, and its columns in order."""

    name: str
    row_is: str
    columns: tuple[Column, ...]


CHANNELS: tuple[Choice[Channel], ...] = (
    Choice("window", "窗口", ("窗口申请", "现场")),
    Choice("online", "网上", ("线上", "网上申请")),
    Choice("village", "村（社区）代办", ("村代办", "社区代办", "村居代办", "代办")),
    Choice("agent", "委托他人", ("委托", "委托申请")),
)
TENURES: tuple[Choice[Tenure], ...] = (
    Choice("owned", "自有", ("自建", "自购", "自有住房")),
    Choice("rented", "租赁", ("租房", "租住")),
    Choice("public", "公租房", ("公租", "廉租房")),
    Choice("borrowed", "借住", ("寄住",)),
    Choice("none", "无房", ("无",)),
    Choice("other", "其他"),
)
RELATIONS: tuple[Choice[Relation], ...] = (
    Choice("head", "本人", ("申请人", "申请人本人")),
    Choice("spouse", "配偶", ("妻子", "妻", "丈夫", "夫")),
    Choice("son", "儿子", ("子", "长子", "次子", "独子")),
    Choice("daughter", "女儿", ("女", "长女", "次女", "独女")),
    Choice("child", "子女", ("养子", "养女", "继子", "继女")),
    Choice("parent", "父母", ("父亲", "母亲", "父", "母")),
    Choice("sibling", "兄弟姐妹", ("兄", "弟", "姐", "妹", "哥哥", "弟弟", "姐姐", "妹妹")),
    Choice("grandparent", "祖父母", ("外祖父母", "祖父", "祖母", "外祖父", "外祖母", "爷爷", "奶奶")),
    Choice("grandchild", "孙子女", ("外孙子女", "孙子", "孙女", "外孙", "外孙女")),
    Choice("other", "其他"),
)
SEXES: tuple[Choice[Sex], ...] = (Choice("male", "男", ("男性",)), Choice("female", "女", ("女性",)))
DISABILITY_KINDS: tuple[Choice[DisabilityKind | Literal["none"]], ...] = (
    Choice("none", "无", ("否",)),
    Choice("visual", "视力", ("视力残疾",)),
    Choice("hearing", "听力", ("听力残疾",)),
    Choice("speech", "言语", ("言语残疾", "语言")),
    Choice("physical", "肢体", ("肢体残疾",)),
    Choice("intellectual", "智力", ("智力残疾",)),
    Choice("mental", "精神", ("精神残疾",)),
    Choice("multiple", "多重", ("多重残疾",)),
)
GRADES: tuple[Choice[Literal[0, 1, 2, 3, 4]], ...] = (
    Choice(0, "无", ("否",)),
    Choice(1, "一级", ("1级", "1", "一")),
    Choice(2, "二级", ("2级", "2", "二")),
    Choice(3, "三级", ("3级", "3", "三")),
    Choice(4, "四级", ("4级", "4", "四")),
)
WORK_CAPACITIES: tuple[Choice[WorkCapacity], ...] = (
    Choice("none", "无", ("无劳动能力", "丧失劳动能力")),
    Choice("partial", "部分", ("部分丧失", "半劳动能力", "部分劳动能力")),
    Choice("full", "有", ("正常", "有劳动能力", "完全")),
)
YES_NO: tuple[Choice[bool], ...] = (Choice(True, "是", ("有", "√")), Choice(False, "否", ("无", "×")))
ITEM_KINDS: tuple[Choice[tuple[Side, IncomeKind | ExpenditureKind]], ...] = (
    Choice(("income", "wage"), "工资性收入", ("工资收入", "工资", "务工收入")),
    Choice(("income", "business"), "经营净收入", ("经营性收入", "经营收入")),
    Choice(("income", "property"), "财产净收入", ("财产性收入", "财产收入")),
    Choice(("income", "transfer"), "转移净收入", ("转移性收入", "转移收入")),
    Choice(("income", "other"), "其他收入"),
    Choice(("expenditure", "medical"), "医疗支出", ("医疗费", "医疗费用")),
    Choice(("expenditure", "education"), "教育支出", ("教育费", "教育费用")),
    Choice(("expenditure", "rehabilitation"), "残疾康复支出", ("康复支出", "残疾人康复支出")),
    Choice(("expenditure", "housing"), "住房支出", ("房租", "租房支出")),
    Choice(("expenditure", "other"), "其他支出"),
)
PERIODS: tuple[Choice[Period], ...] = (
    Choice("monthly", "每月", ("月", "按月", "月度")),
    Choice("yearly", "每年", ("年", "按年", "年度")),
)

_HOUSEHOLD_NUMBER = Column(
    "household", "户编号", "number", 10, "本镇自编号，一户一号，三张表用同一编号。", "001", required=True
)

HOUSEHOLDS = Sheet(
    "家庭",
    "一户一行",
    (
        _HOUSEHOLD_NUMBER,
        Column("applicant", "申请人姓名", "text", 12, "须与“成员”表中“本人”一致。", "于小满", required=True),
        Column(
            "applicant_id",
            "申请人身份证号",
            "code",
            22,
            "可不填；填写则须与“成员”表一致。",
            "990801197304120011",
        ),
        Column("region", "区划代码", "code", 16, "村（社区）12位区划代码。", "990801100201", required=True),
        Column("address", "详细地址", "text", 30, "村组、路名、门牌号。", "3组12号", required=True),
        Column("channel", "申请渠道", "choice", 15, "从下拉列表选择。", "窗口", True, CHANNELS),
        Column("applied_on", "申请日期", "date", 13, "不得晚于今天。", "2026-07-01", required=True),
        Column("tenure", "住房性质", "choice", 10, "从下拉列表选择。", "自有", True, TENURES),
        Column("dwellings", "住房套数", "count", 9, "名下住房套数，没有填0。", "1", required=True),
        Column("area", "建筑面积（平方米）", "amount", 18, "可不填，最多两位小数。", "86.5"),
        Column(
            "financial",
            "金融资产（元）",
            "amount",
            15,
            "全家存款、证券等合计，没有填0。",
            "3200",
            required=True,
        ),
        Column(
            "vehicles",
            "机动车（辆）",
            "count",
            12,
            "不含残疾人代步车、电动自行车，没有填0。",
            "0",
            required=True,
        ),
        Column("business", "经营登记", "choice", 9, "名下有无个体户或公司登记。", "否", True, YES_NO),
        Column("property_note", "财产说明", "text", 24, "可不填。", ""),
        Column("bank", "开户行", "text", 20, "可不填；与银行账号同填同缺。", "示范县农村信用社"),
        Column("account", "银行账号", "code", 24, "12至19位数字。", "6200990000000000002"),
    ),
)

MEMBERS = Sheet(
    "成员",
    "一人一行，申请人本人也要填一行",
    (
        _HOUSEHOLD_NUMBER,
        Column("name", "姓名", "text", 12, "与证件一致。", "于小满", required=True),
        Column(
            "id_number",
            "身份证号",
            "code",
            22,
            "18位；尚未登记户口的填“无”。",
            "990801197304120011",
            required=True,
        ),
        Column("relation", "与申请人关系", "choice", 14, "每户恰有一人为“本人”。", "本人", True, RELATIONS),
        Column("sex", "性别", "choice", 7, "可不填；填写则须与身份证号一致。", "男", False, SEXES),
        Column("birth", "出生日期", "date", 13, "可不填；填写则须与身份证号一致。", "1973-04-12"),
        Column(
            "disability_kind", "残疾类别", "choice", 10, "有残疾人证的填写。", "肢体", False, DISABILITY_KINDS
        ),
        Column("disability_grade", "残疾等级", "choice", 10, "与残疾类别同填同缺。", "二级", False, GRADES),
        Column("work_capacity", "劳动能力", "choice", 10, "从下拉列表选择。", "部分", True, WORK_CAPACITIES),
        Column("student", "在读学生", "choice", 10, "不填即为“否”。", "否", False, YES_NO),
    ),
)

ITEMS = Sheet(
    "收入与支出",
    "一笔一行",
    (
        _HOUSEHOLD_NUMBER,
        Column("person", "成员姓名", "text", 12, "全家共有的收支可不填。", "于小满"),
        Column("person_id", "成员身份证号", "code", 22, "同户有重名时填写。", ""),
        Column("kind", "收支类别", "choice", 15, "从下拉列表选择。", "工资性收入", True, ITEM_KINDS),
        Column("period", "周期", "choice", 8, "每月或每年。", "每月", True, PERIODS),
        Column("amount", "金额（元）", "amount", 13, "只填数字，最多两位小数。", "600", required=True),
        Column("document", "凭证", "text", 24, "可不填。", "银行流水"),
    ),
)

SHEETS = (HOUSEHOLDS, MEMBERS, ITEMS)
INSTRUCTIONS = "说明"
"""The sheet that is written for people and never read."""
MESSAGES = "差错说明"
"""The column of a correction workbook that tells what is wrong with a row; never read."""

"""What is possible but unlikely (疑点): warnings that send nobody away and are worth a second look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from application.register.people import Person
from application.register.rows import MemberRow
from domain.values.person import age_on

ADULT = 18
OLDEST = 115
GENERATION = 14
"""Years: a smaller distance between parent and child is more often a slip than a fact."""

_SEX_OF = {"son": "male", "daughter": "female"}
_CHECK = "请核对；无误可不改。"


def warn_about(people: Sequence[Person], applicant: MemberRow, today: date) -> None:
    """Note what is unlikely about ages, relations and work capacity of a household's people."""
    spouses = [person for person in people if person.relation == "spouse"]
    for extra in spouses[1:]:
        extra.reading.warn("relation", "several-spouses", "本户有不止一位配偶。", _CHECK)
    for person in people:
        if person.member is not None:
            _alone(person, person.member, today)
            if person.member is not applicant:
                _beside_applicant(person, person.member, applicant, today)


def _alone(person: Person, member: MemberRow, today: date) -> None:
    age = age_on(member.birth, today)
    warn = person.reading.warn
    if age > OLDEST:
        warn("id_number", "age-implausible", f"按出生日期已满{age}周岁。", _CHECK)
    if member.relation == "head" and age < ADULT:
        warn("relation", "applicant-minor", "申请人未满18周岁。", "未成年人应由监护人代为申请，请核对。")
    if member.work_capacity == "full" and age < 16:
        warn("work_capacity", "child-with-work-capacity", "未满16周岁，劳动能力填为“有”。", _CHECK)
    if member.student and age > 30:
        warn("student", "student-age", "已满31周岁，填为在读学生。", _CHECK)
    if _SEX_OF.get(member.relation, member.sex) != member.sex:
        warn("relation", "relation-contradicts-sex", "与申请人关系同性别不符。", _CHECK)


def _beside_applicant(person: Person, member: MemberRow, applicant: MemberRow, today: date) -> None:
    warn = person.reading.warn
    if member.relation == "spouse":
        if age_on(member.birth, today) < ADULT:
            warn("relation", "spouse-minor", "配偶未满18周岁。", _CHECK)
        if member.sex == applicant.sex:
            warn("relation", "relation-contradicts-sex", "配偶与申请人性别相同。", _CHECK)
    if member.relation in ("son", "daughter", "child"):
        elder, younger = applicant, member
    elif member.relation == "parent":
        elder, younger = member, applicant
    else:
        return
    if younger.birth.year - elder.birth.year < GENERATION:
        warn("relation", "generations-implausible", f"父母与子女年龄相差不足{GENERATION}岁。", _CHECK)

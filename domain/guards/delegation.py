"""Delegation (确认权限下放): who may decide, and by which paper a township does (M57 art.2, L26 art.44)."""

from __future__ import annotations

from datetime import date

from domain.household.context import Context
from domain.values.receipt import Decider, RuleApplied, Value, apply
from domain.values.refusals import Refusal


class DelegationPaperMissing(Refusal):
    """由乡镇（街道）确认的，应当注明省级规定或者县级委托文件。"""

    article = "M57 art.2; L26 art.44"


def may_delegate(*, allowed: Value, paper: Value) -> Value:
    """Whether a township may decide: its place's rules allow it and the paper is named (L26 art.44)."""
    return bool(allowed) and bool(paper)


def competent(context: Context, on: date, delegated_by: str | None) -> Decider:
    """The acting organ as decider: the county, or a township naming the paper that delegates (L26 art.44)."""
    if context.actor.level == "township":
        if not context.rules(on).flag("procedure.delegation-allowed"):
            raise DelegationNotAllowed
        if not (delegated_by or "").strip():
            raise DelegationPaperMissing
        return context.decider("county", "township", delegated_by=delegated_by)
    # the county decides by its own power, whatever paper is named
    return context.decider("county", "township")


def delegation(context: Context, on: date, decider: Decider) -> tuple[RuleApplied, ...]:
    """The rule a township's decision rests on, with the paper it names; none where the county decides."""
    if decider.level != "township":
        return ()
    flag = context.rules(on)["procedure.delegation-allowed"]
    paper = decider.delegated_by
    return (
        apply(
            "decision.delegated",
            may_delegate,
            flag.source,
            flag.since,
            allowed=bool(flag.value),
            paper=paper,
        ),
    )


class DelegationNotAllowed(Refusal):
    """本地没有将确认权限下放到乡镇（街道）的规定，应当由县级作出决定。"""

    article = "M57 art.2; L26 art.44"

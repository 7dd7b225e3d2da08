"""Remedies (救济途径): what every refusal, decrease and termination must tell the family."""

from __future__ import annotations

from datetime import date

from domain.household.context import Context
from domain.values.receipt import Decider


def remedy_text(decider: Decider, context: Context, on: date) -> str:
    """The sentence on reconsideration and litigation, by the terms in force on the day (FXL art.20, XSL art.46).

    Reconsideration goes to the people's government of the county, for a bureau's act and a township's alike.
    """
    rules = context.rules(on)
    days = rules.integer("remedy.reconsideration-days")
    months = rules.integer("remedy.litigation-months")
    county = context.regions.at(decider.organ.partition("/")[0][:6], on).name
    return (
        f"如不服本决定，可以自知道本决定之日起{days}日内向{county}人民政府申请行政复议，"
        f"或者自知道本决定之日起{months}个月内依法向人民法院提起行政诉讼。"
    )

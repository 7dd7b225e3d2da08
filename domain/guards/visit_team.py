"""Who goes to a home (入户人员): a team, never one alone (M57 art.16)."""

from __future__ import annotations

from datetime import date

from domain.household.context import Context
from domain.values.refusals import Refusal


class TeamTooSmall(Refusal):
    """入户调查人员不得少于{needed}人。"""

    article = "M57 art.16"


def require_team(
    investigators: tuple[str, ...], on: date, context: Context, key: str = "procedure.home-visit-team"
) -> None:
    """Refuse a visit by fewer different people than the rules in force on the day ask for."""
    needed = context.rules(on).integer(key)
    if len(set(investigators)) < needed:
        raise TeamTooSmall(needed=needed)

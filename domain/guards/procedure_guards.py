"""The doors (程序入口): no step without an application, none of the inquiry before acceptance (M57 art.28)."""

from __future__ import annotations

from domain.guards.registered import require_registered
from domain.household.context import Context
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.values.refusals import Refusal


class NotApplied(Refusal):
    """该户没有正在办理的申请；请先登记申请。"""

    article = "M57 art.28"


class NotAccepted(Refusal):
    """申请尚未受理，不能进入调查核实；请先受理或者一次性告知补正。"""

    article = "M57 art.28"


class AgentMayNotHandle(Refusal):
    """经办人是本申请的委托代理人，应当回避，不能办理其代理的申请。"""

    article = "MFD art.168; L26 art.61"


class RelativeMayNotHandle(Refusal):
    """经办人是申请家庭成员的近亲属，应当回避，由其他人员办理。"""

    article = "M57 art.11; L26 art.61"


def open_case(household: Household) -> Procedure:
    """The case under way; refuses when there is none."""
    require_registered(household)
    case = household.case
    if case is None:
        raise NotApplied
    return case


def accepted_case(household: Household) -> Procedure:
    """The case under way and accepted; refuses when the door has not been passed (M57 art.28)."""
    case = open_case(household)
    if case.accepted_on is None:
        raise NotAccepted
    return case


def require_impartial(case: Procedure, context: Context) -> None:
    """Refuse an officer who is the family's agent, or a registered close relative, to handle the case."""
    officer = context.actor.officer
    if case.agent is not None and case.agent.officer == officer:
        raise AgentMayNotHandle
    if any(relative.officer == officer for relative in case.known_relatives):
        raise RelativeMayNotHandle

"""Mandate (委托): somebody else asks for the family, by a written paper with scope and term (M57 art.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import open_case
from domain.guards.registered import require_member
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.parts import Agent, Procedure
from domain.household.state import Household
from domain.intake.proactive_discovery import adults
from domain.values.immutables import replace
from domain.values.person import PersonId, Relation
from domain.values.private import Private
from domain.values.refusals import Refusal

AgentKind = Literal["relative", "village-committee", "other"]
MandateScope = Literal["apply", "supplement", "object", "receive", "withdraw"]


class MandateMissing(Refusal):
    """委托他人代为申请的，应当办理书面委托手续；请登记委托书和代理人。"""

    article = "M57 art.6; L26 art.37"


class MandateIncomplete(Refusal):
    """委托书应当载明{missing}；请补全后再登记。"""

    article = "MFD art.165"


class MandateNotInForce(Refusal):
    """委托书在{on}不在有效期内（{term}）。"""

    article = "MFD art.165, 173"


class MandateByMinor(Refusal):
    """委托书应当由成年的共同生活家庭成员签署。"""

    article = "M57 art.6; MFD art.17"


class MandateTooNarrow(Refusal):
    """代理人没有{act}的授权；请由申请人本人办理，或者补办写明该事项的委托书。"""

    article = "MFD art.165"


class NoMandate(Refusal):
    """本申请没有有效的委托，不存在代理人。"""

    article = "M57 art.6; MFD art.173"


@dataclass(frozen=True, slots=True)
class Mandate:
    """The mandate as the caller shows it (委托书): who may do what, signed when and by which member.

    `signed_on` None is the day of the act, `signed_by` None the applicant. `until` is the last day of its
    term, None open. `officer` is the agent's own id where he is an officer: he must not handle the case.
    """

    kind: AgentKind
    name: str
    paper: str
    signed_on: date | None = None
    signed_by: PersonId | None = None
    scope: tuple[MandateScope, ...] = ("apply", "supplement")
    until: date | None = None
    relation: Relation | None = None
    officer: str | None = None
    attachment: UUID | None = None


@dataclass(frozen=True, slots=True)
class AgentMandated(Event):
    """The applicant gave somebody a written mandate to act for the family (委托代理)."""

    title: ClassVar[str] = "委托代理"
    basis: ClassVar[str] = "M57 art.6; L26 art.37"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    case: UUID
    kind: AgentKind
    name: Private[str]
    paper: str
    signed_on: date
    signed_by: PersonId
    scope: tuple[MandateScope, ...]
    until: date | None
    relation: Relation | None
    officer: str | None
    attachment: UUID | None

    def evolve(self, household: Household) -> Household:
        agent = Agent(
            self.kind, self.paper, self.scope, self.signed_on, self.until, self.officer, self.signed_by
        )
        return household.with_case(agent=agent)


@dataclass(frozen=True, slots=True)
class MandateAgent(Command):
    """Record a written mandate given, or given anew, while the case is under way (登记委托)."""

    on: date
    mandate: Mandate

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = open_case(household)
        if case.agent is not None and case.agent == agent_of(self.mandate, self.on, case.applicant):
            return
        require_order(self.on, case.started_on)
        yield mandated(self.mandate, household, context, self.on, case.id, case.applicant)


@dataclass(frozen=True, slots=True)
class MandateRevoked(Event):
    """The mandate ended: the family took it back or the agent laid it down (解除委托)."""

    title: ClassVar[str] = "解除委托"
    basis: ClassVar[str] = "M57 art.6"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    case: UUID
    paper: str
    cause: Literal["taken-back", "laid-down"]

    def evolve(self, household: Household) -> Household:
        agent = household.procedures[-1].agent
        return household.with_case(agent=agent and replace(agent, revoked_on=self.on))


@dataclass(frozen=True, slots=True)
class RevokeMandate(Command):
    """End the mandate, at any time and without a reason (解除委托, MFD art.173)."""

    on: date
    cause: Literal["taken-back", "laid-down"] = "taken-back"

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = open_case(household)
        if case.agent is None:
            raise NoMandate
        if case.agent.revoked_on is not None:
            if case.agent.revoked_on == self.on:
                return
            raise NoMandate
        require_order(self.on, case.started_on, case.agent.since)
        yield MandateRevoked(self.on, case.id, case.agent.paper, self.cause)


def mandated(
    mandate: Mandate, household: Household, context: Context, on: date, case: UUID, applicant: PersonId
) -> AgentMandated:
    """The fact of a mandate; refuses one that is incomplete, out of its term, or signed by a minor or stranger.

    Article 165 of the civil code asks for the agent's name, the matters, the scope, the term and a signature.
    """
    agent = agent_of(mandate, on, applicant)
    signer = mandate.signed_by or applicant
    blank = {"代理人姓名": not mandate.name.strip(), "编号": not mandate.paper.strip()}
    blank["代理事项和权限"] = not mandate.scope
    if missing := [what for what, is_blank in blank.items() if is_blank]:
        raise MandateIncomplete(missing="、".join(missing))
    require_in_force(agent, on)
    require_member(household, signer, on)
    grown = adults(household, context, on)
    if grown and signer not in grown:
        raise MandateByMinor
    return AgentMandated(
        on,
        case,
        mandate.kind,
        Private(household.id, "name", mandate.name),
        mandate.paper,
        agent.since,
        signer,
        mandate.scope,
        mandate.until,
        mandate.relation,
        mandate.officer,
        mandate.attachment,
    )


def agent_of(mandate: Mandate, on: date, applicant: PersonId) -> Agent:
    """What state keeps of a mandate shown on a day."""
    return Agent(
        mandate.kind,
        mandate.paper,
        mandate.scope,
        mandate.signed_on or on,
        mandate.until,
        mandate.officer,
        mandate.signed_by or applicant,
    )


def require_in_force(agent: Agent, on: date) -> None:
    """Refuse a mandate signed after the act, or whose term has run out; its last day still counts."""
    if on < agent.since or (agent.until is not None and on > agent.until):
        last = f"至{agent.until}" if agent.until else "起，未定止期"
        raise MandateNotInForce(on=on, term=f"{agent.since}{last}")


def require_mandated(case: Procedure, on: date, scope: MandateScope) -> Agent:
    """The agent who may do this for the applicant on a day; refuses where the mandate does not reach."""
    if case.agent is None or (case.agent.revoked_on is not None and on >= case.agent.revoked_on):
        raise NoMandate
    require_in_force(case.agent, on)
    if scope not in case.agent.scope:
        raise MandateTooNarrow(act=SCOPE_WORDS[scope])
    return case.agent


SCOPE_WORDS: dict[MandateScope, str] = {
    "apply": "代为申请",
    "supplement": "代为补充材料",
    "object": "代为提出异议",
    "receive": "代收文书",
    "withdraw": "代为撤回申请",
}
"""What each part of a mandate's scope is called."""

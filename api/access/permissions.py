"""Permissions (权限): which role may give which command; a table, so that every refusal names its rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from api.access.identity import Identity, Role
from api.http.problems import Denied
from domain.catalogue import COMMANDS

_log = structlog.stdlib.get_logger(__name__)


class CommandNotAllowed(Denied):
    """当前角色不能办理“{command}”：{reason}"""


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may give some commands, and why nobody else."""

    rule: str
    roles: frozenset[Role]
    reason: str


_BY_ITSELF: Final = Permission(
    "P-SYSTEM", frozenset({Role.SYSTEM}), "提醒、逾期登记等由系统按期限自动办理，人员不能代办。"
)
_MONEY: Final = Permission(
    "P-MONEY",
    frozenset({Role.FINANCE, Role.SYSTEM}),
    "安排发放、登记到账和退回由资金发放人员办理，与审核确认分开。",
)
_CASES: Final = Permission(
    "P-CASE",
    frozenset({Role.CASEWORKER}),
    "救助事项由经办人员办理；审计、管理、资金和运维人员只能做各自的工作。",
)

_EXCEPTIONS: Final[Mapping[str, Permission]] = {
    "note-missed-deadline": _BY_ITSELF,
    "warn-grace-expiry": _BY_ITSELF,
    "return-to-monitoring": _BY_ITSELF,
    "order-payment": _MONEY,
    "settle-payment": _MONEY,
    "return-payment": _MONEY,
}
"""Commands that are not a caseworker's; what is not named here is."""


def permission_for(command: str) -> Permission:
    """The row of the table for a command; a command nobody has thought of yet is a caseworker's."""
    return _EXCEPTIONS.get(command, _CASES)


def require_command(identity: Identity, command: str, title: str) -> None:
    """Refuse whose roles do not reach the command (`CommandNotAllowed`); logged either way with its rule."""
    permission = permission_for(command)
    allowed = not permission.roles.isdisjoint(identity.roles)
    _log.info(
        "command allowed" if allowed else "command denied",
        command=command,
        rule=permission.rule,
        officer=identity.officer,
        organ=identity.organ,
        roles=sorted(identity.roles),
    )
    if not allowed:
        raise CommandNotAllowed(command=title, reason=permission.reason, rule=permission.rule)


def table() -> Iterable[tuple[str, Role, bool, str]]:
    """Every command with every role: whether it may, and by which rule."""
    for command in COMMANDS:
        permission = permission_for(command)
        for role in Role:
            yield command, role, role in permission.roles, permission.rule

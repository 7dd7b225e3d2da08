"""`hulian token` (开发令牌): a token for trying the API on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from api.access.identity import ROLE_WORDS, OrganUnclear, Role, issue_token
from bootstrap.cli.options import Officer
from bootstrap.settings import Settings, load_settings

DEFAULT_ROLES = ("caseworker", "finance", "operator")
"""The roles of somebody who tries the API: they handle cases, pay out, and watch the machine."""


def command(
    organ: Annotated[str, typer.Option(help="机构：区划代码/部门，例如 370786/civil-affairs。")],
    officer: Officer = "dev",
    region: Annotated[str | None, typer.Option(help="可查阅的辖区，默认本机构辖区；cn 为全部。")] = None,
    hours: Annotated[int, typer.Option(min=1, max=24, help="有效小时数。")] = 8,
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="角色，可写多次：caseworker 经办、auditor 审计、supervisor 管理、finance 资金发放、"
            "system 系统服务、operator 运维；默认 caseworker、finance、operator。"
        ),
    ] = None,
) -> None:
    """签发一枚开发令牌，只在本机回环地址上有效。令牌写到标准输出，说明写到标准错误。"""
    issued = development_token(load_settings(), officer, organ, hours, region, role or ())
    typer.echo(issued)
    area = region or organ.partition("/")[0]
    roles = "、".join(dict.fromkeys(role or DEFAULT_ROLES))
    typer.echo(f"角色：{roles}；机构：{organ}；辖区：{area}；{hours} 小时内有效。", err=True)


def development_token(
    settings: Settings,
    officer: str,
    organ: str,
    hours: int = 8,
    region: str | None = None,
    roles: Sequence[str] = (),
) -> str:
    """A token for trying the API on this machine; accepted on the loopback address only.

    `region` is the area it can read: the organ's own by default, `cn` for everything. `roles` are `DEFAULT_ROLES`
    by default. An unknown role, or an organ or area that does not exist, is wrong usage (`typer.BadParameter`).
    """
    for role in roles:
        if role not in set(Role):
            known = "、".join(f"{each}（{ROLE_WORDS[each]}）" for each in Role)
            raise typer.BadParameter(f"没有角色“{role}”。可选：{known}。", param_hint="--role")
    try:
        return issue_token(
            settings.key_directory,
            officer=officer,
            organ=organ,
            region=region,
            roles=[Role(role) for role in roles or DEFAULT_ROLES],
            lifetime=timedelta(hours=hours),
        )
    except OrganUnclear as unclear:
        raise typer.BadParameter(str(unclear), param_hint="--organ / --region") from None

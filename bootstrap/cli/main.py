"""The `hulian` command (命令行): every way to start, feed and look into an installation.

Exit status: 0 done, 1 refused (the input or the act is not in order), 2 wrong usage, 3 the installation is not
in order (database, keys, migrations).

Each subcommand is a module of `bootstrap.cli`, or a folder whose `command.py` is that module. The module has a
function `command`, or a typer `app` where the subcommand has subcommands of its own. It is imported only when the
subcommand is called, so that the list of all subcommands is printed without importing any of them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

SUBCOMMANDS = {
    "up": ("up", "启动一套完整的系统：数据库、示例、接口和后台，Ctrl-C 停止，数据保留。"),
    "serve": ("serve", "启动接口（API），直到收到停止信号。"),
    "work": ("work", "启动后台：投影与期限值守，直到收到停止信号。"),
    "migrate": ("migrate", "把数据库结构升级到当前程序的版本，发布并采用随附的政策包、日历和区划。"),
    "distribute": (
        "distribute",
        "打印把业务库分布到 Citus 集群的语句；在协调节点上执行一次（见 docs/scale-out.md）。",
    ),
    "run": ("run.command", "按脚本办理一户或数户的救助链。默认在新建的试验库中进行，时钟跟随脚本。"),
    "commands": ("commands", "列出可以办理的全部命令；给出命令名时，列出它的字段和示例。"),
    "show": ("show", "把一户的救助链显示成一张表。每次查看都留下记录。"),
    "token": ("token", "签发一枚开发令牌，只在本机回环地址上有效。令牌写到标准输出，说明写到标准错误。"),
    "doctor": ("doctor.command", "检查这套系统哪里不对，并给出修复它的那一条命令。"),
    "status": (
        "status",
        "这套系统运行得如何：版本、数据库、事件、读模型、后台、封存、密钥、备份、磁盘；不正常时退出码为 3。",
    ),
    "import": ("import_register", "导入（登记册等）。"),
    "template": ("template", "写出空白模板。"),
    "projections": ("projections", "读模型（投影）：进度、停放与重试。"),
    "document": ("document", "文书：制发、列出、写出打印页。"),
    "audit": ("audit", "审计：封存、核对是否被篡改、导出证明。"),
    "erase": (
        "erase",
        "抹除一人或一户的个人信息：销毁密钥，永远不能恢复。事件和证明保留，个人信息显示为（信息已抹除）。",
    ),
    "backup": (
        "backup.command",
        "备份业务库、密钥库，以及（另行要求时）密钥文件，各在一处。办理不必停。",
    ),
    "restore": (
        "restore.command",
        "把备份恢复到空的数据库，补上角色和权限，并核对。中途停下时再执行同一命令。",
    ),
    "keys": ("keys.command", "密钥：列出、更换、退役。"),
    "sample": ("sample.command", "生成样例（虚构数据，种子相同则结果相同）。"),
    "dev": ("dev", "开发用：生成与核对随程序提交的文件。"),
}
"""By name, the subcommand's module below `bootstrap.cli` and its summary, the first line of its own help."""
HIDDEN = {"dev"}


class Subcommand(TyperCommand):
    """A subcommand by its name and summary; its module is imported when it is called."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        assert self.name is not None
        return loaded(self.name).make_context(info_name, args, parent, **extra)


class Subcommands(TyperGroup):
    """All subcommands in the order of the table."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, summary) in SUBCOMMANDS.items():
            self.add_command(Subcommand(name, help=summary, hidden=name in HIDDEN))


app = typer.Typer(
    name="hulian",
    cls=Subcommands,
    help="户链：一户一条救助链。\n\n退出码：0 完成；1 输入或办理事项不合规定；2 用法不对；3 系统尚未就绪。",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _hulian() -> None:
    """An app whose commands are added by its class needs a callback, or typer refuses it."""


def loaded(name: str) -> Any:
    """A subcommand with its module imported."""
    module = import_module(f"bootstrap.cli.{SUBCOMMANDS[name][0]}")
    holder = typer.Typer(rich_markup_mode=None)
    if hasattr(module, "app"):
        holder.add_typer(module.app, name=name)
    else:
        holder.command(name)(module.command)
    return get_group(holder).commands[name]


def main() -> None:
    """Run the command line; a fault that people can mend is shown as one sentence with its code, no traceback."""
    try:
        app()
    except Exception as fault:
        from bootstrap.cli.exit_status import exit_status_of, sentence_of

        status = exit_status_of(fault)
        if status is None:
            raise
        typer.echo(sentence_of(fault), err=True)
        sys.exit(status)

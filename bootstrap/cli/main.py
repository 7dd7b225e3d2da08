"""The `hulian` command (命令行): every way to start, feed and look into an installation.

Exit status: 0 done, 1 refused (the input or the act is not in order), 2 wrong usage, 3 the installation is not
in order (database, keys, migrations).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from bootstrap.cli.audit import audit
from bootstrap.cli.document import documents
from bootstrap.cli.safekeeping import safekeeping

REFUSED, NOT_IN_ORDER = 1, 3

app = typer.Typer(
    name="hulian",
    help="户链：一户一条救助链。\n\n退出码：0 完成；1 输入或办理事项不合规定；2 用法不对；3 系统尚未就绪。",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
imports = typer.Typer(help="导入（登记册等）。", no_args_is_help=True)
projections = typer.Typer(help="读模型（投影）：进度、停放与重试。", no_args_is_help=True)
templates = typer.Typer(help="写出空白模板。", no_args_is_help=True)
sampling = typer.Typer(help="生成样例（虚构数据，种子相同则结果相同）。", no_args_is_help=True)
dev = typer.Typer(help="开发用：生成与核对随程序提交的文件。", no_args_is_help=True, hidden=True)
app.add_typer(imports, name="import")
app.add_typer(templates, name="template")
app.add_typer(projections, name="projections")
app.add_typer(documents, name="document")
app.add_typer(audit, name="audit")
app.add_typer(safekeeping)
app.add_typer(sampling, name="sample")
app.add_typer(dev, name="dev")

Json = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")]
Officer = Annotated[str, typer.Option("--officer", help="经办人代号（不是姓名）。")]


def main() -> None:
    """Run the command line; faults people can mend are one sentence and a code, without a traceback."""
    from bootstrap.cli.exit_status import exit_status_of, sentence_of

    try:
        app()
    except Exception as fault:
        status = exit_status_of(fault)
        if status is None:
            raise
        typer.echo(sentence_of(fault), err=True)
        sys.exit(status)


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="监听地址，默认 127.0.0.1。")] = None,
    port: Annotated[int | None, typer.Option(help="监听端口；不设而被占用时取下一个空闲端口。")] = None,
) -> None:
    """启动一套完整的系统：数据库、示例、接口和后台，Ctrl-C 停止，数据保留。"""
    from bootstrap.cli.up import run
    from bootstrap.settings import load_settings

    sys.exit(run(load_settings(host=host, port=port)))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="监听地址，默认 127.0.0.1。")] = None,
    port: Annotated[int | None, typer.Option(help="监听端口。")] = None,
) -> None:
    """启动接口（API），直到收到停止信号。"""
    from bootstrap.cli.processes import serve_api
    from bootstrap.settings import load_settings

    serve_api(load_settings(host=host, port=port))


@app.command()
def work() -> None:
    """启动后台：投影与期限值守，直到收到停止信号。"""
    from bootstrap.cli.processes import work_on
    from bootstrap.settings import load_settings

    work_on(load_settings())


@app.command()
def migrate(as_json: Json = False) -> None:
    """把数据库结构升级到当前程序的版本，发布并采用随附的政策包、日历和区划。"""
    from bootstrap.settings import load_settings
    from bootstrap.wiring import adopt, database, migrated, today

    settings = load_settings()
    with database(settings) as where:
        applied = migrated(where)
        adopted = adopt(where, settings.key_directory, today())
    if as_json:
        _print({"applied": applied, "adopted": adopted})
    else:
        typer.echo(f"已执行升级 {len(applied)} 项，采用政策包和日历 {adopted} 件。")


@app.command()
def distribute(
    shards: Annotated[int, typer.Option(min=1, max=256, help="256 条通道分入多少个分片。")] = 32,
) -> None:
    """打印把业务库分布到 Citus 集群的语句；在协调节点上执行一次（见 docs/scale-out.md）。"""
    from bootstrap.cli.distribute import print_distribution
    from bootstrap.settings import load_settings

    print_distribution(load_settings(), shards)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="脚本文件（YAML）。")],
    as_json: Json = False,
    into: Annotated[bool, typer.Option("--into", help="写入本系统，而不是用完即弃的试验库。")] = False,
) -> None:
    """按脚本办理一户或数户的救助链。默认在新建的试验库中进行，时钟跟随脚本。"""
    from bootstrap.cli.run import play
    from bootstrap.settings import load_settings

    outcome = play(load_settings(), file, into=into, quiet=as_json)
    if as_json:
        _print(outcome.to_json())
    elif outcome.stopped is None:
        outcome.show()
    if outcome.stopped is not None:
        raise outcome.stopped


@app.command()
def commands(
    name: Annotated[str | None, typer.Argument(help="命令名，例如 grant-grace。")] = None,
    as_json: Json = False,
) -> None:
    """列出可以办理的全部命令；给出命令名时，列出它的字段和示例。"""
    from bootstrap.cli.commands import show_command, show_commands

    if name is None:
        show_commands(as_json)
    else:
        show_command(name, as_json)


@imports.command("register")
def import_register(
    file: Annotated[Path, typer.Argument(help="登记册工作簿（.xlsx）。")],
    officer: Officer = "import",
    as_json: Json = False,
    check_only: Annotated[bool, typer.Option("--check", help="只检查工作簿，不写入。")] = False,
    preview_only: Annotated[
        bool, typer.Option("--preview", help="只预览：多少户新受理、已导入、有变动、有差错；不写入。")
    ] = False,
    faults: Annotated[
        Path | None, typer.Option("--faults", help="把没有写入的各户另存为差错登记册，改正后可直接导入。")
    ] = None,
    sure: Annotated[bool, typer.Option("--yes", "-y", help="在终端上不预览、不询问，直接写入。")] = False,
) -> None:
    """导入乡镇申请登记册：先全部检查，正确的户成为已受理的申请，有差错的户整户退回并逐格说明。

    中途停下（断电、误关）时，再执行同一命令即可接着导入，不会重复受理。
    """
    from bootstrap.cli.import_register import Wish, import_workbook
    from bootstrap.settings import load_settings

    wish = Wish(officer, as_json, check_only, preview_only, sure, faults)
    sys.exit(import_workbook(load_settings(), file, wish))


@templates.command("register")
def template_register(
    out: Annotated[Path, typer.Argument(help="写到哪个文件。")] = Path("申请登记册.xlsx"),
) -> None:
    """写出空白的申请登记册模板。"""
    from application.register.template import write_template

    write_template(out)
    typer.echo(f"已写出模板：{out}")


@sampling.command("office")
def sample_office(
    households: Annotated[int, typer.Option(min=1, max=2000, help="多少户。")] = 200,
    seed: Annotated[int, typer.Option(help="种子：相同的种子、户数和日期，结果完全相同。")] = 1,
    on: Annotated[
        str | None, typer.Option("--on", help="截至哪一天（YYYY-MM-DD），默认 2026-11-20。")
    ] = None,
    as_json: Json = False,
) -> None:
    """生成一个样例经办机构：各户处在办理过程的不同步骤，存放在自己的试验库中。再次执行不会重复。"""
    from bootstrap.cli.sample_office import OfficeWish, day_of, sample_office
    from bootstrap.settings import load_settings

    sample_office(load_settings(), OfficeWish(households, seed, day_of(on), as_json))


@sampling.command("province")
def sample_province(
    households: Annotated[int, typer.Option(min=100, max=2_000_000, help="多少户。")] = 10_000,
    events: Annotated[int | None, typer.Option(help="一共约多少条事实，默认每户平均 12 条。")] = None,
    seed: Annotated[int, typer.Option(min=0, help="种子：相同的种子和选项，结果完全相同。")] = 1,
    on: Annotated[
        str | None, typer.Option("--on", help="截至哪一天（YYYY-MM-DD），默认 2026-11-20。")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="用几个进程写入。")] = 2,
    without_projections: Annotated[
        bool, typer.Option("--no-projections", help="只写事实，不建立读模型。")
    ] = False,
    as_json: Json = False,
) -> None:
    """生成一个样例省：任意多户，分布在多个县，处在办理过程的各个步骤，存放在自己的试验库中。

    中途停下（断电、误关）时，再执行同一命令即可接着生成；已完成时再次执行不会重复。
    """
    from bootstrap.cli.sample_office import day_of
    from bootstrap.cli.sample_province import ProvinceWish, sample_province
    from bootstrap.settings import load_settings
    from samples.province import Wish

    wish = Wish(households, 12 * households if events is None else events, seed, day_of(on))
    sample_province(load_settings(), ProvinceWish(wish, processes, not without_projections, as_json))


@app.command()
def show(
    household: Annotated[str, typer.Argument(help="户编号（UUID，或开头几位）。")],
    as_json: Json = False,
    officer: Officer = "cli",
) -> None:
    """把一户的救助链显示成一张表。每次查看都留下记录。"""
    from bootstrap.cli.show import show_household
    from bootstrap.settings import load_settings

    show_household(load_settings(), household, officer, as_json=as_json)


@app.command()
def token(
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
    from bootstrap.cli.processes import TRYING, development_token
    from bootstrap.settings import load_settings

    issued = development_token(load_settings(), officer, organ, hours, region, role or ())
    typer.echo(issued)
    area = region or organ.partition("/")[0]
    roles = "、".join(dict.fromkeys(role or TRYING))
    typer.echo(f"角色：{roles}；机构：{organ}；辖区：{area}；{hours} 小时内有效。", err=True)


@app.command()
def doctor(as_json: Json = False) -> None:
    """检查这套系统哪里不对，并给出修复它的那一条命令。"""
    from bootstrap.cli.doctor import examine
    from bootstrap.settings import load_settings

    findings = examine(load_settings())
    if as_json:
        _print([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            typer.echo(finding.line())
    sys.exit(NOT_IN_ORDER if any(finding.wrong for finding in findings) else 0)


@app.command()
def status(as_json: Json = False) -> None:
    """这套系统运行得如何：版本、数据库、事件、读模型、后台、封存、密钥、备份、磁盘；不正常时退出码为 3。"""
    from bootstrap.cli.status import show_status
    from bootstrap.settings import load_settings

    sys.exit(0 if show_status(load_settings(), as_json=as_json) else NOT_IN_ORDER)


@projections.command("list")
def list_projections(as_json: Json = False) -> None:
    """列出读模型：版本、落后多少事件、停放的家庭；有停放或停滞时退出码为 1。"""
    from bootstrap.cli.projections import list_projections
    from bootstrap.settings import load_settings

    if not list_projections(load_settings(), as_json=as_json):
        sys.exit(REFUSED)


@projections.command("retry")
def retry_projections(
    name: Annotated[str | None, typer.Argument(help="读模型名；不写则全部。")] = None,
    household: Annotated[UUID | None, typer.Option(help="只重试这一户。")] = None,
) -> None:
    """重试停放的家庭，从停放处补到当前进度；仍有停放时退出码为 1。"""
    from bootstrap.cli.projections import retry
    from bootstrap.settings import load_settings

    if not retry(load_settings(), name, household):
        sys.exit(REFUSED)


@projections.command("rebuild")
def rebuild_projection(name: Annotated[str, typer.Argument(help="读模型名。")]) -> None:
    """从事件重新建立一个读模型，建成后替换；期间照常办理，读到的是开始重建时的内容。"""
    from bootstrap.cli.projections_rebuild import rebuild
    from bootstrap.settings import load_settings

    rebuild(load_settings(), name)


@dev.command("check")
def dev_check() -> None:
    """核对生成的文件（schemas/）与代码一致。"""
    from bootstrap.cli.dev import stale_schemas

    stale = stale_schemas(Path("schemas"))
    for name in stale:
        typer.echo(f"与代码不一致：schemas/{name}；请运行 hulian dev write", err=True)
    sys.exit(REFUSED if stale else 0)


@dev.command("write")
def dev_write() -> None:
    """重新生成 schemas/。"""
    from bootstrap.cli.dev import write_schemas

    write_schemas(Path("schemas"))


def _print(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str))

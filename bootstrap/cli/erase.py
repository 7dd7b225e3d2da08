"""`hulian erase` (抹除): at the end of retention, keys and index entries are destroyed; events and proofs stay.

The steps have a fixed order, so that the same command completes an erasure that was interrupted: record the erasure,
destroy the keys, delete the index entries, close the household's stream for ever, replace the key-encryption key,
record the erasure as done.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

import typer

from bootstrap.cli.keys.open_keys import open_keys
from bootstrap.cli.keys.rotation import rotate_kek
from bootstrap.cli.options import Actor, Json, print_json
from bootstrap.cli.progress import progress
from bootstrap.logging import mask_identity_numbers
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation, database, migrated_installation, today
from domain.household.retention import require_over
from domain.values.person import HouseholdId
from domain.values.refusals import Refusal
from eventstore.keys.erasures import Subject, Warrant, begin_erasure, erasure_of, finish_erasure, forget
from projections.persons import households_of

OVER, UNLAWFUL = "retention-over", "unlawful-record"
BASES = {OVER: "保管期满", UNLAWFUL: "本不应收集或记录（个人信息保护法第四十七条）"}
"""The bases of an erasure: the retention is over, or the file should never have been recorded."""

PARAMETER = "retention.months"
_SHORTEST_NAME = 2


def command(
    subject: Annotated[str, typer.Argument(help="person 人员，household 户。")],
    id: Annotated[UUID, typer.Argument(help="人员或户的编号（UUID）。")],
    ground: Annotated[str, typer.Option(help="依据：档案鉴定意见书的文号。不得写入个人信息。")],
    actor: Actor,
    approved_by: Annotated[list[str], typer.Option("--approved-by", help="批准人代号，须写两次，两人。")],
    basis: Annotated[
        str, typer.Option(help="retention-over 保管期满；unlawful-record 本不应收集或记录。")
    ] = "retention-over",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只说明将抹除什么，不执行。")] = False,
    as_json: Json = False,
) -> None:
    """抹除一人或一户的个人信息：销毁密钥，永远不能恢复。事件和证明保留，个人信息显示为（信息已抹除）。"""
    if subject not in ("person", "household"):
        raise typer.BadParameter("请写 person 或 household。", param_hint="SUBJECT")
    warrant = Warrant(basis, ground, actor, tuple(approved_by))
    whom: Subject = "person" if subject == "person" else "household"
    erase(load_settings(), ErasureRequest(whom, id, warrant, dry_run, as_json))


class PersonUnknown(Refusal):
    """没有编号为 {person} 的人员。请核对编号；这里要写的是人员编号，不是身份证号。"""


class TwoMustApprove(Refusal):
    """抹除须经档案鉴定并由两人批准，批准人须不是经办人本人。请用 --approved-by 写明两人。"""

    article = "L26 art.70"


class GroundMissing(Refusal):
    """请用 --ground 写明所依据的文件（鉴定意见书的文号）。"""


class GroundTellsWho(Refusal):
    """依据和办理人两栏不得写入当事人的姓名、证件号码等个人信息：抹除记录是长期保存的明文。请只写文号。"""


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """Whom to erase, on which warrant; a dry run only says what would happen."""

    subject: Subject
    id: UUID
    warrant: Warrant
    dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The owners whose keys are destroyed, in order; the households whose stream is closed; the members who stay."""

    owners: tuple[tuple[UUID, Subject], ...]
    closes: tuple[UUID, ...]
    files: tuple[UUID, ...]
    stays: tuple[UUID, ...] = ()


def erase(settings: Settings, request: ErasureRequest, on: date | None = None) -> None:
    """Erase a person or a household, or say what would happen.

    Raises `PersonUnknown`, `HouseholdUnknown`, `StillInUse`, `RetentionRuns`, `TwoMustApprove`, `GroundMissing`,
    `GroundTellsWho`.
    """
    _require_warrant(request.warrant)
    with ExitStack() as stack:
        where = stack.enter_context(database(settings))
        installation = stack.enter_context(migrated_installation(where, settings.key_directory, pool_size=2))
        installation.caught_up()
        plan = planned(installation, request, on or today())
        _require_nothing_told(installation, plan, request.warrant)
        gone = {} if request.dry_run else carry_out(installation, plan, request.warrant)
    version = None if request.dry_run else _finish(settings, gone)
    _say(request, plan, version)


def planned(installation: Installation, request: ErasureRequest, on: date) -> Plan:
    """Whose keys would be destroyed. Raises what `erase` raises about the file itself."""
    with installation.pool.connection() as connection:
        begun = erasure_of(connection, request.id)
        if request.subject == "person":
            households = households_of(connection, [request.id])
            if request.id in households or (not households and begun is None):
                raise PersonUnknown(person=request.id)
    if request.subject == "person":
        _require_over(installation, households, request.warrant.basis, on)
        return Plan(((request.id, "person"),), (), tuple(households))
    household = installation.households.get(HouseholdId(request.id))
    _require_over(installation, [request.id], request.warrant.basis, on)
    goes: list[UUID] = []
    stays: list[UUID] = []
    for person in dict.fromkeys(member.person for member in household.people.members):
        with installation.pool.connection() as connection:
            others = [each for each in households_of(connection, [person]) if each != request.id]
            kept = [each for each in others if erasure_of(connection, each) is None]
        (stays if kept else goes).append(person)
    owners: list[tuple[UUID, Subject]] = [(request.id, "household"), *((each, "person") for each in goes)]
    return Plan(tuple(owners), (request.id,), (request.id,), tuple(stays))


def carry_out(installation: Installation, plan: Plan, warrant: Warrant) -> dict[UUID, int]:
    """Record the erasures and destroy the keys; returns how many index entries of each owner were deleted."""
    gone: dict[UUID, int] = {}
    with progress("抹除") as tell, installation.pool.connection() as connection:
        for n, (owner, subject) in enumerate(plan.owners, 1):
            begin_erasure(connection, owner, subject, warrant)
            if owner in plan.closes:
                installation.store.erase_stream(owner)
            gone[owner] = forget(connection, owner)
            installation.store.erase(owner)
            tell(n, len(plan.owners))
    return gone


def _finish(settings: Settings, gone: dict[UUID, int]) -> int:
    """Replace the key-encryption key and close the records; returns the version of the new key."""
    with open_keys(settings) as access:
        version = rotate_kek(access, quiet=True)
        for owner, entries in gone.items():
            # Delete entries once more: a process that still held the key in memory may have written one meanwhile.
            finish_erasure(access.store, owner, entries + forget(access.store, owner))
    return version


def _require_over(installation: Installation, households: Sequence[UUID], basis: str, on: date) -> None:
    for id in households:
        household = installation.households.get(HouseholdId(id))
        (row,) = installation.store.slice(id, 0, upto=None, newest_first=True, limit=1)
        last = row.effective_on or on
        # The rules are those of the place at that time: the household may have moved since.
        rules = installation.reference.ground(household.region(last), last).policy.rules(on)
        require_over(household, last, rules.integer(PARAMETER) if basis == OVER else 0, on)


def _require_warrant(warrant: Warrant) -> None:
    if not warrant.ground.strip():
        raise GroundMissing
    if len({*warrant.approvers} - {warrant.actor}) < 2:
        raise TwoMustApprove
    if warrant.basis not in BASES:
        known = "、".join(f"{code}（{word}）" for code, word in BASES.items())
        raise typer.BadParameter(f"没有“{warrant.basis}”这种依据。可选：{known}。", param_hint="--basis")


def _require_nothing_told(installation: Installation, plan: Plan, warrant: Warrant) -> None:
    """Refuse a warrant whose text contains one of the values that are to be erased."""
    said = "\n".join((warrant.ground, warrant.actor, *warrant.approvers))
    if mask_identity_numbers(said) != said:
        raise GroundTellsWho
    owners = {owner for owner, _ in plan.owners}
    sealed = {
        (private.owner, private.kind, private.token)
        for household in plan.files
        for row in installation.store.load(household).rows
        if row.private is not None
        for private in installation.store.codec.encode(row.event).privates
        if private.owner in owners and private.kind != "text" and private.token is not None
    }
    for clear in installation.keys.open_many(sorted(sealed)):
        if clear is not None and len(clear.decode()) >= _SHORTEST_NAME and clear.decode() in said:
            raise GroundTellsWho


def _say(request: ErasureRequest, plan: Plan, version: int | None) -> None:
    if request.as_json:
        data = {
            "dryRun": request.dry_run,
            "erased": [{"id": owner, "subject": subject} for owner, subject in plan.owners],
            "stays": list(plan.stays),
            "papers": list(plan.files) if request.subject == "person" else [],
            "kek": version,
        }
        print_json(data)
        return
    words = {"person": "人员", "household": "户"}
    for owner, subject in plan.owners:
        typer.echo(f"{'将抹除' if request.dry_run else '已抹除'}{words[subject]} {owner}")
    for person in plan.stays:
        typer.echo(f"保留人员 {person}：尚在他户的档案中")
    if request.subject == "person":
        for household in plan.files:
            typer.echo(
                f"户 {household} 的住址、文书和涉及多人的说明仍在，抹除该户：hulian erase household {household}"
            )
    if version is not None:
        typer.echo(f"密钥加密密钥已更换为第 {version} 版。其他进程至多 30 秒后不再读得出。")
        typer.echo("此前的密钥库备份仍能恢复其密钥：请做新的备份，销毁旧的（hulian keys list）。")

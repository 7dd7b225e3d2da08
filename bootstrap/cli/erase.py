"""`hulian erase`: the end of retention. Keys are destroyed, index entries go, events and proofs stay as they are.

In order, so that whatever stops it, the same command again finishes it: written down, keys destroyed, index entries
gone, the stream of a household closed for ever, the key-encryption key replaced, written down as done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import typer

from bootstrap.cli.keys import keeping, rotate_kek
from bootstrap.cli.progress import telling
from bootstrap.logging import mask_identity_numbers
from bootstrap.settings import Settings
from bootstrap.wiring import Installation, database, migrated_installation, today
from domain.household.retention import require_over
from domain.values.person import HouseholdId
from domain.values.refusals import Refusal
from eventstore.keys.erasures import Subject, Warrant, begin_erasure, erasure_of, finish_erasure, forget
from projections.persons import households_of

OVER, UNLAWFUL = "retention-over", "unlawful-record"
BASES = {OVER: "保管期满", UNLAWFUL: "本不应收集或记录（个人信息保护法第四十七条）"}
"""On which bases somebody may be erased: the file's time is over, or it ought never to have been kept."""

PARAMETER = "retention.months"
_SHORTEST_NAME = 2


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
class ErasureWish:
    """Whom to erase, on what, by whom; a dry run only says what would happen."""

    subject: Subject
    id: UUID
    warrant: Warrant
    dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Whose keys go: the owners in order, the households whose stream closes, the members who stay and why."""

    owners: tuple[tuple[UUID, Subject], ...]
    closes: tuple[UUID, ...]
    files: tuple[UUID, ...]
    stays: tuple[UUID, ...] = ()


def erase(settings: Settings, wish: ErasureWish, on: date | None = None) -> None:
    """Erase a person or a household, or say what would happen.

    Raises `PersonUnknown`, `HouseholdUnknown`, `StillInUse`, `RetentionRuns`, `TwoMustApprove`, `GroundMissing`,
    `GroundTellsWho`.
    """
    _require_warrant(wish.warrant)
    with ExitStack() as stack:
        where = stack.enter_context(database(settings))
        installation = stack.enter_context(migrated_installation(where, settings.key_directory, pool_size=2))
        installation.caught_up()
        plan = planned(installation, wish, on or today())
        _require_nothing_told(installation, plan, wish.warrant)
        gone = {} if wish.dry_run else carry_out(installation, plan, wish.warrant)
    version = None if wish.dry_run else _finish(settings, gone)
    _say(wish, plan, version)


def planned(installation: Installation, wish: ErasureWish, on: date) -> Plan:
    """Whose keys would go. Raises what `erase` raises about the file itself."""
    with installation.pool.connection() as connection:
        begun = erasure_of(connection, wish.id)
        if wish.subject == "person":
            households = households_of(connection, [wish.id])
            if wish.id in households or (not households and begun is None):
                raise PersonUnknown(person=wish.id)
    if wish.subject == "person":
        _require_over(installation, households, wish.warrant.basis, on)
        return Plan(((wish.id, "person"),), (), tuple(households))
    household = installation.households.get(HouseholdId(wish.id))
    _require_over(installation, [wish.id], wish.warrant.basis, on)
    goes: list[UUID] = []
    stays: list[UUID] = []
    for person in dict.fromkeys(member.person for member in household.people.members):
        with installation.pool.connection() as connection:
            others = [each for each in households_of(connection, [person]) if each != wish.id]
            kept = [each for each in others if erasure_of(connection, each) is None]
        (stays if kept else goes).append(person)
    owners: list[tuple[UUID, Subject]] = [(wish.id, "household"), *((each, "person") for each in goes)]
    return Plan(tuple(owners), (wish.id,), (wish.id,), tuple(stays))


def carry_out(installation: Installation, plan: Plan, warrant: Warrant) -> dict[UUID, int]:
    """Write the erasures down and destroy the keys; how many index entries of each went."""
    gone: dict[UUID, int] = {}
    with telling("抹除") as tell, installation.pool.connection() as connection:
        for n, (owner, subject) in enumerate(plan.owners, 1):
            begin_erasure(connection, owner, subject, warrant)
            if owner in plan.closes:
                installation.store.erase_stream(owner)
            gone[owner] = forget(connection, owner)
            installation.store.erase(owner)
            tell(n, len(plan.owners))
    return gone


def _finish(settings: Settings, gone: dict[UUID, int]) -> int:
    """Replace the key-encryption key and close the records; its new version."""
    with keeping(settings) as kept:
        version = rotate_kek(kept, quiet=True)
        for owner, entries in gone.items():
            # Once more: a process that still remembered the key may have written an entry meanwhile.
            finish_erasure(kept.store, owner, entries + forget(kept.store, owner))
    return version


def _require_over(installation: Installation, households: Sequence[UUID], basis: str, on: date) -> None:
    for id in households:
        household = installation.households.get(HouseholdId(id))
        (row,) = installation.store.slice(id, 0, upto=None, newest_first=True, limit=1)
        last = row.effective_on or on
        # By the place as it was then: it may be another by now.
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
    """Refuse a ground in which one of the values stands that are to be erased."""
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


def _say(wish: ErasureWish, plan: Plan, version: int | None) -> None:
    if wish.as_json:
        told = {
            "dryRun": wish.dry_run,
            "erased": [{"id": owner, "subject": subject} for owner, subject in plan.owners],
            "stays": list(plan.stays),
            "papers": list(plan.files) if wish.subject == "person" else [],
            "kek": version,
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2, default=str))
        return
    words = {"person": "人员", "household": "户"}
    for owner, subject in plan.owners:
        typer.echo(f"{'将抹除' if wish.dry_run else '已抹除'}{words[subject]} {owner}")
    for person in plan.stays:
        typer.echo(f"保留人员 {person}：尚在他户的档案中")
    if wish.subject == "person":
        for household in plan.files:
            typer.echo(
                f"户 {household} 的住址、文书和涉及多人的说明仍在，抹除该户：hulian erase household {household}"
            )
    if version is not None:
        typer.echo(f"密钥加密密钥已更换为第 {version} 版。其他进程至多 30 秒后不再读得出。")
        typer.echo("此前的密钥库备份仍能恢复其密钥：请做新的备份，销毁旧的（hulian keys list）。")

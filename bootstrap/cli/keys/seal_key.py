"""The seal key (封存密钥), which signs checkpoints, as `hulian keys` replaces, lists and retires it.

Checkpoints already signed stay as they are and are verified with the public half of their key. The only state of a
replacement is the key files and the signature of the newest checkpoint, so an interrupted command can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from psycopg import Connection

from eventstore.sealing.seals import newest
from eventstore.sealing.signing import PublicKeys, SealKeys, fingerprint

_STATES: Final = {
    "signs": "现用，签署检查点",
    "waits": "尚未启用",
    "replaced": "已换下，只用来核对旧检查点",
    "public": "只有公钥，用来核对检查点",
}


def rotate_seal(store: Connection[Any], keys: SealKeys, *, only_make: bool) -> list[str]:
    """Let a new key sign from now on, or only make it; returns lines on what was done and what remains to do.

    A key that was made before and waits is used. A key that has not signed the newest checkpoint yet is not replaced,
    so that a repeated command makes no second key. Raises `SealKeyFault`, and `CheckpointMalformed` for a newest
    checkpoint that cannot be read.
    """
    if only_make:
        number = keys.make_next()
        return [
            f"已生成封存密钥 seal-{number}，尚未启用。",
            _fingerprint(keys, number),
            f"请先把 seal-{number}.pub 复制到每一台主机的密钥目录，再在本机执行 hulian keys rotate seal，"
            f"然后把 seal-{number}.key 复制到其他运行后台的主机。",
        ]
    if _any(keys, "waits") or _signed_newest(store, keys):
        number = keys.renew()
        said = [f"封存密钥已更换：seal-{number}，自下一个检查点起由它签署，后台不必重启。"]
    else:
        number = next(each.number for each in keys.each() if each.state == "signs")
        said = [f"现用的封存密钥 seal-{number} 还没有签署最新的检查点，不另造新的。"]
    said.append(_fingerprint(keys, number))
    stay = "、".join(f"seal-{each.number}.pub" for each in keys.each() if each.number != number)
    if stay:
        said.append(f"旧公钥保留，此前的检查点和审计包仍凭它核对：{stay}。")
    said += [
        "接下来：",
        "1. 备份密钥文件：hulian backup 目录甲 --keys-to 目录乙 --key-files-to 目录丙",
        f"2. 把 seal-{number}.pub 交给核验审计包的一方和见证人，指纹由不管理本系统的人确认",
    ]
    if _any(keys, "replaced"):
        said.append("3. 使旧私钥退役：hulian keys retire")
    return said


def retire_seal(keys: SealKeys) -> list[str]:
    """Delete the private halves that no longer sign; returns a line for each. The public halves stay."""
    if not _any(keys, "replaced"):
        return []
    return [
        f"seal-{number} 的私钥已退役，文件已删除；公钥 seal-{number}.pub 保留。它的其他副本请一并销毁。"
        for number in keys.retire()
    ]


def seals_json(keys: SealKeys) -> list[dict[str, Any]]:
    """Every seal key here with its number, its state and the fingerprint of its public half; makes no key."""
    return [
        {"number": each.number, "state": each.state, "fingerprint": fingerprint(each.public)}
        for each in keys.each()
    ]


def seal_lines(told: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each seal key that `seals_json` lists."""
    for each in told:
        yield f"封存密钥 seal-{each['number']}（{_STATES[each['state']]}）公钥指纹 {each['fingerprint']}"


class Unfinished(NamedTuple):
    """A task that a replacement has left open: its code, a sentence, and the command that does it."""

    code: str
    sentence: str
    mend: str


def seal_unfinished(keys: SealKeys) -> Iterator[Unfinished]:
    """The tasks that replacements have left open. Raises `SealKeyFault`."""
    for each in keys.each():
        if each.state == "waits":
            sentence = f"seal-{each.number} 尚未启用，先把公钥复制到各主机"
            yield Unfinished("seal-waits", sentence, "hulian keys rotate seal")
        elif each.state == "replaced":
            yield Unfinished("seal-retire", f"seal-{each.number} 的私钥已不再需要", "hulian keys retire")


def _any(keys: SealKeys, state: str) -> bool:
    return any(each.state == state for each in keys.each())


def _signed_newest(store: Connection[Any], keys: SealKeys) -> bool:
    signer, last = keys.signer(), newest(store)
    return last is not None and last.note.signed_by(PublicKeys([signer.public]))


def _fingerprint(keys: SealKeys, number: int) -> str:
    public = next(each.public for each in keys.each() if each.number == number)
    return f"公钥指纹（SHA-256）：{fingerprint(public)}"

#!/usr/bin/env python3
"""户链审计包独立核验程序：只需要 Python 3.9 以上和 cryptography，不需要户链程序，也不联网。

    python verify.py                                  核验本文件所在文件夹里的审计包
    python verify.py 审计包.zip                        核验一个审计包
    python verify.py 审计包.zip --key-file seal-1.pub  只认另行取得的公钥
    python verify.py 审计包.zip --checkpoint 12.json   再与见证人留存的检查点比对
    python verify.py 审计包.zip --list                 列出经核验的各步（以此为准，不以 page.html 为准）

退出码：0 全部相符；1 有不符之处；2 用法不对或者审计包读不出来。
"""

# ruff: noqa: UP017, B905  (runs on Python 3.9)
from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
import uuid
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "hulian.bundle/1"
SEAL = "hulian.seal/1"
LANES = 256
LARGEST = 1 << 30  # bytes of one file of a bundle
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ALGORITHMS = {"sha256": 1, "sm3": 2}
TOP = {
    "format", "store", "hash", "household", "exportedAt", "checkpoint", "publicKeys", "laneProof", "lane",
    "laneSize", "laneRoot", "events", "unsealed", "attachments",
}  # fmt: skip
EVENT = {
    "position", "version", "eventId", "name", "effectiveOn", "recordedAt", "meta", "data", "private", "digest",
}  # fmt: skip
READ_ONLY = ("page.html", "verify.py")
PACK_FILE = re.compile(r"packs/([0-9a-f]{64})\.json")
SCHEMA_FILE = re.compile(r"schemas/([a-z0-9.-]+)\.json")

Hash = Callable[[bytes], bytes]


class Wrong(Exception):
    """One thing that does not hold: a stable code, where, and a sentence."""

    def __init__(self, code: str, sentence: str, where: str = "") -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.where = code, sentence, where

    def line(self) -> str:
        return f"✗ {self.where + '：' if self.where else ''}{self.sentence} [{self.code}]"


class Unreadable(Exception):
    """The bundle cannot be read at all."""


class Note(NamedTuple):
    """A checkpoint taken apart: what is signed, by whom."""

    text: str
    signed: bytes
    store: str
    number: int
    total: int
    root: bytes
    at: str
    before: str
    hash: str
    signatures: list[tuple[str, bytes]]


class Result(NamedTuple):
    """What was found: faults, and what was shown, each in a sentence."""

    wrong: list[Wrong]
    shown: list[str]
    steps: list[dict[str, Any]]


# -- reading ---------------------------------------------------------------------------------------------------


class Files:
    """The files of a bundle, in a zip or unpacked in a folder."""

    def __init__(self, path: Path) -> None:
        self._zip: zipfile.ZipFile | None = None
        self._folder = path
        if path.is_dir():
            found = [each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file()]
            self.names = sorted(name for name in found if "__pycache__" not in name)
            return
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile):
            raise Unreadable(f"打不开 {path}：不是审计包（zip），也不是解开后的文件夹。") from None
        self.names = [name for name in self._zip.namelist() if not name.endswith("/")]
        if len({name.lower() for name in self.names}) != len(self.names):
            raise Unreadable("审计包里有同名的文件，不同的程序会读到不同的内容。")

    def read(self, name: str) -> bytes:
        try:
            if self._zip is None:
                return (self._folder / name).read_bytes()
            if self._zip.getinfo(name).file_size > LARGEST:
                raise Unreadable(f"{name} 过大。")
            return self._zip.read(name)
        except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise Unreadable(f"读不出 {name}（{type(error).__name__}）。") from None
        except Exception as error:  # damaged compressed bytes: zlib.error and others
            if isinstance(error, Unreadable):
                raise
            raise Unreadable(f"{name} 已损坏（{type(error).__name__}）。") from None


def no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("double key")
    return dict(pairs)


def json_of(content: bytes, name: str) -> Any:
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=no_doubles)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise Unreadable(f"{name} 不是合格的 JSON（UTF-8，键不重复）。") from None


def field(of: dict[str, Any], name: str, kind: type, where: str = "") -> Any:
    value: Any = of.get(name)
    if type(value) is not kind or (kind is str and not _is_text(value)):
        raise Wrong("field-wrong", f"字段 {name} 缺失或者类型不对。", where)
    return value


def _is_text(value: Any) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in value)


def only(of: dict[str, Any], names: Any, where: str = "") -> None:
    for name in sorted(set(of) - set(names)):
        raise Wrong("field-unknown", f"多出字段 {name}，它不在任何证明之内。", where)


def bytes_of(text: Any, name: str, size: int | None = 32, where: str = "") -> bytes:
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, UnicodeEncodeError, binascii.Error):
        raise Wrong("base64-wrong", f"字段 {name} 不是 base64。", where) from None
    if base64.b64encode(content).decode() != text or (size is not None and len(content) != size):
        raise Wrong("base64-wrong", f"字段 {name} 的长度或者写法不对。", where)
    return content


def id_of(text: str, name: str, where: str = "") -> uuid.UUID:
    try:
        found = uuid.UUID(text)
    except ValueError:
        found = uuid.UUID(int=0)
    if str(found) != text or not found.int:
        raise Wrong("field-wrong", f"字段 {name} 不是编号（UUID）。", where)
    return found


def instant_of(text: str, name: str, where: str = "") -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if found.utcoffset() is not None and found.isoformat(timespec="microseconds") == text:
            return found
    except ValueError:
        pass
    raise Wrong("field-wrong", f"字段 {name} 不是带时区、到微秒的时间。", where)


# -- hashes and trees ------------------------------------------------------------------------------------------


def sm3(content: bytes) -> bytes:
    state = hashes.Hash(hashes.SM3())
    state.update(content)
    return state.finalize()


HASHES: dict[str, Hash] = {"sha256": lambda content: hashlib.sha256(content).digest(), "sm3": sm3}


def digest_of(kind: str, stream: uuid.UUID, event: dict[str, Any], private: bytes | None) -> bytes:
    """The digest of an event, over all its fields, each with its length in four bytes before it."""
    fields = (
        bytes([ALGORITHMS[kind]]),
        uuid.UUID(event["eventId"]).bytes,
        stream.bytes,
        event["version"].to_bytes(8, "big", signed=True),
        event["name"].encode(),
        (event["effectiveOn"] or "").encode(),
        event["meta"].encode(),
        event["data"].encode(),
        private or b"",
    )
    return HASHES[kind](b"".join(len(each).to_bytes(4, "big") + each for each in fields))


def leaf_of(hashed: Hash, lane: int, position: int, at: datetime, digest: bytes) -> bytes:
    recorded = (at - EPOCH) // timedelta(microseconds=1)
    return hashed(
        b"\x00"
        + lane.to_bytes(2, "big")
        + position.to_bytes(8, "big")
        + recorded.to_bytes(8, "big", signed=True)
        + digest
    )


def root_from(hashed: Hash, leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """The root a proof of inclusion leads to (RFC 9162 §2.1.3.2); None where it has not the right length."""
    if not 0 <= index < size:
        return None
    at, last, node = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            return None
        if at & 1 or at == last:
            node = hashed(b"\x01" + beside + node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = hashed(b"\x01" + node + beside)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None


# -- the checkpoint --------------------------------------------------------------------------------------------


def note_of(text: str) -> Note:
    """A checkpoint in its strict form; raises `checkpoint-malformed`."""
    try:
        lines = text.split("\n")
        head, number, total, root, at, before, kind, empty = lines[:8]
        form, store = head.split(" ")
        signatures = lines[8:-1]
        counted = [str(int(each)) == each for each in (number, total)]
        if form != SEAL or empty or lines[-1] or not signatures or not all(counted) or kind not in HASHES:
            raise ValueError
        if int(number) < 1 or int(total) < 0 or (number == "1") != (before == "-"):
            raise ValueError
        id_of(store, "checkpoint")
        instant_of(at, "checkpoint")
        if before != "-":
            bytes_of(before, "checkpoint")
        signed = ("\n".join(lines[:7]) + "\n").encode()
        parts = [line.split(" ") for line in signatures]
        if any(len(each) != 3 or each[0] != "—" for each in parts):
            raise ValueError
        found = [(name, bytes_of(blob, "checkpoint", None)) for _, name, blob in parts]
        return Note(
            text,
            signed,
            store,
            int(number),
            int(total),
            bytes_of(root, "checkpoint"),
            at,
            before,
            kind,
            found,
        )
    except (ValueError, Wrong):
        raise Wrong("checkpoint-malformed", "检查点的写法不对，不能核验。") from None


def signer_of(note: Note, keys: list[bytes]) -> bytes:
    """The key that signed the checkpoint; raises when none of them did."""
    name = f"hulian-{note.store}"
    known = {hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4]: key for key in keys}
    ours = [blob for who, blob in note.signatures if who == name]
    signed = [(known[blob[:4]], blob[4:]) for blob in ours if blob[:4] in known]
    if not signed:
        raise Wrong("key-unknown", "检查点不是用所给的公钥签名的。", "检查点")
    for key, signature in signed:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, note.signed)
        except (InvalidSignature, ValueError):
            raise Wrong("signature-invalid", "检查点的签名不成立，内容或者签名被改过。", "检查点") from None
    return signed[0][0]


def fingerprint(key: bytes) -> str:
    text = hashlib.sha256(key).hexdigest()
    return " ".join(text[n : n + 8] for n in range(0, 64, 8))


def compared(note: Note, content: bytes, lane: int, size: int, root: bytes, keys: list[bytes]) -> str:
    """What a witnessed checkpoint shows about this one; raises where they differ or say nothing of each other."""
    where = "见证的检查点"
    try:
        kept = json.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, ValueError):
        kept = None
    text = kept.get("text") if isinstance(kept, dict) else content.decode("utf-8", "replace")
    if not isinstance(text, str):
        raise Wrong("witness-unreadable", "文件里没有检查点的文本（text）。", where)
    other = note_of(text)
    if other.store != note.store:
        raise Wrong("witness-differs", "见证的是另一个库的检查点。", where)
    signer_of(other, keys)
    if other.number == note.number:
        if other.text != note.text:
            raise Wrong(
                "witness-differs", f"第 {note.number} 号检查点与见证人留存的不同：历史被改写。", where
            )
        return f"第 {note.number} 号检查点与见证人留存的一字不差。"
    first, second = (note, other) if other.number == note.number + 1 else (other, note)
    if second.number == first.number + 1:
        linked = base64.b64encode(HASHES[second.hash](first.text.encode())).decode()
        if second.before != linked:
            raise Wrong("witness-differs", "相邻两个检查点的链不相接：历史被改写。", where)
        return f"第 {first.number} 号与第 {second.number} 号检查点前后相接。"
    sizes, roots = (kept.get("sizes"), kept.get("roots")) if isinstance(kept, dict) else (None, None)
    if isinstance(sizes, list) and isinstance(roots, list) and len(sizes) == len(roots) == LANES:
        try:
            parts = [
                n.to_bytes(2, "big") + sizes[n].to_bytes(8, "big") + bytes_of(roots[n], "roots")
                for n in range(LANES)
            ]
        except (AttributeError, TypeError, OverflowError):
            raise Wrong("witness-unreadable", "文件里的各通道大小和根写法不对。", where) from None
        leaves = [HASHES[other.hash](b"\x00" + part) for part in parts]
        while len(leaves) > 1:
            pairs = zip(leaves[::2], leaves[1::2])
            leaves = [HASHES[other.hash](b"\x01" + left + right) for left, right in pairs]
        if leaves[0] != other.root:
            raise Wrong("witness-differs", "文件里的各通道大小和根，与其检查点不符。", where)
        if sizes[lane] == size:
            if bytes_of(roots[lane], "roots") != root:
                raise Wrong("witness-differs", f"通道 {lane} 同样大小而根不同：历史被改写。", where)
            return f"通道 {lane} 在第 {other.number} 号检查点时与此相同。"
    raise Wrong(
        "witness-not-comparable",
        f"见证的是第 {other.number} 号，本包依据第 {note.number} 号，凭这两件不能比对；请取第 {note.number} 号。",
        where,
    )


# -- the bundle ------------------------------------------------------------------------------------------------


def check(files: Files, insisted: list[bytes] | None, witnessed: bytes | None) -> Result:
    """Everything a bundle says, checked; faults are collected, not raised."""
    wrong: list[Wrong] = []
    shown: list[str] = []
    bundle = json_of(files.read("bundle.json"), "bundle.json")
    if not isinstance(bundle, dict) or bundle.get("format") != FORMAT:
        raise Unreadable(f"bundle.json 不是 {FORMAT} 格式。")
    try:
        return _checked(files, bundle, insisted, witnessed, wrong, shown)
    except Wrong as fault:
        return Result([*wrong, fault], shown, [])


def _checked(
    files: Files,
    bundle: dict[str, Any],
    insisted: list[bytes] | None,
    witnessed: bytes | None,
    wrong: list[Wrong],
    shown: list[str],
) -> Result:
    only(bundle, TOP)
    note = note_of(field(bundle, "checkpoint", str))
    kind = field(bundle, "hash", str)
    if kind != note.hash or field(bundle, "store", str) != note.store:
        raise Wrong("checkpoint-other-store", "检查点属于另一个库，或者用另一种摘要算法。", "检查点")
    instant_of(field(bundle, "exportedAt", str), "exportedAt")
    keys = insisted if insisted is not None else _keys_in(bundle, note.store)
    try:
        key = signer_of(note, keys)
        shown.append(f"检查点第 {note.number} 号（{note.at}，共 {note.total} 个事件）签名成立。")
        shown.append(f"公钥指纹（SHA-256）：{fingerprint(key)}")
    except Wrong as fault:
        wrong.append(fault)

    hashed = HASHES[kind]
    household = id_of(field(bundle, "household", str), "household")
    lane, size = field(bundle, "lane", int), field(bundle, "laneSize", int)
    root = bytes_of(field(bundle, "laneRoot", str), "laneRoot")
    if lane != household.int & 0xFF:
        raise Wrong("lane-wrong", f"户编号属于通道 {household.int & 0xFF}，不是 {lane}。")
    if not 0 <= size <= note.total:
        raise Wrong("lane-wrong", f"通道大小 {size} 超出检查点的总数 {note.total}。")
    proof = [bytes_of(each, "laneProof") for each in field(bundle, "laneProof", list)]
    top = hashed(b"\x00" + lane.to_bytes(2, "big") + size.to_bytes(8, "big") + root)
    if root_from(hashed, top, lane, LANES, proof) != note.root:
        wrong.append(Wrong("lane-not-in-checkpoint", f"通道 {lane} 的大小和根不在检查点之内。"))
    if witnessed is not None:
        try:
            shown.append(compared(note, witnessed, lane, size, root, keys))
        except Wrong as fault:
            wrong.append(fault)

    chain = _Chain(kind, household, lane, size, root)
    for sealed, name in ((True, "events"), (False, "unsealed")):
        for n, event in enumerate(field(bundle, name, list)):
            try:
                chain.step(event, sealed, f"{name}[{n}]")
            except Wrong as fault:
                wrong.append(fault)
    if not chain.steps:
        wrong.append(Wrong("chain-empty", "审计包里没有可核验的事件。"))
    others = _others(files, bundle, chain)
    if not wrong:
        count = sum(each["sealed"] for each in chain.steps)
        shown.append(f"{count} 个事件摘要相符，逐一在通道 {lane} 的封存树之内，序号自 1 起连续。")
        if len(chain.steps) > count:
            shown.append(f"另有 {len(chain.steps) - count} 个事件摘要相符，但晚于检查点，尚未封存。")
    if not others:
        shown.append(f"{len(chain.packs)} 个政策包与各决定所记的摘要相符。")
    return Result(wrong + others, shown, chain.steps)


class _Chain:
    """The steps of a household, checked one after the other."""

    def __init__(self, kind: str, household: uuid.UUID, lane: int, size: int, root: bytes) -> None:
        self.kind, self.household, self.lane, self.size, self.root = kind, household, lane, size, root
        self.steps: list[dict[str, Any]] = []
        self.packs: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.papers: dict[str, tuple[int, str | None]] = {}
        self._version, self._position, self._at = 0, 0, EPOCH - timedelta(days=365_000)

    def step(self, event: Any, sealed: bool, place: str) -> None:
        if not isinstance(event, dict):
            raise Wrong("field-wrong", "不是一个事件。", place)
        only(event, EVENT | {"proof"} if sealed else EVENT, place)
        version, position = field(event, "version", int, place), field(event, "position", int, place)
        name = field(event, "name", str, place)
        where = f"第 {version} 步（{name}，位置 {position}，{place}）"
        expected, self._version = self._version + 1, version
        if version != expected:
            raise Wrong("version-gap", f"序号应为 {expected}：有事件缺失、重复或者次序颠倒。", where)
        id_of(field(event, "eventId", str, where), "eventId", where)
        for each in ("meta", "data"):
            field(event, each, str, where)
        said = self._said(event, where)
        day = event.get("effectiveOn")
        try:
            known = day is None or date.fromisoformat(day).isoformat() == day
        except (TypeError, ValueError):
            known = False
        if "effectiveOn" not in event or not known:
            raise Wrong("field-wrong", "字段 effectiveOn 不是日期。", where)
        at = instant_of(field(event, "recordedAt", str, where), "recordedAt", where)
        if "private" not in event:
            raise Wrong("field-wrong", "字段 private 缺失。", where)
        raw = event["private"]
        private = None if raw is None else bytes_of(raw, "private", None, where)
        digest = bytes_of(field(event, "digest", str, where), "digest", 32, where)
        if raw == "" or not 1 <= version < 1 << 31 or not 1 <= position < 1 << 62:
            raise Wrong("field-wrong", "数值或者密文超出范围。", where)
        if digest_of(self.kind, self.household, event, private) != digest:
            raise Wrong("digest-differs", "内容与摘要不符：这一步的内容被改过。", where)
        if position <= self._position or at < self._at:
            raise Wrong("order-wrong", "位置或者入库时间早于前一步。", where)
        self._position, self._at = position, at
        if (position <= self.size) is not sealed:
            raise Wrong("seal-misplaced", "封存范围之内的事件须有证明，范围之外的不得冒充。", where)
        if sealed:
            hashed = HASHES[self.kind]
            leaf = leaf_of(hashed, self.lane, position, at, digest)
            proof = [bytes_of(each, "proof", 32, where) for each in field(event, "proof", list, where)]
            if root_from(hashed, leaf, position - 1, self.size, proof) != self.root:
                raise Wrong(
                    "event-not-in-lane", "这一步（位置、入库时间、摘要）不在通道的封存树之内。", where
                )
        self.steps.append({**said, "sealed": sealed})

    def _said(self, event: dict[str, Any], where: str) -> dict[str, Any]:
        """What an event says, parsed; what it names is noted, be the event sound or not."""
        self.names.setdefault(event["name"], event["version"])
        try:
            data, meta = json.loads(event["data"]), json.loads(event["meta"] or "{}")
        except (ValueError, RecursionError):
            data = meta = None
        if not isinstance(data, dict) or not isinstance(meta, dict):
            raise Wrong("data-not-json", "内容（data、meta）不是 JSON 对象。", where)
        for pack in packs_in(data):
            self.packs.setdefault(pack, event["version"])
        if isinstance(data.get("document"), str) and isinstance(data.get("sha256"), str):
            self.papers[data["document"]] = (event["version"], data["sha256"])
        if isinstance(data.get("attachment"), str):
            self.papers.setdefault(data["attachment"], (event["version"], None))
        return {**event, "data": data, "meta": meta}


def packs_in(value: Any) -> list[str]:
    """The pack hashes of every receipt in an event's data."""
    if isinstance(value, list):
        return [pack for each in value for pack in packs_in(each)]
    if not isinstance(value, dict):
        return []
    found = value.get("packs") if "rules" in value else None
    own = [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
    return own + [pack for each in value.values() for pack in packs_in(each)]


def _keys_in(bundle: dict[str, Any], store: str) -> list[bytes]:
    keys = []
    for each in field(bundle, "publicKeys", list):
        if not isinstance(each, dict) or set(each) != {"name", "key"} or each["name"] != f"hulian-{store}":
            raise Wrong("field-wrong", "字段 publicKeys 的写法不对。")
        keys.append(bytes_of(each["key"], "publicKeys"))
    return keys


def _others(files: Files, bundle: dict[str, Any], chain: _Chain) -> list[Wrong]:
    """What stands beside the events: packs, attachments, files nobody proves."""
    wrong = []
    there = set(files.names)
    for pack, version in sorted(chain.packs.items()):
        name = f"packs/{pack}.json"
        if name not in there:
            wrong.append(Wrong("pack-missing", f"缺少第 {version} 步所依据的政策包。", name))
        elif hashlib.sha256(files.read(name)).hexdigest() != pack:
            wrong.append(Wrong("pack-differs", f"政策包与第 {version} 步所记的摘要不符：被改过。", name))
    for name in sorted(there - {"bundle.json", *READ_ONLY}):
        pack_file, schema = PACK_FILE.fullmatch(name), SCHEMA_FILE.fullmatch(name)
        if pack_file and pack_file.group(1) in chain.packs:
            continue
        if schema and schema.group(1) in chain.names:
            continue
        wrong.append(Wrong("file-unknown", "审计包里不该有这个文件，没有事件用到它。", name))
    for n, each in enumerate(field(bundle, "attachments", list)):
        where = f"attachments[{n}]"
        if not isinstance(each, dict) or set(each) != {"id", "kind", "media", "size", "sha256"}:
            wrong.append(Wrong("field-wrong", "附件条目的写法不对。", where))
        elif each["id"] not in chain.papers:
            wrong.append(Wrong("attachment-unknown", "没有事件提到这个附件。", where))
        elif chain.papers[each["id"]][1] not in (None, each["sha256"]):
            wrong.append(Wrong("attachment-differs", "附件的摘要与事件所记不符。", where))
    return wrong


# -- the command -----------------------------------------------------------------------------------------------


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="verify.py", description="户链审计包独立核验程序。")
    parser.add_argument(
        "bundle", nargs="?", type=Path, default=Path(__file__).resolve().parent, help="审计包"
    )
    parser.add_argument("--key", metavar="BASE64", help="另行取得的公钥（32 字节的 base64）")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="另行取得的公钥文件（seal-<n>.pub）")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="见证人留存的检查点")
    parser.add_argument("--list", action="store_true", help="列出各步")
    parser.add_argument("--json", action="store_true", help="输出 JSON")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    asked = arguments(words)
    try:
        given = [text for text in (asked.key,) if text]
        if asked.key_file:
            given += asked.key_file.read_text("utf-8").split()
        insisted = [bytes_of(text, "--key") for text in given] if given else None
        witnessed = asked.checkpoint.read_bytes() if asked.checkpoint else None
        result = check(Files(asked.bundle), insisted, witnessed)
    except Unreadable as fault:
        print(f"{fault} [bundle-unreadable]", file=sys.stderr)
        return 2
    except (OSError, UnicodeDecodeError, Wrong) as fault:
        print(f"公钥或者检查点文件读不出来：{fault} [input-unreadable]", file=sys.stderr)
        return 2
    if asked.json:
        told = [{"code": each.code, "where": each.where, "sentence": each.sentence} for each in result.wrong]
        holds = {"holds": not told, "keyInsisted": insisted is not None, "wrong": told, "shown": result.shown}
        print(json.dumps(holds, ensure_ascii=False, indent=2))
    else:
        report(result, insisted is not None, witnessed is not None, asked.list)
    return 1 if result.wrong else 0


def report(result: Result, insisted: bool, witnessed: bool, listed: bool) -> None:
    for sentence in result.shown:
        print(f"・{sentence}")
    if listed:
        for step in result.steps:
            who = " ".join(str(step["meta"].get(each, "")) for each in ("organ", "actor")).strip()
            digest = base64.b64decode(step["digest"]).hex()[:12]
            sealed = "已封存" if step["sealed"] else "未封存"
            print(f"{step['version']}\t{step['effectiveOn']}\t{step['recordedAt']}\t{step['name']}\t{who}"
                  f"\t{digest}\t{sealed}")  # fmt: skip
    for fault in result.wrong:
        print(fault.line())
    print("未核验：page.html、schemas/ 只供阅读，不在证明之内；末尾是否另有事件未导出，本包不能证明。")
    if not insisted:
        print(
            "注意：公钥取自审计包本身，只能证明包内自洽，不能证明出自该系统；请用另行取得的公钥（--key-file）再核。"
        )
    if not witnessed:
        print("注意：没有与见证人的检查点比对（--checkpoint），不能排除整个库连同密钥被重写。")
    print("核验不通过。 [invalid]" if result.wrong else "核验通过。 [valid]")


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    sys.exit(main(sys.argv[1:]))

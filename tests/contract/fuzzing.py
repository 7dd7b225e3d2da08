"""What schemathesis is told beside the document: who asks, what versions are, what no answer may hold.

Loaded by schemathesis in a process of its own (`SCHEMATHESIS_HOOKS`); `HULIAN_FUZZED` names the file with what it
must know.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

_KNOWN: Final[dict[str, Any]] = json.loads(Path(os.environ["HULIAN_FUZZED"]).read_text("utf-8"))
_TOKENS: Final[tuple[str, ...]] = tuple(_KNOWN["tokens"])
_VERSIONS: Final[dict[str, int]] = _KNOWN["versions"]
_SECRETS: Final = re.compile("|".join(re.escape(secret) for secret in _KNOWN["secrets"]))
_SHOWN_ON_PURPOSE: Final = frozenset({"revealHousehold", "getDocument", "getAttachment"})
"""Operations whose 200 shows clear text, each look on record: tested by themselves."""

_LONG_ENOUGH: Final = 6
_DAY: Final = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_VERSION_NOW: Final = re.compile(r'"v(\d+)"')
_numbers = itertools.count(1)


@schemathesis.auth(refresh_interval=None)
class Officers:
    """The first may do what people do, the second is the system; in fuzzing, a third asks for somebody else."""

    def get(self, case: schemathesis.Case, _: schemathesis.AuthContext) -> str:
        phase = case.meta.phase.name.value if case.meta is not None else ""
        said = repr((case.operation.label, case.path_parameters, case.query, case.body))
        number = zlib.crc32(said.encode("utf-8", "backslashreplace"))
        if phase == "fuzzing" and number % 3 == 0:
            return _TOKENS[number // 3 % len(_TOKENS)]
        return _TOKENS[1 if case.operation.definition.raw.get("x-rule") == "P-SYSTEM" else 0]

    def set(self, case: schemathesis.Case, data: str, _: schemathesis.AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    """Give a well-formed request what only who has asked before can know: versions, keys, positions."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # a drawn position lies in the future of every lane, and would be waited for
    if "X-Min-Position" in case.headers:
        case.headers["X-Min-Position"] = "0:0,255:0"
    if "x-command" not in case.operation.definition.raw:
        return
    case.headers["Idempotency-Key"] = f"fuzz-{next(_numbers):08d}"
    version = _VERSIONS.get(str(case.path_parameters.get("household")))
    if version is not None:
        case.headers["If-Match"] = f'"v{version}"'


@schemathesis.hook
def after_call(_: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response) -> None:
    """Remember at which version a household stands now."""
    household = str(case.path_parameters.get("household"))
    told = _VERSION_NOW.fullmatch((response.headers.get("etag") or [""])[0])
    if household in _VERSIONS and told:
        _VERSIONS[household] = int(told[1])


@schemathesis.hook
def filter_failure(
    _: schemathesis.HookContext, failure: Failure, __: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Whether it is one: a request in order may be refused by a rule, which has a code of its own."""
    return not isinstance(failure, RejectedPositiveData) or b'"code":"invalid-request"' in response.content


@schemathesis.check
def says_each_status_it_answers(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """`default` describes what is nobody's plan; what an operation answers to tests is planned."""
    said = case.operation.definition.raw["responses"]
    unplanned = response.status_code == 405 or (response.status_code == 404 and "\u0000" in case.path)
    assert str(response.status_code) in said or unplanned, (
        f"{response.status_code} is not among {sorted(said)}"
    )


@schemathesis.check
def shows_nobody_in_clear(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """No answer holds a name, number, phone, account or address of the town in clear, nor any header."""
    if case.operation.definition.raw.get("operationId") in _SHOWN_ON_PURPOSE and response.status_code == 200:
        return
    for text in (response.text, *(value for values in response.headers.values() for value in values)):
        found = _SECRETS.search(text)
        assert found is None, f"{found} is shown in clear"


@schemathesis.check
def repeats_nothing_it_refuses(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """A problem does not repeat what the request's body or its query said."""
    if response.status_code < 400:
        return
    told = response.text
    for text in _texts([case.body, case.query]):
        harmless = len(text) < _LONG_ENOUGH or _DAY.fullmatch(text) or text in _WORDS
        assert harmless or text not in told, f"{text!r} is repeated"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            # a code that is no region may be told, where it looks like one
            if key not in ("region", "area"):
                yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


_WORDS: Final = frozenset(_KNOWN["words"])
"""Words of the API's own, which a problem may say."""

"""`hulian token`: whose it is, what it lets do, and where; the token alone on standard output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.access.identity import ROLE_WORDS, DevelopmentTokens, Role

ORGAN = ("--organ", "370786/civil-affairs")


def asked(home: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", "token", *words],
        env={**os.environ, "HULIAN_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


def test_a_token_has_the_roles_asked_for_and_says_so_beside_it(tmp_path: Path) -> None:
    done = asked(tmp_path, *ORGAN, "--role", "auditor", "--role", "supervisor", "--region", "3707")
    identity = DevelopmentTokens(tmp_path / "keys").identity(done.stdout.strip(), "127.0.0.1")
    assert identity.roles == {Role.AUDITOR, Role.SUPERVISOR}
    assert (identity.organ, identity.region) == ("370786/civil-affairs", "3707")
    assert "角色：auditor、supervisor" in done.stderr
    assert "辖区：3707" in done.stderr
    assert done.stdout.count("\n") == 1


def test_without_roles_it_is_good_for_trying_everything_a_clerk_pays_and_an_operator_sees(
    tmp_path: Path,
) -> None:
    done = asked(tmp_path, *ORGAN)
    identity = DevelopmentTokens(tmp_path / "keys").identity(done.stdout.strip(), "127.0.0.1")
    assert identity.roles == {Role.CASEWORKER, Role.FINANCE, Role.OPERATOR}
    assert identity.region == "370786"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*ORGAN, "--role", "king"), "没有角色“king”"),
        (("--organ", "somewhere"), "区划代码/部门"),
        ((*ORGAN, "--region", "x"), "区划代码"),
    ],
)
def test_what_is_no_role_organ_or_area_is_wrong_usage(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = asked(tmp_path, *words, status=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_its_help_names_every_role(tmp_path: Path) -> None:
    said = asked(tmp_path, "--help").stdout
    assert all(role in said for role in Role)
    assert set(ROLE_WORDS) == set(Role)

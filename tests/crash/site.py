"""The site (现场): a home of its own with its own durable PostgreSQL, the registers to import, and who is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import psycopg

from application.register.importing import command_id
from application.register.template import write_register
from bootstrap.addresses import Addresses
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import load_settings
from bootstrap.wiring import adopt, migrated, today
from samples.register import families

_REGISTERS = "registers.json"
DURABLE: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    # crashes fall before, into and after checkpoints
    "checkpoint_timeout": "30s",
    "autovacuum_naptime": "10s",
}


@dataclass(frozen=True, slots=True)
class Register:
    """A workbook to import, and the households and commands its rows become."""

    workbook: Path
    commands: tuple[UUID, ...]

    @property
    def households(self) -> tuple[UUID, ...]:
        """The households, in the order of the rows."""
        return tuple(uuid5(command, "household/0") for command in self.commands)


class Site:
    """An installation's home and its server, which is started, killed and recovered here."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        # the server runs as another user, who has to pass through
        home.chmod(0o711)
        self.server = EmbeddedPostgres(home / "postgres", DURABLE)
        self.keys = load_settings(home=home).key_directory
        self._data_directory: Path | None = None
        self.logs = home / "logs"
        self.journal = home / "journal"
        self.witness = home / "witness"
        for made in (self.logs, self.journal, self.witness):
            made.mkdir(exist_ok=True)

    @property
    def addresses(self) -> Addresses:
        """Where the two databases are; each process puts on the roles it works in."""
        store, keys = self.server.uri("hulian"), self.server.uri("hulian_keys")
        return Addresses(store, keys, store, keys)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the installation's processes are told: an ordinary server, which they neither start nor stop."""
        where = self.addresses
        return {
            **os.environ,
            "HULIAN_HOME": str(self.home),
            "HULIAN_DATABASE_URL": where.store,
            "HULIAN_KEYS_URL": where.keys,
            "HULIAN_WITNESS": str(self.witness),
            "HULIAN_LOG_JSON": "true",
            "HULIAN_LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }

    def found(self) -> None:
        """Start the server, make and migrate both databases, adopt the shipped packs."""
        self.server.start()
        for name in ("hulian", "hulian_keys"):
            self.server.ensure_database(name)
        self._data()
        migrated(self.addresses)
        adopt(self.addresses, self.keys, today())

    def answers(self) -> bool:
        """Whether the server answers a query now."""
        return self.server.running()

    def kill_server(self, *, alone: bool = False) -> str:
        """SIGKILL the postmaster, and unless `alone` all its children at the same moment; what was killed."""
        postmaster = self._postmaster()
        children = () if alone else _children(postmaster)
        for process in (postmaster, *children):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return "postmaster alone" if alone else f"postmaster and {len(children)} processes"

    def kill_backend(self, choice: float) -> str:
        """SIGKILL one process of the server, by a number from 0 to 1: it ends all and recovers by itself."""
        postmaster = self._postmaster()
        children = _children(postmaster) or [postmaster]
        victim = children[int(choice * len(children))]
        name = Path(f"/proc/{victim}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
        os.kill(victim, signal.SIGKILL)
        # names and databases only: the rest may be about people
        return " ".join(name.removeprefix("postgres: ").split()[:2])

    def remove(self) -> None:
        """Stop the server and delete everything."""
        self.server.destroy()
        shutil.rmtree(self.home, ignore_errors=True)

    def _postmaster(self) -> int:
        # read, not asked for: a server that recovers from the last kill answers nobody
        return int((self._data() / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])

    def _data(self) -> Path:
        if self._data_directory is None:
            with psycopg.connect(self.server.uri("postgres"), autocommit=True) as connection:
                row = connection.execute("SELECT current_setting('data_directory')").fetchone()
            assert row is not None
            self._data_directory = Path(row[0])
        return self._data_directory


def registers_in(directory: Path, count: int, households: int) -> list[Register]:
    """So many workbooks of so many households each, no household in two of them."""
    made = families(count * households, mistakes=False)
    registers = []
    for n in range(count):
        part = made[n * households : (n + 1) * households]
        target = directory / f"register-{n + 1}.xlsx"
        write_register(
            target,
            [family.household for family in part],
            [member for family in part for member in family.members],
            [item for family in part for item in family.items],
        )
        commands = tuple(
            command_id(
                str(family.household["region"])[:9], str(family.household["household"]), "enter-from-register"
            )
            for family in part
        )
        registers.append(Register(target, commands))
    rows = {register.workbook.name: [str(each) for each in register.commands] for register in registers}
    (directory / _REGISTERS).write_text(json.dumps(rows), "utf-8")
    return registers


def registers_of(directory: Path) -> list[Register]:
    """The registers a run was given, as it wrote them down."""
    rows = json.loads((directory / _REGISTERS).read_text("utf-8"))
    return [
        Register(directory / name, tuple(UUID(each) for each in commands)) for name, commands in rows.items()
    ]


def free_ports(count: int) -> Sequence[int]:
    """Ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _children(process: int) -> list[int]:
    try:
        listed = Path(f"/proc/{process}/task/{process}/children").read_text("ascii")
    except OSError:
        return []
    return [int(each) for each in listed.split()]

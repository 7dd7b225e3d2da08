"""What `hulian doctor` finds (检查结果), and the commands it prints."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from psycopg import Connection

from bootstrap.server.programs import ProgramsMissing, program_for


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: in order, worth knowing, or wrong, with the command that mends it.

    `code` is stable; `mend` is the command line that mends it, or, where none does, what people have to do.
    """

    what: str
    sentence: str
    wrong: bool = False
    warning: bool = False
    mend: str | None = None
    code: str = "fine"

    def line(self) -> str:
        """One line for the terminal."""
        mark = "✗" if self.wrong else "!" if self.warning else "✓"
        return f"{mark} {self.what}：{self.sentence}" + (f"  → {self.mend}" if self.mend else "")

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits beyond which something is not in order."""

    waiting: timedelta = timedelta(minutes=1)
    """An event that a read model has not taken in."""
    unsealed: timedelta = timedelta(minutes=10)
    """An event no checkpoint covers."""
    backup: timedelta = timedelta(days=2)
    """Since the last backup of the keys database."""
    kept: timedelta = timedelta(days=30)
    """A backup of the keys database: an erasure holds against it only when it is gone."""
    skew: timedelta = timedelta(seconds=2)
    """Between the clock here and the database's."""
    free_bytes: int = 2 << 30
    """Room under the data directory."""


def psql(connection: Connection[Any], *statements: str) -> str:
    """The command that runs statements on the database of a connection, as the server's first superuser."""
    row = connection.execute("SELECT rolname::text FROM pg_roles WHERE oid = 10").fetchone()
    superuser = "postgres" if row is None else row[0]
    info = connection.info
    command = [psql_program(), "-h", info.host, "-p", str(info.port), "-U", superuser, "-d", info.dbname]
    for statement in statements:
        command += ["-c", statement]
    return shlex.join(command)


def psql_program() -> str:
    """`psql` when it is on the PATH, otherwise the path of the program."""
    if shutil.which("psql"):
        return "psql"
    try:
        return str(program_for("psql", 0)[0])
    except ProgramsMissing:
        return "psql"

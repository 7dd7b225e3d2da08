"""Exit statuses (退出码): which faults people can mend, and with which status each of them ends the command."""

from __future__ import annotations

REFUSED, NOT_IN_ORDER = 1, 3


def exit_status_of(fault: Exception) -> int | None:
    """The exit status of a fault whose sentence is enough for people; None for anything unforeseen."""
    import psycopg
    from pydantic import ValidationError

    from application.describing.commands import BadField, UnknownCommand
    from application.reference.packs import PackRefused
    from application.reference.regions import RegisterRefused
    from application.register.package import WorkbookUnreadable
    from application.scripts.script import ScriptRefused
    from application.scripts.script_run import ScriptStopped
    from bootstrap.server.home import EmbeddedFault
    from bootstrap.settings import SettingsFault
    from domain.values.refusals import Refusal
    from eventstore.errors import StoreError
    from migrations.runner import MigrationFault

    if isinstance(
        fault, Refusal | WorkbookUnreadable | ScriptRefused | ScriptStopped | BadField | UnknownCommand
    ):
        return REFUSED
    if isinstance(fault, StoreError | PackRefused | RegisterRefused | FileNotFoundError | IsADirectoryError):
        return REFUSED
    if isinstance(
        fault, EmbeddedFault | SettingsFault | MigrationFault | ValidationError | psycopg.OperationalError
    ):
        return NOT_IN_ORDER
    return None


def sentence_of(fault: Exception) -> str:
    """The sentence for people, ending with the stable code in brackets."""
    if isinstance(fault, FileNotFoundError | IsADirectoryError):
        return f"找不到文件 {fault.filename}，请核对路径。 [file-not-found]"
    said = str(fault)
    code = getattr(fault, "code", None)
    return said if code is None or f"[{code}]" in said else f"{said} [{code}]"

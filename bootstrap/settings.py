"""Settings (设置) of an installation, from `HULIAN_…` variables, `.env` and mounted secrets."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_PORT = 8765
PORTS_TRIED = 100
SECRETS = Path("/run/secrets")


class SettingsFault(RuntimeError):
    """A setting that cannot be followed; `code` is stable, the sentence is for people."""

    code: ClassVar[str] = "settings"

    def __init__(self, sentence: str) -> None:
        super().__init__(f"{sentence} [{self.code}]")


class PortTaken(SettingsFault):
    """Another program listens on the port that was asked for."""

    code = "port-taken"


def default_home() -> Path:
    """`.hulian` here when it exists or this is a source folder, else the user's data directory."""
    here = Path.cwd() / ".hulian"
    source = Path.cwd() / "bootstrap" / "settings.py"
    if here.is_dir() or source.exists():
        return here
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "hulian"


class Settings(BaseSettings):
    """All settings of an installation. Addresses are PostgreSQL URLs, and `repr` never shows them."""

    model_config = SettingsConfigDict(
        env_prefix="HULIAN_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    home: Path = Field(default_factory=default_home, description="本机数据目录(内置数据库、密钥)")

    database_url: str | None = Field(None, repr=False, description="业务库地址;不设则使用内置数据库")
    keys_url: str | None = Field(None, repr=False, description="密钥库地址,须与业务库分开")
    migrations_url: str | None = Field(
        default_factory=lambda data: data["database_url"], repr=False, description="升级业务库结构所用的地址"
    )
    keys_migrations_url: str | None = Field(
        default_factory=lambda data: data["keys_url"], repr=False, description="升级密钥库结构所用的地址"
    )
    witness: Path | None = Field(None, description="见证目录:检查点另存到这里,应在别的机器或介质上;须已存在")
    digest: Literal["sha256", "sm3"] = Field("sha256", description="新建事件库的摘要算法;已有事件的库不变")
    pool_size: int = Field(10, ge=1, le=500, description="每个进程的数据库连接数,也是请求线程数")
    batching: bool = Field(True, description="同时等候的命令合并办理;业务库分布在 Citus 上时总是逐条办理")

    host: str = Field("127.0.0.1", description="API 监听地址")
    port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="API 端口;未设置而被占用时取下一个空闲端口")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool | None = Field(None, description="日志为 JSON;不设则在终端上为文字,其余为 JSON")

    @model_validator(mode="after")
    def _keys_lie_apart(self) -> Self:
        if (self.database_url is None) != (self.keys_url is None):
            raise ValueError("HULIAN_DATABASE_URL 与 HULIAN_KEYS_URL 须同时设置或同时不设 [keys-url-missing]")
        if self.database_url is not None and self.database_url == self.keys_url:
            raise ValueError(
                "密钥库须与业务库分开:HULIAN_KEYS_URL 不能与 HULIAN_DATABASE_URL 相同 [keys-not-apart]"
            )
        return self

    @property
    def key_directory(self) -> Path:
        """The directory of the key files, which have mode 0600."""
        return self.home / "keys"

    @property
    def embedded(self) -> bool:
        """Whether the installation uses the embedded server."""
        return self.database_url is None


def load_settings(**told: Any) -> Settings:
    """The settings of this process; `told` (command-line options) wins over variables, `.env` and secrets."""
    secrets = str(SECRETS) if SECRETS.is_dir() else None
    return Settings(
        _secrets_dir=secrets, **{name: value for name, value in told.items() if value is not None}
    )


def as_role(conninfo: str, role: str) -> str:
    """The address of the same database with a role assumed at connection, for a URL or a `key=value` text.

    The login must be a member of the role. A connection pooler in between must let options through.
    """
    option = f"-c role={role}"
    if "://" not in conninfo:
        before = str(conninfo_to_dict(conninfo).get("options") or "")
        return make_conninfo(conninfo, options=f"{before} {option}".strip())
    parts = urlsplit(conninfo)
    # by hand, since libpq reads a "+" as a plus sign and not as a space
    query = [item for item in parts.query.split("&") if item]
    before = " ".join(unquote(item.partition("=")[2]) for item in query if item.startswith("options="))
    kept = [item for item in query if not item.startswith("options=")]
    options = quote(f"{before} {option}".strip(), safe="")
    return urlunsplit(parts._replace(query="&".join([*kept, f"options={options}"])))


def listen(settings: Settings) -> socket.socket:
    """The open socket the API serves on, so that nobody can take the port in between.

    When no port was asked for and the default is taken, the next free one is used. Raises `PortTaken`.
    """
    asked = "port" in settings.model_fields_set
    candidates = [settings.port] if asked else range(settings.port, settings.port + PORTS_TRIED)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for port in candidates:
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((settings.host, port))
            opened.listen(128)
        except OSError as refused:
            opened.close()
            if refused.errno != errno.EADDRINUSE:
                raise
        else:
            return opened
    raise PortTaken(
        f"端口 {settings.host}:{settings.port} 已被占用。请用 HULIAN_PORT 换一个,或停掉占用它的程序。"
    )

"""A connection whose writes fail before its reads do is lost, too: the statement is sent again on another."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from eventstore.postgres.libpq_client import LibpqClient, Statement
from eventstore.postgres.pools import open_pool
from tests.database import Databases

ONE = Statement("one", "SELECT 1")
PARAMETER = b"S" + (4 + len(b"a\x00b\x00")).to_bytes(4, "big") + b"a\x00b\x00"
"""A message a server may send at any moment: the value of some parameter."""


class Between:
    """Stands between a client and the server, and can go deaf: what the client sends then fails at once."""

    def __init__(self, listening: socket.socket, address: tuple[str, int] | str) -> None:
        self.listening = listening
        self.address = address
        self.clients: list[socket.socket] = []
        self.every: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def goes_deaf(self) -> None:
        """To all who are connected now; each goes on hearing something, so that it does not wait for an end."""
        for client in self.clients:
            client.shutdown(socket.SHUT_RD)
            self.threads.append(threading.Thread(target=_murmur, args=(client,)))
            self.threads[-1].start()
        self.clients.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                server = socket.socket(socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET)
                server.connect(self.address)
                self.clients.append(client)
                self.every += [client, server]
                for one, other in ((client, server), (server, client)):
                    self.threads.append(threading.Thread(target=_pass, args=(one, other)))
                    self.threads[-1].start()

    def leaves(self) -> None:
        """Nobody is connected any more."""
        for each in (self.listening, *self.every):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for each in self.every:
            each.close()


def _murmur(client: socket.socket) -> None:
    with suppress(OSError):
        while True:
            client.sendall(PARAMETER)
            time.sleep(0.01)


def _pass(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while said := one.recv(65_536):
            other.sendall(said)


@contextmanager
def between(uri: str, directory: Path) -> Iterator[tuple[Between, str]]:
    """Somebody between, and the address of the database through them."""
    told = conninfo_to_dict(uri)
    host, port = str(told["host"]), int(str(told.get("port", 5432)))
    address = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(directory / ".s.PGSQL.5432"))
        listening.listen()
        them = Between(listening, address)
        try:
            yield them, make_conninfo(uri, host=str(directory), port=5432)
        finally:
            them.leaves()


def test_what_could_not_even_be_sent_is_sent_again_on_another_connection(
    databases: Databases, tmp_path: Path
) -> None:
    with between(databases.app, tmp_path) as (them, uri), open_pool(uri, size=1) as pool:
        client = LibpqClient(pool)
        assert len(client.rows(ONE, ())) == 1
        them.goes_deaf()
        assert len(client.rows(ONE, ())) == 1

"""Addresses (数据库地址): where the databases of an installation are, and with which login each is opened."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.settings import as_role


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the two databases are, for the application and for their owner; roles are assumed at connection.

    `digest` is the digest algorithm of a new store; a store with events keeps its own.
    """

    store: str
    keys: str
    store_owner: str
    keys_owner: str
    digest: str = "sha256"
    sealing: str = ""

    @property
    def sealer(self) -> str:
        """The address of the store for the sealer, as `hulian_sealer`: the login must be a member of that role."""
        return self.sealing or as_role(self.store, "hulian_sealer")

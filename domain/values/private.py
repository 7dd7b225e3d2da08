"""Direct identifiers (个人标识信息): values that are sealed in the store and masked wherever they are shown."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar
from uuid import UUID

T = TypeVar("T")

Owner = UUID
"""A person id or a household id: whose key seals the value, and whose erasure destroys it."""

PrivateKind = Literal["name", "id-number", "phone", "account", "address", "text"]
"""What sort of identifier a private value is; part of the sealing's additional data, so stored for ever."""


class Private(Generic[T]):
    """A value about `owner` that rules never read: clear when just said, a sealed token once stored.

    In stored data it is `{"owner", "kind", "n"}`; token *n* stands in the event's `private` column.
    Two private values are equal when they point at the same owner and kind: "no news" never compares
    what is inside, and state that holds one must not depend on it.
    """

    __slots__ = ("_owner", "kind", "n", "token", "under", "value")

    def __init__(
        self,
        owner: Owner | str,
        kind: PrivateKind,
        value: T | None = None,
        *,
        n: int | None = None,
        token: bytes | None = None,
    ) -> None:
        self._owner = owner
        self.kind = kind
        self.value = value
        self.n = n
        self.token = token
        self.under: Owner | None = None

    @property
    def owner(self) -> Owner:
        """Whose value it is; a stored id is read as one only when somebody asks: a fold never does."""
        owner = self._owner
        if isinstance(owner, str):
            owner = self._owner = UUID(owner)
        return owner

    def handed_to(self, owner: Owner) -> Private[T]:
        """The same value as another's: what is stored for them is sealed anew, `under` whose key it stood."""
        handed: Private[T] = Private(owner, self.kind, self.value, token=self.token)
        handed.under = self.owner
        return handed

    def __repr__(self) -> str:
        return f"<private {self.kind}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Private) and (self.owner, self.kind) == (
            other.owner,
            other.kind,
        )

    def __hash__(self) -> int:
        return hash((self.owner, self.kind))

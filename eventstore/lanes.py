"""Lanes (通道): 256 for ever, chosen by the low byte of the id."""

from __future__ import annotations

from uuid import UUID, uuid5

LANES = 256
"""How many lanes a store has, for its whole life."""


def lane_of(stream: UUID) -> int:
    """The lane of a stream, or of a claim's key: the low byte of its UUID, 0 to 255."""
    return stream.int & 0xFF


def event_id(command: UUID, ordinal: int) -> UUID:
    """The id of a command's event number `ordinal`, counted from 0: the same for every retry."""
    return uuid5(command, f"event/{ordinal}")

"""Garbage collection (垃圾回收): when it is of no use."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave cyclic garbage alone meanwhile: a call makes objects by the thousand, none of them in a cycle.

    Each few thousand of them would have the collector walk through all that the process holds.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()

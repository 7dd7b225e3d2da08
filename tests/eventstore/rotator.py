"""A process that replaces the key-encryption key: `python -m tests.eventstore.rotator KEYS_URI DIRECTORY`.

Says a line for every batch, so that it can be killed wherever it stands.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from eventstore.keys import rotation
from eventstore.keys.key_files import KeyFiles


def main(keys: str, directory: str) -> None:
    files = KeyFiles(Path(directory) / "kek", "kek")
    with psycopg.connect(keys, autocommit=True) as connection:
        rotation.next_kek(connection, files)
        rotation.rewrap(connection, files, lambda done, total: print(done, total, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])

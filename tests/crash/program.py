"""The `hulian` command of a later release: `python -m tests.crash.program …` with HULIAN_CRASH_RELEASE=n.

Every read model is n versions on, so that a worker of it builds them anew beside the live ones and switches.
"""

from __future__ import annotations

import os

from projections.registry import ALL

RELEASE = "HULIAN_CRASH_RELEASE"


def released(release: int) -> None:
    """Make this process one of that release."""
    for projection in ALL:
        projection.version += release


if __name__ == "__main__":
    from bootstrap.cli.main import main

    released(int(os.environ.get(RELEASE, "0")))
    main()

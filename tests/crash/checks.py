"""All checks there are, in the order they are made (核对清单)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.crash import checks_commands, checks_people, checks_reads, checks_store
from tests.crash.evidence import Check, Checked, Evidence

CHECKS: Mapping[str, Check] = {
    "acknowledged": checks_commands.acknowledged,
    "commands": checks_commands.commands,
    "asked-again": checks_commands.asked_again,
    "lanes": checks_store.lanes,
    "streams": checks_store.streams,
    "times": checks_store.times,
    "digests": checks_store.digests,
    "seals": checks_store.seals,
    "claims": checks_people.claims,
    "index": checks_people.index,
    "sealed": checks_people.sealed,
    "looks": checks_reads.looks,
    "imports": checks_reads.imports,
    "checkpoints": checks_reads.checkpoints,
    "steps": checks_reads.steps,
    "projections": checks_reads.projections,
}


def all_checked(evidence: Evidence) -> dict[str, Checked]:
    """What every check found."""
    return {name: check(evidence) for name, check in CHECKS.items()}

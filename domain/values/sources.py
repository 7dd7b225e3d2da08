"""The papers (依据文件): a step cites those in force where and when it was taken."""

from __future__ import annotations

from domain.values.policy import Rules


def cited(basis: str, rules: Rules) -> str:
    """Those citations of a basis (`M57 art.32; L26 art.48`) whose paper the rules of the day and place know.

    A paper is in force by a parameter of its own (`paper.L26`) in the pack of the nation or of a place.
    """
    return "; ".join(each for each in basis.split("; ") if f"paper.{each.partition(' ')[0]}" in rules)

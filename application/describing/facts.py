"""Facts and values as people read them (要点): amounts as yuan, months as a span, codes by their word."""

from __future__ import annotations

from fractions import Fraction

from application.describing.labels import code_word, field_label
from domain.values.money import yuan


def fact(place: str, value: object) -> str:
    """One fact of a chain, by its place (`grace-granted.cause`); empty for a flag whose "no" is not worth saying."""
    label = field_label(place)
    if isinstance(value, bool):
        return label.word if value else label.no
    said = value_word(value, place, label.style)
    return said if place.rpartition(".")[2] == "fen" else f"{label.word} {said}"


def value_word(value: object, place: str = "", style: str = "") -> str:
    """A value as people read it: `style` is how its label has it written, `place` where a code in it stands."""
    if style == "fen-list" and isinstance(value, list):
        return "、".join(value_word(each, place, "fen") for each in value) or "无"
    ratio = _ratio(value)
    if style == "ratio" and ratio is not None:
        return str(Fraction(*ratio))
    if style == "fen" and ratio is not None:
        fen, rest = divmod(ratio[0], ratio[1])
        return f"{yuan(fen)} 元" + (f"又 {rest}/{ratio[1]} 分" if rest else "")
    if style == "fen" and type(value) is int:
        return f"{yuan(value)} 元"
    if value is None:
        return "无"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(value_word(each, place) for each in value)
    if isinstance(value, dict) and value.keys() == {"first", "last"}:
        return f"{value['first']} 至 {value['last']}"
    return code_word(str(value), place)


def _ratio(value: object) -> tuple[int, int] | None:
    match value:
        case [int(numerator), int(denominator)] if denominator > 0:
            return numerator, denominator
    return None

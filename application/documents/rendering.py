"""From a content to a page (文书排版): Jinja templates with everything escaped, one style sheet for print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined

from domain.values.issued import DOCUMENT_WORDS, DocumentKind

MEDIA: Final = "text/html; charset=utf-8"
_SHARED: Final = ("print.css", "paper.html", "parts.html")


@dataclass(frozen=True, slots=True)
class Page:
    """What stands round the content: number, organ, day, articles, remedy, and the number it replaces."""

    kind: DocumentKind
    number: str
    organ: str
    on: str
    basis: tuple[str, ...]
    remedy: str | None = None
    replaces: str | None = None

    @property
    def title(self) -> str:
        """What the document is called."""
        return DOCUMENT_WORDS[self.kind]


def render(page: Page, content: Mapping[str, Any]) -> bytes:
    """The page as a whole HTML document, UTF-8, with its style inside and nothing outside it.

    `content` holds clear texts only. A value the template wants and the content lacks raises.
    """
    return _environment().get_template(f"{page.kind}.html").render(page=page, c=content).encode()


@cache
def template_of(kind: DocumentKind) -> str:
    """The template a kind is rendered with now, pinned by its content: `acceptance-notice@3f2a9c01d2e4`."""
    sources = _sources()
    pinned = sha256()
    for name in (*_SHARED, f"{kind}.html"):
        pinned.update(sources[name].encode() + b"\x00")
    return f"{kind}@{pinned.hexdigest()[:12]}"


@cache
def _sources() -> dict[str, str]:
    folder = files("application").joinpath("documents", "templates")
    return {each.name: each.read_text("utf-8") for each in folder.iterdir() if each.is_file()}


@cache
def _environment() -> Environment:
    sources = _sources()
    environment = Environment(
        loader=DictLoader(sources),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["style"] = sources["print.css"]
    return environment

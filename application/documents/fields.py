"""What a document says (文书内容), kind by kind, and whose it is."""

from __future__ import annotations

from application.documents import decided, investigated
from application.documents.chain import Chain, Content
from application.documents.organs import place_name

CONTENTS = {**investigated.CONTENTS, **decided.CONTENTS}
"""For every kind of document, what its page says about a chain."""


def content(chain: Chain) -> Content:
    """Everything that stands on the page; the sheet on the notice board says nothing but its own."""
    said = CONTENTS[chain.asked.kind](chain)
    if chain.asked.kind == "public-notice":
        return said
    return {
        "place": place_name(chain.household.region(chain.on), chain.context.regions, chain.on),
        "address": chain.address,
        "file": str(chain.household.id)[:8],
        **said,
    }


def organ_of(chain: Chain) -> str:
    """Whose document it is: the deciding organ's, or where nothing was decided that of who issues it."""
    decider = decided.DECIDERS.get(chain.asked.kind)
    found = decider(chain) if decider else None
    return found.organ if found else chain.context.actor.organ

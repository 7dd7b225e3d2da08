"""M57 art.24; L26 art.45: the confirmation is published with members and amount, and only when there is one."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

from domain.decision.notice import NoticeNotForIdentification
from domain.papers.notification import ConfirmationPublished, NothingConfirmed, PublishConfirmation
from tests import stories

ON = date(2025, 4, 21)


def test_members_and_amount_are_published_and_nothing_else() -> None:
    story = stories.ling_in_dibao(ON).when(PublishConfirmation(date(2025, 4, 29))).then(ConfirmationPublished)
    published = story.events[-1]
    assert isinstance(published, ConfirmationPublished)
    assert (published.members, published.fen) == (3, 108_000)
    assert {field.name for field in fields(ConfirmationPublished)} == {"on", "case", "members", "fen"}
    story.no_news(PublishConfirmation(date(2025, 4, 29)))


def test_nothing_is_published_before_the_confirmation() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    assert isinstance(story.refused(PublishConfirmation(date(2025, 4, 28))), NothingConfirmed)


def test_that_a_family_is_marginal_is_not_published() -> None:
    """N31: who aids publishes, whom it aids."""
    refusal = stories.ling_marginal().refused(PublishConfirmation(date(2026, 10, 12)))
    assert isinstance(refusal, NoticeNotForIdentification)

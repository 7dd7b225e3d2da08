"""What the audit page says: papers by their names, attachments by what the store knows of them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from application.audit.page import Notes, Paper, Stored, basis_words


def test_articles_are_named_and_local_papers_left_as_they_are() -> None:
    assert basis_words("M57 art.33") == "《最低生活保障审核确认办法》（民发〔2021〕57号）第三十三条"
    assert basis_words("试验值 P-std（S1）") == "试验值 P-std（S1）"
    assert basis_words("") == ""


def test_an_attachment_whose_step_does_not_say_its_hash_is_listed_as_the_stores_word() -> None:
    attachment, household = "00000000-0000-5000-8000-000000000001", "00000000-0000-5000-8000-000000000002"
    notes = Notes(household, {attachment: "ab" * 32})
    at = datetime(2026, 11, 22, tzinfo=UTC)
    data = f'{{"on":"2026-11-22","attachment":"{attachment}","paper":"委托书"}}'
    stored = Stored(1, 1, "household.agent-mandated.1", date(2026, 11, 22), at, "{}", data, "00", True)
    step = notes.told(stored)
    assert (step.title, step.entered) == ("委托代理", "无记载")
    assert notes.papers == [Paper(1, "委托代理", attachment, "ab" * 32, False)]

"""M57 art.4, 5; L26 art.37; M83 §4: where the applicant is registered he applies; where he lives, if it is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.household.parts import FiledAt
from domain.intake.application import AcceptApplication, Applied, Apply
from domain.intake.application_place import ApplicationPlaced, Place, RecordPlace, WrongPlace
from domain.values.pack import Pack
from domain.values.policy import OverrideNotAllowed
from domain.values.region import RegionAbolished, UnknownRegion
from tests import stories
from tests.scenario import Life, altered, with_pack

ON, LATER = date(2025, 4, 21), date(2026, 7, 1)
HERE, NEIGHBOUR, PROVINCE_AWAY = "990301100201", "990801100", "370786101"
OPEN = altered("990301", "procedure.residence-permit", True, "flag")
PROVINCE = altered("99", "procedure.same-province", True, "flag")


def applied(place: Place, pack: Pack | None = None, on: date = ON) -> Life:
    story = stories.ling_registered(on)
    story = with_pack(story, pack) if pack else story
    return story.when(Apply(on, stories.person(story, 0), place=place))


def filed(story: Life) -> FiledAt:
    case = story.household.case
    assert case is not None
    assert case.filed_at is not None
    return case.filed_at


def test_at_home_it_is_accepted_and_no_ground_to_extend() -> None:
    story = applied(Place(HERE)).then(Applied, ApplicationPlaced)
    assert not filed(story).outside
    assert not filed(story).apart
    story.when(AcceptApplication(ON))


def test_what_is_not_said_is_not_asked() -> None:
    story = stories.ling_registered(ON)
    story = story.when(Apply(ON, stories.person(story, 0))).then(Applied)
    story.when(AcceptApplication(ON))


@pytest.mark.parametrize(
    ("code", "name"),
    [(NEIGHBOUR, "河东镇"), (PROVINCE_AWAY, "卜庄镇"), ("110101", "区划代码“110101”的地方")],
)
def test_who_is_registered_elsewhere_is_told_where_to_apply(code: str, name: str) -> None:
    """The register need not hold every county of the country."""
    refusal = applied(Place(code)).refused(AcceptApplication(ON))
    assert isinstance(refusal, WrongPlace)
    assert refusal.facts["place"] == name
    assert refusal.article == "M57 art.4, 5; L26 art.37"


@pytest.mark.parametrize("on", [ON, LATER])
def test_with_a_residence_permit_where_the_place_has_opened_that(on: date) -> None:
    place = Place(PROVINCE_AWAY, HERE, permit=True)
    assert isinstance(applied(place, on=on).refused(AcceptApplication(on)), WrongPlace)
    story = applied(place, OPEN, on)
    story.when(AcceptApplication(on))
    assert filed(story).outside
    assert isinstance(
        applied(replace(place, permit=False), OPEN, on).refused(AcceptApplication(on)), WrongPlace
    )


def test_within_the_province_as_the_province_provides() -> None:
    applied(Place(NEIGHBOUR), PROVINCE).when(AcceptApplication(ON))
    assert isinstance(applied(Place(PROVINCE_AWAY), PROVINCE).refused(AcceptApplication(ON)), WrongPlace)
    county = altered("990301", "procedure.same-province", True, "flag")
    with pytest.raises(OverrideNotAllowed):
        applied(Place(NEIGHBOUR), county).asked(AcceptApplication(ON))


def test_members_registered_in_several_counties_are_an_application_outside_home() -> None:
    """M57 art.5: one of them applies at his own place, which then does everything."""
    story = applied(Place(HERE, elsewhere=(PROVINCE_AWAY,)))
    assert filed(story).outside
    assert (filed(story).away, filed(story).spread) == (False, True)
    story.when(AcceptApplication(ON))


@pytest.mark.parametrize(
    ("registered", "lives", "apart"),
    [
        ("990301100201", "990301100202", False),  # another village of the township
        ("990301100", "990301100202", False),
        ("990801100", "990801101", True),
        ("990801", "990301", True),
        ("990801", "990801101", False),  # as far as the codes tell
    ],
)
def test_person_and_registration_are_apart_when_the_townships_differ(
    registered: str, lives: str, apart: bool
) -> None:
    assert filed(applied(Place(registered, lives))).apart is apart


def test_it_may_be_found_out_later_and_the_last_word_counts() -> None:
    story = applied(Place(HERE)).when(AcceptApplication(ON))
    day = date(2025, 4, 23)
    story = story.when(RecordPlace(day, Place(HERE, "990801100"))).then(ApplicationPlaced)
    assert filed(story).apart
    story.no_news(RecordPlace(day, Place(HERE, "990801100")))


def test_a_code_must_be_a_countys_at_least_and_one_in_use() -> None:
    story = stories.ling_registered(ON)
    head = stories.person(story, 0)
    for code in ("99", "9903", "1101", "somewhere"):
        assert isinstance(story.refused(Apply(ON, head, place=Place(code))), UnknownRegion)
    assert isinstance(story.refused(Apply(ON, head, place=Place("990801100216"))), RegionAbolished)

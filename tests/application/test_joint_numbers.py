"""An ID number put right on a real store: the wrong one is free for its owner, also when both are told at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
import pytest

from application.handling.request import Handled
from bootstrap.addresses import Addresses
from bootstrap.wiring import Installation, opened
from domain.correction.member_correction import CorrectMember
from domain.household.command import Command
from domain.members.member_changes import AddMember
from domain.members.registration import MemberAdded, NewMember, RegisterHousehold
from domain.values.person import HouseholdId, PersonId
from eventstore.appending.append_types import CommandKey, IndexEntry, IndexRelease, StreamAppend
from eventstore.errors import ClaimConflict
from eventstore.events.envelope import Envelope
from tests.application.test_command_handler import SEED, asked
from tests.database import Databases
from tests.installations import addresses_of, installed

ON = date(2025, 9, 1)
VILLAGE, NEXT_DOOR = "370786101215", "370786101216"
ROUNDS = 12


def number(n: int) -> str:
    """A made-up ID number of its own for each `n`."""
    body = f"9903011960{1 + n // 28 % 12:02d}{1 + n % 28:02d}{n % 1000:03d}"
    total = sum(int(c) * (1 << 17 - k) for k, c in enumerate(body))
    return body + "10X98765432"[total % 11]


WRONG, RIGHT = number(1), number(2)


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path) as installation:
        yield installation


def registered(office: Installation, what: str, id_number: str, village: str = VILLAGE) -> HouseholdId:
    only = RegisterHousehold(ON, village, (NewMember("A", f"甲{what}", "head", id_number),))
    return office.handler.handle(asked(what, only)).household


def person(office: Installation, household: HouseholdId) -> PersonId:
    return office.households.get(household).members[0].person


def done(office: Installation, what: str, command: Command, household: HouseholdId) -> Handled:
    return office.handler.handle(asked(what, command, household))


def found(office: Installation, id_number: str) -> PersonId | None:
    owner = office.store.find("id-number", id_number)
    return None if owner is None else PersonId(owner)


def entries(databases: Databases, owner: PersonId) -> int:
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT count(*) FROM es_index WHERE owner = %s", (owner,)).fetchone()
    assert row is not None
    return int(row[0])


# --- one after the other


def test_the_right_number_finds_the_person_and_the_wrong_one_nobody(
    office: Installation, databases: Databases
) -> None:
    household = registered(office, "one", WRONG)
    somebody = person(office, household)
    done(office, "correct", CorrectMember(ON, 2, "证件录错", id_number=RIGHT), household)
    assert (found(office, RIGHT), found(office, WRONG)) == (somebody, None)
    assert entries(databases, somebody) == 2  # the number and the name


def test_the_wrong_number_is_free_for_its_true_owner(office: Installation) -> None:
    household = registered(office, "one", WRONG)
    done(office, "correct", CorrectMember(ON, 2, "证件录错", id_number=RIGHT), household)
    owner = person(office, registered(office, "owner", WRONG, NEXT_DOOR))
    assert owner != person(office, household)
    assert (found(office, WRONG), found(office, RIGHT)) == (owner, person(office, household))
    clear = office.store.keys.reveal(
        [office.households.get(household).members[0].id_number], purpose="test", actor="w1", subject=SEED
    )
    assert clear == [RIGHT]


def test_a_wrong_name_finds_nobody_any_more(office: Installation) -> None:
    household = registered(office, "错", WRONG)
    done(office, "correct", CorrectMember(ON, 2, "笔误", name="甲对"), household)
    assert (office.store.find("name", "甲错"), found(office, WRONG)) == (None, person(office, household))
    assert office.store.find("name", "甲对") == person(office, household)


def test_the_same_number_said_again_is_still_the_persons(office: Installation) -> None:
    household = registered(office, "one", WRONG)
    done(office, "again", CorrectMember(ON, 2, "核对", id_number=WRONG, name="甲某"), household)
    assert found(office, WRONG) == person(office, household)


def test_a_second_correction_takes_the_first_one_back(office: Installation) -> None:
    household = registered(office, "one", WRONG)
    done(office, "correct", CorrectMember(ON, 2, "证件录错", id_number=RIGHT), household)
    done(office, "back", CorrectMember(ON, 3, "原登记无误", id_number=WRONG), household)
    assert (found(office, WRONG), found(office, RIGHT)) == (person(office, household), None)


def test_a_household_s_own_release_leaves_the_entries_of_others(office: Installation) -> None:
    """Two people of one name: the one who is called otherwise is no longer found by it, the other is."""
    one, other = registered(office, "同名", WRONG), registered(office, "二", RIGHT)
    two = NewMember("B", "甲同名", "other", number(3))
    done(office, "second", AddMember(ON, two, "return"), other)
    done(office, "correct", CorrectMember(ON, 2, "笔误", name="甲异"), one)
    assert office.store.find("name", "甲同名") == office.households.get(other).members[1].person


def test_what_an_append_rests_on_must_still_be_so(office: Installation) -> None:
    """Somebody looked up by a number that is released before the append is not who was meant."""
    household = registered(office, "one", WRONG)
    somebody = person(office, household)
    row = office.store.load(household).rows[1]
    assert isinstance(row.event, MemberAdded)
    assert row.event.id_number is not None
    known = IndexEntry("id-number", WRONG, somebody, known=True)

    def append(what: str, change: IndexEntry | IndexRelease) -> None:
        version = office.store.load(household).version
        envelope = Envelope(household, version + 1, row.event, uuid5(SEED, f"event/{what}"), row.meta)
        stream = StreamAppend(household, "household", version, [envelope])
        office.store.append(CommandKey(uuid5(SEED, what), bytes(32)), [stream], index=[change])

    append("still", known)
    append("release", IndexRelease(row.event.id_number))
    version = office.store.load(household).version
    with pytest.raises(ClaimConflict) as conflict:
        append("gone", known)
    assert conflict.value.kind == "identity"
    assert (office.store.load(household).version, found(office, WRONG)) == (version, None)


# --- at once, from two processes


def test_a_correction_and_the_true_owner_at_once_never_leave_two_numbers_on_one_person(
    office: Installation, databases: Databases, tmp_path: Path
) -> None:
    households = [registered(office, f"wrong/{n}", number(100 + n)) for n in range(ROUNDS)]
    with ExitStack() as stack:
        both = [
            stack.enter_context(_process(databases, tmp_path, mode, [str(each) for each in households]))
            for mode in ("correct", "register")
        ]
        for process in both:
            assert _line(process) == "ready"
        for n in range(ROUNDS):
            for process in both:
                assert process.stdin is not None
                process.stdin.write(f"{n}\n")
                process.stdin.flush()
            assert [_line(process) for process in both] == [f"done {n}"] * 2
    orders = set()
    for n, household in enumerate(households):
        somebody = person(office, household)
        owner = person(office, HouseholdId(uuid5(uuid5(SEED, f"register/{n}"), "household/0")))
        assert found(office, number(200 + n)) == somebody
        # who came first took the number as it stood then; nobody is found by two numbers
        assert found(office, number(100 + n)) == (None if owner == somebody else owner)
        orders.add(owner == somebody)
    assert orders


def _process(databases: Databases, keys: Path, mode: str, households: list[str]) -> subprocess.Popen[str]:
    where = addresses_of(databases)
    addresses = (where.store, where.keys, where.store_owner, where.keys_owner)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.application.test_joint_numbers",
            mode,
            str(keys),
            *addresses,
            *households,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def main() -> None:
    """One of the two offices: for each round told on stdin, its own act."""
    mode, keys, *rest = sys.argv[1:]
    addresses, households = Addresses(*rest[:4]), [HouseholdId(UUID(each)) for each in rest[4:]]
    with opened(addresses, Path(keys), pool_size=2) as office:
        print("ready", flush=True)
        for line in sys.stdin:
            n = int(line)
            if mode == "correct":
                command = CorrectMember(ON, 2, "证件录错", id_number=number(200 + n))
                done(office, f"correct/{n}", command, households[n])
            else:
                registered(office, f"register/{n}", number(100 + n), NEXT_DOOR)
            print(f"done {n}", flush=True)


if __name__ == "__main__":
    main()

"""A family's life as the sample office tells it (样例经历): who did what on which day, step by step.

A life is a list of steps made by walking along the procedure; nothing is decided here. Each step becomes one
real command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from domain.values.calendar import WorkingCalendar
from domain.values.month import Month
from domain.values.receipt import Actor
from samples.office_people import COUNTY, Family, Fields, Registry

COUNTY_ORGAN = f"{COUNTY}/civil-affairs"
CHECKER, DECIDER = Actor("c1", COUNTY_ORGAN), Actor("c2", COUNTY_ORGAN)
"""At the county one officer runs the data check, another decides."""
PLATFORM = Actor("system:platform")

Gap = int | tuple[int, int]
"""Working days after the step before, or from the least to the most of them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command: by whom, on which day, its name and fields as a script would write them."""

    on: date
    by: Actor
    do: str
    fields: Fields


class Life:
    """One family's steps in the making; `on` is the day of the last one, `today` the day the office is looked at."""

    def __init__(
        self,
        family: Family,
        registry: Registry,
        random: Random,
        calendar: WorkingCalendar,
        start: date,
        today: date,
    ) -> None:
        self.family = family
        self.registry = registry
        self.random = random
        self.today = today
        self.on = calendar.next_working_day(start)
        self.steps: list[Step] = []
        self.confirmed: date | None = None
        self.paid: Month | None = None
        self._calendar = calendar
        self._reached = 0
        township = family.region[:9]
        self.clerk = Actor("w1", f"{township}/township")
        self.visitor = Actor("w2", f"{township}/township")
        self.village = Actor("v1", f"{family.region}/village")
        self._register()

    def do(self, by: Actor, do: str, after: Gap = 0, /, **fields: object) -> None:
        """One more step, some working days after the last."""
        days = after if isinstance(after, int) else self.random.randint(*after)
        if days:
            self.on = self._calendar.add_working_days(self.on, days).day
        self.steps.append(Step(self.on, by, do, fields))

    def wait_until(self, day: date) -> None:
        """Let time pass: the next step is not before the first working day from `day` on."""
        self.on = self._calendar.next_working_day(max(day, self.on))

    def through(self, stage: str) -> None:
        """Walk along the Dibao procedure up to and including a stage, from wherever it stands."""
        last = next(n for n, (name, _) in enumerate(PROCEDURE) if name == stage)
        for _, walk in PROCEDURE[self._reached : last + 1]:
            walk(self)
        self._reached = max(self._reached, last + 1)

    def skip(self, stage: str) -> None:
        """Count a stage as gone through: it went another way."""
        self._reached = 1 + next(n for n, (name, _) in enumerate(PROCEDURE) if name == stage)

    def pay(self, until: Month | None = None) -> None:
        """Order and settle each month's aid from the month after the confirmation, up to a month or today."""
        assert self.confirmed is not None
        month = self.paid + 1 if self.paid else Month.of(self.confirmed) + 1
        last = until or Month.of(self.today)
        while month <= last:
            ordered = self._calendar.next_working_day(date(month.year, month.month, 10))
            settled = self._calendar.add_working_days(ordered, 1).day
            if max(ordered, settled, self.on) > self.today:
                return
            self.wait_until(ordered)
            self.do(CHECKER, "order-payment")
            self.do(CHECKER, "settle-payment", 1)
            self.paid = month
            month += 1

    def pay_but_the_last(self) -> None:
        """As `pay` up to today, but the last month is only ordered."""
        self.pay()
        self.steps.pop()
        self.on = self.steps[-1].on

    def months_on(self, count: int) -> Month:
        """The month so many months after the confirmation's."""
        assert self.confirmed is not None
        return Month.of(self.confirmed) + count

    def _register(self) -> None:
        family = self.family
        self.do(
            self.clerk,
            "register-household",
            region=family.region,
            members=family.members,
            address=family.address,
            phone=family.phone,
        )


def _apply(life: Life) -> None:
    channel = life.random.choice(("window", "window", "online", "village"))
    life.do(
        life.clerk,
        "apply",
        applicant="A1",
        channel=channel,
        income=life.family.incomes,
        property={
            "tenure": "owned",
            "dwellings": 1,
            "financial": f"{life.random.randint(0, 60) * 100} 元",
            "vehicles": 0,
            "business": False,
        },
        account=life.family.account,
    )


def _authorise(life: Life) -> None:
    life.do(life.clerk, "authorise-verification", persons=life.family.adults)


def _accept(life: Life) -> None:
    life.do(life.clerk, "accept-application", (0, 2))


def _investigate(life: Life) -> None:
    life.do(life.clerk, "start-investigation", (0, 2))


def _request(life: Life) -> None:
    life.do(life.clerk, "request-verification", (0, 1))


def _check(life: Life) -> None:
    life.do(CHECKER, "start-verification", (1, 2))


def _report(life: Life) -> None:
    sources = ["bank", "vehicle", "real-estate", "social-insurance"]
    life.do(CHECKER, "report-verification", (2, 4), eligible=True, sources=sources)


def _visit(life: Life) -> None:
    life.do(life.visitor, "visit-home", (0, 2), investigators=["w2", "w3"], signed_by="A1")


def _opinion(life: Life) -> None:
    life.do(life.clerk, "give-opinion", (0, 1))


def _post(life: Life) -> None:
    life.do(life.clerk, "post-notice", (0, 1))


def _close(life: Life) -> None:
    life.wait_until(life.on + timedelta(days=7))
    life.do(life.clerk, "close-notice")


def _receive(life: Life) -> None:
    life.do(CHECKER, "receive-file", (1, 2))


def _confirm(life: Life) -> None:
    life.do(DECIDER, "confirm-dibao", (2, 6))
    life.confirmed = life.on


def _publish(life: Life) -> None:
    life.do(DECIDER, "publish-confirmation", (0, 1))


PROCEDURE: tuple[tuple[str, Callable[[Life], None]], ...] = (
    ("applied", _apply),
    ("authorised", _authorise),
    ("accepted", _accept),
    ("investigating", _investigate),
    ("requested", _request),
    ("checking", _check),
    ("reported", _report),
    ("visited", _visit),
    ("proposed", _opinion),
    ("posted", _post),
    ("closed", _close),
    ("received", _receive),
    ("confirmed", _confirm),
    ("published", _publish),
)
"""The stages of an ordinary Dibao procedure, in order, and how each is gone through."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of life: where the family stands at its end, how common it is, and how to tell it.

    `ago` is how many days before today the last step lies, least and most; a life that goes on until today
    has `months` instead: how many lie between its first day and today. `adults` is how many it takes at least.
    """

    key: str
    stands: str
    weight: int
    tell: Callable[[Life], None]
    ago: tuple[int, int] = (0, 4)
    months: tuple[int, int] | None = None
    adults: int = 1


def told(
    kind: Kind, family: Family, registry: Registry, seed: str, calendar: WorkingCalendar, today: date
) -> tuple[Step, ...]:
    """The steps of one family's life, the last of them no later than today; the same for the same seed."""
    random = Random(seed)
    if kind.months is not None:
        start = today - timedelta(days=random.randint(kind.months[0] * 30, kind.months[1] * 30))
        return tuple(
            step for step in _walked(kind, family, registry, seed, calendar, start, today) if step.on <= today
        )
    goal = today - timedelta(days=random.randint(*kind.ago))
    start = goal
    while True:
        steps = tuple(_walked(kind, family, registry, seed, calendar, start, today))
        late = (steps[-1].on - goal).days
        if late <= 0:
            return steps
        start -= timedelta(days=late)


def _walked(
    kind: Kind,
    family: Family,
    registry: Registry,
    seed: str,
    calendar: WorkingCalendar,
    start: date,
    today: date,
) -> Iterator[Step]:
    life = Life(family, registry, Random(f"{seed}/steps"), calendar, start, today)
    kind.tell(life)
    yield from life.steps

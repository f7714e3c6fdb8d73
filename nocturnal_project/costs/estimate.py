"""The sum: fixed lines, storage, and pods by the hour."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nocturnal_project.costs.prices import Prices

HOURS = 24
_SPAN = re.compile(r"(\d{1,2})-(\d{1,2}):(\d{1,4})")
MOST_PODS = 1000


class NotASchedule(Exception):
    """The text is no schedule of a day; the message says why."""


@dataclass(frozen=True)
class Line:
    """One line of a monthly bill."""

    name: str
    monthly: float
    variable: bool = False


@dataclass(frozen=True)
class Estimate:
    """A monthly bill for a mean number of pods."""

    pods: float
    lines: tuple[Line, ...]

    @property
    def fixed(self) -> float:
        """What is paid whatever runs."""
        return sum(line.monthly for line in self.lines if not line.variable)

    @property
    def variable(self) -> float:
        """What is paid for pods."""
        return sum(line.monthly for line in self.lines if line.variable)

    @property
    def total(self) -> float:
        """The bill."""
        return self.fixed + self.variable


def estimate(prices: Prices, *, pods: float, storage_tb: float, spot: bool = False, reserved: bool = False) -> Estimate:
    """Return the bill of a month in which so many pods run on the mean of its hours."""
    hourly = prices.pod_hourly * (1 - prices.spot_discount if spot else 1)
    fixed = [Line(each.name, each.monthly * (1 - each.reserved_discount if reserved else 1)) for each in prices.fixed]
    fixed.append(Line(prices.storage_name, prices.storage_monthly_per_tb * storage_tb))
    pods_line = Line(prices.pod_name, hourly * prices.hours_per_month * pods, variable=True)
    return Estimate(pods, (*fixed, pods_line))


def read_schedule(text: str) -> tuple[int, ...]:
    """Return the pods of each of a day's 24 hours from ``0-8:3,8-20:10,20-24:5``.

    Raises:
        NotASchedule: it is not of that form, or an hour has none or two numbers.
    """
    hours: list[int | None] = [None] * HOURS
    for part in text.replace(" ", "").split(","):
        match = _SPAN.fullmatch(part)
        if not match:
            raise NotASchedule(f"'{part[:40]}' is not of the form FROM-TO:PODS, such as 8-20:10")
        start, end, pods = map(int, match.groups())
        if not start < end <= HOURS:
            raise NotASchedule(f"{start}-{end} are no hours of a day: from 0 to 24, the first before the second")
        if not 1 <= pods <= MOST_PODS:
            raise NotASchedule(f"{pods} pods: from 1 to {MOST_PODS:,}")
        for hour in range(start, end):
            if hours[hour] is not None:
                raise NotASchedule(f"the hour from {hour} has two numbers")
            hours[hour] = pods
    if None in hours:
        raise NotASchedule(f"the hour from {hours.index(None)} has no number of pods")
    return tuple(each for each in hours if each is not None)


def mean_pods(schedule: Sequence[int]) -> float:
    """Return the mean of the hours."""
    return sum(schedule) / len(schedule)


def pods_for(prices: Prices, requests_per_second: float) -> int:
    """Return the pods that a load needs, within what the scaler allows."""
    wanted = math.ceil(requests_per_second / prices.requests_per_second_per_pod)
    return min(max(wanted, prices.pods_min), prices.pods_max)

"""The cluster page's parts: every number in words, every course as a picture."""

import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.conf import settings

from health.cluster.figures import Cluster, Row, cluster_of
from health.cluster.series import Course, Together, Window
from health.cluster.sparkline import Sparkline, highest, sparkline
from health.cluster.words import milliseconds, number, percent
from nocturnal_project.colleagues import Instance, instances_now
from nocturnal_project.instances import own_readings
from nocturnal_project.redis import RedisAway
from ratelimits.templatetags.ratelimits_tags import duration

_COLOURS = {"serving": "success", "draining": "info", "late": "warning"}
_IN_FIVE_MINUTES = "in the last five minutes"


class Tile(NamedTuple):
    """A number that is seen first, its course, and what it is made of."""

    name: str
    value: str
    unit: str
    line: Sparkline
    kind: str
    parts: tuple[tuple[str, str], ...] = ()


class Line(NamedTuple):
    """One instance's row."""

    row: Row
    colour: str
    rps: str
    p95: str
    errors: str
    failing: bool
    cpu: str
    memory: str
    up: str
    beat: str
    outdated: bool
    here: bool
    lines: dict[str, Sparkline]


def seen_now() -> tuple[float, list[Instance], bool]:
    """Return the time, the instances, and whether these are all; without Redis, this one alone."""
    try:
        now, instances = instances_now()
    except RedisAway:
        facts, readings = own_readings()
        now = time.time()
        return (
            now,
            [Instance(settings.INSTANCE_ID, facts, readings[-1][0] if readings else now, tuple(readings))],
            False,
        )
    return now, instances, True


def parts_of(now: float, instances: Sequence[Instance]) -> tuple[Cluster, dict[str, Any]]:
    """Return the figures, and what the page shows of them."""
    cluster, window = cluster_of(now, instances), Window(now, instances)
    most = max(settings.INSTANCES_EXPECTED, len(cluster.rows))
    states = [row.state for row in cluster.rows]
    return cluster, {
        "cluster": cluster,
        "most": most,
        "segments": [*states, *["missing"] * (most - len(states))],
        "tiles": _tiles(cluster, window.together(instances)),
        "lines": _lines(cluster, [window.course(row.instance) for row in cluster.rows]),
        "gone": [(gone, duration(int(now - gone.seen))) for gone in cluster.gone],
    }


def _tiles(cluster: Cluster, together: Together) -> list[Tile]:
    figures = cluster.figures
    top = highest([together.rps], least=1)
    rps = sparkline(together.rps, top=top, title=f"Requests a second {_IN_FIVE_MINUTES}, {number(top)} at most")
    top = highest([together.p95_ms], least=10)
    p95 = sparkline(together.p95_ms, top=top, title=f"p95 {_IN_FIVE_MINUTES}, {milliseconds(top)} at most")
    top = highest([together.error_percent], least=1)
    errors = sparkline(together.error_percent, top=top, title=f"Errors {_IN_FIVE_MINUTES}, {percent(top)} at most")
    value, _, unit = milliseconds(figures.average_ms).partition(" ")
    each = (("p50", figures.p50_ms), ("p95", figures.p95_ms), ("p99", figures.p99_ms))
    return [
        Tile("Requests", number(figures.rps), "a second", rps, "plain"),
        Tile(
            "Response", value, f"{unit} on average".strip(), p95, "plain", tuple((n, milliseconds(v)) for n, v in each)
        ),
        Tile("Errors", percent(figures.error_percent), "of all answers", errors, "bad" if figures.failing else "plain"),
    ]


def _lines(cluster: Cluster, courses: list[Course]) -> list[Line]:
    # One scale for all of a column, so that they can be compared by eye.
    tops = (
        highest([course.rps for course in courses], least=1),
        highest([course.cpu_percent for course in courses], least=100),
        highest([course.memory_mib for course in courses], least=128),
    )
    newest = max(cluster.versions, key=_rank, default="")
    return [_line(row, course, tops, newest) for row, course in zip(cluster.rows, courses, strict=True)]


def _line(row: Row, course: Course, tops: tuple[float, float, float], newest: str) -> Line:
    figures = row.figures
    named = (("rps", "requests a second"), ("cpu", "CPU in % of a core"), ("memory", "memory in MB"))
    return Line(
        row=row,
        colour=_COLOURS[row.state],
        rps=number(figures.rps),
        p95=milliseconds(figures.p95_ms),
        errors=percent(figures.error_percent),
        failing=figures.failing,
        cpu="-" if row.cpu_percent is None else f"{row.cpu_percent:.0f} %",
        memory="-" if row.memory_mib is None else f"{row.memory_mib} MB",
        up=duration(row.up_seconds),
        beat=f"{row.beat_seconds_ago:.0f} s ago",
        outdated=row.version != newest,
        here=row.id == settings.INSTANCE_ID,
        lines={
            key: sparkline(values, top=top, title=f"{row.id}: {what} {_IN_FIVE_MINUTES}; upper edge {number(top)}")
            for (key, what), values, top in zip(named, course, tops, strict=True)
        },
    )


def _rank(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]

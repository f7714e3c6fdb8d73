import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from health.cluster.figures import Cluster, Row, cluster_of
from nocturnal_project.colleagues import instances_now
from nocturnal_project.instances import BEAT_SECONDS, GONE_AFTER_SECONDS
from nocturnal_project.redis import RedisAway, link
from ratelimits.explanations import duration
from ratelimits.tables import table

NOT_KNOWN = 2
_READINGS = 8
_CLEAR = "\x1b[H\x1b[2J"
_HEAD = ("instance", "state", "RPS", "CPU %", "memory MB", "p95 ms", "errors %", "version", "up", "address", "beat")


class Command(BaseCommand):
    help = (
        f"Show the live instances: those that beat in Redis within {GONE_AFTER_SECONDS} seconds, and what they "
        "serve and use. Traffic is that of the last half minute, without probes; CPU is of one core. "
        "Exit code: 0 told, 1 wrong use, 2 not known, because Redis does not answer or none is configured."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON; with --watch one line each time")
        parser.add_argument("--watch", action="store_true", help=f"again every {BEAT_SECONDS} seconds, until Ctrl-C")

    def handle(self, *args: Any, watch: bool, **options: Any) -> None:
        if not link.configured:
            self._give_up("No Redis is configured, so instances do not know of each other: set REDIS_URL.")
        if not watch:
            self._show(compact=False, **options)
            return
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                if not options["json"] and self.stdout.isatty():
                    self.stdout.write(_CLEAR, ending="")
                with contextlib.suppress(SystemExit):  # Redis may come back
                    self._show(compact=True, **options)
                self.stdout.flush()
                time.sleep(BEAT_SECONDS)

    def _show(self, *, compact: bool, **options: Any) -> None:
        try:
            cluster = cluster_of(*instances_now(_READINGS))
        except RedisAway:
            self._give_up("Redis does not answer, so who lives is not known.")
        if options["json"]:
            self.stdout.write(json.dumps(_said(cluster), indent=None if compact else 2))
            return
        for line in _lines(cluster):
            self.stdout.write(line)

    def _give_up(self, why: str) -> NoReturn:
        self.stderr.write(self.style.ERROR(why))
        raise SystemExit(NOT_KNOWN)


def _said(cluster: Cluster) -> dict[str, Any]:
    return {
        "active": len(cluster.rows),
        "expected": settings.INSTANCES_EXPECTED,
        "versions": list(cluster.versions),
        **cluster.figures._asdict(),
        "instances": [row.said() for row in cluster.rows],
        "gone": [
            {"id": gone.id, "left": gone.left, "seconds_ago": round(cluster.now - gone.seen, 1)}
            for gone in cluster.gone
        ],
    }


def _lines(cluster: Cluster) -> Iterator[str]:
    figures, active, most = cluster.figures, len(cluster.rows), max(settings.INSTANCES_EXPECTED, len(cluster.rows), 1)
    full = round(active / most * 10)
    yield f"Active Instances: {'▓' * full}{'░' * (10 - full)} {active}/{most}"
    yield f"Total RPS:        {figures.rps:,.0f} req/s"
    yield f"Avg Response:     {_number(figures.average_ms, 0)} ms"
    yield f"Error Rate:       {_number(figures.error_percent, 2)} %"
    if len(cluster.versions) > 1:
        yield f"Versions differ:  {', '.join(cluster.versions)}"
    yield ""
    yield from table(_HEAD, [_cells(row) for row in cluster.rows])
    for gone in cluster.gone:
        how = "ended" if gone.left else "lost without a word"
        yield f"{gone.id}: {how}, last beat {duration(int(cluster.now - gone.seen))} ago"


def _cells(row: Row) -> tuple[object, ...]:
    return (
        row.id,
        row.state,
        round(row.figures.rps),
        "-" if row.cpu_percent is None else round(row.cpu_percent),
        "-" if row.memory_mib is None else row.memory_mib,
        _number(row.figures.p95_ms, 0),
        _number(row.figures.error_percent, 2),
        row.version,
        duration(row.up_seconds),
        row.address,
        f"{row.beat_seconds_ago:.0f} s ago",
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"

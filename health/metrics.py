"""What Prometheus is told of this process, by django-prometheus's exporter.

For the pod's own port only: nginx answers 404 for this path, and whatever else stands in front must do the same.

Counters stand where they count (requests: nocturnal_project/http_metrics.py). Here are those that are read when they
are asked for, and the migrations. Left out of django-prometheus: its middlewares, which cost more than all of this and
repeat it, and its being an installed app, which adds counters of models that nothing counts.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from django_prometheus.migrations import ExportMigrations
from prometheus_client import REGISTRY, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from health.connections import open_connections
from nocturnal_project.background import every
from nocturnal_project.instances import live_instances
from nocturnal_project.redis import link
from ratelimits import tally
from ratelimits.throttling import exempt

_MIGRATIONS_SECONDS = 60


@csrf_exempt
@exempt("Prometheus asks every few seconds, on the pod's own port.")
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with every metric of this process; looks at nothing else, so that it waits for nothing."""
    response: HttpResponse = ExportToDjangoView(request)
    response.headers["Cache-Control"] = "no-store"
    return response


@every(seconds=_MIGRATIONS_SECONDS)
def follow_migrations() -> None:
    """Look how many migrations the database has and lacks; a scrape must not wait for it.

    Two to three milliseconds of CPU. A release that is being rolled back shows more applied than the version knows.
    """
    with _a_second():
        ExportMigrations()


def _a_second() -> AbstractContextManager[object]:
    """Bound what runs on the thread that also beats: a database that hangs would take this instance off the list."""
    if connection.vendor != "mongodb":
        return nullcontext()
    import pymongo

    return pymongo.timeout(1)


class _AsOfNow(Collector):
    """What is counted or known elsewhere, read at each scrape."""

    def describe(self) -> list[Metric]:
        """Promise nothing: registering would collect at once, before the settings are there."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the limiter's figures, the instances, and the connections where the system tells."""
        decisions = CounterMetricFamily(
            "nocturnal_ratelimit_decisions", "Decisions of this instance.", labels=("policy", "mode", "outcome")
        )
        for outcome, number in tally.known_totals().items():
            decisions.add_metric(outcome, number)
        yield decisions
        yield CounterMetricFamily("nocturnal_ratelimit_store_errors", "Calls of Redis that failed.", value=link.errors)
        shared = "1: limits are counted in Redis; 0: by this instance alone."
        yield GaugeMetricFamily("nocturnal_ratelimit_store_shared", shared, value=int(link.closed))
        living = "Instances alive, as this one last saw."
        yield GaugeMetricFamily("nocturnal_instances_total", living, value=len(live_instances()))
        build = GaugeMetricFamily("nocturnal_build_info", "Always 1; the version is the label.", labels=("version",))
        build.add_metric((settings.VERSION,), 1)
        yield build
        connections = open_connections()
        if connections is not None:
            yield GaugeMetricFamily("nocturnal_active_connections", "Connections open to this port.", value=connections)


REGISTRY.register(_AsOfNow())

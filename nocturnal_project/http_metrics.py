"""What Prometheus is told of requests, counted where their log line is written.

Every label is one of a known set: a route's template, a method that HTTP knows, a status that we answered with; else
``other``. So nobody can make series by asking for what is not there. django-prometheus's two middlewares would tell the
same, with other names, for ten times the cost (benchmarks/metrics.py).
"""

from typing import Protocol

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# A second series for each counter, with the time when it began, which nothing here asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own types leave it out

OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# The admin takes any method on a hundred routes: whoever asked with each would make more series than a scrape takes.
_OF_PAGES = frozenset({"GET", "POST"})
# 0.5 is the promise on latency (deploy/monitoring/rules); the others are where quantiles are read from.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_requests = Counter(
    "nocturnal_http_requests_total", "Requests answered by this instance.", ("method", "route", "status")
)
_seconds = Histogram(
    "nocturnal_http_request_duration_seconds",
    "From the first middleware to the answer's headers; a streamed body comes after.",
    ("method", "route"),
    buckets=BUCKETS,
)
in_flight = Gauge("nocturnal_http_requests_in_flight", "Requests that are being served, of THREADS at most.")
_METHOD_NOT_ALLOWED = 405


class _Series(Protocol):
    def inc(self) -> None:
        """Count one."""


# Finding a series by its labels costs more than counting in it. As bounded as the labels are.
_found: dict[tuple[str, str, int], tuple[_Series, Histogram]] = {}


def observe(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Count one request and how long it took."""
    match, status, method = request.resolver_match, response.status_code, request.method
    route = match.route if match else OTHER
    # A method that the route refuses is no method of it.
    if method not in (METHODS if route.startswith("api/") else _OF_PAGES) or status == _METHOD_NOT_ALLOWED:
        method = OTHER
    key = (method, route, status)
    series = _found.get(key)
    if series is None:
        series = _found[key] = _series(*key, matched=match is not None)
    series[0].inc()
    series[1].observe(seconds)


def _series(method: str, template: str, status: int, *, matched: bool) -> tuple[_Series, Histogram]:
    route = f"/{template}" if matched else OTHER
    return _requests.labels(method, route, str(status)), _seconds.labels(method, route)

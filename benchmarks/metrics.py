"""What counting for /metrics costs a request, in µs of CPU, in this process and without a server.

    .venv/bin/python -m benchmarks.metrics [--rounds 15]

GET /api/health/live through the whole application, in turns: without any counting, with ours, and with
django-prometheus's two middlewares in place of ours. Then one operation's count as MongoDB's engine makes it, and one
scrape of a process that has answered every route. Expected: ours at most 15 µs over none. Ends with 1 otherwise.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from unittest.mock import patch

_CALLS = 1000
_MOST_US = 15.0
_MIDDLEWARES = tuple(f"django_prometheus.middleware.Prometheus{which}Middleware" for which in ("Before", "After"))


class _Nothing:
    """Counts nothing."""

    def inc(self) -> None:
        """Do nothing."""

    dec = inc

    def observe(self, *_: object) -> None:
        """Do nothing."""


def _us(act: Callable[[], Any], calls: int = _CALLS) -> float:
    before = time.process_time()
    for _ in range(calls):
        act()
    return (time.process_time() - before) / calls * 1e6


def _ask(application: Any, path: str = "/api/health/live", method: str = "GET") -> None:
    environment = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:5000",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    answer = application(environment, lambda *_: None)
    b"".join(answer)
    answer.close()


def _sides() -> dict[str, Callable[[], float]]:
    """Return what measures each side, for one round."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.test import override_settings

    from nocturnal_project import http_metrics

    ours = get_wsgi_application()
    with override_settings(MIDDLEWARE=[_MIDDLEWARES[0], *settings.MIDDLEWARE, _MIDDLEWARES[1]]):
        theirs = get_wsgi_application()

    def without(application: Any) -> float:
        nothing = _Nothing()
        with patch.multiple(http_metrics, in_flight=nothing, observe=nothing.observe):
            return _us(lambda: _ask(application))

    return {
        "none": lambda: without(ours),
        "ours": lambda: _us(lambda: _ask(ours)),
        "django-prometheus": lambda: without(theirs),
    }


def main() -> None:
    """Measure, print, and end with 1 when the expectation does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="nocturnal-metrics-") as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "nocturnal_project.settings", "DATA_DIR": folder, "DOTENV": ""}
        os.environ |= {"LOG_LEVEL": "warning"}
        sides = _sides()
        found: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(rounds + 1):
            for name, measure in sides.items():
                us = measure()
                if number:  # the first is to warm up
                    found[name].append(us)
        extra = {name: median(us - none for us, none in zip(found[name], found["none"], strict=True)) for name in found}
        for name, each in found.items():
            print(f"{name:18} {median(each):7.1f} µs   {extra[name]:+6.1f} over none")
        _print_rest()
    sys.exit(extra["ours"] > _MOST_US)


def _print_rest() -> None:
    from django.core.wsgi import get_wsgi_application
    from prometheus_client import generate_latest

    from nocturnal_project.mongodb.metrics import Counted
    from tests.test_urls import routes

    def one_operation() -> None:
        with Counted():
            pass

    print(f"{'MongoDB operation':18} {min(_us(one_operation) for _ in range(5)):7.1f} µs")
    application = get_wsgi_application()
    for route in routes():
        _ask(application, route.path.replace("<", "x").replace(">", "x"))
    lines = len(generate_latest().splitlines())
    print(f"{'scrape':18} {min(_us(generate_latest, 20) for _ in range(5)) / 1000:7.1f} ms, {lines} lines")


if __name__ == "__main__":
    main()

"""Requests as /metrics tells them."""

import random
import string

import pytest
from django.test import Client
from prometheus_client import REGISTRY

from nocturnal_project import http_metrics
from tests.test_urls import routes

_SEED = 5
_ASKED = 10_000
# Of the 10,000 of the ServiceMonitor's sampleLimit, because a scrape of more fails as a whole.
_MOST_SAMPLES = 7_000


def _requests(**labels: str) -> float:
    return REGISTRY.get_sample_value("nocturnal_http_requests_total", labels) or 0


def _measured(**labels: str) -> float:
    return REGISTRY.get_sample_value("nocturnal_http_request_duration_seconds_count", labels) or 0


def _series() -> set[tuple[str, frozenset[tuple[str, str]]]]:
    return {(sample.name, frozenset(sample.labels.items())) for each in REGISTRY.collect() for sample in each.samples}


def test_a_request_is_counted_by_method_template_and_status(client: Client) -> None:
    labels = {"method": "GET", "route": "/api/health/live"}
    counted, measured = _requests(**labels, status="200"), _measured(**labels)

    client.get("/api/health/live")

    assert _requests(**labels, status="200") == counted + 1
    assert _measured(**labels) == measured + 1


def test_an_id_in_a_path_is_no_label(client: Client) -> None:
    client.get("/api/v1/uploads/019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d")

    assert _requests(method="GET", route="/api/v1/uploads/<str:pk>", status="401") >= 1
    assert not any("019b2c3d" in str(labels) for _, labels in _series())


def test_nothing_is_in_flight_once_it_is_answered(client: Client) -> None:
    client.get("/api/health/live")

    assert REGISTRY.get_sample_value("nocturnal_http_requests_in_flight") == 0


def test_a_method_that_nobody_knows_and_one_that_is_refused_are_other(client: Client) -> None:
    client.generic("BREW", "/api/health/live")
    client.delete("/api/health/live")

    assert _requests(method="other", route="/api/health/live", status="405") >= 2
    assert not _requests(method="DELETE", route="/api/health/live", status="405")


def _ask_anything(client: Client, chance: random.Random) -> None:
    depth = chance.randint(1, 5)
    parts = ("".join(chance.choices(string.ascii_letters + string.digits + "-._~%", k=8)) for _ in range(depth))
    start = chance.choice(("", "/api", "/api/v1", "/api/v1/uploads", "/api/v1/auth", "/files", "/metrics", "/account"))
    method = chance.choice([*http_metrics.METHODS, "TRACE", "".join(chance.choices(string.ascii_uppercase, k=6))])
    client.generic(method, f"{start}/{'/'.join(parts)}", REMOTE_ADDR=f"198.51.100.{chance.randrange(256)}")


@pytest.mark.django_db
def test_ten_thousand_random_paths_and_methods_make_no_new_series(client: Client) -> None:
    for method in (*http_metrics.METHODS, "TRACE"):  # what there is, once
        for route in routes():
            client.generic(method, route.path)
    chance = random.Random(_SEED)  # noqa: S311  no secret: the same paths at every run
    for _ in range(1000):
        _ask_anything(client, chance)
    before = _series()

    for _ in range(_ASKED):
        _ask_anything(client, chance)

    assert _series() - before == set()
    assert len(before) < _MOST_SAMPLES

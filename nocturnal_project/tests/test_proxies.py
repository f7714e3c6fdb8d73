"""The number of trusted proxies does not fit what arrives: noticed once, and told to operators."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django_redis.cache  # noqa: F401  not within the 200 ms of the first call, where a collection of garbage may fall
import pytest
from django.core.checks import run_checks
from django.test import RequestFactory
from structlog.testing import capture_logs

from nocturnal_project import proxies
from nocturnal_project.client_ip import client_ip
from nocturnal_project.proxies import Misfit, misfits, tell_others
from nocturnal_project.redis import link
from nocturnal_project.tests import run_python
from tests.services import RedisServer

Arrive = Callable[..., None]


@pytest.fixture(autouse=True)
def nothing_noticed() -> Iterator[None]:
    proxies._noticed.clear()
    proxies._said.clear()
    yield
    proxies._noticed.clear()
    proxies._said.clear()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def remembering(server: RedisServer, settings: Any) -> RedisServer:
    """Use a Redis in which nothing is remembered yet."""
    settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": server.url}}
    settings.REDIS_URL = server.url
    link.call("FLUSHALL")
    return server


@pytest.fixture
def arrive(settings: Any) -> Arrive:
    """Let a request arrive at a deployment with so many trusted proxies."""

    def request(*, hops: int, forwarded: str | None) -> None:
        settings.TRUSTED_PROXIES = hops
        fields = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
        client_ip(RequestFactory().get("/", **fields))  # type: ignore[arg-type]  # META fields

    return request


@pytest.mark.parametrize(
    ("hops", "forwarded", "misfit"),
    [(0, "203.0.113.7", Misfit.UNTRUSTED), (1, None, Misfit.FEWER), (3, "203.0.113.7, 192.0.2.1", Misfit.FEWER)],
)
def test_what_does_not_fit_is_one_line_at_error_however_many_requests_come(
    arrive: Arrive, hops: int, forwarded: str | None, misfit: Misfit
) -> None:
    with capture_logs() as lines:
        for _ in range(50):
            arrive(hops=hops, forwarded=forwarded)

    assert [(line["log_level"], line["advice"]) for line in lines] == [("error", misfit.advice)]
    assert "Set TRUSTED_PROXIES to how many proxies stand in front" in misfit.advice


@pytest.mark.parametrize(("hops", "forwarded"), [(0, None), (1, "203.0.113.7"), (2, "1.1.1.1, 203.0.113.7, 192.0.2.1")])
def test_what_fits_is_not_mentioned(arrive: Arrive, hops: int, forwarded: str | None) -> None:
    with capture_logs() as lines:
        arrive(hops=hops, forwarded=forwarded)

    assert lines == []


def test_what_one_instance_noticed_is_an_error_of_the_deploy_check_for_an_hour(
    arrive: Arrive, remembering: RedisServer
) -> None:
    arrive(hops=0, forwarded="203.0.113.7")
    tell_others()

    assert misfits() == [Misfit.UNTRUSTED]
    assert "nocturnal.E012" in {message.id for message in run_checks(include_deployment_checks=True)}
    assert "nocturnal.E012" not in {message.id for message in run_checks()}  # it may be forged: the start goes on
    assert 3500 < link.call("TTL", f"nocturnal:proxies:{Misfit.UNTRUSTED}") <= 3600


def test_a_number_that_was_set_right_since_is_no_error_any_more(
    arrive: Arrive, remembering: RedisServer, settings: Any
) -> None:
    arrive(hops=0, forwarded="203.0.113.7")
    tell_others()
    settings.TRUSTED_PROXIES = 1

    assert misfits() == []


def test_check_deploy_and_check_services_say_it_in_a_process_of_their_own(
    arrive: Arrive, remembering: RedisServer, tmp_path: Path
) -> None:
    arrive(hops=2, forwarded="203.0.113.7")
    tell_others()
    variables = {"REDIS_URL": remembering.url, "TRUSTED_PROXIES": "2"}

    checked = run_python("manage.py", "check", "--deploy", data_dir=tmp_path, **variables)
    services = run_python("manage.py", "check_services", data_dir=tmp_path, **variables)
    plain = run_python("manage.py", "check", data_dir=tmp_path, **variables)

    assert "(nocturnal.E013)" in checked.stderr
    assert Misfit.FEWER.advice in services.stderr
    assert plain.returncode == 0, plain.stderr

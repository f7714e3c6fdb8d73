"""Networks of probes: their addresses are not counted, and nothing else is spared."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from rest_framework.test import APIClient

from nocturnal_project.tests import run_python
from ratelimits.policies import POLICIES

pytestmark = pytest.mark.django_db
MONITOR = "10.1.2.3"
SITE = "2001:db8:1:2::3"


@pytest.fixture(autouse=True)
def networks(settings: Any) -> Any:
    settings.RATE_LIMIT_EXEMPT_NETWORKS = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "2001:db8::/32")]
    return settings


def _ask(api: APIClient, address: str, times: int) -> list[int]:
    return [api.get("/api/v1/nothing", REMOTE_ADDR=address).status_code for _ in range(times)]


@pytest.mark.parametrize("address", [MONITOR, SITE, f"::ffff:{MONITOR}"])
def test_an_address_of_an_exempt_network_is_never_refused(api: APIClient, address: str) -> None:
    over = POLICIES["api"].normal + 5
    assert set(_ask(api, address, over)) == {404}
    answer = api.get("/api/v1/nothing", REMOTE_ADDR=address)
    assert answer.headers["RateLimit"] == '"api";r=100;t=0'


@pytest.mark.parametrize("address", ["127.0.0.1", "11.0.0.1", "2001:db9::1"])
def test_every_other_address_is_counted_loopback_among_them(api: APIClient, address: str) -> None:
    statuses = _ask(api, address, POLICIES["api"].normal + 1)
    assert (statuses[-2:], set(statuses)) == ([404, 429], {404, 429})


def test_guesses_from_an_exempt_network_are_charged_to_the_account(api: APIClient) -> None:
    def guess(email: str) -> int:
        body = {"email": email, "password": "is it this one?"}
        return api.post("/api/v1/auth/login", body, REMOTE_ADDR=MONITOR).status_code

    assert [guess("alice@example.com") for _ in range(6)] == [401] * 5 + [429]
    assert [guess(f"bob{number}@example.com") for number in range(8)] == [401] * 8


@pytest.mark.parametrize(
    ("chosen", "failing"),
    [
        (["0.0.0.0/0"], {"ratelimits.E006"}),
        (["::/0"], {"ratelimits.E006"}),
        (["0.0.0.0/1", "128.0.0.0/1"], {"ratelimits.E006"}),
        (["2001:db8::1/128"], {"ratelimits.E007"}),
        (["10.0.0.0/8", "10.0.0.1/32", "2001:db8::/64"], set()),
    ],
    ids=str,
)
def test_a_network_that_spares_everybody_or_half_a_subject_is_refused(
    networks: Any, chosen: list[str], failing: set[str]
) -> None:
    networks.RATE_LIMIT_EXEMPT_NETWORKS = [ipaddress.ip_network(each) for each in chosen]

    assert {str(message.id) for message in run_checks() if str(message.id).startswith("ratelimits")} == failing


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "everybody", "10.0.0.0/33", "10.0.0.0 10.0.0.1"])
def test_what_is_no_network_stops_the_start_with_a_sentence(tmp_path: Path, wrong: str) -> None:
    started = run_python("-c", "import nocturnal_project.wsgi", data_dir=tmp_path, RATE_LIMIT_EXEMPT_NETWORKS=wrong)

    assert started.returncode == 3
    assert "Set RATE_LIMIT_EXEMPT_NETWORKS to networks such as 10.0.0.0/8,2001:db8::/32" in started.stderr


def test_the_variable_is_no_misspelt_number_of_a_policy(tmp_path: Path) -> None:
    checked = run_python("manage.py", "check", data_dir=tmp_path, RATE_LIMIT_EXEMPT_NETWORKS="10.0.0.0/8")

    assert checked.returncode == 0, checked.stderr

"""Whatever a client claims of its address, its counts in Redis are the same ones."""

from collections.abc import Sequence
from typing import Any

import pytest
from redis import Redis
from rest_framework.test import APIClient

from ratelimits.policies import POLICIES

PEER = "198.51.100.4"
ME = "203.0.113.7"
CLAIMS = (
    "",
    ",",
    " , ,",
    "192.0.2.1",
    "192.0.2.2, 192.0.2.3",
    "192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192.0.2.6",
    "unknown",
    "_hidden",
    "127.0.0.1",
    "::1",
    "[2001:db8::1]:4711",
    "192.0.2.1:80",
    "::ffff:192.0.2.9",
    "2001:db8:1:2::3%eth0",
    "' OR 1=1 --",
    "rate-limit:*",
    "\x00\x7f\xff",
    "9" * 10_000,
    "192.0.2.1, " * 1_000 + "192.0.2.7",
    '"192.0.2.60"',
    "for=192.0.2.60;proto=http",
)


def _counted(redis: Redis) -> set[str]:
    keys: Any = redis.scan_iter("rate-limit:api:*")
    return {key.decode().removeprefix("rate-limit:api:") for key in keys}


def _ask(claims: Sequence[str], peer: str, behind: str = "") -> None:
    """Ask with each claim, as it arrives through proxies that append the hops in ``behind``."""
    client = APIClient()
    for claim in claims:
        forwarded = f"{claim}, {behind}" if behind else claim
        answer = client.get("/api/v1/me", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("trusted", "behind"), [(0, ""), (1, ME), (2, f"{ME}, 10.0.0.9")], ids=["no proxy", "one proxy", "two proxies"]
)
def test_a_forged_header_never_makes_a_second_count(redis: Redis, settings: Any, trusted: int, behind: str) -> None:
    settings.TRUSTED_PROXIES = trusted
    _ask(CLAIMS, PEER, behind)

    assert _counted(redis) == {f"ip:{ME if trusted else PEER}"}
    assert redis.strlen(f"rate-limit:api:ip:{ME if trusted else PEER}") == 6 * len(CLAIMS)


def test_other_headers_that_name_addresses_are_nobodys(redis: Redis) -> None:
    client = APIClient()
    for name in ("FORWARDED", "X_REAL_IP", "X_CLIENT_IP", "TRUE_CLIENT_IP", "CF_CONNECTING_IP", "X_CLUSTER_CLIENT_IP"):
        headers: dict[str, Any] = {f"HTTP_{name}": "for=192.0.2.60" if name == "FORWARDED" else "192.0.2.60"}
        client.get("/api/v1/me", REMOTE_ADDR=PEER, **headers)

    assert _counted(redis) == {f"ip:{PEER}"}


def test_a_request_that_went_round_the_proxies_counts_as_whoever_sent_it(redis: Redis, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 2
    _ask(("192.0.2.1", "junk", ""), PEER)

    assert _counted(redis) == {f"ip:{PEER}"}


@pytest.mark.parametrize(
    "spellings",
    [
        ("203.0.113.7", "203.0.113.7:51234", "::ffff:203.0.113.7", "::FFFF:CB00:7107", "[::ffff:203.0.113.7]:99"),
        ("2001:db8:1:2::1", "2001:0DB8:1:2:ffff::9", "[2001:db8:1:2::5]:443", "2001:db8:1:2::1%eth0"),
        ("junk", "", "1.2.3", "999.1.1.1", "unix:"),
    ],
    ids=["ipv4", "a /64", "junk"],
)
def test_every_spelling_of_an_address_is_one_count(redis: Redis, settings: Any, spellings: Sequence[str]) -> None:
    settings.TRUSTED_PROXIES = 1
    client = APIClient()
    for spelling in spellings:
        client.get("/api/v1/me", REMOTE_ADDR=PEER, HTTP_X_FORWARDED_FOR=f"192.0.2.1, {spelling}")

    assert len(_counted(redis)) == 1


def test_rotating_inside_a_64_spends_one_limit(redis: Redis) -> None:
    client = APIClient()
    statuses = [
        client.get("/api/v1/me", REMOTE_ADDR=f"2001:db8:1:2::{host:x}").status_code
        for host in range(1, POLICIES["api"].normal + 6)
    ]

    assert statuses == [401] * POLICIES["api"].normal + [429] * 5

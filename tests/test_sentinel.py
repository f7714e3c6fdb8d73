"""Two instances on a Redis that fails over: a real primary, a replica and three sentinels."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nocturnal_project.redis import Link
from nocturnal_project.tests import run_python
from tests.live_server import LiveServer, live_servers
from tests.pods import me, metric, register, sign_out, uses_redis
from tests.servers.base import wait_until
from tests.servers.sentinel import RedisTrio

BACK_WITHIN_S = 5.0
ONCE_S = 0.2 + 0.3  # 200 ms, and what a busy machine adds


@pytest.fixture(scope="module")
def trio() -> Iterator[RedisTrio]:
    with RedisTrio() as running:
        yield running


@pytest.fixture(scope="module")
def pods(trio: RedisTrio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    variables = {
        "DATA_DIR": str(tmp_path_factory.mktemp("shared")),
        "TRUSTED_PROXIES": "1",
        "RATE_LIMIT_API_NORMAL": "100000",
        "LOG_FORMAT": "json",
        **trio.variables,
    }
    instances = {name: {**variables, "INSTANCE_ID": name} for name in ("pod-a", "pod-b")}
    with live_servers(tmp_path_factory.mktemp("pods"), instances, migrate=["pod-a"]) as running:
        yield running


@pytest.fixture(autouse=True)
def all_well(trio: RedisTrio, pods: list[LiveServer]) -> Iterator[None]:
    """Each test leaves a primary with a replica that follows it, and both instances on it."""
    yield
    for server in trio.servers:
        server.thaw()
        if server.exit_code() is not None:
            server.start()
    wait_until(lambda: has_a_replica(trio), within_s=40, failure=lambda: "the other server does not follow")
    wait_until(lambda: all(uses_redis(pod) for pod in pods), within_s=10, failure=lambda: "an instance has no Redis")


def has_a_replica(trio: RedisTrio) -> bool:
    with trio.client(trio.primary) as client:
        replicas = client.info("replication")
    return bool(replicas["role"] == "master" and replicas.get("slave0", {}).get("state") == "online")


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_a_failover_costs_one_wait_no_500_and_redis_is_used_again_within_five_seconds(
    trio: RedisTrio, pods: list[LiveServer], how: str
) -> None:
    people = [register(pod) for pod in pods]
    assert [me(pod, person).status for pod, person in zip(pods, people, strict=True)] == [200, 200]
    first = trio.primary
    slow: list[float] = []
    statuses: Counter[int] = Counter()

    def ask_until_all_are_back(number: int) -> None:
        while not all(uses_redis(pod) for pod in pods):
            answer = me(pods[number], people[number])
            statuses[answer.status] += 1
            slow.append(answer.seconds)

    getattr(first, how)()
    answers = [me(pod, person) for pod, person in zip(pods, people, strict=True)]
    assert [answer.status for answer in answers] == [200, 200]
    assert max(answer.seconds for answer in answers) < ONCE_S
    with ThreadPoolExecutor(2) as threads:
        asking = [threads.submit(ask_until_all_are_back, number) for number in (0, 1)]
        trio.wait_for_another_primary(first)
        elected = time.monotonic()
        for done in asking:
            done.result()

    assert time.monotonic() - elected < BACK_WITHIN_S
    assert set(statuses) == {200}
    assert sorted(slow)[len(slow) * 9 // 10] < 0.1
    with trio.client(trio.primary) as client:
        before = int(client.info("commandstats")["cmdstat_evalsha"]["calls"])
        assert me(pods[0], people[0]).status == 200
        assert int(client.info("commandstats")["cmdstat_evalsha"]["calls"]) > before


def test_a_primary_that_was_demoted_is_left_for_the_new_one(trio: RedisTrio, pods: list[LiveServer]) -> None:
    alice = register(pods[0])
    first = trio.primary
    trio.fail_over()
    trio.wait_for_another_primary(first)
    elected = time.monotonic()

    with trio.client(trio.primary) as client:
        while int(client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]) == 0:
            assert {me(pod, alice).status for pod in pods} == {200}
            assert time.monotonic() - elected < BACK_WITHIN_S
    assert first.exit_code() is None


def test_a_primary_that_was_replaced_while_it_slept_is_left_although_it_takes_writes(
    trio: RedisTrio, settings: Any
) -> None:
    options = {
        "CLIENT_CLASS": "nocturnal_project.redis_cache.SentinelCacheClient",
        "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
        "SENTINELS": [("127.0.0.1", sentinel.port) for sentinel in trio.sentinels],
        "SENTINEL_KWARGS": {"password": trio.sentinel_password, "socket_timeout": 0.2},
        "PASSWORD": trio.password,
        "SOCKET_TIMEOUT": 0.2,
        "CONNECTION_POOL_KWARGS": {"protocol": 2, "driver_info": None},
    }
    settings.REDIS_URL = url = "redis://mymaster/0"
    settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url, "OPTIONS": options}}
    link = Link()
    first = trio.primary
    link.call("SET", "where", "the first")
    first.freeze()
    trio.wait_for_another_primary(first)
    first.thaw()
    assert link.call("SET", "where", "the first, which does not know yet") == b"OK"

    def left_it() -> bool:
        link.look()  # as every two seconds; the sentinel that is asked may not have heard of the failover yet
        return not link.closed

    wait_until(left_it, within_s=BACK_WITHIN_S, failure=lambda: "The old primary was not left")
    wait_until(lambda: link.closed, within_s=BACK_WITHIN_S, failure=lambda: "Redis was not used again")
    link.call("SET", "where", "the second")
    with trio.client(trio.primary) as client:
        assert client.get("where") == b"the second"


def test_a_session_that_ended_on_a_primary_that_was_lost_is_over_on_the_next(
    trio: RedisTrio, pods: list[LiveServer]
) -> None:
    alice = register(pods[0])
    assert [me(pod, alice).status for pod in pods] == [200, 200]
    first = trio.primary
    replica = next(server for server in trio.servers if server is not first)
    with trio.client(replica) as client:
        wait_until(lambda: len(client.keys("session:*")) > 0, within_s=5, failure=lambda: "nothing was replicated")
    replica.freeze()  # what is confirmed from here on does not reach the replica
    sign_out(pods[0], alice)
    first.kill()
    replica.thaw()
    trio.wait_for_another_primary(first, within_s=40)
    with trio.client(replica) as client:
        kept = [client.get(key) for key in client.keys("session:*")]
    assert any(text.startswith(b"L") for text in kept if text)  # the new primary knows nothing of the sign-out

    wait_until(lambda: all(uses_redis(pod) for pod in pods), within_s=BACK_WITHIN_S, failure=lambda: "not used again")

    assert [me(pod, alice).status for pod in pods] == [401, 401]


def test_sentinels_that_are_gone_do_no_harm_to_those_who_are_connected(trio: RedisTrio, pods: list[LiveServer]) -> None:
    alice = register(pods[0])
    before = metric(pods[0], "nocturnal_ratelimit_store_errors_total")
    for sentinel in trio.sentinels:
        sentinel.freeze()
    try:
        assert {me(pods[0], alice).status for _ in range(20)} == {200}
        assert metric(pods[0], "nocturnal_ratelimit_store_errors_total") == before
    finally:
        for sentinel in trio.sentinels:
            sentinel.thaw()


def test_check_services_names_what_sentinels_lead_to(trio: RedisTrio, tmp_path: object, pods: list[LiveServer]) -> None:
    checked = run_python("manage.py", "check_services", **{**pods[0].environment, "data_dir": tmp_path})  # type: ignore[arg-type]  # variables

    assert "redis, sentinel yes" in " ".join(checked.stdout.split()), checked.stdout + checked.stderr

"""Three instances that share one Redis and one database, and lose the Redis."""

import http.client
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.live_server import ROOT, Answer, LiveServer, live_server, live_servers
from tests.pods import PASSWORD, lose_redis, me, metric, register, sign_out, someone, uses_redis, wait_until_all_is_well
from tests.servers.base import wait_until
from tests.services import RedisServer

BACK_WITHIN_S = 5.0
_NAMES = ("pod-a", "pod-b", "pod-c")


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def variables(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the instances have in common: one database, one Redis, no limit on the preparations of a test."""
    return {
        "DATA_DIR": str(tmp_path_factory.mktemp("shared")),
        "PUBLIC_URL": "http://127.0.0.1",
        "REDIS_URL": redis_server.url,
        "TRUSTED_PROXIES": "1",
        "LOG_FORMAT": "json",
    }


@pytest.fixture(scope="module")
def pods(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    instances = {name: {**variables, "INSTANCE_ID": name} for name in _NAMES}
    with live_servers(tmp_path_factory.mktemp("pods"), instances, migrate=["pod-a"]) as running:
        yield running


@pytest.fixture(autouse=True)
def all_well(pods: list[LiveServer], redis_server: RedisServer) -> Iterator[None]:
    """Each test begins with Redis in use by all, who have seen each other, and leaves it so."""
    wait_until_all_is_well(pods)
    yield
    redis_server.thaw()
    if redis_server.process.exit_code() is not None:
        redis_server.start()
    wait_until_all_is_well(pods)


def browse(pod: LiveServer, path: str, headers: dict[str, str], form: dict[str, str] | None = None) -> tuple[int, str]:
    """Ask for a page and return its status and the cookies that it sets; redirects are not followed."""
    connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=10)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    try:
        connection.request("POST" if form else "GET", path, urlencode(form) if form else None, {**headers, **kind})
        answer = connection.getresponse()
        cookies = SimpleCookie(", ".join(answer.headers.get_all("Set-Cookie", [])))
        return answer.status, "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())
    finally:
        connection.close()


def sign_in_staff(pod: LiveServer) -> str:
    """Make a member of staff, sign them in, and return their cookies."""
    email = f"{uuid.uuid4()}@example.com"
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--noinput", "--email", email],
        cwd=ROOT,
        env={**pod.environment, "DJANGO_SUPERUSER_PASSWORD": PASSWORD},
        check=True,
        capture_output=True,
        timeout=60,
    )
    client = someone()
    _, token = browse(pod, "/admin/login/", client)
    form = {"username": email, "password": PASSWORD, "csrfmiddlewaretoken": token.partition("=")[2]}
    status, cookies = browse(pod, "/admin/login/", {**client, "Cookie": token, "Referer": "http://127.0.0.1"}, form)
    assert status == 302
    return cookies


def notes_in(variables: dict[str, str]) -> int:
    with sqlite3.connect(Path(variables["DATA_DIR"]) / "nocturnal.sqlite3", timeout=5) as database:
        return int(database.execute("SELECT count(*) FROM accounts_stalesnapshot").fetchone()[0])


def tries(pods: list[LiveServer], each: int, ask: Callable[[LiveServer], Answer]) -> list[int]:
    """Return the statuses of so many tries at each instance, eight at a time."""
    with ThreadPoolExecutor(8) as threads:
        return [answer.status for answer in threads.map(ask, [pod for _ in range(each) for pod in pods])]


def test_while_redis_is_away_sign_ins_over_all_instances_stay_within_the_limit(
    pods: list[LiveServer], redis_server: RedisServer
) -> None:
    alice = register(pods[0])
    redis_server.kill()
    lose_redis(pods)
    client = someone()
    guess = {"email": alice["email"], "password": "is it this one?"}

    statuses = tries(pods, 6, lambda pod: pod.ask("/api/v1/auth/login", guess, headers=client))

    assert (statuses.count(401), statuses.count(429), len(statuses)) == (5, 13, 18)


def test_while_redis_is_away_each_instance_lets_its_part_of_other_limits_through(
    pods: list[LiveServer], redis_server: RedisServer
) -> None:
    alice = register(pods[0])
    redis_server.kill()
    lose_redis(pods)

    for pod in pods:
        statuses = tries([pod], 36, lambda pod: me(pod, alice))
        assert (statuses.count(200), statuses.count(429)) == (34, 2)


def test_instances_that_have_seen_no_other_share_as_many_as_are_expected(
    pods: list[LiveServer], redis_server: RedisServer, variables: dict[str, str], tmp_path: Path
) -> None:
    alice = register(pods[0])
    redis_server.kill()
    strangers = {f"late-{number}": {**variables, "INSTANCE_ID": f"late-{number}"} for number in range(2)}
    expecting = {name: {**each, "INSTANCES_EXPECTED": "2"} for name, each in strangers.items()}
    client = someone()
    guess = {"email": alice["email"], "password": "is it this one?"}
    with live_servers(tmp_path, expecting, migrate=[]) as late:
        statuses = tries(late, 5, lambda pod: pod.ask("/api/v1/auth/login", guess, headers=client))
        assert (statuses.count(401), statuses.count(429)) == (4, 6)
        assert metric(late[0], "nocturnal_instances_total") == 1
    assert late[0].log_path.read_text().count("redis away") == 1


@pytest.mark.parametrize("how", ["freeze", "kill"])
def test_a_session_that_ends_while_redis_is_away_is_over_on_every_instance_when_it_is_back(
    pods: list[LiveServer], redis_server: RedisServer, variables: dict[str, str], how: str
) -> None:
    people = [register(pods[0]) for _ in range(3)]
    for pod in pods:
        assert [me(pod, person).status for person in people] == [200] * 3  # each has a snapshot in Redis now
    getattr(redis_server, how)()
    lose_redis(pods)
    for pod, person in zip(pods, people, strict=True):
        sign_out(pod, person)
        assert [me(other, person).status for other in pods] == [401] * 3
    assert notes_in(variables) == 3

    redis_server.thaw() if how == "freeze" else redis_server.start()

    deadline = time.monotonic() + BACK_WITHIN_S
    while not all(uses_redis(pod) for pod in pods):
        assert time.monotonic() < deadline
        assert {me(pod, person).status for pod in pods for person in people} == {401}
    assert {me(pod, person).status for pod in pods for person in people} == {401}
    assert notes_in(variables) == 0


def test_a_profile_that_changes_while_redis_is_away_is_the_new_one_when_it_is_back(
    pods: list[LiveServer], redis_server: RedisServer
) -> None:
    alice = register(pods[0])
    assert [me(pod, alice).body["name"] for pod in pods] == [""] * 3
    redis_server.freeze()
    lose_redis(pods)
    signed = {"Authorization": f"Bearer {alice['access_token']}"}
    assert pods[1].ask("/api/v1/me", {"name": "Alice"}, method="PATCH", headers=signed).status == 200

    redis_server.thaw()

    wait_until(
        lambda: all(uses_redis(pod) for pod in pods), within_s=BACK_WITHIN_S, failure=lambda: "Redis was not used again"
    )
    assert [me(pod, alice).body["name"] for pod in pods] == ["Alice"] * 3


def test_what_an_instance_noted_and_did_not_live_to_mark_is_marked_by_another(
    pods: list[LiveServer], redis_server: RedisServer, variables: dict[str, str], tmp_path: Path
) -> None:
    alice = register(pods[0])
    assert me(pods[0], alice).status == 200
    with live_server(data_dir=tmp_path, variables={**variables, "INSTANCE_ID": "pod-d"}, migrate=False) as mortal:
        redis_server.freeze()
        lose_redis([*pods, mortal])
        sign_out(mortal, alice)
    assert notes_in(variables) == 1

    redis_server.thaw()

    wait_until(lambda: uses_redis(pods[2]), within_s=BACK_WITHIN_S, failure=lambda: "Redis was not used again")
    assert me(pods[2], alice).status == 401


def test_an_instance_that_never_lost_redis_hears_of_ended_sessions_within_two_seconds(
    pods: list[LiveServer], variables: dict[str, str], tmp_path: Path
) -> None:
    alice = register(pods[0])
    assert me(pods[0], alice).status == 200
    apart = {**variables, "INSTANCE_ID": "pod-e", "REDIS_URL": "redis://127.0.0.1:9/0"}
    with live_server(data_dir=tmp_path, variables=apart, migrate=False) as cut_off:
        sign_out(cut_off, alice)
        signed_out = time.monotonic()
        assert me(cut_off, alice).status == 401
        while me(pods[0], alice).status == 200:
            assert time.monotonic() - signed_out < 2 + 0.5
        assert metric(pods[0], "nocturnal_ratelimit_store_errors_total") >= 0


def test_staff_see_503_while_redis_is_away_and_are_still_signed_in_after_it(
    pods: list[LiveServer], redis_server: RedisServer
) -> None:
    staff = {"Cookie": sign_in_staff(pods[0]), "Accept": "application/json", **someone()}
    assert browse(pods[1], "/admin/", staff)[0] == 200
    redis_server.freeze()
    lose_redis(pods)

    answers = [pods[0].ask("/admin/", headers=staff) for _ in range(3)]

    assert [(answer.status, answer.body["code"]) for answer in answers] == [(503, "service_unavailable")] * 3
    assert not any(answer.headers["Set-Cookie"] for answer in answers)
    assert max(answer.seconds for answer in answers) < 0.2
    redis_server.thaw()
    wait_until(lambda: uses_redis(pods[1]), within_s=BACK_WITHIN_S, failure=lambda: "Redis was not used again")
    assert browse(pods[1], "/admin/", staff)[0] == 200


def test_health_is_degraded_while_redis_is_away_and_waits_for_it_only_once(
    pods: list[LiveServer], redis_server: RedisServer
) -> None:
    redis_server.freeze()

    def waited_ms() -> float:
        return float(pods[0].ask("/api/health").body["dependencies"]["cache"]["latency_ms"])

    wait_until(lambda: pods[0].ask("/api/health").body["status"] == "degraded", within_s=10, failure=pods[0].log_tail)

    answer = pods[0].ask("/api/health")
    assert (answer.status, answer.body["status"]) == (200, "degraded")
    assert answer.body["dependencies"]["cache"]["latency_ms"] < 350
    wait_until(lambda: waited_ms() < 20, within_s=10, failure=pods[0].log_tail)  # at the next look
    assert pods[0].ask("/api/health/ready").status == 200


def test_several_forwarded_headers_are_one_list_whose_last_entry_counts(pods: list[LiveServer]) -> None:
    path, client = "/api/v1/nothing", someone()["X-Forwarded-For"]

    def left(*forwarded: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", pods[0].port, timeout=10)
        try:
            connection.putrequest("GET", path)
            for value in forwarded:
                connection.putheader("X-Forwarded-For", value)
            connection.putheader("Forwarded", f"for={client}")
            connection.endheaders()
            return connection.getresponse().headers["RateLimit"].partition(";t=")[0]
        finally:
            connection.close()

    assert left("198.51.100.1", client) == '"api";r=99'
    assert left("198.51.100.2, 198.51.100.3", client) == '"api";r=98'
    assert left(f"198.51.100.4, {client}") == '"api";r=97'

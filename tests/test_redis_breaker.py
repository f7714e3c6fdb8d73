"""The breaker, against a real Redis that fails in every way that one can."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from structlog.testing import capture_logs

from nocturnal_project.redis import Link, RedisAway, Script
from tests.servers.base import wait_until
from tests.servers.faulty_proxy import FaultyProxy
from tests.services import RedisServer

# Scheduling on a busy machine comes on top of what the breaker promises: 200 ms once, then 5.
ONCE_S = 0.2 + 0.15
AFTERWARDS_S = 0.005
BACK_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer(password="of-the-test") as running:
        yield running


@pytest.fixture
def admin(server: RedisServer) -> Iterator["redis.Redis"]:
    """A client of the operator's, which mends what a test has done."""
    with redis.Redis.from_url(server.url, socket_timeout=5) as client:
        yield client


@pytest.fixture
def counter(tmp_path: Path) -> Script:
    """A script that counts, as a decision does."""
    file = tmp_path / "count.lua"
    file.write_text("return redis.call('INCR', KEYS[1])")
    return Script(file)


@pytest.fixture
def link_to(settings: Any) -> Callable[[str], Link]:
    """A new way to the Redis at a URL, of this process."""

    def make(url: str) -> Link:
        options = {
            "CLIENT_CLASS": "nocturnal_project.redis_cache.CacheClient",
            "SOCKET_CONNECT_TIMEOUT": 0.2,
            "SOCKET_TIMEOUT": 0.2,
            "CONNECTION_POOL_KWARGS": _once(),
        }
        settings.REDIS_URL = url
        settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url, "OPTIONS": options}}
        return Link()

    return make


def _once() -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {"retry": Retry(NoBackoff(), 0), "protocol": 2, "driver_info": None}


def _proxied(server: RedisServer, proxy: FaultyProxy) -> str:
    return server.url.replace(str(server.port), str(proxy.port))


def _refused_after(link: Link, counter: Script) -> float:
    """Return how long a call took that found no Redis."""
    started = time.monotonic()
    with pytest.raises(RedisAway):
        link.run(counter, ["counted"], ())
    return time.monotonic() - started


def _is_left_alone_and_comes_back(link: Link, counter: Script, mend: Callable[[], object]) -> None:
    assert _refused_after(link, counter) < ONCE_S
    assert not link.closed
    afterwards = sorted(_refused_after(link, counter) for _ in range(20))
    assert afterwards[-2] < AFTERWARDS_S  # one may have met the scheduler
    mend()
    wait_until(lambda: link.closed, within_s=BACK_WITHIN_S, failure=lambda: "Redis was not used again")
    assert link.run(counter, ["counted"], ()) > 0


def _stays_unused(link: Link) -> None:
    """Watch for as long as it takes to try twice whether Redis is back."""
    until = time.monotonic() + 1.1
    while time.monotonic() < until:
        assert not link.closed
        threading.Event().wait(0.02)


def _do_nothing() -> None:
    pass


@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_a_redis_that_is_gone_costs_one_wait_and_is_used_again_when_it_is_back(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script, how: str
) -> None:
    link = link_to(server.url)
    assert link.run(counter, ["counted"], ()) > 0
    server.freeze() if how == "frozen" else server.kill()
    try:
        _is_left_alone_and_comes_back(link, counter, server.thaw if how == "frozen" else server.start)
    finally:
        server.thaw() if how == "frozen" else None


def test_a_redis_that_was_frozen_before_the_first_call_is_the_same(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    server.freeze()
    _is_left_alone_and_comes_back(link, counter, server.thaw)


def test_eight_threads_in_flight_wait_once_each_and_nobody_after_them(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    with ThreadPoolExecutor(8) as threads:
        meet = threading.Barrier(8)

        def warm() -> None:
            meet.wait()
            link.run(counter, ["counted"], ())

        for done in [threads.submit(warm) for _ in range(8)]:
            done.result()
        server.freeze()
        try:

            def wait_then_go_on() -> list[float]:
                meet.wait()
                return [_refused_after(link, counter) for _ in range(5)]

            waits = [done.result() for done in [threads.submit(wait_then_go_on) for _ in range(8)]]
        finally:
            server.thaw()
    assert all(wait[0] < ONCE_S for wait in waits)
    assert sum(second < AFTERWARDS_S for wait in waits for second in wait[1:]) >= 30
    assert all(sum(wait) < ONCE_S + 0.1 for wait in waits)


def test_a_server_that_takes_connections_and_greets_nobody_is_an_outage(
    link_to: Callable[[str], Link], counter: Script
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as deaf:
        link = link_to(f"redis://:secret@127.0.0.1:{deaf.getsockname()[1]}/3")
        assert _refused_after(link, counter) < ONCE_S
        assert _refused_after(link, counter) < AFTERWARDS_S


def test_a_name_that_nobody_resolves_is_an_outage_and_waits_no_longer(
    link_to: Callable[[str], Link], counter: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, asked = socket.getaddrinfo, threading.Event()

    def silent(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "redis.invalid":  # as a name server does that takes no packets; the resolver waits for seconds
            asked.set()
            threading.Event().wait(2)
            raise socket.gaierror("no answer")
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    link = link_to("redis://redis.invalid:6379/0")
    assert _refused_after(link, counter) < ONCE_S
    assert asked.is_set()
    assert _refused_after(link, counter) < AFTERWARDS_S


def test_a_name_that_does_not_exist_is_an_outage(link_to: Callable[[str], Link], counter: Script) -> None:
    assert _refused_after(link_to("redis://nothing.invalid:6379/0"), counter) < ONCE_S


def test_a_wrong_password_is_an_outage_until_it_is_the_right_one(
    server: RedisServer, admin: "redis.Redis", link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url.replace("of-the-test", "another"))
    try:
        _is_left_alone_and_comes_back(link, counter, lambda: admin.config_set("requirepass", "another"))
    finally:
        admin.config_set("requirepass", "of-the-test")


def test_a_full_redis_is_an_outage_although_it_answers(
    server: RedisServer, admin: "redis.Redis", link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    assert link.run(counter, ["counted"], ())
    admin.config_set("maxmemory", "1mb")
    try:
        with redis.Redis.from_url(server.url) as client, pytest.raises(redis.exceptions.OutOfMemoryError):
            for number in range(100):
                client.set(f"filler:{number}", b"x" * 100_000)
        _refused_after(link, counter)
        _stays_unused(link)
        _is_left_alone_and_comes_back(link, counter, lambda: admin.config_set("maxmemory", "0"))
    finally:
        admin.config_set("maxmemory", "0")
        admin.flushall()


def test_a_redis_that_became_a_replica_is_an_outage_until_it_takes_writes(
    server: RedisServer, admin: "redis.Redis", link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    assert link.run(counter, ["counted"], ())
    admin.replicaof("127.0.0.1", 9)
    try:
        _refused_after(link, counter)
        _stays_unused(link)
        _is_left_alone_and_comes_back(link, counter, lambda: admin.replicaof("NO", "ONE"))
    finally:
        admin.replicaof("NO", "ONE")


def test_a_redis_that_cannot_save_and_refuses_writes_is_an_outage(
    server: RedisServer, admin: "redis.Redis", link_to: Callable[[str], Link], counter: Script, tmp_path: Path
) -> None:
    link = link_to(server.url)
    assert link.run(counter, ["counted"], ())
    admin.config_set("save", "3600 1000000")
    (server.folder / "dump.rdb").mkdir()  # so that saving fails
    try:
        admin.bgsave()
        wait_until(
            lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err",
            within_s=10,
            failure=lambda: "it saved",
        )
        _refused_after(link, counter)
        _stays_unused(link)
        _is_left_alone_and_comes_back(link, counter, lambda: admin.config_set("save", ""))
    finally:
        admin.config_set("save", "")
        (server.folder / "dump.rdb").rmdir()


def test_a_redis_that_runs_somebodys_script_for_ever_is_an_outage(
    server: RedisServer, admin: "redis.Redis", link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    assert link.run(counter, ["counted"], ())
    admin.config_set("busy-reply-threshold", "50")

    def spin() -> None:
        with redis.Redis.from_url(server.url) as client, pytest.raises(redis.ResponseError):
            client.eval("while true do end", 0)

    spinning = threading.Thread(target=spin)
    spinning.start()
    wait_until(lambda: _is_busy(server), within_s=5, failure=lambda: "the script does not run")
    try:
        _is_left_alone_and_comes_back(link, counter, admin.script_kill)
    finally:
        if _is_busy(server):
            admin.script_kill()
        spinning.join()


def _is_busy(server: RedisServer) -> bool:
    with redis.Redis.from_url(server.url, socket_timeout=1) as client:
        try:
            client.ping()
        except redis.ResponseError:
            return True
    return False


def test_a_redis_that_is_loading_its_data_is_an_outage_until_it_has(
    link_to: Callable[[str], Link], counter: Script
) -> None:
    with RedisServer(persist=True, settings=["key-load-delay 50"]) as server:
        link = link_to(server.url)
        assert link.run(counter, ["counted"], ()) == 1
        with redis.Redis.from_url(server.url) as client:
            data = client.pipeline(transaction=False)
            for number in range(20_000):
                data.set(f"data:{number}", b"x")
            data.execute()
        server.stop()
        server.process.launch()
        wait_until(lambda: _is_loading(server), within_s=10, failure=lambda: "it never was loading")
        assert _refused_after(link, counter) < ONCE_S
        wait_until(lambda: link.closed, within_s=20, failure=lambda: "Redis was not used again")
        assert link.run(counter, ["counted"], ()) == 2


def _is_loading(server: RedisServer) -> bool:
    with redis.Redis.from_url(server.url, socket_timeout=1) as client:
        try:
            client.ping()
        except redis.exceptions.BusyLoadingError:
            return True
        except redis.ConnectionError:
            return False
    return False


def test_answers_that_take_a_quarter_of_a_second_are_an_outage(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    with FaultyProxy(server.port) as proxy:
        link = link_to(_proxied(server, proxy))
        assert link.run(counter, ["counted"], ())
        proxy.delay_s = 0.25
        _is_left_alone_and_comes_back(link, counter, proxy.mend)


def test_answers_just_within_the_time_are_found_slow_by_the_one_that_looks(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    with FaultyProxy(server.port) as proxy:
        link = link_to(_proxied(server, proxy))
        assert link.run(counter, ["counted"], ())
        proxy.delay_s = 0.15
        assert link.run(counter, ["counted"], ())
        link.look()
        assert not link.closed
        _is_left_alone_and_comes_back(link, counter, proxy.mend)


def test_one_look_at_a_quick_redis_leaves_it_in_use(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    link.look()
    assert (link.closed, link.errors) == (True, 0)


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_after": 0},
        {"cut_after": 2},
        {"garbage": b"\x00\xff garbage\r\n"},
        {"garbage": b"HTTP/1.1 400 Bad\r\n\r\n"},
    ],
    ids=str,
)
def test_an_answer_that_is_none_is_an_outage(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script, fault: dict[str, Any]
) -> None:
    with FaultyProxy(server.port) as proxy:
        link = link_to(_proxied(server, proxy))
        assert link.run(counter, ["counted"], ())
        for name, value in fault.items():
            setattr(proxy, name, value)
        _is_left_alone_and_comes_back(link, counter, proxy.mend)


def test_a_connection_that_redis_has_half_closed_is_not_used_again(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    with FaultyProxy(server.port) as proxy:
        link = link_to(_proxied(server, proxy))
        counted = link.run(counter, ["counted"], ())
        proxy.half_close = True
        assert link.run(counter, ["counted"], ()) == counted + 1
        assert proxy.half_closed.wait(5)
        proxy.mend()
        assert link.run(counter, ["counted"], ()) == counted + 2
        assert link.errors == 0


def test_a_late_answer_is_never_taken_for_the_next_ones(server: RedisServer, link_to: Callable[[str], Link]) -> None:
    with FaultyProxy(server.port) as proxy:
        link = link_to(_proxied(server, proxy))
        link.call("SET", "whose", "the first")
        proxy.delay_s = 0.3
        with pytest.raises(RedisAway):
            link.call("GET", "whose")
        proxy.mend()
        wait_until(lambda: link.closed, within_s=BACK_WITHIN_S, failure=lambda: "Redis was not used again")
        for number in range(50):
            assert link.call("ECHO", str(number)) == str(number).encode()


def test_idle_connections_that_the_server_closed_lose_no_count_and_open_no_breaker(
    server: RedisServer, admin: "redis.Redis", link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    admin.delete("counted")
    for expected in range(1, 6):
        assert link.run(counter, ["counted"], ()) == expected
        admin.client_kill_filter(_type="normal", skipme=True)
    assert link.errors == 0


def test_a_server_started_again_between_two_calls_is_used_within_a_moment(
    link_to: Callable[[str], Link], counter: Script
) -> None:
    with RedisServer(persist=True) as server:
        link = link_to(server.url)
        came_back = []
        link.on_return(lambda: came_back.append(link.server))
        assert link.run(counter, ["counted"], ()) == 1
        first = link.server
        server.stop()
        server.start()
        with pytest.raises(RedisAway):  # it is another run, which may have lost what the one before had confirmed
            link.run(counter, ["counted"], ())
        wait_until(lambda: link.closed, within_s=1, failure=lambda: "Redis was not used again")
        assert link.run(counter, ["counted"], ()) == 2
        assert came_back == [link.server] != [first]


def test_a_script_that_redis_has_forgotten_runs_once(
    server: RedisServer, admin: "redis.Redis", link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    counted = link.run(counter, ["counted"], ())
    admin.script_flush()
    assert link.run(counter, ["counted"], ()) == counted + 1
    assert link.errors == 0


def test_what_has_to_be_done_first_is_done_before_anybody_else_uses_redis(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    link, doing, done = link_to(server.url), threading.Event(), threading.Event()

    def act() -> None:
        link.call("SET", "first", "done")
        doing.set()
        assert done.wait(5)

    link.on_return(act)
    link.run(counter, ["counted"], ())
    server.freeze()
    assert _refused_after(link, counter)
    server.thaw()
    assert doing.wait(BACK_WITHIN_S)
    assert _refused_after(link, counter) < AFTERWARDS_S
    late: list[bool] = []
    noting = threading.Thread(target=lambda: late.append(link.while_away(_do_nothing)))
    noting.start()
    done.set()
    noting.join()
    assert late == [False]  # it may not note what nobody would look for any more
    assert link.closed


def test_redis_stays_unused_while_what_has_to_be_done_first_fails(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    tries: list[int] = []

    def act() -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise OSError("the database is away, too")

    link.on_return(act)
    link.run(counter, ["counted"], ())
    server.freeze()
    assert _refused_after(link, counter)
    server.thaw()
    wait_until(lambda: link.closed, within_s=BACK_WITHIN_S, failure=lambda: "Redis was not used again")
    assert len(tries) == 3


def test_an_outage_is_one_line_at_error_and_its_end_one_at_warning(
    server: RedisServer, link_to: Callable[[str], Link], counter: Script
) -> None:
    link = link_to(server.url)
    link.run(counter, ["counted"], ())
    server.freeze()
    with capture_logs() as lines:
        for _ in range(5):
            _refused_after(link, counter)
        server.thaw()
        wait_until(lambda: len(lines) > 1, within_s=BACK_WITHIN_S, failure=lambda: "nothing was logged")
    said = [(line["log_level"], line["event"].partition(":")[0]) for line in lines if line["log_level"] != "debug"]
    assert said == [("error", "redis away"), ("warning", "redis back")]


def test_without_redis_configured_nothing_is_asked(link_to: Callable[[str], Link], counter: Script) -> None:
    assert django_settings.REDIS_URL == ""
    link = Link()
    with pytest.raises(RedisAway):
        link.run(counter, ["counted"], ())
    assert link.errors == 0

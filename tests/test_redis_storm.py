"""Every kind of request, at three instances, while their Redis is lost in one way after the other."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import redis

from tests.live_server import Answer, LiveServer, live_servers
from tests.pods import register, someone, uses_redis, wait_until_all_is_well
from tests.servers.base import wait_until
from tests.services import RedisServer
from uploads.tests import samples

_FAULT_SECONDS = 2.0
_NAMES = ("pod-a", "pod-b", "pod-c")
_PNG = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="moon.png"\r\nContent-Type: image/png\r\n\r\n'
    + samples.PNG
    + b"\r\n--x--\r\n"
)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def pods(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    variables = {
        "DATA_DIR": str(tmp_path_factory.mktemp("shared")),
        "REDIS_URL": redis_server.url,
        "TRUSTED_PROXIES": "1",
        "RATE_LIMIT_API_NORMAL": "100000",
        "RATE_LIMIT_UPLOAD_NORMAL": "100000",
        "LOG_FORMAT": "json",
    }
    instances = {name: {**variables, "INSTANCE_ID": name} for name in _NAMES}
    with live_servers(tmp_path_factory.mktemp("pods"), instances, migrate=["pod-a"]) as running:
        wait_until_all_is_well(running)
        yield running


@dataclass
class Client:
    """Someone who asks for one thing after the other, at one instance, until told to stop."""

    pod: LiveServer
    tokens: dict[str, str]
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def ask_until(self, stop: threading.Event) -> None:
        """Ask everything in turn."""
        turns = (self.read, self.read, self.sign_in, self.read, self.refresh, self.garbage, self.upload)
        while not stop.is_set():
            for turn in turns:
                answer = turn()
                self.statuses[turn.__name__, answer.status] += 1
                if turn == self.read:
                    self.seconds.append(answer.seconds)

    def _signed(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def read(self) -> Answer:
        """Read the own profile."""
        return self.pod.ask("/api/v1/me", headers=self._signed())

    def sign_in(self) -> Answer:
        """Guess at an account."""
        guess = {"email": "nobody@example.com", "password": "is it this one?"}
        return self.pod.ask("/api/v1/auth/login", guess, headers=someone())

    def refresh(self) -> Answer:
        """Trade the refresh token."""
        token = {"refresh_token": self.tokens["refresh_token"]}
        answer = self.pod.ask("/api/v1/auth/refresh", token, headers=someone())
        if answer.status == 200:
            self.tokens = answer.body
        return answer

    def garbage(self) -> Answer:
        """Send what nobody understands."""
        return self.pod.ask("/api/v1/auth/login", b"\xff{]", headers=someone())

    def upload(self) -> Answer:
        """Store a picture."""
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        return self.pod.ask("/api/v1/uploads", _PNG, headers={**self._signed(), **kind})


def _faults(server: RedisServer) -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    def fill() -> None:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory", "1500kb")
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                for number in range(100):
                    client.set(f"filler:{number}", b"x" * 100_000)

    def tell(*command: str) -> Callable[[], object]:
        def told() -> object:
            with redis.Redis.from_url(server.url) as client:
                return client.execute_command(*command)

        return told

    def empty() -> None:
        tell("CONFIG", "SET", "maxmemory", "0")()
        with redis.Redis.from_url(server.url) as client:
            for key in client.keys("filler:*"):
                client.delete(key)

    def restart() -> None:
        server.stop()
        server.start()

    return [
        ("killed", server.kill, server.start),
        ("frozen", server.freeze, server.thaw),
        ("started again", restart, lambda: None),
        ("full", fill, empty),
        ("read-only", tell("REPLICAOF", "127.0.0.1", "9"), tell("REPLICAOF", "NO", "ONE")),
    ]


def test_no_request_is_answered_500_whatever_happens_to_redis(
    pods: list[LiveServer], redis_server: RedisServer
) -> None:
    clients = [Client(pod, register(pod)) for pod in pods for _ in range(2)]
    stop = threading.Event()
    back: dict[str, float] = {}
    with ThreadPoolExecutor(len(clients)) as threads:
        asking = [threads.submit(client.ask_until, stop) for client in clients]
        try:
            for name, break_it, mend_it in _faults(redis_server):
                break_it()
                time.sleep(_FAULT_SECONDS)  # of traffic
                mend_it()
                mended = time.monotonic()
                wait_until(
                    lambda: all(uses_redis(pod) for pod in pods),
                    within_s=10,
                    failure=lambda: "an instance has no Redis",
                )
                back[name] = time.monotonic() - mended
        finally:
            stop.set()
        for done in asking:
            done.result()

    statuses: Counter[tuple[str, int]] = sum((client.statuses for client in clients), Counter())
    seconds = sorted(second for client in clients for second in client.seconds)
    report = f"{sum(statuses.values())} requests: {dict(statuses)}; back after {back}; slowest {seconds[-5:]}"
    print(report)
    assert {status for (what, status) in statuses if what == "read"} == {200}, report
    assert {status for (what, status) in statuses if what == "refresh"} == {200}, report
    assert {status for (what, status) in statuses if what == "upload"} == {201}, report
    assert {status for (what, status) in statuses if what == "garbage"} == {400}, report
    assert {status for (what, status) in statuses if what == "sign_in"} == {401, 429}, report
    assert max(back.values()) < 5, report
    # Per instance and fault, each of its two clients may have waited once; a busy machine adds to each.
    slow = [second for second in seconds if second > 0.2]
    assert len(slow) <= len(clients) * len(back) * 2, report
    assert seconds[-1] < 1, report
    for pod in pods:
        assert "unhandled error" not in pod.log_path.read_text()

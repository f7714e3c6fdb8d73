"""Five hundred clients that dribble do not get in the way of those that behave: nginx stands before the instance.

``NOCTURNAL_SOAK=1`` keeps them for two minutes instead of twelve seconds.
"""

import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.live_server import LiveServer, live_server
from tests.services import NginxServer
from tests.slow_clients import SlowClients

_SLOW = 500
_GOOD = 4
_SECONDS = 120 if os.environ.get("NOCTURNAL_SOAK") == "1" else 12
_PATIENCE_S = 10


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(data_dir=tmp_path_factory.mktemp("slow") / "data", variables={"TRUSTED_PROXIES": "1"}) as server:
        yield server


class GoodClients:
    """Clients that ask again and again, on one connection each, and give up on an answer that takes too long."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.answered, self.failed = 0, list[str]()

    def ask_for(self, seconds: float) -> None:
        threads = [threading.Thread(target=self._ask) for _ in range(_GOOD)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self._ended.set()
        for thread in threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)
        while not self._ended.is_set():
            try:
                connection.request("GET", "/api/health/live")
                answer = connection.getresponse()
                answer.read()
                said = "" if answer.status == 200 else str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                said = repr(error)
            with self._lock:
                self.answered += not said
                self.failed += [said] if said else []
        connection.close()


def test_good_clients_are_served_beside_five_hundred_that_dribble(instance: LiveServer) -> None:
    with NginxServer([instance.port]) as nginx, SlowClients(nginx.port, _SLOW) as slow:
        good_clients = GoodClients(nginx.port)

        good_clients.ask_for(_SECONDS)

        assert slow.connected >= 0.9 * _SLOW  # they were there all the time
        assert slow.cut_off > 0  # and nginx does not keep them for ever
    good, failed = good_clients.answered, good_clients.failed
    print(f"\n{good} answered and {len(failed)} failed beside {_SLOW} slow clients, {slow.cut_off} cut off")
    assert good > 100
    assert good / (good + len(failed)) >= 0.999, failed[:5]


def test_without_nginx_sixteen_of_them_are_enough(instance: LiveServer) -> None:
    """Why an instance has to stand behind a proxy; what the README says of it."""
    with SlowClients(instance.port, 16), socket.create_connection(("127.0.0.1", instance.port), timeout=2) as client:
        client.sendall(b"GET /api/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

        with pytest.raises(TimeoutError):
            client.recv(100)

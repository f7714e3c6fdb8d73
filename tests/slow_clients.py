"""Clients that send a request so slowly that a server which waits for it serves nobody else."""

import selectors
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

_HEAD = b"GET /api/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Dribble: "
_BODY = (
    b"POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60000\r\n\r\n{"
)
_BYTE_EVERY_S = 1.0


class SlowClients:
    """So many connections, half in the middle of a head and half of a body, with a byte a second on each.

    One that is cut off comes back at once. One thread has them all, as it would for an attacker.
    """

    def __init__(self, port: int, number: int) -> None:
        self._port, self._number = port, number
        self._selector = selectors.DefaultSelector()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._dribble)
        self.cut_off = 0

    @property
    def connected(self) -> int:
        """How many are there now."""
        return len(self._selector.get_map() or ())

    def __enter__(self) -> Self:
        for number in range(self._number):
            self._connect(number)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            self._leave(key)
        self._selector.close()

    def _connect(self, number: int) -> None:
        client = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        client.sendall(_BODY if number % 2 else _HEAD)
        client.settimeout(0)
        self._selector.register(client, selectors.EVENT_READ, number)

    def _dribble(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            for key in list(self._selector.get_map().values()):
                with suppress(OSError):  # whoever was cut off is readable below
                    key.fileobj.send(b"x")  # type: ignore[union-attr]  # all are sockets
            while (left := began + _BYTE_EVERY_S - time.monotonic()) > 0:
                for key, _ in self._selector.select(left):
                    self._leave(key)
                    self.cut_off += 1
                    with suppress(OSError):
                        self._connect(key.data)

    def _leave(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fileobj)
        key.fileobj.close()  # type: ignore[union-attr]  # all are sockets

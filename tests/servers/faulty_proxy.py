"""A way to a server that delays, cuts or garbles what the server answers."""

import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Self

_BYTES = 65536


class FaultyProxy:
    """Passes bytes between its clients and a server on 127.0.0.1; each fault holds from the next answer on."""

    def __init__(self, port: int) -> None:
        """Listen, before the server at ``port``."""
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.delay_s = 0.0
        self.cut_after: int | None = None  # bytes of an answer
        self.cut_request_after: int | None = None  # bytes of what a connection sends
        self.half_close = False
        self.half_closed = threading.Event()
        self.garbage = b""
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for each in self._open:
            each.close()

    def mend(self) -> None:
        """Pass everything as it is."""
        self.delay_s, self.cut_after, self.half_close, self.garbage = 0.0, None, False, b""
        self.cut_request_after = None

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                client.close()
                continue
            self._open += [client, server]
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        with selectors.DefaultSelector() as selector, client, server:
            try:
                selector.register(client, selectors.EVENT_READ)
                selector.register(server, selectors.EVENT_READ)
                while True:
                    for key, _ in selector.select():
                        source = key.fileobj
                        data = source.recv(_BYTES)  # type: ignore[union-attr]  # both are sockets
                        if not data:
                            return
                        if source is client:
                            sent += len(data)
                            if self.cut_request_after is not None and sent > self.cut_request_after:
                                return
                            server.sendall(data)
                        elif not self._answer(client, data):
                            return
            except (OSError, ValueError):
                return

    def _answer(self, client: socket.socket, data: bytes) -> bool:
        half_close = self.half_close  # before the answer, after which a test goes on
        time.sleep(self.delay_s)
        if self.garbage:
            client.sendall(self.garbage)
        elif self.cut_after is not None:
            client.sendall(data[: self.cut_after])
            return False
        else:
            client.sendall(data)
        if half_close:
            client.shutdown(socket.SHUT_WR)
            self.half_closed.set()
        return True

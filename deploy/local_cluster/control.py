"""How commands reach the process that keeps the cluster: one line asks, lines of progress answer."""

import json
import os
import socket
import socketserver
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

Event = dict[str, Any]
Tell = Callable[[Event], None]


class NotRunning(Exception):
    """Nobody keeps a cluster in this folder."""


def ask(address: str, question: Event) -> Iterator[Event]:
    """Yield what the cluster tells until it has done what it was asked.

    Raises:
        NotRunning: there is none.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise NotRunning from error
        connection.sendall(json.dumps(question).encode() + b"\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                yield json.loads(line)


class ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers each command in a thread of its own."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, answer: Callable[[Event, Tell], None]) -> None:
        """Hold the address, which is also the lock that makes a second cluster impossible.

        Raises:
            OSError: another process holds it (EADDRINUSE).
        """
        super().__init__(address, _Handler)
        self.answer = answer

    def verify_request(self, request: Any, client_address: object) -> bool:
        """Listen only to the user who started the cluster: an abstract socket has no file mode."""
        peer = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return bool(struct.unpack("3i", peer)[1] == os.getuid())


class _Handler(socketserver.StreamRequestHandler):
    server: ControlServer

    def handle(self) -> None:
        def tell(event: Event) -> None:
            self.wfile.write(json.dumps(event).encode() + b"\n")

        with suppress(BrokenPipeError, ConnectionResetError):  # who asked did not wait for the answer
            self.server.answer(json.loads(self.rfile.readline()), tell)

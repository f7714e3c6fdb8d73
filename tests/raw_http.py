"""HTTP as it stands on the wire: requests that no client library would send, and answers as they came."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

HOST = b"Host: 127.0.0.1\r\n"
CLOSE = b"Connection: close\r\n\r\n"


@dataclass(frozen=True)
class RawAnswer:
    """An answer with its field names in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes


class Connection:
    """One connection, on which what is sent and when is the test's to say."""

    def __init__(self, port: int, timeout_s: float = 20) -> None:
        """Connect to 127.0.0.1."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._received = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._received.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def end(self) -> None:
        """Say that nothing else will be sent, and go on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def get(self, path: str, *fields: str) -> RawAnswer:
        """Ask for a path and keep the connection."""
        lines = "".join(f"{field}\r\n" for field in fields)
        self.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode("latin-1"))
        return self.answer()

    def answer(self, *, to_head: bool = False) -> RawAnswer:
        """Read one answer.

        Raises:
            ConnectionError: the server closed the connection instead.
            TimeoutError: nothing came.
        """
        line = self._received.readline()
        if not line:
            raise ConnectionError("closed without an answer")
        status = int(line.split()[1])
        fields: dict[str, str] = {}
        while (line := self._received.readline().strip()) and b":" in line:
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.lower()] = value.strip()
        if status == 100:
            return self.answer(to_head=to_head)
        empty = to_head or status in {204, 304}
        return RawAnswer(status, fields, b"" if empty else self._received.read(int(fields.get("content-length", 0))))

    def some(self, count: int) -> bytes:
        """Return the next bytes."""
        return self._received.read(count)

    def rest(self) -> bytes:
        """Return what else comes until the server closes."""
        return self._received.read()


def exchange(port: int, request: bytes, timeout_s: float = 20) -> RawAnswer:
    """Send one whole request on a connection of its own and return the answer.

    Raises:
        ConnectionError: there was none.
    """
    with Connection(port, timeout_s) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has answered and closed: what it said counts
            connection.send(request)
        return connection.answer()

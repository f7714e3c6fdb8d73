"""Free ports on 127.0.0.1, held against everyone who asks here."""

import errno
import random
import socket
from pathlib import Path

_LOWEST = 15_000


def _highest() -> int:
    """Stay below the ephemeral range.

    A stopped server's port in that range can be taken by any outgoing connection before the server
    is started again, even by a client that connects to itself while it retries.
    """
    try:
        low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        low = 32_768
    return low if low > _LOWEST + 1000 else 65_535


def is_free(port: int) -> bool:
    """Say whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is no obstacle to servers
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


class ReservedPorts:
    """Ports that no other ReservedPorts, in this process or another, gives out before `release`.

    Each is held by an abstract Unix socket named after it, which vanishes with the process. A
    stranger's server can still take a port between the choice and the start: who starts, retries.
    """

    def __init__(self) -> None:
        self._holds: list[socket.socket] = []

    def take(self, count: int) -> list[int]:
        """Return `count` free ports."""
        ports: list[int] = []
        while len(ports) < count:
            port = random.randrange(_LOWEST, _highest())
            if self._hold(port) and is_free(port):
                ports.append(port)
        return ports

    def release(self) -> None:
        """Let others have the ports."""
        while self._holds:
            self._holds.pop().close()

    def _hold(self, port: int) -> bool:
        hold = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            hold.bind(f"\0nocturnal-port-{port}")
        except OSError as error:
            hold.close()
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        self._holds.append(hold)
        return True

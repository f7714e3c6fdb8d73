"""clamd with one signature, EICAR's: the real database is downloaded, and weighs a gigabyte in memory."""

import hashlib
import socket
from pathlib import Path

from tests.attacks.files import EICAR
from tests.servers.base import Keeper, Process, Service, program

STREAM_MAX_BYTES = 2 * 1024 * 1024


class ClamServer(Service):
    """One clamd on 127.0.0.1, which takes streams of up to ``STREAM_MAX_BYTES``, and on a socket in its folder."""

    def __init__(self, *, root: Path | None = None) -> None:
        """Hold no resource yet."""
        super().__init__(root)
        self._program = program("clamd", install="apt-get install clamav-daemon")
        self.process: Process

    @property
    def host(self) -> str:
        """The address, as CLAMAV_HOST takes it."""
        return f"127.0.0.1:{self.process.port}"

    @property
    def socket_path(self) -> str:
        """The socket, as CLAMAV_HOST takes it."""
        return str(self.folder / "clamd.sock")

    def _start(self, keeper: Keeper) -> None:
        database = keeper.folder / "database"
        database.mkdir()
        (database / "eicar.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Eicar-Test\n")  # noqa: S324  ClamAV's format
        self.process = Process(keeper, "clamd", self._command, answers=self._answers)
        self.process.start()

    def _command(self, ports: list[int]) -> list[str]:
        file = self.folder / "clamd.conf"
        file.write_text(
            f"Foreground yes\nTCPAddr 127.0.0.1\nTCPSocket {ports[0]}\nLocalSocket {self.socket_path}\n"
            f"FixStaleSocket yes\nDatabaseDirectory {self.folder / 'database'}\nTemporaryDirectory {self.folder}\n"
            f"StreamMaxLength {STREAM_MAX_BYTES}\nMaxThreads 4\n"
        )
        return [self._program, "--config-file", str(file)]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.process.port), timeout=1) as connection:
                connection.sendall(b"zPING\0")
                return connection.recv(16).startswith(b"PONG")
        except OSError:
            return False

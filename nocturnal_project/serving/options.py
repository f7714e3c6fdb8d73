"""What every server is told: where to listen, with how many threads, and how patient to be."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from nocturnal_project import request_log
from nocturnal_project.env import Environment, read_dotenv

SERVERS = ("gunicorn", "granian")
DEFAULT_SERVER = "gunicorn"  # docs/decisions/0003-server.md

# Longer than nginx's 60 s, so that it is never we who close a connection that nginx is about to use.
KEEP_ALIVE_SECONDS = 75
# How long a request that runs may still take when the drain is over.
GRACE_SECONDS = 30
MOST_DRAIN_SECONDS = 300
BACKLOG = 2048
# nginx sends at most 8 KB in one field, and adds fields of its own to the client's.
MOST_BYTES_IN_A_FIELD = 8190
MOST_FIELDS = 200


@dataclass(frozen=True)
class ServerOptions:
    """One instance as its server sees it."""

    server: str
    address: str
    port: int
    threads: int
    drain_seconds: int
    development: bool

    @classmethod
    def from_environment(cls) -> "ServerOptions":
        """Read SERVER and what it is told, from ``.env`` too; the server's own lines become the logs'.

        Raises:
            ImproperlyConfigured: a value makes no sense; with what to set.
        """
        read_dotenv(Path(__file__).resolve().parents[2] / os.environ.get("DOTENV", ".env"))
        env = Environment(os.environ)
        development = env.text("NOCTURNAL_ENV", default="development") == "development"
        request_log.configure(  # settings.py does the same where the application is loaded
            log_format=env.choice("LOG_FORMAT", ("json", "console"), default="console" if development else "json"),
            level=env.choice("LOG_LEVEL", ("debug", "info", "warning", "error"), default="info"),
            instance=env.text("INSTANCE_ID", default=socket.gethostname()),
        )
        return cls(
            server=env.choice("SERVER", SERVERS, default=DEFAULT_SERVER),
            address=env.text("BIND_ADDRESS", default="127.0.0.1"),
            port=env.number("PORT", default=5000, minimum=1, maximum=65535),
            threads=env.number("THREADS", default=8, minimum=1, maximum=64),
            drain_seconds=env.number("DRAIN_SECONDS", default=0, maximum=MOST_DRAIN_SECONDS),
            development=development,
        )

    @property
    def host_and_port(self) -> str:
        """Where it listens, as URLs write it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def announce(self) -> None:
        """Tell a developer where it serves; a deployment knows, and its log is for machines."""
        if self.development:
            print(f"Nocturnal serves http://{self.host_and_port}/api/docs/ (stop with Ctrl-C)", flush=True)  # noqa: T201  for a person

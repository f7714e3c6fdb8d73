"""Prometheus with the project's own configuration, in a hurry: it asks every three seconds."""

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import yaml

from tests.servers.base import Keeper, Process, Service, program

_CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
_OFTEN = "3s"  # a slow machine answers a scrape in time
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class PrometheusServer(Service):
    """One Prometheus on 127.0.0.1, with deploy/monitoring's rules, that scrapes instances of a test."""

    def __init__(self, ports: Sequence[int], *, root: Path | None = None) -> None:
        """Ask these ports; nothing runs yet."""
        super().__init__(root)
        self._program = program("prometheus", install="apt-get install prometheus")
        self._ports = ports
        self.process: Process

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression is now: labels as ``metric``, and ``value``."""
        return list(self.ask("query", query=expression)["result"])

    def ask(self, what: str, **parameters: str) -> Any:
        """Return the data of an answer of its API."""
        url = f"http://127.0.0.1:{self.process.port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with _direct.open(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def _start(self, keeper: Keeper) -> None:
        folder = keeper.folder / "monitoring"
        shutil.copytree(_CONFIGURATION, folder)
        file = folder / "prometheus.yml"
        hurried = yaml.safe_load(file.read_text())
        hurried["global"] = dict.fromkeys(hurried["global"], _OFTEN)
        hurried.pop("alerting")
        file.write_text(yaml.safe_dump(hurried))
        targets = [{"targets": [f"127.0.0.1:{port}" for port in self._ports]}]
        (folder / "targets" / "nocturnal.yml").write_text(yaml.safe_dump(targets))
        self.process = Process(keeper, "prometheus", self._command, answers=self._answers)
        self.process.start()

    def _command(self, ports: list[int]) -> list[str]:
        return [
            self._program,
            f"--config.file={self.folder / 'monitoring' / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{ports[0]}",
        ]

    def _answers(self) -> bool:
        try:
            with _direct.open(f"http://127.0.0.1:{self.process.port}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

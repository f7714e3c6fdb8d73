"""Grafana's dashboards, asked of a real Prometheus that scrapes three real instances under load.

Grafana itself is not run: what a panel shows is what its expression returns.
"""

import json
import math
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import services
from tests.live_server import LiveServer, live_servers
from tests.monitoring import files
from tests.monitoring.files import DASHBOARDS, MONITORING, exporter_of, panels
from tests.servers.base import wait_until
from tests.servers.prometheus import PrometheusServer

_INSTANCES = ("one", "two", "three")
_PASSWORD = "correct horse battery staple"
_VARIABLES = {"THREADS": "4", "INSTANCES_EXPECTED": "3", "RATE_LIMIT_API_NORMAL": "1000000"}
_VARIABLES |= {"RATE_LIMIT_UPLOAD_NORMAL": "1000000"}
# Panels that only a cluster fills, and who does.
_OF_A_CLUSTER = {
    "HPA replicas": "kube-state-metrics",
    "Available replicas": "kube-state-metrics",
    "Container CPU": "cAdvisor",
    "Container memory": "cAdvisor",
    "Network, sent": "cAdvisor",
}


@dataclass
class Load:
    """People who use three instances, and how often they asked who they are."""

    servers: list[LiveServer]
    prometheus: PrometheusServer
    stop: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def go_on(self, server: LiveServer) -> None:
        """Use one instance until told to stop: one's own page, files that are taken and refused, bad passwords."""
        person = {"email": f"{uuid.uuid4()}@example.com", "password": _PASSWORD}
        tokens = server.ask("/api/v1/auth/register", person).body
        while not self.stop.is_set():
            signed_in = {"Authorization": f"Bearer {tokens['access_token']}"}
            for _ in range(10):
                assert server.ask("/api/v1/me", headers=signed_in).status == 200
                with self._lock:
                    self.asked += 1
            _upload(server, signed_in, b"hello\n")
            _upload(server, signed_in, b"\x7fELF")
            server.ask("/api/v1/auth/login", {**person, "password": "is it this one?"})
            tokens = server.ask("/api/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]}).body
            _look_at_the_admin(server)
            self.stop.wait(0.2)  # the scrapes need some of the machine


def _look_at_the_admin(server: LiveServer) -> None:
    """Come with a cookie of a session that is over: it is looked for in the cache."""
    request = urllib.request.Request(f"{server.url}/admin/login/", headers={"Cookie": "nocturnal-staff=" + "x" * 32})
    with urllib.request.urlopen(request, timeout=30) as page:
        page.read()


def _upload(server: LiveServer, signed_in: dict[str, str], content: bytes) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + content + b"\r\n--b--\r\n"
    server.ask("/api/v1/uploads", form, headers={**signed_in, "Content-Type": "multipart/form-data; boundary=b"})


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    folder = tmp_path_factory.mktemp("instances")
    with services.start(mongo=1, redis=True) as real:
        variables = {name: {**_VARIABLES, **real.environment, "INSTANCE_ID": name} for name in _INSTANCES}
        with (
            live_servers(folder, variables, migrate=_INSTANCES[:1]) as servers,
            PrometheusServer([server.port for server in servers]) as prometheus,
            ThreadPoolExecutor(len(servers)) as people,
        ):
            load = Load(servers, prometheus)
            going = [people.submit(load.go_on, server) for server in servers]
            try:
                yield load
            finally:
                load.stop.set()
                for each in going:
                    each.result()


def _value(prometheus: PrometheusServer, expression: str) -> float:
    """Return the one number that an expression is; not a number while nothing was scraped."""
    rows = prometheus.query(expression)
    return float(rows[0]["value"][1]) if len(rows) == 1 else math.nan


def _has_data(prometheus: PrometheusServer, expression: str) -> bool:
    return any(not math.isnan(float(row["value"][1])) for row in prometheus.query(expression))


def test_every_panel_that_the_app_feeds_has_data(load: Load) -> None:
    missing = [(title, expression) for _, title, expression in panels() if not exporter_of(expression)]
    assert len(missing) > 20

    def none_is_missing() -> bool:
        missing[:] = [each for each in missing if not _has_data(load.prometheus, each[1])]
        return not missing

    wait_until(none_is_missing, within_s=60, failure=lambda: f"without data: {missing}")


def test_the_drawing_of_the_dashboard_is_true(load: Load) -> None:
    shown = {title: expression for _, title, expression in panels() if title != "Instances"}
    true: dict[str, Callable[[float], bool]] = {
        "Active Instances": lambda value: value == 3,
        "Total RPS": lambda value: value > 1,
        "Avg Response": lambda value: 0 < value < 10,
        "Error Rate": lambda value: value == 0,
    }

    for title, is_true in true.items():
        _wait_for(load.prometheus, shown[title], is_true)


def _wait_for(prometheus: PrometheusServer, expression: str, is_true: Callable[[float], bool]) -> None:
    wait_until(
        lambda: is_true(_value(prometheus, expression)),
        within_s=60,
        failure=lambda: f"{expression} is {_value(prometheus, expression)}",
    )


def test_the_table_has_a_row_for_each_instance(load: Load) -> None:
    table = [expression for _, title, expression in panels() if title == "Instances"]
    ports = {f"127.0.0.1:{server.port}" for server in load.servers}
    assert len(table) == 4  # RPS, CPU, memory, in flight

    def cells() -> list[set[str]]:
        return [{row["metric"]["instance"] for row in load.prometheus.query(column)} for column in table]

    wait_until(lambda: all(each == ports for each in cells()), within_s=60, failure=lambda: str(cells()))
    memory = [float(row["value"][1]) for row in load.prometheus.query(table[2])]
    assert all(30e6 < each < 1e9 for each in memory)


def test_prometheus_evaluates_every_rule(load: Load) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in load.prometheus.ask("rules")["groups"] for rule in group["rules"]]

    wait_until(
        lambda: all(rule["health"] == "ok" for rule in rules()),
        within_s=30, failure=lambda: str([rule for rule in rules() if rule["health"] != "ok"]),
    )  # fmt: skip
    assert {rule["name"] for rule in rules()} == {each.get("alert") or each["record"] for each in files.rules()}


def test_what_was_asked_is_what_is_counted(load: Load) -> None:
    """Comes after the others: the people go home, and every request of theirs is in the sum of three counters."""
    load.stop.set()
    counted = 'sum(nocturnal_http_requests_total{route="/api/v1/me",status="200"})'

    _wait_for(load.prometheus, counted, lambda value: value == load.asked)


def test_a_cluster_fills_only_what_is_named_here() -> None:
    of_others = {title: exporter_of(expression) for _, title, expression in panels() if exporter_of(expression)}

    assert set(of_others) == set(_OF_A_CLUSTER)
    for title, why in of_others.items():
        assert why.startswith(_OF_A_CLUSTER[title])


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_grafana_can_place_every_panel(path: Path) -> None:
    board = json.loads(path.read_text())
    taken: set[tuple[int, int]] = set()

    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert "id" not in board  # Grafana gives it one


def test_the_seeds_metrics_are_all_shown() -> None:
    text = " ".join(expression for _, _, expression in panels())

    for name in (
        "nocturnal_http_requests_total", "nocturnal_http_request_duration_seconds", "nocturnal_active_connections",
        "nocturnal_instances_total", "kube_hpa_status_current_replicas", "kube_hpa_status_desired_replicas",
        "kube_hpa_spec_max_replicas", "kube_deployment_status_replicas_available", "container_cpu_usage_seconds_total",
        "container_memory_usage_bytes", "container_network_transmit_bytes_total",
    ):  # fmt: skip
        assert name in text


def test_the_provisioned_folder_and_source_are_those_of_the_dashboards() -> None:
    provisioning = MONITORING / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "nocturnal.yml").read_text())["providers"]

    assert source["type"] == "prometheus"
    assert (provider["type"], provider["options"]["path"]) == ("file", "/var/lib/grafana/dashboards/nocturnal")

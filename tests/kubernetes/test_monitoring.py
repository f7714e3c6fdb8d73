"""The component ``monitoring`` says what deploy/monitoring says."""

import json

import pytest
import yaml

from deploy.copy_monitoring import copies
from tests.kubernetes.rendered import OVERLAYS, rendered
from tests.monitoring.files import DASHBOARDS, RULES


def test_the_copies_are_those_of_now() -> None:
    for path, text in copies().items():
        assert path.read_text() == text, f"{path.name}: run python -m deploy.copy_monitoring"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_operator_gets_every_rule(overlay: str) -> None:
    rule = rendered(overlay).one("PrometheusRule", "nocturnal")

    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    assert rule["spec"]["groups"] == groups
    assert rule["metadata"]["labels"] == rendered(overlay).one("ServiceMonitor", "nocturnal")["metadata"]["labels"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_grafana_finds_every_dashboard(overlay: str) -> None:
    boards = rendered(overlay).one("ConfigMap", "nocturnal-dashboards")

    assert boards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert boards["data"] == {path.name: path.read_text() for path in DASHBOARDS}
    assert all(json.loads(text)["panels"] for text in boards["data"].values())
    assert len(json.dumps(boards)) < 1024 * 1024  # etcd takes no larger object

"""What deploy/monitoring says, read for tests."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.servers.base import program

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES = sorted((MONITORING / "rules").glob("*.yml"))
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
# What a metric's name begins with that the app does not tell, and what tells it.
OF_OTHERS = {
    "kube_": "kube-state-metrics: the autoscaler and the Deployment are Kubernetes' own",
    "container_": "cAdvisor in the kubelet: what a container uses is counted outside of it",
    "mongodb_": "mongodb_exporter",
    "probe_": "blackbox_exporter",
}
_NAMES = re.compile(r"(?<![\w:])(?:nocturnal|django|process|kube|container|mongodb|probe)_\w+")


def run(name: str, *arguments: str) -> str:
    """Run a program of the Debian packages and return what it said; what it does not like fails the test."""
    path = program(name, install="apt-get install prometheus prometheus-alertmanager")
    done = subprocess.run([path, *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    """Return every rule, recorded or alerting."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def metrics_in(expression: str) -> set[str]:
    """Return the metrics that an expression reads."""
    return set(_NAMES.findall(expression))


def exporter_of(expression: str) -> str:
    """Return what tells an expression's metrics when the app does not, else nothing."""
    found = {why for name in metrics_in(expression) for start, why in OF_OTHERS.items() if name.startswith(start)}
    return ", ".join(sorted(found))


def panels() -> list[tuple[str, str, str]]:
    """Return (dashboard, panel, expression) of everything that the dashboards ask."""
    return [
        (board["title"], panel["title"], target["expr"])
        for path in DASHBOARDS
        for board in (json.loads(path.read_text()),)
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]

"""Copy what deploy/monitoring says into the component ``monitoring``: kustomize reads nothing outside its own folder.

    python -m deploy.copy_monitoring

The operator takes rules as objects of its own; the dashboards become ConfigMaps. A test fails while the copies differ.
"""

from pathlib import Path
from typing import Any

import yaml

_DEPLOY = Path(__file__).resolve().parent
_MONITORING = _DEPLOY / "monitoring"
_COMPONENT = _DEPLOY / "k8s" / "components" / "monitoring"


def copies() -> dict[Path, str]:
    """Return what each file of the component has to be."""
    found = {_COMPONENT / "prometheus_rule.yaml": _rules()}
    for board in sorted((_MONITORING / "dashboards").glob("*.json")):
        found[_COMPONENT / "dashboards" / board.name] = board.read_text(encoding="utf-8")
    return found


def _rules() -> str:
    files = sorted((_MONITORING / "rules").glob("*.yml"))
    rule: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "nocturnal", "labels": {"release": "prometheus"}},
        "spec": {"groups": [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]},
    }
    # Two groups of one name in two files are one group too many for one object.
    _require_distinct([group["name"] for group in rule["spec"]["groups"]])
    head = "# Made from deploy/monitoring/rules by `python -m deploy.copy_monitoring`; change it there.\n"
    return head + yaml.safe_dump(rule, sort_keys=False, width=1000)


def _require_distinct(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"Give each group of rules a name of its own: {sorted(names)}")


if __name__ == "__main__":
    for path, text in copies().items():
        path.write_text(text, encoding="utf-8")

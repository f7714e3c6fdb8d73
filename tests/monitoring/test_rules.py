"""Rules, alerts and who is told, by Prometheus' and Alertmanager's own tools."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from health import metrics  # noqa: F401  what is read at a scrape registers itself
from tests.monitoring.files import MONITORING, ROOT, RULES, alerts, exporter_of, metrics_in, rules, run

_TESTS = sorted((MONITORING / "tests").glob("*_test.yml"))


def test_prometheus_and_alertmanager_take_their_configuration() -> None:
    assert "rule files found" in run("promtool", "check", "config", "prometheus.yml")
    assert "SUCCESS" in run("promtool", "check", "rules", *map(str, RULES))
    assert "SUCCESS" in run("amtool", "check-config", "alertmanager.yml")


def test_the_rules_do_what_their_tests_say() -> None:
    assert "SUCCESS" in run("promtool", "test", "rules", *map(str, _TESTS))


def _tried() -> list[dict[str, Any]]:
    tests = [test for path in _TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    return [tried for test in tests for tried in test.get("alert_rule_test", ())]


def test_every_alert_is_tried_both_ways() -> None:
    fires = {tried["alertname"] for tried in _tried() if tried["exp_alerts"]}
    is_quiet = {tried["alertname"] for tried in _tried() if not tried["exp_alerts"]}

    assert fires == set(alerts())
    assert is_quiet == set(alerts())


def test_a_rule_that_is_wrong_would_be_noticed(tmp_path: Path) -> None:
    shutil.copytree(MONITORING, tmp_path / "monitoring")
    spoilt = tmp_path / "monitoring" / "rules" / "alerts.yml"
    spoilt.write_text(spoilt.read_text().replace("14.4 *", "144 *"))

    with pytest.raises(AssertionError, match="NocturnalBudgetBurnsFast"):
        run("promtool", "test", "rules", str(tmp_path / "monitoring" / "tests" / "slo_test.yml"))


def _sections() -> set[str]:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "OPERATIONS.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", sorted(alerts()))
def test_every_alert_says_how_grave_it_is_and_where_its_runbook_is(name: str) -> None:
    alert = alerts()[name]
    file, _, section = alert["annotations"]["runbook"].partition("#")

    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert file == "docs/OPERATIONS.md"
    assert section in _sections()


def test_every_metric_of_a_rule_is_one_that_the_app_or_a_named_exporter_tells() -> None:
    ours = {name for each in REGISTRY.collect() for name in (each.name, *(sample.name for sample in each.samples))}
    ours |= {f"{name}{end}" for name in ours for end in ("_total", "_bucket", "_count", "_sum")}
    recorded = {rule["record"] for rule in rules() if "record" in rule}

    for rule in rules():
        unknown = {name for name in metrics_in(rule["expr"]) if not exporter_of(name)} - ours
        assert not unknown, rule
        assert set(re.findall(r"nocturnal:[\w:]+", rule["expr"])) <= recorded, rule


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "NocturnalBudgetBurnsFast", "slo": "latency", "severity": "page"}, "pager"),
        ({"alertname": "NocturnalNoPrimary", "severity": "page"}, "pager"),
        ({"alertname": "NocturnalRefreshReuse", "severity": "ticket"}, "tickets"),
        ({"alertname": "SomethingElse"}, "tickets"),
    ],
)
def test_pages_wake_somebody_and_the_rest_waits(labels: dict[str, str], receiver: str) -> None:
    _require_receiver(receiver, **labels)


def test_every_alert_reaches_somebody() -> None:
    for name, alert in alerts().items():
        wanted = {"page": "pager", "ticket": "tickets"}[alert["labels"]["severity"]]
        _require_receiver(wanted, alertname=name, severity=alert["labels"]["severity"])


def _require_receiver(receiver: str, **labels: str) -> None:
    said = [f"{name}={value}" for name, value in labels.items()]
    run("amtool", "config", "routes", "test", "--config.file=alertmanager.yml", f"--verify.receivers={receiver}", *said)

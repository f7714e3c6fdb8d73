"""The names and numbers that others rely on."""

from typing import Any

import pytest

from nocturnal_project.serving import options
from tests.kubernetes.rendered import OVERLAYS, Rendered, rendered


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> Rendered:
    """Each overlay."""
    return rendered(request.param)


def test_everything_is_where_and_called_as_documented(overlay: Rendered) -> None:
    for kind, name in (
        ("Deployment", "nocturnal-app"), ("Service", "nocturnal-service"), ("Ingress", "nocturnal-ingress"),
        ("HorizontalPodAutoscaler", "nocturnal-hpa"), ("Service", "mongodb-service"), ("Service", "redis-service"),
        ("StatefulSet", "mongodb"), ("Job", "nocturnal-migrate"), ("PodDisruptionBudget", "nocturnal-app"),
    ):  # fmt: skip
        assert overlay.one(kind, name)["metadata"]["namespace"] == "nocturnal"
    assert overlay.one("Namespace", "nocturnal")


def test_the_service_holds_nobody_to_a_pod(overlay: Rendered) -> None:
    spec = overlay.one("Service", "nocturnal-service")["spec"]

    assert (spec["type"], spec["sessionAffinity"]) == ("ClusterIP", "None")
    assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == [(80, 5000)]


def test_the_autoscaler_is_as_promised() -> None:
    spec = rendered("staging").one("HorizontalPodAutoscaler", "nocturnal-hpa")["spec"]

    assert {each["resource"]["name"]: each["resource"]["target"] for each in spec["metrics"]} == {
        "cpu": {"type": "Utilization", "averageUtilization": 70},
        "memory": {"type": "Utilization", "averageUtilization": 80},
    }
    assert spec["behavior"]["scaleDown"] == {
        "stabilizationWindowSeconds": 300, "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
    }  # fmt: skip
    assert spec["behavior"]["scaleUp"] == {
        "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 30}, {"type": "Pods", "value": 2, "periodSeconds": 30},
        ],
    }  # fmt: skip


def test_a_pod_has_time_to_drain(overlay: Rendered) -> None:
    spec: Any = overlay.one("Deployment", "nocturnal-app")["spec"]["template"]["spec"]
    (config,) = (each["data"] for each in overlay.of("ConfigMap") if "DRAIN_SECONDS" in each["data"])
    before, drain = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"], int(config["DRAIN_SECONDS"])

    assert before > 0
    assert drain > 0
    assert spec["terminationGracePeriodSeconds"] >= before + drain + options.GRACE_SECONDS + 5


def test_mongodb_is_a_replica_set_of_three_that_keeps_its_data(overlay: Rendered) -> None:
    spec = overlay.one("StatefulSet", "mongodb")["spec"]
    mongod, initiate = spec["template"]["spec"]["containers"]
    members = next(each["value"] for each in initiate["env"] if each["name"] == "MEMBERS").split(",")

    assert spec["replicas"] == len(members) == 3
    assert all(member == f"mongodb-{n}.{spec['serviceName']}:27017" for n, member in enumerate(members))
    assert {"--replSet=nocturnal", "--keyFile=/keyfile/keyfile"} <= set(mongod["command"])
    assert spec["volumeClaimTemplates"][0]["metadata"]["name"] == "data"
    assert overlay.one("Service", spec["serviceName"])["spec"]["clusterIP"] == "None"


def test_redis_forgets_nothing_and_asks_for_a_password(overlay: Rendered) -> None:
    (config,) = (each["data"]["redis.conf"] for each in overlay.of("ConfigMap") if "redis.conf" in each["data"])
    lines = config.splitlines()

    assert {"maxmemory-policy noeviction", "appendonly yes", "include /run/redis/password.conf"} <= set(lines)


def test_figures_are_refused_at_the_ingress(overlay: Rendered) -> None:
    refused = overlay.one("Ingress", "nocturnal-metrics-refused")
    rule = refused["spec"]["rules"][0]

    assert rule["host"] == overlay.one("Ingress", "nocturnal-ingress")["spec"]["rules"][0]["host"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/metrics"]
    assert refused["metadata"]["annotations"]["nginx.ingress.kubernetes.io/whitelist-source-range"] == "127.0.0.1/32"

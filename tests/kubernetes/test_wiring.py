"""What schemas miss: that the objects fit one another."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kubernetes.rendered import OVERLAYS, VARIANTS, Manifest, Rendered, rendered

_UNITS = {"": 1, "m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
# Made by operators, which are no part of an overlay: name -> keys.
_MADE_ELSEWHERE = {"nocturnal-tls"}  # cert-manager's


@pytest.fixture(params=[*OVERLAYS, *VARIANTS])
def overlay(request: pytest.FixtureRequest) -> Rendered:
    """Each overlay, and what may be chosen instead."""
    return rendered(request.param)


def _fits(selector: Manifest, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def _quantity(text: object) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]


def _keys(overlay: Rendered, kind: str) -> dict[str, set[str]]:
    """The keys of every ConfigMap or Secret by its name, ExternalSecrets' included."""
    found = {each["metadata"]["name"]: set(each.get("data", {})) for each in overlay.of(kind)}
    if kind == "Secret":
        for each in overlay.of("ExternalSecret"):
            found[each["spec"]["target"]["name"]] = {entry["secretKey"] for entry in each["spec"]["data"]}
    return found


def test_selectors_match_the_labels_of_what_they_select(overlay: Rendered) -> None:
    pods = [template["metadata"]["labels"] for _, template in overlay.pods()]
    for workload in overlay.of("Deployment", "StatefulSet"):
        assert _fits(workload["spec"]["selector"]["matchLabels"], workload["spec"]["template"]["metadata"]["labels"])
    for service in overlay.of("Service"):
        assert sum(_fits(service["spec"]["selector"], labels) for labels in pods) == 1
    for budget in overlay.of("PodDisruptionBudget"):
        assert sum(_fits(budget["spec"]["selector"]["matchLabels"], labels) for labels in pods) == 1
    for policy in overlay.of("NetworkPolicy"):
        assert any(_fits(policy["spec"]["podSelector"].get("matchLabels", {}), labels) for labels in pods)
    for monitor in overlay.of("ServiceMonitor"):
        services = [each for each in overlay.of("Service")
                    if _fits(monitor["spec"]["selector"]["matchLabels"], each["metadata"]["labels"])]  # fmt: skip
        assert [each["metadata"]["name"] for each in services] == ["nocturnal-service"]
        assert {each["port"] for each in monitor["spec"]["endpoints"]} <= {
            port["name"] for port in services[0]["spec"]["ports"]
        }


def test_pods_spread_by_labels_that_they_have(overlay: Rendered) -> None:
    for name, template in overlay.pods():
        for constraint in template["spec"].get("topologySpreadConstraints", []):
            assert _fits(constraint["labelSelector"]["matchLabels"], template["metadata"]["labels"]), name


def test_a_service_leads_to_a_port_that_a_container_has(overlay: Rendered) -> None:
    for service in overlay.of("Service"):
        (spec,) = (t["spec"] for _, t in overlay.pods() if _fits(service["spec"]["selector"], t["metadata"]["labels"]))
        ports = [port for container in spec["containers"] for port in container.get("ports", [])]
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in {each for one in ports for each in (one["name"], one["containerPort"])}


def test_an_ingress_leads_to_a_service_and_its_port(overlay: Rendered) -> None:
    services = {each["metadata"]["name"]: each for each in overlay.of("Service")}
    for ingress in overlay.of("Ingress"):
        hosts = {host for tls in ingress["spec"]["tls"] for host in tls["hosts"]}
        for rule in ingress["spec"]["rules"]:
            assert rule["host"] in hosts
            for path in rule["http"]["paths"]:
                target = path["backend"]["service"]
                assert target["port"]["number"] in {p["port"] for p in services[target["name"]]["spec"]["ports"]}


def test_what_is_mounted_is_a_volume_and_volumes_are_mounted(overlay: Rendered) -> None:
    claims = {
        each["metadata"]["name"]: each["spec"].get("volumeClaimTemplates", []) for each in overlay.of("StatefulSet")
    }
    for name, template in overlay.pods():
        spec = template["spec"]
        volumes = {each["name"] for each in spec.get("volumes", [])}
        volumes |= {each["metadata"]["name"] for each in claims.get(name.removeprefix("StatefulSet "), [])}
        mounted = {
            mount["name"]
            for container in [*spec.get("initContainers", []), *spec["containers"]]
            for mount in container.get("volumeMounts", [])
        }
        assert mounted == volumes, name


def test_every_config_map_and_secret_that_is_used_is_there_with_its_keys(overlay: Rendered) -> None:
    maps, secrets = _keys(overlay, "ConfigMap"), _keys(overlay, "Secret")
    for name, template in overlay.pods():
        for volume in template["spec"].get("volumes", []):
            if "secret" in volume:
                keys = secrets[volume["secret"]["secretName"]]
                assert {item["key"] for item in volume["secret"].get("items", [])} <= keys, name
            if "configMap" in volume:
                assert maps[volume["configMap"]["name"]], name
    for name, container, _ in overlay.containers():
        for source in container.get("envFrom", []):
            assert maps[source["configMapRef"]["name"]], name
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {})
            assert "secretKeyRef" not in reference, f"{name}: a secret in the environment"
    for ingress in overlay.of("Ingress"):
        assert {tls["secretName"] for tls in ingress["spec"]["tls"]} <= set(secrets) | _MADE_ELSEWHERE


def test_files_of_secrets_that_are_named_are_mounted(overlay: Rendered) -> None:
    secrets = _keys(overlay, "Secret")
    for name, container, spec in overlay.containers():
        for path in _secret_files(container):
            (mount,) = (m for m in container["volumeMounts"] if path.startswith(m["mountPath"] + "/"))
            (volume,) = (v for v in spec["volumes"] if v["name"] == mount["name"])
            assert path.rpartition("/")[2] in secrets[volume["secret"]["secretName"]], name


def _secret_files(container: Manifest) -> Iterator[str]:
    for variable in container.get("env", []):
        if variable["name"].endswith("_FILE"):
            yield variable["value"]


def test_requests_are_within_limits_and_everybody_has_both(overlay: Rendered) -> None:
    for name, container, _ in overlay.containers():
        requests, limits = (container["resources"][each] for each in ("requests", "limits"))
        assert set(requests) == set(limits) == {"cpu", "memory", "ephemeral-storage"}, name
        assert all(_quantity(requests[each]) <= _quantity(limits[each]) for each in requests), name


def test_a_tmp_that_fills_up_ends_nothing_else(overlay: Rendered) -> None:
    """Sizes of a pod's scratch volumes on the node's disk are within its own limit."""
    for name, template in overlay.pods():
        spec = template["spec"]
        limit = sum(_quantity(c["resources"]["limits"]["ephemeral-storage"]) for c in spec["containers"])
        scratch = [v["emptyDir"] for v in spec.get("volumes", []) if "emptyDir" in v]
        assert all("sizeLimit" in each for each in scratch), name
        assert sum(_quantity(each["sizeLimit"]) for each in scratch if each.get("medium") != "Memory") <= limit, name


def test_a_roll_can_go_forward_and_never_goes_below_what_serves(overlay: Rendered) -> None:
    deployment = overlay.one("Deployment", "nocturnal-app")["spec"]

    assert deployment["strategy"] == {
        "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }  # fmt: skip
    assert "replicas" not in deployment  # the autoscaler's


def test_what_scales_scales_the_deployment(overlay: Rendered) -> None:
    for each in overlay.of("HorizontalPodAutoscaler", "ScaledObject"):
        target = each["spec"]["scaleTargetRef"]
        assert overlay.one(target.get("kind", "Deployment"), target["name"])
    counts: list[Any] = [
        (each["spec"].get("minReplicas", each["spec"].get("minReplicaCount")),
         each["spec"].get("maxReplicas", each["spec"].get("maxReplicaCount")))
        for each in overlay.of("HorizontalPodAutoscaler", "ScaledObject")
    ]  # fmt: skip
    assert counts == [(3, 10)]  # one that scales, and by how much


def test_a_drained_node_never_takes_the_last_pods(overlay: Rendered) -> None:
    for budget in overlay.of("PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] == 1


def test_every_pod_is_restricted(overlay: Rendered) -> None:
    for name, template in overlay.pods():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not set(spec) & {"hostNetwork", "hostPID", "hostIPC"}, name
        assert overlay.one("ServiceAccount", spec["serviceAccountName"])["automountServiceAccountToken"] is False
    for name, container, _ in overlay.containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "privileged": False,
            "capabilities": {"drop": ["ALL"]},
        }, name  # fmt: skip
        assert not container["image"].endswith(":latest"), name
        assert ":" in container["image"], name


def test_whoever_keeps_on_running_is_probed(overlay: Rendered) -> None:
    for workload in overlay.of("Deployment", "StatefulSet"):
        container = workload["spec"]["template"]["spec"]["containers"][0]
        assert {"livenessProbe", "readinessProbe"} <= set(container), workload["metadata"]["name"]


def test_everything_is_denied_that_is_not_allowed(overlay: Rendered) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in overlay.of("NetworkPolicy")}

    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, spec in policies.items():
        for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
            assert rule.get("ports"), f"{name}: every port"
        for rule in spec.get("ingress", []):
            assert rule.get("from"), f"{name}: from everywhere"


def test_no_secret_is_in_git() -> None:
    from tests.kubernetes.rendered import K8S

    ignored = (K8S.parents[1] / ".gitignore").read_text().splitlines()
    assert "deploy/k8s/components/generated-secrets/secrets/" in ignored
    assert not any("kind: Secret\n" in path.read_text() for path in K8S.rglob("*.yaml"))

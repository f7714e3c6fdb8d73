"""The manifests as ``kubectl kustomize`` renders them, and ways to ask them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.servers.base import program

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "deploy" / "k8s"
OVERLAYS = ("staging", "production")
# What an operator may choose instead of an overlay's own choice.
VARIANTS = ("keda",)
_SECONDS = 60
_VARIANT = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../staging]
components: [../../components/scale-on-requests-keda]
"""
Manifest = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "Job")


@dataclass(frozen=True)
class Rendered:
    """Every object of one overlay."""

    name: str
    text: str
    objects: tuple[Manifest, ...]

    def of(self, *kinds: str) -> list[Manifest]:
        """Return the objects of these kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def one(self, kind: str, name: str) -> Manifest:
        """Return the one object of this kind and name."""
        (found,) = (each for each in self.of(kind) if each["metadata"]["name"] == name)
        return found

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """Give each workload's name and its pod template."""
        for workload in self.of(*WORKLOADS):
            yield f"{workload['kind']} {workload['metadata']['name']}", workload["spec"]["template"]

    def containers(self) -> Iterator[tuple[str, Manifest, Manifest]]:
        """Give each container with a name for messages, itself, and its pod's spec."""
        for name, template in self.pods():
            spec = template["spec"]
            for container in [*spec.get("initContainers", []), *spec["containers"]]:
                yield f"{name}, {container['name']}", container, spec


@cache
def rendered(name: str) -> Rendered:
    """Render an overlay, with secrets that were just made, from a copy that goes away again."""
    kubectl = program("kubectl", install="see kubernetes.io/docs/tasks/tools, 1.27 or newer")
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "k8s"
        shutil.copytree(K8S, copy, ignore=shutil.ignore_patterns("secrets"))
        make_secrets = [sys.executable, str(copy / "make_secrets.py")]
        subprocess.run(make_secrets, check=True, capture_output=True, timeout=_SECONDS)
        (copy / "overlays" / "keda").mkdir()
        (copy / "overlays" / "keda" / "kustomization.yaml").write_text(_VARIANT)
        text = subprocess.run(
            [kubectl, "kustomize", str(copy / "overlays" / name)],
            check=True, capture_output=True, text=True, timeout=_SECONDS,
        ).stdout  # fmt: skip
    return Rendered(name, text, tuple(each for each in yaml.safe_load_all(text) if each))


def as_json(objects: list[Manifest]) -> str:
    """Return the objects as a JSON list."""
    return json.dumps(objects, default=str)

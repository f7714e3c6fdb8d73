"""Every object is one that Kubernetes, or the operator whose kind it is, takes."""

import hashlib
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest

from tests.kubernetes.rendered import OVERLAYS, VARIANTS, Manifest, as_json, rendered
from tests.servers.base import program

_CUSTOM = Path(__file__).parent / "custom_resources"
_OURS = ("ExternalSecret", "PrometheusRule", "ScaledObject", "ServiceMonitor")
_SECONDS = 180


@pytest.mark.parametrize("overlay", [*OVERLAYS, *VARIANTS])
@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_kubernetes_own_objects_fit_its_schemas_strictly(overlay: str, version: str) -> None:
    own = [each for each in rendered(overlay).objects if each["kind"] not in _OURS]

    assert own
    for each in own:  # raises for what does not fit, for fields and for kinds that are unknown
        assert kubernetes_validate.validate(each, version, strict=True) == version


def test_those_refuse_what_is_wrong() -> None:
    service = rendered("staging").one("Service", "nocturnal-service")
    misspelt = service | {"spec": service["spec"] | {"sesionAffinity": "None"}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, "1.32", strict=True)


@pytest.fixture(scope="module")
def schemas() -> Path:
    """The operators' schemas, installed from the lock file where they are not yet."""
    lock = hashlib.sha256((_CUSTOM / "package-lock.json").read_bytes()).hexdigest()
    installed = _CUSTOM / "node_modules" / ".lock"
    if not installed.exists() or installed.read_text() != lock:
        install = [program("npm", install="apt-get install npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=_CUSTOM, check=True, timeout=_SECONDS)
        installed.write_text(lock)
    return _CUSTOM


def _wrong(schemas: Path, objects: list[Manifest]) -> str:
    return subprocess.run(
        [program("node", install="apt-get install nodejs"), "validate.js"],
        input=as_json(objects), cwd=schemas, capture_output=True, text=True, timeout=_SECONDS, check=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize("overlay", [*OVERLAYS, *VARIANTS])
def test_the_operators_objects_fit_their_schemas(overlay: str, schemas: Path) -> None:
    objects = rendered(overlay).of(*_OURS)

    assert objects
    assert _wrong(schemas, objects) == ""


def test_those_schemas_refuse_what_is_wrong(schemas: Path) -> None:
    monitor = rendered("staging").one("ServiceMonitor", "nocturnal")
    broken = monitor | {"spec": monitor["spec"] | {"endpoints": [{"port": 5000}]}}

    assert "must be string" in _wrong(schemas, [broken])

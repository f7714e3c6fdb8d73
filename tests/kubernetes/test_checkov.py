"""checkov finds nothing in the overlays that is not waived, and each waiver is needed and says why."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes.rendered import K8S, OVERLAYS, rendered
from tests.terraform.tools import infrastructure

_WAIVERS: list[dict[str, Any]] = yaml.safe_load((K8S / "checkov.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What checkov says of every overlay at once."""
    folder: Path = tmp_path_factory.mktemp("rendered")
    for overlay in OVERLAYS:
        (folder / f"{overlay}.yaml").write_text(rendered(overlay).text, encoding="utf-8")
    command = [infrastructure("checkov"), "--directory", str(folder), "--framework", "kubernetes"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        [*command, "--output", "json", "--quiet", "--compact", "--soft-fail"],
        env=environment, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _resource(failed: dict[str, str]) -> str:
    kind, _, name = failed["resource"].split(".", 2)
    return f"{kind}/{name}"


def test_nothing_is_found_that_is_not_waived_and_no_waiver_is_needless(found: dict[str, Any]) -> None:
    failed = {(each["check_id"], _resource(each)) for each in found["results"]["failed_checks"]}
    waived = {(waiver["check"], resource) for waiver in _WAIVERS for resource in waiver["resources"]}

    assert failed == waived
    assert found["summary"]["passed"] > 500
    assert found["summary"]["parsing_errors"] == 0


def test_every_waiver_says_why() -> None:
    assert all(len(waiver["reason"].split()) >= 8 for waiver in _WAIVERS)

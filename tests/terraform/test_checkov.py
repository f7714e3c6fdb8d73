"""checkov finds nothing that is not waived, and each waiver says why."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests.terraform.program import SOURCE
from tests.terraform.tools import infrastructure

_WAIVER = re.compile(r"#\s*checkov:skip=(CKV2?_AWS_\d+):(.*)")


def test_nothing_is_found_that_is_not_waived(tmp_path: Path) -> None:
    command = [infrastructure("checkov"), "--directory", str(SOURCE), "--framework", "terraform"]
    options = ["--output", "json", "--quiet", "--compact", "--download-external-modules", "false", "--soft-fail"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        [*command, *options], env=environment, capture_output=True, text=True, timeout=300, check=True
    )
    report = json.loads(done.stdout)
    failed = [f"{each['check_id']} {each['check_name']}: {each['resource']}" for each in _failures(report)]
    assert failed == []
    assert report["summary"]["passed"] > 300
    assert report["summary"]["parsing_errors"] == 0


def test_every_waiver_says_why() -> None:
    waivers = [found for file in SOURCE.rglob("*.tf") for found in _WAIVER.findall(file.read_text(encoding="utf-8"))]
    assert waivers
    for check, reason in waivers:
        assert len(reason.split()) >= 5, check


def _failures(report: dict[str, dict[str, list[dict[str, str]]]]) -> list[dict[str, str]]:
    return report["results"]["failed_checks"]

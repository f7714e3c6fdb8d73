"""What can be said of the Terraform files without applying them."""

import re
from pathlib import Path

import pytest

from tests.servers.base import ServiceMissing
from tests.terraform.program import ROOTS, SOURCE, Terraform, plugin_folder

FILES = sorted(SOURCE.rglob("*.tf"))
MODULES = (
    *("network", "load_balancer", "service", "database", "cache"),
    *("storage", "discovery", "secrets", "monitoring"),
)
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def _blocks(kind: str) -> list[tuple[str, str]]:
    return [
        (f"{file.relative_to(SOURCE)}: {name}", body)
        for file in FILES
        for found, name, body in _BLOCK.findall(file.read_text(encoding="utf-8"))
        if found == kind
    ]


def test_every_module_of_the_architecture_is_there_and_is_used() -> None:
    platform = (SOURCE / "modules/platform/main.tf").read_text(encoding="utf-8")
    for module in MODULES:
        assert (SOURCE / "modules" / module / "main.tf").is_file()
        assert f'source = "../{module}"' in platform


def test_files_are_formatted() -> None:
    assert Terraform(SOURCE).run("fmt", "-check", "-recursive", "-diff") == ""


@pytest.mark.parametrize("root", ROOTS)
def test_what_is_applied_is_valid(root: str, tmp_path: Path) -> None:
    terraform = Terraform.copied(root, tmp_path / "terraform")
    terraform.init()
    assert "The configuration is valid" in terraform.run("validate")


def test_every_variable_is_described_and_validated() -> None:
    variables = _blocks("variable")
    assert len(variables) > 100
    for name, body in variables:
        assert re.search(r'^  description = ".{12,}"$', body, re.MULTILINE), name
        assert "\n  validation {\n" in body, name
        assert "\n  type " in f"\n{body}", name


def test_every_output_is_described() -> None:
    outputs = _blocks("output")
    assert len(outputs) > 40
    for name, body in outputs:
        assert re.search(r'^  description = ".{6,}"$', body, re.MULTILINE), name


def test_the_provider_is_pinned_in_every_module_and_no_module_comes_from_elsewhere() -> None:
    for folder in {file.parent for file in FILES}:
        assert re.search(r'version += "5\.100\.0"', (folder / "versions.tf").read_text(encoding="utf-8")), folder
    sources = [source for file in FILES for source in re.findall(r'source += "([^"]+)"', file.read_text("utf-8"))]
    assert {source for source in sources if not source.startswith("../")} == {"hashicorp/aws"}


@pytest.mark.parametrize("root", ["envs/production", "envs/staging"])
def test_an_environments_state_is_remote_encrypted_and_locked(root: str) -> None:
    text = (SOURCE / root / "versions.tf").read_text(encoding="utf-8")
    backend = text[text.index('backend "s3"') :]
    for part in (f'key          = "{Path(root).name}/', "encrypt      = true", "use_lockfile = true"):
        assert part in backend
    assert "bucket" not in backend  # an account's own names are in no file of ours


def test_who_has_no_provider_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    with pytest.raises(ServiceMissing, match="providers mirror"):
        plugin_folder()

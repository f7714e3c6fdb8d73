"""Terraform itself, on a copy of `deploy/terraform`, with the provider from a folder and never from a registry."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.live_server import ROOT
from tests.servers.base import ServiceMissing, program

SOURCE = ROOT / "deploy" / "terraform"
ROOTS = ("bootstrap", "envs/production", "envs/staging")
_PROVIDER = Path("registry.terraform.io/hashicorp/aws")
_INSTALL = "https://developer.hashicorp.com/terraform/install (1.11)"
# Where Terraform looks for mirrors by itself, and where administrators unpack things.
_USUAL = ("~/.terraform.d/plugins", "~/.local/share/terraform/plugins")
_USUAL_SYSTEM = ("usr/local/share", "usr/share", "usr/local/lib", "opt")
_SECONDS = 900  # the slowest is an apply, which mostly waits: two minutes alone, more beside others
_NOT_COPIED = shutil.ignore_patterns(
    ".terraform", ".terraform.lock.hcl", "*.tfstate*", "terraform.tfvars", "backend.hcl"
)


def plugin_folder() -> Path:
    """Return the folder that has the provider, as `terraform init -plugin-dir` takes it.

    Raises:
        ServiceMissing: there is none; with how to make one.
    """
    for folder in _candidates():
        if (folder / _PROVIDER).is_dir():
            return folder
    raise ServiceMissing(
        "Terraform's provider for AWS is in no folder: run "
        f'"terraform -chdir={SOURCE.relative_to(ROOT)}/bootstrap providers mirror ~/.terraform.d/plugins", '
        "or name the folder that has registry.terraform.io/hashicorp/aws with TF_PLUGIN_DIR"
    )


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("TF_PLUGIN_DIR"):
        yield Path(given)
        return
    for usual in _USUAL:
        yield Path(usual).expanduser()
    for usual in _USUAL_SYSTEM:
        yield from sorted(Path("/", usual).glob("*"))
        yield from sorted(Path("/", usual).glob("terraform/*"))


@dataclass(frozen=True)
class Terraform:
    """Terraform in one folder of a copy; nothing of the developer's own configuration or credentials reaches it."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def copied(cls, root: str, into: Path, variables: Mapping[str, str] | None = None) -> "Terraform":
        """Copy everything below `deploy/terraform`, and stand in `root` of it."""
        if not into.exists():
            shutil.copytree(SOURCE, into, ignore=_NOT_COPIED)
        return cls(into / root, variables or {})

    def run(self, *arguments: str, within_s: float = _SECONDS) -> str:
        """Run one command and return what it printed.

        Raises:
            AssertionError: it failed; with what it said.
        """
        result = self.result(*arguments, within_s=within_s)
        assert result.returncode == 0, f"terraform {' '.join(arguments)}\n{result.stdout}{result.stderr}"
        return result.stdout

    def result(self, *arguments: str, within_s: float = _SECONDS) -> subprocess.CompletedProcess[str]:
        """Run one command, whatever it answers."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),  # no plug-ins, credentials or settings from elsewhere
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "TF_CLI_ARGS": "-no-color",
            **self.variables,
        }
        command = [program("terraform", install=_INSTALL), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=within_s, check=False
        )

    def init(self, *arguments: str) -> None:
        """Prepare the folder with the provider at hand; `arguments` say which backend."""
        self.run("init", f"-plugin-dir={plugin_folder()}", *(arguments or ("-backend=false",)))

"""An account from empty to both environments and back to empty, on moto: what each step left is kept for tests to ask.

Nothing of it is Amazon's own: that a value is accepted here says little, that everything fits together says much.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.terraform.amazon import REGION, Amazon
from tests.terraform.program import Terraform

DOMAINS = {"production": "api.example.com", "staging": "staging.example.com"}
_APPLY = ("apply", "-auto-approve", "-parallelism=30")  # most of the time is the provider's own waiting
_DESTROY = ("destroy", "-auto-approve", "-parallelism=30", "-refresh=false")
_OUTPUTS_FIRST = ("-target=aws_s3_bucket_versioning.state", "-target=aws_ecr_repository.app")


@dataclass
class Environment:
    """One environment, and what its steps left."""

    name: str
    terraform: Terraform
    guarded: bool
    planned_twice: bool
    values: dict[str, Any] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    left: str = ""

    def build(self) -> None:
        """Apply, and plan again what is there."""
        self.terraform.init("-backend-config=../../backend.hcl")
        self.terraform.run(*_APPLY, *([] if self.guarded else self._unguarded))
        if self.planned_twice:
            self.terraform.run("plan", "-out=again", "-parallelism=30")
        shown = json.loads(self.terraform.run("show", "-json", *(["again"] if self.planned_twice else [])))
        self.values = shown.get("prior_state", shown)["values"]
        self.changes = [*shown.get("resource_changes", ()), *shown.get("output_changes", {}).values()]

    def remove(self) -> None:
        """Lift the guards, and destroy."""
        if self.guarded and self._unguarded:
            self.terraform.run(*_APPLY, "-refresh=false", *self._unguarded)
        self.terraform.run(*_DESTROY, *self._unguarded)
        self.left = self.terraform.run("state", "list")

    @property
    def outputs(self) -> dict[str, Any]:
        """What Terraform says at the end."""
        return {name: each["value"] for name, each in self.values["outputs"].items()}

    @property
    def _unguarded(self) -> list[str]:
        return ["-var=keep=false"] if self.name == "production" else []  # staging has no guards

    def resources(self) -> Iterator[dict[str, Any]]:
        """Give every resource that was applied."""
        yield from _resources(self.values["root_module"])

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """Return the values of the one resource of this type and name."""
        (found,) = (each["values"] for each in self.resources() if (each["type"], each["name"]) == (kind, name))
        return dict(found)


@dataclass
class Journey:
    """What the account held before, in between and after."""

    shared: dict[str, Any]
    environments: dict[str, Environment]
    before: Counter[str]
    between: Counter[str]
    after: Counter[str]


def travel(folder: Path, *, whole: bool) -> Journey:
    """Go the whole way; where a step fails, stop with what Terraform said.

    Production takes longest, and shares its modules with staging: unless `whole`, it is not planned a second time,
    and its guards are never put up.
    """
    with Amazon() as amazon:
        zone = _zone(amazon)
        before = amazon.everything()
        bootstrap = Terraform.copied("bootstrap", folder, amazon.variables)
        bootstrap.init("-backend=true")
        bootstrap.run(*_APPLY, *_OUTPUTS_FIRST)  # the rest waits a minute, which environments need not
        shared = _outputs(bootstrap)
        _write_backend(folder / "backend.hcl", shared)
        variables = amazon.variables | {
            "TF_VAR_zone_id": zone,
            "TF_VAR_image": f"{shared['repository_url']}:1.0.0",
            "TF_VAR_alarm_email": "operators@example.com",
        }
        environments = []
        for name, domain in DOMAINS.items():
            terraform = Terraform.copied(f"envs/{name}", folder, variables | {"TF_VAR_domain_name": domain})
            every = whole or name == "staging"
            environments.append(Environment(name, terraform, guarded=every, planned_twice=every))
        with ThreadPoolExecutor(3) as pool:
            rest = pool.submit(bootstrap.run, *_APPLY)
            list(pool.map(Environment.build, environments))
            rest.result()
            between = amazon.everything()
            rest = pool.submit(bootstrap.run, *_APPLY, "-refresh=false", "-var=keep=false")
            list(pool.map(Environment.remove, environments))
            rest.result()
        bootstrap.run(*_DESTROY, "-var=keep=false")
        return Journey(shared, {each.name: each for each in environments}, before, between, amazon.everything())


def _outputs(terraform: Terraform) -> dict[str, Any]:
    return {name: each["value"] for name, each in json.loads(terraform.run("output", "-json")).items()}


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (each for each in module.get("resources", ()) if each["mode"] == "managed")
    for child in module.get("child_modules", ()):
        yield from _resources(child)


def _zone(amazon: Amazon) -> str:
    made = amazon.client("route53").create_hosted_zone(Name="example.com", CallerReference="once")
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


def _write_backend(file: Path, shared: Mapping[str, Any]) -> None:
    file.write_text(
        f'bucket = "{shared["state_bucket"]}"\nregion = "{REGION}"\nkms_key_id = "{shared["state_key_arn"]}"\n'
    )

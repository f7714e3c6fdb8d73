"""docs/DEPLOYMENT.md names what there is: outputs, variables, files and objects, and the sums that are computed."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from tests.live_server import ROOT
from tests.terraform.journey import Environment
from tests.terraform.program import SOURCE

TEXT = (ROOT / "docs" / "DEPLOYMENT.md").read_text(encoding="utf-8")
_KUBERNETES = TEXT[TEXT.index("\n## Kubernetes") :]
_AWS = TEXT[: TEXT.index("\n## Kubernetes")]
_ENVIRONMENTS = ("envs/production", "envs/staging")


def _declared(kind: str, root: str) -> set[str]:
    text = "".join(file.read_text(encoding="utf-8") for file in (SOURCE / root).glob("*.tf"))
    return set(re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE))


def test_every_output_that_is_asked_for_exists() -> None:
    asked = set(re.findall(r"terraform output(?:\s+-raw)?\s+(\w+)", _AWS))
    bootstrap = {"state_bucket", "state_key_arn", "repository_url"}

    assert asked > bootstrap
    assert bootstrap <= _declared("output", "bootstrap")
    for root in _ENVIRONMENTS:
        assert asked - bootstrap <= _declared("output", root)


def test_every_variable_that_is_given_exists() -> None:
    given = set(re.findall(r"-var (\w+)=|TF_VAR_(\w+)", _AWS))
    production = _declared("variable", "envs/production")

    assert {"keep", "image", "mongodb_uri"} == {each for pair in given for each in pair if each}
    for name in ("keep", "image", "mongodb_uri", "schedule", "secret_arns", "settings", "allowed_origins"):
        assert f"`{name}`" in _AWS or f"{name}=" in _AWS or f"TF_VAR_{name}" in _AWS
        assert name in production
    assert "keep" in _declared("variable", "bootstrap")
    assert "stop_timeout_seconds" in _declared("variable", "modules/service")


@pytest.mark.parametrize("root", _ENVIRONMENTS)
def test_the_example_gives_what_has_no_default(root: str) -> None:
    given = set(re.findall(r"^(\w+) ", (SOURCE / root / "terraform.tfvars.example").read_text("utf-8"), re.MULTILINE))
    text = (SOURCE / root / "variables.tf").read_text(encoding="utf-8")
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL)

    assert {name for name, body in blocks if "\n  default" not in body} <= given <= {name for name, _ in blocks}


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"(?<![\w/])((?:deploy|tests|docs|envs|modules)/[\w./-]+\w)", TEXT))
    made_by_commands = {"deploy/k8s/secrets"}

    assert len(named) > 8
    for name in named - made_by_commands:
        assert (ROOT / name).exists() or (SOURCE / name).exists(), name


def test_addresses_of_resources_lead_to_a_resource() -> None:
    (target,) = set(re.findall(r"-target=module\.platform\.module\.(\S+)", _AWS))
    module, kind, name = target.split(".")

    text = "".join(file.read_text(encoding="utf-8") for file in (SOURCE / "modules" / module).glob("*.tf"))
    assert f'resource "{kind}" "{name}"' in text


def test_the_second_image_puts_the_certificates_where_the_database_looks_for_them() -> None:
    variables = (SOURCE / "modules/database/variables.tf").read_text(encoding="utf-8")
    (file,) = re.findall(r'default\s+= "(/etc/\S+\.pem)"', variables)

    assert re.search(rf"^ADD https://\S+ {file}$", (SOURCE / "image/Dockerfile").read_text("utf-8"), re.MULTILINE)


def test_every_object_of_kubernetes_that_is_named_exists() -> None:
    manifests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "deploy/k8s").rglob("*.yaml"))
    named = set(re.findall(r"`(nocturnal-[\w-]+)`", _KUBERNETES))

    assert named == {"nocturnal-migrate", "nocturnal-app", "nocturnal-hpa", "nocturnal-ingress"}
    for name in named:
        assert re.search(rf"name: {name}$", manifests, re.MULTILINE), name
    assert "staging.nocturnal.com" in manifests


def _estimated(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("estimate_cost", "--json", *arguments, stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


@pytest.mark.parametrize(
    ("row", "arguments"),
    [
        ("that document's own sum", ()),
        ("production, 1 TB", ("--prices", "production")),
        ("production, DocumentDB reserved", ("--prices", "production", "--reserved")),
        ("staging, 0.1 TB", ("--prices", "staging", "--storage-tb", "0.1", "--spot")),
    ],
)
def test_the_costs_are_what_the_command_says(row: str, arguments: tuple[str, ...]) -> None:
    (line,) = (each for each in TEXT.splitlines() if each.startswith(f"| {row}"))
    (schedule,) = set(re.findall(r"--schedule ([\d:,-]+)", TEXT))
    files = {name: str(SOURCE / "envs" / name / "prices.json") for name in ("production", "staging")}
    given = [files.get(each, each) for each in arguments]

    bills = [_estimated(*given, *more) for more in (("--pods", "3"), ("--pods", "10"), ("--schedule", schedule))]
    said = [float(each) for each in re.findall(r"\| (\d+\.\d\d)", line)]
    assert said == [bills[0]["fixed"], *(bill["total"] for bill in bills)]


def test_the_priced_quantities_are_those_that_are_applied(environment: Environment) -> None:
    priced = json.loads((SOURCE / "envs" / environment.name / "prices.json").read_text(encoding="utf-8"))
    units = json.loads((ROOT / "nocturnal_project/costs/prices.json").read_text(encoding="utf-8"))
    unit = {line["name"].partition(" ")[0]: line["monthly"] for line in units["fixed"]}
    unit["DocumentDB,"] /= 3
    kinds = {
        "Load": ("aws_lb", ""),
        "NAT": ("aws_nat_gateway", ""),
        "DocumentDB,": ("aws_docdb_cluster_instance", ""),
        "ElastiCache,": ("aws_elasticache_replication_group", "num_cache_clusters"),
    }

    for line in priced["fixed"]:
        word = line["name"].partition(" ")[0]
        kind, attribute = kinds.pop(word)
        applied = [each["values"] for each in environment.resources() if each["type"] == kind]
        number = sum(each[attribute] if attribute else 1 for each in applied)
        assert line["monthly"] == pytest.approx(number * unit[word]), line["name"]
    assert kinds == {}
    target = environment.one("aws_appautoscaling_target", "app")
    assert (priced["pods_min"], priced["pods_max"]) == (target["min_capacity"], target["max_capacity"])
    assert priced["pod"] == units["pod"] | {"name": priced["pod"]["name"]}

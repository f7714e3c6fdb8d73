"""Both environments are applied, planned again and destroyed on moto, with their state in the account's own bucket."""

from typing import Any

from tests.terraform.amazon import ACCOUNT, REGION
from tests.terraform.journey import DOMAINS, Environment, Journey
from tests.terraform.test_configuration import MODULES


def test_everything_is_applied(environment: Environment) -> None:
    resources = list(environment.resources())
    modules = {each["address"].split(".")[3].partition("[")[0] for each in resources}

    assert modules == set(MODULES)
    assert len(resources) > 140
    assert {each.get("tainted", False) for each in resources} == {False}


def test_a_second_plan_changes_nothing(journey: Journey) -> None:
    planned = [each for each in journey.environments.values() if each.planned_twice]

    assert "staging" in {each.name for each in planned}
    for environment in planned:
        assert len(environment.changes) > 140
        changed = [each for each in environment.changes if _actions(each) not in (["no-op"], ["read"])]
        assert [f"{each.get('address', 'an output')}: {_actions(each)}" for each in changed] == []


def _actions(change: dict[str, Any]) -> list[str]:
    return list(change.get("change", change)["actions"])


def test_the_outputs_say_where_everything_is(environment: Environment) -> None:
    said, name = environment.outputs, {"production": "nocturnal", "staging": "nocturnal-staging"}[environment.name]

    assert said["url"] == f"https://{DOMAINS[environment.name]}"
    assert (said["cluster"], said["service"]) == (name, "nocturnal-app")
    assert said["bucket"] == f"{name}-files-{ACCOUNT}"
    assert set(said["names"]) == {f"{each}.nocturnal.local" for each in ("nocturnal-app", "mongodb", "redis")}
    assert said["log_groups"] == {"app": f"/{name}/app", "migrate": f"/{name}/migrate"}
    assert said["load_balancer_dns_name"] == environment.one("aws_lb", "main")["dns_name"]
    assert said["task_definition"] == environment.one("aws_ecs_task_definition", "app")["arn"]
    assert said["migrate_task_definition"] == environment.one("aws_ecs_task_definition", "migrate")["arn"]
    assert said["alarm_topic"] == environment.one("aws_sns_topic", "alarms")["arn"]
    assert f"region={REGION}" in said["dashboard"]
    assert len(said["nat_addresses"]) == {"production": 3, "staging": 1}[environment.name]
    group = environment.one("aws_security_group", "app")["id"]
    assert f"securityGroups=[{group}],assignPublicIp=DISABLED" in said["migrate_network"]


def test_the_pieces_are_joined(environment: Environment) -> None:
    service, endpoint = environment.one("aws_ecs_service", "app"), environment.one("aws_docdb_cluster", "main")
    uri = environment.one("aws_secretsmanager_secret_version", "mongodb_uri")["secret_string"]

    assert service["load_balancer"][0]["target_group_arn"] == environment.one("aws_lb_target_group", "app")["arn"]
    assert service["task_definition"] == environment.outputs["task_definition"]
    assert f"@{endpoint['endpoint']}:27017/nocturnal?tls=true" in uri
    assert endpoint["master_password"] in uri
    firewall = environment.one("aws_wafv2_web_acl_association", "main")
    assert firewall["resource_arn"] == environment.one("aws_lb", "main")["arn"]


def test_production_is_three_of_everything_and_staging_is_small(journey: Journey) -> None:
    def count(environment: str, kind: str) -> int:
        return sum(each["type"] == kind for each in journey.environments[environment].resources())

    assert [count(each, "aws_docdb_cluster_instance") for each in ("production", "staging")] == [3, 1]
    assert [count(each, "aws_nat_gateway") for each in ("production", "staging")] == [3, 1]
    spot = journey.environments["staging"].one("aws_ecs_service", "app")["capacity_provider_strategy"]
    assert {each["capacity_provider"] for each in spot} == {"FARGATE", "FARGATE_SPOT"}


def test_each_environment_has_its_state_in_the_shared_bucket(journey: Journey) -> None:
    assert journey.shared["state_bucket"] == f"nocturnal-terraform-{ACCOUNT}"
    there = journey.between["s3 list_buckets"] - journey.before["s3 list_buckets"]
    assert there == 5  # the state, and in each environment the files and the logs


def test_destroying_leaves_nothing(journey: Journey) -> None:
    built = {kind: number - journey.before[kind] for kind, number in journey.between.items()}

    assert {kind: number for kind, number in built.items() if number <= 0} == {}
    assert {each.left for each in journey.environments.values()} == {""}
    assert {kind: number for kind, number in journey.after.items() if number != journey.before[kind]} == {}

"""Amazon's APIs on a port of this machine, by moto: everything is said back, nothing runs.

What it cannot tell: whether Amazon would accept a value, how long anything takes, and whether what was made serves.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import boto3

from tests.live_server import _direct
from tests.servers.base import Keeper, Process, Service
from tests.terraform.tools import infrastructure

ACCOUNT = "123456789012"  # moto's own
REGION = "us-east-1"
_SCRIPT = Path(__file__).with_name("moto_server.py")
_SECONDS = 30
# Not ECS' clusters, which moto lists when they are gone, nor CloudWatch, whose protocol of today it does not speak:
# of these, that Terraform's state is empty has to do.
_LISTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("acm list_certificates", "CertificateSummaryList", {}),
    ("application-autoscaling describe_scalable_targets", "ScalableTargets", {"ServiceNamespace": "ecs"}),
    ("docdb describe_db_clusters", "DBClusters", {}),
    ("docdb describe_db_instances", "DBInstances", {}),
    ("ec2 describe_addresses", "Addresses", {}),
    ("ec2 describe_nat_gateways", "NatGateways", {}),
    ("ec2 describe_security_groups", "SecurityGroups", {}),
    ("ec2 describe_subnets", "Subnets", {}),
    ("ec2 describe_vpc_endpoints", "VpcEndpoints", {}),
    ("ec2 describe_vpcs", "Vpcs", {}),
    ("ecr describe_repositories", "repositories", {}),
    ("elasticache describe_replication_groups", "ReplicationGroups", {}),
    ("elbv2 describe_load_balancers", "LoadBalancers", {}),
    ("elbv2 describe_target_groups", "TargetGroups", {}),
    ("iam list_roles", "Roles", {}),
    ("kms list_aliases", "Aliases", {}),
    ("logs describe_log_groups", "logGroups", {}),
    ("s3 list_buckets", "Buckets", {}),
    ("secretsmanager list_secrets", "SecretList", {}),
    ("servicediscovery list_namespaces", "Namespaces", {}),
    ("sns list_topics", "Topics", {}),
    ("wafv2 list_web_acls", "WebACLs", {"Scope": "REGIONAL"}),
)


class Amazon(Service):
    """One account, empty but for what every account has."""

    process: Process

    @property
    def endpoint(self) -> str:
        """Where every API is spoken."""
        return f"http://127.0.0.1:{self.process.port}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment that leads Terraform here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "2",  # what moto lacks is told at once, and not after an hour of tries
        }

    def client(self, service: str) -> Any:
        """Return boto3's client of a service here."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
        )

    def everything(self) -> Counter[str]:
        """Count what there is of each kind that costs money or stands in the way of another try."""
        return Counter({call: self._count(call, member, given) for call, member, given in _LISTS})

    def _count(self, call: str, member: str, given: dict[str, str]) -> int:
        service, _, method = call.partition(" ")
        found = getattr(self.client(service), method)(**given)[member]
        return sum(not (isinstance(each, dict) and each.get("State") == "deleted") for each in found)

    def _start(self, keeper: Keeper) -> None:
        self.process = Process(keeper, "moto", self._command, answers=self._answers)
        self.process.start(within_s=90)  # it imports every service before it listens

    def _command(self, ports: list[int]) -> list[str]:
        return [infrastructure("python"), "-I", str(_SCRIPT), "-H", "127.0.0.1", "-p", str(ports[0])]

    def _answers(self) -> bool:
        try:
            with _direct.open(f"{self.endpoint}/moto-api/data.json", timeout=_SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

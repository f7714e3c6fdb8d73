"""moto's server with what it lacks for `deploy/terraform`: run by the Python of `.venv/infrastructure`.

Each addition keeps what it is told and says it back, as moto does for the rest. Nothing here decides what is right.
"""

import json
import sys
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elasticache.exceptions import CacheClusterNotFound
from moto.elasticache.models import ElastiCacheBackend, ReplicationGroup
from moto.elasticache.responses import ElastiCacheResponse
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.rds.models import DBCluster, DBInstance
from moto.rds.utils import ClusterEngine, DbInstanceEngine
from moto.s3.models import FakeDeleteMarker
from moto.server import main


def added_to(kind: type[Any], name: str = "") -> Any:
    """Make the function below a method of moto's class, in place of one of its name."""

    def add(function: Any) -> Any:
        setattr(kind, name or function.__name__, function)
        return function

    return add


# --- S3: statements of a bucket's policy about TLS, whose conditions moto does not read; requests count as sent by TLS

_judge = IAMPolicyStatement.is_action_permitted


@added_to(IAMPolicyStatement)
def is_action_permitted(self: Any, *arguments: Any, **named: Any) -> Any:
    """Have no opinion where the statement denies what comes without TLS, or by an old one."""
    conditions = {key for each in self._statement.get("Condition", {}).values() for key in each}
    if self._statement["Effect"] == "Deny" and conditions and conditions <= {"aws:SecureTransport", "s3:TlsVersion"}:
        return PermissionResult.NEUTRAL
    return _judge(self, *arguments, **named)


@added_to(FakeDeleteMarker)
def dispose(self: Any, *, garbage: bool = False) -> None:
    """Have nothing to give back; moto fails at a bucket that is emptied of what was removed before."""


# --- Application Auto Scaling: tags


@added_to(ApplicationAutoScalingResponse)
def list_tags_for_resource(self: Any) -> str:
    """Say what was kept."""
    return json.dumps({"Tags": _scaling_tags.get(self._get_param("ResourceARN"), {})})


@added_to(ApplicationAutoScalingResponse)
def tag_resource(self: Any) -> str:
    """Keep the tags."""
    _scaling_tags.setdefault(self._get_param("ResourceARN"), {}).update(self._get_param("Tags"))
    return "{}"


_scaling_tags: dict[str, dict[str, str]] = {}
_register = ApplicationAutoScalingResponse.register_scalable_target


@added_to(ApplicationAutoScalingResponse)
def register_scalable_target(self: Any) -> str:
    """Keep the tags that come with it."""
    answer: str = _register(self)
    _scaling_tags.setdefault(json.loads(answer)["ScalableTargetARN"], {}).update(self._get_param("Tags") or {})
    return answer


# --- EC2: what a rule is for, where it names a group and no addresses

SecurityGroupRule.description = property(
    lambda self: self.ip_range.get("Description") or self.source_group.get("Description")
)

# --- ECS: where tasks run, and how a service is looked after

_create_service = EC2ContainerServiceResponse.create_service
_KEPT = (
    *("capacityProviderStrategy", "enableExecuteCommand"),
    *("healthCheckGracePeriodSeconds", "availabilityZoneRebalancing"),
)


@added_to(EC2ContainerServiceResponse)
def create_service(self: Any) -> Any:
    """Say back what moto leaves out; a service on capacity providers has no launch type."""
    answer = _create_service(self)
    service = answer.result["service"]
    for name in _KEPT:
        setattr(service, camelcase_to_underscores(name), self._get_param(name))
    if service.capacity_provider_strategy:
        service.launch_type = None
    return answer


# --- DocumentDB: an engine of RDS' API

DBInstance.default_engine_versions["docdb"] = "8.0.0"


def _knows_docdb(kind: Any, method: str) -> None:
    engines = getattr(kind, method)()
    setattr(kind, method, lambda: [*engines, "docdb"])


def _unless_docdb(known: Any, value: int) -> Any:
    def answer(engine: str, *arguments: Any, **named: Any) -> Any:
        return value if engine == "docdb" else known(engine, *arguments, **named)

    return answer


def _defaults_for_docdb(kind: Any, method: str, value: int) -> None:
    known = getattr(kind, method)
    setattr(kind, method, staticmethod(_unless_docdb(known, value)))


_knows_docdb(ClusterEngine, "list_cluster_engines")
_knows_docdb(DbInstanceEngine, "valid_db_instance_engine")
for _class in (DBCluster, DBInstance):
    _defaults_for_docdb(_class, "default_port", 27017)
    _defaults_for_docdb(_class, "default_allocated_storage", 1)

_make_cluster = DBCluster.__init__


@added_to(DBCluster, "__init__")
def make_cluster(self: Any, *arguments: Any, **named: Any) -> None:
    """Have DocumentDB's usual kind of storage, which it says by saying none."""
    _make_cluster(self, *arguments, **named)
    if self.engine == "docdb":
        self.storage_type = named.get("storage_type")


# --- ElastiCache: parameter groups, the removal of things, and the nodes of a replication group

_parameter_groups: dict[str, dict[str, Any]] = {}


def _group(name: str) -> dict[str, Any]:
    return {key: value for key, value in _parameter_groups[name].items() if key != "parameters"}


@added_to(ElastiCacheResponse)
def create_cache_parameter_group(self: Any) -> ActionResult:
    """Keep a group without parameters."""
    name, family = self._get_param("CacheParameterGroupName"), self._get_param("CacheParameterGroupFamily")
    _parameter_groups[name] = {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": family,
        "Description": self._get_param("Description"),
        "ARN": f"arn:aws:elasticache:{self.region}:{self.current_account}:parametergroup:{name}",
        "parameters": {},
    }
    arn = _parameter_groups[name]["ARN"]
    self.elasticache_backend.tagging_service.tag_resource(arn, self._get_params().get("Tags") or [])
    return ActionResult({"CacheParameterGroup": _group(name)})


@added_to(ElastiCacheResponse)
def describe_cache_parameter_groups(self: Any) -> ActionResult:
    """Say the group, or nothing."""
    name = self._get_param("CacheParameterGroupName")
    return ActionResult({"CacheParameterGroups": [_group(name)] if name in _parameter_groups else []})


@added_to(ElastiCacheResponse)
def modify_cache_parameter_group(self: Any) -> ActionResult:
    """Keep parameters."""
    name = self._get_param("CacheParameterGroupName")
    for each in self._get_params()["ParameterNameValues"]:
        _parameter_groups[name]["parameters"][each["ParameterName"]] = each["ParameterValue"]
    return ActionResult({"CacheParameterGroupName": name})


@added_to(ElastiCacheResponse)
def describe_cache_parameters(self: Any) -> ActionResult:
    """Say them back."""
    kept = _parameter_groups[self._get_param("CacheParameterGroupName")]["parameters"]
    return ActionResult(
        {"Parameters": [{"ParameterName": key, "ParameterValue": value} for key, value in kept.items()]}
    )


@added_to(ElastiCacheResponse)
def delete_cache_parameter_group(self: Any) -> EmptyResult:
    """Forget it."""
    _parameter_groups.pop(self._get_param("CacheParameterGroupName"), None)
    return EmptyResult()


@added_to(ElastiCacheResponse)
def delete_cache_subnet_group(self: Any) -> EmptyResult:
    """Forget it."""
    self.elasticache_backend.cache_subnet_groups.pop(self._get_param("CacheSubnetGroupName"), None)
    return EmptyResult()


@added_to(ElastiCacheBackend, "list_tags_for_resource")
def list_any_tags(self: Any, arn: str) -> Any:
    """Say the tags of parameter groups too, whose ARNs moto does not know."""
    return self.tagging_service.list_tags_for_resource(arn)


_make = ReplicationGroup.__init__


@added_to(ReplicationGroup)
def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807  moto's
    """Have as many nodes as asked for; moto counts replicas of shards only."""
    named["replicas_per_node_group"] = named["num_cache_clusters"] - 1
    _make(self, *arguments, **named)


_delete_group = ElastiCacheBackend.delete_replication_group


@added_to(ElastiCacheBackend)
def delete_replication_group(self: Any, replication_group_id: str, *arguments: Any, **named: Any) -> Any:
    """Be gone; moto deletes for ever."""
    group = _delete_group(self, replication_group_id, *arguments, **named)
    del self.replication_groups[replication_group_id]
    return group


@added_to(ElastiCacheResponse)
def describe_cache_clusters(self: Any) -> ActionResult:
    """Say a node of a replication group as its group was made."""
    wanted = self._get_param("CacheClusterId")
    for group in self.elasticache_backend.replication_groups.values():
        if wanted in group.member_clusters:
            return ActionResult({"CacheClusters": [_node(wanted, group)]})
    raise CacheClusterNotFound(wanted)


def _node(name: str, group: Any) -> dict[str, Any]:
    return {
        "CacheClusterId": name,
        "ReplicationGroupId": group.replication_group_id,
        "CacheNodeType": group.cache_node_type,
        "Engine": group.engine,
        "EngineVersion": group.engine_version,
        "CacheClusterStatus": "available",
        "NumCacheNodes": 1,
        "PreferredMaintenanceWindow": group.preferred_maintenance_window,
        "CacheParameterGroup": {"CacheParameterGroupName": group.cache_parameter_group_name},
        "CacheSubnetGroupName": group.cache_subnet_group_name,
        "SecurityGroups": [{"SecurityGroupId": each, "Status": "active"} for each in group.security_group_ids or []],
        "AutoMinorVersionUpgrade": True,
        "AtRestEncryptionEnabled": group.at_rest_encryption_enabled,
        "TransitEncryptionEnabled": group.transit_encryption_enabled,
        "TransitEncryptionMode": group.transit_encryption_mode,
        "AuthTokenEnabled": group.auth_token_enabled,
        "CacheNodes": [{"CacheNodeId": "0001", "CacheNodeStatus": "available", "Endpoint": {"Port": group.port}}],
    }


if __name__ == "__main__":
    main(sys.argv[1:])

"""How the probes look in the OpenAPI description."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema

from health.serializers import HealthAnswer, LiveAnswer, ReadyAnswer

_IDENTITY = {"instance": "pod-1", "version": "0.1.0", "uptime_seconds": 12}


def _health(status: str, database: str) -> dict[str, Any]:
    reached = {"status": "ok", "latency_ms": 0.4}
    dependencies = {"database": {"status": database, "latency_ms": 1.2}, "cache": reached, "storage": reached}
    readiness = "not_ready" if status == "down" else "ready"
    return {"status": status, "readiness": readiness, **_IDENTITY, "dependencies": dependencies}


def _example(name: str, value: dict[str, Any], status: int) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[str(status)])


health = extend_schema(
    tags=["health"],
    operation_id="health",
    responses={200: HealthAnswer, 503: HealthAnswer},
    examples=[_example("ok", _health("ok", "ok"), 200), _example("down", _health("down", "down"), 503)],
)
live = extend_schema(
    tags=["health"],
    operation_id="live",
    responses=LiveAnswer,
    examples=[_example("ok", {"status": "ok", **_IDENTITY}, 200)],
)
ready = extend_schema(
    tags=["health"],
    operation_id="ready",
    responses={200: ReadyAnswer, 503: ReadyAnswer},
    examples=[
        _example("ready", {"status": "ready", **_IDENTITY}, 200),
        _example("not ready", {"status": "not_ready", **_IDENTITY}, 503),
        _example("draining", {"status": "draining", **_IDENTITY}, 503),
    ],
)

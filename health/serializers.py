"""The shapes of health answers."""

from typing import Any

from rest_framework import serializers

READINESS = ["ready", "not_ready", "draining"]


class DependencyAnswer(serializers.Serializer[Any]):
    """One system behind this instance."""

    status = serializers.ChoiceField(["ok", "down"])
    latency_ms = serializers.FloatField()


class LiveAnswer(serializers.Serializer[Any]):
    """The process answers."""

    status = serializers.ChoiceField(["ok"])
    instance = serializers.CharField()
    version = serializers.CharField()
    uptime_seconds = serializers.IntegerField()


class ReadyAnswer(LiveAnswer):
    """Whether traffic may come."""

    status = serializers.ChoiceField(READINESS)


class HealthAnswer(LiveAnswer):
    """The instance and what it depends on, as it was less than two seconds ago."""

    status = serializers.ChoiceField(["ok", "degraded", "down"])
    readiness = serializers.ChoiceField(READINESS, help_text="What /api/health/ready says.")
    dependencies = serializers.DictField(child=DependencyAnswer())

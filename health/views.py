"""The probes. Never limited, never in the log at info, and open to strangers."""

from collections.abc import Mapping

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from health import schema
from health.instance import identity
from health.readiness import readiness, shared_outcomes
from ratelimits.policies import Exempt
from ratelimits.throttling import RateLimitedAPIView


class _ProbeView(RateLimitedAPIView):
    """A probe: an orchestrator asks every few seconds and must always be answered."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    rate_limits = Exempt("Orchestrators ask often, and a refused probe would take the instance out.")


class HealthView(_ProbeView):
    """The instance and its dependencies."""

    @schema.health
    def get(self, request: Request) -> Response:
        """Say how the instance and everything behind it is; degraded still serves."""
        state, outcomes = readiness(), shared_outcomes()
        down = [outcome for outcome in outcomes if not outcome.reached]
        cannot_serve = any(outcome.dependency.needed for outcome in down)
        status = "down" if cannot_serve else "degraded" if down else "ok"
        found = {
            outcome.dependency.name: {
                "status": "ok" if outcome.reached else "down",
                "latency_ms": outcome.latency_ms,
            }
            for outcome in outcomes
        }
        body = {"status": status, "readiness": state, **identity(), "dependencies": found}
        return _uncached(body, status=503 if cannot_serve else 200)


class LiveView(_ProbeView):
    """The process."""

    @schema.live
    def get(self, request: Request) -> Response:
        """Say that the process answers. Looks at nothing else: restarting a pod mends no database."""
        return _uncached({"status": "ok", **identity()})


class ReadyView(_ProbeView):
    """Whether traffic may come."""

    @schema.ready
    def get(self, request: Request) -> Response:
        """Say whether the database is there with every migration, and this process is not on its way out."""
        state = readiness()
        return _uncached({"status": state, **identity()}, status=200 if state == "ready" else 503)


def _uncached(body: Mapping[str, object], status: int = 200) -> Response:
    return Response(body, status=status, headers={"Cache-Control": "no-store"})

"""Where a caller stands under the limits."""

from rest_framework.response import Response

from accounts import limit_schema
from accounts.authentication import AuthenticatedRequest
from nocturnal_project.client_ip import client_ip
from ratelimits import limiter
from ratelimits.policies import POLICIES, Exempt
from ratelimits.serializers import StandingsAnswer, standing_body
from ratelimits.subjects import account_subject, ip_subject, user_subject
from ratelimits.throttling import RateLimitedAPIView


class RateLimitsView(RateLimitedAPIView):
    """The caller's limits."""

    rate_limits = Exempt("Whoever has no try left must still be able to ask why.")

    @limit_schema.read_rate_limits
    def get(self, request: AuthenticatedRequest) -> Response:
        """Say where you stand under each policy, and why. Costs nothing, also when you are blocked.

        Tries at sign-in count against the address they come from and the account they name; everything else counts
        against the user. A device that proves itself by its device token is counted by itself, and not shown here.
        """
        address, me = ip_subject(client_ip(request._request)), user_subject(request.user.pk)  # noqa: SLF001  DRF's name for Django's request
        asked = (
            (POLICIES["auth"], account_subject(request.user.email), "account", request.user.email),
            (POLICIES["auth"], address, "address", address.value),
            (POLICIES["api"], me, "user", str(request.user.pk)),
            (POLICIES["upload"], me, "user", str(request.user.pk)),
        )
        found = limiter.cases([(policy, subject) for policy, subject, _, _ in asked])
        standings = [
            standing_body(case, charged_to=charged_to, subject=name)
            for case, (_, _, charged_to, name) in zip(found, asked, strict=True)
        ]
        body = {"store": "redis" if found[0].shared else "local", "standings": standings}
        return Response(StandingsAnswer(body).data, headers={"Cache-Control": "no-store"})

"""What happened to the caller's account."""

from rest_framework.response import Response

from accounts import schema, selectors
from accounts.authentication import AuthenticatedRequest
from accounts.serializers import SecurityEventAnswer
from nocturnal_project.api import PageRequest, validated_query
from nocturnal_project.pagination import NewestFirst
from ratelimits.throttling import RateLimitedAPIView


class SecurityEventsView(RateLimitedAPIView):
    """The caller's security events."""

    pagination_class = NewestFirst

    @schema.list_security_events
    def get(self, request: AuthenticatedRequest) -> Response:
        """List what happened to your account, the newest first."""
        pages = NewestFirst(page_size=validated_query(PageRequest, request)["limit"])
        page = pages.paginate_queryset(selectors.security_events_of(request.user.pk), request, view=self)
        found = SecurityEventAnswer(page, many=True, context={"session_id": request.user.session_id})
        return pages.get_paginated_response(found.data)

"""The devices where the caller is signed in."""

import uuid

from rest_framework.response import Response

from accounts import schema, selectors, sessions
from accounts.authentication import AuthenticatedRequest
from accounts.serializers import SessionAnswer
from nocturnal_project import clock
from nocturnal_project.errors import NotFound
from nocturnal_project.pagination import NewestFirst
from ratelimits.throttling import RateLimitedAPIView


class SessionsView(RateLimitedAPIView):
    """The caller's sessions."""

    pagination_class = NewestFirst

    @schema.list_sessions
    def get(self, request: AuthenticatedRequest) -> Response:
        """List the devices where you are signed in, the newest sign-in first."""
        pages = NewestFirst()
        found = selectors.live_sessions_of(request.user.pk, now=clock.now())
        page = pages.paginate_queryset(found, request, view=self)
        answer = SessionAnswer(page, many=True, context={"session_id": request.auth.session_id})
        return pages.get_paginated_response(answer.data)


class SessionView(RateLimitedAPIView):
    """One of the caller's sessions."""

    @schema.end_session
    def delete(self, request: AuthenticatedRequest, id: str) -> Response:  # noqa: A002  the name in the path, and in its description
        """Sign a device out, at once; also the one that asks."""
        try:
            session_id = uuid.UUID(id)
        except ValueError as error:
            raise NotFound from error
        sessions.end_own_session(user_id=request.user.pk, session_id=session_id, now=clock.now())
        return Response(status=204)

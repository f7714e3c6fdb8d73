"""Password change and reset, and the verification of an e-mail."""

from collections.abc import Sequence

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import password_changes, schema, verification
from accounts.authentication import AuthenticatedRequest
from accounts.serializers import (
    EmailVerifyRequest,
    MailAnswer,
    PasswordChangeRequest,
    PasswordResetConfirmRequest,
    PasswordResetRequest,
)
from accounts.tokens import AccessClaims
from accounts.views.signing_in import CredentialsView
from nocturnal_project import clock
from nocturnal_project.client_ip import client_ip
from ratelimits.policies import POLICIES
from ratelimits.subjects import Subject, ip_subject, session_subject
from ratelimits.throttling import RateLimitedAPIView, give_back

_ON_ITS_WAY = "If the e-mail has an account, a mail is on its way."


class PasswordChangeView(RateLimitedAPIView):
    """A new password from who knows the present one: a try at a password, charged to the session alone.

    The session is a device that has signed in: a flood on the account or from the same address must not keep its
    owner from changing the password. Whoever stole an access token has five tries.
    """

    rate_limits = {"post": POLICIES["auth"]}

    def rate_limit_subjects(self, request: Request) -> Sequence[Subject]:
        """Return the session of the access token; who has none is charged by address."""
        if isinstance(request.auth, AccessClaims):
            return [session_subject(request.auth.session_id)]
        return [ip_subject(client_ip(request._request))]  # noqa: SLF001  DRF's name for Django's request

    @schema.change_password
    def post(self, request: AuthenticatedRequest) -> Response:
        """Change the password, and sign out every other device. A change that succeeds gives its try back."""
        wanted = PasswordChangeRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        password_changes.change_password(
            user_id=request.user.pk, session_id=request.auth.session_id, **wanted.validated_data, now=clock.now()
        )
        give_back(request._request)  # noqa: SLF001  DRF's name for Django's request
        return Response(status=204)


class PasswordResetView(CredentialsView):
    """A forgotten password."""

    @schema.reset_password
    def post(self, request: Request) -> Response:
        """Have a link sent by mail that sets a new password, once, within an hour. Always the same answer."""
        wanted = PasswordResetRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        password_changes.request_reset(email=wanted.validated_data["email"], now=clock.now())
        return _accepted()


class PasswordResetConfirmView(CredentialsView):
    """A new password from who has the link: charged to the address, since a token cannot be guessed."""

    @schema.confirm_password_reset
    def post(self, request: Request) -> Response:
        """Set a new password with the token of a link, and sign out every device. Gives its try back."""
        wanted = PasswordResetConfirmRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        password_changes.reset_password(**wanted.validated_data, now=clock.now())
        give_back(request._request)  # noqa: SLF001  DRF's name for Django's request
        return Response(status=204)


class EmailVerifyView(CredentialsView):
    """The proof that an e-mail is its account's owner's."""

    @schema.verify_email
    def post(self, request: Request) -> Response:
        """Verify with the token of a link: 204. With an e-mail instead, have a new link sent: always 202."""
        wanted = EmailVerifyRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        if "email" in wanted.validated_data:
            verification.request_verification(email=wanted.validated_data["email"], now=clock.now())
            return _accepted()
        verification.verify_email(token=wanted.validated_data["token"], now=clock.now())
        give_back(request._request)  # noqa: SLF001  DRF's name for Django's request
        return Response(status=204)


def _accepted() -> Response:
    return Response(MailAnswer({"detail": _ON_ITS_WAY}).data, status=202)

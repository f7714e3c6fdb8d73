"""Joins views to policies: DRF's views by a throttle, Django's by a decorator.

A DRF view says ``rate_limits = {"create": POLICIES["upload"]}`` by action or method; what it does not name
is under ``api``. A view that is not limited says ``rate_limits = Exempt("why")``.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from nocturnal_project.client_ip import client_ip
from nocturnal_project.errors import NocturnalError
from nocturnal_project.lean_view import LeanAPIView
from ratelimits import limiter
from ratelimits.callers import Caller
from ratelimits.decisions import Decision
from ratelimits.errors import RateLimitExceeded
from ratelimits.policies import POLICIES, Exempt, Policy
from ratelimits.subjects import Subject, ip_subject, user_subject

RateLimits = Mapping[str, Policy] | Exempt


class PolicyThrottle(BaseThrottle):
    """Charges a request to the subjects that its view names, under the policy that its view names."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return True and remember the decision for the headers.

        Raises:
            RateLimitExceeded: with everything the client needs to know.
            NocturnalError: what a caller's session is refused for; nobody was charged.
        """
        policy = policy_of(view, request.method or "")
        if not isinstance(policy, Policy):
            if isinstance(request.user, Caller):
                request.user.identify()
            return True
        plain = request._request  # noqa: SLF001  DRF's name for Django's request
        if isinstance(request.user, Caller):
            if type(view).rate_limit_subjects is RateLimitedAPIView.rate_limit_subjects:
                _charge_caller(plain, policy, request.user)
                return True
            request.user.look_up()
        charge(plain, policy, view.rate_limit_subjects(request))  # type: ignore[attr-defined]  # the same
        return True


class RateLimitedAPIView(LeanAPIView):
    """The base of every API view: a request is charged before it is refused for any other reason."""

    rate_limits: RateLimits = {}
    throttle_classes = (PolicyThrottle,)
    _refusal: Exception | None = None

    def rate_limit_subjects(self, request: Request) -> Sequence[Subject]:
        """Return whom to charge: the user, else the address. Views with other customs override this."""
        if isinstance(request.user, Caller):
            return [user_subject(request.user.pk)]
        return [ip_subject(client_ip(request._request))]  # noqa: SLF001  DRF's name for Django's request

    def readable_body(self, request: Request) -> Mapping[str, Any]:
        """Return the body's members, or none of an unreadable body: its refusal is raised after the charge."""
        try:
            body = request.data
        except (APIException, NocturnalError) as error:
            self._refusal = self._refusal or error
            return {}
        return body if isinstance(body, Mapping) else {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, charge, and only then refuse: a bad token or body costs its sender a try."""
        try:
            self.perform_authentication(request)
            self.check_throttles(request)
        except RateLimitExceeded:
            raise
        except (APIException, NocturnalError) as error:
            # Whoever the token names is not to be charged for one that is not good.
            self._refusal = error
            request.user = AnonymousUser()
            self.check_throttles(request)
        if self._refusal:
            raise self._refusal
        self.check_permissions(request)

    def finish(self, request: Request, response: Any) -> HttpResponseBase:
        """Put the rate limit's fields on the answer, whatever it is."""
        finished = super().finish(request, response)
        add_headers(request._request, finished)  # noqa: SLF001  DRF's name for Django's request
        return finished


def policy_of(view: Any, action_or_method: str) -> Policy | Exempt:
    """Return what a view says of an action or method; a view that says nothing is not ours and raises."""
    limits: RateLimits = view.rate_limits
    if isinstance(limits, Exempt):
        return limits
    action = getattr(view, "action", None)
    return limits.get(action or "") or limits.get(action_or_method.lower()) or POLICIES["api"]


def limited(policy: Policy) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Hold a Django view to a policy, charged to the address."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def charged(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            charge(request, policy, [ip_subject(client_ip(request))])
            try:
                response = view(request, *args, **kwargs)
            except NocturnalError as refusal:
                refusal.headers = dict(request.rate_limit.headers()) | refusal.headers  # type: ignore[attr-defined]  # set by charge
                raise
            add_headers(request, response)
            return response

        charged.rate_limits = {"get": policy}  # type: ignore[attr-defined]  # read by the test that walks the URLs
        return charged

    return decorate


def exempt(why: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Say that a Django view is not limited, and why."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        view.rate_limits = Exempt(why)  # type: ignore[attr-defined]  # read by the test that walks the URLs
        return view

    return decorate


def charge(request: HttpRequest, policy: Policy, subjects: Sequence[Subject]) -> None:
    """Charge a request, and remember the decision on it for the headers and for give_back.

    Raises:
        RateLimitExceeded: with everything the client needs to know.
    """
    request.rate_limit = limiter.charge(policy, subjects)  # type: ignore[attr-defined]  # ours, for the headers


def _charge_caller(request: HttpRequest, policy: Policy, caller: Caller) -> None:
    """Charge a caller and confirm them, in one round trip where there is a live snapshot of their session."""
    subjects = [user_subject(caller.pk)]
    try:
        request.rate_limit = limiter.charge(policy, subjects, session=caller.snapshot_name)  # type: ignore[attr-defined]  # ours
    except limiter.SessionUnknown:
        caller.look_up()
        charge(request, policy, subjects)
    else:
        caller.confirm(request.rate_limit.snapshot)  # type: ignore[attr-defined]  # the same


def give_back(request: HttpRequest) -> None:
    """Undo the request's charge: the try was a good one."""
    decision: Decision = request.rate_limit  # type: ignore[attr-defined]  # set by charge
    limiter.give_back(decision)
    request.rate_limit = decision._replace(remaining=decision.remaining + 1)  # type: ignore[attr-defined]  # ours


def add_headers(request: HttpRequest, response: HttpResponseBase) -> None:
    """Put the decision's fields on the answer; a refusal carries its own."""
    decision = getattr(request, "rate_limit", None)
    if decision:
        for name, value in decision.headers():
            response.headers[name] = value

"""The pages that links in mails lead to, where the deployment has none of its own: plain forms, no script.

Opening one changes nothing, because mail programs and scanners open links; its button does. No cookie is read or
set: the token in the form is the proof, so there is nothing for another site to forge.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts import password_changes, verification
from accounts.errors import LinkInvalid
from accounts.serializers import LONGEST_PASSWORD
from nocturnal_project import clock
from nocturnal_project.api import require_bounded_body
from nocturnal_project.client_ip import client_ip
from nocturnal_project.errors import InvalidInput, NocturnalError
from ratelimits.policies import POLICIES
from ratelimits.subjects import ip_subject
from ratelimits.throttling import add_headers, charge, give_back

_LONGEST_FORM_BYTES = 16 * 1024


@method_decorator(csrf_exempt, name="dispatch")
class _LinkPage(View):
    """A page that is opened under api, and whose form is a try under auth, charged to the address."""

    rate_limits = {"get": POLICIES["api"], "post": POLICIES["auth"]}
    http_method_names = ("get", "head", "post")
    template = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Charge, answer, and keep the token out of caches and of what is told to the next site."""
        posted = request.method == "POST"
        charge(request, self.rate_limits["post" if posted else "get"], [ip_subject(client_ip(request))])
        try:
            response = super().dispatch(request, *args, **kwargs)
        except NocturnalError as refusal:
            refusal.headers = dict(request.rate_limit.headers()) | refusal.headers  # type: ignore[attr-defined]  # set by charge
            raise
        add_headers(request, response)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form. The token is not looked at: only the button may tell whether it is good."""
        return self.page(request, token=request.GET.get("token", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do what the link is for, and say how it went."""
        require_bounded_body(request, limit_bytes=_LONGEST_FORM_BYTES)
        token = request.POST.get("token", "")
        try:
            self.act(request, token)
        except LinkInvalid as refusal:
            return self.page(request, status=refusal.status, state="invalid")
        except InvalidInput as refusal:
            return self.page(request, status=refusal.status, token=token, errors=refusal.facts["errors"])
        give_back(request)
        return self.page(request, state="done")

    def act(self, request: HttpRequest, token: str) -> None:
        """Do what the link is for."""
        raise NotImplementedError

    def page(self, request: HttpRequest, *, status: int = 200, state: str = "form", **facts: Any) -> HttpResponse:
        """Return the page as a form, done, or invalid."""
        return render(request, self.template, {"state": state, **facts}, status=status)


class PasswordResetPage(_LinkPage):
    """Choose a new password."""

    template = "accounts/pages/reset_password.html"

    def act(self, request: HttpRequest, token: str) -> None:
        """Set the password that was typed."""
        password = request.POST.get("new_password", "")
        if not password or len(password) > LONGEST_PASSWORD:
            detail = f"Write a new password of at most {LONGEST_PASSWORD} characters."
            raise InvalidInput.at("#/new_password", code="max_length", detail=detail)
        password_changes.reset_password(token=token, new_password=password, now=clock.now())


class VerifyEmailPage(_LinkPage):
    """Say that the mailbox is yours."""

    template = "accounts/pages/verify_email.html"

    def act(self, request: HttpRequest, token: str) -> None:
        """Verify."""
        verification.verify_email(token=token, now=clock.now())

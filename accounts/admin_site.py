"""The admin site: unfold's, with a login that is under the auth policy."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from accounts.events import Kind, Origin, record, record_try
from accounts.forms import OwnPasswordForm
from accounts.selectors import user_by_email
from accounts.staff_authentication import StaffLoginForm, is_over, keep
from nocturnal_project import clock
from nocturnal_project.client_ip import client_ip
from ratelimits.policies import POLICIES, Exempt
from ratelimits.subjects import account_subject, ip_subject, user_subject
from ratelimits.throttling import add_headers, charge, give_back

_STAFF = Exempt("Staff are signed in; strangers are charged under api, and the login under auth.")
_FOUND = 302


class NocturnalAdminSite(UnfoldAdminSite):
    """Staff's site."""

    login_form = StaffLoginForm

    def has_permission(self, request: HttpRequest) -> bool:
        """Let active staff in, until their session is over."""
        return bool(super().has_permission(request)) and not is_over(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Wrap a page: strangers are charged before they are sent to the login."""
        inner = super().admin_view(view, cacheable)

        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if self.has_permission(request):
                keep(request)
            else:
                charge(request, POLICIES["api"], [ip_subject(client_ip(request))])
            response: HttpResponseBase = inner(request, *args, **kwargs)
            add_headers(request, response)
            return response

        page.rate_limits = _STAFF  # type: ignore[attr-defined]  # read by the test that walks the URLs
        return page

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign staff in. A try is charged to the address and the account; one that succeeds is given back."""
        if request.method == "POST":
            subjects = [ip_subject(client_ip(request)), account_subject(request.POST.get("username", ""))]
            charge(request, POLICIES["auth"], subjects)
        response: HttpResponse = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == _FOUND:
            give_back(request)
            record(Kind.STAFF_SIGNED_IN, user_id=request.user.pk, origin=Origin.of(request), now=clock.now())
        elif request.method == "POST":
            _record_refusal(request)
        add_headers(request, response)
        return response

    login.rate_limits = {"post": POLICIES["auth"]}  # type: ignore[attr-defined]  # read by the test that walks the URLs

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Change one's own password. A try is charged to the user alone; one that succeeds is given back."""
        if request.method == "POST":
            charge(request, POLICIES["auth"], [user_subject(request.user.pk)])
        done = reverse(f"{self.name}:password_change_done", current_app=self.name)
        context = {**self.each_context(request), **(extra_context or {})}
        request.current_app = self.name
        form = partial(OwnPasswordForm, origin=Origin.of(request))
        view = PasswordChangeView.as_view(form_class=form, success_url=done, extra_context=context)
        response = view(request)
        if request.method == "POST" and response.status_code == _FOUND:
            give_back(request)
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign staff out. The session is removed from the store, so its cookie is worth nothing anywhere."""
        user = request.user
        response: HttpResponse = super().logout(request, extra_context)
        if user.is_authenticated:
            record(Kind.STAFF_SIGNED_OUT, user_id=user.pk, origin=Origin.of(request), now=clock.now())
        return response


def _record_refusal(request: HttpRequest) -> None:
    """Record a try that did not get in; the same work for every e-mail."""
    email = request.POST.get("username", "")
    user = user_by_email(email)
    if user is None:
        reason = "unknown_account"
    elif not user.is_active:
        reason = "deactivated"
    else:
        reason = "wrong_password" if user.is_staff else "not_staff"
    known, origin = user.pk if user else None, Origin.of(request)
    record_try(Kind.STAFF_SIGN_IN_REFUSED, email=email, user_id=known, reason=reason, origin=origin, now=clock.now())
